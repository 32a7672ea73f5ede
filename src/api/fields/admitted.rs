//! Fields that an operator admits before a table knows them (`api.admit_fields`).
//!
//! The vendor adds fields without a new version. Until the tables follow, an operator who has looked at a new field can let
//! it pass; no rule of the stock policies will know it.

use std::fmt;
use std::str::FromStr;

use super::super::Call;

/// A key of a create that passes although no table knows it: at any depth, in every version of the action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AdmittedField {
    service: String,
    action: String,
    field: String,
}

/// Why a text names no field that could be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmittedFieldError {
    /// Not three words of letters, digits and underscores.
    #[error("write three words, `<service> <Action> <field>`, such as `vm CreateInstances newField`")]
    Form,
    /// The action makes no machines, or there is none of that name: only creates have tables.
    #[error(
        "only creates have field tables: vm or bmc CreateInstances, zec CreateZecInstances or CreateInstances"
    )]
    NotACreate,
}

impl AdmittedField {
    /// Whether it admits the key `name` in a call.
    pub(super) fn admits(&self, call: &Call, name: &str) -> bool {
        self.field == name && self.action == call.action.name && self.service == call.action.service
    }
}

/// Whether `name` can stand in the setting.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl FromStr for AdmittedField {
    type Err = AdmittedFieldError;

    fn from_str(text: &str) -> Result<Self, AdmittedFieldError> {
        let mut words = text.split(' ');
        let (Some(service), Some(action), Some(field), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(AdmittedFieldError::Form);
        };
        if ![service, action, field].into_iter().all(is_plain) {
            return Err(AdmittedFieldError::Form);
        }
        match super::super::catalog::lookup(service, action) {
            Some(found) if found.kind == super::super::Kind::Create => {
                Ok(Self { service: service.to_owned(), action: action.to_owned(), field: field.to_owned() })
            }
            _ => Err(AdmittedFieldError::NotACreate),
        }
    }
}

impl fmt::Display for AdmittedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.service, self.action, self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_by_three_words() {
        let text = "vm CreateInstances newField";
        assert_eq!(text.parse::<AdmittedField>().unwrap().to_string(), text);
        for bad in [
            "",
            "vm",
            "vm CreateInstances",
            "vm CreateInstances a b",
            "vm  CreateInstances a",
            "vm CreateInstances a/b",
        ] {
            assert_eq!(bad.parse::<AdmittedField>(), Err(AdmittedFieldError::Form), "{bad:?}");
        }
        for bad in ["vm StartInstances a", "vm createInstances a", "zz CreateInstances a"] {
            assert_eq!(bad.parse::<AdmittedField>(), Err(AdmittedFieldError::NotACreate), "{bad:?}");
        }
    }
}
