//! Elastic addresses of bmc.

use serde_json::{Map, Value, json};

use super::{machines::BIN, order, shape};
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::fields::Fields;
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed::bmc::NETMASKS;
use crate::emulator::world::Product;
use crate::emulator::world::bmc::{BmcEip, State};
use crate::emulator::world::passing::Passing;

fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_EIP_NOT_FOUND", format!("The address {id} does not exist."))
}

fn denied(code: &'static str, eip: &BmcEip, call_now: std::time::Duration) -> Problem {
    Problem::denied(code, format!("The address {} is {}.", eip.id, eip.status(call_now)))
}

fn find<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut BmcEip, Problem> {
    let now = call.now;
    let eip = call.world.bmc.eips.get_mut(id).filter(|eip| eip.life.at(now) != State::Gone);
    eip.ok_or_else(|| not_found(id))
}

/// Frees the addresses of machines that are gone or in the bin, where time alone may have brought them.
fn settle(call: &mut Call<'_>) {
    let now = call.now;
    let here: Vec<&str> = call
        .world
        .listed(Product::Bmc, now)
        .filter(|machine| machine.life.at(now) != Status::Recycle)
        .map(|machine| machine.id.as_str())
        .collect();
    let left: Vec<String> = call
        .world
        .bmc
        .eips
        .values()
        .filter(|eip| eip.machine.as_deref().is_some_and(|machine| !here.contains(&machine)))
        .map(|eip| eip.id.clone())
        .collect();
    for id in left {
        if let Some(eip) = call.world.bmc.eips.get_mut(&id) {
            eip.machine = None;
        }
    }
}

/// Pricing model and months of an order of addresses.
pub(super) fn charge(fields: Fields<'_>) -> Result<(&'static str, Option<i64>), Problem> {
    let kind = fields
        .one_of("eipChargeType", &["PREPAID", "POSTPAID"])?
        .ok_or_else(|| Problem::missing("eipChargeType"))?;
    if kind == "POSTPAID" {
        return Ok(("POSTPAID", None));
    }
    let prepaid = fields.object("eipChargePrepaid")?.ok_or_else(|| Problem::missing("eipChargePrepaid"))?;
    let months = prepaid.bounded("period", 1, i64::MAX)?;
    let months = months.ok_or_else(|| Problem::missing("eipChargePrepaid.period"))?;
    Ok(("PREPAID", Some(months)))
}

