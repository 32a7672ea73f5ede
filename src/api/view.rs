//! The normalised view of a create: the same fields whichever of the four creates was called, so one rule guards
//! every way to make a machine.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a create asks for, in one vocabulary. Absent, null and (for ids) empty count as absent.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Create {
    /// How many machines: `instanceCount` (vm, zec) or `amount` (bmc); 1 when absent.
    pub count: u32,
    /// `zoneId`.
    pub zone: Option<String>,
    /// `instanceType` (vm, zec) or `instanceTypeId` (bmc).
    #[serde(rename = "type")]
    pub instance_type: Option<String>,
    /// `imageId`.
    pub image: Option<String>,
    /// `instanceName`; on bmc `hostname` where no name is given.
    pub name: Option<String>,
    /// `PREPAID` or `POSTPAID`; zec creates carry none and are billed as `POSTPAID`.
    pub charge_type: Option<String>,
    /// Months of a prepaid order.
    pub prepaid_months: Option<u32>,
    /// `internetChargeType`.
    pub internet_charge_type: Option<String>,
    /// Public bandwidth in Mbps; `null` when the cloud's default applies.
    pub bandwidth_mbps: Option<u32>,
    /// `subnetId`.
    pub subnet: Option<String>,
    /// `resourceGroupId`; `""` counts as absent.
    pub resource_group: Option<String>,
    /// `securityGroupId`; `""` counts as absent.
    pub security_group: Option<String>,
    /// Where a resource group goes in this action and version (JSON Pointer); `null` where it cannot carry one.
    pub resource_group_path: Option<String>,
    /// Where a security group goes; `null` where this action and version cannot carry one.
    pub security_group_path: Option<String>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Whether this action and version can carry tags.
    pub tags_supported: bool,
    /// The version of the same action that can carry tags, where this one cannot.
    pub tags_supported_by: Option<String>,
    /// `keyId` (zec, vm) or any of `sshKeys` (bmc) is given.
    pub key_pair: bool,
    /// A password is given.
    pub password: bool,
    /// A script or user data is given.
    pub script: bool,
    /// Size of the system disk in GB; `null` when the image's default applies.
    pub system_disk_gb: Option<u32>,
    /// Data disks, one entry per kind.
    pub data_disks: Vec<DataDisk>,
    /// Whether public IPv4 is asked for; `null` when the cloud's default applies.
    pub public_ipv4: Option<bool>,
    /// Whether public IPv6 is asked for; `null` when the cloud's default applies.
    pub public_ipv6: Option<bool>,
}

/// Data disks of one size within one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct DataDisk {
    /// GB of each.
    pub size_gb: Option<u32>,
    /// How many per machine; 1 when absent.
    pub amount: u32,
    /// `diskCategory`.
    pub category: Option<String>,
}
