//! Actions of `ipt`: IP transit.
//!
//! From the Python SDK, `zenlayercloud/ipt/v20240901/ipt_client.py`; the Go SDK has the package `ipt20240901`.
//!
//! `DescribeIPTransits` answers with BGP passwords (`dataSet[].bgp.password`): a change.

use super::{Action, change, read};

const SERVICE: &str = "ipt";
const V2024: &[&str] = &["2024-09-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateIPTransit", V2024),
    change(SERVICE, "DeleteIPTransit", V2024),
    read(SERVICE, "DescribeIPTransitAvailableAsns", V2024),
    read(SERVICE, "DescribeIPTransitAvailableCidrBlocks", V2024),
    read(SERVICE, "DescribeIPTransitDatacenters", V2024),
    read(SERVICE, "DescribeIPTransitTraffic", V2024),
    change(SERVICE, "DescribeIPTransits", V2024),
    read(SERVICE, "InquiryCreateIPTransitPrice", V2024),
    read(SERVICE, "InquiryModifyIPTransitPrice", V2024),
    change(SERVICE, "ModifyIPTransitBandwidth", V2024),
    change(SERVICE, "ModifyIPTransitConfig", V2024),
    change(SERVICE, "ModifyIPTransitsAttribute", V2024),
];
