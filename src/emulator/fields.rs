//! Typed reading of a request body.
//!
//! Null and "" count as absent: the Go models leave zero values out, other clients send them. A value of another
//! JSON type is refused; a number with a decimal point is not an integer.

use serde_json::{Map, Value};

use super::problem::Problem;

/// The members of one JSON object and the path to it, for messages.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    members: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// The body of a request.
    pub(super) fn body(members: &'a Map<String, Value>) -> Self {
        Self { members, path: "" }
    }

    fn named(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(Problem::wrong_type(&self.named(name), "a string")),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, Problem> {
        self.text(name)?.ok_or_else(|| Problem::missing(&self.named(name)))
    }

    /// An enumeration: absent, or one of the values.
    pub(super) fn one_of(&self, name: &str, allowed: &[&str]) -> Result<Option<&'a str>, Problem> {
        let value = self.text(name)?;
        match value {
            Some(text) if !allowed.contains(&text) => {
                Err(Problem::value(&self.named(name), &format!("must be one of {}", allowed.join(", "))))
            }
            _ => Ok(value),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| Problem::wrong_type(&self.named(name), "an integer"))
    }

    /// An integer within inclusive bounds.
    pub(super) fn bounded(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Problem> {
        let value = self.integer(name)?;
        match value {
            Some(number) if number < least => Err(Problem::invalid(
                "INVALID_PARAMETER_LESS_MINIMUM",
                format!("The parameter {} must be at least {least}.", self.named(name)),
            )),
            Some(number) if number > most => Err(Problem::invalid(
                "INVALID_PARAMETER_EXCEED_MAXIMUM",
                format!("The parameter {} must be at most {most}.", self.named(name)),
            )),
            _ => Ok(value),
        }
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| Problem::wrong_type(&self.named(name), "a number"))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| Problem::wrong_type(&self.named(name), "a boolean"))
    }

    pub(super) fn object(&self, name: &'a str) -> Result<Option<Fields<'a>>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Fields { members, path: name })),
            Some(_) => Err(Problem::wrong_type(&self.named(name), "an object")),
        }
    }

    fn list(&self, name: &str) -> Result<&'a [Value], Problem> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Problem::wrong_type(&self.named(name), "an array")),
        }
    }

    /// An array of objects; absent is empty.
    pub(super) fn objects(&self, name: &'a str) -> Result<Vec<Fields<'a>>, Problem> {
        let objects = self.list(name)?.iter().map(|item| match item {
            Value::Object(members) => Ok(Fields { members, path: name }),
            _ => Err(Problem::wrong_type(&self.named(name), "an array of objects")),
        });
        objects.collect()
    }

    /// An array of strings; absent is empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Problem> {
        let texts = self.list(name)?.iter().map(|item| {
            item.as_str().ok_or_else(|| Problem::wrong_type(&self.named(name), "an array of strings"))
        });
        texts.collect()
    }

    /// An array of integers; absent is empty.
    pub(super) fn integers(&self, name: &str) -> Result<Vec<i64>, Problem> {
        let numbers = self.list(name)?.iter().map(|item| {
            item.as_i64().ok_or_else(|| Problem::wrong_type(&self.named(name), "an array of integers"))
        });
        numbers.collect()
    }

    /// An array of at most `most` strings.
    pub(super) fn texts_up_to(&self, name: &str, most: usize) -> Result<Vec<&'a str>, Problem> {
        let texts = self.texts(name)?;
        if texts.len() > most {
            return Err(Problem::invalid(
                "INVALID_PARAMETER_EXCEED_LENGTH",
                format!("The parameter {} takes at most {most} items.", self.named(name)),
            ));
        }
        Ok(texts)
    }
}
