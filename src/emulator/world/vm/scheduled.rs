//! Changes of a machine that were ordered and take effect later: its bandwidth, traffic package and model.
//!
//! Unlike a state, these are values that many answers show, so they are carried over before a call looks at the
//! account instead of being worked out by every reader.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::life::Status;
use crate::emulator::seed;
use crate::emulator::world::{Machine, World};

/// What will change, and into what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::emulator) enum Change {
    /// Mbps.
    Bandwidth(i64),
    /// TB.
    Traffic(f64),
    /// The id of a model.
    Model(String),
}

impl Change {
    /// Whether the other one changes the same thing.
    pub(in crate::emulator) fn rivals(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn apply(self, machine: &mut Machine) {
        match self {
            Self::Bandwidth(mbps) => machine.bandwidth = mbps,
            Self::Traffic(terabytes) => machine.traffic_package = Some(terabytes),
            Self::Model(id) => {
                if let Some(model) = seed::model(&id) {
                    (machine.cpu, machine.memory) = (model.cpu, model.memory);
                }
                machine.model = id;
            }
        }
    }
}

/// A change on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Scheduled {
    pub(in crate::emulator) machine: String,
    pub(in crate::emulator) change: Change,
    /// When it takes effect.
    pub(in crate::emulator) at: Duration,
    /// A subscription shrinks only with its next cycle; until then the change can be cancelled.
    pub(in crate::emulator) next_cycle: bool,
}

impl Scheduled {
    /// The word of the API for a change that is still to come.
    pub(in crate::emulator) fn status(&self) -> &'static str {
        if self.next_cycle { "WaitToEnable" } else { "Processing" }
    }
}

impl World {
    /// Carries over the changes whose time has come.
    pub(in crate::emulator) fn settle(&mut self, now: Duration) {
        if self.vm.scheduled.is_empty() {
            return;
        }
        let (due, later) =
            std::mem::take(&mut self.vm.scheduled).into_iter().partition(|change| change.at <= now);
        self.vm.scheduled = later;
        let due: Vec<Scheduled> = due;
        for scheduled in due {
            let machine = self.machines.iter_mut().find(|machine| machine.id == scheduled.machine);
            if let Some(machine) = machine.filter(|machine| machine.life.at(now) != Status::Gone) {
                scheduled.change.apply(machine);
            }
        }
    }

    /// Orders a change; an earlier one of the same kind that is still to come gives way.
    pub(in crate::emulator) fn schedule(&mut self, scheduled: Scheduled) {
        self.vm
            .scheduled
            .retain(|other| other.machine != scheduled.machine || !other.change.rivals(&scheduled.change));
        self.vm.scheduled.push(scheduled);
    }
}
