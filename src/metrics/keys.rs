//! Keys in figures: how many there are, how they stand, and which end next. Read when the metrics are asked for.
//!
//! Ids of keys come from the key file and the store, never from a caller; of those that end, the nearest are shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

use super::{Metrics, register};
use crate::keys::{Kept, Keys, Shown, State};

/// The most keys whose end is shown.
const MOST_SHOWN: usize = 500;

/// See the module.
pub struct KeyMetrics {
    keys: IntGaugeVec,
    store_up: IntGauge,
    expires: IntGaugeVec,
}

impl Metrics {
    /// How the keys stand.
    pub fn keys(&self) -> &KeyMetrics {
        &self.keys
    }
}

impl KeyMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let twice = || prometheus::Error::AlreadyReg;
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        Ok(Self {
            keys: gauges("zengate_keys", "Gateway keys by where they are kept and how they stand.", &["source", "state"])?,
            store_up: register(
                registry,
                IntGauge::new(
                    "zengate_key_store_up",
                    "1 while the key store can be read, or where there is none; else no order about keys is carried out.",
                ),
            )
            .ok_or_else(twice)?,
            expires: gauges(
                "zengate_key_expires_timestamp_seconds",
                "When a usable key ends (Unix time); the 500 that end next, of those that end at all.",
                &["key", "team"],
            )?,
        })
    }

    /// Reads how the keys stand, before the metrics are shown.
    pub fn read(&self, keys: &Keys, now: Timestamp) {
        self.store_up.set(i64::from(keys.store_away().is_none()));
        self.show(&keys.list(now));
    }

    pub(super) fn show(&self, keys: &[Shown]) {
        let mut counts: BTreeMap<(Kept, State), i64> = BTreeMap::new();
        for key in keys {
            *counts.entry((key.kept_in, key.state)).or_default() += 1;
        }
        for kept in [Kept::File, Kept::Store] {
            for state in State::ALL {
                let count = counts.get(&(kept, state)).copied().unwrap_or(0);
                self.keys.with_label_values(&[kept.as_str(), state.as_str()]).set(count);
            }
        }
        self.expires.reset();
        let usable = keys.iter().filter(|key| matches!(key.state, State::Active | State::Rotating));
        let mut ending: Vec<(Timestamp, &Shown)> =
            usable.filter_map(|key| Some((key.expires?, key))).collect();
        ending.sort_by_key(|(end, _)| *end);
        for (end, key) in ending.into_iter().take(MOST_SHOWN) {
            self.expires.with_label_values(&[&key.id, &key.team]).set(end.as_second());
        }
    }
}
