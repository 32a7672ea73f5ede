//! The actions of vm, in a file for each thing of an account. What a create reads is in `vm_create`, what switches
//! machines on and off in `change`; both are shared with bmc and zec.
//!
//! Fields and shapes follow the SDKs' models, `vm20230313/models.go` and `vm20260401/models.go` of the Go SDK and
//! `vm/v20260401/models.py` of the Python one; each file names the models it answers with. Where a refusal has no
//! documented code, the one chosen here is marked as the emulator's own.

use super::{Action, VM, action, catalog, ccs, change, price, vm_create};

mod attach;
mod disks;
mod groups;
mod images;
mod instances;
mod internet;
mod members;
mod model;
mod reset;
mod rules;
mod subnets;

pub(super) use attach::free as free_disks;

/// Actions that the newer version dropped or renamed.
const VM_2023: &[&str] = &["2023-03-13"];
/// Actions that only the newer version has.
const VM_2026: &[&str] = &["2026-04-01"];

pub(super) static ACTIONS: &[Action] = &[
    // What is sold, and for how much.
    action("vm", "DescribeZones", VM, catalog::zones),
    action("vm", "DescribeZoneInstanceConfigInfos", VM, catalog::models),
    action("vm", "DescribeVmInventoryCapacity", VM_2026, catalog::capacity),
    action("vm", "DescribeDiskCategory", VM, catalog::disk_categories),
    action("vm", "DescribeImages", VM, images::describe),
    action("vm", "DescribeImage", VM_2023, images::describe_one),
    action("vm", "InquiryPriceCreateInstance", VM, price::run),
    action("vm", "InquiryPriceCreateDisks", VM, price::disks),
    action("vm", "InquiryPriceInstanceBandwidth", VM, price::bandwidth),
    action("vm", "InquiryPriceInstanceTrafficPackage", VM, price::traffic),
    // Machines.
    action("vm", "CreateInstances", VM, vm_create::run),
    action("vm", "DescribeInstances", VM, instances::describe),
    action("vm", "DescribeInstancesStatus", VM, instances::statuses),
    action("vm", "DescribeVncUrl", VM_2026, instances::console),
    action("vm", "StartInstances", VM, change::start),
    action("vm", "StopInstances", VM, change::stop),
    action("vm", "RebootInstances", VM, change::reboot),
    action("vm", "ModifyInstancesAttribute", VM, change::rename),
    action("vm", "ModifyInstancesResourceGroup", VM, change::regroup),
    action("vm", "ResetInstancesPassword", VM, change::password),
    action("vm", "ResetInstance", VM, reset::run),
    action("vm", "ModifyInstanceType", VM, model::modify),
    action("vm", "DescribeInstanceTypeStatus", VM, model::status),
    action("vm", "CancelInstanceDowngrade", VM, model::cancel),
    action("vm", "ModifyInstanceBandwidth", VM, internet::bandwidth),
    action("vm", "CancelInstanceBandwidthDowngrade", VM, internet::cancel_bandwidth),
    action("vm", "ModifyInstanceTrafficPackage", VM, internet::traffic),
    action("vm", "CancelInstanceTrafficPackageDowngrade", VM, internet::cancel_traffic),
    action("vm", "DescribeInstanceInternetStatus", VM, internet::status),
    action("vm", "TerminateInstance", VM, change::vm_terminate),
    action("vm", "ReleaseInstances", VM, change::vm_release),
    // Disks.
    action("vm", "CreateDisks", VM, disks::create),
    action("vm", "DescribeDisks", VM, disks::describe),
    action("vm", "ModifyDisksAttributes", VM, disks::rename),
    action("vm", "ModifyDisksResourceGroup", VM, disks::regroup),
    action("vm", "ResizeDisk", VM, disks::resize),
    action("vm", "TerminateDisk", VM, disks::terminate),
    action("vm", "ReleaseDisk", VM, disks::release),
    action("vm", "RenewDisk", VM, disks::renew),
    action("vm", "AttachDisks", VM, attach::attach),
    action("vm", "DetachDisks", VM, attach::detach),
    action("vm", "ChangeDisksAttach", VM, attach::change),
    // Images of machines.
    action("vm", "CreateImage", VM, images::create),
    action("vm", "ModifyImagesAttributes", VM, images::modify),
    action("vm", "DeleteImages", VM, images::delete),
    action("vm", "DescribeImageQuota", VM, images::quota),
    // Networks.
    action("vm", "CreateSubnet", VM, subnets::create),
    action("vm", "DescribeSubnets", VM, subnets::describe),
    action("vm", "ModifySubnetsAttribute", VM, subnets::rename),
    action("vm", "DeleteSubnet", VM, subnets::delete),
    action("vm", "CreateSecurityGroup", VM, groups::create),
    action("vm", "DescribeSecurityGroups", VM, groups::describe),
    action("vm", "ModifySecurityGroupsAttribute", VM, groups::modify),
    action("vm", "DeleteSecurityGroup", VM, groups::delete),
    action("vm", "AuthorizeSecurityGroupRule", VM, rules::authorize_one),
    action("vm", "AuthorizeSecurityGroupRules", VM, rules::authorize),
    action("vm", "RevokeSecurityGroupRules", VM, rules::revoke),
    action("vm", "ConfigureSecurityGroupRules", VM, rules::configure),
    action("vm", "AssociateSecurityGroupInstance", VM, members::associate),
    action("vm", "UnAssociateSecurityGroupInstance", VM, members::unassociate),
    action("vm", "DescribeInstanceAvailableSecurityGroupResource", VM_2023, members::available),
    action("vm", "DescribeInstanceAvailableSecurityGroupResources", VM_2026, members::available),
    // Key pairs moved to `ccs` after 2023.
    action("vm", "DescribeKeyPairs", VM_2023, ccs::describe),
    action("vm", "ImportKeyPair", VM_2023, ccs::import),
    action("vm", "ModifyKeyPairAttribute", VM_2023, ccs::modify),
    action("vm", "DeleteKeyPairs", VM_2023, ccs::delete),
];
