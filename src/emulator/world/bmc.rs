//! What the account has in bmc besides its machines, and what only bmc knows of those.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::passing::Passing;
use super::resource::{Labels, Resource};

/// Everything of bmc but the machines.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::emulator) struct Bmc {
    pub(in crate::emulator) machines: BTreeMap<String, Extra>,
    pub(in crate::emulator) eips: BTreeMap<String, BmcEip>,
}

impl Bmc {
    /// The elastic addresses, as things in a resource group that can carry tags.
    pub(super) fn resources(&self, now: Duration) -> impl Iterator<Item = Resource<'_>> {
        let eips = self.eips.values().filter(move |eip| eip.life.at(now) != State::Gone);
        eips.map(|eip| Resource {
            kind: "BMC_EIP",
            id: &eip.id,
            name: &eip.address,
            group: &eip.resource_group,
            tags: &eip.tags,
            created: eip.created,
        })
    }

    /// One of them, to be changed.
    pub(super) fn labels(&mut self, id: &str, now: Duration) -> Option<Labels<'_>> {
        let eip = self.eips.get_mut(id).filter(|eip| eip.life.at(now) != State::Gone)?;
        Some(Labels { group: &mut eip.resource_group, tags: &mut eip.tags })
    }
}

/// What only bmc knows of a machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::emulator) struct Extra {
    pub(in crate::emulator) ipxe_url: Option<String>,
    pub(in crate::emulator) raid: Option<Raid>,
    pub(in crate::emulator) partitions: Vec<Partition>,
    pub(in crate::emulator) primary_ipv6: Option<String>,
    pub(in crate::emulator) gateway_mode: bool,
    /// A subscription that was cancelled runs to its end.
    pub(in crate::emulator) cancelled: bool,
}

/// How the disks are joined: one level for all, or sets of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) enum Raid {
    Fast(i64),
    Custom(Vec<(i64, Vec<i64>)>),
}

/// A partition of the system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Partition {
    pub(in crate::emulator) path: String,
    pub(in crate::emulator) kind: String,
    /// GB.
    pub(in crate::emulator) size: i64,
}

/// A state of an elastic address apart from its binding. `Gone` is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) enum State {
    Creating,
    Associating,
    Unassociating,
    Ready,
    Recycled,
    Gone,
}

/// An elastic address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct BmcEip {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) zone: String,
    pub(in crate::emulator) address: String,
    pub(in crate::emulator) netmask: i64,
    pub(in crate::emulator) charge: String,
    /// Months of a subscription.
    pub(in crate::emulator) period: Option<i64>,
    pub(in crate::emulator) machine: Option<String>,
    pub(in crate::emulator) resource_group: String,
    pub(in crate::emulator) tags: Vec<(String, String)>,
    pub(in crate::emulator) created: Duration,
    pub(in crate::emulator) life: Passing<State>,
}

impl BmcEip {
    /// The state in the words of the API, as the Terraform provider knows them.
    pub(in crate::emulator) fn status(&self, now: Duration) -> &'static str {
        match self.life.at(now) {
            State::Creating => "CREATING",
            State::Associating => "ASSOCIATING",
            State::Unassociating => "UNASSOCIATING",
            State::Ready if self.machine.is_some() => "ASSOCIATED",
            State::Ready => "AVAILABLE",
            State::Recycled => "RECYCLE",
            State::Gone => "GONE",
        }
    }
}
