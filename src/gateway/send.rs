//! The request to the cloud: built new, signed last, nothing copied but what is on a short list.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, BodyStream, StreamBody};

use super::Parts;
use super::answer::Answer;
use super::own;
use super::parse::Read;
use super::reserve::{Reserved, chain};
use super::room::{Answering, Place};
use super::route::text;
use super::stage::Stage;
use crate::account::Account;
use crate::api::{Call, Kind};
use crate::metrics::Phase;
use crate::record::UpstreamRecord;
use crate::refusal::Refusal;
use crate::reply;
use crate::sign::PayloadHash;
use crate::traces::TRACEPARENT;
use crate::upstream::{Reply, SendError, StreamError, Streamed};

/// What a client says of itself and the cloud may want to know; passed on if it is plain.
const PASSED_ON: &[&str] = &["x-zc-sdk-lang", "x-zc-sdk-version", "x-zc-request-client"];
/// A hold older than this is not sent: another replica may already take its owner for dead.
const OLDEST_HOLD: Duration = Duration::from_secs(10);
/// A wall clock that moved otherwise than the monotonic one by more than this, in ms, has stepped since the booking. What
/// would be sent then could not be told from older machines by the time of its booking, so it is not sent.
const LARGEST_STEP: u64 = 5_000;
/// Error answers to reads are held in memory up to this; longer ones are not in the cloud's error form.
const LARGEST_ERROR: usize = 1024 * 1024;

/// A request, signed, with where it goes.
pub(super) struct Signed {
    request: Request<Bytes>,
    account: Arc<Account>,
    kind: Kind,
    trail: super::trail::Trail,
    /// Held until the work is done, whoever has left.
    place: Place,
    too_old: bool,
}

/// What became of the sending.
pub(super) enum Sent {
    /// Not even tried.
    Never(Refusal),
    /// Tried.
    Tried(Result<Reply, SendError>),
}

/// Writes and signs a booked request.
pub(super) struct Sign(Arc<Parts>);

impl Sign {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl Stage for Sign {
    type In = Reserved;
    type Out = Signed;

    async fn apply(&self, reserved: Reserved) -> Result<Signed, Refusal> {
        let Reserved { allowed, booked } = reserved;
        let (account, kind) = (allowed.principal.account, allowed.call.action.kind);
        let now = self.0.clock.unix_seconds();
        // Only bytes that no header can hold make this fail; they were refused when the configuration was read.
        let (body, hash) = allowed.judged.unchanged().ok_or(Refusal::Panic)?;
        let mut request =
            request(&account, &allowed.call, &allowed.headers, body, &hash, now).ok_or(Refusal::Panic)?;
        allowed.trail.note(|facts| facts.sent_sha256 = allowed.judged.shown());
        tell_trace(&mut request, &allowed.trail);
        let elapsed = booked.watch.elapsed();
        let by_the_wall = self.0.clock.since_epoch().as_millis();
        let wall = by_the_wall.abs_diff(booked.at.as_millis().saturating_add(elapsed.as_millis()));
        let too_old = elapsed > OLDEST_HOLD || wall > u128::from(LARGEST_STEP);
        Ok(Signed { request, account, kind, trail: allowed.trail, place: allowed.place, too_old })
    }
}

/// Sends a signed request, once.
#[derive(Clone)]
pub(super) struct Send;

impl tower::Service<Signed> for Send {
    type Response = Sent;
    type Error = Refusal;
    type Future = super::stage::Answering<Sent>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Refusal>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, signed: Signed) -> Self::Future {
        Box::pin(send(signed))
    }
}

/// A function of its own, so that all of `signed` moves in: an async block would take only the parts it names and let
/// go of the place before the work is done.
async fn send(signed: Signed) -> Result<Sent, Refusal> {
    let Signed { request, account, kind, trail, place, too_old } = signed;
    if too_old {
        return Ok(Sent::Never(Refusal::NotSent));
    }
    // Boxed, as reads are: a future that is handed on is copied, and this one is large.
    let sending = Box::pin(account.upstream.change(kind, &request));
    let outcome = trail.timed(Phase::Upstream, sending).await;
    drop(place);
    Ok(Sent::Tried(outcome))
}

