//! Actions of `zengate`: what the gateway itself answers to the keys that it has issued. The cloud knows none of them.

use super::{Action, read};

/// The service's name.
pub(super) const SERVICE: &str = "zengate";
const V2026: &[&str] = &["2026-11-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    read(SERVICE, "DescribeQuotaUnits", V2026),
    read(SERVICE, "DescribeQuotas", V2026),
    read(SERVICE, "DescribeRules", V2026),
];
