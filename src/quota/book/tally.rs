//! The count of one bucket, and the counts of all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Bucket;
use crate::policy::answer::Resource;
use crate::quota::event::{Line, Millis};

/// What is counted in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// By machines that exist.
    pub used: u64,
    /// By creates that are in flight.
    pub in_flight: u64,
    /// By creates whose outcome nobody knows.
    pub unknown: u64,
    /// The least limit that refuses, as the rules said last.
    pub limit: Option<u64>,
    /// Until when that is a temporary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// What holds after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<u64>,
}

impl Tally {
    /// By creates that are in flight or of unknown outcome.
    pub fn held(&self) -> u64 {
        self.in_flight.saturating_add(self.unknown)
    }

    /// All that counts against a limit.
    pub fn total(&self) -> u64 {
        self.used.saturating_add(self.held())
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The limit at a time: a temporary one ends by itself.
    pub fn limit_at(&self, now: Millis) -> Option<u64> {
        if self.until.is_some_and(|until| now >= until) { self.otherwise } else { self.limit }
    }

    /// What is left under the limit; none without one.
    pub fn left(&self, now: Millis) -> Option<u64> {
        self.limit_at(now).map(|limit| limit.saturating_sub(self.total()))
    }
}

/// Which of a tally's counts something moves in.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// [`Tally::used`].
    Used,
    /// [`Tally::in_flight`].
    InFlight,
    /// [`Tally::unknown`].
    Unknown,
}

/// The counts of all buckets. By scope first, so that one is found without making a key for it: every order looks several of
/// them up several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies(BTreeMap<String, BTreeMap<Resource, Tally>>);

impl Tallies {
    /// The count of one bucket, where anything was ever claimed of it.
    pub fn get(&self, scope: &str, resource: Resource) -> Option<&Tally> {
        self.0.get(scope)?.get(&resource)
    }

    /// All counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Resource, &Tally)> {
        self.0.iter().flat_map(|(scope, tallies)| {
            tallies.iter().map(move |(resource, tally)| (scope.as_str(), *resource, tally))
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes the count of one bucket; from nothing, where there is none yet.
    pub(super) fn change(&mut self, scope: &str, resource: Resource, change: impl FnOnce(&mut Tally)) {
        let tallies = match self.0.get_mut(scope) {
            Some(tallies) => tallies,
            None => self.0.entry(scope.to_owned()).or_default(),
        };
        change(tallies.entry(resource).or_default());
    }

    /// Keeps a count, unless there is one of its bucket.
    pub fn note(&mut self, scope: &str, resource: Resource, tally: impl FnOnce() -> Tally) {
        if self.get(scope, resource).is_none() {
            let tally = tally();
            self.change(scope, resource, |kept| *kept = tally);
        }
    }

    /// Counts so much of a resource in its scope, or takes it off.
    pub(super) fn count(&mut self, line: &Line, amount: u64, part: Part, more: bool) {
        self.change(&line.scope, line.resource, |tally| {
            let count = match part {
                Part::Used => &mut tally.used,
                Part::InFlight => &mut tally.in_flight,
                Part::Unknown => &mut tally.unknown,
            };
            *count = if more { count.saturating_add(amount) } else { count.saturating_sub(amount) };
        });
    }

    /// Forgets counts.
    pub(super) fn retain(&mut self, keep: impl Fn(&Tally) -> bool) {
        for tallies in self.0.values_mut() {
            tallies.retain(|_, tally| keep(tally));
        }
        self.0.retain(|_, tallies| !tallies.is_empty());
    }
}

/// As a list of buckets and counts: JSON cannot hold such keys as member names.
impl Serialize for Tallies {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(scope, resource, tally)| ((scope, resource), tally)))
    }
}

impl<'de> Deserialize<'de> for Tallies {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tallies = Self::default();
        for ((scope, resource), tally) in Vec::<(Bucket, Tally)>::deserialize(deserializer)? {
            tallies.change(&scope, resource, |kept| *kept = tally);
        }
        Ok(tallies)
    }
}

/// Shares of a limit, in per cent, at which people want to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(pub Vec<u8>);

impl Default for Thresholds {
    fn default() -> Self {
        Self(vec![80, 90, 100])
    }
}

impl Thresholds {
    /// The highest that a count has reached.
    pub fn reached(&self, tally: &Tally) -> Option<u8> {
        let limit = tally.limit?;
        let reached = |percent: &u8| {
            // Both factors have 64 bits at most: the products fit.
            let (total, share) = (u128::from(tally.total()), u128::from(*percent));
            total.saturating_mul(100) >= u128::from(limit).saturating_mul(share) && total > 0
        };
        self.0.iter().copied().filter(reached).max()
    }
}

/// The buckets that rose to a higher threshold between two counts, and which it is; looks at those that are in `before`. What only
/// a restart shows again is not among them, because both counts come from the same fold.
pub fn crossings(before: &Tallies, after: &Tallies, thresholds: &Thresholds) -> Vec<(Bucket, u8)> {
    let risen = |(scope, resource, was): (&str, Resource, &Tally)| {
        let now = thresholds.reached(after.get(scope, resource)?)?;
        (thresholds.reached(was) < Some(now)).then(|| ((scope.to_owned(), resource), now))
    };
    before.iter().filter_map(risen).collect()
}
