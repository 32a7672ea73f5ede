//! Public addresses of zec. The first delete puts an address in the bin, the second one removes it, which is what the
//! Terraform provider does.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::public::{bind, terms};
use super::{Edition, create::new_eip, disks, nics, shape};
use crate::emulator::actions::fleet::none_failed;
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply, no_resource, not_found as unknown_machine};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::World;
use crate::emulator::world::passing::Passing;
use crate::emulator::world::zec::eip::{Binding, Eip, State};

/// The provider knows an address as gone by this code alone.
fn not_found(id: &str) -> Problem {
    no_resource("address", id)
}

/// The refusal of a change that does not fit the state of an address.
pub(super) fn status(eip: &Eip, now: Duration) -> Problem {
    Problem::denied(
        "OPERATION_DENIED_EIP_STATUS_NOT_SUPPORT",
        format!("The address {} is {}.", eip.id, eip.status(now)),
    )
}

/// An address by its id.
pub(super) fn find<'a>(world: &'a World, id: &str, now: Duration) -> Result<&'a Eip, Problem> {
    let eip = world.zec.eips.get(id).filter(|eip| eip.life.at(now) != State::Gone);
    eip.ok_or_else(|| not_found(id))
}

fn find_mut<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut Eip, Problem> {
    find(call.world, id, call.now)?;
    call.world.zec.eips.get_mut(id).ok_or_else(|| not_found(id))
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let region = fields.required("regionId")?;
    if seed::zec::region(region).is_none() {
        return Err(Problem::absent("INVALID_REGION_NOT_FOUND", "Region not found."));
    }
    let name = fields.text("name")?.unwrap_or("eip");
    disks::check_name(name)?;
    let amount = simple::count(fields, "amount", 100)?;
    let terms = terms(fields, "flowPackage")?.ok_or_else(|| Problem::missing("internetChargeType"))?;
    if let Some(cidr) = fields.text("cidrId")? {
        // The emulated account has none.
        return Err(no_resource("CIDR block", cidr));
    }
    simple::check_rest(fields)?;
    let resource_group = call.resource_group()?;
    let newest = Edition::of(call.version) == Edition::Y2025;
    let tags = if newest { tags::read(fields, 64)? } else { Vec::new() };
    let nics = interfaces(call, region, amount, newest)?;
    let kind = bind(fields, "bindType")?;
    let mut ids = Vec::new();
    for index in 0..amount {
        let mut eip = new_eip(call, &terms, region, name);
        eip.resource_group.clone_from(&resource_group);
        eip.tags.clone_from(&tags);
        eip.bound = nics.get(index).map(|(nic, address)| Binding {
            nic: nic.clone(),
            address: address.clone(),
            kind: kind.clone(),
        });
        ids.push(eip.id.clone());
        call.world.zec.eips.insert(eip.id.clone(), eip);
    }
    let mut result = Map::new();
    result.insert("eipIds".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    Ok(result)
}

/// The interfaces of the machines that new addresses go to, with their private addresses.
fn interfaces(
    call: &Call<'_>,
    region: &str,
    amount: usize,
    newest: bool,
) -> Result<Vec<(String, String)>, Problem> {
    let machines = if newest { call.fields.texts_up_to("instanceIds", 100)? } else { Vec::new() };
    if !machines.is_empty() && machines.len() != amount {
        return Err(Problem::value("instanceIds", "must name as many machines as addresses are ordered"));
    }
    let found = machines.into_iter().map(|machine| {
        let nic = call.world.zec.nic_of(machine).filter(|nic| nic.region == region);
        nic.map(|nic| (nic.id.clone(), nic.address.clone())).ok_or_else(|| unknown_machine(machine))
    });
    found.collect()
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let (fields, world, now) = (call.fields, &*call.world, call.now);
    let ids = fields.texts_up_to("eipIds", 100)?;
    let (region, name) = (fields.text("regionId")?, fields.text("name")?);
    let (status, default) = (fields.text("status")?, fields.boolean("isDefault")?);
    let (private, public) = (fields.text("privateIpAddress")?, fields.text("ipAddress")?);
    let (addresses, cidrs) = (fields.texts_up_to("ipAddresses", 100)?, fields.texts("cidrIds")?);
    let (machine, bound_to) = (fields.text("instanceId")?, fields.text("associatedId")?);
    let group = fields.text("resourceGroupId")?;
    let edition = Edition::of(call.version);
    let newest = edition == Edition::Y2025;
    let charge = if newest { fields.text("internetChargeType")? } else { None };
    let tags = newest.then(|| tags::Filter::read(fields)).transpose()?;
    let nic_of = |eip: &'_ Eip| eip.bound.as_ref().map(|binding| binding.nic.clone()).unwrap_or_default();
    let machine_of =
        |eip: &Eip| world.zec.nics.get(&nic_of(eip)).map(|nic| nic.machine.clone()).unwrap_or_default();
    let eips = world.zec.eips.values().rev().filter(|eip| {
        eip.life.at(now) != State::Gone
            && among(&ids, &[eip.id.as_str()])
            && passes(region, &eip.region)
            && simple::holds(name, &eip.name)
            && passes(status, eip.status(now))
            && default.is_none_or(|default| default == eip.with_machine)
            && passes(public, &eip.address)
            && among(&addresses, &[eip.address.as_str()])
            && cidrs.is_empty()
            && passes(group, &eip.resource_group)
            && passes(charge, &eip.charge)
            && private.is_none_or(|asked| eip.bound.as_ref().is_some_and(|own| own.address == asked))
            && bound_to.is_none_or(|asked| nic_of(eip) == asked)
            && machine.is_none_or(|asked| machine_of(eip) == asked)
            && tags.as_ref().is_none_or(|tags| tags.passes(&eip.tags))
    });
    let items: Vec<Value> = eips.map(|eip| shape::eip(world, eip, now, edition)).collect();
    page(fields, items)
}

fn named<'a>(call: &Call<'a>) -> Result<Vec<&'a str>, Problem> {
    let ids = call.fields.texts_up_to("eipIds", 100)?;
    if ids.is_empty() { Err(Problem::missing("eipIds")) } else { Ok(ids) }
}

