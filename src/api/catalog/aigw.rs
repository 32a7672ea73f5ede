//! Actions of `aigw`: AI gateways.
//!
//! From the Python SDK, `zenlayercloud/aigw/v20260414/aigw_client.py`; the Go SDK has the package `aigw20260414`.

use super::{Action, change, read};

const SERVICE: &str = "aigw";
const V2026: &[&str] = &["2026-04-14"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateAiGateway", V2026),
    change(SERVICE, "DeleteAiGateway", V2026),
    read(SERVICE, "DescribeAiGatewayExpireTime", V2026),
    read(SERVICE, "DescribeAiGatewayIpAcl", V2026),
    read(SERVICE, "DescribeAiGatewayModels", V2026),
    read(SERVICE, "DescribeAiGatewayTokenLimit", V2026),
    read(SERVICE, "DescribeAiGateways", V2026),
    read(SERVICE, "DescribeAiModelDailyCacheHitRate", V2026),
    read(SERVICE, "DescribeAiModelDailyCost", V2026),
    read(SERVICE, "DescribeAiModelDailyUsage", V2026),
    read(SERVICE, "DescribeAiModels", V2026),
    read(SERVICE, "DescribeAiMonthlyTotalCost", V2026),
    read(SERVICE, "DescribeAiUsageData", V2026),
    read(SERVICE, "DescribeAiUsageDetailData", V2026),
    change(SERVICE, "ModifyAiGatewayExpireTime", V2026),
    change(SERVICE, "ModifyAiGatewayIpAcl", V2026),
    change(SERVICE, "ModifyAiGatewayModels", V2026),
    change(SERVICE, "ModifyAiGatewayName", V2026),
    change(SERVICE, "ModifyAiGatewayTokenLimit", V2026),
    change(SERVICE, "StartAiGateway", V2026),
    change(SERVICE, "StopAiGateway", V2026),
];
