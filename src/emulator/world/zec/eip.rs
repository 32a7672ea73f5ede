//! Public addresses of zec.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::world::passing::Passing;

/// A state of an address apart from its binding. `Gone` is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) enum State {
    Creating,
    Ready,
    Recycling,
    Recycled,
    Deleting,
    Gone,
}

/// What an address is bound to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Binding {
    pub(in crate::emulator) nic: String,
    /// The private address of the interface.
    pub(in crate::emulator) address: String,
    /// `FullNat` or `Passthrough`.
    pub(in crate::emulator) kind: String,
}

/// A public address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Eip {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) region: String,
    pub(in crate::emulator) address: String,
    pub(in crate::emulator) line: String,
    pub(in crate::emulator) charge: String,
    /// Mbps.
    pub(in crate::emulator) bandwidth: i64,
    /// TB; only with ByTrafficPackage.
    pub(in crate::emulator) flow_package: Option<f64>,
    pub(in crate::emulator) cluster: Option<String>,
    /// Ordered with a machine, and to go with it.
    pub(in crate::emulator) with_machine: bool,
    pub(in crate::emulator) bound: Option<Binding>,
    pub(in crate::emulator) resource_group: String,
    pub(in crate::emulator) tags: Vec<(String, String)>,
    pub(in crate::emulator) created: Duration,
    pub(in crate::emulator) life: Passing<State>,
}

impl Eip {
    /// The state in the words of the API, as the Terraform provider knows them.
    pub(in crate::emulator) fn status(&self, now: Duration) -> &'static str {
        match self.life.at(now) {
            State::Creating => "CREATING",
            State::Ready if self.bound.is_some() => "BINDED",
            State::Ready => "UNBIND",
            State::Recycling => "RECYCLING",
            State::Recycled => "RECYCLED",
            State::Deleting => "DELETING",
            State::Gone => "GONE",
        }
    }
}
