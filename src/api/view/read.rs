//! Reads typed members out of a document and collects what is not as it should be.
//!
//! The field tables have been held against the document before; this reader does not rely on it, because a view that
//! took a wrong value for an absent one would be a way around every rule.

use std::collections::BTreeMap;

use compact_str::CompactString;

use crate::api::mistake::{Mistake, MistakeCode};
use crate::json::{Object, Pointer, Value};

/// An object within the document and the way to it; or an object that is absent.
pub(super) struct Place<'a> {
    object: Option<&'a Object>,
    way: Way,
}

/// The way to an object. Those of creates lie at most as deep as this.
#[derive(Clone, Copy, Default)]
struct Way([Option<Step>; 4]);

/// A step of the way to an object; a pointer is only made for a mistake.
#[derive(Clone, Copy)]
enum Step {
    Name(&'static str),
    Place(usize),
}

impl Way {
    /// The way and one step more.
    fn further(mut self, step: Step) -> Self {
        if let Some(next) = self.0.iter_mut().find(|step| step.is_none()) {
            *next = Some(step);
        }
        self
    }

    /// The pointer to a field.
    fn pointer(self, field: &str) -> Pointer {
        let steps = self.0.into_iter().flatten().map(|step| match step {
            Step::Name(name) => name.to_owned(),
            Step::Place(place) => place.to_string(),
        });
        Pointer::from_tokens(steps.chain([field.to_owned()]))
    }
}

impl<'a> Place<'a> {
    fn get(&self, field: &str) -> Option<&'a Value> {
        self.object?.get(field).filter(|value| **value != Value::Null)
    }

    /// Whether the field is there and not null.
    pub(super) fn holds(&self, field: &str) -> bool {
        self.get(field).is_some()
    }
}

/// Collects mistakes while it reads.
#[derive(Default)]
pub(super) struct Reader {
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// The whole document.
    pub(super) fn root<'a>(&mut self, document: &'a Object) -> Place<'a> {
        Place { object: Some(document), way: Way::default() }
    }

    /// What was wrong, each place once.
    pub(super) fn finish(self) -> Vec<Mistake> {
        let mut mistakes: Vec<Mistake> = Vec::with_capacity(self.mistakes.len());
        for mistake in self.mistakes {
            if !mistakes.contains(&mistake) {
                mistakes.push(mistake);
            }
        }
        mistakes
    }

    /// A text; none where it is absent or empty.
    pub(super) fn text(&mut self, place: &Place<'_>, field: &str) -> Option<CompactString> {
        let value = place.get(field)?;
        match value.as_str() {
            Some("") => None,
            Some(text) => Some(text.into()),
            None => self.wrong_type(place.way.pointer(field), value, "a string"),
        }
    }

    /// A boolean.
    pub(super) fn flag(&mut self, place: &Place<'_>, field: &str) -> Option<bool> {
        let value = place.get(field)?;
        value.as_bool().or_else(|| self.wrong_type(place.way.pointer(field), value, "true or false"))
    }

    /// An integer from 0.
    pub(super) fn size(&mut self, place: &Place<'_>, field: &str) -> Option<u32> {
        let value = place.get(field)?;
        let Some(number) = value.as_i64() else {
            return self.wrong_type(place.way.pointer(field), value, "an integer");
        };
        u32::try_from(number).ok().or_else(|| {
            let code = if number < 0 { MistakeCode::LessMinimum } else { MistakeCode::ExceedMaximum };
            self.mistake(
                place.way.pointer(field),
                code,
                format!("{number} is out of range"),
                "send a smaller number",
            );
            None
        })
    }

    /// An integer from 1; 1 where it is absent.
    pub(super) fn amount(&mut self, place: &Place<'_>, field: &str) -> u32 {
        if !place.holds(field) {
            return 1;
        }
        let amount = self.size(place, field).unwrap_or(1);
        if amount == 0 {
            let message = "0 is out of range".to_owned();
            self.mistake(place.way.pointer(field), MistakeCode::LessMinimum, message, "send 1 or more");
        }
        amount.max(1)
    }

    /// An object.
    pub(super) fn object<'a>(&mut self, place: &Place<'a>, field: &'static str) -> Place<'a> {
        let object = place.get(field).and_then(|value| {
            value.as_object().or_else(|| self.wrong_type(place.way.pointer(field), value, "an object"))
        });
        Place { object, way: place.way.further(Step::Name(field)) }
    }

    /// A list of objects.
    pub(super) fn objects<'a>(&mut self, place: &Place<'a>, field: &'static str) -> Vec<Place<'a>> {
        let list = place.way.further(Step::Name(field));
        let items = self.items(place, field);
        let mut places = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            match value.as_object() {
                Some(object) => {
                    places.push(Place { object: Some(object), way: list.further(Step::Place(index)) });
                }
                None => {
                    self.wrong_type::<()>(list.pointer(&index.to_string()), value, "an object");
                }
            }
        }
        places
    }

    /// Whether a list has elements.
    pub(super) fn any(&mut self, place: &Place<'_>, field: &str) -> bool {
        !self.items(place, field).is_empty()
    }

    /// Tags in their object form.
    pub(super) fn tags(&mut self, root: &Place<'_>) -> BTreeMap<CompactString, CompactString> {
        let wrapper = self.object(root, "tags");
        let mut tags = BTreeMap::new();
        for tag in self.objects(&wrapper, "tags") {
            let key = self.text(&tag, "key").unwrap_or_default();
            let value = self.text(&tag, "value").unwrap_or_default();
            if tags.insert(key, value).is_some() {
                let message = "a tag is given twice".to_owned();
                self.mistake(tag.way.pointer("key"), MistakeCode::Value, message, "give each tag key once");
            }
        }
        tags
    }

    fn items<'a>(&mut self, place: &Place<'a>, field: &str) -> &'a [Value] {
        let Some(value) = place.get(field) else {
            return &[];
        };
        value
            .as_array()
            .or_else(|| self.wrong_type(place.way.pointer(field), value, "a list"))
            .unwrap_or_default()
    }

    fn wrong_type<T>(&mut self, pointer: Pointer, value: &Value, due: &str) -> Option<T> {
        let message = format!("must be {due}, not {}", value.type_name());
        self.mistake(pointer, MistakeCode::Type, message, &format!("send {due}"));
        None
    }

    fn mistake(&mut self, pointer: Pointer, code: MistakeCode, message: String, remedy: &str) {
        self.mistakes.push(Mistake { pointer, code, message, remedy: remedy.to_owned() });
    }
}
