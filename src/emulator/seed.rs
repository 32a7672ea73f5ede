//! The cloud's stock: everything a request can name.
//!
//! Each entry that exists to make a documented refusal reachable says so. Nothing here changes while the emulator
//! runs: zones, models and images are looked up here, what an account can change is copied into its `World`, and what
//! is used up is counted from the live machines.

use std::net::Ipv4Addr;
use std::time::Duration;

/// When everything seeded was made: 2026-01-01T00:00:00Z.
pub(super) const MADE: Duration = Duration::from_secs(1_767_225_600);

pub(super) mod bmc;
pub(super) mod zec;

/// A resource group of the account that is not its default one.
pub const RESOURCE_GROUP: &str = "7d0c9e12-58ab-4d36-8f21-0a9b8c7d6e5f";
/// A security group of the account that is not its default one.
pub const SECURITY_GROUP: &str = "sg-web";

/// A zone of vm and bmc.
pub(super) struct Zone {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) security_groups: bool,
    /// Pricing models sold here.
    pub(super) charge_types: &'static [&'static str],
    /// Network billing methods sold here.
    pub(super) internet_charge_types: &'static [&'static str],
    /// Most Mbps of a single machine, whatever its type.
    pub(super) bandwidth_limit: i64,
    /// Whether data disks are sold here.
    pub(super) data_disks: bool,
}

const ALL_INTERNET: &[&str] =
    &["ByBandwidth", "ByTrafficPackage", "ByInstanceBandwidth95", "ByClusterBandwidth95", "BandwidthCluster"];

/// FRA-A sells no subscriptions. SAO-A has no security groups, two network billing methods, little bandwidth and no
/// data disks.
pub(super) const ZONES: &[Zone] = &[
    Zone {
        id: "SEL-A",
        name: "Seoul A",
        security_groups: true,
        charge_types: &["PREPAID", "POSTPAID"],
        internet_charge_types: ALL_INTERNET,
        bandwidth_limit: 10_000,
        data_disks: true,
    },
    Zone {
        id: "HKG-A",
        name: "Hong Kong A",
        security_groups: true,
        charge_types: &["PREPAID", "POSTPAID"],
        internet_charge_types: ALL_INTERNET,
        bandwidth_limit: 10_000,
        data_disks: true,
    },
    Zone {
        id: "FRA-A",
        name: "Frankfurt A",
        security_groups: true,
        charge_types: &["POSTPAID"],
        internet_charge_types: ALL_INTERNET,
        bandwidth_limit: 10_000,
        data_disks: true,
    },
    Zone {
        id: "SAO-A",
        name: "Sao Paulo A",
        security_groups: false,
        charge_types: &["PREPAID", "POSTPAID"],
        internet_charge_types: &["ByBandwidth", "ByTrafficPackage"],
        bandwidth_limit: 100,
        data_disks: false,
    },
];

/// How many machines of a type a zone can still sell.
#[derive(Clone, Copy)]
pub(super) enum Stock {
    /// As many as anyone asks for.
    Plenty,
    /// This many in all.
    Limited(usize),
    /// Sold out.
    Empty,
}

/// A model of vm machines.
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) cpu: i64,
    /// GiB.
    pub(super) memory: i64,
    /// Mbps; what DescribeZoneInstanceConfigInfos calls internetMaxBandwidthOutLimit.
    pub(super) bandwidth_limit: i64,
    /// The zones that sell it.
    pub(super) offers: &'static [(&'static str, Stock)],
}

const EVERYWHERE: &[(&str, Stock)] =
    &[("SEL-A", Stock::Plenty), ("HKG-A", Stock::Plenty), ("FRA-A", Stock::Plenty), ("SAO-A", Stock::Plenty)];

/// c.16c32g is not sold in FRA-A and SAO-A and scarce in HKG-A; c.32c64g is sold out.
pub(super) const MODELS: &[Model] = &[
    Model { id: "c.1c2g", cpu: 1, memory: 2, bandwidth_limit: 200, offers: EVERYWHERE },
    Model { id: "c.2c4g", cpu: 2, memory: 4, bandwidth_limit: 500, offers: EVERYWHERE },
    Model { id: "c.4c8g", cpu: 4, memory: 8, bandwidth_limit: 500, offers: EVERYWHERE },
    Model { id: "c.8c16g", cpu: 8, memory: 16, bandwidth_limit: 1_000, offers: EVERYWHERE },
    Model { id: "m.4c32g", cpu: 4, memory: 32, bandwidth_limit: 1_000, offers: EVERYWHERE },
    Model {
        id: "c.16c32g",
        cpu: 16,
        memory: 32,
        bandwidth_limit: 1_000,
        offers: &[("SEL-A", Stock::Plenty), ("HKG-A", Stock::Limited(3))],
    },
    Model { id: "c.32c64g", cpu: 32, memory: 64, bandwidth_limit: 1_000, offers: &[("SEL-A", Stock::Empty)] },
];

/// An image of vm machines; all are offered in every zone.
pub(super) struct Image {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) version: &'static str,
    /// `linux` or `windows`.
    pub(super) os: &'static str,
    /// Smallest system disk, GB.
    pub(super) least_disk: i64,
    /// It installs only with a partition table of the caller's own, which no vm request can carry: the one way to
    /// INVALID_PARTITION_IMAGE_NOT_SET.
    pub(super) own_partitions: bool,
}

