//! Strict JSON: the one reading of a client's bytes that the gateway ever makes.
//!
//! Two parsers that disagree about one body are a way around every rule, so this reader accepts only what all
//! parsers read alike: UTF-8 without a byte order mark, one object, no key twice (neither after unescaping nor when
//! upper and lower case are folded), no unpaired surrogate, no U+0000, a bounded depth. Numbers keep the text they
//! came with: a double would round what the cloud may not.
//!
//! [`Object`] keeps the order of its keys, so what is written back ([`Object::to_bytes`]) differs from what came in
//! only where the gateway changed it.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod number;
mod pointer;
#[cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        reason = "positions in a text that is in memory: the next one is a number too"
    )
)]
mod read;
mod write;

use compact_str::CompactString;

pub use number::Number;
pub use pointer::{Pointer, PointerError};
pub(crate) use read::plain_run;
pub use read::{ReadError, Trouble, read_message, read_object};

/// The deepest nesting that is read; the deepest field of any known action lies at 5.
pub const MAX_DEPTH: usize = 16;

/// The most values in the body of a request or an answer. The largest that the cloud's documentation allows, a thousand
/// instances by id or a hundred machines with ten disks and fifty tags each, stay below.
pub const MAX_VALUES: usize = 20_000;

/// One JSON value, with numbers as text and objects in the order they were written. `Debug` shows no secret of it
/// ([`crate::api::secrets`]).
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `null`. As a member of an object it counts as absent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, kept as its text.
    Number(Number),
    /// A string, unescaped.
    String(Text),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

/// The name of a value's type, as error messages say it.
impl Value {
    /// `null`, `boolean`, `number`, `string`, `array` or `object`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The integer, if it is a number without fraction and exponent that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value at `pointer`, this value being its root.
    pub fn at(&self, pointer: &Pointer) -> Option<&Value> {
        self.along(pointer.tokens())
    }

    fn along(&self, tokens: &[String]) -> Option<&Value> {
        tokens.iter().try_fold(self, |value, token| match value {
            Self::Object(object) => object.get(token),
            Self::Array(items) => items.get(pointer::index(token)?),
            _ => None,
        })
    }

    fn take_from(&self, most: usize) -> Option<usize> {
        const FRAME: usize = 8;
        let left = most.checked_sub(FRAME)?;
        match self {
            Self::Null | Self::Bool(_) => Some(left),
            Self::Number(number) => left.checked_sub(number.text().len()),
            Self::String(text) => left.checked_sub(text.len()),
            Self::Array(items) => items.iter().try_fold(left, |left, item| item.take_from(left)),
            Self::Object(object) => object.take_from(left),
        }
    }

    fn drop_null_members(&mut self) {
        match self {
            Self::Object(object) => object.drop_nulls(),
            Self::Array(items) => items.iter_mut().for_each(Self::drop_null_members),
            _ => {}
        }
    }
}

/// A text. Those of the cloud's requests are short, and documents are copied several times per request: up to 24 bytes need no
/// allocation of their own.
pub type Text = CompactString;

/// A key, for the same reason.
type Key = Text;

/// A JSON object in the order of its keys. Keys are unique. `Debug` shows no secret of it ([`crate::api::secrets`]).
#[derive(Clone, Default, PartialEq)]
pub struct Object {
    members: Vec<(Key, Value)>,
}

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// The member `key`, if there is one; `null` is a value here.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member `key`, for changing it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.members.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Puts `value` at `key`: in place if the key is there, else at the end. Gives back what was there.
    pub fn insert(&mut self, key: impl AsRef<str>, value: Value) -> Option<Value> {
        let key = key.as_ref();
        match self.get_mut(key) {
            Some(slot) => Some(std::mem::replace(slot, value)),
            None => {
                self.members.push((Key::from(key), value));
                None
            }
        }
    }

    /// An object of the same keys with other values.
    #[must_use]
    pub fn with_values(&self, value: impl Fn(&str, &Value) -> Value) -> Self {
        let member = |(key, old): &(Key, Value)| (key.clone(), value(key, old));
        Self { members: self.members.iter().map(member).collect() }
    }

    /// The members, for changing their values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.members.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// Takes the member `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let place = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(place).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether its keys and values take at most so many bytes of text, numbers and braces counted roughly.
    pub fn is_within(&self, most: usize) -> bool {
        self.take_from(most).is_some()
    }

    /// What is left of `most` bytes without this object's; none if it has more.
    fn take_from(&self, most: usize) -> Option<usize> {
        self.members.iter().try_fold(most, |left, (key, value)| value.take_from(left.checked_sub(key.len())?))
    }

    /// Removes every member whose value is `null`, at any depth: on creates and changes null counts as absent.
    pub fn drop_nulls(&mut self) {
        self.members.retain(|(_, value)| *value != Value::Null);
        for (_, value) in &mut self.members {
            value.drop_null_members();
        }
    }

    /// The value at `pointer`; none for the root itself.
    pub fn at(&self, pointer: &Pointer) -> Option<&Value> {
        let (first, rest) = pointer.tokens().split_first()?;
        self.get(first)?.along(rest)
    }

    /// Puts `value` at `pointer`, making the objects on the way that are absent or null.
    ///
    /// # Errors
    /// [`PointerError::NotAnObject`] where the way leads through something that is not an object;
    /// [`PointerError::Root`] for the root itself.
    pub fn put(&mut self, pointer: &Pointer, value: Value) -> Result<Option<Value>, PointerError> {
        let (last, way) = pointer.tokens().split_last().ok_or(PointerError::Root)?;
        let mut here = self;
        for token in way {
            if matches!(here.get(token), None | Some(Value::Null)) {
                here.insert(token.clone(), Value::Object(Self::new()));
            }
            here = match here.get_mut(token) {
                Some(Value::Object(object)) => object,
                _ => {
                    return Err(PointerError::NotAnObject {
                        pointer: pointer.to_string(),
                        token: token.clone(),
                    });
                }
            };
        }
        Ok(here.insert(last.clone(), value))
    }
}

impl FromIterator<(String, Value)> for Object {
    /// Collects members; a later key replaces an equal earlier one.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        let mut object = Self::new();
        for (key, value) in members {
            object.insert(key, value);
        }
        object
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => Self::Number(Number::from_json(number)),
            serde_json::Value::String(text) => Self::String(text.as_str().into()),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => {
                Self::Object(map.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl serde::Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod families;
#[cfg(test)]
mod tests;
