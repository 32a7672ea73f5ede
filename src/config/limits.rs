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
    /// What a body must bring a second, on average, after its first 5 seconds. 1KiB: a tenth of the slowest link that
    /// people still work on; without it a drip would hold its buffer for the whole `body_timeout`.
    pub body_rate: At<Size>,
    /// How long a client may leave an answer untaken before its connection is cut: no 32 KiB within this. 30s: as long
    /// as a network may be gone and come back.
    pub write_timeout: At<Time>,
    /// How long a TLS handshake may take. 5s: two round trips around the globe, with room.
    pub handshake_timeout: At<Time>,
    /// How long a connection may stay idle between requests. 75s: longer than the 60s after which load balancers
    /// close theirs, so that the gateway is not the one to close under a request.
    pub idle_timeout: At<Time>,
    /// The most client connections at once. When one more comes, the one that has rested longest is closed for it; when
    /// none rests, it is turned away. 4096: some tens of KiB each. Fewer if the process may not open enough files.
    pub connections: At<usize>,
    /// The most connections from one address (IPv6: from one /64) at once. 4096, no bound of its own: behind a load
    /// balancer all come from one address.
    pub connections_per_address: At<usize>,
    /// The most TLS handshakes under way. When one more begins, the one that has taken longest is ended for it. 512: each
    /// takes some tens of KiB, and those who stop halfway cannot take every connection.
    pub handshakes: At<usize>,
    /// The most creates and changes at once; more wait for `place_timeout`. 256: a create takes the cloud seconds.
    pub in_flight: At<usize>,
    /// The same for reads, which have their own share, so that neither can starve the other. A place is free again when the
    /// answer begins to be handed over; one key may have as many answers of more than 64 KiB being taken at once.
    pub in_flight_reads: At<usize>,
    /// How long a request waits in line for one of these places before it is refused. 1s: a tenth of the shortest patience
    /// of an SDK. Each refusal costs a fifth of a create, and who is refused comes again: waiting bounds the refusals by
    /// `connections` in each such time, where refusing at once leaves no time for the work. "0s": refused at once.
    pub place_timeout: At<Time>,
    /// How many bytes of request bodies are held at once; requests beyond it are refused at once. Half of it is for the
    /// first 16 KiB of each, so that large bodies do not keep usual ones out. 64MiB: a thousand times the busiest hour seen.
    pub buffered: At<Size>,
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
            body_rate: Size(1 << 10).into(),
            write_timeout: Time::seconds(30).into(),
            handshake_timeout: Time::seconds(5).into(),
            idle_timeout: Time::seconds(75).into(),
            connections: 4096.into(),
            connections_per_address: 4096.into(),
            handshakes: 512.into(),
            in_flight: 256.into(),
            in_flight_reads: 256.into(),
            place_timeout: Time::seconds(1).into(),
            buffered: Size(64 << 20).into(),
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
    /// deadline of 45s and the time to book and answer. Of the time between the two, new requests are taken for the first
    /// half, and connections that are still open are cut after three quarters.
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
    /// What a body must bring a second, on average.
    pub body_rate: usize,
    /// For 32 KiB of an answer to be taken.
    pub write_timeout: Duration,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// Between requests of a connection.
    pub idle_timeout: Duration,
    /// Client connections at once.
    pub connections: usize,
    /// Of these, from one address.
    pub connections_per_address: usize,
    /// TLS handshakes under way.
    pub handshakes: usize,
    /// Creates and changes at once.
    pub in_flight: usize,
    /// Reads at once.
    pub in_flight_reads: usize,
    /// For a place among these.
    pub place_timeout: Duration,
    /// Bytes of request bodies at once.
    pub buffered: usize,
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

impl Drain {
    /// When connections that are still open are cut, after the beginning of the deadline; what they asked for is booked in
    /// the rest.
    pub fn last_answer(&self, create_timeout: Duration) -> Duration {
        self.deadline.saturating_sub(self.deadline.saturating_sub(create_timeout) / 4)
    }

    /// When requests that still come are refused, after the beginning of the deadline: a create that was sent then could
    /// not be finished in it.
    pub fn last_start(&self, create_timeout: Duration) -> Duration {
        self.deadline.saturating_sub(create_timeout) / 2
    }
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
            body_rate: checking.size(&self.body_rate),
            write_timeout: checking.time(&self.write_timeout),
            handshake_timeout: checking.time(&self.handshake_timeout),
            idle_timeout: checking.time(&self.idle_timeout),
            connections: checking.count(&self.connections),
            connections_per_address: checking.count(&self.connections_per_address),
            handshakes: checking.count(&self.handshakes),
            in_flight: checking.count(&self.in_flight),
            in_flight_reads: checking.count(&self.in_flight_reads),
            place_timeout: self.place_timeout.0,
            buffered: self.buffered(checking),
            answer: checking.size(&self.answer),
        }
    }
}

impl RawLimits {
    /// Room for at least two of the largest bodies: half of it is for the first bytes of each.
    fn buffered(&self, checking: &mut Checking<'_, '_>) -> usize {
        if self.buffered.0 < self.body.0.saturating_mul(2) {
            let text = format!(
                "{} is less than two bodies of limits.body ({}), so the largest could never come; raise one or lower the other",
                *self.buffered, *self.body
            );
            checking.findings.at(&self.buffered, text);
        }
        checking.size(&self.buffered)
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
