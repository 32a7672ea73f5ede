//! Actions of `zrm`: tags.
//!
//! From the Python SDK, `zenlayercloud/zrm/v20251014/zrm_client.py`; the Go SDK has the package `zrm20251014`.

use super::{Action, change, read};

const SERVICE: &str = "zrm";
const V2025: &[&str] = &["2025-10-14"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateTags", V2025),
    change(SERVICE, "DeleteTags", V2025),
    read(SERVICE, "DescribeResourceByTags", V2025),
    read(SERVICE, "DescribeResourceTags", V2025),
    read(SERVICE, "DescribeResourceTypes", V2025),
    read(SERVICE, "DescribeResources", V2025),
    read(SERVICE, "DescribeTags", V2025),
    change(SERVICE, "ModifyResourceTags", V2025),
    change(SERVICE, "TagBindResources", V2025),
    change(SERVICE, "TagUnbindResources", V2025),
];