/// AssociateEipAddress: to an interface; the emulated account has no load balancers and gateways.
pub(super) fn associate(call: &mut Call<'_>) -> Reply {
    let (fields, now, ids) = (call.fields, call.now, named(call)?);
    for other in ["loadBalancerId", "natId", "haVipId"] {
        if let Some(id) = fields.text(other)? {
            return Err(not_found(id));
        }
    }
    let id = fields.required("nicId")?;
    let nic = call.world.zec.nics.get(id).ok_or_else(|| nics::not_found(id))?.clone();
    if fields.text("lanIp")?.is_some_and(|address| address != nic.address) {
        return Err(Problem::value("lanIp", "is no address of the interface"));
    }
    let kind = bind(fields, "bindType")?;
    for id in &ids {
        let eip = find(call.world, id, now)?;
        if eip.region != nic.region {
            return Err(Problem::denied(
                "OPERATION_DENIED_EIP_ZONE_NOT_SAME",
                format!("The address {id} is in another region."),
            ));
        }
        if eip.life.at(now) != State::Ready || eip.bound.is_some() {
            return Err(status(eip, now));
        }
    }
    for id in ids {
        let binding = Binding { nic: nic.id.clone(), address: nic.address.clone(), kind: kind.clone() };
        find_mut(call, id)?.bound = Some(binding);
    }
    Ok(none_failed("failedEipIds"))
}

/// UnassociateEipAddress.
pub(super) fn unassociate(call: &mut Call<'_>) -> Reply {
    let (now, ids) = (call.now, named(call)?);
    for id in &ids {
        let eip = find(call.world, id, now)?;
        if eip.life.at(now) != State::Ready || eip.bound.is_none() {
            return Err(status(eip, now));
        }
    }
    for id in ids {
        let eip = find_mut(call, id)?;
        (eip.bound, eip.with_machine) = (None, false);
    }
    Ok(none_failed("failedEipIds"))
}

/// ModifyEipAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let (id, name) = (call.fields.required("eipId")?, call.fields.required("name")?);
    disks::check_name(name)?;
    name.clone_into(&mut find_mut(call, id)?.name);
    Ok(Map::new())
}

/// ModifyEipBandwidth.
pub(super) fn widen(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("eipId")?;
    let bandwidth = call.fields.bounded("bandwidth", 1, i64::MAX)?;
    let bandwidth = bandwidth.ok_or_else(|| Problem::missing("bandwidth"))?;
    call.fields.bounded("commitBandwidth", 1, bandwidth)?;
    find_mut(call, id)?.bandwidth = bandwidth;
    Ok(Map::new())
}

/// DeleteEip: one that is bound to nothing, into the bin; then for good.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let (id, now, pace) = (call.fields.required("eipId")?, call.now, call.world.pace);
    let eip = find_mut(call, id)?;
    eip.life = match eip.life.at(now) {
        State::Ready if eip.bound.is_none() => Passing::new(now, pace, State::Recycling, State::Recycled),
        State::Recycling | State::Recycled => Passing::new(now, pace, State::Deleting, State::Gone),
        _ => return Err(status(eip, now)),
    };
    Ok(Map::new())
}
