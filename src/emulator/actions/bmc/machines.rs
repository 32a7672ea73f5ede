//! Changes to bmc machines.
//!
//! The Terraform provider looks once after a terminate and takes every state but RECYCLE for an error, so a machine is
//! in the bin at once. The bin is emptied after 24 hours. Terminating a subscription cancels it: the machine stays
//! until the subscription ends, and then goes into the bin by itself.

use std::time::Duration;

use serde_json::{Map, json};

use super::order;
use crate::emulator::actions::fleet::{self, denied};
use crate::emulator::actions::shape::end;
use crate::emulator::actions::vm_create::name;
use crate::emulator::call::{Call, Reply};
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::world::{Machine, Product};

/// How long things stay in the bin.
pub(super) const BIN: Duration = Duration::from_secs(24 * 60 * 60);

fn not_in_bin(machine: &Machine, now: Status) -> Result<(), Problem> {
    match now {
        Status::Recycle => Err(denied("OPERATION_DENIED_INSTANCE_RECYCLED", machine, now)),
        _ => Ok(()),
    }
}

fn running(machine: &Machine, now: Status) -> Result<(), Problem> {
    not_in_bin(machine, now)?;
    match now {
        Status::Running => Ok(()),
        _ => Err(denied("OPERATION_DENIED_INSTANCE_NOT_RUNNING", machine, now)),
    }
}

fn stopped(machine: &Machine, now: Status) -> Result<(), Problem> {
    not_in_bin(machine, now)?;
    match now {
        Status::Stopped => Ok(()),
        _ => Err(denied("OPERATION_DENIED_INSTANCE_NOT_STOPPED", machine, now)),
    }
}

/// What a reboot wants: its page has another code for the same state.
fn rebootable(machine: &Machine, now: Status) -> Result<(), Problem> {
    not_in_bin(machine, now)?;
    match now {
        Status::Running => Ok(()),
        _ => Err(denied("OPERATION_DENIED_INSTANCE_STATUS", machine, now)),
    }
}

/// Running or stopped.
pub(super) fn at_rest(machine: &Machine, now: Status) -> Result<(), Problem> {
    if now == Status::Stopped { Ok(()) } else { rebootable(machine, now) }
}

/// Moves a machine through a state into another one; a cancelled subscription still ends when it ends.
pub(super) fn pass(call: &mut Call<'_>, id: &str, through: Status, last: Status) -> Result<(), Problem> {
    let (now, after) = (call.now, call.world.pace.change_after);
    let cancelled = call.world.bmc.machines.get(id).is_some_and(|extra| extra.cancelled);
    let machine = call.machine(Product::Bmc, id)?;
    let mut steps = vec![(now, through), (now.saturating_add(after), last)];
    if let Some(expiry) = end(machine.created, machine.period).filter(|_| cancelled) {
        steps.push((expiry, Status::Recycle));
        steps.push((expiry.saturating_add(BIN), Status::Gone));
        steps.sort_by_key(|(at, _)| *at);
    }
    machine.life.plan(steps);
    Ok(())
}

fn pass_all(call: &mut Call<'_>, fits: fleet::Check, through: Status, end: Status) -> Reply {
    let ids = fleet::ids(call.fields)?;
    fleet::check(call, Product::Bmc, &ids, fits)?;
    ids.into_iter().try_for_each(|id| pass(call, id, through, end))?;
    Ok(Map::new())
}

pub(super) fn start(call: &mut Call<'_>) -> Reply {
    pass_all(call, stopped, Status::Booting, Status::Running)
}

pub(super) fn stop(call: &mut Call<'_>) -> Reply {
    pass_all(call, running, Status::Stopping, Status::Stopped)
}

pub(super) fn reboot(call: &mut Call<'_>) -> Reply {
    pass_all(call, rebootable, Status::Booting, Status::Running)
}

/// ModifyInstancesAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let name = name::plain(call.fields.required("instanceName")?)?;
    fleet::change(call, Product::Bmc, not_in_bin, |machine| machine.name.clone_from(&name))?;
    Ok(Map::new())
}

/// ModifyInstancesResourceGroup.
pub(super) fn regroup(call: &mut Call<'_>) -> Reply {
    call.fields.required("resourceGroupId")?;
    let group = call.resource_group()?;
    fleet::change(call, Product::Bmc, not_in_bin, |machine| machine.resource_group.clone_from(&group))?;
    Ok(Map::new())
}

/// ModifyInstanceBandwidth; it takes effect at once.
pub(super) fn widen(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    let mbps = call.fields.bounded("bandwidthOutMbps", 1, i64::MAX)?;
    let mbps = mbps.ok_or_else(|| Problem::missing("bandwidthOutMbps"))?;
    fleet::check(call, Product::Bmc, &[id], at_rest)?;
    let machine = call.machine(Product::Bmc, id)?;
    order::check_bandwidth(mbps, order::model(&machine.model)?)?;
    machine.bandwidth = mbps;
    let mut result = Map::new();
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    Ok(result)
}

/// Into the bin; a failed create is deleted directly; a subscription is cancelled, once.
pub(super) fn terminate(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    let now = call.now;
    let machine = call.machine(Product::Bmc, id)?;
    let status = machine.life.at(now);
    not_in_bin(machine, status)?;
    if status.is_creating() {
        return Err(denied("OPERATION_DENIED_INSTANCE_CREATING", machine, status));
    }
    if status == Status::Rebuilding {
        return Err(denied("OPERATION_DENIED_INSTANCE_STATUS_INSTALLING", machine, status));
    }
    if status == Status::CreateFailed {
        machine.life.end(now);
        return Ok(Map::new());
    }
    if machine.period.is_none() {
        machine.life.plan(vec![(now, Status::Recycle), (now.saturating_add(BIN), Status::Gone)]);
        return Ok(Map::new());
    }
    let extra = call.world.bmc.machines.entry(id.to_owned()).or_default();
    if extra.cancelled {
        return Err(Problem::denied(
            "OPERATION_DENIED_INSTANCE_SUBSCRIPTION",
            format!("The subscription of the instance {id} is cancelled and runs to its end."),
        ));
    }
    extra.cancelled = true;
    // What is under way goes on: a stop, for example, still ends in STOPPED.
    let end = call.machine(Product::Bmc, id)?.life.at(Duration::MAX);
    pass(call, id, status, end)?;
    Ok(Map::new())
}

/// Out of the bin for good.
pub(super) fn release(call: &mut Call<'_>) -> Reply {
    fn in_bin(machine: &Machine, now: Status) -> Result<(), Problem> {
        match now {
            Status::Recycle => Ok(()),
            _ => Err(denied("OPERATION_DENIED_INSTANCE_NOT_RECYCLED", machine, now)),
        }
    }
    let now = call.now;
    fleet::change(call, Product::Bmc, in_bin, |machine| machine.life.end(now))?;
    Ok(Map::new())
}
