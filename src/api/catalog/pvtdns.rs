//! Actions of `pvtdns`: private DNS.
//!
//! From the Python SDK, `zenlayercloud/pvtdns/v20251101/pvtdns_client.py`; the Go SDK has the package `pvtdns20251101`.

use super::{Action, change, read};

const SERVICE: &str = "pvtdns";
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
