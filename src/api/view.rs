//! The normalised view of a create: the same fields whichever of the four creates was called, so one rule guards
//! every way to make a machine.

mod read;

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::mistake::{Mistake, MistakeCode};
use super::{Call, catalog, fields};
use crate::json::{Object, Pointer};
use read::Reader;

/// What a create asks for, in one vocabulary. Absent, null and empty texts count as absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Create {
    /// How many machines: `instanceCount` (vm, zec) or `amount` (bmc); 1 when absent.
    pub count: u32,
    /// `zoneId`.
    #[schemars(with = "Option<String>")]
    pub zone: Option<CompactString>,
    /// `instanceType` (vm, zec) or `instanceTypeId` (bmc).
    #[schemars(with = "Option<String>")]
    #[serde(rename = "type")]
    pub instance_type: Option<CompactString>,
    /// `imageId`.
    #[schemars(with = "Option<String>")]
    pub image: Option<CompactString>,
    /// Whether a boot script from the network installs the machine instead of an image: `ipxeUrl` (bmc).
    pub network_boot: bool,
    /// `instanceName`; on bmc `hostname` where no name is given.
    #[schemars(with = "Option<String>")]
    pub name: Option<CompactString>,
    /// `PREPAID` or `POSTPAID`; zec creates carry none and are billed as `POSTPAID`.
    #[schemars(with = "Option<String>")]
    pub charge_type: Option<CompactString>,
    /// Months of a prepaid order.
    pub prepaid_months: Option<u32>,
    /// `internetChargeType`.
    #[schemars(with = "Option<String>")]
    pub internet_charge_type: Option<CompactString>,
    /// Public bandwidth in Mbps: `internetMaxBandwidthOut` (vm, bmc) or `bandwidth` (zec); `null` when the cloud's default
    /// applies.
    pub bandwidth_mbps: Option<u32>,
    /// `subnetId`.
    #[schemars(with = "Option<String>")]
    pub subnet: Option<CompactString>,
    /// `resourceGroupId`; `""` counts as absent.
    #[schemars(with = "Option<String>")]
    pub resource_group: Option<CompactString>,
    /// `securityGroupId`; `""` counts as absent.
    #[schemars(with = "Option<String>")]
    pub security_group: Option<CompactString>,
    /// Where a resource group goes in this action and version (JSON Pointer); `null` where it cannot carry one.
    #[schemars(with = "Option<String>")]
    pub resource_group_path: Option<CompactString>,
    /// Where a security group goes; `null` where this action and version cannot carry one: bmc, zec `CreateInstances` and
    /// zec `CreateZecInstances` before 2025-09-01.
    #[schemars(with = "Option<String>")]
    pub security_group_path: Option<CompactString>,
    /// Tags by key.
    #[schemars(with = "BTreeMap<String, String>")]
    pub tags: BTreeMap<CompactString, CompactString>,
    /// Whether this action and version can carry tags.
    pub tags_supported: bool,
    /// The version of the same action that can carry tags, where this one cannot and another can.
    #[schemars(with = "Option<String>")]
    pub tags_supported_by: Option<CompactString>,
    /// `keyId`, or any of `sshKeys` (bmc 2022-11-20), is given.
    pub key_pair: bool,
    /// A password is given.
    pub password: bool,
    /// A script is given that runs at the first start: `initScript` (vm) or `userData` (bmc, zec).
    pub script: bool,
    /// Size of the system disk in GB; `null` when the image's default applies, and on bmc.
    pub system_disk_gb: Option<u32>,
    /// Data disks, one entry per element of `dataDisks`; none on bmc, whose disks belong to the type.
    pub data_disks: Vec<DataDisk>,
    /// Whether public IPv4 is asked for; `null` when the cloud's default applies.
    ///
    /// - vm: `enableIpv4`, or an address block by `cidrBlockId`.
    /// - bmc: always; no field of the request turns it off.
    /// - zec: a kind of address (`eipV4Type`, `networkLineType`), addresses (`eipIds`), or, unless `ipStackType` is `IPv6`,
    ///   anything that pays for traffic or shapes an address (`internetChargeType`, `bandwidth`, `trafficPackageSize`,
    ///   `clusterId`, `eipBindType`). Without any of these the machine gets none.
    pub public_ipv4: Option<bool>,
    /// Whether IPv6 is asked for: `enableIpv6` (vm), `enablePrimaryIPv6` (bmc), `ipStackType` or `ipv6ClusterId` (zec);
    /// `null` when the cloud's default applies.
    pub public_ipv6: Option<bool>,
}

/// Data disks of one size within one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DataDisk {
    /// GB of each.
    pub size_gb: Option<u32>,
    /// How many per machine; 1 when absent.
    pub amount: u32,
    /// `diskCategory`.
    #[schemars(with = "Option<String>")]
    pub category: Option<CompactString>,
}

/// The products differ in the names of some fields and in what a public address means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Product {
    Vm,
    Bmc,
    Zec,
}

