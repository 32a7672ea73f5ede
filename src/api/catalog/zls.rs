//! Actions of `zls`: audit logs.
//!
//! From the Go SDK, `zenlayercloud/zls20230804/client.go`, and the Python SDK, `zenlayercloud/zls/v20230804/zls_client.py`.

use super::{Action, read};

const SERVICE: &str = "zls";
const V2023: &[&str] = &["2023-08-04"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[read(SERVICE, "DescribeLogs", V2023)];
