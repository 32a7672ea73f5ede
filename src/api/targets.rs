//! Which machines a change names, whatever field it uses for it.
//!
//! A rule such as "no change to another team's machine" is only as good as this list, so it takes every text that stands
//! where the vendor's request structs put the id of a machine or of a resource that may be one, at any depth, in any case of
//! the key, whether the struct has one id or a list of them there. An id too many costs a look-up; an id too few lets a
//! change past the rule.

use std::collections::HashSet;

use super::Action;
use crate::json::{Object, Value};

/// The members that name machines, in lower case, and where they occur among the changes of the SDKs.
const KEYS: &[&str] = &[
    "instanceid", // vm, bmc, zec: most changes; bmc ipBindList[], subnetInstanceList[]; zlb backendServers[]
    "instanceids", // vm, bmc, zec: changes of several machines; zos InvokeCommand
    "instances",  // in no request of the SDKs so far, but in their answers
    "members",    // zec AddQosPolicyGroupMembers: its elements hold resourceId
    "resourceid", // zec AddQosPolicyGroupMembers members[]
    "resourceids", // zec RemoveQosPolicyGroupMembers
    "resourceidlist", // traffic MigrateBandwidthClusterResources
    "resources",  // user AddResourceResourceGroup: a list of ids
    "resourceuuid", // zrm ModifyResourceTags
    "resourceuuids", // zrm TagBindResources, TagUnbindResources
];

/// Actions after which a machine is on its way out (`zenlayer-api.md` has the life cycle): terminated ones go to the recycle bin or
/// are deleted, released ones leave it.
const RELEASING: &[(&str, &str)] = &[
    ("vm", "TerminateInstance"),
    ("vm", "ReleaseInstances"),
    ("bmc", "TerminateInstance"),
    ("bmc", "ReleaseInstances"),
    ("zec", "ReleaseInstances"),
];

/// Whether the machines that a call of this action names give their quota back.
pub fn releases(action: &Action) -> bool {
    RELEASING.contains(&(action.service, action.name))
}

/// The ids that a change names, in the order of the document, each once.
///
/// None is left out: a list that was cut would hide the id behind the cut from the rules. The limit on the size of a
/// request bounds it.
pub fn named_in(document: &Object) -> Vec<String> {
    let mut found = Found::default();
    found.object(document);
    found.ids
}

#[derive(Default)]
struct Found {
    ids: Vec<String>,
    seen: HashSet<String>,
}

impl Found {
    fn object(&mut self, object: &Object) {
        for (key, value) in object.iter() {
            if KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                self.named(value);
            } else {
                self.inside(value);
            }
        }
    }

    /// A value that stands where ids stand.
    fn named(&mut self, value: &Value) {
        match value {
            Value::String(id) => self.add(id),
            // Never an id of the cloud, but whatever it takes for one is named.
            Value::Number(number) => self.add(number.text()),
            Value::Array(items) => items.iter().for_each(|item| self.named(item)),
            Value::Object(object) => self.object(object),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn inside(&mut self, value: &Value) {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(items) => items.iter().for_each(|item| self.inside(item)),
            _ => {}
        }
    }

    fn add(&mut self, id: &str) {
        if !id.is_empty() && self.seen.insert(id.to_owned()) {
            self.ids.push(id.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    fn named(text: &str) -> Vec<String> {
        named_in(&read_object(text.as_bytes()).unwrap())
    }

    #[test]
    fn every_way_to_name_a_machine_is_seen() {
        for (text, ids) in [
            (r#"{"instanceId":"i-1"}"#, &["i-1"][..]),
            (r#"{"instanceIds":["i-2","i-1"],"password":"x"}"#, &["i-2", "i-1"]),
            (r#"{"INSTANCEIDS":["i-1"]}"#, &["i-1"]),
            (r#"{"resourceUuid":"i-1","replaceTags":[{"key":"a","value":"b"}]}"#, &["i-1"]),
            (r#"{"tag":{"key":"a"},"resourceUuids":["i-1","i-2"]}"#, &["i-1", "i-2"]),
            (r#"{"resources":["i-1"],"resourceGroupId":"g"}"#, &["i-1"]),
            (r#"{"resources":[{"resourceId":"i-1","type":"vm"}]}"#, &["i-1"]),
            (r#"{"members":[{"resourceId":"e-1","resourceType":"EIP"}]}"#, &["e-1"]),
            (r#"{"resourceIdList":["e-1"]}"#, &["e-1"]),
            (r#"{"ipBindList":[{"instanceId":"i-1","ip":"192.0.2.1"}]}"#, &["i-1"]),
            (r#"{"backendServers":[{"instanceId":"i-1"},{"instanceId":"i-2"}]}"#, &["i-1", "i-2"]),
            (r#"{"instanceIds":["i-1","i-1",""],"instanceId":"i-1"}"#, &["i-1"]),
            (r#"{"instanceId":7}"#, &["7"]),
            (r#"{"instanceId":null,"instanceIds":[null]}"#, &[]),
            (r#"{"subnetId":"s-1","diskIds":["d-1"]}"#, &[]),
        ] {
            assert_eq!(named(text), ids, "{text}");
        }
    }

    #[test]
    fn no_id_hides_behind_many() {
        let ids: Vec<String> = (0..5000).map(|id| format!("\"i-{id}\"")).collect();
        let all = named(&format!(r#"{{"instanceIds":[{}],"instanceId":"other"}}"#, ids.join(",")));
        assert_eq!(all.len(), 5001);
        assert_eq!(all.last().unwrap(), "other");
    }
}
