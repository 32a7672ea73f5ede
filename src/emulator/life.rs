//! The life of a machine as a timetable.
//!
//! No task moves a machine from state to state: each one carries the times at which it enters its states, and its
//! state is read off the clock. A manual clock therefore steps through a whole life without waiting.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A machine's state. `Gone` is never shown: the machine is no longer listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Accepted, nothing done yet.
    Pending,
    /// Being set up.
    Deploying,
    /// Up.
    Running,
    /// Shutting down.
    Stopping,
    /// Down, still billed.
    Stopped,
    /// Starting again.
    Booting,
    /// Restarting.
    Reboot,
    /// Being installed again.
    Rebuilding,
    /// Changing its model; only zec.
    Resizing,
    /// Down while an image is made of it.
    Imaging,
    /// On its way to the recycle bin.
    Recycling,
    /// In the recycle bin.
    Recycle,
    /// On its way out of the bin.
    Releasing,
    /// The create failed after it was accepted.
    CreateFailed,
    /// Not listed any more.
    Gone,
}

impl Status {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Deploying => "DEPLOYING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Booting => "BOOTING",
            Self::Reboot => "REBOOT",
            Self::Rebuilding => "REBUILDING",
            Self::Resizing => "RESIZING",
            Self::Imaging => "IMAGING",
            Self::Recycling => "RECYCLING",
            Self::Recycle => "RECYCLE",
            Self::Releasing => "RELEASING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Gone => "GONE",
        }
    }

    /// Whether the create is still under way; no operation is allowed then.
    pub(super) fn is_creating(self) -> bool {
        matches!(self, Self::Pending | Self::Deploying)
    }

    /// Whether the machine is in the recycle bin, on its way there, or leaving it for good.
    pub(super) fn is_binned(self) -> bool {
        matches!(self, Self::Recycling | Self::Recycle | Self::Releasing)
    }

    /// Whether the machine counts against the account's quota: from the order until it is put in the bin.
    pub(super) fn holds_quota(self) -> bool {
        !matches!(self, Self::Recycling | Self::Recycle | Self::Releasing | Self::CreateFailed | Self::Gone)
    }
}

/// What becomes of an accepted create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// It runs.
    #[default]
    Runs,
    /// It ends in CREATE_FAILED.
    Fails,
    /// It disappears from the listings.
    Vanishes,
}

/// How long things take, each counted from the call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    pub(super) deploy_after: Duration,
    pub(super) run_after: Duration,
    pub(super) change_after: Duration,
}

/// The times at which a machine enters its states, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Life(Vec<(Duration, Status)>);

impl Life {
    /// A create accepted at `now`.
    pub(super) fn begin(now: Duration, pace: Pace, fate: Fate) -> Self {
        let end = match fate {
            Fate::Runs => Status::Running,
            Fate::Fails => Status::CreateFailed,
            Fate::Vanishes => Status::Gone,
        };
        let run_after = pace.run_after.max(pace.deploy_after);
        Self(vec![
            (now, Status::Pending),
            (now.saturating_add(pace.deploy_after), Status::Deploying),
            (now.saturating_add(run_after), end),
        ])
    }

    /// The state at a time.
    pub(super) fn at(&self, now: Duration) -> Status {
        self.0.iter().rev().find(|(from, _)| *from <= now).map_or(Status::Pending, |(_, status)| *status)
    }

    /// Enters `through` at once and `end` after the pace's `change_after`.
    pub(super) fn change(&mut self, now: Duration, pace: Pace, through: Status, end: Status) {
        self.0 = vec![(now, through), (now.saturating_add(pace.change_after), end)];
    }

    /// Enters each state at its time; the times ascend, and the first one is now.
    pub(super) fn plan(&mut self, steps: Vec<(Duration, Status)>) {
        self.0 = steps;
    }

    /// Leaves the listings at once.
    pub(super) fn end(&mut self, now: Duration) {
        self.0 = vec![(now, Status::Gone)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        deploy_after: Duration::from_secs(2),
        run_after: Duration::from_secs(5),
        change_after: Duration::from_secs(1),
    };

    fn at(life: &Life, second: u64) -> Status {
        life.at(Duration::from_secs(second))
    }

    #[test]
    fn a_create_passes_through_its_states_at_their_times() {
        let life = Life::begin(Duration::from_secs(100), PACE, Fate::Runs);
        let seen: Vec<Status> = [100, 101, 102, 104, 105].iter().map(|second| at(&life, *second)).collect();
        use Status::{Deploying, Pending, Running};
        assert_eq!(seen, [Pending, Pending, Deploying, Deploying, Running]);
    }

    #[test]
    fn a_scripted_fate_replaces_the_last_state_only() {
        let fails = Life::begin(Duration::ZERO, PACE, Fate::Fails);
        assert_eq!((at(&fails, 4), at(&fails, 5)), (Status::Deploying, Status::CreateFailed));
        assert_eq!(at(&Life::begin(Duration::ZERO, PACE, Fate::Vanishes), 5), Status::Gone);
    }

    #[test]
    fn a_change_shows_at_once_and_ends_later() {
        let mut life = Life::begin(Duration::ZERO, PACE, Fate::Runs);
        life.change(Duration::from_secs(9), PACE, Status::Stopping, Status::Stopped);
        assert_eq!((at(&life, 9), at(&life, 10)), (Status::Stopping, Status::Stopped));
    }
}
