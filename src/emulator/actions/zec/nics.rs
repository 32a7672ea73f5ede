//! Interfaces of zec machines. Terraform changes the security group of a machine here, on its primary interface.

use serde_json::{Map, Value};

use super::{Edition, groups, shape};
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;
use crate::emulator::world::zec::network::Nic;

/// The refusal of an unknown interface.
pub(super) fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_NIC_NOT_FOUND", format!("The network interface {id} does not exist."))
}

fn find<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut Nic, Problem> {
    call.world.zec.nics.get_mut(id).ok_or_else(|| not_found(id))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let (fields, world) = (call.fields, &*call.world);
    let ids = fields.texts_up_to("nicIds", 100)?;
    let (name, machine) = (fields.text("name")?, fields.text("instanceId")?);
    let (region, vpc) = (fields.text("regionId")?, fields.text("vpcId")?);
    let (subnet, status) = (fields.text("subnetId")?, fields.text("status")?);
    let (kind, stack) = (fields.text("nicType")?, fields.text("nicSubnetType")?);
    let group = fields.text("resourceGroupId")?;
    let edition = Edition::of(call.version);
    let newest = edition == Edition::Y2025;
    let guard = if newest { fields.text("securityGroupId")? } else { None };
    let tags = newest.then(|| tags::Filter::read(fields)).transpose()?;
    let group_of = |id: &str| {
        let owner = world.machines.iter().find(|machine| machine.id == id);
        owner.map_or("", |owner| owner.resource_group.as_str())
    };
    let nics = world.zec.nics.values().rev().filter(|nic| {
        among(&ids, &[nic.id.as_str()])
            && simple::holds(name, &nic.name)
            && passes(machine, &nic.machine)
            && passes(region, &nic.region)
            && passes(vpc, &nic.vpc)
            && passes(subnet, &nic.subnet)
            && passes(status, "USED")
            && passes(kind, "Primary")
            && passes(stack, &nic.stack)
            && passes(guard, &nic.group)
            && group.is_none_or(|group| group_of(&nic.machine) == group)
            && tags.as_ref().is_none_or(|tags| tags.passes(&[]))
    });
    let items: Vec<Value> = nics.map(|nic| shape::interface(world, nic, edition)).collect();
    page(fields, items)
}

/// ModifyNetworkInterfaceAttribute: name, security group or both; "" changes nothing.
pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let id = fields.required("nicId")?;
    let (name, group) = (fields.text("name")?, fields.text("securityGroupId")?);
    group.map(|group| groups::known(call.world, group)).transpose()?;
    let now = call.now;
    let nic = find(call, id)?;
    let guarded = seed::zec::region(&nic.region).is_some_and(|region| region.security_groups);
    if group.is_some() && !guarded {
        return Err(Problem::denied(
            "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
            "Security groups are not supported in the zone.",
        ));
    }
    nic.updated = now;
    if let Some(name) = name {
        name.clone_into(&mut nic.name);
    }
    if let Some(group) = group {
        group.clone_into(&mut nic.group);
        let machine = nic.machine.clone();
        if let Some(machine) = call.world.machine(Product::Zec, &machine, now) {
            machine.security_groups = vec![group.to_owned()];
        }
    }
    Ok(Map::new())
}

/// ModifyNetworkInterfacesAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("nicIds", 100)?;
    let name = call.fields.required("name")?;
    if let Some(unknown) = ids.iter().find(|id| !call.world.zec.nics.contains_key(**id)) {
        return Err(not_found(unknown));
    }
    for id in ids {
        name.clone_into(&mut find(call, id)?.name);
    }
    Ok(Map::new())
}
