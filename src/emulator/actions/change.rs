//! Changes to machines. State flips in the call itself, because Terraform takes any other state right after a
//! terminate for an error. A call that names several machines changes all or none.

use serde_json::Map;

use super::vm;
use super::vm_create::{login, name};
use crate::emulator::call::{Call, Reply};
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::world::{Machine, Product};

/// Machines one call may name.
const IDS: usize = 100;

/// Looks at every machine named, then changes every one.
fn each(
    call: &mut Call<'_>,
    product: Product,
    check: fn(&Machine, Status) -> Result<(), Problem>,
    change: impl Fn(&mut Machine),
) -> Reply {
    let ids = call.fields.texts_up_to("instanceIds", IDS)?;
    if ids.is_empty() {
        return Err(Problem::missing("instanceIds"));
    }
    let now = call.now;
    for id in &ids {
        let machine = call.machine(product, id)?;
        check(machine, machine.life.at(now))?;
    }
    for id in ids {
        change(call.machine(product, id)?);
    }
    Ok(Map::new())
}

fn status(code: &'static str, machine: &Machine, status: Status) -> Problem {
    Problem::denied(code, format!("The instance {} is {}.", machine.id, status.as_str()))
}

/// Anything that is neither being created nor on its way out.
pub(super) fn settled(machine: &Machine, now: Status) -> Result<(), Problem> {
    match now {
        Status::Recycle | Status::Recycling | Status::Releasing => {
            Err(status("OPERATION_FAILED_FOR_RECYCLE_RESOURCE", machine, now))
        }
        _ if now.is_creating() => Err(status("OPERATION_DENIED_INSTANCE_CREATING", machine, now)),
        _ => Ok(()),
    }
}

fn running(machine: &Machine, now: Status) -> Result<(), Problem> {
    settled(machine, now)?;
    if now == Status::Running {
        Ok(())
    } else {
        Err(status("OPERATION_DENIED_INSTANCE_STATUS", machine, now))
    }
}

pub(super) fn stopped(machine: &Machine, now: Status) -> Result<(), Problem> {
    settled(machine, now)?;
    if now == Status::Stopped {
        Ok(())
    } else {
        Err(status("OPERATION_DENIED_INSTANCE_STATUS", machine, now))
    }
}

pub(super) fn start(call: &mut Call<'_>) -> Reply {
    let (now, pace) = (call.now, call.world.pace);
    each(call, Product::Vm, stopped, |machine| {
        machine.life.change(now, pace, Status::Booting, Status::Running);
    })
}

pub(super) fn stop(call: &mut Call<'_>) -> Reply {
    call.fields.boolean("forceShutdown")?;
    let (now, pace) = (call.now, call.world.pace);
    each(call, Product::Vm, running, |machine| {
        machine.life.change(now, pace, Status::Stopping, Status::Stopped);
    })
}

pub(super) fn reboot(call: &mut Call<'_>) -> Reply {
    let (now, pace) = (call.now, call.world.pace);
    each(call, Product::Vm, running, |machine| {
        machine.life.change(now, pace, Status::Reboot, Status::Running);
    })
}

/// ModifyInstancesAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let name = name::plain(call.fields.required("instanceName")?)?;
    each(call, Product::Vm, settled, |machine| machine.name.clone_from(&name))
}

/// ModifyInstancesResourceGroup.
pub(super) fn regroup(call: &mut Call<'_>) -> Reply {
    call.fields.required("resourceGroupId")?;
    let group = call.resource_group()?;
    each(call, Product::Vm, settled, |machine| machine.resource_group.clone_from(&group))
}

/// ResetInstancesPassword: checked, not kept.
pub(super) fn password(call: &mut Call<'_>) -> Reply {
    login::check(call.fields.required("password")?)?;
    each(call, Product::Vm, settled, |_| {})
}

pub(super) fn vm_terminate(call: &mut Call<'_>) -> Reply {
    terminate(call, Product::Vm)
}

/// Into the recycle bin; a machine whose create failed is deleted directly.
fn terminate(call: &mut Call<'_>, product: Product) -> Reply {
    let (now, pace) = (call.now, call.world.pace);
    let machine = call.machine(product, call.fields.required("instanceId")?)?;
    match machine.life.at(now) {
        current @ (Status::Recycle | Status::Recycling | Status::Releasing) => {
            return Err(status("OPERATION_DENIED_INSTANCE_RECYCLED", machine, current));
        }
        current if current.is_creating() => {
            return Err(status("OPERATION_DENIED_INSTANCE_CREATING", machine, current));
        }
        Status::CreateFailed => machine.life.end(now),
        _ => machine.life.change(now, pace, Status::Recycling, Status::Recycle),
    }
    Ok(Map::new())
}

/// The data disks of the machines stay, free for others.
pub(super) fn vm_release(call: &mut Call<'_>) -> Reply {
    let reply = release(call, Product::Vm)?;
    vm::free_disks(call)?;
    Ok(reply)
}

/// Out of the bin for good.
fn release(call: &mut Call<'_>, product: Product) -> Reply {
    fn in_bin(machine: &Machine, now: Status) -> Result<(), Problem> {
        match now {
            Status::Recycle | Status::Recycling | Status::Releasing => Ok(()),
            _ => Err(status("OPERATION_DENIED_INSTANCE_NOT_RECYCLED", machine, now)),
        }
    }
    let (now, pace) = (call.now, call.world.pace);
    each(call, product, in_bin, |machine| {
        machine.life.change(now, pace, Status::Releasing, Status::Gone);
    })
}
