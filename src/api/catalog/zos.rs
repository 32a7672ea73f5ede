//! Actions of `zos`: commands run on machines.
//!
//! From the Python SDK, `zenlayercloud/zos/v20251010/zos_client.py`; the Go SDK has the package `zos20251010`.
//!
//! `DescribeCommands` and `DescribeCommandInvocations` answer with scripts (`dataSet[].content`): changes.

use super::{Action, change};

const SERVICE: &str = "zos";
const V2025: &[&str] = &["2025-10-10"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateCommand", V2025),
    change(SERVICE, "DeleteCommand", V2025),
    change(SERVICE, "DescribeCommandInvocations", V2025),
    change(SERVICE, "DescribeCommands", V2025),
    change(SERVICE, "InvokeCommand", V2025),
    change(SERVICE, "ModifyCommand", V2025),
];
