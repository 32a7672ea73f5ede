//! The only place where a refusal becomes status and body, and where the gateway's own response headers are written.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use http::{Response, StatusCode};
use serde::Serialize;
use tower::{Layer, Service};

use super::answer::{Answer, Body, whole};
use super::observe::Observed;
use super::trail::{Ending, Told, Trail};
use crate::policy::fix::Step;
use crate::refusal::{Details, Refusal};

/// The decision's id, on every answer.
pub const DECISION: HeaderName = HeaderName::from_static("x-zengate-decision");
/// What rules warn of; one header per warning.
pub const WARNING: HeaderName = HeaderName::from_static("x-zengate-warning");
/// What rules added to the request; one header per change.
pub const ADDED: HeaderName = HeaderName::from_static("x-zengate-added");

/// Warnings and changes beyond these are left out of the headers (the decision record has all of them), so that the
/// head stays within what clients read.
const MOST_HEADERS: usize = 16;
const LONGEST_HEADER: usize = 512;

/// See the module.
#[derive(Clone)]
pub(super) struct Respond;

impl<Inner> Layer<Inner> for Respond {
    type Service = RespondService<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        RespondService(inner)
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct RespondService<Inner>(Inner);

impl<Inner> Service<Observed> for RespondService<Inner>
where
    Inner: Service<Observed, Response = Answer, Error = Refusal, Future: Send> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, observed: Observed) -> Self::Future {
        let mut inner = self.0.clone();
        let trail = observed.trail.clone();
        let over_http1 = observed.request.version() < http::Version::HTTP_2;
        Box::pin(async move {
            // A panic above the line costs this request only; below it, Detach has its own answer.
            let outcome = AssertUnwindSafe(async { inner.call(observed).await }).catch_unwind().await;
            Ok(match outcome.unwrap_or_else(|_| panicked(&trail)) {
                Ok(answer) => answered(answer, &trail),
                Err(refusal) => refused(&refusal, &trail, over_http1),
            })
        })
    }
}

fn panicked(trail: &Trail) -> Result<Answer, Refusal> {
    trail.metrics().panicked();
    Err(Refusal::Panic)
}

fn answered(answer: Answer, trail: &Trail) -> Response<Body> {
    let ending = Ending {
        outcome: answer.outcome(),
        status: Some(answer.status.as_u16()),
        response_bytes: answer.length,
        refusal: None,
    };
    trail.close(&ending);
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    mark(&mut response, trail);
    if let Some(length) = answer.length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(encoding) = answer.encoding {
        response.headers_mut().insert(CONTENT_ENCODING, encoding);
    }
    add_all(&mut response, &WARNING, &answer.warnings);
    add_all(&mut response, &ADDED, &answer.added);
    response
}

/// What is said to what is no request, beside the status: the id and the body.
pub(super) fn unread(status: u16, trail: &Trail) -> (String, Vec<u8>) {
    (trail.id().to_owned(), closed(&Refusal::Malformed { status }, trail))
}

/// The body of a refusal, which is the end of its trail.
fn closed(refusal: &Refusal, trail: &Trail) -> Vec<u8> {
    let row = refusal.row();
    let message = refusal.message();
    let body = envelope(refusal, &message, trail.id());
    let ending = Ending {
        outcome: row.outcome,
        status: Some(row.status),
        response_bytes: u64::try_from(body.len()).ok(),
        refusal: Some(Told { code: row.code, message }),
    };
    trail.close(&ending);
    body
}

fn refused(refusal: &Refusal, trail: &Trail, over_http1: bool) -> Response<Body> {
    let status = refusal.row().status;
    let mut response = Response::new(whole(closed(refusal, trail)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    mark(&mut response, trail);
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if over_http1 && refusal.closes_connection() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The cloud's error envelope: every SDK needs `requestId`, `code` and `message` as strings and ignores the rest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    request_id: &'a str,
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<Details<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a [Step]>,
}

fn envelope(refusal: &Refusal, message: &str, request_id: &str) -> Vec<u8> {
    let envelope = Envelope {
        request_id,
        code: refusal.row().code,
        message: format!("{message} (zengate decision {request_id})"),
        violations: refusal.violations(),
        dry_run: refusal.dry_run(),
        fix: refusal.fix(),
    };
    // Texts, numbers and lists of them: nothing in it cannot be written.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

fn mark(response: &mut Response<Body>, trail: &Trail) {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(trail.id()) {
        response.headers_mut().insert(DECISION, id);
    }
    if trail.is_dry() {
        response
            .headers_mut()
            .insert(HeaderName::from_static(super::dry::DRY_RUN), HeaderValue::from_static("true"));
    }
}

fn add_all(response: &mut Response<Body>, name: &HeaderName, texts: &[String]) {
    for text in texts.iter().take(MOST_HEADERS) {
        // Visible ASCII only: a rule's text must not be able to break the head.
        let fits = text.len() <= LONGEST_HEADER && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let plain = match fits {
            true => Cow::from(text),
            false => {
                let visible = |letter| if matches!(letter, ' '..='~') { letter } else { '?' };
                text.chars().map(visible).take(LONGEST_HEADER).collect()
            }
        };
        if let Ok(value) = HeaderValue::from_str(&plain) {
            response.headers_mut().append(name, value);
        }
    }
}
