//! Bounds first: size of the head, size, time and rate of the body, requests in flight.
//!
//! The whole body is received here, before anything is judged, and a place among the requests in flight is taken only
//! then: a slow sender holds memory for what it has sent ([`super::room`]) but no place. The place travels in the value,
//! so it stays taken for as long as the work goes on, also below the line where the caller may have left.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Uri, Version, header, request};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::observe::Observed;
use super::room::{Held, Place, Room};
use super::route::claimed;
use super::stage::Stage;
use super::trail::Trail;
use super::{Limits, Parts, Settings};
use crate::api::Kind;
use crate::metrics::Phase;
use crate::refusal::Refusal;

/// How much of a body that is too long is read and thrown away, so that its sender sees the answer.
const MOST_DRAINED: usize = 8 * 1024 * 1024;
const LONGEST_DRAIN: Duration = Duration::from_secs(2);
/// A body's rate is not looked at before this: a link that has just come up is slow.
const GRACE: Duration = Duration::from_secs(5);

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
pub(super) struct Bounds {
    parts: Arc<Parts>,
    settings: Arc<Settings>,
    /// By the head, which nobody has checked yet: it decides in whose share it stands, and nothing else.
    claimed: Option<Kind>,
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
        let reading = read(body, &self.settings.limits, &self.settings.room);
        let (bytes, held) = trail.timed(Phase::Receive, reading).await?;
        trail.note(|facts| facts.request_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let (settings, metrics) = (&self.settings, &self.parts.metrics);
        let place = settings.room.place(self.claimed, held, settings.limits.place_timeout, metrics).await?;
        // Asked again: the body may have taken its time.
        if self.parts.closing.is_cancelled() {
            return Err(Refusal::Draining);
        }
        Ok((bytes, place))
    }
}

