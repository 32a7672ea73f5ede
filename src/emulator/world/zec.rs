//! What the account has in zec besides its machines: networks, interfaces, disks, public addresses.
//!
//! A zec machine lives in [`super::World::machines`] like any other, so that calls across products (tags, resource
//! groups) find it; what only zec knows of it is [`Extra`], by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(in crate::emulator) mod disk;
pub(in crate::emulator) mod eip;
pub(in crate::emulator) mod network;

use disk::ZecDisk;
use eip::Eip;
use network::{Group, Nic, Subnet, Vpc};

use super::resource::{Labels, Resource};

/// Everything of zec but the machines. Numbered things stand in the order of their creation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Zec {
    pub(in crate::emulator) vpcs: Vec<Vpc>,
    pub(in crate::emulator) subnets: Vec<Subnet>,
    pub(in crate::emulator) groups: Vec<Group>,
    pub(in crate::emulator) nics: BTreeMap<String, Nic>,
    pub(in crate::emulator) disks: BTreeMap<String, ZecDisk>,
    pub(in crate::emulator) eips: BTreeMap<String, Eip>,
    pub(in crate::emulator) machines: BTreeMap<String, Extra>,
    /// Public addresses handed out so far.
    addresses: u32,
}

/// What only zec knows of a machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::emulator) struct Extra {
    /// The primary interface; none once the machine is released.
    pub(in crate::emulator) nic: Option<String>,
    pub(in crate::emulator) time_zone: String,
    pub(in crate::emulator) nic_network_type: String,
    pub(in crate::emulator) agent: bool,
    pub(in crate::emulator) agent_monitor: bool,
    pub(in crate::emulator) ip_forward: bool,
    pub(in crate::emulator) nested_virtualization: bool,
    pub(in crate::emulator) placement_group: Option<String>,
}

impl Zec {
    /// The account as it is delivered.
    pub(in crate::emulator) fn seeded() -> Self {
        Self {
            vpcs: network::seeded_vpcs(),
            subnets: network::seeded_subnets(),
            groups: network::seeded_groups(),
            nics: BTreeMap::new(),
            disks: BTreeMap::new(),
            eips: BTreeMap::new(),
            machines: BTreeMap::new(),
            addresses: 0,
        }
    }

    /// A public address nobody has, out of 100.64.0.0/10.
    pub(in crate::emulator) fn public_address(&mut self) -> String {
        self.addresses = self.addresses.wrapping_add(1);
        std::net::Ipv4Addr::from(0x6440_0000 | (self.addresses & 0x003f_ffff)).to_string()
    }

    /// The interface of a machine.
    pub(in crate::emulator) fn nic_of(&self, machine: &str) -> Option<&Nic> {
        self.nics.get(self.machines.get(machine)?.nic.as_ref()?)
    }

    /// The data disks of a machine, oldest first.
    pub(in crate::emulator) fn disks_of<'a>(&'a self, machine: &'a str) -> impl Iterator<Item = &'a ZecDisk> {
        self.disks.values().filter(move |disk| disk.machine.as_deref() == Some(machine))
    }

    /// The public addresses of an interface.
    pub(in crate::emulator) fn eips_of<'a>(&'a self, nic: &'a str) -> impl Iterator<Item = &'a Eip> {
        self.eips.values().filter(move |eip| eip.bound.as_ref().is_some_and(|binding| binding.nic == nic))
    }

    /// Takes what a machine had from it: its interface goes, and its disks and addresses go too or become free.
    pub(in crate::emulator) fn leave(&mut self, machine: &str, with_resources: bool) {
        let nic = self.machines.get_mut(machine).and_then(|extra| extra.nic.take());
        if let Some(nic) = nic.and_then(|id| self.nics.remove(&id)) {
            self.eips.retain(|_, eip| {
                if eip.bound.as_ref().is_some_and(|binding| binding.nic == nic.id) {
                    eip.bound = None;
                    return !(with_resources && eip.with_machine);
                }
                true
            });
            if let Some(subnet) = self.subnets.iter_mut().find(|subnet| subnet.id == nic.subnet) {
                subnet.give_back(&nic.address);
            }
        }
        self.disks.retain(|_, disk| {
            if disk.machine.as_deref() == Some(machine) {
                disk.machine = None;
                return !(with_resources && disk.with_machine);
            }
            true
        });
    }

    /// What is in a resource group and can carry tags, besides machines.
    pub(super) fn resources(&self, now: Duration) -> impl Iterator<Item = Resource<'_>> {
        let vpcs = self.vpcs.iter().map(|vpc| Resource {
            kind: "ZEC_VPC",
            id: &vpc.id,
            name: &vpc.name,
            group: &vpc.resource_group,
            tags: &vpc.tags,
            created: vpc.created,
        });
        let disks = self.disks.values().filter(move |disk| disk.state(now) != disk::State::Gone);
        let disks = disks.map(|disk| Resource {
            kind: "ZEC_DISK",
            id: &disk.id,
            name: &disk.name,
            group: &disk.resource_group,
            tags: &disk.tags,
            created: disk.created,
        });
        let eips = self.eips.values().filter(move |eip| eip.life.at(now) != eip::State::Gone);
        let eips = eips.map(|eip| Resource {
            kind: "ZEC_EIP",
            id: &eip.id,
            name: &eip.name,
            group: &eip.resource_group,
            tags: &eip.tags,
            created: eip.created,
        });
        vpcs.chain(disks).chain(eips)
    }

    /// One of them, to be changed.
    pub(super) fn labels(&mut self, id: &str, now: Duration) -> Option<Labels<'_>> {
        let vpc = self.vpcs.iter_mut().find(|vpc| vpc.id == id);
        if let Some(vpc) = vpc {
            return Some(Labels { group: &mut vpc.resource_group, tags: &mut vpc.tags });
        }
        if let Some(disk) = self.disks.get_mut(id).filter(|disk| disk.state(now) != disk::State::Gone) {
            return Some(Labels { group: &mut disk.resource_group, tags: &mut disk.tags });
        }
        let eip = self.eips.get_mut(id).filter(|eip| eip.life.at(now) != eip::State::Gone)?;
        Some(Labels { group: &mut eip.resource_group, tags: &mut eip.tags })
    }
}
