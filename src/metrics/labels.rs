//! What may stand in a label: closed lists and known sets, so that the number of series is bounded.

use std::collections::BTreeSet;

use super::OTHER;
use crate::api::Kind;

pub(super) fn class(kind: Option<Kind>) -> &'static str {
    kind.map_or("none", Kind::as_str)
}

/// A status as label; only those that HTTP has, so that at most 500 series exist.
pub(super) fn status_label(status: u16) -> String {
    if (100..=599).contains(&status) { status.to_string() } else { OTHER.to_owned() }
}

pub(super) fn within<'a>(known: &BTreeSet<String>, value: &'a str) -> &'a str {
    if known.contains(value) { value } else { OTHER }
}
