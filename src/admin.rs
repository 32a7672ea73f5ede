//! The operator's own listener: metrics, liveness, readiness, status. Never on the address that clients use. Who may ask
//! says `guard`; what was asked is written down by `audit`.
//!
//! - `GET /metrics`: Prometheus text.
//! - `GET /livez`: 200 while the process can answer at all; tied to nothing outside of it.
//! - `GET /readyz`: 200, or 503 with the reasons, one per line.
//! - `/quota` ...: what is counted, who holds it, and how it compares with the cloud; see `quota`.
//! - `/policy` ...: which policies are in force, and orders about them; see `policy`.
//! - `/decisions` ...: decisions found again; see `history`. `/audit/instance`: who made an instance; see `instance`.
//! - `/console`: the same as pages for people; see `browse` and [`crate::console`].
//! - `/keys` ...: the gateway's own keys, and orders about them; see `keys`.
//! - `GET /status`: JSON: version, policy revision, key file, rule sets on the interpreter.

mod audit;
mod browse;
mod guard;
mod history;
mod instance;
pub(crate) mod keys;
mod people;
mod policy;
mod query;
mod quota;
mod serve;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;

use crate::console::Console;
use crate::metrics::Metrics;

use audit::{About, Ended, Entry};
use guard::{Asker, Guard, Refused};
use serve::Desk;

pub use history::HistoryAdmin;
pub use instance::InstanceAdmin;
pub use keys::KeysAdmin;
pub use people::People;
pub use policy::PolicyAdmin;
pub use quota::QuotaAdmin;
pub use serve::{AdminListening, serve};

/// For the document that comes with an order.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Why the process is not ready: a latch per component, ready when none is left.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// Not ready from now on, because of `component`.
    pub fn hold(&self, component: &'static str, reason: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(component, reason.into());
    }

    /// `component` is no reason any more.
    pub fn release(&self, component: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(component);
    }

    /// The reasons, as `component: reason`.
    pub fn reasons(&self) -> Vec<String> {
        let latches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latches.iter().map(|(component, reason)| format!("{component}: {reason}")).collect()
    }
}

/// What the admin listener shows.
#[derive(Clone)]
pub struct Admin {
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Brings those metrics up to date that are only known when they are asked for.
    pub measure: Arc<dyn Fn() + Send + Sync>,
    /// Readiness.
    pub readiness: Readiness,
    /// The status document, made when asked for; holds no secrets.
    pub status: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// What is counted.
    pub quota: QuotaAdmin,
    /// The policies.
    pub policy: PolicyAdmin,
    /// The decisions.
    pub history: HistoryAdmin,
    /// What is known about single instances.
    pub instance: InstanceAdmin,
    /// The pages for people.
    pub console: Console,
    /// The gateway's own keys.
    pub keys: KeysAdmin,
}

impl Admin {
    /// Lets a request in or not, writes down what is to be written down, and answers.
    async fn answer(&self, desk: &Desk, asker: &Asker, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if browse::is_here(&request) {
            return self.browse(desk, asker, request).await;
        }
        let method = request.method().clone();
        let target = request.uri().path_and_query().map_or("", |target| target.as_str()).to_owned();
        let path = request.uri().path();
        let admitted = desk.guard.admit(asker, path, request.headers());
        let number = desk.audit.number();
        let entry = |caller| Entry { asker, caller, method: method.as_str(), target: &target, number };
        let caller = match admitted {
            Ok(caller) => caller,
            Err(refused) => {
                self.metrics.connections().admin_refused(refused.status);
                // Who is not listened to fills no disk.
                if refused.status != StatusCode::TOO_MANY_REQUESTS {
                    let ended = Ended { why: Some(refused.why.to_owned()), ..Ended::with(refused.status) };
                    let _ = desk.audit.write("refused", &entry(None), ended).await;
                }
                return refused.answer();
            }
        };
        if matches!(path, "/livez" | "/readyz" | "/metrics") {
            return self.give(request).await;
        }
        if let Err(refused) = Guard::permit(&caller, &method) {
            self.metrics.connections().admin_refused(refused.status);
            let ended = Ended { why: Some(refused.why.to_owned()), ..Ended::with(refused.status) };
            let _ = desk.audit.write("refused", &entry(Some(&caller)), ended).await;
            return refused.answer();
        }
        let order = method != Method::GET && method != Method::HEAD;
        if order && let Err(why) = desk.audit.write("asked", &entry(Some(&caller)), Ended::default()).await {
            return trouble(StatusCode::SERVICE_UNAVAILABLE, &why);
        }
        let answer = self.give(request).await;
        let about = answer.extensions().get::<About>().map(|about| about.0.clone());
        let why = answer.extensions().get::<Why>().filter(|_| order).map(|why| why.0.clone());
        let ended = Ended { about, why, ..Ended::with(answer.status()) };
        let _ = desk.audit.write("answered", &entry(Some(&caller)), ended).await;
        answer
    }

