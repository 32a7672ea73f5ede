//! What is known of one request so far, shared by the stages that learn it and the observer that reports it.
//!
//! A request ends once: either its answer is ready, or its client has left. Where work goes on after the client left
//! ([`super::stage::Detach`]), the task that does it reports; [`Trail::close`] makes sure that exactly one does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::Parts;
use super::caller::Caller;
use crate::api::{Call, Kind};
use crate::clock::Stopwatch;
use crate::json::Object;
use crate::metrics::{Metrics, Phase};
use crate::policy::input::{CertificateInput, TargetInput};
use crate::record::{
    ActionRecord, BundleRecord, Labels, Record, Records, Room, Timings, UpstreamRecord, Written,
};
use crate::refusal::{Outcome, Refusal};
use crate::traces::{self, PhaseTime, Trace, Traces};

/// A request's trail. Cheap to clone.
#[derive(Clone)]
pub(super) struct Trail(Arc<Inner>);

struct Inner {
    id: String,
    uuid: Uuid,
    arrived: jiff::Timestamp,
    watch: Stopwatch,
    peer: Peer,
    caller: Caller,
    /// Whether somebody wants to know if the answer arrives.
    followed: AtomicBool,
    metrics: Arc<Metrics>,
    records: Records,
    traces: Traces,
    /// Its place in a trace, where traces are made.
    trace: Option<traces::Context>,
    facts: Mutex<Facts>,
    work: AtomicU8,
    closed: AtomicBool,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// The certificate that it has proved to hold.
    pub certificate: Option<CertificateInput>,
}

/// States of detached work.
const NOT_DETACHED: u8 = 0;
const RUNNING: u8 = 1;
const DONE: u8 = 2;

/// What stages have learnt.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) call: Option<Call>,
    pub(super) service: Option<&'static str>,
    pub(super) key: Option<String>,
    pub(super) team: Option<String>,
    /// Who answers for the key.
    pub(super) owner: Option<String>,
    pub(super) account: Option<String>,
    pub(super) sdk: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) request_bytes: u64,
    pub(super) body_sha256: Option<String>,
    pub(super) sent_sha256: Option<String>,
    /// The body without secrets; on creates and changes that were understood.
    pub(super) request: Option<Arc<Object>>,
    pub(super) labels: BTreeMap<String, String>,
    /// What a change names, and whose it is.
    pub(super) targets: Option<Vec<TargetInput>>,
    pub(super) policy_revision: Option<String>,
    pub(super) verdict: Option<&'static str>,
    pub(super) findings: Written,
    pub(super) changes: Written,
    pub(super) shadow_changes: Written,
    pub(super) claims: Written,
    /// The earlier create whose answer this request got.
    pub(super) joined: Option<String>,
    pub(super) upstream: Option<UpstreamRecord>,
    /// Whether it is only to be told what would happen.
    pub(super) dry_run: bool,
    /// Room for the record, until it is written.
    room: Option<Room>,
    phases: Vec<PhaseTime>,
    detail: Option<String>,
}

/// How a request ended, for its one report.
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) response_bytes: Option<u64>,
    pub(super) refusal: Option<Told>,
}

