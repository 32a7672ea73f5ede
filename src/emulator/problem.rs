//! A refusal of the emulated cloud: HTTP status, code and message, as its error pages list them.

use std::borrow::Cow;

/// What the cloud answers instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// HTTP status, 4xx or 5xx.
    pub(super) status: u16,
    /// UPPER_SNAKE code, spelt as the vendor spells it, mistakes included.
    pub(super) code: Cow<'static, str>,
    /// For people.
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: Cow::Borrowed(code), message: message.into() }
    }

    /// 400 with the given code.
    pub(super) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// 403 with the given code.
    pub(super) fn denied(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, code, message)
    }

    /// 404 with the given code.
    pub(super) fn absent(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    /// A required member is missing, null or "".
    pub(super) fn missing(field: &str) -> Self {
        Self::invalid("MISSING_PARAMETER", format!("The parameter {field} is required."))
    }

    /// A member has another JSON type than the model says.
    pub(super) fn wrong_type(field: &str, wanted: &str) -> Self {
        Self::invalid("INVALID_PARAMETER_TYPE", format!("The parameter {field} must be {wanted}."))
    }

    /// A member is not among the values allowed.
    pub(super) fn value(field: &str, message: &str) -> Self {
        Self::invalid("INVALID_PARAMETER_VALUE", format!("The parameter {field} {message}."))
    }
}
