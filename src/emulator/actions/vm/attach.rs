//! Data disks on and off machines.

use serde_json::Map;

use super::disks::{IDS, disk, wrong_state};
use super::subnets::named;
use crate::emulator::actions::change::settled;
use crate::emulator::actions::vm_create::disks::{DATA_COUNT, too_many};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::world::Product;
use crate::emulator::world::passing::Passing;
use crate::emulator::world::vm::disk::DiskStatus;

/// AttachDisks: all or none.
pub(super) fn attach(call: &mut Call<'_>) -> Reply {
    join(call, DiskStatus::Available, DiskStatus::Attaching)
}

/// ChangeDisksAttach: from the machines they are on to another one.
pub(super) fn change(call: &mut Call<'_>) -> Reply {
    join(call, DiskStatus::InUse, DiskStatus::Changing)
}

/// Disks in one state are bound to the machine named. The code for a disk of another zone is the emulator's own.
fn join(call: &mut Call<'_>, from: DiskStatus, through: DiskStatus) -> Reply {
    let (fields, now, pace) = (call.fields, call.now, call.world.pace);
    let ids = named(fields, "diskIds", IDS)?;
    let id = fields.required("instanceId")?;
    let machine = call.machine(Product::Vm, id)?;
    settled(machine, machine.life.at(now))?;
    let zone = machine.zone.clone();
    for name in &ids {
        let disk = disk(call, name)?;
        let status = disk.life.at(now);
        if status != from {
            return Err(wrong_state(disk, status));
        }
        if disk.zone != zone {
            return Err(Problem::denied(
                "OPERATION_DENIED_DISK_ZONE_MISMATCH",
                format!("The disk {name} is not in the zone of the instance."),
            ));
        }
    }
    let held = call
        .world
        .vm
        .disks_at(now)
        .filter(|(disk, _)| disk.machine(now) == Some(id) && !ids.contains(&disk.id.as_str()));
    let total = i64::try_from(held.count().saturating_add(ids.len())).unwrap_or(i64::MAX);
    if total > DATA_COUNT {
        return Err(too_many());
    }
    for name in ids {
        let disk = disk(call, name)?;
        disk.bound = Some(id.to_owned());
        disk.life = Passing::new(now, pace, through, DiskStatus::InUse);
    }
    Ok(Map::new())
}

/// DetachDisks: all or none. The Terraform provider takes UNSUPPORTED_OPERATION_DISK_NO_ATTACH for success.
pub(super) fn detach(call: &mut Call<'_>) -> Reply {
    let (now, pace) = (call.now, call.world.pace);
    let ids = named(call.fields, "diskIds", IDS)?;
    for id in &ids {
        let disk = disk(call, id)?;
        match disk.life.at(now) {
            DiskStatus::InUse => {}
            DiskStatus::Available => {
                return Err(Problem::denied(
                    "UNSUPPORTED_OPERATION_DISK_NO_ATTACH",
                    format!("The disk {id} is not attached."),
                ));
            }
            status => return Err(wrong_state(disk, status)),
        }
    }
    for id in ids {
        disk(call, id)?.life = Passing::new(now, pace, DiskStatus::Detaching, DiskStatus::Available);
    }
    Ok(Map::new())
}

/// Frees the data disks of the machines that ReleaseInstances names.
pub(in crate::emulator::actions) fn free(call: &mut Call<'_>) -> Result<(), Problem> {
    let (now, pace) = (call.now, call.world.pace);
    let ids = call.fields.texts("instanceIds")?;
    for disk in call.world.vm.disks.values_mut() {
        if disk.machine(now).is_some_and(|machine| ids.contains(&machine)) {
            disk.life = Passing::new(now, pace, DiskStatus::Detaching, DiskStatus::Available);
        }
    }
    Ok(())
}
