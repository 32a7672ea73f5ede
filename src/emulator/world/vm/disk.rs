//! A data disk of vm: made with a machine or alone, attached to one machine or none.
//!
//! A machine's system disk is part of the machine. Every data disk is portable in the words of the API: it outlives
//! the machine that it was made with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::world::passing::Passing;

/// A disk's state. `Gone` is never shown: the disk is no longer listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) enum DiskStatus {
    Creating,
    InUse,
    Available,
    Changing,
    Attaching,
    Detaching,
    Recycling,
    Recycled,
    Deleting,
    Gone,
}

impl DiskStatus {
    /// The word of the API.
    pub(in crate::emulator) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::InUse => "IN_USE",
            Self::Available => "AVAILABLE",
            Self::Changing => "CHANGING",
            Self::Attaching => "ATTACHING",
            Self::Detaching => "DETACHING",
            Self::Recycling => "RECYCLING",
            Self::Recycled => "RECYCLED",
            Self::Deleting => "DELETING",
            Self::Gone => "GONE",
        }
    }
}

/// A data disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct DataDisk {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) zone: String,
    /// GB.
    pub(in crate::emulator) size: i64,
    pub(in crate::emulator) category: String,
    pub(in crate::emulator) charge_type: String,
    /// Months of a subscription.
    pub(in crate::emulator) period: Option<i64>,
    pub(in crate::emulator) resource_group: String,
    pub(in crate::emulator) tags: Vec<(String, String)>,
    pub(in crate::emulator) created: Duration,
    /// The machine it was last bound to; see [`DataDisk::machine`].
    pub(in crate::emulator) bound: Option<String>,
    pub(in crate::emulator) life: Passing<DiskStatus>,
}

impl DataDisk {
    /// The machine it is attached to, or on its way to or from.
    pub(in crate::emulator) fn machine(&self, now: Duration) -> Option<&str> {
        let free = matches!(
            self.life.at(now),
            DiskStatus::Available
                | DiskStatus::Recycling
                | DiskStatus::Recycled
                | DiskStatus::Deleting
                | DiskStatus::Gone
        );
        self.bound.as_deref().filter(|_| !free)
    }
}