/// The view of a create's document.
///
/// # Errors
/// Every field that the view needs and that is of another type or out of range; or one mistake about the whole document if
/// `call` is no create. A document that [`fields::check`] has found free of mistakes gives none.
pub fn normalise(call: &Call, document: &Object) -> Result<Create, Vec<Mistake>> {
    let (Some(product), Some(table)) = (product(call), call.fields()) else {
        return Err(vec![no_create(call)]);
    };
    let mut reader = Reader::default();
    let root = reader.root(document);
    let (count, kind, bandwidth, script) = match product {
        Product::Vm => ("instanceCount", "instanceType", "internetMaxBandwidthOut", "initScript"),
        Product::Bmc => ("amount", "instanceTypeId", "internetMaxBandwidthOut", "userData"),
        Product::Zec => ("instanceCount", "instanceType", "bandwidth", "userData"),
    };
    let path = |field: &str| -> Option<CompactString> {
        table.field(field).map(|field| ["/", field.name].into_iter().collect())
    };
    let tags_supported = carries_tags(table);
    let prepaid = reader.object(&root, "instanceChargePrepaid");
    let system_disk = reader.object(&root, "systemDisk");
    let name = reader.text(&root, "instanceName");
    let hostname = if product == Product::Bmc { reader.text(&root, "hostname") } else { None };
    let create = Create {
        count: reader.amount(&root, count),
        zone: reader.text(&root, "zoneId"),
        instance_type: reader.text(&root, kind),
        image: reader.text(&root, "imageId"),
        network_boot: product == Product::Bmc && reader.text(&root, "ipxeUrl").is_some(),
        name: name.or(hostname),
        charge_type: match product {
            Product::Vm | Product::Bmc => reader.text(&root, "instanceChargeType"),
            Product::Zec => Some(CompactString::const_new("POSTPAID")),
        },
        prepaid_months: reader.size(&prepaid, "period"),
        internet_charge_type: reader.text(&root, "internetChargeType"),
        bandwidth_mbps: reader.size(&root, bandwidth),
        subnet: reader.text(&root, "subnetId"),
        resource_group: reader.text(&root, "resourceGroupId"),
        security_group: reader.text(&root, "securityGroupId"),
        resource_group_path: path("resourceGroupId"),
        security_group_path: path("securityGroupId"),
        tags: reader.tags(&root),
        tags_supported,
        tags_supported_by: if tags_supported { None } else { version_with_tags(call) },
        key_pair: reader.text(&root, "keyId").is_some() || reader.any(&root, "sshKeys"),
        password: reader.text(&root, "password").is_some(),
        script: reader.text(&root, script).is_some(),
        system_disk_gb: reader.size(&system_disk, "diskSize"),
        data_disks: data_disks(&mut reader, &root),
        public_ipv4: public_ipv4(product, &mut reader, &root),
        public_ipv6: public_ipv6(product, &mut reader, &root),
    };
    let mistakes = reader.finish();
    if mistakes.is_empty() { Ok(create) } else { Err(mistakes) }
}

fn product(call: &Call) -> Option<Product> {
    match call.action.service {
        "vm" => Some(Product::Vm),
        "bmc" => Some(Product::Bmc),
        "zec" => Some(Product::Zec),
        _ => None,
    }
}

fn no_create(call: &Call) -> Mistake {
    Mistake {
        pointer: Pointer::from_tokens(std::iter::empty::<String>()),
        code: MistakeCode::Value,
        message: format!("{call} makes no machines"),
        remedy: "call one of the creates".to_owned(),
    }
}

fn carries_tags(table: &fields::Table) -> bool {
    table.field("tags").is_some()
}

fn version_with_tags(call: &Call) -> Option<CompactString> {
    let action = catalog::lookup(call.action.service, call.action.name)?;
    let version = action
        .versions
        .iter()
        .rev()
        .find(|version| fields::table(action.service, action.name, version).is_some_and(carries_tags))?;
    Some(CompactString::const_new(version))
}

fn data_disks(reader: &mut Reader, root: &read::Place<'_>) -> Vec<DataDisk> {
    reader
        .objects(root, "dataDisks")
        .iter()
        .map(|disk| DataDisk {
            size_gb: reader.size(disk, "diskSize"),
            amount: reader.amount(disk, "diskAmount"),
            category: reader.text(disk, "diskCategory"),
        })
        .collect()
}

fn public_ipv4(product: Product, reader: &mut Reader, root: &read::Place<'_>) -> Option<bool> {
    match product {
        Product::Bmc => Some(true),
        Product::Vm => {
            let enabled = reader.flag(root, "enableIpv4");
            if reader.text(root, "cidrBlockId").is_some() { Some(true) } else { enabled }
        }
        Product::Zec => {
            let address =
                ["eipV4Type", "networkLineType"].into_iter().any(|field| reader.text(root, field).is_some())
                    || reader.any(root, "eipIds");
            let paid = ["internetChargeType", "clusterId", "eipBindType"]
                .into_iter()
                .any(|field| reader.text(root, field).is_some())
                || root.holds("bandwidth")
                || root.holds("trafficPackageSize");
            let ipv6_only = reader.text(root, "ipStackType").is_some_and(|stack| stack == "IPv6");
            Some(address || (paid && !ipv6_only))
        }
    }
}

fn public_ipv6(product: Product, reader: &mut Reader, root: &read::Place<'_>) -> Option<bool> {
    match product {
        Product::Vm => reader.flag(root, "enableIpv6"),
        Product::Bmc => reader.flag(root, "enablePrimaryIPv6"),
        Product::Zec => {
            let stack = reader.text(root, "ipStackType");
            if reader.text(root, "ipv6ClusterId").is_some() {
                return Some(true);
            }
            stack.map(|stack| stack.contains("IPv6"))
        }
    }
}

#[cfg(test)]
mod tests;
