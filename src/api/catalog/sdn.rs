//! Actions of `sdn`: ports, private connects and cloud routers.
//!
//! From the Python SDK, `zenlayercloud/sdn/{v20230830,v20260401}/sdn_client.py`; the Go SDK has the packages `sdn20230830`
//! and `sdn20260401`.
//!
//! `DescribeCloudRouters` answers with BGP passwords (`dataSet[].edgePoints[].bgpConnection.password`): a change. The
//! `Query...Price` actions only compute a price: reads.

use super::{Action, change, read};

const SERVICE: &str = "sdn";
const V2023: &[&str] = &["2023-08-30"];
const V2026: &[&str] = &["2026-04-01"];
const V2023_2026: &[&str] = &["2023-08-30", "2026-04-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "AddCloudRouterEdgePoints", V2023_2026),
    change(SERVICE, "CreateCloudRouter", V2023_2026),
    change(SERVICE, "CreatePort", V2023_2026),
    change(SERVICE, "CreatePrivateConnect", V2023_2026),
    change(SERVICE, "DeleteCloudRouter", V2023_2026),
    change(SERVICE, "DeleteCloudRouterEdgePoint", V2023_2026),
    change(SERVICE, "DeletePrivateConnect", V2023_2026),
    read(SERVICE, "DescribeAWSRegions", V2023_2026),
    read(SERVICE, "DescribeAWSVlanUsage", V2023_2026),
    read(SERVICE, "DescribeAliCloudRegions", V2023_2026),
    read(SERVICE, "DescribeAliCloudVlanUsage", V2023_2026),
    read(SERVICE, "DescribeAzureRegions", V2023_2026),
    read(SERVICE, "DescribeAzureVlanUsage", V2023_2026),
    read(SERVICE, "DescribeBorderGatewayDatacenters", V2023_2026),
    read(SERVICE, "DescribeBytePlusRegions", V2026),
    read(SERVICE, "DescribeBytePlusVlanUsage", V2026),
    read(SERVICE, "DescribeCloudAvailableBandwidthTiers", V2023_2026),
    read(SERVICE, "DescribeCloudRouterAvailablePorts", V2023_2026),
    read(SERVICE, "DescribeCloudRouterAvailableVpcs", V2023_2026),
    read(SERVICE, "DescribeCloudRouterDCToDCTraffic", V2023_2026),
    read(SERVICE, "DescribeCloudRouterEdgePointTraffic", V2023_2026),
    change(SERVICE, "DescribeCloudRouters", V2023_2026),
    read(SERVICE, "DescribeCreatePrivateConnectAvailableSubnets", V2023),
    read(SERVICE, "DescribeDataCenterPortPrice", V2023_2026),
    read(SERVICE, "DescribeDatacenters", V2023_2026),
    read(SERVICE, "DescribeDatacentersWithService", V2023_2026),
    read(SERVICE, "DescribeGoogleRegions", V2023_2026),
    read(SERVICE, "DescribeGoogleVlanUsage", V2023_2026),
    read(SERVICE, "DescribeHuaweiCloudRegions", V2026),
    read(SERVICE, "DescribeHuaweiCloudVlanUsage", V2026),
    read(SERVICE, "DescribeOracleRegions", V2023_2026),
    read(SERVICE, "DescribeOracleVlanUsage", V2023_2026),
    read(SERVICE, "DescribePortTraffic", V2023_2026),
    read(SERVICE, "DescribePortUsableVlan", V2023_2026),
    read(SERVICE, "DescribePorts", V2023_2026),
    read(SERVICE, "DescribePrivateConnectAvailablePorts", V2023_2026),
    read(SERVICE, "DescribePrivateConnectTraffic", V2023_2026),
    read(SERVICE, "DescribePrivateConnects", V2023_2026),
    read(SERVICE, "DescribeTencentRegions", V2023_2026),
    read(SERVICE, "DescribeTencentVlanUsage", V2023_2026),
    read(SERVICE, "DescribeVPCDatacenters", V2023_2026),
    read(SERVICE, "DescribeVirtualEdgeDatacenters", V2023_2026),
    read(SERVICE, "DescribeVolcengineRegions", V2026),
    read(SERVICE, "DescribeVolcengineVlanUsage", V2026),
    change(SERVICE, "DestroyCloudRouter", V2023_2026),
    change(SERVICE, "DestroyPort", V2023_2026),
    change(SERVICE, "DestroyPrivateConnect", V2023_2026),
    read(SERVICE, "InquiryCreatePrivateConnectPrice", V2023_2026),
    change(SERVICE, "ModifyCloudBandwidth", V2023_2026),
    change(SERVICE, "ModifyCloudRouterEdgePoint", V2023_2026),
    change(SERVICE, "ModifyCloudRouterEdgePointBandwidth", V2023_2026),
    change(SERVICE, "ModifyCloudRoutersAttribute", V2023_2026),
    change(SERVICE, "ModifyPortAttribute", V2023_2026),
    change(SERVICE, "ModifyPrivateConnectBandwidth", V2023_2026),
    change(SERVICE, "ModifyPrivateConnectsAttribute", V2023_2026),
    read(SERVICE, "QueryCloudOnrampPrice", V2023_2026),
    read(SERVICE, "QueryCloudRouterBandwidthPrice", V2023_2026),
    read(SERVICE, "QueryDataCenterPortPrice", V2023_2026),
    read(SERVICE, "QueryDataCenterPortPrices", V2023_2026),
    read(SERVICE, "QueryPrivateConnectBandwidthPrice", V2023_2026),
    read(SERVICE, "QueryPrivateConnectPrice", V2023_2026),
    change(SERVICE, "RenewCloudRouter", V2023),
    change(SERVICE, "RenewPort", V2023_2026),
    change(SERVICE, "RenewPrivateConnect", V2023_2026),
    change(SERVICE, "TerminatePort", V2023_2026),
];