    async fn give(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path().starts_with("/quota") {
            return self.quota.answer(request).await;
        }
        if request.uri().path().starts_with("/policy") {
            return self.policy.answer(request).await;
        }
        if request.uri().path().starts_with("/decisions") {
            return self.history.answer(request).await;
        }
        if request.uri().path().starts_with("/audit") {
            return self.instance.answer(request).await;
        }
        if request.uri().path().starts_with("/keys") {
            return self.keys.answer(request).await;
        }
        self.page(request.method(), request.uri().path())
    }

    fn page(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/metrics" => {
                (self.measure)();
                self.quota.measure(&self.metrics);
                self.policy.measure(&self.metrics);
                self.metrics.upkeep().ready(self.readiness.reasons().is_empty());
                typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.render())
            }
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => match self.readiness.reasons() {
                reasons if reasons.is_empty() => text(StatusCode::OK, "ready\n"),
                reasons => {
                    text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready\n{}\n", reasons.join("\n")))
                }
            },
            "/status" => typed(StatusCode::OK, "application/json", (self.status)().to_string()),
            _ => text(
                StatusCode::NOT_FOUND,
                "/metrics, /livez, /readyz, /status, /quota, /policy, /keys, /decisions and /audit/instance are here\n",
            ),
        }
    }
}

impl Refused {
    fn answer(self) -> Response<Full<Bytes>> {
        let mut response = trouble(self.status, self.why);
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

fn well(body: &impl serde::Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_string_pretty(body) {
        Ok(text) => typed(StatusCode::OK, "application/json", text),
        Err(error) => trouble(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn trouble(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut answer = typed(status, "application/json", serde_json::json!({ "error": why }).to_string());
    answer.extensions_mut().insert(Why(why.to_owned()));
    answer
}

/// Why something was refused, for the line of an order.
#[derive(Clone, Debug)]
struct Why(String);

/// What an order was about and what it did, for its line in the audit log; no secrets.
fn about(mut answer: Response<Full<Bytes>>, what: serde_json::Value) -> Response<Full<Bytes>> {
    answer.extensions_mut().insert(About(what));
    answer
}

/// The document that came with an order, of at most `longest` bytes.
async fn document<T: serde::de::DeserializeOwned>(
    request: Request<impl Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>>,
    longest: usize,
) -> Result<T, Response<Full<Bytes>>> {
    // A page in somebody's browser can send forms to this address, but no JSON.
    let media = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if !media.eq_ignore_ascii_case(b"application/json") {
        return Err(trouble(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send `Content-Type: application/json`"));
    }
    let body = Limited::new(request.into_body(), longest).collect();
    // Who sends an order counts as working, and is not sent off for who comes.
    let Ok(body) = tokio::time::timeout(BODY_PATIENCE, body).await else {
        return Err(trouble(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"));
    };
    let Ok(body) = body else {
        return Err(trouble(StatusCode::BAD_REQUEST, "the body is too long or broke off"));
    };
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| trouble(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", body.to_owned())
}

fn typed(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_document_that_does_not_come_is_not_waited_for() {
        let never =
            futures_util::stream::pending::<Result<http_body::Frame<Bytes>, std::convert::Infallible>>();
        let request = Request::post("/policy/stage").header(CONTENT_TYPE, "application/json");
        let request = request.body(http_body_util::StreamBody::new(never));
        let begun = tokio::time::Instant::now();
        let answer = document::<serde_json::Value>(request.unwrap(), 1024).await.unwrap_err();
        assert_eq!((answer.status(), begun.elapsed()), (StatusCode::REQUEST_TIMEOUT, BODY_PATIENCE));
    }
}
