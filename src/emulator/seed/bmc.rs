//! What bmc sells. Its zones are those of [`super::ZONES`], its images those of [`super::IMAGES`], its key pairs
//! those of [`super::KEY_PAIRS`].

/// A model of bare metal.
pub(in crate::emulator) struct Model {
    pub(in crate::emulator) id: &'static str,
    pub(in crate::emulator) cpu_detail: &'static str,
    pub(in crate::emulator) sockets: i64,
    /// Of all sockets together.
    pub(in crate::emulator) cores: i64,
    /// GB.
    pub(in crate::emulator) memory: i64,
    /// Mbps.
    pub(in crate::emulator) bandwidth_limit: i64,
    /// Size in GB and number of the disks.
    pub(in crate::emulator) disks: (i64, i64),
    pub(in crate::emulator) raids: &'static [i64],
    pub(in crate::emulator) ha: bool,
    pub(in crate::emulator) zones: &'static [&'static str],
    pub(in crate::emulator) sold_out: bool,
}

const EVERYWHERE: &[&str] = &["SEL-A", "HKG-A", "FRA-A", "SAO-A"];

/// N2X is sold only in SEL-A and sold out there.
pub(in crate::emulator) const MODELS: &[Model] = &[
    Model {
        id: "S9I",
        cpu_detail: "1 x 16-core 2.9 GHz",
        sockets: 1,
        cores: 16,
        memory: 64,
        bandwidth_limit: 1_000,
        disks: (480, 2),
        raids: &[0, 1],
        ha: false,
        zones: EVERYWHERE,
        sold_out: false,
    },
    Model {
        id: "M8C",
        cpu_detail: "2 x 16-core 2.9 GHz",
        sockets: 2,
        cores: 32,
        memory: 128,
        bandwidth_limit: 10_000,
        disks: (960, 4),
        raids: &[0, 1, 5, 10],
        ha: true,
        zones: EVERYWHERE,
        sold_out: false,
    },
    Model {
        id: "L6D",
        cpu_detail: "2 x 32-core 2.6 GHz",
        sockets: 2,
        cores: 64,
        memory: 256,
        bandwidth_limit: 10_000,
        disks: (1_920, 6),
        raids: &[0, 1, 5, 10],
        ha: false,
        zones: EVERYWHERE,
        sold_out: false,
    },
    Model {
        id: "N2X",
        cpu_detail: "2 x 48-core 2.4 GHz",
        sockets: 2,
        cores: 96,
        memory: 512,
        bandwidth_limit: 10_000,
        disks: (3_840, 8),
        raids: &[0, 1, 5, 10],
        ha: true,
        zones: &["SEL-A"],
        sold_out: true,
    },
];

/// How public traffic is billed.
pub(in crate::emulator) const CHARGE_TYPES: &[&str] =
    &["ByBandwidth", "ByTrafficPackage", "ByInstanceBandwidth95", "ByClusterBandwidth95", "BandwidthCluster"];

/// Masks of elastic addresses on sale.
pub(in crate::emulator) const NETMASKS: &[i64] = &[29, 30, 32];

/// A private network: id, zone, range.
pub(in crate::emulator) struct Subnet {
    pub(in crate::emulator) id: &'static str,
    pub(in crate::emulator) zone: &'static str,
    /// The first three numbers of its addresses.
    pub(in crate::emulator) prefix: &'static str,
}

/// One /24 per zone that has any; SAO-A has none.
pub(in crate::emulator) const SUBNETS: &[Subnet] = &[
    Subnet { id: "bsubnet-sel", zone: "SEL-A", prefix: "10.50.0" },
    Subnet { id: "bsubnet-hkg", zone: "HKG-A", prefix: "10.51.0" },
    Subnet { id: "bsubnet-fra", zone: "FRA-A", prefix: "10.52.0" },
];

pub(in crate::emulator) fn model(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

pub(in crate::emulator) fn subnet(id: &str) -> Option<&'static Subnet> {
    SUBNETS.iter().find(|subnet| subnet.id == id)
}