/// The whole body, as long as it comes in time and there is room.
async fn read(
    mut body: impl Body<Data = Bytes> + Unpin,
    limits: &Limits,
    room: &Arc<Room>,
) -> Result<(Bytes, Held), Refusal> {
    let Limits { body: longest, body_timeout, body_rate, .. } = *limits;
    let begun = Instant::now();
    let mut held = Held::none(room);
    let (mut whole, mut several) = (Bytes::new(), BytesMut::new());
    let mut received = 0_usize;
    loop {
        // When more than what is here must have come.
        let brought =
            Duration::from_secs(as_u64(received)) / u32::try_from(body_rate).unwrap_or(u32::MAX).max(1);
        let due = begun + GRACE.saturating_add(brought).min(body_timeout);
        let Ok(frame) = timeout_at(due, body.frame()).await else {
            return Err(Refusal::BodyTimeout { limit: body_timeout, rate: body_rate });
        };
        let piece = match frame {
            None => break,
            Some(Err(_)) => return Err(Refusal::BodyCut),
            // Trailers say nothing here.
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        received = received.saturating_add(piece.len());
        if received > longest {
            return Err(Refusal::BodyTooLarge { limit: longest });
        }
        held.take(piece.len())?;
        match (whole.is_empty(), several.is_empty()) {
            (true, true) => whole = piece,
            (false, true) => {
                several.extend_from_slice(&std::mem::take(&mut whole));
                several.extend_from_slice(&piece);
            }
            _ => several.extend_from_slice(&piece),
        }
    }
    Ok((if several.is_empty() { whole } else { several.freeze() }, held))
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// See the module.
pub(super) struct Limit(Arc<Parts>);

impl Limit {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl Stage for Limit {
    type In = Observed;
    type Out = Bounded;

    async fn apply(&self, observed: Observed) -> Result<Bounded, Refusal> {
        let Observed { request, trail } = observed;
        let (head, body) = request.into_parts();
        if self.0.closing.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let settings = self.0.settings.load_full();
        let limits = settings.limits;
        check_head(&head, &limits)?;
        check_length(&head, &body)?;
        if body.size_hint().lower() > as_u64(limits.body) {
            if !expects_continue(&head.headers) {
                drain(body).await;
            }
            return Err(Refusal::BodyTooLarge { limit: limits.body });
        }
        let claimed = claimed(&head.uri, &head.headers);
        let bounds = Bounds { parts: Arc::clone(&self.0), settings, claimed };
        let payload = if expects_continue(&head.headers) {
            Payload::Waiting(body, bounds)
        } else {
            let (bytes, place) = bounds.receive(body, &trail).await?;
            Payload::Here(bytes, place)
        };
        let head = Head { method: head.method, uri: head.uri, version: head.version, headers: head.headers };
        Ok(Bounded { head, body: payload, trail })
    }
}

fn check_head(head: &request::Parts, limits: &Limits) -> Result<(), Refusal> {
    let bytes: usize =
        head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    if head.headers.len() > limits.headers || bytes > limits.head {
        return Err(Refusal::HeadTooLarge { max_fields: limits.headers, max_bytes: limits.head });
    }
    Ok(())
}

/// One framing only: `Content-Length` over HTTP/1.1, frames over HTTP/2.
fn check_length(head: &request::Parts, body: &Incoming) -> Result<(), Refusal> {
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
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Err(Refusal::Expectation),
        _ => Ok(()),
    }
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Throws away a body that will be refused, up to a bound, so that its sender reads the answer instead of a reset.
/// None of it is kept: its sender has proved nothing yet.
async fn drain(mut body: Incoming) {
    let rest = async {
        let mut left = MOST_DRAINED;
        while left > 0
            && let Some(Ok(frame)) = body.frame().await
        {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    let _ = tokio::time::timeout(LONGEST_DRAIN, rest).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::StreamExt as _;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits {
            body: 1 << 20,
            head: 16 << 10,
            headers: 64,
            head_timeout: 10 * SECOND,
            idle_timeout: 75 * SECOND,
            body_timeout: 15 * SECOND,
            body_rate: 1024,
            write_timeout: 30 * SECOND,
            place_timeout: SECOND,
            handshake_timeout: 5 * SECOND,
            handshakes: 512,
            connections: 4096,
            connections_per_address: 4096,
        }
    }

    /// What becomes of a body that brings `bytes` every `pause`, and when, in ms.
    async fn dripped(bytes: usize, pause: Duration, pieces: usize) -> (Result<usize, Refusal>, u128) {
        let room = Arc::new(Room::new(1, 1, 4 << 20));
        let drip = futures_util::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b' '; bytes])))
        });
        let begun = Instant::now();
        let outcome = read(StreamBody::new(Box::pin(drip)), &limits(), &room).await;
        let took = begun.elapsed().as_millis();
        let outcome = outcome.map(|(whole, _held)| whole.len());
        assert_eq!(room.buffered(), 0);
        (outcome, took)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_five_seconds_and_then_the_time_that_its_bytes_are_worth() {
        const DRIP: Duration = Duration::from_millis(50);
        // 20 bytes a second are worth 20 ms: what had come in 5 s buys 98 ms, which bring another one.
        let (outcome, took) = dripped(1, DRIP, usize::MAX).await;
        assert!(matches!(outcome, Err(Refusal::BodyTimeout { .. })), "{outcome:?}");
        assert!((5_090..5_110).contains(&took), "{took}");
        // Just above the rate it may take all of its time, and no more.
        let (outcome, took) = dripped(52, DRIP, usize::MAX).await;
        assert!(matches!(outcome, Err(Refusal::BodyTimeout { .. })), "{outcome:?}");
        assert!((14_999..=15_010).contains(&took), "{took}");
        // Below the rate, but over before anybody looks.
        let (outcome, _) = dripped(1, DRIP, 90).await;
        assert_eq!(outcome.unwrap(), 90);
        // A burst pays for a pause.
        let (outcome, _) = dripped(8 * 1024, 7 * SECOND, 1).await;
        assert!(outcome.is_err(), "nothing has come after five seconds");
        let (outcome, _) = dripped(8 * 1024, 4 * SECOND, 3).await;
        assert_eq!(outcome.unwrap(), 3 * 8 * 1024);
    }
}
