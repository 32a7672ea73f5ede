//! How much of the decisions is kept to be found again.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

use super::register;

/// See the module.
pub struct HistoryMetrics {
    decisions: IntCounterVec,
    up: IntGauge,
    records: IntGauge,
    bytes: IntGauge,
}

impl HistoryMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let twice = || prometheus::Error::AlreadyReg;
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)).ok_or_else(twice);
        Ok(Self {
            decisions: register(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "zengate_history_decisions_total",
                        "Decisions by what became of them in the history: kept, or dropped because it was behind or away.",
                    ),
                    &["result"],
                ),
            )
            .ok_or_else(twice)?,
            up: gauge("zengate_history_up", "1 while the history of decisions can be written, or where none is kept.")?,
            records: gauge("zengate_history_records", "Decisions in the history.")?,
            bytes: gauge("zengate_history_size_bytes", "Bytes of records in the history.")?,
        })
    }

    /// Decisions that were kept.
    pub fn kept(&self, decisions: u64) {
        self.decisions.with_label_values(&["kept"]).inc_by(decisions);
    }

    /// Decisions that were not.
    pub fn dropped(&self, decisions: u64) {
        self.decisions.with_label_values(&["dropped"]).inc_by(decisions);
    }

    /// Whether the history can be written.
    pub fn up(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    /// Whether so many were kept, ...
    #[cfg(test)]
    pub(crate) fn is_kept(&self, decisions: u64) -> bool {
        self.decisions.with_label_values(&["kept"]).get() >= decisions
    }

    /// ... were dropped, ...
    #[cfg(test)]
    pub(crate) fn is_dropped(&self, decisions: u64) -> bool {
        self.decisions.with_label_values(&["dropped"]).get() >= decisions
    }

    /// ... or it can be written.
    #[cfg(test)]
    pub(crate) fn is_up(&self) -> bool {
        self.up.get() == 1
    }

    /// How much it holds.
    pub fn size(&self, records: u64, bytes: u64) {
        self.records.set(i64::try_from(records).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
