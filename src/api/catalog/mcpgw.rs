//! Actions of `mcpgw`: MCP gateways.
//!
//! From the Python SDK, `zenlayercloud/mcpgw/v20260602/mcpgw_client.py`; the Go SDK has the package `mcpgw20260602`.

use super::{Action, read};

const SERVICE: &str = "mcpgw";
const V2026: &[&str] = &["2026-06-02"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[read(SERVICE, "DescribeMcpMonthlyBilling", V2026)];