/// AllocateEipAddresses.
pub(super) fn allocate(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = order::zone(fields)?;
    let (kind, months) = charge(fields)?;
    let netmask = fields.integer("netmask")?.filter(|mask| *mask != 0).unwrap_or(32);
    if !zone.charge_types.contains(&kind) || !NETMASKS.contains(&netmask) {
        return Err(Problem::invalid(
            "INVALID_EIP_TYPE_ZONE_NO_SELL",
            "Elastic IPs not available for sale in zone.",
        ));
    }
    let amount = simple::count(fields, "amount", 100)?;
    simple::check_rest(fields)?;
    let (group, tags) = (call.resource_group()?, tags::read(fields, 64)?);
    let mut ids = Vec::new();
    for _ in 0..amount {
        let id = call.world.number();
        let serial = u32::try_from(call.world.bmc.eips.len()).unwrap_or(u32::MAX) & 0x0001_ffff;
        let eip = BmcEip {
            id: id.clone(),
            zone: zone.id.to_owned(),
            // Out of 198.18.0.0/15, eight apart, so that the larger masks do not overlap.
            address: std::net::Ipv4Addr::from(0xc613_0000 | (serial.wrapping_mul(8) & 0xffff)).to_string(),
            netmask,
            charge: kind.to_owned(),
            period: months,
            machine: None,
            resource_group: group.clone(),
            tags: tags.clone(),
            created: call.now,
            life: Passing::new(call.now, call.world.pace, State::Creating, State::Ready),
        };
        call.world.bmc.eips.insert(id.clone(), eip);
        ids.push(id);
    }
    let mut result = Map::new();
    result.insert("eipIdSet".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    Ok(result)
}

/// DescribeEipAddresses, newest first.
pub(super) fn list(call: &mut Call<'_>) -> Reply {
    settle(call);
    let (fields, world, now) = (call.fields, &*call.world, call.now);
    let ids = fields.texts_up_to("eipIds", 100)?;
    let (charge, address) = (fields.text("eipChargeType")?, fields.text("ipAddress")?);
    let (zone, group) = (fields.text("zoneId")?, fields.text("resourceGroupId")?);
    let (status, machine) = (fields.text("eipStatus")?, fields.text("instanceId")?);
    let name = fields.text("instanceName")?;
    let tags = tags::Filter::read(fields)?;
    let name_of = |eip: &BmcEip| {
        let owner = world.machines.iter().find(|machine| Some(&machine.id) == eip.machine.as_ref());
        owner.map(|owner| owner.name.clone())
    };
    let eips = world.bmc.eips.values().rev().filter(|eip| {
        eip.life.at(now) != State::Gone
            && among(&ids, &[eip.id.as_str()])
            && passes(charge, &eip.charge)
            && passes(address, &eip.address)
            && passes(zone, &eip.zone)
            && passes(group, &eip.resource_group)
            && passes(status, eip.status(now))
            && passes(machine, eip.machine.as_deref().unwrap_or_default())
            && (name.is_none() || name_of(eip).is_some_and(|own| simple::holds(name, &own)))
            && tags.passes(&eip.tags)
    });
    let items: Vec<Value> = eips.map(|eip| shape::eip(world, eip, now)).collect();
    page(fields, items)
}

/// AssociateEipAddress: a running machine of the same zone.
pub(super) fn associate(call: &mut Call<'_>) -> Reply {
    settle(call);
    let (now, pace) = (call.now, call.world.pace);
    let (id, machine_id) = (call.fields.required("eipId")?, call.fields.required("instanceId")?);
    let eip = find(call, id)?.clone();
    let machine = call.machine(Product::Bmc, machine_id)?;
    let status = machine.life.at(now);
    if status != Status::Running {
        let code = match status {
            Status::Recycle => "OPERATION_DENIED_INSTANCE_RECYCLED",
            _ => "OPERATION_DENIED_INSTANCE_NOT_RUNNING",
        };
        return Err(crate::emulator::actions::fleet::denied(code, machine, status));
    }
    if machine.zone != eip.zone {
        return Err(Problem::denied(
            "OPERATION_DENIED_EIP_ZONE_NOT_SAME",
            "Elastic IP and instance should be in the same zone.",
        ));
    }
    match eip.life.at(now) {
        State::Recycled => return Err(denied("FAILED_OPERATION_FOR_RECYCLE_RESOURCE", &eip, now)),
        State::Ready if eip.machine.is_none() => {}
        _ => return Err(denied("OPERATION_DENIED_EIP_STATUS_NOT_AVAILABLE", &eip, now)),
    }
    let eip = find(call, id)?;
    eip.machine = Some(machine_id.to_owned());
    eip.life = Passing::new(now, pace, State::Associating, State::Ready);
    Ok(Map::new())
}

/// UnAssociateEipAddress.
pub(super) fn unassociate(call: &mut Call<'_>) -> Reply {
    settle(call);
    let (now, pace) = (call.now, call.world.pace);
    let eip = find(call, call.fields.required("eipId")?)?;
    match eip.life.at(now) {
        State::Recycled => return Err(denied("FAILED_OPERATION_FOR_RECYCLE_RESOURCE", eip, now)),
        State::Ready if eip.machine.is_some() => {}
        _ => return Err(denied("OPERATION_DENIED_EIP_STATUS_NOT_SUPPORT", eip, now)),
    }
    eip.machine = None;
    eip.life = Passing::new(now, pace, State::Unassociating, State::Ready);
    Ok(Map::new())
}

/// TerminateEipAddress: into the bin, off its machine; not a subscription.
pub(super) fn terminate(call: &mut Call<'_>) -> Reply {
    let now = call.now;
    let eip = find(call, call.fields.required("eipId")?)?;
    if eip.life.at(now) == State::Recycled {
        return Err(denied("OPERATION_DENIED_EIP_RECYCLED", eip, now));
    }
    if eip.period.is_some() {
        return Err(denied("OPERATION_DENIED_EIP_SUBSCRIPTION", eip, now));
    }
    eip.machine = None;
    eip.life = Passing::lasting(now, BIN, State::Recycled, State::Gone);
    Ok(Map::new())
}

/// ReleaseEipAddresses: out of the bin for good.
pub(super) fn release(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("eipIds", 100)?;
    if ids.is_empty() {
        return Err(Problem::missing("eipIds"));
    }
    let now = call.now;
    for id in &ids {
        let eip = find(call, id)?;
        if eip.life.at(now) != State::Recycled {
            return Err(denied("OPERATION_DENIED_EIP_NOT_RECYCLED", eip, now));
        }
    }
    for id in ids {
        find(call, id)?.life = Passing::lasting(now, std::time::Duration::ZERO, State::Gone, State::Gone);
    }
    Ok(Map::new())
}
