//! The path of a request: [`path`] reads top to bottom.
//!
//! Every line consumes the type that the line above it mints, and nobody else can make one: a request that was not
//! authenticated has no type that judging accepts. Swapping two lines does not compile.

mod accept;
mod amend;
mod answer;
mod authenticate;
mod caller;
mod correlate;
mod decide;
mod dry;
mod judged;
mod limit;
mod observe;
mod own;
mod parse;
mod rate;
mod release;
mod reserve;
mod respond;
mod room;
mod route;
mod send;
mod signatures;
mod stage;
mod teach;
mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Response;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceBuilder};

pub use accept::{Listening, ServerTls, serve, serve_stream};
pub use answer::{Body, BodyError};
pub use caller::{Callers, Line};
pub use dry::DRY_RUN;
pub use observe::Arrival;
pub(crate) use own::policy as policy_of_team;
pub use rate::CreateRates;
pub use respond::{ADDED, DECISION, WARNING};
pub use room::Room;
pub use signatures::Signatures;
pub use trail::Peer;

use crate::account::Account;
use crate::api::fields::AdmittedField;
use crate::clock::Clock;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::policy::Judge;
use crate::quota::Ledger;
use crate::record::Records;
use crate::traces::Traces;

/// A request's life. Read down: the way in. Read up: the way out.
pub fn path(
    parts: &Parts,
) -> impl Service<Arrival, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
+ use<> {
    let parts = &Arc::new(parts.clone());
    ServiceBuilder::new()
        .layer(observe::Observe::new(parts)) //           in: id, clock        out: one log line, metrics, the record
        .layer(respond::Respond) //                                            out: refusal -> the cloud's error form
        .layer(stage::stage(limit::Limit::new(parts))) // Observed -> Bounded: sizes, times, a place in flight
        .layer(stage::stage(route::Route)) //             Bounded  -> Routed: service, action, version
        .layer(stage::stage(authenticate::Authenticate::new(parts))) // Routed -> Verified: who calls
        .layer(stage::stage(parse::Parse::new(parts))) // Verified -> Read or Proposed: the one reading of the body
        .layer(stage::fork(send::Forward::new(parts))) // Read leaves here, its own bytes signed anew
        .layer(stage::stage(amend::Amend::new(parts))) // Proposed -> Amended: what rules fill in
        .layer(stage::stage(decide::Decide::new(parts))) // Amended -> Allowed: what rules judge
        .layer(stage::stage(dry::Turn)) //                Allowed  -> as it is, or only to be told
        .layer(stage::fork(dry::Tell::new(parts))) //     what is only to be told leaves here, unsent and unbooked
        .layer(stage::stage(rate::Pace::new(parts))) //   Allowed again: not too many creates in a time
        .layer(stage::Detach(parts.work.clone())) //      below this line a hang-up cancels nothing
        .layer(reserve::Reserve::new(parts)) //           Allowed  -> Reserved  out: settle, then the answer
        .layer(stage::stage(send::Sign::new(parts))) //   Reserved -> Signed: written and signed, last of all
        .service(send::Send) //                           Signed   -> Sent: once
}

/// What the path needs of the process; shared by all connections.
#[derive(Clone)]
pub struct Parts {
    /// What the operator set.
    pub settings: Arc<ArcSwap<Settings>>,
    /// The time.
    pub clock: Clock,
    /// Who may call.
    pub keys: Arc<Keys>,
    /// The cloud accounts by name.
    pub accounts: Arc<BTreeMap<String, Arc<Account>>>,
    /// The rules.
    pub judge: Judge,
    /// What has been handed out.
    pub ledger: Ledger,
    /// Callers of creates whose answers are followed.
    pub callers: Callers,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Which action each signature was first used for.
    pub signatures: Arc<Signatures>,
    /// Where decisions are written.
    pub records: Records,
    /// What a collector is told of requests.
    pub traces: Traces,
    /// Work that goes on when its caller has left; shutdown waits for it.
    pub work: TaskTracker,
    /// Set when no new request is taken any more: what it asks for could not be finished.
    pub closing: CancellationToken,
}

/// What the operator set and may set otherwise while the gateway runs; a request asks where it needs it.
#[derive(Clone)]
pub struct Settings {
    /// Bounds.
    pub limits: Limits,
    /// Room for requests in flight and for their bodies.
    pub room: Arc<Room>,
    /// How many creates each team has sent of late.
    pub rates: Arc<CreateRates>,
    /// Further hosts that clients may have signed.
    pub host_aliases: Vec<String>,
    /// Whether machines stop to count when the cloud has accepted their release; otherwise when they are gone.
    pub release_on_accept: bool,
    /// Teams whose creates carry a tag that names the decision.
    pub correlation_tag: BTreeSet<String>,
    /// Fields of creates beyond the tables.
    pub admitted_fields: Vec<AdmittedField>,
}

/// Bounds on what one client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body, in bytes.
    pub body: usize,
    /// All header fields together, in bytes.
    pub head: usize,
    /// The most header fields.
    pub headers: usize,
    /// From the first byte of a head (the first one: from the opening of the connection) to its end.
    pub head_timeout: Duration,
    /// How long a connection may rest between two requests.
    pub idle_timeout: Duration,
    /// For the whole body.
    pub body_timeout: Duration,
    /// What a body must bring on average, in bytes a second.
    pub body_rate: usize,
    /// For 32 KiB of an answer to be taken.
    pub write_timeout: Duration,
    /// For a place among the requests in flight.
    pub place_timeout: Duration,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// The most TLS handshakes under way.
    pub handshakes: usize,
    /// The most open connections.
    pub connections: usize,
    /// Of these, from one address.
    pub connections_per_address: usize,
}

#[cfg(test)]
mod tests;
