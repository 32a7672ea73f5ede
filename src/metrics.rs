//! Every metric, in one file: its name, help, labels and buckets.
//!
//! Labels are closed enums or sets from the configuration (teams, rules, zones, services); nothing that a client sends
//! becomes a label value unless it is one of those, so the number of series is bounded whatever arrives. The prefix is
//! `zengate_`, base units are seconds and bytes, counters end in `_total`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::{
    Encoder as _, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};

mod connections;
mod history;
mod keys;
mod labels;
mod policy;
mod quota;
mod reloads;
mod traces;
mod upkeep;

pub use connections::{ConnectionEnd, ConnectionMetrics, ConnectionStart, OpenConnection};
pub use history::HistoryMetrics;
pub use keys::KeyMetrics;
pub use policy::PolicyMetrics;
pub use quota::QuotaMetrics;
pub use traces::TraceMetrics;
pub use upkeep::UpkeepMetrics;

use crate::api::Kind;
use crate::refusal::Outcome;
use labels::{ByClass, ByOne, ByPhase, class, status_label, within};

/// From a tenth of a millisecond (a refusal) to beyond the slowest create that is waited for (45 s).
const LATENCY_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
];
/// From an empty object to the largest body that is accepted and the largest answers seen.
const SIZE_BYTES: &[f64] =
    &[64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 8_388_608.0];

/// The value of a label for anything that is not in its set.
pub const OTHER: &str = "other";

/// Where the time of a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Receiving the body.
    Receive,
    /// Checking the credential.
    Authenticate,
    /// Strict JSON, fields, view.
    Parse,
    /// Rules that fill in.
    Amend,
    /// Rules that judge.
    Decide,
    /// Booking.
    Reserve,
    /// The cloud: connecting, sending, waiting.
    Upstream,
    /// Settling the booking.
    Settle,
}

impl Phase {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Authenticate => "authenticate",
            Self::Parse => "parse",
            Self::Amend => "amend",
            Self::Decide => "decide",
            Self::Reserve => "reserve",
            Self::Upstream => "upstream",
            Self::Settle => "settle",
        }
    }
}

/// What happened to the instances of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceCount {
    /// In the request, whatever became of it.
    Asked,
    /// Passed by the rules.
    Allowed,
    /// Named by the cloud's answer.
    Created,
}

/// The values that labels may take besides enums: what the configuration knows.
#[derive(Clone, Debug, Default)]
pub struct KnownLabels {
    /// Teams of the keys and of the policy data.
    pub teams: BTreeSet<String>,
    /// Rules of the policy set.
    pub rules: BTreeSet<String>,
    /// Zones of the cloud facts.
    pub zones: BTreeSet<String>,
}

/// All metrics of the process, with their registry.
pub struct Metrics {
    registry: Registry,
    known: ArcSwap<KnownLabels>,
    requests: IntCounterVec,
    request_seconds: ByClass<HistogramVec>,
    phase_seconds: ByPhase<HistogramVec>,
    in_flight: ByClass<IntGaugeVec>,
    connections: ConnectionMetrics,
    request_bytes: ByClass<HistogramVec>,
    response_bytes: ByClass<HistogramVec>,
    verdicts: IntCounterVec,
    decisions: IntCounterVec,
    patches: IntCounterVec,
    upstream_responses: IntCounterVec,
    upstream_failures: IntCounterVec,
    upstream_open: IntGaugeVec,
    instances: IntCounterVec,
    reloads: IntCounterVec,
    reload_failed: GaugeVec,
    records: IntCounterVec,
    panics: IntCounter,
    log_lines_dropped: IntGauge,
    quota: QuotaMetrics,
    policies: PolicyMetrics,
    upkeep: UpkeepMetrics,
    history: HistoryMetrics,
    keys: KeyMetrics,
}

/// Registers a collector. A clash of names is a mistake in this file, found by the first test that starts anything;
/// the metric is then missing rather than the process.
fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: Result<C, prometheus::Error>,
) -> Option<C> {
    let collector = collector.ok()?;
    registry.register(Box::new(collector.clone())).ok()?;
    Some(collector)
}

