//! Whether the gateway can do its work: readiness and the sink of the records; and the series that exist from the start.
//!
//! A counter that first appears with its first event hides that event from `increase()`, and a panel cannot tell zero from
//! nothing. So whatever an alert counts, and whose labels are a closed list, is there at zero.

use prometheus::{IntGauge, Registry};

use super::{ConnectionStart, Metrics, TraceMetrics, register};
use crate::api::Kind;
use crate::refusal::Outcome;

/// What is reloaded: the values of the label `what`.
pub(super) const RELOADED: [&str; 8] =
    ["accounts", "admin", "certificates", "config", "kept_policy", "key_store", "keys", "policy"];
/// Why a request to the cloud got no usable answer.
pub(super) const REASONS: [&str; 5] = ["not_sent", "deadline", "broken", "spare_bytes", "too_long"];
/// Whom the objective blames the gateway for.
const OWN_FAILURES: [Outcome; 4] =
    [Outcome::InternalError, Outcome::Overloaded, Outcome::PolicyError, Outcome::Unavailable];

/// See the module.
pub struct UpkeepMetrics {
    ready: IntGauge,
    records_failing: IntGauge,
    traces: TraceMetrics,
}

impl UpkeepMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            register(registry, IntGauge::new(name, help)).ok_or(prometheus::Error::AlreadyReg)
        };
        Ok(Self {
            ready: gauge("zengate_ready", "1 while /readyz says that requests may be sent here.")?,
            records_failing: gauge(
                "zengate_decision_records_failing",
                "1 while the newest decision records cannot be written.",
            )?,
            traces: TraceMetrics::new(registry)?,
        })
    }

    /// What /readyz says.
    pub fn ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// Whether the sink of the records refuses them.
    pub fn records_failing(&self, failing: bool) {
        self.records_failing.set(i64::from(failing));
    }
}

impl Metrics {
    /// A reload of one of `RELOADED` that was tried.
    pub fn reload(&self, what: &'static str, good: bool) {
        self.reloads.with_label_values(&[what, if good { "ok" } else { "refused" }]).inc();
        self.reload_failed.with_label_values(&[what]).set(if good { 0.0 } else { 1.0 });
    }

    /// What became of traces.
    pub fn traces(&self) -> &TraceMetrics {
        &self.upkeep.traces
    }

    /// Makes the series that are to be there before anything has happened.
    pub(super) fn begin(&self) {
        for what in RELOADED {
            self.reload_failed.with_label_values(&[what]).set(0.0);
            for result in ["ok", "refused"] {
                self.reloads.with_label_values(&[what, result]).inc_by(0);
            }
        }
        for result in ["written", "dropped"] {
            self.records.with_label_values(&[result]).inc_by(0);
        }
        for kind in [Kind::Read, Kind::Create, Kind::Change] {
            for reason in REASONS {
                self.upstream_failures.with_label_values(&[kind.as_str(), reason]).inc_by(0);
            }
            for outcome in OWN_FAILURES {
                for service in ["vm", "zec", "bmc"] {
                    self.requests.with_label_values(&[service, kind.as_str(), outcome.as_str()]).inc_by(0);
                }
            }
        }
        self.connections.begin(&[
            ConnectionStart::Accepted,
            ConnectionStart::Shed,
            ConnectionStart::TlsFailed,
            ConnectionStart::Failed,
        ]);
        self.quota.begin();
        self.policies.begin();
    }
}
