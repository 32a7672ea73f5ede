//! The outermost layer: gives each request its id and reports how it ended, also when the client left.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, Version};
use hyper::body::Incoming;
use tower::{Layer, Service};

use super::Parts;
use super::answer::Body;
use super::caller::Line;
use super::trail::{Ending, Peer, Trail};
use crate::refusal::Outcome;

/// A request as it comes from a connection.
pub struct Arrival {
    /// The other end of the connection.
    pub peer: Peer,
    /// The request.
    pub request: Request<Incoming>,
    /// Its connection.
    pub line: Line,
}

/// A request with its trail.
pub(super) struct Observed {
    pub(super) request: Request<Incoming>,
    pub(super) trail: Trail,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Observe(Arc<Parts>);

impl Observe {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl<Inner> Layer<Inner> for Observe {
    type Service = ObserveService<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        ObserveService { parts: Arc::clone(&self.0), inner }
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct ObserveService<Inner> {
    parts: Arc<Parts>,
    inner: Inner,
}

impl<Inner> Service<Arrival> for ObserveService<Inner>
where
    Inner: Service<Observed, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, arrival: Arrival) -> Self::Future {
        let parts = &self.parts;
        let caller = arrival.line.caller(arrival.request.version() < Version::HTTP_2);
        let trail = Trail::begin(parts, arrival.peer, caller, arrival.request.headers());
        let mut inner = self.inner.clone();
        Box::pin(async move {
            // Declared first, dropped last: when the client leaves, the rest of the path is gone before this looks.
            let _left = ReportIfLeft(trail.clone());
            let observed = Observed { request: arrival.request, trail: trail.clone() };
            let response = inner.call(observed).await;
            if !trail.is_followed() {
                trail.caller().answered();
                return response;
            }
            response.map(|response| response.map(|body| trail.caller().answer(body)))
        })
    }
}

/// Reports a request whose future is dropped: the client has left. Work that goes on below reports by itself.
struct ReportIfLeft(Trail);

impl Drop for ReportIfLeft {
    fn drop(&mut self) {
        self.0.caller().future_dropped();
        if !self.0.work_is_running() {
            self.0.close(&Ending {
                outcome: Outcome::ClientGone,
                status: None,
                response_bytes: None,
                refusal: None,
            });
        }
    }
}
