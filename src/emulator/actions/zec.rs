//! zec, in both versions. Fields and their types are those of the Go SDK, packages zec20240401 and zec20250901; what
//! a field means is said on the pages of the same names. Tags and the security group of a machine came with
//! 2025-09-01, and so did `securityGroupId` of an interface.
//!
//! The vendor publishes no error table for zec. The codes here are those that the Terraform provider compares
//! (INVALID_VPC_NOT_FOUND, INVALID_DISK_NOT_FOUND, INVALID_NIC_NOT_FOUND), those of the vm page for the same fields,
//! and else new ones in the vendor's style.

use super::{Action, action};

mod catalog;
mod create;
mod disks;
mod eips;
mod groups;
mod list;
mod machines;
mod nics;
mod order;
mod price;
mod public;
mod shape;
mod subnets;
mod vpcs;

const BOTH: &[&str] = &["2024-04-01", "2025-09-01"];
const V2024: &[&str] = &["2024-04-01"];
const V2025: &[&str] = &["2025-09-01"];

/// The two models of requests and answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edition {
    Y2024,
    Y2025,
}

impl Edition {
    fn of(version: &str) -> Self {
        if version == "2024-04-01" { Self::Y2024 } else { Self::Y2025 }
    }
}

pub(super) static ACTIONS: &[Action] = &[
    action("zec", "CreateZecInstances", BOTH, create::zec),
    action("zec", "CreateInstances", V2024, create::vm_compatible),
    action("zec", "InquiryPriceCreateInstance", BOTH, price::instance),
    action("zec", "DescribeInstances", BOTH, list::instances),
    action("zec", "DescribeInstancesStatus", BOTH, list::status),
    action("zec", "StartInstances", BOTH, machines::start),
    action("zec", "StopInstances", BOTH, machines::stop),
    action("zec", "RebootInstances", BOTH, machines::reboot),
    action("zec", "ModifyInstancesAttribute", BOTH, machines::rename),
    action("zec", "ModifyInstancesResourceGroup", V2024, machines::regroup),
    action("zec", "ModifyInstanceType", BOTH, machines::resize),
    action("zec", "ResetInstance", BOTH, machines::reset),
    action("zec", "ResetInstances", V2025, machines::reset_many),
    action("zec", "ResetInstancePassword", BOTH, machines::password),
    action("zec", "StartIpForward", BOTH, machines::start_ip_forward),
    action("zec", "StopIpForward", BOTH, machines::stop_ip_forward),
    action("zec", "StartAgentMonitor", BOTH, machines::start_agent_monitor),
    action("zec", "StopAgentMonitor", BOTH, machines::stop_agent_monitor),
    action("zec", "ReleaseInstances", BOTH, machines::release),
    action("zec", "DescribeZones", BOTH, catalog::zones),
    action("zec", "DescribeZoneInstanceConfigInfos", BOTH, catalog::models),
    action("zec", "DescribeVmInventoryCapacity", V2025, catalog::capacity),
    action("zec", "DescribeImages", BOTH, catalog::images),
    action("zec", "DescribeTimeZones", BOTH, catalog::time_zones),
    action("zec", "DescribeKeyPairs", V2024, catalog::key_pairs),
    action("zec", "CreateVpc", BOTH, vpcs::create),
    action("zec", "DescribeVpcs", BOTH, vpcs::list),
    action("zec", "ModifyVpcAttribute", BOTH, vpcs::modify),
    action("zec", "DeleteVpc", BOTH, vpcs::delete),
    action("zec", "CreateSubnet", BOTH, subnets::create),
    action("zec", "DescribeSubnets", BOTH, subnets::list),
    action("zec", "ModifySubnetsAttribute", BOTH, subnets::rename),
    action("zec", "DeleteSubnet", BOTH, subnets::delete),
    action("zec", "CreateSecurityGroup", BOTH, groups::create),
    action("zec", "DescribeSecurityGroups", BOTH, groups::list),
    action("zec", "DescribeSecurityGroupRule", BOTH, groups::rules),
    action("zec", "ConfigureSecurityGroupRules", BOTH, groups::configure),
    action("zec", "ModifySecurityGroupsAttribute", BOTH, groups::rename),
    action("zec", "AssignSecurityGroupVpc", BOTH, groups::assign),
    action("zec", "UnAssignSecurityGroupVpc", BOTH, groups::unassign),
    action("zec", "DeleteSecurityGroup", BOTH, groups::delete),
    action("zec", "DescribeNetworkInterfaces", BOTH, nics::list),
    action("zec", "ModifyNetworkInterfaceAttribute", V2025, nics::modify),
    action("zec", "ModifyNetworkInterfacesAttribute", BOTH, nics::rename),
    action("zec", "CreateDisks", BOTH, disks::create),
    action("zec", "DescribeDisks", BOTH, disks::list),
    action("zec", "AttachDisks", BOTH, disks::attach),
    action("zec", "DetachDisks", BOTH, disks::detach),
    action("zec", "ResizeDisk", BOTH, disks::resize),
    action("zec", "ModifyDisksAttributes", BOTH, disks::rename),
    action("zec", "ReleaseDisk", BOTH, disks::release),
    action("zec", "InquiryPriceCreateDisks", BOTH, price::disks),
    action("zec", "CreateEips", BOTH, eips::create),
    action("zec", "DescribeEips", BOTH, eips::list),
    action("zec", "AssociateEipAddress", BOTH, eips::associate),
    action("zec", "UnassociateEipAddress", BOTH, eips::unassociate),
    action("zec", "ModifyEipAttribute", BOTH, eips::rename),
    action("zec", "ModifyEipBandwidth", BOTH, eips::widen),
    action("zec", "DeleteEip", BOTH, eips::delete),
    action("zec", "DescribeEipPrice", BOTH, price::eip),
];
