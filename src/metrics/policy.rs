//! Where policies come from, what a candidate would change, and when exemptions end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::register;
use crate::policy::PolicySet;
use crate::policy::engine::Stats;
use crate::replay::Difference;

/// See the module.
pub struct PolicyMetrics {
    info: IntGaugeVec,
    loaded: Gauge,
    source_success: Gauge,
    trials: IntCounter,
    staged: IntGauge,
    records: IntCounterVec,
    differences: IntCounterVec,
    deaths: IntCounter,
    exemptions: GaugeVec,
    interpreted: IntGauge,
    waiting: IntGauge,
    evaluations: IntCounterVec,
    comparisons: IntCounterVec,
    panics: IntCounter,
    /// What the counters above have been told.
    told: Mutex<Stats>,
}

impl PolicyMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let twice = || prometheus::Error::AlreadyReg;
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        Ok(Self {
            info: register(
                registry,
                IntGaugeVec::new(
                    Opts::new("zengate_policy_info", "The policy revision in force; 1 for it."),
                    &["revision"],
                ),
            )
            .ok_or_else(twice)?,
            loaded: register(
                registry,
                Gauge::new(
                    "zengate_policy_loaded_timestamp_seconds",
                    "When the policy in force was loaded (Unix time).",
                ),
            )
            .ok_or_else(twice)?,
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
            interpreted: register(
                registry,
                IntGauge::new(
                    "zengate_policy_interpreted_rules",
                    "Rules that the interpreter answers for, because they could not be planned or their plan answered otherwise.",
                ),
            )
            .ok_or_else(twice)?,
            waiting: register(
                registry,
                IntGauge::new("zengate_policy_evaluations_waiting", "Questions that wait for an evaluation thread."),
            )
            .ok_or_else(twice)?,
            evaluations: counter(
                "zengate_policy_evaluations_total",
                "Questions to the rules by what answered: plan, or interpreter (some forty times slower).",
                &["machine"],
            )?,
            comparisons: counter(
                "zengate_policy_comparisons_total",
                "Answers of the plan that the interpreter was asked for too: same or different.",
                &["result"],
            )?,
            panics: register(
                registry,
                IntCounter::new("zengate_policy_panics_total", "Evaluations that panicked; each refused its request."),
            )
            .ok_or_else(twice)?,
            told: Mutex::default(),
        })
    }

    /// Shows zero where an alert waits for the first.
    pub(super) fn begin(&self) {
        for result in ["same", "different", "skipped", "dropped"] {
            self.records.with_label_values(&[result]).inc_by(0);
        }
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

    /// What the judge has seen until now, and how many rules it leaves to the interpreter.
    pub fn judged(&self, stats: Stats, interpreted: usize) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |counter: &IntCounter, now: u64, before: u64| counter.inc_by(now.saturating_sub(before));
        let by = |machine: &str| self.evaluations.with_label_values(&[machine]);
        count(&by("plan"), stats.planned, told.planned);
        count(&by("interpreter"), stats.unplanned + stats.elsewhere, told.unplanned + told.elsewhere);
        let came_out = |result: &str| self.comparisons.with_label_values(&[result]);
        count(&came_out("same"), stats.compared - stats.differed, told.compared - told.differed);
        count(&came_out("different"), stats.differed, told.differed);
        count(&self.panics, stats.panics, told.panics);
        self.waiting.set(i64::try_from(stats.waiting).unwrap_or(i64::MAX));
        self.interpreted.set(i64::try_from(interpreted).unwrap_or(i64::MAX));
        *told = stats;
    }

    /// The candidate's process ended.
    pub fn died(&self) {
        self.deaths.inc();
    }

    /// Policies came into force.
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    pub(super) fn in_force(&self, set: &PolicySet, loaded: Duration) {
        self.info.reset();
        self.info.with_label_values(&[set.revision()]).set(1);
        self.loaded.set(loaded.as_secs_f64());
        self.exemptions.reset();
        for one in set.organisation().exemptions() {
            let gauge = self.exemptions.with_label_values(&[&one.rule, &one.team]);
            // Of several for the same the one that holds longest counts.
            gauge.set(gauge.get().max(one.until.as_second() as f64));
        }
    }
}
