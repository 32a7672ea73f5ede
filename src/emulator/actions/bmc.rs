//! bmc, in both versions. It counts in `amount` and calls the model `instanceTypeId`. Fields and their types are those
//! of the Go SDK, packages bmc20221120 and bmc20260201; which codes an action has is said in the older package, in the
//! comment of each method.

use super::{Action, action};

mod catalog;
mod create;
mod eips;
mod install;
mod list;
mod login;
mod machines;
mod order;
mod price;
mod shape;

const BOTH: &[&str] = &["2022-11-20", "2026-02-01"];

/// The two models of requests and answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edition {
    Y2022,
    Y2026,
}

impl Edition {
    fn of(version: &str) -> Self {
        if version == "2022-11-20" { Self::Y2022 } else { Self::Y2026 }
    }
}

pub(super) static ACTIONS: &[Action] = &[
    action("bmc", "CreateInstances", BOTH, create::run),
    action("bmc", "InquiryPriceCreateInstance", BOTH, price::instance),
    action("bmc", "DescribeInstances", BOTH, list::instances),
    action("bmc", "StartInstances", BOTH, machines::start),
    action("bmc", "StopInstances", BOTH, machines::stop),
    action("bmc", "RebootInstances", BOTH, machines::reboot),
    action("bmc", "ModifyInstancesAttribute", BOTH, machines::rename),
    action("bmc", "ModifyInstancesResourceGroup", BOTH, machines::regroup),
    action("bmc", "ModifyInstanceBandwidth", BOTH, machines::widen),
    action("bmc", "DescribeInstanceInternetStatus", BOTH, list::internet),
    action("bmc", "ReinstallInstance", BOTH, install::again),
    action("bmc", "TerminateInstance", BOTH, machines::terminate),
    action("bmc", "ReleaseInstances", BOTH, machines::release),
    action("bmc", "DescribeZones", BOTH, catalog::zones),
    action("bmc", "DescribeInstanceTypes", BOTH, catalog::types),
    action("bmc", "DescribeAvailableResources", BOTH, catalog::available),
    action("bmc", "DescribeImages", BOTH, catalog::images),
    action("bmc", "DescribeSubnets", BOTH, catalog::subnets),
    action("bmc", "DescribeEipAvailableResources", BOTH, catalog::available_eips),
    action("bmc", "AllocateEipAddresses", BOTH, eips::allocate),
    action("bmc", "InquiryPriceCreateEipAddress", BOTH, price::eip),
    action("bmc", "DescribeEipAddresses", BOTH, eips::list),
    action("bmc", "AssociateEipAddress", BOTH, eips::associate),
    action("bmc", "UnAssociateEipAddress", BOTH, eips::unassociate),
    action("bmc", "TerminateEipAddress", BOTH, eips::terminate),
    action("bmc", "ReleaseEipAddresses", BOTH, eips::release),
];
