//! Everything that is in a resource group and can carry tags, whatever its product.
//!
//! The calls that work across products (`user AddResourceResourceGroup`, all of `zrm`) see the account through this
//! file only. A product that gains such things adds them to both functions.

use std::time::Duration;

use super::vm::disk::DiskStatus;
use super::{Product, World};
use crate::emulator::life::Status;

/// What the calls across products show of a thing.
#[derive(Clone, Copy, Debug)]
pub(in crate::emulator) struct Resource<'a> {
    /// The SDKs list no values for `resourceType`; these are the emulator's own.
    pub(in crate::emulator) kind: &'static str,
    pub(in crate::emulator) id: &'a str,
    pub(in crate::emulator) name: &'a str,
    pub(in crate::emulator) group: &'a str,
    pub(in crate::emulator) tags: &'a [(String, String)],
    pub(in crate::emulator) created: Duration,
}

/// What the calls across products change of a thing.
#[derive(Debug)]
pub(in crate::emulator) struct Labels<'a> {
    pub(in crate::emulator) group: &'a mut String,
    pub(in crate::emulator) tags: &'a mut Vec<(String, String)>,
}

impl World {
    /// All that is listed, machines first, oldest first.
    pub(in crate::emulator) fn resources(&self, now: Duration) -> impl Iterator<Item = Resource<'_>> {
        let listed = self.machines.iter().filter(move |machine| machine.life.at(now) != Status::Gone);
        let machines = listed.map(|machine| Resource {
            kind: match machine.product {
                Product::Vm => "VM_INSTANCE",
                Product::Bmc => "BMC_INSTANCE",
                Product::Zec => "ZEC_INSTANCE",
            },
            id: &machine.id,
            name: &machine.name,
            group: &machine.resource_group,
            tags: &machine.tags,
            created: machine.created,
        });
        let disks = self.vm.disks_at(now).map(|(disk, _)| Resource {
            kind: "VM_DISK",
            id: &disk.id,
            name: &disk.name,
            group: &disk.resource_group,
            tags: &disk.tags,
            created: disk.created,
        });
        machines.chain(disks).chain(self.zec.resources(now)).chain(self.bmc.resources(now))
    }

    /// One of them, to be changed.
    pub(in crate::emulator) fn labels(&mut self, id: &str, now: Duration) -> Option<Labels<'_>> {
        let machine = self
            .machines
            .iter_mut()
            .find(|machine| machine.id == id && machine.life.at(now) != Status::Gone)
            .map(|machine| Labels { group: &mut machine.resource_group, tags: &mut machine.tags });
        let (disks, zec, bmc) = (&mut self.vm.disks, &mut self.zec, &mut self.bmc);
        machine
            .or_else(|| {
                let disk = disks.get_mut(id).filter(|disk| disk.life.at(now) != DiskStatus::Gone)?;
                Some(Labels { group: &mut disk.resource_group, tags: &mut disk.tags })
            })
            .or_else(|| zec.labels(id, now))
            .or_else(|| bmc.labels(id, now))
    }
}
