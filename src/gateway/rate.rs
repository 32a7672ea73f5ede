//! Not more creates of a team in a time than the operator allows, whatever they ask for: a limit on machines does not stop a loop
//! that creates and terminates.
//!
//! The generic cell rate algorithm (ITU-T I.371), as `governor` has it: a burst, then evenly. What is over is answered 429 with the
//! whole seconds until the next one passes, on purpose: nothing was sent, and every SDK waits and repeats. It stands after the
//! rules, so a create that is refused anyway takes nothing. The count is kept by each replica for itself and begins anew with it;
//! quota is what is exact.

use std::collections::BTreeMap;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::Parts;
use super::decide::Allowed;
use super::stage::Stage;
use crate::config::quota::{Rate, Rates};
use crate::refusal::Refusal;

type ByTeam<C> = RateLimiter<String, HashMapStateStore<String>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// How many creates each team has sent of late.
pub struct CreateRates<C: Clock = DefaultClock> {
    clock: C,
    default: Option<(Rate, ByTeam<C>)>,
    teams: BTreeMap<String, (Rate, ByTeam<C>)>,
}

impl CreateRates {
    /// Nothing was sent yet.
    pub fn new(rates: &Rates) -> Self {
        Self::by(rates, DefaultClock::default())
    }
}

impl<C: Clock + Clone> CreateRates<C> {
    fn by(rates: &Rates, clock: C) -> Self {
        let limiter = |rate: Rate| {
            let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
            (rate, RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()))
        };
        let teams = rates.teams.iter().map(|(team, rate)| (team.clone(), limiter(*rate))).collect();
        let default = rates.default.map(limiter);
        Self { clock, default, teams }
    }

    /// Takes one create of the team.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when it has to wait.
    fn take(&self, team: &str) -> Result<(), Refusal> {
        let Some((rate, limiter)) = self.teams.get(team).or(self.default.as_ref()) else { return Ok(()) };
        limiter.check_key(&team.to_owned()).map_err(|late| {
            let wait = late.wait_time_from(self.clock.now());
            // Rounded up: a client that waits what it is told passes.
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
            Refusal::RateLimited {
                team: team.to_owned(),
                per_minute: rate.per_minute,
                burst: rate.burst,
                retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
            }
        })
    }
}

/// See the module.
pub(super) struct Pace(Arc<CreateRates>);

impl Pace {
    pub(super) fn new(parts: &Parts) -> Self {
        Self(Arc::clone(&parts.rates))
    }
}

impl Stage for Pace {
    type In = Allowed;
    type Out = Allowed;

    async fn apply(&self, allowed: Allowed) -> Result<Allowed, Refusal> {
        if allowed.create.is_some() {
            self.0.take(&allowed.principal.team)?;
        }
        Ok(allowed)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate(per_minute: u32, burst: u32) -> Rate {
        Rate { per_minute: NonZeroU32::new(per_minute).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
    }

    fn passes(rates: &CreateRates<FakeRelativeClock>, team: &str) -> usize {
        std::iter::repeat_with(|| rates.take(team)).take_while(Result::is_ok).count()
    }

    #[test]
    fn a_burst_passes_and_then_exactly_the_steady_rate() {
        let clock = FakeRelativeClock::default();
        let rates = Rates { default: Some(rate(6, 4)), teams: BTreeMap::new() };
        let rates = CreateRates::by(&rates, clock.clone());
        assert_eq!(passes(&rates, "payments"), 4);
        let mut passed = 0;
        for _ in 0..600 {
            clock.advance(Duration::from_secs(1));
            passed += passes(&rates, "payments");
        }
        assert_eq!(passed, 60, "6 a minute over 10 minutes");
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(passes(&rates, "payments"), 4, "a quiet time saves up no more than the burst");
    }

    #[test]
    fn who_waits_as_long_as_told_passes() {
        let clock = FakeRelativeClock::default();
        let rates =
            CreateRates::by(&Rates { default: Some(rate(7, 1)), teams: BTreeMap::new() }, clock.clone());
        assert_eq!(passes(&rates, "payments"), 1);
        let told = rates.take("payments").unwrap_err().retry_after().unwrap();
        assert_eq!(told, 9, "60 / 7 s, rounded up");
        clock.advance(Duration::from_secs(u64::from(told)));
        rates.take("payments").unwrap();
    }

    #[test]
    fn teams_do_not_share_and_some_have_a_rate_of_their_own() {
        let teams = [("web".to_owned(), rate(60, 7))].into();
        let rates =
            CreateRates::by(&Rates { default: Some(rate(60, 2)), teams }, FakeRelativeClock::default());
        assert_eq!(["payments", "search", "web"].map(|team| passes(&rates, team)), [2, 2, 7]);
        let free = CreateRates::by(&Rates::default(), FakeRelativeClock::default());
        assert!((0..100).all(|_| free.take("payments").is_ok()));
    }
}
