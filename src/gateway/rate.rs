//! Not more creates of a team, or of one key, in a time than the operator allows, whatever they ask for: a limit on machines does not stop a loop
//! that creates and terminates.
//!
//! The generic cell rate algorithm (ITU-T I.371), as `governor` has it: a burst, then evenly. What is over is answered 429 with the
//! whole seconds until the next one passes, on purpose: nothing was sent, and every SDK waits and repeats. It stands after the
//! rules, so a create that is refused anyway takes nothing. The count is kept by each replica for itself and begins anew with it;
//! quota is what is exact.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::decide::Allowed;
use super::stage::Stage;
use super::{Parts, Settings};
use crate::config::quota::{Rate, Rates};
use crate::refusal::Refusal;

/// A limiter for each name.
type ByName<C> = RateLimiter<String, HashMapStateStore<String>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// How many creates each team has sent of late.
pub struct CreateRates<C: Clock = DefaultClock> {
    clock: C,
    default: Option<(Rate, ByName<C>)>,
    teams: BTreeMap<String, (Rate, ByName<C>)>,
    keys: Option<(Rate, ByName<C>)>,
    /// What it was made with.
    rates: Rates,
}

impl CreateRates {
    /// Nothing was sent yet.
    pub fn new(rates: &Rates) -> Self {
        Self::by(rates, DefaultClock::default())
    }

    /// Whether the other one was made with the same rates.
    pub fn is_like(&self, other: &Self) -> bool {
        self.rates == other.rates
    }
}

impl<C: Clock + Clone> CreateRates<C> {
    fn by(rates: &Rates, clock: C) -> Self {
        let limiter = |rate: Rate| {
            let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
            (rate, RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()))
        };
        let teams = rates.teams.iter().map(|(team, rate)| (team.clone(), limiter(*rate))).collect();
        let (default, keys) = (rates.default.map(limiter), rates.key.map(limiter));
        Self { clock, default, teams, keys, rates: rates.clone() }
    }

    /// What holds for a team; none where nothing does.
    pub(super) fn of(&self, team: &str) -> Option<Rate> {
        self.rates.of(team)
    }

    /// Takes one create of the key and of its team.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when it has to wait.
    fn take(&self, key: &str, team: &str) -> Result<(), Refusal> {
        if let Some(limiter) = &self.keys {
            self.take_one(limiter, key, "key")?;
        }
        match self.teams.get(team).or(self.default.as_ref()) {
            Some(limiter) => self.take_one(limiter, team, "team"),
            None => Ok(()),
        }
    }

    fn take_one(
        &self,
        (rate, limiter): &(Rate, ByName<C>),
        name: &str,
        what: &'static str,
    ) -> Result<(), Refusal> {
        limiter.check_key(&name.to_owned()).map_err(|late| {
            let wait = late.wait_time_from(self.clock.now());
            // Rounded up: a client that waits what it is told passes.
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
            Refusal::RateLimited {
                what,
                name: name.to_owned(),
                per_minute: rate.per_minute,
                burst: rate.burst,
                retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
            }
        })
    }
}

/// See the module.
pub(super) struct Pace(Arc<ArcSwap<Settings>>);

impl Pace {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(&parts.settings))
    }
}

impl Stage for Pace {
    type In = Box<Allowed>;
    type Out = Box<Allowed>;

    async fn apply(&self, allowed: Box<Allowed>) -> Result<Box<Allowed>, Refusal> {
        if allowed.create.is_some() {
            self.0.load().rates.take(&allowed.principal.key, &allowed.principal.team)?;
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
        std::iter::repeat_with(|| rates.take("ZG1", team)).take_while(Result::is_ok).count()
    }

    #[test]
    fn a_burst_passes_and_then_exactly_the_steady_rate() {
        let clock = FakeRelativeClock::default();
        let rates = Rates { default: Some(rate(6, 4)), ..Rates::default() };
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
        let rates = CreateRates::by(&Rates { default: Some(rate(7, 1)), ..Rates::default() }, clock.clone());
        assert_eq!(passes(&rates, "payments"), 1);
        let told = rates.take("ZG1", "payments").unwrap_err().retry_after().unwrap();
        assert_eq!(told, 9, "60 / 7 s, rounded up");
        clock.advance(Duration::from_secs(u64::from(told)));
        rates.take("ZG1", "payments").unwrap();
    }

    #[test]
    fn teams_do_not_share_and_some_have_a_rate_of_their_own() {
        let teams = [("web".to_owned(), rate(60, 7))].into();
        let rates = CreateRates::by(
            &Rates { default: Some(rate(60, 2)), teams, key: None },
            FakeRelativeClock::default(),
        );
        assert_eq!(["payments", "search", "web"].map(|team| passes(&rates, team)), [2, 2, 7]);
        let free = CreateRates::by(&Rates::default(), FakeRelativeClock::default());
        assert!((0..100).all(|_| free.take("ZG1", "payments").is_ok()));
    }

    #[test]
    fn a_key_may_have_less_than_its_team() {
        let rates = Rates { default: Some(rate(60, 5)), key: Some(rate(60, 2)), ..Rates::default() };
        let rates = CreateRates::by(&rates, FakeRelativeClock::default());
        let passed = |key: &str| {
            std::iter::repeat_with(|| rates.take(key, "payments")).take_while(Result::is_ok).count()
        };
        assert_eq!((passed("ZG1"), passed("ZG2"), passed("ZG3")), (2, 2, 1));
        let Err(Refusal::RateLimited { what, name, .. }) = rates.take("ZG1", "payments") else { panic!() };
        assert_eq!((what, name.as_str()), ("key", "ZG1"));
    }
}
