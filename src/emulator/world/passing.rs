//! A state on its way into another one, read off the clock like the life of a machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::life::Pace;

/// `through` until `at`, then `end`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Passing<S> {
    through: S,
    at: Duration,
    end: S,
}

impl<S: Copy> Passing<S> {
    /// Enters `through` now and `end` after the pace's `change_after`.
    pub(in crate::emulator) fn new(now: Duration, pace: Pace, through: S, end: S) -> Self {
        Self { through, at: now.saturating_add(pace.change_after), end }
    }

    /// Stays in `through` for a span.
    pub(in crate::emulator) fn lasting(now: Duration, span: Duration, through: S, end: S) -> Self {
        Self { through, at: now.saturating_add(span), end }
    }

    /// The state at a time.
    pub(in crate::emulator) fn at(&self, now: Duration) -> S {
        if now < self.at { self.through } else { self.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_comes_at_its_time() {
        let second = Duration::from_secs;
        let pace = Pace { change_after: second(2), ..Pace::default() };
        let passing = Passing::new(second(10), pace, 'a', 'b');
        assert_eq!([10, 11, 12].map(|at| passing.at(second(at))), ['a', 'a', 'b']);
    }
}
