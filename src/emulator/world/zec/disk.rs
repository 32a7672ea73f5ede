//! Data disks of zec. System disks belong to their machines.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::world::passing::Passing;

/// A state of a disk. `Gone` is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) enum State {
    Creating,
    Available,
    InUse,
    Attaching,
    Detaching,
    Changing,
    Recycling,
    Recycled,
    Deleting,
    Gone,
}

impl State {
    /// The word of the API.
    pub(in crate::emulator) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Available => "AVAILABLE",
            Self::InUse => "IN_USE",
            Self::Attaching => "ATTACHING",
            Self::Detaching => "DETACHING",
            Self::Changing => "CHANGING",
            Self::Recycling => "RECYCLING",
            Self::Recycled => "RECYCLED",
            Self::Deleting => "DELETING",
            Self::Gone => "GONE",
        }
    }

    /// Whether it is in the bin or on its way there or out of it.
    pub(in crate::emulator) fn in_bin(self) -> bool {
        matches!(self, Self::Recycling | Self::Recycled | Self::Deleting)
    }
}

/// A data disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct ZecDisk {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) zone: String,
    /// GiB.
    pub(in crate::emulator) size: i64,
    pub(in crate::emulator) category: String,
    pub(in crate::emulator) bursting: bool,
    /// The machine it is attached to.
    pub(in crate::emulator) machine: Option<String>,
    /// Ordered with its machine, and to go with it.
    pub(in crate::emulator) with_machine: bool,
    pub(in crate::emulator) resource_group: String,
    pub(in crate::emulator) tags: Vec<(String, String)>,
    pub(in crate::emulator) created: Duration,
    pub(in crate::emulator) life: Passing<State>,
}

impl ZecDisk {
    /// The state at a time. A disk whose machine left it is available.
    pub(in crate::emulator) fn state(&self, now: Duration) -> State {
        match self.life.at(now) {
            State::InUse if self.machine.is_none() => State::Available,
            state => state,
        }
    }
}
