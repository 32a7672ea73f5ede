//! Resource groups: service `user`, `user20240529/models.go`. They hold things of every product.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::paging::{only, passes};
use super::shape::time;
use super::{Action, action};
use crate::emulator::call::{Call, Reply, no_group, no_resource};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::account::ResourceGroup;

const USER: &[&str] = &["2024-05-29"];
/// Longest name of a group; the models name no limit.
const NAME: usize = 64;
/// Things one call may move.
const IDS: usize = 100;

pub(super) static ACTIONS: &[Action] = &[
    action("user", "DescribeResourceGroups", USER, describe),
    action("user", "CreateResourceGroup", USER, create),
    action("user", "ModifyResourceGroup", USER, modify),
    action("user", "DeleteResourceGroup", USER, delete),
    action("user", "AddResourceResourceGroup", USER, add),
    action("user", "DescribeResourcesByGroup", USER, members),
];

pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let groups = call.world.account.groups.iter().map(|group| Value::Object(show(group)));
    Ok(only("resourceGroups", groups.collect()))
}

/// ResourceGroup, which create and modify answer with beside the request id.
fn show(group: &ResourceGroup) -> Map<String, Value> {
    let mut members = only("resourceGroupId", json!(group.id));
    members.insert("name".to_owned(), json!(group.name));
    members.insert("createTime".to_owned(), json!(time(group.made)));
    members
}

/// A name nobody else has; whether the vendor minds doubles is not documented.
fn name<'a>(call: &Call<'a>, own: Option<&str>) -> Result<&'a str, Problem> {
    let name = call.fields.required("name")?;
    if name.chars().count() > NAME {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            format!("The name has at most {NAME} characters."),
        ));
    }
    let mut others = call.world.account.groups.iter().filter(|group| own != Some(group.id.as_str()));
    if others.any(|group| group.name == name) {
        return Err(Problem::value("name", "is the name of another resource group"));
    }
    Ok(name)
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let name = name(call, None)?.to_owned();
    let group = ResourceGroup { id: Uuid::new_v4().to_string(), name, made: call.now };
    let shown = show(&group);
    call.world.account.groups.push(group);
    Ok(shown)
}

pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("resourceGroupId")?;
    let name = name(call, Some(id))?.to_owned();
    let group = call.world.account.groups.iter_mut().find(|group| group.id == id);
    let group = group.ok_or_else(|| no_group(id))?;
    group.name = name;
    Ok(show(group))
}

/// Not the default group, and not while anything is in it. Both codes are the emulator's own.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("resourceGroupId")?;
    call.world.account.group(id).ok_or_else(|| no_group(id))?;
    if id == call.world.account.default_group() {
        return Err(Problem::denied(
            "OPERATION_DENIED_DEFAULT_RESOURCE_GROUP",
            "The default resource group cannot be deleted.",
        ));
    }
    if call.world.resources(call.now).any(|resource| resource.group == id) {
        return Err(Problem::denied(
            "OPERATION_DENIED_RESOURCE_GROUP_IN_USE",
            format!("The resource group {id} is not empty."),
        ));
    }
    call.world.account.groups.retain(|group| group.id != id);
    Ok(Map::new())
}

/// AddResourceResourceGroup: all or none, whatever their products.
pub(super) fn add(call: &mut Call<'_>) -> Reply {
    let now = call.now;
    let ids = call.fields.texts_up_to("resources", IDS)?;
    if ids.is_empty() {
        return Err(Problem::missing("resources"));
    }
    let group = call.fields.required("resourceGroupId")?;
    call.world.account.group(group).ok_or_else(|| no_group(group))?;
    for id in &ids {
        call.world.labels(id, now).ok_or_else(|| no_resource("resource", id))?;
    }
    for id in ids {
        if let Some(labels) = call.world.labels(id, now) {
            group.clone_into(labels.group);
        }
    }
    Ok(Map::new())
}

/// DescribeResourcesByGroup: its pages are counted in `total` and `list`. No SDK at hand has the members of an entry;
/// they are named here after those of zrm.
pub(super) fn members(call: &mut Call<'_>) -> Reply {
    let fields: Fields<'_> = call.fields;
    let group = fields.required("resourceGroupId")?;
    call.world.account.group(group).ok_or_else(|| no_group(group))?;
    let kind = fields.text("resourceType")?;
    let size = fields.bounded("pageSize", 1, 1000)?.unwrap_or(20);
    let number = fields.bounded("pageNum", 1, i64::MAX)?.unwrap_or(1);
    let found: Vec<Value> = call
        .world
        .resources(call.now)
        .filter(|resource| resource.group == group && passes(kind, resource.kind))
        .map(|resource| {
            json!({
                "resourceType": resource.kind,
                "resourceUuid": resource.id,
                "resourceName": resource.name,
            })
        })
        .collect();
    let skipped = usize::try_from(number.saturating_sub(1).saturating_mul(size)).unwrap_or(usize::MAX);
    let mut result = only("pageNum", json!(number));
    result.insert("pageSize".to_owned(), json!(size));
    result.insert("total".to_owned(), json!(found.len()));
    let taken = usize::try_from(size).unwrap_or(usize::MAX);
    result.insert("list".to_owned(), found.into_iter().skip(skipped).take(taken).collect());
    Ok(result)
}
