//! Actions of `ccs`: SSH key pairs.
//!
//! From the Python SDK, `zenlayercloud/ccs/v20250901/ccs_client.py`; the Go SDK has the package `ccs20250901`.

use super::{Action, change, read};

const SERVICE: &str = "ccs";
const V2025: &[&str] = &["2025-09-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "DeleteKeyPairs", V2025),
    read(SERVICE, "DescribeKeyPairs", V2025),
    change(SERVICE, "ImportKeyPair", V2025),
    change(SERVICE, "ModifyKeyPairAttribute", V2025),
];
