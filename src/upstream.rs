//! The way to the cloud: one request over one HTTP/1.1 connection, and certainty about what left.
//!
//! A create must never be sent twice, and a failure must say whether anything was sent at all. A pooled client cannot
//! promise that (hyper-util's re-sends on a connection that died while idle), so this module drives each connection
//! itself: the task that waits for the answer is the one that writes the request. Between requests nobody polls a
//! connection; whether it is still good is asked of the socket at the moment it is taken.
//!
//! ```text
//! take (idle, silent) or connect -> write, counting bytes -> head -> body -> silent again? -> put back
//! ```

mod breaker;
mod connect;
mod link;
mod pool;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;

pub use connect::{ConnectError, Origin, Scheme, client_tls};
pub use stream::{StreamError, Streamed};

use crate::api::Kind;
use crate::clock::Stopwatch;
use breaker::{Breaker, Opened};
pub(crate) use connect::{Connection, connect};
use link::{After, Link, LinkError};
use pool::Pool;

/// How long each step may take; all below the clients' own limits (Python 60 s, Go 300 s, Terraform 600 s).
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name lookup and TCP.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// A create, from connecting to the last byte of its answer.
    pub create: Duration,
    /// A change, likewise.
    pub change: Duration,
    /// A read, from its first byte to the head of its answer; then between two pieces of its body.
    pub read: Duration,
}

/// A pooled connection carries a create only if it was idle for less than this: the longer it rests, the likelier it
/// is that the other side is closing it right now.
const FRESH_ENOUGH_FOR_CHANGES: Duration = Duration::from_secs(2);

/// One cloud endpoint with its connections.
pub struct Upstream {
    origin: Origin,
    tls: Option<Arc<rustls::ClientConfig>>,
    deadlines: Deadlines,
    largest_answer: usize,
    pool: Arc<Pool>,
    breaker: Breaker,
}

/// When a cloud that does not answer is not asked any more.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After so many failures in a row; 0 is never.
    pub failures: usize,
    /// Between two reads that try whether it is back.
    pub pause: Duration,
}

impl Patience {
    /// It is asked whatever it does.
    pub const ENDLESS: Self = Self { failures: 0, pause: Duration::ZERO };
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Certainly no byte of the request left.
    #[error("nothing was sent")]
    NotSent(#[source] NotSent),
    /// Bytes may have left and no usable answer came.
    #[error("sent, but {0}")]
    Lost(Lost),
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection failed before the first byte.
    #[error("the connection closed before the first byte")]
    Closed,
    /// The cloud has not answered of late, and only a read now and then asks whether it does again.
    #[error("the cloud has not answered of late; it is asked again in a few seconds")]
    Open,
}

/// What became of a request that was sent and got no usable answer. A closed list: it is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The deadline passed.
    #[error("no answer came in time")]
    Deadline,
    /// The connection ended or broke the protocol before the whole answer had come.
    #[error("the connection broke before the answer was whole")]
    Broken,
    /// More came than one answer.
    #[error("the answer was followed by bytes that belong to no request")]
    SpareBytes,
    /// The answer is longer than is held in memory.
    #[error("the answer is too long")]
    TooLong,
}

impl Lost {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Broken => "broken",
            Self::SpareBytes => "spare_bytes",
            Self::TooLong => "too_long",
        }
    }
}

impl Upstream {
    /// An endpoint without connections yet. `largest_answer` bounds what [`Upstream::change`] holds, in bytes;
    /// `idle` is how many connections rest at most.
    pub fn new(
        origin: Origin,
        tls: Option<Arc<rustls::ClientConfig>>,
        deadlines: Deadlines,
        largest_answer: usize,
        idle: usize,
        patience: Patience,
    ) -> Self {
        let breaker = Breaker::new(patience.failures, patience.pause);
        Self { origin, tls, deadlines, largest_answer, pool: Arc::new(Pool::new(idle)), breaker }
    }

    /// Whether the cloud has not answered of late, so that nothing is sent.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Whether a read should be sent to see if it answers again.
    pub fn wants_try(&self) -> bool {
        self.breaker.wants_try()
    }

    /// Where it is; its authority is what is signed and sent as `Host`.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sends a create or change at most once and waits for the whole answer.
    ///
    /// # Errors
    /// [`SendError::NotSent`] only if no byte left; then it is safe to send again.
    pub async fn change(&self, kind: Kind, request: &Request<Bytes>) -> Result<Reply, SendError> {
        let attempt = self.breaker.enter(kind).map_err(|Opened| SendError::NotSent(NotSent::Open))?;
        let outcome = self.change_once(kind, request).await;
        match &outcome {
            Ok(reply) if is_edge_page(reply.status, &reply.headers) => attempt.failed(),
            Ok(_) | Err(SendError::Lost(Lost::SpareBytes | Lost::TooLong)) => attempt.answered(),
            Err(_) => attempt.failed(),
        }
        outcome
    }

