//! Tags: service `zrm`, `zrm20251014/models.go`. They are on things of every product.
//!
//! A tag is known when it was declared or when something carries it; binding one declares it. What the cloud does
//! with a tag that nobody declared is not documented.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, json};

use super::paging::{among, page_of};
use super::shape::time;
use super::{Action, action, tags};
use crate::emulator::call::{Call, Reply, no_resource};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::World;

const ZRM: &[&str] = &["2025-10-14"];
/// Longest key and value.
const LONGEST: usize = 64;
/// Tags one CreateTags makes.
const CREATED: usize = 20;
/// Things one call may name.
const IDS: usize = 100;

pub(super) static ACTIONS: &[Action] = &[
    action("zrm", "DescribeTags", ZRM, describe),
    action("zrm", "CreateTags", ZRM, create),
    action("zrm", "DeleteTags", ZRM, delete),
    action("zrm", "DescribeResourceTags", ZRM, of_resource),
    action("zrm", "DescribeResourceByTags", ZRM, by_tags),
    action("zrm", "ModifyResourceTags", ZRM, modify),
    action("zrm", "TagBindResources", ZRM, bind),
    action("zrm", "TagUnbindResources", ZRM, unbind),
];

/// When each known tag came up, and how many things carry it.
fn known(world: &World, now: Duration) -> BTreeMap<(&str, &str), (Duration, usize)> {
    let declared = world.account.tags.iter();
    let mut known: BTreeMap<(&str, &str), (Duration, usize)> =
        declared.map(|tag| ((tag.key.as_str(), tag.value.as_str()), (tag.made, 0))).collect();
    for resource in world.resources(now) {
        for (key, value) in resource.tags {
            let (made, count) = known.entry((key, value)).or_insert((resource.created, 0));
            *made = world.account.declared(key, value).unwrap_or_else(|| resource.created.min(*made));
            *count = count.saturating_add(1);
        }
    }
    known
}

/// DescribeTags: newest first unless asked otherwise.
pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let orders = ["ascend", "descend"];
    let by_key = fields.one_of("keySort", &orders)?;
    let by_date = fields.one_of("createdDateSort", &orders)?;
    let keys = fields.texts_up_to("tagKeys", CREATED)?;
    let wanted = tags::list(fields, "tags", LONGEST)?;
    let mut found: Vec<_> = known(call.world, call.now)
        .into_iter()
        .filter(|((key, value), _)| {
            among(&keys, &[key])
                && (wanted.is_empty() || wanted.iter().any(|tag| tag.0 == *key && tag.1 == *value))
        })
        .collect();
    if by_key.is_none() || by_date.is_some() {
        found.sort_by_key(|(_, (made, _))| *made);
        if by_date != Some("ascend") {
            found.reverse();
        }
    }
    match by_key {
        Some("ascend") => found.sort_by(|one, other| one.0.0.cmp(other.0.0)),
        Some(_) => found.sort_by(|one, other| other.0.0.cmp(one.0.0)),
        None => {}
    }
    page_of(
        fields,
        found,
        |((key, value), (made, count))| json!({ "key": key, "value": value, "bindResourceCount": count, "createdDate": time(made) }),
    )
}

/// CreateTags: those that are known stay as they are.
pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let wanted = required(call.fields)?;
    if wanted.len() > CREATED {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            format!("At most {CREATED} tags can be created at once."),
        ));
    }
    for (key, value) in &wanted {
        call.world.account.declare(key, value, call.now);
    }
    Ok(Map::new())
}

/// DeleteTags: all or none, and none that something carries. The code for that is the emulator's own.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let wanted = required(call.fields)?;
    let known = known(call.world, call.now);
    for (key, value) in &wanted {
        match known.get(&(key.as_str(), value.as_str())) {
            None => return Err(no_resource("tag", key)),
            Some((_, 0)) => {}
            Some(_) => {
                return Err(Problem::denied(
                    "OPERATION_DENIED_TAG_IN_USE",
                    format!("The tag {key} is bound to resources."),
                ));
            }
        }
    }
    let gone = |key: &str, value: &str| wanted.iter().any(|tag| tag.0 == key && tag.1 == value);
    call.world.account.tags.retain(|tag| !gone(&tag.key, &tag.value));
    Ok(Map::new())
}

