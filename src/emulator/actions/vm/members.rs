//! Machines in and out of security groups: at most two groups each.

use serde_json::{Map, Value, json};

use crate::emulator::actions::change::settled;
use crate::emulator::actions::paging::only;
use crate::emulator::actions::vm_create::network;
use crate::emulator::call::{Call, Reply, no_security_group, not_found};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;

/// Security groups of a machine.
const GROUPS: usize = 2;

/// A machine that is in the group already stays in it, which no page speaks of.
pub(super) fn associate(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let (group, id) = (fields.required("securityGroupId")?, fields.required("instanceId")?);
    let machine = call.machine(Product::Vm, id)?;
    settled(machine, machine.life.at(now))?;
    let zone = seed::zone(&machine.zone).ok_or_else(|| not_found(id))?;
    let group = network::security_group(call, group, zone)?;
    let groups = &mut call.machine(Product::Vm, id)?.security_groups;
    if groups.contains(&group) {
        return Ok(Map::new());
    }
    if groups.len() >= GROUPS {
        return Err(Problem::denied(
            "OPERATION_DENIED_INSTANCE_SECURITY_GROUP_EXCEED_LIMIT",
            format!("An instance is in at most {GROUPS} security groups."),
        ));
    }
    groups.push(group);
    Ok(Map::new())
}

/// A machine that is not in the group stays out of it, which no page speaks of either.
pub(super) fn unassociate(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let (group, id) = (fields.required("securityGroupId")?, fields.required("instanceId")?);
    call.world.vm.security_group(group).ok_or_else(|| no_security_group(group))?;
    let machine = call.machine(Product::Vm, id)?;
    settled(machine, machine.life.at(now))?;
    machine.security_groups.retain(|known| known != group);
    Ok(Map::new())
}

/// DescribeInstanceAvailableSecurityGroupResource(s): the groups a machine could still join.
pub(super) fn available(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    let machine = call.machine(Product::Vm, id)?;
    let zone = seed::zone(&machine.zone).is_some_and(|zone| zone.security_groups);
    let joined = machine.security_groups.clone();
    let groups = call.world.vm.security_groups.iter();
    let free = groups.filter(|group| zone && group.available && !joined.contains(&group.id));
    let items: Vec<Value> = free
        .map(|group| {
            json!({
                "securityGroupId": group.id,
                "securityGroupName": group.name,
                "isDefault": group.default,
            })
        })
        .collect();
    Ok(only("instanceAvailableSecurityGroups", Value::Array(items)))
}
