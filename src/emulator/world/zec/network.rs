//! VPCs, subnets with their addresses, security groups and interfaces of zec.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::emulator::seed;
use crate::emulator::world::vm::security_group::Rule;

/// The VPC that the account has from the start.
pub(in crate::emulator) const DEFAULT_VPC: &str = "vpc-default";
/// The group of the default VPC.
pub(in crate::emulator) const DEFAULT_GROUP: &str = "zsg-default";

/// A private network that spans regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Vpc {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) cidr: Ipv4Net,
    pub(in crate::emulator) ipv6: bool,
    pub(in crate::emulator) mtu: i64,
    /// The group of interfaces that name none.
    pub(in crate::emulator) group: String,
    pub(in crate::emulator) resource_group: String,
    pub(in crate::emulator) tags: Vec<(String, String)>,
    pub(in crate::emulator) created: Duration,
}

impl Vpc {
    pub(in crate::emulator) fn is_default(&self) -> bool {
        self.id == DEFAULT_VPC
    }
}

/// A range of a VPC in one region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Subnet {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) region: String,
    pub(in crate::emulator) vpc: String,
    pub(in crate::emulator) cidr: Ipv4Net,
    /// `IPv4` or `IPv4_IPv6`.
    pub(in crate::emulator) stack: String,
    /// `Public` or `Private`, with IPv6 only.
    pub(in crate::emulator) ipv6_type: Option<String>,
    pub(in crate::emulator) default: bool,
    pub(in crate::emulator) created: Duration,
    taken: BTreeSet<u32>,
}

/// The network's own address and its gateway come first.
const RESERVED: u32 = 2;

impl Subnet {
    pub(in crate::emulator) fn new(
        id: String,
        region: &str,
        vpc: &str,
        cidr: Ipv4Net,
        now: Duration,
    ) -> Self {
        Self {
            name: id.clone(),
            id,
            region: region.to_owned(),
            vpc: vpc.to_owned(),
            cidr,
            stack: "IPv4".to_owned(),
            ipv6_type: None,
            default: false,
            created: now,
            taken: BTreeSet::new(),
        }
    }

    fn base(&self) -> u32 {
        u32::from(self.cidr.network())
    }

    pub(in crate::emulator) fn gateway(&self) -> String {
        Ipv4Addr::from(self.base().saturating_add(1)).to_string()
    }

    pub(in crate::emulator) fn used(&self) -> usize {
        self.taken.len()
    }

    /// The lowest free addresses, from `start` on if one is given; nothing if they are too few.
    pub(in crate::emulator) fn take(&mut self, count: usize, start: Option<Ipv4Addr>) -> Option<Vec<String>> {
        let base = self.base();
        let last = u32::from(self.cidr.broadcast()).saturating_sub(base).saturating_sub(1);
        let first = start.map_or(RESERVED, |start| u32::from(start).saturating_sub(base)).max(RESERVED);
        let free = (first..=last).filter(|offset| !self.taken.contains(offset));
        let offsets: Vec<u32> = free.take(count).collect();
        if offsets.len() < count {
            return None;
        }
        self.taken.extend(&offsets);
        Some(offsets.iter().map(|offset| Ipv4Addr::from(base.saturating_add(*offset)).to_string()).collect())
    }

    pub(in crate::emulator) fn give_back(&mut self, address: &str) {
        if let Ok(address) = address.parse::<Ipv4Addr>() {
            self.taken.remove(&u32::from(address).saturating_sub(self.base()));
        }
    }
}

/// A security group; it holds in every region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Group {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) rules: Vec<Rule>,
    pub(in crate::emulator) created: Duration,
}

/// The primary interface of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Nic {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) machine: String,
    pub(in crate::emulator) region: String,
    pub(in crate::emulator) vpc: String,
    pub(in crate::emulator) subnet: String,
    pub(in crate::emulator) stack: String,
    pub(in crate::emulator) address: String,
    pub(in crate::emulator) group: String,
    pub(in crate::emulator) created: Duration,
    pub(in crate::emulator) updated: Duration,
}

impl Nic {
    /// A locally administered address, made of the last digits of the id.
    pub(in crate::emulator) fn mac(&self) -> String {
        let number = self.id.parse::<u64>().unwrap_or_default().to_be_bytes();
        let [_, _, _, a, b, c, d, e] = number;
        format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
    }
}

pub(super) fn seeded_vpcs() -> Vec<Vpc> {
    vec![Vpc {
        id: DEFAULT_VPC.to_owned(),
        name: "default".to_owned(),
        cidr: seed::zec::VPC,
        ipv6: false,
        mtu: 1500,
        group: DEFAULT_GROUP.to_owned(),
        resource_group: seed::default_resource_group().to_owned(),
        tags: Vec::new(),
        created: seed::MADE,
    }]
}

pub(super) fn seeded_subnets() -> Vec<Subnet> {
    let regions = seed::zec::REGIONS.iter();
    let subnets = regions.map(|region| Subnet {
        name: "main".to_owned(),
        default: true,
        ..Subnet::new(region.subnet.to_owned(), region.id, DEFAULT_VPC, region.cidr, seed::MADE)
    });
    subnets.collect()
}

pub(super) fn seeded_groups() -> Vec<Group> {
    let group = |id: &str, name: &str, ports: &str| Group {
        id: id.to_owned(),
        name: name.to_owned(),
        rules: vec![Rule {
            direction: "ingress".to_owned(),
            policy: "accept".to_owned(),
            priority: 1,
            protocol: "tcp".to_owned(),
            ports: ports.to_owned(),
            cidr: "0.0.0.0/0".to_owned(),
            description: String::new(),
        }],
        created: seed::MADE,
    };
    let vm_groups =
        seed::SECURITY_GROUPS.iter().filter(|known| known.status == "Available" && !known.default);
    let mut groups = vec![group(DEFAULT_GROUP, "default", "22")];
    groups.extend(vm_groups.map(|known| group(known.id, known.name, "443")));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(cidr: &str) -> Subnet {
        Subnet::new("s".into(), "r", "v", cidr.parse().unwrap(), Duration::ZERO)
    }

    #[test]
    fn addresses_begin_behind_the_gateway_and_end_before_the_broadcast() {
        let mut subnet = subnet("10.0.0.0/29");
        assert_eq!(subnet.gateway(), "10.0.0.1");
        assert_eq!(subnet.take(2, None).unwrap(), ["10.0.0.2", "10.0.0.3"]);
        assert_eq!(subnet.take(4, None), None);
        assert_eq!(subnet.take(3, None).unwrap().last().unwrap(), "10.0.0.6");
        subnet.give_back("10.0.0.4");
        assert_eq!((subnet.used(), subnet.take(1, None).unwrap()), (4, vec!["10.0.0.4".to_owned()]));
    }

    #[test]
    fn a_start_address_that_is_taken_moves_on() {
        let mut subnet = subnet("10.0.0.0/24");
        let start = Some(Ipv4Addr::new(10, 0, 0, 9));
        assert_eq!(subnet.take(1, start).unwrap(), ["10.0.0.9"]);
        assert_eq!(subnet.take(2, start).unwrap(), ["10.0.0.10", "10.0.0.11"]);
    }
}
