//! Actions of `zga`: global accelerators.
//!
//! 2024-11-04 from the Python SDK, `zenlayercloud/zga/v20241104/zga_client.py`; 2023-07-06 from the Go SDK,
//! `zenlayercloud/zga20230706/client.go`.

use super::{Action, change, read};

const SERVICE: &str = "zga";
const V2024: &[&str] = &["2024-11-04"];
const V2023_2024: &[&str] = &["2023-07-06", "2024-11-04"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CloseAcceleratorAccessControl", V2023_2024),
    change(SERVICE, "CreateAccelerator", V2023_2024),
    change(SERVICE, "CreateCertificate", V2023_2024),
    change(SERVICE, "DeleteAccelerator", V2023_2024),
    change(SERVICE, "DeleteCertificate", V2023_2024),
    read(SERVICE, "DescribeAccelerateRegions", V2023_2024),
    read(SERVICE, "DescribeAcceleratorLogs", V2023_2024),
    read(SERVICE, "DescribeAcceleratorMetrics", V2023_2024),
    read(SERVICE, "DescribeAcceleratorTraffic", V2023_2024),
    read(SERVICE, "DescribeAccelerators", V2023_2024),
    read(SERVICE, "DescribeAcceleratorsAlerts", V2023_2024),
    read(SERVICE, "DescribeCertificates", V2023_2024),
    read(SERVICE, "DescribeOriginRegions", V2023_2024),
    read(SERVICE, "DescribeResourceGroupsBandwidthLimit", V2024),
    read(SERVICE, "DescribeStatusCode", V2023_2024),
    read(SERVICE, "DescribeTraffic", V2023_2024),
    change(SERVICE, "ModifyAcceleratorAccRegion", V2023_2024),
    change(SERVICE, "ModifyAcceleratorAccessControl", V2023_2024),
    change(SERVICE, "ModifyAcceleratorCertificate", V2023_2024),
    change(SERVICE, "ModifyAcceleratorDomain", V2023_2024),
    change(SERVICE, "ModifyAcceleratorHealthCheck", V2023_2024),
    change(SERVICE, "ModifyAcceleratorName", V2023_2024),
    change(SERVICE, "ModifyAcceleratorOrigin", V2023_2024),
    change(SERVICE, "ModifyAcceleratorProtocolOpts", V2023_2024),
    change(SERVICE, "ModifyAcceleratorRule", V2023_2024),
    change(SERVICE, "ModifyCertificate", V2023_2024),
    change(SERVICE, "ModifyResourceGroupBandwidthLimit", V2024),
    change(SERVICE, "OpenAcceleratorAccessControl", V2023_2024),
    change(SERVICE, "PauseAccelerator", V2023_2024),
    change(SERVICE, "RedeployAccelerator", V2023_2024),
    change(SERVICE, "StartAccelerator", V2023_2024),
];
