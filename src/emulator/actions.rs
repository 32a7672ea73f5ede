//! Every action the emulator answers. A new one is a function in a small file and a line in a table: this one, or
//! that of its product.

use super::call::{Call, Reply};

mod bmc;
mod catalog;
mod change;
mod fleet;
mod list;
mod paging;
mod price;
mod resources;
mod shape;
mod simple;
mod tags;
mod vm_create;
mod zec;

/// An action of a service in the versions that have it, oldest first.
pub(super) struct Action {
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    versions: &'static [&'static str],
    pub(super) run: fn(&mut Call<'_>) -> Reply,
}

const VM: &[&str] = &["2023-03-13", "2026-04-01"];
const USER: &[&str] = &["2024-05-29"];
const ZRM: &[&str] = &["2025-10-14"];

const fn action(
    service: &'static str,
    name: &'static str,
    versions: &'static [&'static str],
    run: fn(&mut Call<'_>) -> Reply,
) -> Action {
    Action { service, name, versions, run }
}

static ACTIONS: &[Action] = &[
    action("vm", "CreateInstances", VM, vm_create::run),
    action("vm", "InquiryPriceCreateInstance", VM, price::run),
    action("vm", "DescribeInstances", VM, list::vm),
    action("vm", "DescribeInstancesStatus", VM, list::vm_status),
    action("vm", "DescribeZones", VM, catalog::zones),
    action("vm", "DescribeZoneInstanceConfigInfos", VM, catalog::models),
    action("vm", "DescribeImages", VM, catalog::images),
    action("vm", "DescribeSubnets", VM, resources::subnets),
    action("vm", "DescribeSecurityGroups", VM, resources::security_groups),
    action("vm", "StartInstances", VM, change::start),
    action("vm", "StopInstances", VM, change::stop),
    action("vm", "RebootInstances", VM, change::reboot),
    action("vm", "ModifyInstancesAttribute", VM, change::rename),
    action("vm", "ModifyInstancesResourceGroup", VM, change::regroup),
    action("vm", "ResetInstancesPassword", VM, change::password),
    action("vm", "TerminateInstance", VM, change::vm_terminate),
    action("vm", "ReleaseInstances", VM, change::vm_release),
    action("user", "DescribeResourceGroups", USER, resources::resource_groups),
    action("zrm", "ModifyResourceTags", ZRM, change::retag),
];

/// Finds an action. The version must be one that has it; a missing one is the newest.
pub(super) fn find(
    service: &str,
    name: &str,
    version: Option<&str>,
) -> Option<(&'static Action, &'static str)> {
    let mut all = [ACTIONS, bmc::ACTIONS, zec::ACTIONS].into_iter().flatten();
    let action = all.find(|action| action.service == service && action.name == name)?;
    let known = match version {
        Some(wanted) => action.versions.iter().find(|known| **known == wanted),
        None => action.versions.last(),
    };
    known.map(|version| (action, *version))
}

/// Whether the call may change the account.
pub(super) fn is_change(name: &str) -> bool {
    !(name.starts_with("Describe") || name.starts_with("Inquiry"))
}

/// Whether the call makes machines.
pub(super) fn is_create(service: &str, name: &str) -> bool {
    matches!((service, name), ("vm" | "bmc" | "zec", "CreateInstances") | ("zec", "CreateZecInstances"))
}
