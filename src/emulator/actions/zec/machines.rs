//! Changes to zec machines. zec knows no terminate: the first release puts a machine in the bin, the second one
//! removes it.

use serde_json::{Map, json};

use super::{Edition, order};
use crate::emulator::actions::fleet::{self, denied, none_failed};
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::zec::Extra;
use crate::emulator::world::{Machine, Product};

/// Neither being created nor in the bin.
fn settled(machine: &Machine, now: Status) -> Result<(), Problem> {
    match now {
        Status::Recycle | Status::Recycling | Status::Releasing => {
            Err(denied("OPERATION_FAILED_FOR_RECYCLE_RESOURCE", machine, now))
        }
        Status::CreateFailed => Err(denied("OPERATION_DENIED_INSTANCE_STATUS", machine, now)),
        _ => created(machine, now),
    }
}

fn created(machine: &Machine, now: Status) -> Result<(), Problem> {
    if now.is_creating() { Err(denied("OPERATION_DENIED_INSTANCE_CREATING", machine, now)) } else { Ok(()) }
}

fn running(machine: &Machine, now: Status) -> Result<(), Problem> {
    settled(machine, now)?;
    if now == Status::Running {
        Ok(())
    } else {
        Err(denied("OPERATION_DENIED_INSTANCE_STATUS", machine, now))
    }
}

fn stopped(machine: &Machine, now: Status) -> Result<(), Problem> {
    settled(machine, now)?;
    if now == Status::Stopped {
        Ok(())
    } else {
        Err(denied("OPERATION_DENIED_INSTANCE_STATUS", machine, now))
    }
}

fn at_rest(machine: &Machine, now: Status) -> Result<(), Problem> {
    if now == Status::Stopped { Ok(()) } else { running(machine, now) }
}

/// Moves machines through a state into another one.
fn pass(call: &mut Call<'_>, fits: fleet::Check, through: Status, end: Status) -> Reply {
    let (now, pace) = (call.now, call.world.pace);
    fleet::change(call, Product::Zec, fits, |machine| machine.life.change(now, pace, through, end))?;
    Ok(none_failed("instanceIds"))
}

pub(super) fn start(call: &mut Call<'_>) -> Reply {
    pass(call, stopped, Status::Booting, Status::Running)
}

pub(super) fn stop(call: &mut Call<'_>) -> Reply {
    call.fields.boolean("forceShutdown")?;
    pass(call, running, Status::Stopping, Status::Stopped)
}

pub(super) fn reboot(call: &mut Call<'_>) -> Reply {
    pass(call, running, Status::Reboot, Status::Running)
}

/// ModifyInstancesAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let name = call.fields.required("instanceName")?;
    order::check_name(name)?;
    fleet::change(call, Product::Zec, settled, |machine| name.clone_into(&mut machine.name))?;
    Ok(Map::new())
}

/// ModifyInstancesResourceGroup; 2025 leaves this to the service `user`.
pub(super) fn regroup(call: &mut Call<'_>) -> Reply {
    call.fields.required("resourceGroupId")?;
    let group = call.resource_group()?;
    fleet::change(call, Product::Zec, settled, |machine| machine.resource_group.clone_from(&group))?;
    Ok(Map::new())
}

/// ModifyInstanceType: RESIZING, and then what it was before.
pub(super) fn resize(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    let model = call.fields.required("instanceType")?;
    fleet::check(call, Product::Zec, &[id], at_rest)?;
    let (now, pace) = (call.now, call.world.pace);
    let machine = call.machine(Product::Zec, id)?;
    let region = seed::zec::region_of_zone(&machine.zone)
        .ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))?;
    let model = order::sold(model, region)?;
    if model.id == machine.model {
        return Err(Problem::value("instanceType", "is the type the instance has already"));
    }
    machine.model = model.id.to_owned();
    (machine.cpu, machine.memory) = (model.cpu, model.memory);
    let before = machine.life.at(now);
    machine.life.change(now, pace, Status::Resizing, before);
    let mut result = Map::new();
    if Edition::of(call.version) == Edition::Y2024 {
        result.insert("orderNumber".to_owned(), json!(call.world.number()));
    }
    Ok(result)
}

pub(super) fn reset(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    reinstall(call, &[id])?;
    Ok(Map::new())
}

