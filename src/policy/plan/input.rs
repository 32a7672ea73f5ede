//! The document `input` as values, built from our own types: a test below holds it to what the interpreter sees.

use super::run::Stop;
use super::value::{Arena, V};
use crate::api::view::{Create, DataDisk};
use crate::policy::input::{CertificateInput, Input, TargetInput};

/// The input with its settings. Members are in the order of their names.
pub(super) fn input<'a>(input: &'a Input, settings: V<'a>, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let action = arena.members(&[
        (V::Text("kind"), V::Text(input.action.kind.as_str())),
        (V::Text("name"), V::Text(&input.action.name)),
        (V::Text("service"), V::Text(&input.action.service)),
        (V::Text("version"), V::Text(&input.action.version)),
    ])?;
    let labels = input.principal.labels.iter().map(|(name, value)| (V::Text(name), V::Text(value)));
    let principal = arena.members(&[
        (V::Text("account"), V::Text(&input.principal.account)),
        (V::Text("key"), V::Text(&input.principal.key)),
        (V::Text("labels"), arena.members(&labels.collect::<Vec<_>>())?),
        (V::Text("team"), V::Text(&input.principal.team)),
    ])?;
    let client = arena.members(&[
        (V::Text("address"), V::Text(&input.client.address)),
        (
            V::Text("certificate"),
            input.client.certificate.as_ref().map_or(Ok(V::Null), |one| certificate(one, arena))?,
        ),
        (V::Text("sdk"), text(input.client.sdk.as_ref())),
        (V::Text("user_agent"), text(input.client.user_agent.as_ref())),
    ])?;
    let mut members = Vec::with_capacity(9);
    members.push((V::Text("action"), action));
    members.push((V::Text("client"), client));
    if let Some(view) = &input.create {
        members.push((V::Text("create"), create(view, arena)?));
    }
    members.push((V::Text("now"), V::Text(&input.now)));
    members.push((V::Text("principal"), principal));
    members.push((V::Text("request"), arena.document(&input.request)?));
    members.push((V::Text("settings"), settings));
    if let Some(targets) = &input.targets {
        let targets = targets.iter().map(|one| target(one, arena)).collect::<Result<Vec<_>, Stop>>()?;
        members.push((V::Text("targets"), arena.array(&targets)?));
    }
    arena.members(&members)
}

fn create<'a>(create: &'a Create, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let disks = create.data_disks.iter().map(|one| disk(one, arena)).collect::<Result<Vec<_>, Stop>>()?;
    let tags = create.tags.iter().map(|(key, value)| (V::Text(key), V::Text(value)));
    arena.members(&[
        (V::Text("bandwidth_mbps"), number(create.bandwidth_mbps)),
        (V::Text("charge_type"), text(create.charge_type.as_ref())),
        (V::Text("count"), number(Some(create.count))),
        (V::Text("data_disks"), arena.array(&disks)?),
        (V::Text("image"), text(create.image.as_ref())),
        (V::Text("internet_charge_type"), text(create.internet_charge_type.as_ref())),
        (V::Text("key_pair"), V::flag(create.key_pair)),
        (V::Text("name"), text(create.name.as_ref())),
        (V::Text("network_boot"), V::flag(create.network_boot)),
        (V::Text("password"), V::flag(create.password)),
        (V::Text("prepaid_months"), number(create.prepaid_months)),
        (V::Text("public_ipv4"), create.public_ipv4.map_or(V::Null, V::flag)),
        (V::Text("public_ipv6"), create.public_ipv6.map_or(V::Null, V::flag)),
        (V::Text("resource_group"), text(create.resource_group.as_ref())),
        (V::Text("resource_group_path"), text(create.resource_group_path.as_ref())),
        (V::Text("script"), V::flag(create.script)),
        (V::Text("security_group"), text(create.security_group.as_ref())),
        (V::Text("security_group_path"), text(create.security_group_path.as_ref())),
        (V::Text("subnet"), text(create.subnet.as_ref())),
        (V::Text("system_disk_gb"), number(create.system_disk_gb)),
        (V::Text("tags"), arena.members(&tags.collect::<Vec<_>>())?),
        (V::Text("tags_supported"), V::flag(create.tags_supported)),
        (V::Text("tags_supported_by"), text(create.tags_supported_by.as_ref())),
        (V::Text("type"), text(create.instance_type.as_ref())),
        (V::Text("zone"), text(create.zone.as_ref())),
    ])
}

fn disk<'a>(disk: &'a DataDisk, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    arena.members(&[
        (V::Text("amount"), number(Some(disk.amount))),
        (V::Text("category"), text(disk.category.as_ref())),
        (V::Text("size_gb"), number(disk.size_gb)),
    ])
}

fn certificate<'a>(certificate: &'a CertificateInput, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let names: Vec<V<'a>> = certificate.names.iter().map(|name| V::Text(name)).collect();
    arena.members(&[
        (V::Text("fingerprint"), V::Text(&certificate.fingerprint)),
        (V::Text("names"), arena.array(&names)?),
    ])
}

fn target<'a>(target: &'a TargetInput, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    arena.members(&[(V::Text("id"), V::Text(&target.id)), (V::Text("team"), text(target.team.as_ref()))])
}

fn text(text: Option<&String>) -> V<'_> {
    text.map_or(V::Null, |text| V::Text(text))
}

fn number<'a>(number: Option<u32>) -> V<'a> {
    number.map_or(V::Null, |number| V::Int(i64::from(number)))
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::super::value::to_plain;
    use super::*;
    use crate::policy::set::trial::specimens;

    #[test]
    fn plan_and_interpreter_are_given_the_same_document() {
        for given in specimens() {
            let bump = Bump::new();
            let arena = Arena(&bump);
            let settings = arena.plain(&given.settings).unwrap();
            let seen = to_plain(input(&given, settings, arena).unwrap()).unwrap();
            assert_eq!(seen, serde_json::to_value(crate::policy::value::input(&given)).unwrap());
        }
    }
}