    async fn change_once(&self, kind: Kind, request: &Request<Bytes>) -> Result<Reply, SendError> {
        let limit = if kind == Kind::Create { self.deadlines.create } else { self.deadlines.change };
        if let Some(link) = self.pool.take(FRESH_ENOUGH_FOR_CHANGES) {
            match self.exchange(link, request, limit).await {
                // It closed between the look at the socket and the first byte. A fresh one has no such race.
                Err(SendError::NotSent(_)) => {}
                outcome => return outcome,
            }
        }
        // Connecting counts: whoever waits for the outcome, a replica that finds the booking among them, counts from there.
        let watch = Stopwatch::start();
        let late = || ConnectError::Deadline { step: "connecting", origin: self.origin.to_string() };
        // Boxed here and below: rare, and larger than all the rest.
        let connecting = Box::pin(self.connect());
        let link = tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| Err(late()));
        let link = link.map_err(|error| SendError::NotSent(error.into()))?;
        self.exchange(link, request, limit.saturating_sub(watch.elapsed())).await
    }

    async fn exchange(
        &self,
        mut link: Box<Link>,
        request: &Request<Bytes>,
        limit: Duration,
    ) -> Result<Reply, SendError> {
        let before = link.written();
        let whole = async {
            let (head, mut body) = link.send(copy(request)).await?.into_parts();
            let body = link.read_whole(&mut body, self.largest_answer).await?;
            Ok::<_, LinkError>((head, body))
        };
        let outcome = tokio::time::timeout(limit, whole).await;
        let nothing_left = link.written() == before;
        match outcome {
            Ok(Ok((head, body))) => {
                match link.after_answer() {
                    After::Spare => return Err(SendError::Lost(Lost::SpareBytes)),
                    After::Silent(link) => self.pool.put(link),
                    After::Closed => {}
                }
                Ok(Reply { status: head.status, headers: head.headers, body })
            }
            Ok(Err(LinkError::TooLong)) => Err(SendError::Lost(Lost::TooLong)),
            Ok(Err(LinkError::Broken)) | Err(_) if nothing_left => Err(SendError::NotSent(NotSent::Closed)),
            Ok(Err(LinkError::Broken)) => Err(SendError::Lost(Lost::Broken)),
            Err(_) => Err(SendError::Lost(Lost::Deadline)),
        }
    }

    /// Sends a read and gives its answer's head with a body that is passed on as it comes. A connection that fails
    /// before the head is replaced once: a read may run twice.
    ///
    /// # Errors
    /// As [`Upstream::change`].
    pub async fn read(&self, request: &Request<Bytes>) -> Result<http::Response<Streamed>, SendError> {
        let attempt = self.breaker.enter(Kind::Read).map_err(|Opened| SendError::NotSent(NotSent::Open))?;
        let outcome = self.read_head(request).await;
        match &outcome {
            Ok((head, ..)) if !is_edge_page(head.status, &head.headers) => attempt.answered(),
            _ => attempt.failed(),
        }
        let (head, body, link) = outcome?;
        let streamed = Streamed::new(body, link, Arc::clone(&self.pool), self.deadlines.read);
        Ok(http::Response::from_parts(head, streamed))
    }

    async fn read_head(&self, request: &Request<Bytes>) -> Result<Head, SendError> {
        let pooled = self.pool.take(Duration::MAX);
        let was_pooled = pooled.is_some();
        let first = match pooled {
            Some(link) => self.head(link, request).await,
            None => self.fresh_head(request).await,
        };
        match first {
            Err(SendError::Lost(Lost::Broken) | SendError::NotSent(NotSent::Closed)) => {
                self.fresh_head(request).await
            }
            Err(SendError::NotSent(NotSent::Connect(_))) if was_pooled => self.fresh_head(request).await,
            other => other,
        }
    }

    async fn fresh_head(&self, request: &Request<Bytes>) -> Result<Head, SendError> {
        let link = Box::pin(self.connect()).await.map_err(|error| SendError::NotSent(error.into()))?;
        self.head(link, request).await
    }

    async fn head(&self, mut link: Box<Link>, request: &Request<Bytes>) -> Result<Head, SendError> {
        let before = link.written();
        match tokio::time::timeout(self.deadlines.read, link.send(copy(request))).await {
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                Ok((head, body, link))
            }
            Ok(Err(_)) if link.written() == before => Err(SendError::NotSent(NotSent::Closed)),
            Ok(Err(_)) => Err(SendError::Lost(Lost::Broken)),
            Err(_) => Err(SendError::Lost(Lost::Deadline)),
        }
    }

    async fn connect(&self) -> Result<Box<Link>, ConnectError> {
        let connection = connect(&self.origin, self.tls.as_ref(), &self.deadlines).await?;
        Link::open(connection).await
    }
}

type Head = (http::response::Parts, hyper::body::Incoming, Box<Link>);

/// A page that the edge of the cloud shows when what is behind it does not answer; the cloud's own errors are JSON.
fn is_edge_page(status: StatusCode, headers: &http::HeaderMap) -> bool {
    let media = headers.get(http::header::CONTENT_TYPE).map_or(&b""[..], http::HeaderValue::as_bytes);
    matches!(status.as_u16(), 502..=504) && !media.to_ascii_lowercase().starts_with(b"application/json")
}

fn copy(request: &Request<Bytes>) -> Request<Full<Bytes>> {
    let mut copy = Request::new(Full::new(request.body().clone()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

#[cfg(test)]
mod tests;

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("origin", &self.origin).finish_non_exhaustive()
    }
}
