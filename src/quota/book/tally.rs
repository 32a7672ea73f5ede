//! The count of one bucket.

use serde::{Deserialize, Serialize};

use super::Bucket;
use crate::quota::event::Millis;

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

/// The buckets that rose to a higher threshold between two counts, and which it is. What only a restart shows again is not
/// among them, because both counts come from the same fold.
pub fn crossings<'a>(
    before: &std::collections::BTreeMap<Bucket, Tally>,
    after: impl Iterator<Item = (&'a Bucket, &'a Tally)>,
    thresholds: &Thresholds,
) -> Vec<(Bucket, u8)> {
    after
        .filter_map(|(bucket, tally)| {
            let now = thresholds.reached(tally)?;
            let was = before.get(bucket).and_then(|tally| thresholds.reached(tally));
            (was < Some(now)).then(|| (bucket.clone(), now))
        })
        .collect()
}