/// Forwards a read: its own bytes, signed anew; the answer is passed on as it comes.
#[derive(Clone)]
pub(super) struct Forward(Arc<Parts>);

impl Forward {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl tower::Service<Read> for Forward {
    type Response = Answer;
    type Error = Refusal;
    type Future = super::stage::Answering<Answer>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Refusal>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, read: Read) -> Self::Future {
        if own::is_own(&read) {
            let answer = own::answer(&self.0, &read);
            return Box::pin(std::future::ready(answer));
        }
        let now = self.0.clock.unix_seconds();
        Box::pin(forward(read, now))
    }
}

async fn forward(read: Read, now: i64) -> Result<Answer, Refusal> {
    let Read { call, principal, headers, bytes, hash, place, trail } = read;
    let mut request =
        request(&principal.account, &call, &headers, bytes, &hash, now).ok_or(Refusal::Panic)?;
    tell_trace(&mut request, &trail);
    let reading = Box::pin(principal.account.upstream.read(&request));
    let outcome = trail.timed(Phase::Upstream, reading).await;
    let response = outcome.map_err(|error| {
        trail.detail(chain(&error));
        let (reason, refusal) = match error {
            SendError::NotSent(_) => ("not_sent", Refusal::NotSent),
            SendError::Lost(lost) => (lost.as_str(), Refusal::ReadFailed { what: lost.as_str() }),
        };
        trail.metrics().upstream_failure(Kind::Read, reason);
        trail.note(|facts| {
            facts.upstream = Some(UpstreamRecord { failure: Some(reason), ..UpstreamRecord::default() });
        });
        refusal
    })?;
    let status = response.status();
    trail.note(|facts| {
        facts.upstream = Some(UpstreamRecord { status: Some(status.as_u16()), ..UpstreamRecord::default() });
    });
    let service = call.action.service;
    if status == http::StatusCode::OK {
        trail.metrics().upstream(service, Kind::Read, 200, "none");
        return answered(response, place, &principal.key, &trail).await;
    }
    if status == http::StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS {
        // The SDKs put words of their own in its place, and lose the code, the message and the id.
        trail.metrics().upstream(service, Kind::Read, status.as_u16(), "none");
        return Err(Refusal::EdgeRefused { status: status.as_u16() });
    }
    let whole = http_body_util::Limited::new(response.into_body(), LARGEST_ERROR).collect().await;
    let body = whole.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let facts =
        reply::Facts { kind: Kind::Read, asked: 0, status: status.as_u16(), challenged: false, body: &body };
    let code = reply::error_code(&facts);
    trail.metrics().upstream(service, Kind::Read, status.as_u16(), reply::code_label(code.as_deref()));
    match code {
        Some(_) if status.is_client_error() || status.is_server_error() => Ok(Answer {
            status,
            length: u64::try_from(body.len()).ok(),
            body: super::answer::whole(body),
            encoding: None,
            warnings: Vec::new(),
            added: Vec::new(),
        }),
        _ if status.is_client_error() || status.is_server_error() => {
            Err(Refusal::Unreadable { status: status.as_u16() })
        }
        _ => Err(Refusal::ReadFailed { what: "unusable_status" }),
    }
}

/// How answers to reads may be packed. The cloud is asked not to; if it does, the client is told, as the cloud would.
const PACKINGS: &[&str] = &["gzip", "deflate", "br", "zstd"];

/// Answers to reads up to this length are looked at before they are passed on; of longer ones this much waits at most. Whatever
/// the cloud answers in place of what was asked for is short.
const LOOKED_AT: usize = 64 * 1024;

/// How long a body may take to be looked at: one that comes in drops is passed on in drops.
const LOOKING: Duration = Duration::from_secs(2);

