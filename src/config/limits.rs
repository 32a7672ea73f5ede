//! `[limits]` and `[drain]`: how much the gateway takes on, and how it stops.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::units::{Size, Time};
use super::upstream::Upstream;

/// What one client or all together may use.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLimits {
    /// The largest request body. 1MiB: the largest real create, with a full init script, is under 100 KiB.
    pub body: At<Size>,
    /// The largest request head, at least 8KiB. 16KiB: what common proxies let through.
    pub head: At<Size>,
    /// The most headers in a request. 64: clients send about ten, proxies add some.
    pub headers: At<usize>,
    /// How long the head of a request may take to arrive. 10s: a slow link needs one, a slow attacker wants more.
    pub head_timeout: At<Time>,
    /// How long the body may take after the head. 15s: 1MiB at 70 KiB/s.
    pub body_timeout: At<Time>,
    /// How long a connection may stay idle between requests. 75s: longer than the 60s after which load balancers
    /// close theirs, so that the gateway is not the one to close under a request.
    pub idle_timeout: At<Time>,
    /// The most client connections at once. 4096: below the usual file limit with upstream connections and files.
    pub connections: At<usize>,
    /// The most requests at once; more are refused at once. 512: at 1MiB each this bounds memory by 512MiB.
    pub in_flight: At<usize>,
    /// The largest upstream answer that is held in memory: those to creates and changes. 8MiB: a hundred times the
    /// largest seen. Answers to reads stream through and are not bound by it.
    pub answer: At<Size>,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            body: Size(1 << 20).into(),
            head: Size(16 << 10).into(),
            headers: 64.into(),
            head_timeout: Time::seconds(10).into(),
            body_timeout: Time::seconds(15).into(),
            idle_timeout: Time::seconds(75).into(),
            connections: 4096.into(),
            in_flight: 512.into(),
            answer: Size(8 << 20).into(),
        }
    }
}

/// How the gateway stops.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDrain {
    /// How long it says "not ready" but still serves, so that load balancers notice; zero skips it. 5s: two probes
    /// of two seconds, and one second to act.
    pub lame_duck: At<Time>,
    /// How long it then waits for requests that are running; must be longer than a create may take. 60s: the create
    /// deadline of 45s and the time to book and answer.
    pub deadline: At<Time>,
}

impl Default for RawDrain {
    fn default() -> Self {
        Self { lame_duck: Time::seconds(5).into(), deadline: Time::seconds(60).into() }
    }
}

/// The checked `[limits]`; sizes in bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest request body.
    pub body: usize,
    /// The largest request head.
    pub head: usize,
    /// The most headers.
    pub headers: usize,
    /// For the head to arrive.
    pub head_timeout: Duration,
    /// For the body to arrive after it.
    pub body_timeout: Duration,
    /// Between requests of a connection.
    pub idle_timeout: Duration,
    /// Client connections at once.
    pub connections: usize,
    /// Requests at once.
    pub in_flight: usize,
    /// The largest buffered upstream answer.
    pub answer: usize,
}

/// The checked `[drain]`.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Not ready, still serving.
    pub lame_duck: Duration,
    /// For running requests after that.
    pub deadline: Duration,
}

/// The least buffer that the HTTP/1 reader takes.
const LEAST_HEAD: u64 = 8 << 10;

impl RawLimits {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Limits {
        if self.head.0 < LEAST_HEAD {
            checking.findings.at(
                &self.head,
                format!("{} is too small for a request head; write \"8KiB\" or more", *self.head),
            );
        }
        Limits {
            body: checking.size(&self.body),
            head: usize::try_from(self.head.0).unwrap_or(usize::MAX),
            headers: checking.count(&self.headers),
            head_timeout: checking.time(&self.head_timeout),
            body_timeout: checking.time(&self.body_timeout),
            idle_timeout: checking.time(&self.idle_timeout),
            connections: checking.count(&self.connections),
            in_flight: checking.count(&self.in_flight),
            answer: checking.size(&self.answer),
        }
    }
}

impl RawDrain {
    pub(super) fn check(
        &self,
        upstream: Option<&Upstream>,
        create_timeout: &At<Time>,
        checking: &mut Checking<'_, '_>,
    ) -> Drain {
        let deadline = checking.time(&self.deadline);
        let longest = upstream.map_or(Duration::ZERO, |upstream| upstream.create_timeout);
        if !deadline.is_zero() && deadline <= longest {
            let text = format!(
                "drain.deadline ({}) must be longer than upstream.create_timeout ({}), or stopping would cut creates off; raise one or lower the other",
                *self.deadline,
                Time(longest)
            );
            let blamed = if self.deadline.span().is_some() { &self.deadline } else { create_timeout };
            checking.findings.at(blamed, text);
        }
        Drain { lame_duck: self.lame_duck.0, deadline }
    }
}
