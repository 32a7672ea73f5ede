//! What zec sells. Its images are those of [`super::IMAGES`], its key pairs those of [`super::KEY_PAIRS`].

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// A region; each has one zone here.
pub(in crate::emulator) struct Region {
    pub(in crate::emulator) id: &'static str,
    pub(in crate::emulator) zone: &'static str,
    pub(in crate::emulator) city: &'static str,
    pub(in crate::emulator) city_code: &'static str,
    pub(in crate::emulator) country: &'static str,
    pub(in crate::emulator) country_code: &'static str,
    pub(in crate::emulator) time_zone: &'static str,
    pub(in crate::emulator) security_groups: bool,
    /// The subnet of the default VPC.
    pub(in crate::emulator) subnet: &'static str,
    pub(in crate::emulator) cidr: Ipv4Net,
}

/// The range of the default VPC.
pub(in crate::emulator) const VPC: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 9);

const fn range(third: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(10, 100, third, 0), 22)
}

/// sa-east-1 has no security groups.
pub(in crate::emulator) const REGIONS: &[Region] = &[
    Region {
        id: "asia-east-1",
        zone: "asia-east-1a",
        city: "Hong Kong",
        city_code: "HKG",
        country: "China",
        country_code: "CN",
        time_zone: "Asia/Hong_Kong",
        security_groups: true,
        subnet: "zsubnet-asia-east",
        cidr: range(0),
    },
    Region {
        id: "asia-southeast-1",
        zone: "asia-southeast-1a",
        city: "Singapore",
        city_code: "SIN",
        country: "Singapore",
        country_code: "SG",
        time_zone: "Asia/Singapore",
        security_groups: true,
        subnet: "zsubnet-asia-southeast",
        cidr: range(4),
    },
    Region {
        id: "na-west-1",
        zone: "na-west-1a",
        city: "Los Angeles",
        city_code: "LAX",
        country: "United States",
        country_code: "US",
        time_zone: "America/Los_Angeles",
        security_groups: true,
        subnet: "zsubnet-na-west",
        cidr: range(8),
    },
    Region {
        id: "europe-central-1",
        zone: "europe-central-1a",
        city: "Frankfurt",
        city_code: "FRA",
        country: "Germany",
        country_code: "DE",
        time_zone: "Europe/Berlin",
        security_groups: true,
        subnet: "zsubnet-europe-central",
        cidr: range(12),
    },
    Region {
        id: "sa-east-1",
        zone: "sa-east-1a",
        city: "Sao Paulo",
        city_code: "SAO",
        country: "Brazil",
        country_code: "BR",
        time_zone: "America/Sao_Paulo",
        security_groups: false,
        subnet: "zsubnet-sa-east",
        cidr: range(16),
    },
];

/// A model.
pub(in crate::emulator) struct Model {
    pub(in crate::emulator) id: &'static str,
    pub(in crate::emulator) cpu: i64,
    /// GiB.
    pub(in crate::emulator) memory: i64,
    /// Mbps.
    pub(in crate::emulator) bandwidth_limit: i64,
    pub(in crate::emulator) in_stock: bool,
}

const fn model(id: &'static str, cpu: i64, memory: i64, bandwidth_limit: i64) -> Model {
    Model { id, cpu, memory, bandwidth_limit, in_stock: true }
}

/// Sold in every zone but for z2a.cpu.16, which is sold out, and for [`NOT_IN_SAO_PAULO`].
pub(in crate::emulator) const MODELS: &[Model] = &[
    model("z2a.cpu.1", 1, 2, 500),
    model("z2a.cpu.2", 2, 4, 1_000),
    model("z2a.cpu.4", 4, 8, 2_000),
    model(NOT_IN_SAO_PAULO, 8, 16, 5_000),
    Model { id: "z2a.cpu.16", cpu: 16, memory: 32, bandwidth_limit: 5_000, in_stock: false },
];

/// The model that sa-east-1a does not sell.
pub(in crate::emulator) const NOT_IN_SAO_PAULO: &str = "z2a.cpu.8";

impl Model {
    /// Whether a zone has it on its list.
    pub(in crate::emulator) fn sold_in(&self, region: &Region) -> bool {
        !(self.id == NOT_IN_SAO_PAULO && region.id == "sa-east-1")
    }
}

/// How public traffic is billed.
pub(in crate::emulator) const CHARGE_TYPES: &[&str] =
    &["ByBandwidth", "ByTrafficPackage", "BandwidthCluster"];

/// The lines of public addresses.
pub(in crate::emulator) const LINES: &[&str] =
    &["BGPLine", "CN2Line", "LocalLine", "ChinaTelecom", "ChinaUnicom", "ChinaMobile", "Cogent", "ThreeLine"];

/// The categories of disks; the first one is the default.
pub(in crate::emulator) const DISK_CATEGORIES: &[&str] = &["Standard NVMe SSD", "Basic NVMe SSD"];

/// Time zones a machine can be set to.
pub(in crate::emulator) const TIME_ZONES: &[&str] = &[
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Hong_Kong",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Europe/Berlin",
    "Europe/London",
    "UTC",
];

pub(in crate::emulator) fn region(id: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.id == id)
}

pub(in crate::emulator) fn region_of_zone(zone: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.zone == zone)
}

pub(in crate::emulator) fn find_model(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}