/// A good answer to a read, byte for byte. A short one is looked at first.
async fn answered(
    response: http::Response<Streamed>,
    place: Place,
    key: &str,
    trail: &super::trail::Trail,
) -> Result<Answer, Refusal> {
    let json = text(response.headers(), CONTENT_TYPE.as_str()).is_none_or(|media| media.contains("json"));
    if !json {
        return Err(Refusal::ReadFailed { what: "not_json" });
    }
    let packed = response.headers().get_all(CONTENT_ENCODING).iter();
    let packed: Vec<_> = packed.filter(|how| *how != "identity").cloned().collect();
    let encoding = match packed.as_slice() {
        [] => None,
        [how] if PACKINGS.iter().any(|known| how == known) => Some(how.clone()),
        _ => return Err(Refusal::ReadFailed { what: "unknown_encoding" }),
    };
    let length = http_body::Body::size_hint(response.body()).exact();
    let long = length.is_some_and(|length| !usize::try_from(length).is_ok_and(|length| length <= LOOKED_AT));
    let mut body = response.into_body();
    let expected = length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut start = BytesMut::with_capacity(expected.min(LOOKED_AT));
    if !long && encoding.is_none() {
        match tokio::time::timeout(LOOKING, collect(&mut body, &mut start)).await {
            Ok(Ok(true)) => return looked_at(start.freeze()),
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) => {
                trail.detail(chain(&error));
                let lost = error.lost().as_str();
                trail.metrics().upstream_failure(Kind::Read, lost);
                return Err(Refusal::ReadFailed { what: lost });
            }
        }
    }
    let answering = place.answer(key, trail.metrics())?;
    Ok(streamed(start.freeze(), body, length, encoding, answering))
}

/// Collects the start of a body; true if that is all of it.
async fn collect(body: &mut Streamed, start: &mut BytesMut) -> Result<bool, StreamError> {
    while start.len() <= LOOKED_AT {
        let Some(frame) = body.frame().await else { return Ok(true) };
        start.extend_from_slice(frame?.data_ref().map_or(&[][..], AsRef::as_ref));
    }
    Ok(false)
}

/// A whole answer.
fn looked_at(body: Bytes) -> Result<Answer, Refusal> {
    if !reply::answers_a_read(&body) {
        return Err(Refusal::ReadFailed { what: "unusable_body" });
    }
    let length = u64::try_from(body.len()).ok();
    let (warnings, added) = (Vec::new(), Vec::new());
    let body = super::answer::whole(body);
    Ok(Answer { status: http::StatusCode::OK, length, encoding: None, body, warnings, added })
}

/// A long answer, as it comes. Its place is free from here on; it counts among the key's until its last byte.
fn streamed(
    start: Bytes,
    rest: Streamed,
    length: Option<u64>,
    encoding: Option<HeaderValue>,
    answering: Answering,
) -> Answer {
    let start = futures_util::stream::iter((!start.is_empty()).then(|| Ok(Frame::data(start))));
    let body = StreamBody::new(start.chain(BodyStream::new(rest))).map_err(move |error| {
        let _counts = &answering;
        super::answer::BodyError::from(error)
    });
    let (warnings, added) = (Vec::new(), Vec::new());
    Answer { status: http::StatusCode::OK, length, encoding, body: body.boxed_unsync(), warnings, added }
}

/// The request for the account, with what the client says of itself.
fn request(
    account: &Account,
    call: &Call,
    said: &HeaderMap,
    body: Bytes,
    hash: &PayloadHash,
    now: i64,
) -> Option<Request<Bytes>> {
    let mut request = account.request(call, body, hash, now)?;
    for name in PASSED_ON {
        if let Some(value) = text(said, name).filter(|value| is_plain(value)) {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
        }
    }
    Some(request)
}

/// Adds the gateway's own `traceparent`, where the operator wants the cloud to have it; never the caller's.
fn tell_trace(request: &mut Request<Bytes>, trail: &super::trail::Trail) {
    if let Some(value) = trail.traceparent() {
        request.headers_mut().insert(TRACEPARENT, value);
    }
}

/// The vendor's own rule for `X-ZC-Request-Client`: 1 to 128 of these.
fn is_plain(value: &str) -> bool {
    (1..=128).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_ ,;.".contains(&byte))
}
