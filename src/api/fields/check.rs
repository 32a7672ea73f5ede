//! Holds a document against its table and names every mistake, so that a caller mends a request in one go.

use std::collections::HashSet;

use super::admitted::is_plain;
use super::{AdmittedField, DECIMAL_MAX, Field, Shape, common};
use crate::api::Call;
use crate::api::mistake::{Mistake, MistakeCode};
use crate::json::{Number, Object, Pointer, Value};
use crate::nearest::nearest;

/// No more mistakes than this are looked for: a hostile document could hold a hundred thousand.
pub const MAX_MISTAKES: usize = 50;

/// Longer keys are cut where they are named.
const LONGEST_KEY: usize = 64;

/// Everything that is wrong with the document of a create, in the order of its keys, missing fields last; empty where
/// nothing is, and for actions without a table. Members that are null count as absent.
pub fn check(call: &Call, document: &Object, admitted: &[AdmittedField]) -> Vec<Mistake> {
    let mut checking = Checking { call, admitted, way: Vec::new(), mistakes: Vec::new() };
    if let Some(table) = call.fields() {
        checking.object(document, table.fields);
    }
    checking.mistakes
}

struct Checking<'a> {
    call: &'a Call,
    admitted: &'a [AdmittedField],
    way: Vec<Step>,
    mistakes: Vec<Mistake>,
}

/// A step of the way to where the check is; a text only for who reads about a mistake.
enum Step {
    Name(&'static str),
    Unknown(String),
    Place(usize),
}

impl Step {
    fn token(&self) -> String {
        match self {
            Self::Name(name) => (*name).to_owned(),
            Self::Unknown(key) => key.clone(),
            Self::Place(place) => place.to_string(),
        }
    }
}

impl Checking<'_> {
    fn full(&self) -> bool {
        self.mistakes.len() >= MAX_MISTAKES
    }

    fn mistake(&mut self, code: MistakeCode, message: impl Into<String>, remedy: impl Into<String>) {
        if !self.full() {
            let pointer = Pointer::from_tokens(self.way.iter().map(Step::token));
            self.mistakes.push(Mistake { pointer, code, message: message.into(), remedy: remedy.into() });
        }
    }

    /// Runs `work` one step further down.
    fn within(&mut self, step: Step, work: impl FnOnce(&mut Self)) {
        self.way.push(step);
        work(self);
        self.way.pop();
    }

