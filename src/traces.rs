//! OpenTelemetry traces: one per request, with a span for each phase it went through, sent to a collector over OTLP/HTTP.
//!
//! Nothing is measured for them: phases are timed anyway, so a trace is put together when its request has ended, and only if it is
//! sampled. Without `[traces]` there is no queue, no thread and no connection. What leaves is what the gateway itself has
//! made or chosen from its own lists (ids, names of actions, teams of the configuration, outcomes), never a text of a caller's.
//!
//! The exporter is a few structs and [`crate::fetch`]: the `opentelemetry` crates would bring a second way to time and
//! to queue, count nothing that they drop, and break with every minor version.

mod context;
mod export;
mod otlp;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use uuid::Uuid;

pub use context::{Context, TRACEPARENT};
pub use export::Exporter;

use crate::config::Remote;
use crate::config::secret_ref::SecretRef;
use crate::metrics::{Metrics, Phase};
use crate::record::UpstreamRecord;

/// How traces are made and where they go.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The collector.
    pub remote: Remote,
    /// Headers that it wants; read anew for each batch.
    pub headers: Vec<(http::HeaderName, SecretRef)>,
    /// `service.name`.
    pub service_name: String,
    /// How many of a million requests are traced, of those that nobody else decides for.
    pub sample: u64,
    /// What a caller's context is worth.
    pub parent: Parent,
    /// Whether the cloud is told the context.
    pub propagate: bool,
    /// For one exchange with the collector.
    pub timeout: Duration,
    /// How long a trace waits for others to go with it.
    pub interval: Duration,
    /// How many may wait.
    pub queue: usize,
}

/// What a caller's `traceparent` is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parent {
    /// Its trace goes on, and it says whether it is sampled.
    #[default]
    Follow,
    /// Its trace goes on; whether it is sampled is decided here.
    Join,
    /// Nothing.
    Ignore,
}

/// The making of traces. Cheap to clone; without a [`Plan`] it makes none.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Inner>>);

struct Inner {
    sample: u64,
    parent: Parent,
    propagate: bool,
    queue: tokio::sync::mpsc::Sender<Box<Trace>>,
    metrics: Arc<Metrics>,
}

/// A request that has ended.
pub struct Trace {
    /// Its place among others.
    pub context: Context,
    /// When it came, in nanoseconds since the Unix epoch.
    pub arrived: u128,
    /// How long it took.
    pub took: Duration,
    /// Where the time went.
    pub phases: Vec<PhaseTime>,
    /// The decision's id.
    pub decision: String,
    /// Service, action and version, where they were understood.
    pub call: Option<[&'static str; 3]>,
    /// `create`, `change` or `read`.
    pub class: Option<&'static str>,
    /// The caller's team.
    pub team: Option<String>,
    /// The cloud account.
    pub account: Option<String>,
    /// The revision of the policies.
    pub revision: Option<String>,
    /// What the rules said.
    pub verdict: Option<&'static str>,
    /// How it ended.
    pub outcome: &'static str,
    /// What the caller was answered; nothing where it had left.
    pub status: Option<u16>,
    /// The gateway's own code, where it refused.
    pub code: Option<&'static str>,
    /// What the cloud answered.
    pub upstream: Option<UpstreamRecord>,
}

/// The time of one phase.
#[derive(Clone, Copy, Debug)]
pub struct PhaseTime {
    /// Which.
    pub phase: Phase,
    /// When it began, counted from the request's arrival.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
}

impl Traces {
    /// Traces as planned, and what sends them.
    ///
    /// # Errors
    /// When certificates cannot be used or the thread cannot be started.
    pub fn start(plan: &Plan, metrics: &Arc<Metrics>) -> Result<(Self, Exporter), String> {
        let (queue, waiting) = tokio::sync::mpsc::channel(plan.queue);
        let exporter = Exporter::start(plan, waiting, Arc::clone(metrics))?;
        let Plan { sample, parent, propagate, .. } = *plan;
        let metrics = Arc::clone(metrics);
        Ok((Self(Some(Arc::new(Inner { sample, parent, propagate, queue, metrics }))), exporter))
    }

    /// The context of a request that has arrived with these headers; none where no traces are made.
    pub fn begin(&self, headers: &HeaderMap, id: &Uuid) -> Option<Context> {
        let inner = self.0.as_ref()?;
        let parent = if inner.parent == Parent::Ignore { None } else { context::remote(headers) };
        Some(match parent {
            Some(parent) if inner.parent == Parent::Follow => Context::below(&parent, id, parent.sampled),
            Some(parent) => Context::below(&parent, id, context::falls_in(&parent.trace, inner.sample)),
            None => Context::root(id, inner.sample),
        })
    }

    /// Whether the cloud is told the context.
    pub fn propagates(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.propagate)
    }

    /// Hands a trace over; never waits. One that finds no room is counted.
    pub fn ended(&self, trace: Box<Trace>) {
        if let Some(inner) = &self.0
            && inner.queue.try_send(trace).is_err()
        {
            inner.metrics.traces().count("dropped", 1);
        }
    }
}
