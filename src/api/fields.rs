//! Field tables: what a create may carry, per action and version.
//!
//! On a create, a key that no table knows is refused: the cloud might honour it and no rule would have seen it.
//!
//! The tables follow the request structs of the vendor's SDKs, field by field; each table names its struct. Types are the
//! SDK's. Ranges are the vendor's where it gives them, else bounds so wide that only nonsense falls outside: what makes a
//! good password, name or disk size is for the cloud to say. Fields that the structs carry for answers only (`diskId`,
//! `portable`, `diskPrice`) are in the tables too, because the SDKs can send them.

mod admitted;
mod bmc;
mod check;
mod common;
mod vm;
mod zec;

pub use admitted::{AdmittedField, AdmittedFieldError};
pub use check::{MAX_MISTAKES, check};

/// The fields of one action in one version.
#[derive(Debug)]
pub struct Table {
    /// The fields of the top level.
    pub fields: &'static [Field],
}

impl Table {
    /// The field of the top level that is spelt `name`.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// The key, spelt as the cloud spells it.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether the gateway refuses a request without it: only what judging needs; the cloud checks the rest.
    pub required: bool,
}

/// What a field holds.
#[derive(Debug)]
pub enum Shape {
    /// A string of at most so many bytes.
    Text {
        /// The longest, in bytes of UTF-8.
        max: usize,
    },
    /// An integer in a range, written without fraction and exponent.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A plain decimal from 0 to [`DECIMAL_MAX`] with at most six digits after the point.
    Decimal,
    /// A boolean.
    Flag,
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of at most so many.
    List {
        /// What each element is.
        of: &'static Shape,
        /// The most elements.
        max: usize,
    },
    /// Tags in the object form, `{"tags": [{"key": "...", "value": "..."}]}`, no key twice.
    Tags {
        /// The most tags.
        max: usize,
    },
}

/// The greatest decimal; traffic packages are terabytes.
pub const DECIMAL_MAX: f64 = 2_147_483_647.0;

/// The table for a create; none for actions that create no machine.
pub fn table(service: &str, name: &str, version: &str) -> Option<&'static Table> {
    match (service, name, version) {
        ("vm", "CreateInstances", "2023-03-13") => Some(&vm::CREATE_INSTANCES_2023),
        ("vm", "CreateInstances", "2026-04-01") => Some(&vm::CREATE_INSTANCES_2026),
        ("bmc", "CreateInstances", "2022-11-20") => Some(&bmc::CREATE_INSTANCES_2022),
        ("bmc", "CreateInstances", "2026-02-01") => Some(&bmc::CREATE_INSTANCES_2026),
        ("zec", "CreateZecInstances", "2024-04-01") => Some(&zec::CREATE_ZEC_INSTANCES_2024),
        ("zec", "CreateZecInstances", "2025-09-01") => Some(&zec::CREATE_ZEC_INSTANCES_2025),
        ("zec", "CreateInstances", "2024-04-01") => Some(&zec::CREATE_INSTANCES_2024),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