/// A refusal in words: put together once, for the caller, the log and the record.
pub(super) struct Told {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Told {
    pub(super) fn of(refusal: &Refusal) -> Self {
        Self { code: refusal.row().code, message: refusal.message() }
    }
}

impl Trail {
    pub(super) fn begin(parts: &Parts, peer: Peer, caller: Caller, headers: &HeaderMap) -> Self {
        let now = parts.clock.since_epoch();
        let uuid =
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, now.as_secs(), now.subsec_nanos()));
        Self(Arc::new(Inner {
            id: crate::record::decision_id(&uuid),
            uuid,
            arrived: parts.clock.timestamp(),
            watch: Stopwatch::start(),
            peer,
            caller,
            followed: AtomicBool::new(false),
            metrics: Arc::clone(&parts.metrics),
            records: parts.records.clone(),
            traces: parts.traces.clone(),
            trace: parts.traces.begin(headers, &uuid),
            facts: Mutex::default(),
            work: AtomicU8::new(NOT_DETACHED),
            closed: AtomicBool::new(false),
        }))
    }

    /// The request's id in the cloud's form; it names the decision too.
    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    /// The id as it keys a booking.
    pub(super) fn uuid(&self) -> Uuid {
        self.0.uuid
    }

    /// The peer.
    pub(super) fn peer(&self) -> &Peer {
        &self.0.peer
    }

    /// Whether the client says that it is the Go SDK.
    pub(super) fn is_go_sdk(&self) -> bool {
        let facts = self.0.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.sdk.as_deref().is_some_and(|sdk| sdk == "go" || sdk.starts_with("go "))
    }

    /// The one who asked.
    pub(super) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// The answer's way to the caller is to be followed, ...
    pub(super) fn follow(&self) {
        self.0.followed.store(true, Ordering::SeqCst);
    }

    /// ... which is asked when it is ready.
    pub(super) fn is_followed(&self) -> bool {
        self.0.followed.load(Ordering::SeqCst)
    }

    /// When the request arrived.
    pub(super) fn arrived(&self) -> jiff::Timestamp {
        self.0.arrived
    }

    /// The metrics of the process.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Notes what a stage has learnt.
    pub(super) fn note(&self, write: impl FnOnce(&mut Facts)) {
        write(&mut self.0.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether it is only to be told what would happen.
    pub(super) fn is_dry(&self) -> bool {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner).dry_run
    }

    /// Makes sure that there is room for the record of a create or change before anything comes of it.
    pub(super) fn promise_record(&self) -> Result<(), Refusal> {
        let room = self.0.records.room().ok_or(Refusal::NoRecord)?;
        self.note(|facts| facts.room = Some(room));
        Ok(())
    }

    /// Notes a detail for the operator's log that no caller may see.
    pub(super) fn detail(&self, detail: impl ToString) {
        self.note(|facts| facts.detail = Some(detail.to_string()));
    }

    /// Runs a phase and notes how long it took.
    pub(super) async fn timed<T>(&self, phase: Phase, work: impl Future<Output = T>) -> T {
        let watch = Stopwatch::start();
        let result = work.await;
        self.took(phase, watch.elapsed());
        result
    }

    /// Notes how long a phase took.
    pub(super) fn took(&self, phase: Phase, time: Duration) {
        self.0.metrics.phase(phase, time);
        // When it began is of interest to traces alone.
        let ended = self.0.trace.map(|_| self.0.watch.elapsed());
        let began = ended.unwrap_or_default().saturating_sub(time);
        self.note(|facts| facts.phases.push(PhaseTime { phase, began, took: time }));
    }

    /// What the cloud is told of the trace, where it is to be told.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        let trace = self.0.trace.as_ref().filter(|_| self.0.traces.propagates())?;
        trace.traceparent(Phase::Upstream)
    }

    /// Work below the line begins, ...
    pub(super) fn detached(&self) {
        self.0.work.store(RUNNING, Ordering::SeqCst);
    }

    /// ... and is done.
    pub(super) fn work_done(&self) {
        self.0.work.store(DONE, Ordering::SeqCst);
    }

    /// Whether somebody else will report: work is still running below the line.
    pub(super) fn work_is_running(&self) -> bool {
        self.0.work.load(Ordering::SeqCst) == RUNNING
    }

    /// Reports the request: one log line, its metrics, one decision record. The first call counts, others do nothing.
    pub(super) fn close(&self, ending: &Ending) {
        if self.0.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut facts = {
            let mut kept = self.0.facts.lock().unwrap_or_else(PoisonError::into_inner);
            let dry_run = kept.dry_run; // asked once more when the answer is marked
            std::mem::replace(&mut *kept, Facts { dry_run, ..Facts::default() })
        };
        let _room = facts.room.take(); // until the record stands in it
        let took = self.0.watch.elapsed();
        let kind = facts.call.map(|call| call.action.kind);
        self.0.metrics.request(facts.service, kind, ending.outcome, took);
        self.0.metrics.sizes(kind, facts.request_bytes, ending.response_bytes);
        self.log(&facts, ending, took);
        if let Some(context) = self.0.trace.filter(traces::Context::is_sampled) {
            self.0.traces.ended(Box::new(self.trace(context, &facts, ending, took)));
        }
        if kind.is_some_and(|kind| kind != Kind::Read) && facts.request.is_some() {
            self.0.records.write(self.record(facts, ending));
        }
    }

    fn log(&self, facts: &Facts, ending: &Ending, took: Duration) {
        let upstream = facts.upstream.as_ref();
        tracing::info!(
            target: "zengate::access",
            request_id = %self.0.id,
            trace_id = self.0.trace.as_ref().map(traces::Context::trace_id),
            peer = %self.0.peer.address.ip(),
            service = facts.service,
            action = facts.call.map(|call| call.action.name),
            version = facts.call.map(|call| call.version),
            class = facts.call.map(|call| call.action.kind.as_str()),
            key = facts.key.as_deref(),
            team = facts.team.as_deref(),
            outcome = ending.outcome.as_str(),
            status = ending.status,
            code = ending.refusal.as_ref().map(|told| told.code),
            refusal = ending.refusal.as_ref().map(|told| told.message.as_str()),
            detail = facts.detail.as_deref(),
            upstream_status = upstream.and_then(|upstream| upstream.status),
            upstream_request_id = upstream.and_then(|upstream| upstream.request_id.as_deref()),
            request_bytes = facts.request_bytes,
            response_bytes = ending.response_bytes,
            duration_ms = took.as_secs_f64() * 1000.0,
            "request"
        );
    }

    fn trace(&self, context: traces::Context, facts: &Facts, ending: &Ending, took: Duration) -> Trace {
        Trace {
            context,
            arrived: u128::try_from(self.0.arrived.as_nanosecond()).unwrap_or_default(),
            took,
            phases: facts.phases.clone(),
            decision: self.0.id.clone(),
            call: facts.call.map(|call| [call.action.service, call.action.name, call.version]),
            class: facts.call.map(|call| call.action.kind.as_str()),
            team: facts.team.clone(),
            account: facts.account.clone(),
            revision: facts.policy_revision.clone(),
            verdict: facts.verdict,
            outcome: ending.outcome.as_str(),
            status: ending.status,
            code: ending.refusal.as_ref().map(|told| told.code),
            upstream: facts.upstream.clone(),
        }
    }

    fn record(&self, facts: Facts, ending: &Ending) -> Record {
        let call = facts.call;
        let address = self.0.peer.address.ip().to_canonical().to_string();
        let revision = facts.policy_revision.clone();
        Record {
            decision_id: self.0.id.clone(),
            trace_id: self.0.trace.as_ref().map(traces::Context::trace_id),
            timestamp: self.0.arrived.to_string(),
            labels: Labels { app: "zengate", version: env!("CARGO_PKG_VERSION") },
            path: "zengate/main",
            requested_by: address.clone(),
            bundles: revision.map(|revision| ("policy", BundleRecord { revision })).into_iter().collect(),
            result: facts.verdict.map(|verdict| verdict == "allowed"),
            erased: Vec::new(),
            caller: crate::record::Caller {
                key: facts.key,
                team: facts.team,
                owner: facts.owner,
                account: facts.account,
                address,
                sdk: facts.sdk,
                user_agent: facts.user_agent,
                certificate: self.0.peer.certificate.clone(),
                labels: facts.labels,
                gone: ending.status.is_none(),
            },
            action: ActionRecord {
                service: call.map_or("", |call| call.action.service),
                name: call.map_or("", |call| call.action.name),
                version: call.map_or("", |call| call.version),
                kind: call.map_or("", |call| call.action.kind.as_str()),
            },
            body_sha256: facts.body_sha256,
            sent_sha256: facts.sent_sha256,
            request: facts.request.unwrap_or_default(),
            targets: facts.targets,
            outcome: ending.outcome.as_str(),
            dry_run: facts.dry_run,
            policy_revision: facts.policy_revision,
            verdict: facts.verdict,
            findings: facts.findings,
            changes: facts.changes,
            shadow_changes: facts.shadow_changes,
            claims: facts.claims,
            joined: facts.joined,
            upstream: facts.upstream,
            status: ending.status,
            refusal: ending.refusal.as_ref().map(|told| told.message.clone()),
            timings_seconds: Timings(
                facts.phases.iter().map(|time| (time.phase.as_str(), time.took.as_secs_f64())).collect(),
            ),
            chain: None,
        }
    }
}
