//! Field tables: what a create may carry, per action and version.
//!
//! On a create, a key that no table knows is refused: the cloud might honour it and no rule would have seen it.

/// The fields of one action in one version.
#[derive(Debug)]
pub struct Table {
    /// The fields of the top level.
    pub fields: &'static [Field],
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
    /// A plain decimal, not negative, with at most six digits after the point.
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
}

/// The table for a create; none for actions that create no machine.
pub fn table(_service: &str, _name: &str, _version: &str) -> Option<&'static Table> {
    None
}
