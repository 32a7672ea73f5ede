//! What can be wrong with the fields of a request, in the vendor's own codes, so that an SDK's user meets the names that
//! the vendor documents.

use serde::{Serialize, Serializer};

use crate::json::Pointer;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where; for a field that is missing, where it would be.
    #[serde(serialize_with = "as_text")]
    pub pointer: Pointer,
    /// The vendor's code.
    pub code: MistakeCode,
    /// What is wrong. Never holds a value of the request other than a number or the key of a tag.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The vendor's codes for bad fields (its page of common error codes); all of them are answered with status 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MistakeCode {
    /// The value is of another type than the field.
    Type,
    /// A required field is absent, null or empty.
    Missing,
    /// The value, or the key itself, is none of those allowed.
    Value,
    /// A number is greater than the field's maximum.
    ExceedMaximum,
    /// A number is less than the field's minimum.
    LessMinimum,
    /// A text or a list is too long.
    ExceedLength,
}

impl MistakeCode {
    /// Every code.
    pub const ALL: [Self; 6] =
        [Self::Type, Self::Missing, Self::Value, Self::ExceedMaximum, Self::LessMinimum, Self::ExceedLength];

    /// The code as the vendor spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "INVALID_PARAMETER_TYPE",
            Self::Missing => "MISSING_PARAMETER",
            Self::Value => "INVALID_PARAMETER_VALUE",
            Self::ExceedMaximum => "INVALID_PARAMETER_EXCEED_MAXIMUM",
            Self::LessMinimum => "INVALID_PARAMETER_LESS_MINIMUM",
            Self::ExceedLength => "INVALID_PARAMETER_EXCEED_LENGTH",
        }
    }
}

impl Serialize for MistakeCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

fn as_text<S: Serializer>(pointer: &Pointer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pointer)
}
