//! Pages of a listing: 20 items unless asked, at most 1000.

use serde_json::{Map, Value, json};

use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;

/// The asked page of `items` as `totalCount` and `dataSet`.
pub(super) fn page(fields: Fields<'_>, items: Vec<Value>) -> Result<Map<String, Value>, Problem> {
    page_of(fields, items, |item| item)
}

/// The same of items that are shown only when they are on the page.
pub(super) fn page_of<T>(
    fields: Fields<'_>,
    items: Vec<T>,
    show: impl FnMut(T) -> Value,
) -> Result<Map<String, Value>, Problem> {
    let size = fields.bounded("pageSize", 1, 1000)?.unwrap_or(20);
    let number = fields.bounded("pageNum", 1, i64::MAX)?.unwrap_or(1);
    let to_usize = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let skipped = to_usize(number.saturating_sub(1)).saturating_mul(to_usize(size));
    let total = items.len();
    let set: Vec<Value> = items.into_iter().skip(skipped).take(to_usize(size)).map(show).collect();
    let mut result = Map::new();
    result.insert("totalCount".to_owned(), json!(total));
    result.insert("dataSet".to_owned(), Value::Array(set));
    Ok(result)
}

/// A result with one member.
pub(super) fn only(name: &str, value: Value) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert(name.to_owned(), value);
    result
}

/// Whether an optional filter lets a value through.
pub(super) fn passes(wanted: Option<&str>, value: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}

/// Whether an optional filter by part of a text lets a value through.
pub(super) fn contains(wanted: Option<&str>, value: &str) -> bool {
    wanted.is_none_or(|wanted| value.contains(wanted))
}

/// Whether a list filter lets any of the values through; an empty list lets all through.
pub(super) fn among(wanted: &[&str], values: &[&str]) -> bool {
    wanted.is_empty() || values.iter().any(|value| wanted.contains(value))
}
