//! Quota in figures: the count of every scope as it is enforced, and what became of requests that were here before.
//!
//! The gauges are read from the ledger's own book when they are asked for, so the number shown is the number enforced. Scopes come
//! from the policy's data and from what was asked for; there are as many series as the ledger has buckets.

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::register;
use crate::clock::Clock;
use crate::policy::verdict::Effect;
use crate::quota::{Ledger, Status, report};

/// See the module.
pub struct QuotaMetrics {
    limit: IntGaugeVec,
    used: IntGaugeVec,
    in_flight: IntGaugeVec,
    unknown: IntGaugeVec,
    unknown_creates: IntGauge,
    oldest_unknown: GaugeVec,
    crossed: IntCounterVec,
    up: IntGauge,
    conflicts: IntCounter,
    drift: IntGaugeVec,
    reconciled: GaugeVec,
    over_limit: IntCounterVec,
    joined: IntCounter,
    answers: IntCounterVec,
    signature_reuse: IntCounterVec,
}

impl QuotaMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let twice = || prometheus::Error::AlreadyReg;
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)).ok_or_else(twice);
        let whole =
            |name: &str, help: &str| register(registry, IntCounter::new(name, help)).ok_or_else(twice);
        let seconds = |name: &str, help: &str, labels: &[&str]| {
            register(registry, GaugeVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        let scope = &["scope", "resource"];
        Ok(Self {
            limit: gauges("zengate_quota_limit", "The least limit that refuses; absent where there is none.", scope)?,
            used: gauges("zengate_quota_used", "Counted by machines.", scope)?,
            in_flight: gauges("zengate_quota_in_flight", "Held by creates in flight.", scope)?,
            unknown: gauges("zengate_quota_unknown", "Held by creates of unknown outcome.", scope)?,
            unknown_creates: gauge("zengate_quota_unknown_creates", "Creates whose outcome nobody knows.")?,
            oldest_unknown: seconds(
                "zengate_quota_oldest_unknown_seconds",
                "How long the oldest create of unknown outcome has been so; 0 without one.",
                &[],
            )?,
            crossed: counter(
                "zengate_quota_thresholds_crossed_total",
                "How often a count rose over a share of its limit since the start.",
                &["scope", "resource", "percent"],
            )?,
            up: gauge("zengate_ledger_up", "1 while the ledger can be written, or none is kept; without it no create or change passes.")?,
            conflicts: whole("zengate_ledger_conflicts_total", "Bookings that ended in two ways, and sums that did not add up.")?,
            drift: gauges(
                "zengate_quota_drift",
                "Differences between ledger and cloud in the last listing: machines that are extra, missing or moved, and creates that are unsettled; \
                 repaired or open.",
                &["account", "service", "kind", "state"],
            )?,
            reconciled: seconds(
                "zengate_quota_reconciled_timestamp_seconds",
                "When the cloud was last listed completely (Unix time).",
                &["account", "service"],
            )?,
            over_limit: counter(
                "zengate_quota_over_limit_total",
                "Creates over a limit that did not refuse them, by what became of the limit.",
                &["rule", "effect"],
            )?,
            joined: register(
                registry,
                IntCounter::new(
                    "zengate_creates_joined_total",
                    "Creates that got the answer of an earlier equal one whose client had gone, instead of being sent.",
                ),
            )
            .ok_or_else(twice)?,
            answers: counter(
                "zengate_create_answers_total",
                "Answers of creates, where quota is counted: handed to the socket, or the client had gone.",
                &["result"],
            )?,
            signature_reuse: counter(
                "zengate_signature_reuse_total",
                "Signatures that came for another action than before: swapped (from there within 2 s, as Terraform does) or refused.",
                &["result"],
            )?,
        })
    }

    /// Shows zero where an alert waits for the first.
    pub(super) fn begin(&self) {
        for result in ["swapped", "refused"] {
            self.signature_reuse.with_label_values(&[result]).inc_by(0);
        }
        for result in ["delivered", "client_gone"] {
            self.answers.with_label_values(&[result]).inc_by(0);
        }
    }

    /// Reads the ledger, before the metrics are shown.
    pub fn read(&self, ledger: &Ledger, clock: &Clock) {
        for gauges in [&self.limit, &self.used, &self.in_flight, &self.unknown] {
            gauges.reset();
        }
        let now = i64::try_from(clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
        let read = ledger.read(|book| (report::counts(book, None, now), report::oldest_unknown(book, now)));
        let Some((counts, (unknown, oldest))) = read else {
            // Nothing is counted, so nothing waits for it.
            return self.up.set(1);
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for count in counts {
            let labels = [count.scope.as_str(), count.resource.as_str()];
            if let Some(limit) = count.limit {
                self.limit.with_label_values(&labels).set(number(limit));
            }
            self.used.with_label_values(&labels).set(number(count.used));
            self.in_flight.with_label_values(&labels).set(number(count.in_flight));
            self.unknown.with_label_values(&labels).set(number(count.unknown));
        }
        self.unknown_creates.set(number(unknown));
        let seconds = std::time::Duration::from_millis(oldest.unwrap_or(0)).as_secs_f64();
        let none: [&str; 0] = [];
        self.oldest_unknown.with_label_values(&none).set(seconds);
        self.up.set(i64::from(ledger.status() == Some(Status::Up)));
        self.conflicts.inc_by(ledger.conflicts().saturating_sub(self.conflicts.get()));
        for ((scope, resource, percent), times) in ledger.crossings() {
            let percent = percent.to_string();
            let labels = [scope.as_str(), resource.as_str(), percent.as_str()];
            let crossed = self.crossed.with_label_values(&labels);
            crossed.inc_by(times.saturating_sub(crossed.get()));
        }
    }

    /// What the last listing of a service differed in, by kind and whether it was repaired; and when it was complete.
    pub fn reconciled(
        &self,
        account: &str,
        service: &str,
        drift: &[(&str, bool, i64)],
        complete_at: Option<std::time::Duration>,
    ) {
        for (kind, repaired, number) in drift {
            let state = if *repaired { "repaired" } else { "open" };
            self.drift.with_label_values(&[account, service, kind, state]).set(*number);
        }
        if let Some(at) = complete_at {
            self.reconciled.with_label_values(&[account, service]).set(at.as_secs_f64());
        }
    }

    /// A create got the answer of an earlier one.
    pub fn joined(&self) {
        self.joined.inc();
    }

    /// The answer of a create was delivered, or was not.
    pub fn answered(&self, delivered: bool) {
        self.answers.with_label_values(&[if delivered { "delivered" } else { "client_gone" }]).inc();
    }

    /// A create over a limit that only tells. Rules come from the policy, so they are few.
    pub fn over_limit(&self, rule: &str, effect: Effect) {
        let effect = match effect {
            Effect::Refused => "refused",
            Effect::Warned => "warned",
            Effect::Shadowed => "shadowed",
            Effect::Exempted => "exempted",
        };
        self.over_limit.with_label_values(&[rule, effect]).inc();
    }

    /// A signature that came for another action than before.
    pub fn signature_reuse(&self, result: &'static str) {
        self.signature_reuse.with_label_values(&[result]).inc();
    }
}
