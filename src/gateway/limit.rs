//! Bounds first: size of the head, size and time of the body, requests in flight.
//!
//! The whole body is received here, before anything is judged, and a place among the requests in flight is taken only
//! then: a slow sender holds memory up to the body limit but no place. The place travels in the value, so it stays
//! taken for as long as the work goes on, also below the line where the caller may have left.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Uri, Version, header, request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::observe::Observed;
use super::stage::Stage;
use super::trail::Trail;
use super::{Limits, Parts};
use crate::metrics::Phase;
use crate::refusal::Refusal;

/// How much of a body that is too long is read and thrown away, so that its sender sees the answer.
const MOST_DRAINED: usize = 8 * 1024 * 1024;
const LONGEST_DRAIN: Duration = Duration::from_secs(2);

/// A place among the requests in flight; freed when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    gauge: prometheus::IntGauge,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// The head of a request.
pub(super) struct Head {
    pub(super) method: http::Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
}

/// A request within its bounds.
pub(super) struct Bounded {
    pub(super) head: Head,
    pub(super) body: Payload,
    pub(super) trail: Trail,
}

/// A body that is here, or that waits for `100 Continue`.
pub(super) enum Payload {
    /// Received.
    Here(Bytes, Place),
    /// The client waits to be told to go on; what can be refused by the head alone is refused before.
    Waiting(Incoming, Bounds),
}

/// What a body is held to.
#[derive(Clone)]
pub(super) struct Bounds {
    limits: Limits,
    places: Arc<Semaphore>,
    gauge: prometheus::IntGauge,
}

impl Payload {
    /// The body, asking for it now if the client waits.
    pub(super) async fn receive(self, trail: &Trail) -> Result<(Bytes, Place), Refusal> {
        match self {
            Self::Here(bytes, place) => Ok((bytes, place)),
            Self::Waiting(body, bounds) => bounds.receive(body, trail).await,
        }
    }

    /// Whether the client waits for `100 Continue`.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Waiting(..))
    }
}

impl Bounds {
    async fn receive(&self, body: Incoming, trail: &Trail) -> Result<(Bytes, Place), Refusal> {
        let bytes = trail.timed(Phase::Receive, self.read(body)).await?;
        trail.note(|facts| facts.request_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        // At once or not at all: a queue here would only turn overload into latency.
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        self.gauge.inc();
        Ok((bytes, Place { _permit: permit, gauge: self.gauge.clone() }))
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let limit = self.limits.body_timeout;
        let whole = Limited::new(body, self.limits.body).collect();
        match tokio::time::timeout(limit, whole).await {
            Ok(Ok(whole)) => Ok(whole.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Refusal::BodyTooLarge { limit: self.limits.body })
            }
            Ok(Err(_)) => Err(Refusal::BodyCut),
            Err(_) => Err(Refusal::BodyTimeout { limit }),
        }
    }
}

/// See the module.
pub(super) struct Limit {
    bounds: Bounds,
    parts: Parts,
}

impl Limit {
    pub(super) fn new(parts: &Parts) -> Self {
        let gauge = parts.metrics.in_flight(None);
        let bounds = Bounds { limits: parts.settings.limits, places: Arc::clone(&parts.places), gauge };
        Self { bounds, parts: parts.clone() }
    }
}

impl Stage for Limit {
    type In = Observed;
    type Out = Bounded;

    async fn apply(&self, observed: Observed) -> Result<Bounded, Refusal> {
        let Observed { request, trail } = observed;
        let (head, body) = request.into_parts();
        if self.parts.closing.is_cancelled() {
            return Err(Refusal::Draining);
        }
        self.check_head(&head)?;
        self.check_length(&head, &body)?;
        let declared = body.size_hint().lower();
        if declared > u64::try_from(self.bounds.limits.body).unwrap_or(u64::MAX) {
            if !expects_continue(&head.headers) {
                drain(body).await;
            }
            return Err(Refusal::BodyTooLarge { limit: self.bounds.limits.body });
        }
        let payload = if expects_continue(&head.headers) {
            Payload::Waiting(body, self.bounds.clone())
        } else {
            let (bytes, place) = self.bounds.receive(body, &trail).await?;
            Payload::Here(bytes, place)
        };
        let head = Head { method: head.method, uri: head.uri, version: head.version, headers: head.headers };
        Ok(Bounded { head, body: payload, trail })
    }
}

impl Limit {
    fn check_head(&self, head: &request::Parts) -> Result<(), Refusal> {
        let bytes: usize =
            head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
        let Limits { headers, head: most, .. } = self.bounds.limits;
        if head.headers.len() > headers || bytes > most {
            return Err(Refusal::HeadTooLarge { max_fields: headers, max_bytes: most });
        }
        Ok(())
    }

    /// One framing only: `Content-Length` over HTTP/1.1, frames over HTTP/2.
    fn check_length(&self, head: &request::Parts, body: &Incoming) -> Result<(), Refusal> {
        if head.headers.contains_key(header::TRANSFER_ENCODING) {
            return Err(Refusal::LengthRequired);
        }
        let over_http1 = head.version < Version::HTTP_2;
        if over_http1
            && (!head.headers.contains_key(header::CONTENT_LENGTH) || body.size_hint().exact().is_none())
        {
            return Err(Refusal::LengthRequired);
        }
        match head.headers.get(header::EXPECT) {
            Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
                Err(Refusal::Expectation)
            }
            _ => Ok(()),
        }
    }
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Throws away a body that will be refused, up to a bound, so that its sender reads the answer instead of a reset.
async fn drain(body: Incoming) {
    let rest = Limited::new(body, MOST_DRAINED).collect();
    let _ = tokio::time::timeout(LONGEST_DRAIN, rest).await;
}
