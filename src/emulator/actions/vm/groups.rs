//! Security groups: SecurityGroupInfo and the requests of the models. Their codes are those the Go SDK names beside
//! its calls.

use serde_json::{Map, Value, json};

use super::rules;
use super::subnets::{named, plain_name};
use crate::emulator::actions::paging::{among, only, page_of, passes};
use crate::emulator::actions::shape::time;
use crate::emulator::call::{Call, Reply, no_security_group};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::Product;
use crate::emulator::world::vm::security_group::SecurityGroup;

/// Security groups one call may name.
const IDS: usize = 100;
/// Security groups of an account. The vendor has a limit and does not publish it.
const GROUPS: usize = 100;

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let name = plain_name(fields, "securityGroupName", (1, 64))?
        .ok_or_else(|| Problem::missing("securityGroupName"))?;
    let description = description(fields)?.unwrap_or_default();
    let rules = rules::list(fields)?;
    rules::check(&rules)?;
    if call.world.vm.security_groups.len() >= GROUPS {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_TEAM_EXCEED_LIMIT",
            format!("An account has at most {GROUPS} security groups."),
        ));
    }
    let group = SecurityGroup {
        id: call.world.number(),
        name: name.to_owned(),
        description: description.to_owned(),
        available: true,
        default: false,
        rules,
        made: call.now,
    };
    let id = group.id.clone();
    call.world.vm.security_groups.push(group);
    Ok(only("securityGroupId", json!(id)))
}

/// 2 to 256 characters; the models of 2023 say 255.
fn description<'a>(fields: Fields<'a>) -> Result<Option<&'a str>, Problem> {
    match fields.text("description")? {
        Some(text) if !(2..=256).contains(&text.chars().count()) => Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            "The description must have 2 to 256 characters.",
        )),
        text => Ok(text),
    }
}

pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("securityGroupIds", IDS)?;
    let name = fields.text("securityGroupName")?;
    let groups = call.world.vm.security_groups.iter();
    let found = groups.filter(|group| among(&ids, &[group.id.as_str()]) && passes(name, &group.name));
    page_of(fields, found.collect(), |group| show(call, group))
}

fn show(call: &Call<'_>, group: &SecurityGroup) -> Value {
    json!({
        "securityGroupId": group.id,
        "securityGroupName": group.name,
        "securityGroupStatus": group.status(),
        "createTime": time(group.made),
        "description": group.description,
        "instanceIds": members(call, &group.id),
        "ruleInfos": group.rules.iter().map(rules::show).collect::<Vec<_>>(),
        "isDefault": group.default,
    })
}

/// The machines in a group; those in the recycle bin have left it, as they have their subnet.
fn members<'a>(call: &'a Call<'_>, group: &str) -> Vec<&'a str> {
    let listed = call.world.listed(Product::Vm, call.now);
    let members = listed.filter(|machine| {
        machine.security_groups.iter().any(|id| id == group) && !machine.life.at(call.now).is_binned()
    });
    members.map(|machine| machine.id.as_str()).collect()
}

/// ModifySecurityGroupsAttribute: all or none.
pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = named(fields, "securityGroupIds", IDS)?;
    let name = plain_name(fields, "securityGroupName", (1, 64))?;
    let description = description(fields)?;
    for id in &ids {
        changeable(call, id)?;
    }
    for group in call.world.vm.security_groups.iter_mut().filter(|group| ids.contains(&group.id.as_str())) {
        if let Some(name) = name {
            name.clone_into(&mut group.name);
        }
        if let Some(description) = description {
            description.clone_into(&mut group.description);
        }
    }
    Ok(Map::new())
}

/// Refuses what cannot be renamed or deleted.
fn changeable<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a SecurityGroup, Problem> {
    let group = call.world.vm.security_group(id).ok_or_else(|| no_security_group(id))?;
    if group.default {
        return Err(Problem::denied(
            "OPERATION_DENIED_DEFAULT_SECURITY_GROUP_NOT_SUPPORT",
            "The default security group cannot be changed.",
        ));
    }
    if !group.available {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_AVAILABLE",
            format!("The security group {id} is not available."),
        ));
    }
    Ok(group)
}

/// Refused while machines are in it, with a code of its own while one of them is being created. A group that is
/// not available has another code here than everywhere else.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("securityGroupId")?;
    changeable(call, id).map_err(|problem| {
        if problem.code == "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_AVAILABLE" {
            Problem { code: "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_SUPPORT".into(), ..problem }
        } else {
            problem
        }
    })?;
    let held = members(call, id);
    let creating = call
        .world
        .listed(Product::Vm, call.now)
        .any(|machine| held.contains(&machine.id.as_str()) && machine.life.at(call.now).is_creating());
    if !held.is_empty() {
        let code = if creating {
            "OPERATION_DENIED_SECURITY_GROUP_EXIST_PRE_PRODUCT_INSTANCE"
        } else {
            "OPERATION_DENIED_SECURITY_GROUP_EXIST_INSTANCE"
        };
        return Err(Problem::denied(code, format!("The security group {id} still has instances.")));
    }
    call.world.vm.security_groups.retain(|group| group.id != id);
    Ok(Map::new())
}
