//! Actions of `traffic`: bandwidth clusters.
//!
//! From the Python SDK, `zenlayercloud/traffic/v20240326/traffic_client.py`; the Go SDK has the package `traffic20240326`.

use super::{Action, change, read};

const SERVICE: &str = "traffic";
const V2024: &[&str] = &["2024-03-26"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateBandwidthCluster", V2024),
    change(SERVICE, "DeleteBandwidthClusters", V2024),
    read(SERVICE, "DescribeBandwidthClusterAreas", V2024),
    read(SERVICE, "DescribeBandwidthClusterResources", V2024),
    read(SERVICE, "DescribeBandwidthClusterTraffic", V2024),
    read(SERVICE, "DescribeBandwidthClusterUsage", V2024),
    read(SERVICE, "DescribeBandwidthClusters", V2024),
    read(SERVICE, "InquiryBandwidthClusterPrice", V2024),
    change(SERVICE, "MigrateBandwidthClusterResources", V2024),
    change(SERVICE, "ModifyBandwidthClusterAttribute", V2024),
    change(SERVICE, "UpdateBandwidthClusterCommitBandwidth", V2024),
];