/// The first one is the image of the vendor's own CreateInstances sample.
pub(super) const IMAGES: &[Image] = &[
    Image {
        id: "img-yKK4q6XybymPgfx7ynUUqC3N8",
        name: "Ubuntu-Server 22.04 LTS",
        category: "Ubuntu",
        version: "22.04",
        os: "linux",
        least_disk: 20,
        own_partitions: false,
    },
    Image {
        id: "img-d4bF7mQ2Zr9TnVw6Ys3KxLp8H",
        name: "Debian 12",
        category: "Debian",
        version: "12",
        os: "linux",
        least_disk: 20,
        own_partitions: false,
    },
    Image {
        id: "img-w9Rk3NcX7tGv5JqZ2mBs8PfLd",
        name: "Windows Server 2022 Standard",
        category: "Windows",
        version: "2022",
        os: "windows",
        least_disk: 40,
        own_partitions: false,
    },
    Image {
        id: "img-p6Ht2YwJ4kMz8CvQ5nRb9XsTg",
        name: "Rocky Linux 9 (own partitions)",
        category: "Rocky",
        version: "9",
        os: "linux",
        least_disk: 20,
        own_partitions: true,
    },
];

/// A private network of vm.
pub(super) struct Subnet {
    pub(super) id: &'static str,
    pub(super) zone: &'static str,
    pub(super) name: &'static str,
    pub(super) cidr: &'static str,
    /// The first address a machine can have.
    pub(super) first: Ipv4Addr,
    /// Addresses machines can ask for.
    pub(super) size: u32,
    /// It takes machines that name no subnet; their addresses come from above `size`.
    pub(super) default: bool,
}

/// Addresses of a default subnet, and as many again for machines that name no subnet.
const MAIN: u32 = 30_000;

const fn main_subnet(id: &'static str, zone: &'static str, cidr: &'static str, first: Ipv4Addr) -> Subnet {
    Subnet { id, zone, name: "main", cidr, first, size: MAIN, default: true }
}

/// subnet-sel-small has two addresses.
pub(super) const SUBNETS: &[Subnet] = &[
    main_subnet("subnet-sel-main", "SEL-A", "10.10.0.0/16", Ipv4Addr::new(10, 10, 0, 2)),
    main_subnet("subnet-hkg-main", "HKG-A", "10.20.0.0/16", Ipv4Addr::new(10, 20, 0, 2)),
    main_subnet("subnet-fra-main", "FRA-A", "10.30.0.0/16", Ipv4Addr::new(10, 30, 0, 2)),
    main_subnet("subnet-sao-main", "SAO-A", "10.40.0.0/16", Ipv4Addr::new(10, 40, 0, 2)),
    Subnet {
        id: "subnet-sel-small",
        zone: "SEL-A",
        name: "small",
        cidr: "10.11.1.0/29",
        first: Ipv4Addr::new(10, 11, 1, 2),
        size: 2,
        default: false,
    },
];

/// A security group of vm.
pub(super) struct SecurityGroup {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// `Available` or `Creating`.
    pub(super) status: &'static str,
    pub(super) default: bool,
    /// TCP port range let in.
    pub(super) ports: &'static str,
}

/// sg-creating cannot be used yet.
pub(super) const SECURITY_GROUPS: &[SecurityGroup] = &[
    SecurityGroup {
        id: "sg-default",
        name: "default",
        description: "Default group of the account",
        status: "Available",
        default: true,
        ports: "22/22",
    },
    SecurityGroup {
        id: SECURITY_GROUP,
        name: "web",
        description: "HTTPS from everywhere",
        status: "Available",
        default: false,
        ports: "443/443",
    },
    SecurityGroup {
        id: "sg-closed",
        name: "closed",
        description: "Nothing but SSH",
        status: "Available",
        default: false,
        ports: "22/22",
    },
    SecurityGroup {
        id: "sg-creating",
        name: "creating",
        description: "Not ready yet",
        status: "Creating",
        default: false,
        ports: "22/22",
    },
];

/// A resource group.
pub(super) struct ResourceGroup {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
}

/// The first one takes machines that name none.
pub(super) const RESOURCE_GROUPS: &[ResourceGroup] = &[
    ResourceGroup { id: "2b1f6a54-3c8e-4f0b-9a57-6c1d2e3f4a50", name: "Default" },
    ResourceGroup { id: RESOURCE_GROUP, name: "payments" },
    ResourceGroup { id: "c4a8e6f0-1b2d-4e3f-a596-8778695a4b3c", name: "research" },
];

/// A block of public IPv4 addresses of the account.
pub(super) struct CidrBlock {
    pub(super) id: &'static str,
    pub(super) zone: &'static str,
    pub(super) first: Ipv4Addr,
    pub(super) size: u32,
}

/// cidr-sel-tiny has one address.
pub(super) const CIDR_BLOCKS: &[CidrBlock] = &[
    CidrBlock { id: "cidr-sel-main", zone: "SEL-A", first: Ipv4Addr::new(198, 51, 100, 16), size: 16 },
    CidrBlock { id: "cidr-sel-tiny", zone: "SEL-A", first: Ipv4Addr::new(198, 51, 100, 64), size: 1 },
    CidrBlock { id: "cidr-hkg-main", zone: "HKG-A", first: Ipv4Addr::new(203, 0, 113, 16), size: 16 },
];

/// SSH key pairs.
pub(super) const KEY_PAIRS: &[&str] = &["key-YWD2QFOl", "key-k8Zt4NbW"];

pub(super) fn zone(id: &str) -> Option<&'static Zone> {
    ZONES.iter().find(|zone| zone.id == id)
}

pub(super) fn model(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

pub(super) fn image(id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.id == id)
}

pub(super) fn cidr_block(id: &str) -> Option<&'static CidrBlock> {
    CIDR_BLOCKS.iter().find(|block| block.id == id)
}

/// The id of the group that takes machines that name none.
pub(super) fn default_resource_group() -> &'static str {
    RESOURCE_GROUPS.first().map_or("", |group| group.id)
}
