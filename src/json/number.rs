//! Numbers as their text.

use std::fmt;

use compact_str::{CompactString, ToCompactString as _};

/// A JSON number, kept as the text it was written with (RFC 8259, section 6); the reader has checked its grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(CompactString);

impl Number {
    /// Takes text that the reader has found to follow the grammar of numbers.
    pub(super) fn from_checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The number as `serde_json` holds it.
    pub(super) fn from_json(number: &serde_json::Number) -> Self {
        Self(number.to_compact_string())
    }

    /// The text as received.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value, if it is written as an integer (no fraction, no exponent, no `-0`) and fits.
    pub fn as_i64(&self) -> Option<i64> {
        if self.0 == "-0" { None } else { self.0.parse().ok() }
    }

    /// Whether the text is that of an integer: no fraction and no exponent.
    pub fn is_integer(&self) -> bool {
        !self.0.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    }

    /// The nearest double; none if it would be infinite.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(value.to_compact_string())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Number {
    /// For records and policy inputs: an integer where it is one, else the nearest double.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(value) = self.as_i64() {
            serializer.serialize_i64(value)
        } else if let Some(value) = self.as_f64() {
            serializer.serialize_f64(value)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}
