//! The filters of vm listings.

use super::paging::{among, passes};
use super::tags;
use crate::emulator::fields::Fields;
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::world::Machine;

/// Ids a filter takes.
const IDS: usize = 100;
/// Tags a filter takes.
const TAGS: usize = 20;

/// What a product calls its fields.
pub(super) struct Words {
    model: &'static str,
    status: &'static str,
    name: &'static str,
}

pub(super) const VM: Words = Words { model: "instanceType", status: "instanceStatus", name: "instanceName" };

/// The filters of a listing.
pub(super) struct Filter<'a> {
    ids: Vec<&'a str>,
    zone: Option<&'a str>,
    group: Option<&'a str>,
    model: Option<&'a str>,
    internet: Option<&'a str>,
    image: Option<&'a str>,
    key: Option<&'a str>,
    subnet: Option<&'a str>,
    status: Option<&'a str>,
    name: Option<&'a str>,
    security_group: Option<&'a str>,
    public: Vec<&'a str>,
    private: Vec<&'a str>,
    tag_keys: Vec<&'a str>,
    tags: Vec<(String, String)>,
}

impl<'a> Filter<'a> {
    pub(super) fn read(fields: Fields<'a>, words: &Words) -> Result<Self, Problem> {
        Ok(Self {
            ids: fields.texts_up_to("instanceIds", IDS)?,
            zone: fields.text("zoneId")?,
            group: fields.text("resourceGroupId")?,
            model: fields.text(words.model)?,
            internet: fields.text("internetChargeType")?,
            image: fields.text("imageId")?,
            key: fields.text("keyId")?,
            subnet: fields.text("subnetId")?,
            status: fields.text(words.status)?,
            name: fields.text(words.name)?,
            security_group: fields.text("securityGroupId")?,
            public: fields.texts_up_to("publicIpAddresses", IDS)?,
            private: fields.texts_up_to("privateIpAddresses", IDS)?,
            tag_keys: fields.texts_up_to("tagKeys", TAGS)?,
            tags: tags::list(fields, "tags", 128)?,
        })
    }

    pub(super) fn passes(&self, machine: &Machine, status: Status) -> bool {
        among(&self.ids, &[machine.id.as_str()])
            && passes(self.zone, &machine.zone)
            && passes(self.group, &machine.resource_group)
            && passes(self.model, &machine.model)
            && passes(self.internet, &machine.internet_charge_type)
            && passes(self.image, &machine.image)
            && passes(self.key, machine.key.as_deref().unwrap_or_default())
            && passes(self.subnet, &machine.subnet)
            && passes(self.status, status.as_str())
            && self.name.is_none_or(|name| name_fits(name, &machine.name))
            && self.security_group.is_none_or(|id| machine.security_groups.iter().any(|own| own == id))
            && among(&self.public, &texts(&machine.public_ips))
            && among(&self.private, &texts(&machine.private_ips))
            && self.tag_keys.iter().all(|key| machine.tags.iter().any(|(own, _)| own == key))
            && self.tags.iter().all(|tag| machine.tags.contains(tag))
    }
}

/// A trailing `*` finds names that begin so; otherwise the name must be equal.
pub(super) fn name_fits(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    }
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
