//! Actions of `alarm`: alarms.
//!
//! From the Python SDK, `zenlayercloud/alarm/v20250307/alarm_client.py`; the Go SDK has the package `alarm20250307`.

use super::{Action, read};

const SERVICE: &str = "alarm";
const V2025: &[&str] = &["2025-03-07"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[read(SERVICE, "DescribeIpBlockEvents", V2025)];
