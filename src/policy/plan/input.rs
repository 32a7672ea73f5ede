//! The document `input` as values, built from our own types: a test below holds it to what the interpreter sees.
//!
//! Rules ask for a few of its members, so each is built when the first of them does.

use super::run::Stop;
use super::value::{Arena, V};
use crate::api::view::{Create, DataDisk};
use crate::policy::input::{ActionInput, CertificateInput, ClientInput, Input, PrincipalInput, TargetInput};

/// A member of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Action,
    Client,
    Create,
    Now,
    Principal,
    Request,
    Settings,
    Targets,
}

impl Section {
    /// All of them, in the order of their names.
    pub(super) const ALL: [Self; 8] = [
        Self::Action,
        Self::Client,
        Self::Create,
        Self::Now,
        Self::Principal,
        Self::Request,
        Self::Settings,
        Self::Targets,
    ];

    /// As rules spell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Client => "client",
            Self::Create => "create",
            Self::Now => "now",
            Self::Principal => "principal",
            Self::Request => "request",
            Self::Settings => "settings",
            Self::Targets => "targets",
        }
    }

    /// The member of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }
}

/// Where a run takes its input from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// A call, with the settings of its team.
    Call(&'a Input, V<'a>),
    /// A value that is there already.
    Value(V<'a>),
}

impl<'a> Source<'a> {
    /// A member of the input, if there is one.
    pub(super) fn section(self, section: Section, arena: Arena<'a>) -> Result<Option<V<'a>>, Stop> {
        let (input, settings) = match self {
            Self::Call(input, settings) => (input, settings),
            Self::Value(value) => return Ok(value.get(V::Text(section.name()))),
        };
        Ok(Some(match section {
            Section::Action => action(&input.action, arena)?,
            Section::Client => client(&input.client, arena)?,
            Section::Create => match &input.create {
                Some(view) => create(view, arena)?,
                None => return Ok(None),
            },
            Section::Now => V::Text(&input.now),
            Section::Principal => principal(&input.principal, arena)?,
            Section::Request => arena.document(&input.request)?,
            Section::Settings => settings,
            Section::Targets => match &input.targets {
                Some(targets) => {
                    let all = targets.iter().map(|one| target(one, arena));
                    arena.array(&all.collect::<Result<Vec<_>, Stop>>()?)?
                }
                None => return Ok(None),
            },
        }))
    }

    /// All of the input: what a rule asks for that hands it on as it is. Built anew for each that does.
    pub(super) fn whole(self, arena: Arena<'a>) -> Result<V<'a>, Stop> {
        if let Self::Value(value) = self {
            return Ok(value);
        }
        let mut members = Vec::with_capacity(Section::ALL.len());
        for section in Section::ALL {
            members.extend(self.section(section, arena)?.map(|value| (V::Text(section.name()), value)));
        }
        arena.members(&members)
    }
}

fn action<'a>(action: &'a ActionInput, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    arena.members(&[
        (V::Text("kind"), V::Text(action.kind.as_str())),
        (V::Text("name"), V::Text(&action.name)),
        (V::Text("service"), V::Text(&action.service)),
        (V::Text("version"), V::Text(&action.version)),
    ])
}

fn principal<'a>(principal: &'a PrincipalInput, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let labels = principal.labels.iter().map(|(name, value)| (V::Text(name), V::Text(value)));
    arena.members(&[
        (V::Text("account"), V::Text(&principal.account)),
        (V::Text("key"), V::Text(&principal.key)),
        (V::Text("labels"), arena.members(&labels.collect::<Vec<_>>())?),
        (V::Text("team"), V::Text(&principal.team)),
    ])
}

fn client<'a>(client: &'a ClientInput, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    arena.members(&[
        (V::Text("address"), V::Text(&client.address)),
        (
            V::Text("certificate"),
            client.certificate.as_ref().map_or(Ok(V::Null), |one| certificate(one, arena))?,
        ),
        (V::Text("sdk"), text(client.sdk.as_deref())),
        (V::Text("user_agent"), text(client.user_agent.as_deref())),
    ])
}

fn create<'a>(create: &'a Create, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let disks = create.data_disks.iter().map(|one| disk(one, arena)).collect::<Result<Vec<_>, Stop>>()?;
    let tags = create.tags.iter().map(|(key, value)| (V::Text(key), V::Text(value)));
    arena.members(&[
        (V::Text("bandwidth_mbps"), number(create.bandwidth_mbps)),
        (V::Text("charge_type"), text(create.charge_type.as_deref())),
        (V::Text("count"), number(Some(create.count))),
        (V::Text("data_disks"), arena.array(&disks)?),
        (V::Text("image"), text(create.image.as_deref())),
        (V::Text("internet_charge_type"), text(create.internet_charge_type.as_deref())),
        (V::Text("key_pair"), V::flag(create.key_pair)),
        (V::Text("name"), text(create.name.as_deref())),
        (V::Text("network_boot"), V::flag(create.network_boot)),
        (V::Text("password"), V::flag(create.password)),
        (V::Text("prepaid_months"), number(create.prepaid_months)),
        (V::Text("public_ipv4"), create.public_ipv4.map_or(V::Null, V::flag)),
        (V::Text("public_ipv6"), create.public_ipv6.map_or(V::Null, V::flag)),
        (V::Text("resource_group"), text(create.resource_group.as_deref())),
        (V::Text("resource_group_path"), text(create.resource_group_path.as_deref())),
        (V::Text("script"), V::flag(create.script)),
        (V::Text("security_group"), text(create.security_group.as_deref())),
        (V::Text("security_group_path"), text(create.security_group_path.as_deref())),
        (V::Text("subnet"), text(create.subnet.as_deref())),
        (V::Text("system_disk_gb"), number(create.system_disk_gb)),
        (V::Text("tags"), arena.members(&tags.collect::<Vec<_>>())?),
        (V::Text("tags_supported"), V::flag(create.tags_supported)),
        (V::Text("tags_supported_by"), text(create.tags_supported_by.as_deref())),
        (V::Text("type"), text(create.instance_type.as_deref())),
        (V::Text("zone"), text(create.zone.as_deref())),
    ])
}

fn disk<'a>(disk: &'a DataDisk, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    arena.members(&[
        (V::Text("amount"), number(Some(disk.amount))),
        (V::Text("category"), text(disk.category.as_deref())),
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
    arena.members(&[(V::Text("id"), V::Text(&target.id)), (V::Text("team"), text(target.team.as_deref()))])
}

fn text(text: Option<&str>) -> V<'_> {
    text.map_or(V::Null, V::Text)
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
            let source = Source::Call(&given, settings);
            let seen = to_plain(source.whole(arena).unwrap()).unwrap();
            assert_eq!(seen, serde_json::to_value(crate::policy::value::input(&given)).unwrap());
        }
    }
}