/// ResetInstances.
pub(super) fn reset_many(call: &mut Call<'_>) -> Reply {
    let ids = fleet::ids(call.fields)?;
    reinstall(call, &ids)?;
    Ok(none_failed("instanceIds"))
}

/// From STOPPED through REBUILDING to RUNNING, with the same image unless another one is named.
fn reinstall(call: &mut Call<'_>, ids: &[&str]) -> Result<(), Problem> {
    let fields = call.fields;
    let image = fields.text("imageId")?.map(order::find_image).transpose()?;
    let time_zone = fields.one_of("timezone", seed::zec::TIME_ZONES)?;
    let agent = fields.boolean("enableAgent")?;
    let newest = Edition::of(call.version) == Edition::Y2025;
    let name = if newest { fields.text("instanceName")? } else { None };
    name.map(order::check_name).transpose()?;
    simple::check_rest(fields)?;
    fleet::check(call, Product::Zec, ids, stopped)?;
    let mut plans = Vec::new();
    for id in ids {
        let present = call.machine(Product::Zec, id)?.image.clone();
        let image = image.map_or_else(|| order::find_image(&present), Ok)?;
        plans.push((*id, image, order::login(fields, &call.world.account, image)?));
    }
    let (now, pace) = (call.now, call.world.pace);
    for (id, image, key) in plans {
        let machine = call.machine(Product::Zec, id)?;
        machine.image = image.id.to_owned();
        machine.image_name = image.name.to_owned();
        machine.key = key;
        if let Some(name) = name {
            name.clone_into(&mut machine.name);
        }
        machine.life.change(now, pace, Status::Rebuilding, Status::Running);
        let extra = extra(call, id);
        extra.agent = agent.unwrap_or(false);
        if let Some(zone) = time_zone {
            zone.clone_into(&mut extra.time_zone);
        }
    }
    Ok(())
}

fn extra<'a>(call: &'a mut Call<'_>, id: &str) -> &'a mut Extra {
    call.world.zec.machines.entry(id.to_owned()).or_default()
}

/// ResetInstancePassword: checked, not kept.
pub(super) fn password(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    order::check_password(call.fields.required("password")?)?;
    fleet::check(call, Product::Zec, &[id], settled)?;
    Ok(Map::new())
}

/// Turns a switch of one machine.
fn switch(call: &mut Call<'_>, turn: fn(&mut Extra)) -> Reply {
    let id = call.fields.required("instanceId")?;
    fleet::check(call, Product::Zec, &[id], settled)?;
    turn(extra(call, id));
    Ok(Map::new())
}

pub(super) fn start_ip_forward(call: &mut Call<'_>) -> Reply {
    switch(call, |extra| extra.ip_forward = true)
}

pub(super) fn stop_ip_forward(call: &mut Call<'_>) -> Reply {
    switch(call, |extra| extra.ip_forward = false)
}

pub(super) fn start_agent_monitor(call: &mut Call<'_>) -> Reply {
    switch(call, |extra| extra.agent_monitor = true)
}

pub(super) fn stop_agent_monitor(call: &mut Call<'_>) -> Reply {
    switch(call, |extra| extra.agent_monitor = false)
}

/// Into the bin; out of it for good. Interface, private address and what else goes are given back by the second
/// call itself: Terraform deletes the subnet right after it.
pub(super) fn release(call: &mut Call<'_>) -> Reply {
    let with_resources = call.fields.boolean("dependResource")?.unwrap_or(true);
    let ids = fleet::ids(call.fields)?;
    fleet::check(call, Product::Zec, &ids, created)?;
    let (now, pace) = (call.now, call.world.pace);
    for id in ids {
        let machine = call.machine(Product::Zec, id)?;
        match machine.life.at(now) {
            Status::Recycle | Status::Recycling => {
                machine.life.change(now, pace, Status::Releasing, Status::Gone);
            }
            Status::CreateFailed => machine.life.end(now),
            // A third call finds it on its way out.
            Status::Releasing | Status::Gone => continue,
            _ => {
                machine.life.change(now, pace, Status::Recycling, Status::Recycle);
                continue;
            }
        }
        call.world.zec.leave(id, with_resources);
    }
    Ok(none_failed("instanceIds"))
}
