//! Jumps of the wall clock. Bookings carry wall time, which replicas and restarts share; what is remembered for a while must not
//! be forgotten because somebody has set the clock.

use std::collections::VecDeque;

use crate::clock::Clock;
use crate::quota::event::Millis;

/// What a time service does without a jump, in ms between two looks.
const SLEW: Millis = 1_000;

/// Jumps that this process has seen. One that came while no process ran is not seen.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// The wall clock and the steady one at the last look.
    last: Option<(Millis, Millis)>,
    /// When, by the steady clock, and how far the wall clock jumped ahead.
    ahead: VecDeque<(Millis, Millis)>,
}

impl Steps {
    /// By how much times of the last `within` ms look older than they are.
    pub(super) fn ahead(&mut self, clock: &Clock, within: Millis) -> Millis {
        let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let (wall, steady) = (millis(clock.since_epoch()), millis(clock.steady()));
        if let Some((wall_before, steady_before)) = self.last.replace((wall, steady)) {
            let jump = wall.saturating_sub(wall_before).saturating_sub(steady.saturating_sub(steady_before));
            if jump.saturating_abs() > SLEW {
                tracing::warn!(seconds = jump / 1000, "the wall clock has jumped");
            }
            if jump > SLEW {
                self.ahead.push_back((steady, jump));
            }
        }
        while self.ahead.front().is_some_and(|(at, _)| steady.saturating_sub(*at) > within) {
            self.ahead.pop_front();
        }
        self.ahead.iter().fold(0, |sum, (_, jump)| sum.saturating_add(*jump))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_jumps_ahead_count_and_only_for_a_while() {
        let (clock, mut steps) = (Clock::manual(1_000_000), Steps::default());
        assert_eq!(steps.ahead(&clock, 60_000), 0);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(steps.ahead(&clock, 60_000), 0, "time that passes is no jump");
        clock.step(-600);
        assert_eq!(steps.ahead(&clock, 60_000), 0, "what looks younger is not forgotten");
        clock.step(600);
        assert_eq!(steps.ahead(&clock, 60_000), 600_000);
        clock.advance(Duration::from_secs(30));
        clock.step(1_200);
        assert_eq!(steps.ahead(&clock, 60_000), 1_800_000);
        clock.advance(Duration::from_secs(31));
        assert_eq!(steps.ahead(&clock, 60_000), 1_200_000);
        clock.advance(Duration::from_secs(31));
        assert_eq!(steps.ahead(&clock, 60_000), 0);
    }
}
