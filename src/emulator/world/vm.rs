//! What the account has in vm besides its machines: subnets, security groups, data disks, images, and changes of
//! machines that have been ordered and take effect later.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(in crate::emulator) mod disk;
pub(in crate::emulator) mod image;
pub(in crate::emulator) mod scheduled;
pub(in crate::emulator) mod security_group;
pub(in crate::emulator) mod subnet;

use disk::{DataDisk, DiskStatus};
use image::CustomImage;
use scheduled::Scheduled;
use security_group::SecurityGroup;
use subnet::Subnet;

use crate::emulator::seed;

/// Everything of vm but the machines.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Vm {
    pub(in crate::emulator) subnets: Vec<Subnet>,
    pub(in crate::emulator) security_groups: Vec<SecurityGroup>,
    /// By id; ids ascend, so this is the order of their creation.
    pub(in crate::emulator) disks: BTreeMap<String, DataDisk>,
    pub(in crate::emulator) images: Vec<CustomImage>,
    pub(in crate::emulator) scheduled: Vec<Scheduled>,
}

impl Vm {
    /// vm as it is delivered.
    pub(in crate::emulator) fn seeded() -> Self {
        Self {
            subnets: seed::SUBNETS.iter().map(Subnet::seeded).collect(),
            security_groups: seed::SECURITY_GROUPS.iter().map(SecurityGroup::seeded).collect(),
            disks: BTreeMap::new(),
            images: Vec::new(),
            scheduled: Vec::new(),
        }
    }

    /// A subnet by its id.
    pub(in crate::emulator) fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// A security group by its id.
    pub(in crate::emulator) fn security_group(&self, id: &str) -> Option<&SecurityGroup> {
        self.security_groups.iter().find(|group| group.id == id)
    }

    /// The data disks still listed, with their states.
    pub(in crate::emulator) fn disks_at(
        &self,
        now: Duration,
    ) -> impl DoubleEndedIterator<Item = (&DataDisk, DiskStatus)> {
        let states = self.disks.values().map(move |disk| (disk, disk.life.at(now)));
        states.filter(|(_, status)| *status != DiskStatus::Gone)
    }

    /// How many data disks a machine has or is about to have.
    pub(in crate::emulator) fn disks_on(&self, machine: &str, now: Duration) -> usize {
        self.disks_at(now).filter(|(disk, _)| disk.machine(now) == Some(machine)).count()
    }
}
