//! An image that was made of a machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::seed;

/// A custom image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct CustomImage {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) zone: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) description: String,
    /// The image of the cloud that it descends from.
    pub(in crate::emulator) base: String,
    /// GB: the system disk it was made of.
    pub(in crate::emulator) size: i64,
    /// From when on it is available.
    pub(in crate::emulator) ready: Duration,
}

impl CustomImage {
    /// The word of the API.
    pub(in crate::emulator) fn status(&self, now: Duration) -> &'static str {
        if self.ready <= now { "AVAILABLE" } else { "CREATING" }
    }

    /// The image of the cloud that it descends from.
    pub(in crate::emulator) fn base(&self) -> Option<&'static seed::Image> {
        seed::image(&self.base)
    }
}