impl Metrics {
    /// A fresh set, with the process's own figures and the build.
    ///
    /// # Errors
    /// Only if two metrics below share a name.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let registry = Registry::new();
        let twice = || prometheus::Error::AlreadyReg;
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            register(&registry, HistogramVec::new(options, labels)).ok_or_else(twice)
        };
        let build = gauge("zengate_build_info", "The running build; always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let metrics = Arc::new(Self {
            known: ArcSwap::from_pointee(KnownLabels::default()),
            requests: counter(
                "zengate_requests_total",
                "Requests by service, action class and how they ended.",
                &["service", "class", "outcome"],
            )?,
            request_seconds: ByOne::new(histogram(
                "zengate_request_duration_seconds",
                "Time from the head of a request to the head of its answer.",
                &["class"],
                LATENCY_SECONDS,
            )?),
            phase_seconds: ByOne::new(histogram(
                "zengate_phase_duration_seconds",
                "Time that a request spent in one phase of the path.",
                &["phase"],
                LATENCY_SECONDS,
            )?),
            in_flight: ByOne::new(gauge(
                "zengate_requests_in_flight",
                "Requests that are being worked on.",
                &["class"],
            )?),
            connections: ConnectionMetrics::new(&registry)?,
            request_bytes: ByOne::new(histogram(
                "zengate_request_size_bytes",
                "Size of request bodies.",
                &["class"],
                SIZE_BYTES,
            )?),
            response_bytes: ByOne::new(histogram(
                "zengate_response_size_bytes",
                "Size of answers that are sent whole; streamed reads count by their announced length.",
                &["class"],
                SIZE_BYTES,
            )?),
            verdicts: counter(
                "zengate_verdicts_total",
                "Judged requests by team, action class and verdict.",
                &["team", "class", "verdict"],
            )?,
            decisions: counter(
                "zengate_rule_findings_total",
                "Findings of rules by rule, mode, team and what they led to.",
                &["rule", "mode", "team", "effect"],
            )?,
            patches: counter(
                "zengate_patches_total",
                "Changes that rules made to creates, by rule, team and operation.",
                &["rule", "team", "op"],
            )?,
            upstream_responses: counter(
                "zengate_upstream_responses_total",
                "Answers of the cloud by service, action class, status and error code.",
                &["service", "class", "status", "code"],
            )?,
            upstream_open: gauge(
                "zengate_upstream_open",
                "1 while nothing is sent for an account because its cloud does not answer.",
                &["account"],
            )?,
            upstream_failures: counter(
                "zengate_upstream_failures_total",
                "Requests to the cloud that got no usable answer, by action class and reason.",
                &["class", "reason"],
            )?,
            instances: counter(
                "zengate_instances_total",
                "Instances in creates by stage (asked, allowed, created), team and zone.",
                &["stage", "team", "zone"],
            )?,
            reloads: counter(
                "zengate_reloads_total",
                "Reloads of keys, policy and secrets by what and result.",
                &["what", "result"],
            )?,
            reload_failed: register(
                &registry,
                GaugeVec::new(
                    Opts::new(
                        "zengate_reload_failed",
                        "1 while the newest version of a file is refused and the old one kept.",
                    ),
                    &["what"],
                ),
            )
            .ok_or_else(twice)?,
            records: counter(
                "zengate_decision_records_total",
                "Decision records by what became of them.",
                &["result"],
            )?,
            log_lines_dropped: register(
                &registry,
                IntGauge::new(
                    "zengate_log_lines_dropped",
                    "Log lines dropped because their reader stood still.",
                ),
            )
            .ok_or_else(twice)?,
            quota: QuotaMetrics::new(&registry)?,
            policies: PolicyMetrics::new(&registry)?,
            upkeep: UpkeepMetrics::new(&registry)?,
            history: HistoryMetrics::new(&registry)?,
            keys: KeyMetrics::new(&registry)?,
            panics: register(
                &registry,
                IntCounter::new("zengate_panics_total", "Panics that cost one request."),
            )
            .ok_or_else(twice)?,
            registry,
        });
        metrics.begin();
        Ok(metrics)
    }

    /// Replaces the sets of label values, when keys or policy have changed.
    pub fn know(&self, change: impl Fn(&mut KnownLabels)) {
        self.known.rcu(|known| {
            let mut known = KnownLabels::clone(known);
            change(&mut known);
            known
        });
    }

    /// The exposition text.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => text,
            Err(_) => Vec::new(),
        }
    }

    /// Counts a request that has ended.
    pub fn request(
        &self,
        service: Option<&'static str>,
        kind: Option<Kind>,
        outcome: Outcome,
        took: Duration,
    ) {
        self.requests.with_label_values(&[service.unwrap_or(OTHER), class(kind), outcome.as_str()]).inc();
        self.request_seconds.of(kind).observe(took.as_secs_f64());
    }

    /// Counts the time of one phase.
    pub fn phase(&self, phase: Phase, took: Duration) {
        self.phase_seconds.during(phase).observe(took.as_secs_f64());
    }

    /// The gauge of requests in flight of one class.
    pub fn in_flight(&self, kind: Option<Kind>) -> IntGauge {
        self.in_flight.of(kind)
    }

    /// Connections of clients.
    pub fn connections(&self) -> &ConnectionMetrics {
        &self.connections
    }

    /// Sizes of a request and its answer.
    pub fn sizes(&self, kind: Option<Kind>, request: u64, response: Option<u64>) {
        // Sizes beyond 2^53 do not occur.
        self.request_bytes.of(kind).observe(as_float(request));
        if let Some(response) = response {
            self.response_bytes.of(kind).observe(as_float(response));
        }
    }

    /// A verdict: `allowed`, `refused` or `failed`.
    pub fn verdict(&self, team: &str, kind: Kind, verdict: &'static str) {
        let known = self.known.load();
        self.verdicts.with_label_values(&[within(&known.teams, team), kind.as_str(), verdict]).inc();
    }

    /// A finding of a rule.
    pub fn finding(&self, rule: &str, mode: &'static str, team: &str, effect: &'static str) {
        let known = self.known.load();
        self.decisions
            .with_label_values(&[within(&known.rules, rule), mode, within(&known.teams, team), effect])
            .inc();
    }

    /// A change that a rule made.
    pub fn patch(&self, rule: &str, team: &str, op: &'static str) {
        let known = self.known.load();
        self.patches.with_label_values(&[within(&known.rules, rule), within(&known.teams, team), op]).inc();
    }

    /// An answer of the cloud. `code` must come from [`crate::reply::code_label`].
    pub fn upstream(&self, service: &'static str, kind: Kind, status: u16, code: &'static str) {
        let status = status_label(status);
        self.upstream_responses.with_label_values(&[service, kind.as_str(), &status, code]).inc();
    }

    /// A request without usable answer.
    pub fn upstream_failure(&self, kind: Kind, reason: &'static str) {
        self.upstream_failures.with_label_values(&[kind.as_str(), reason]).inc();
    }

    /// Whether nothing is sent for an account because its cloud does not answer.
    pub fn upstream_open(&self, account: &str, open: bool) {
        self.upstream_open.with_label_values(&[account]).set(i64::from(open));
    }

    /// Instances of a create.
    pub fn instances(&self, stage: InstanceCount, team: &str, zone: Option<&str>, count: u64) {
        let known = self.known.load();
        let stage = match stage {
            InstanceCount::Asked => "asked",
            InstanceCount::Allowed => "allowed",
            InstanceCount::Created => "created",
        };
        let zone = zone.map_or("none", |zone| within(&known.zones, zone));
        self.instances.with_label_values(&[stage, within(&known.teams, team), zone]).inc_by(count);
    }

    /// A policy set came into force.
    pub fn policy(&self, set: &crate::policy::PolicySet, loaded: Duration) {
        self.policies.in_force(set, loaded);
    }

    /// Where policies come from and what a candidate would change.
    pub fn policies(&self) -> &PolicyMetrics {
        &self.policies
    }

    /// The candidate would decide differently.
    pub fn candidate_differs(&self, difference: &crate::replay::Difference) {
        self.policies.differs(difference, within(&self.known.load().teams, &difference.team));
    }

    /// A decision record: `written` or `dropped`.
    pub fn record(&self, result: &'static str) {
        self.records.with_label_values(&[result]).inc();
    }

    /// What is counted of quota, and of requests that were here before.
    pub fn quota(&self) -> &QuotaMetrics {
        &self.quota
    }

    /// Whether it can do its work.
    pub fn upkeep(&self) -> &UpkeepMetrics {
        &self.upkeep
    }

    /// The decisions that can be found again.
    pub fn history(&self) -> &HistoryMetrics {
        &self.history
    }

    /// How many log lines were dropped since the start.
    pub fn log_lines_dropped(&self, lines: u64) {
        self.log_lines_dropped.set(i64::try_from(lines).unwrap_or(i64::MAX));
    }

    /// A panic that cost one request.
    pub fn panicked(&self) {
        self.panics.inc();
    }
}

fn as_float(bytes: u64) -> f64 {
    u32::try_from(bytes).map_or(f64::from(u32::MAX), f64::from)
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
