//! Actions of `zbc`: balance and bills.
//!
//! From the Python SDK, `zenlayercloud/zbc/v20240809/zbc_client.py` (2024-08-09); the Go SDK, `zenlayercloud/zbc20240809/client.go`,
//! sends 2024-08-08.

use super::{Action, read};

const SERVICE: &str = "zbc";
const V20240808_20240809: &[&str] = &["2024-08-08", "2024-08-09"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    read(SERVICE, "DescribeBillDetail", V20240808_20240809),
    read(SERVICE, "DescribeCustomerBalance", V20240808_20240809),
    read(SERVICE, "DescribeMonthlyBillSummary", V20240808_20240809),
    read(SERVICE, "DescribeRechargeRefundHistory", V20240808_20240809),
    read(SERVICE, "DescribeTransactionHistory", V20240808_20240809),
];
