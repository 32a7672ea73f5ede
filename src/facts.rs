//! Cloud facts: what the cloud offers, as data for rules (`data.facts`).
//!
//! Rules need to know which zones have security groups and how large a type is; both change with the cloud, not with the
//! organisation. [`pull`] asks the cloud, and the file it writes is laid over the data of the policies.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub mod pull;

/// Everything known of the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Instance types of all products by their names.
    pub types: BTreeMap<String, InstanceType>,
    /// Zones of all products by their ids.
    pub zones: BTreeMap<String, Zone>,
}

/// A zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Whether machines there can carry security groups.
    pub security_groups: bool,
}

/// The size of one machine of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceType {
    /// Virtual CPUs; on bare metal its cores.
    pub vcpus: u32,
    /// GiB, which the cloud calls GB.
    pub memory_gb: u32,
}

/// What differs between two sets of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference(Vec<String>);

impl Facts {
    /// These facts with all that `newer` knows over them.
    ///
    /// What `newer` does not list stays: the cloud does not list what is sold out, and its size has not changed.
    #[must_use]
    pub fn updated(mut self, newer: Self) -> Self {
        self.types.extend(newer.types);
        self.zones.extend(newer.zones);
        self
    }

    /// What is different in `newer`.
    pub fn difference(&self, newer: &Self) -> Difference {
        let mut lines = Vec::new();
        compare("type", &self.types, &newer.types, &mut lines);
        compare("zone", &self.zones, &newer.zones, &mut lines);
        Difference(lines)
    }

    /// As a file: JSON with sorted keys, so that two pulls of the same facts are the same bytes.
    ///
    /// # Errors
    /// None in practice; those of the JSON writer.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.security_groups { "with security groups" } else { "without security groups" })
    }
}

impl fmt::Display for InstanceType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} vCPUs, {} GB", self.vcpus, self.memory_gb)
    }
}

fn compare<T: PartialEq + fmt::Display>(
    noun: &str,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    lines: &mut Vec<String>,
) {
    for (name, new) in after {
        match before.get(name) {
            None => lines.push(format!("+ {noun} {name}: {new}")),
            Some(old) if old != new => lines.push(format!("~ {noun} {name}: {new}, was {old}")),
            Some(_) => {}
        }
    }
    for (name, old) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        lines.push(format!("- {noun} {name}: {old}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Facts {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_not_listed_any_more_stays() {
        let old = facts(
            r#"{"types":{"a":{"vcpus":1,"memory_gb":2},"b":{"vcpus":2,"memory_gb":4}},"zones":{"X":{"security_groups":false}}}"#,
        );
        let new =
            facts(r#"{"types":{"b":{"vcpus":2,"memory_gb":8}},"zones":{"Y":{"security_groups":true}}}"#);
        assert_eq!(
            old.difference(&new).to_string(),
            "~ type b: 2 vCPUs, 8 GB, was 2 vCPUs, 4 GB\n- type a: 1 vCPUs, 2 GB\n\
             + zone Y: with security groups\n- zone X: without security groups\n"
        );
        let both = old.clone().updated(new);
        assert_eq!(both.types.len(), 2);
        assert_eq!(both.types["b"].memory_gb, 8);
        assert_eq!(both.zones.len(), 2);
        assert!(old.difference(&old).is_empty());
    }

    #[test]
    fn the_shipped_facts_have_this_shape() {
        let shipped = include_str!("../policies/facts/data.json");
        assert!(!facts(shipped).zones.is_empty());
    }
}
