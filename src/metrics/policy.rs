//! Where policies come from, what a candidate would change, and when exemptions end.

use std::time::Duration;

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::register;
use crate::policy::PolicySet;
use crate::replay::Difference;

/// See the module.
pub struct PolicyMetrics {
    source_success: Gauge,
    trials: IntCounter,
    staged: IntGauge,
    records: IntCounterVec,
    differences: IntCounterVec,
    deaths: IntCounter,
    exemptions: GaugeVec,
}

impl PolicyMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let twice = || prometheus::Error::AlreadyReg;
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        Ok(Self {
            source_success: register(
                registry,
                Gauge::new(
                    "zengate_policy_source_last_success_timestamp_seconds",
                    "When the source of the policies was last read whole (Unix time).",
                ),
            )
            .ok_or_else(twice)?,
            trials: register(
                registry,
                IntCounter::new(
                    "zengate_policy_trials_total",
                    "New policy sets from the source that were tried.",
                ),
            )
            .ok_or_else(twice)?,
            staged: register(
                registry,
                IntGauge::new("zengate_candidate_staged", "1 while a candidate set is tried in shadow."),
            )
            .ok_or_else(twice)?,
            records: counter(
                "zengate_candidate_records_total",
                "Decisions shown to the candidate: same, different, skipped, or dropped because it was behind or dead.",
                &["result"],
            )?,
            differences: counter(
                "zengate_candidate_differences_total",
                "Decisions that the candidate would make differently, by kind, rule and team.",
                &["kind", "rule", "team"],
            )?,
            deaths: register(
                registry,
                IntCounter::new(
                    "zengate_candidate_deaths_total",
                    "How often the process of a candidate ended or was ended; requests feel nothing of it.",
                ),
            )
            .ok_or_else(twice)?,
            exemptions: register(
                registry,
                GaugeVec::new(
                    Opts::new(
                        "zengate_exemption_ends_timestamp_seconds",
                        "When an exemption of the policies in force ends or ended (Unix time).",
                    ),
                    &["rule", "team"],
                ),
            )
            .ok_or_else(twice)?,
        })
    }

    /// The source was read whole.
    pub fn source_read(&self, at: Duration) {
        self.source_success.set(at.as_secs_f64());
    }

    /// A new set from the source is tried.
    pub fn tried(&self) {
        self.trials.inc();
    }

    /// A candidate was staged, or is no more.
    pub fn staged(&self, staged: bool) {
        self.staged.set(i64::from(staged));
    }

    /// A decision was shown to the candidate.
    pub fn shown(&self, result: &'static str) {
        self.records.with_label_values(&[result]).inc();
    }

    /// A decision would be another; `team` is one of the known ones. Rules are the operator's own.
    pub(super) fn differs(&self, difference: &Difference, team: &str) {
        for rule in &difference.rules {
            self.differences.with_label_values(&[difference.kind.as_str(), rule, team]).inc();
        }
    }

    /// The candidate's process ended.
    pub fn died(&self) {
        self.deaths.inc();
    }

    /// Policies came into force.
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    pub(super) fn exempt(&self, set: &PolicySet) {
        self.exemptions.reset();
        for one in set.organisation().exemptions() {
            let gauge = self.exemptions.with_label_values(&[&one.rule, &one.team]);
            // Of several for the same the one that holds longest counts.
            gauge.set(gauge.get().max(one.until.as_second() as f64));
        }
    }
}