/// The tags of a request. One key may come with several values here, unlike on a thing.
fn required(fields: Fields<'_>) -> Result<Vec<(String, String)>, Problem> {
    let mut found: Vec<(String, String)> = Vec::new();
    for tag in fields.objects("tags")? {
        let tag = one(tag)?;
        if !found.contains(&tag) {
            found.push(tag);
        }
    }
    if found.is_empty() { Err(Problem::missing("tags")) } else { Ok(found) }
}

fn one(tag: Fields<'_>) -> Result<(String, String), Problem> {
    let (key, value) = (tag.required("key")?, tag.text("value")?.unwrap_or_default());
    if key.chars().count() > LONGEST || value.chars().count() > LONGEST {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            format!("Tag keys and values have at most {LONGEST} characters."),
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// DescribeResourceTags.
pub(super) fn of_resource(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("resourceUuid")?;
    let world = &*call.world;
    let resource = world.resources(call.now).find(|resource| resource.id == id);
    let resource = resource.ok_or_else(|| no_resource("resource", id))?;
    page_of(call.fields, resource.tags.iter().collect(), |(key, value)| {
        let made = world.account.declared(key, value).unwrap_or(resource.created);
        json!({ "key": key, "value": value, "createdDate": time(made) })
    })
}

/// DescribeResourceByTags: what carries all of them.
pub(super) fn by_tags(call: &mut Call<'_>) -> Reply {
    let wanted = tags::list(call.fields, "tags", LONGEST)?;
    let keys = call.fields.texts_up_to("tagKeys", CREATED)?;
    if wanted.is_empty() && keys.is_empty() {
        return Err(Problem::missing("tags"));
    }
    let found = call.world.resources(call.now).filter(|resource| {
        wanted.iter().all(|tag| resource.tags.contains(tag))
            && keys.iter().all(|key| resource.tags.iter().any(|(own, _)| own == key))
    });
    page_of(
        call.fields,
        found.collect(),
        |resource| json!({ "resourceType": resource.kind, "resourceUuid": resource.id }),
    )
}

/// ModifyResourceTags: replaces the named tags, deletes the named keys, keeps the rest.
pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let id = fields.required("resourceUuid")?;
    let replace = tags::list(fields, "replaceTags", 128)?;
    let delete = fields.texts("deleteTagKeys")?;
    let labels = call.world.labels(id, now).ok_or_else(|| no_resource("resource", id))?;
    labels.tags.retain(|(key, _)| {
        !delete.contains(&key.as_str()) && !replace.iter().any(|(replaced, _)| replaced == key)
    });
    labels.tags.extend(replace.iter().cloned());
    for (key, value) in &replace {
        call.world.account.declare(key, value, now);
    }
    Ok(Map::new())
}

/// TagBindResources: all or none; another value of the key gives way.
pub(super) fn bind(call: &mut Call<'_>) -> Reply {
    let tag = tag_on(call, |tags, tag| {
        tags.retain(|(key, _)| *key != tag.0);
        tags.push(tag.clone());
    })?;
    call.world.account.declare(&tag.0, &tag.1, call.now);
    Ok(Map::new())
}

/// TagUnbindResources: all or none; a thing without the tag stays as it is.
pub(super) fn unbind(call: &mut Call<'_>) -> Reply {
    tag_on(call, |tags, tag| tags.retain(|known| known != tag))?;
    Ok(Map::new())
}

/// Changes the tags of all things named by one tag, and gives the tag.
fn tag_on(
    call: &mut Call<'_>,
    change: impl Fn(&mut Vec<(String, String)>, &(String, String)),
) -> Result<(String, String), Problem> {
    let (fields, now) = (call.fields, call.now);
    let tag = one(fields.object("tag")?.ok_or_else(|| Problem::missing("tag"))?)?;
    let ids = fields.texts_up_to("resourceUuids", IDS)?;
    if ids.is_empty() {
        return Err(Problem::missing("resourceUuids"));
    }
    for id in &ids {
        call.world.labels(id, now).ok_or_else(|| no_resource("resource", id))?;
    }
    for id in ids {
        if let Some(labels) = call.world.labels(id, now) {
            change(labels.tags, &tag);
        }
    }
    Ok(tag)
}
