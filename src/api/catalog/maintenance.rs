//! Actions of `maintenance`: planned maintenance.
//!
//! From the Python SDK, `zenlayercloud/maintenance/v20250310/maintenance_client.py`; the Go SDK has the package
//! `maintenance20250310`.

use super::{Action, read};

const SERVICE: &str = "maintenance";
const V2025: &[&str] = &["2025-03-10"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[read(SERVICE, "DescribeMaintenanceAlerts", V2025)];
