//! Actions of `user`: members, permissions and resource groups.
//!
//! From the Python SDK, `zenlayercloud/user/v20240529/user_client.py`; `DescribeResourceTypes` and
//! `DescribeResourcesByGroup` from the Go SDK, `zenlayercloud/user20240529/client.go`.

use super::{Action, change, read};

const SERVICE: &str = "user";
const V2024: &[&str] = &["2024-05-29"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "AddResourceResourceGroup", V2024),
    change(SERVICE, "CreateMemberGroup", V2024),
    change(SERVICE, "CreateMemberGroupPermission", V2024),
    change(SERVICE, "CreateMemberPermission", V2024),
    change(SERVICE, "CreateResourceGroup", V2024),
    change(SERVICE, "DeleteMember", V2024),
    change(SERVICE, "DeleteMemberGroup", V2024),
    change(SERVICE, "DeletePermission", V2024),
    change(SERVICE, "DeleteResourceGroup", V2024),
    read(SERVICE, "DescribeMember", V2024),
    read(SERVICE, "DescribeMemberGroups", V2024),
    read(SERVICE, "DescribeMembers", V2024),
    read(SERVICE, "DescribePermissions", V2024),
    read(SERVICE, "DescribePolicies", V2024),
    read(SERVICE, "DescribeResourceGroups", V2024),
    read(SERVICE, "DescribeResourceTypes", V2024),
    read(SERVICE, "DescribeResourcesByGroup", V2024),
    change(SERVICE, "InviteMember", V2024),
    change(SERVICE, "ModifyMemberGroup", V2024),
    change(SERVICE, "ModifyResourceGroup", V2024),
    change(SERVICE, "SendInviteMemberEmail", V2024),
];
