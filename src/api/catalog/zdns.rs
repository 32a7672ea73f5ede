//! Actions of `zdns`: private DNS, older name.
//!
//! From the Python SDK, `zenlayercloud/zdns/v20251101/zdns_client.py`; the Go SDK has the package `zdns20251101`.

use super::{Action, change, read};

const SERVICE: &str = "zdns";
const V2025: &[&str] = &["2025-11-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "AddPrivateZone", V2025),
    change(SERVICE, "AddPrivateZoneRecord", V2025),
    change(SERVICE, "BindPrivateZoneVpc", V2025),
    change(SERVICE, "DeletePrivateZone", V2025),
    change(SERVICE, "DeletePrivateZoneRecord", V2025),
    read(SERVICE, "DescribePrivateZoneRecords", V2025),
    read(SERVICE, "DescribePrivateZones", V2025),
    change(SERVICE, "ModifyPrivateZone", V2025),
    change(SERVICE, "ModifyPrivateZoneRecord", V2025),
    change(SERVICE, "ModifyPrivateZoneRecordsStatus", V2025),
    change(SERVICE, "UnbindPrivateZoneVpc", V2025),
];
