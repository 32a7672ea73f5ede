//! Sends traces to the collector, on a thread of its own: a collector that is slow or away costs traces, never a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::otlp::{self, Resource};
use super::{Plan, Trace};
use crate::config::secret_ref::SecretRef;
use crate::fetch::{Client, shown};
use crate::metrics::Metrics;

/// Traces that are sent at once: about a megabyte.
const BATCH: usize = 256;
/// The longest answer that is read; it does not matter.
const LONGEST: usize = 64 << 10;
/// Before each further try of a batch; after them it is given up.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// What is left is sent within this when the gateway stops.
const FLUSH: Duration = Duration::from_secs(5);

/// The thread that sends.
pub struct Exporter {
    closing: CancellationToken,
    ended: oneshot::Receiver<()>,
}

struct Sender {
    client: Client,
    url: Uri,
    headers: Vec<(HeaderName, SecretRef)>,
    resource: Resource,
    interval: Duration,
    metrics: Arc<Metrics>,
    closing: CancellationToken,
    /// Whether the last batch failed: told once, not with each.
    failing: bool,
}

/// Why a batch was not taken, and whether it may be tried again.
struct Trouble {
    why: String,
    again: bool,
}

impl Exporter {
    pub(super) fn start(
        plan: &Plan,
        waiting: mpsc::Receiver<Box<Trace>>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let closing = CancellationToken::new();
        let sender = Sender {
            client: Client::of(&plan.remote, plan.timeout, LONGEST)?,
            url: plan.remote.url.clone(),
            headers: plan.headers.clone(),
            resource: Resource::new(&plan.service_name),
            interval: plan.interval,
            metrics,
            closing: closing.clone(),
            failing: false,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let (tell, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("traces".to_owned());
        let work = move || {
            runtime.block_on(sender.work(waiting));
            let _ = tell.send(());
        };
        thread.spawn(work).map_err(|error| error.to_string())?;
        Ok(Self { closing, ended })
    }

    /// Sends what is left, for a bounded time.
    pub async fn finish(self) {
        self.closing.cancel();
        if tokio::time::timeout(FLUSH, self.ended).await.is_err() {
            tracing::warn!("traces were left: the collector did not take them in time");
        }
    }
}

impl Sender {
    async fn work(mut self, mut waiting: mpsc::Receiver<Box<Trace>>) {
        loop {
            let mut batch = Vec::new();
            let closing = self.closing.clone();
            tokio::select! {
                biased;
                () = closing.cancelled() => waiting.close(),
                trace = waiting.recv() => match trace {
                    Some(trace) => batch.push(*trace),
                    None => return,
                },
            }
            let gathering = async {
                while batch.len() < BATCH {
                    let Some(trace) = waiting.recv().await else { return };
                    batch.push(*trace);
                }
            };
            tokio::select! {
                () = gathering => {}
                () = tokio::time::sleep(self.interval) => {}
                () = closing.cancelled(), if !closing.is_cancelled() => {}
            }
            if batch.is_empty() && waiting.is_closed() {
                return;
            }
            self.send(batch).await;
        }
    }

    async fn send(&mut self, batch: Vec<Trace>) {
        let body = Bytes::from(otlp::request(&self.resource, &batch));
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        drop(batch);
        let mut pauses = PAUSES.into_iter();
        loop {
            let Err(Trouble { why, again }) = self.post(body.clone()).await else {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(collector = shown(&self.url), "traces are taken again");
                }
                self.metrics.traces().count("exported", count);
                return;
            };
            if !std::mem::replace(&mut self.failing, true) {
                tracing::warn!(why, "traces are not taken by the collector; requests are not affected");
            }
            let pause = pauses.next().filter(|_| again && !self.closing.is_cancelled());
            let Some(pause) = pause else {
                self.metrics.traces().count("failed", count);
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    async fn post(&self, body: Bytes) -> Result<(), Trouble> {
        let headers = self.headers().map_err(|why| Trouble { why, again: false })?;
        let answer = self.client.exchange(Method::POST, &self.url, headers, body).await;
        let answer = answer.map_err(|why| Trouble { why, again: true })?;
        if answer.status.is_success() {
            return Ok(());
        }
        let again = matches!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(Trouble { why: format!("{} answers {}", shown(&self.url), answer.status), again })
    }

    fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, reference) in &self.headers {
            let secret = reference.resolve().map_err(|error| error.to_string())?;
            let mut value = HeaderValue::from_str(secret.expose())
                .map_err(|_| format!("the secret of the header {name} cannot stand in one"))?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(headers)
    }
}