    fn object(&mut self, object: &Object, fields: &'static [Field]) {
        for (key, value) in object.iter() {
            if self.full() {
                return;
            }
            if *value == Value::Null {
                continue;
            }
            match fields.iter().find(|field| field.name == key) {
                Some(field) => {
                    self.within(Step::Name(field.name), |inside| inside.value(value, &field.shape))
                }
                None => self.unknown(key, fields),
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if matches!(object.get(field.name), None | Some(Value::Null)) {
                self.missing(field.name);
            } else if object.get(field.name).and_then(Value::as_str) == Some("") {
                self.within(Step::Name(field.name), |inside| {
                    inside.mistake(MistakeCode::Missing, "is empty", "give a value")
                });
            }
        }
    }

    fn missing(&mut self, name: &'static str) {
        self.within(Step::Name(name), |inside| {
            inside.mistake(
                MistakeCode::Missing,
                "is required and missing",
                format!("add the field `{name}`"),
            );
        });
    }

    fn unknown(&mut self, key: &str, fields: &'static [Field]) {
        let twin = fields.iter().find(|field| field.name.eq_ignore_ascii_case(key));
        // Never a known field in another case: the cloud might read it as that field, past every rule.
        if twin.is_none() && self.admitted.iter().any(|field| field.admits(self.call, key)) {
            return;
        }
        let near = nearest(key, fields.iter().map(|field| field.name));
        let shown = shortened(key);
        let call = self.call;
        let mut remedies = Vec::new();
        if let Some(name) = near {
            remedies.push(format!("did you mean `{name}`?"));
        }
        if near.is_none() {
            remedies.push("remove it".to_owned());
        }
        if twin.is_none() && is_plain(key) && key.len() <= LONGEST_KEY {
            remedies.push(format!(
                "if the cloud has a new field of this name, the gateway's operator can admit it: api.admit_fields = [\"{} {} {key}\"]",
                call.action.service, call.action.name
            ));
        }
        self.within(Step::Unknown(shown.clone()), |inside| {
            inside.mistake(
                MistakeCode::Value,
                format!("`{shown}` is no known field of {call}"),
                remedies.join("; "),
            );
        });
    }

    fn value(&mut self, value: &Value, shape: &'static Shape) {
        match shape {
            Shape::Text { max } => self.text(value, *max),
            Shape::Integer { min, max } => self.integer(value, *min, *max),
            Shape::Decimal => self.decimal(value),
            Shape::Flag => {
                if value.as_bool().is_none() {
                    self.wrong_type(value, "true or false");
                }
            }
            Shape::Object(fields) => match value {
                Value::Object(object) => self.object(object, fields),
                other => self.wrong_type(other, "an object"),
            },
            Shape::List { of, max } => {
                self.list(value, *max, |inside, element| inside.value(element, of));
            }
            Shape::Tags { max } => self.tags(value, *max),
        }
    }

    fn wrong_type(&mut self, value: &Value, due: &str) {
        let found = value.type_name();
        self.mistake(MistakeCode::Type, format!("must be {due}, not {found}"), format!("send {due}"));
    }

    fn text(&mut self, value: &Value, max: usize) {
        match value {
            Value::String(text) if text.len() > max => self.mistake(
                MistakeCode::ExceedLength,
                format!("is {} bytes long; the most is {max}", text.len()),
                "send a shorter text",
            ),
            Value::String(_) => {}
            other => self.wrong_type(other, "a string"),
        }
    }

    fn integer(&mut self, value: &Value, min: i64, max: i64) {
        let Value::Number(number) = value else {
            return self.wrong_type(value, "an integer");
        };
        if !number.is_integer() || number.text() == "-0" {
            let message = format!("must be an integer written without fraction and exponent, not {number}");
            return self.mistake(MistakeCode::Type, message, "send plain digits");
        }
        let (less, more) = match number.as_i64() {
            Some(value) => (value < min, value > max),
            None => (number.text().starts_with('-'), !number.text().starts_with('-')),
        };
        self.range(number, less, more, min, max);
    }

    fn range(&mut self, number: &Number, less: bool, more: bool, min: i64, max: i64) {
        let remedy = || format!("send a number from {min} to {max}");
        if less {
            self.mistake(MistakeCode::LessMinimum, format!("is {number}; the least is {min}"), remedy());
        } else if more {
            self.mistake(MistakeCode::ExceedMaximum, format!("is {number}; the most is {max}"), remedy());
        }
    }

    fn decimal(&mut self, value: &Value) {
        let Value::Number(number) = value else {
            return self.wrong_type(value, "a number");
        };
        let text = number.text();
        let fraction = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        if fraction > 6 || text.bytes().any(|byte| matches!(byte, b'e' | b'E')) {
            let message = format!(
                "must be a decimal without exponent and with at most six digits after the point, not {number}"
            );
            return self.mistake(MistakeCode::Type, message, "send a plain decimal, such as 1.5");
        }
        let more = number.as_f64().is_none_or(|value| value > DECIMAL_MAX);
        self.range(number, text.starts_with('-'), more, 0, i64::from(i32::MAX));
    }

    fn list<'v>(&mut self, value: &'v Value, max: usize, mut each: impl FnMut(&mut Self, &'v Value)) {
        let Value::Array(items) = value else {
            return self.wrong_type(value, "a list");
        };
        if items.len() > max {
            self.mistake(
                MistakeCode::ExceedLength,
                format!("has {} elements; the most is {max}", items.len()),
                "send fewer",
            );
        }
        for (place, item) in items.iter().take(max).enumerate() {
            if self.full() {
                return;
            }
            self.within(Step::Place(place), |inside| each(inside, item));
        }
    }

    fn tags(&mut self, value: &Value, max: usize) {
        const FORM: &str = r#"an object of the form {"tags": [{"key": "...", "value": "..."}]}"#;
        const WRAPPER: &[Field] =
            &[Field { name: "tags", shape: Shape::List { of: &TAG, max: 0 }, required: false }];
        const TAG: Shape = Shape::Object(&[common::required_text("key"), common::text("value")]);
        let Value::Object(wrapper) = value else {
            return self.wrong_type(value, FORM);
        };
        let mut seen = HashSet::new();
        for (key, inner) in wrapper.iter().filter(|(_, inner)| **inner != Value::Null) {
            if self.full() {
                return;
            }
            if key != "tags" {
                self.unknown(key, WRAPPER);
                continue;
            }
            self.within(Step::Name("tags"), |inside| {
                inside.list(inner, max, |element, tag| {
                    element.value(tag, &TAG);
                    let key = tag.as_object().and_then(|tag| tag.get("key")).and_then(Value::as_str);
                    if let Some(key) = key.filter(|key| !seen.insert(*key)) {
                        element.twice(key);
                    }
                });
            });
        }
    }

    fn twice(&mut self, key: &str) {
        let shown = shortened(key);
        self.within(Step::Name("key"), |inside| {
            inside.mistake(
                MistakeCode::Value,
                format!("the tag `{shown}` is given twice"),
                "give each tag key once",
            );
        });
    }
}

/// The key as it may stand in a message.
fn shortened(key: &str) -> String {
    if key.len() <= LONGEST_KEY {
        return key.to_owned();
    }
    let cut: String = key.chars().take(LONGEST_KEY / 4).collect();
    format!("{cut}...")
}
