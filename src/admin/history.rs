//! `/decisions` on the admin listener: decisions found again.
//!
//! - `GET /decisions?team=T&key=K&action=A&service=S&verdict=V&outcome=O&rule=R&instance=I&text=X&since=S&until=U&limit=N`: those
//!   that pass every filter, the newest first; `before=ID` (the `next` of a page) goes on to older ones.
//! - `GET /decisions?after=PLACE`: what came after that place, the oldest first; `next` is the place to ask from again. `after=now`
//!   gives no decision but the place of this moment. Whoever follows asks again and again.
//! - `GET /decisions/ID`: one decision's record.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{query, trouble, well};
use crate::clock::Clock;
use crate::history::{Filter, History, HistoryAway, Page};

/// Decisions of a page where nobody says how many.
const USUAL: usize = 100;

/// See the module.
#[derive(Clone)]
pub struct HistoryAdmin {
    history: History,
    clock: Clock,
}

impl HistoryAdmin {
    /// Shows this history.
    pub fn new(history: History, clock: Clock) -> Self {
        Self { history, clock }
    }

    /// The history itself, for pages of the same process.
    pub fn history(&self) -> &History {
        &self.history
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET {
            return trouble(StatusCode::METHOD_NOT_ALLOWED, "use GET");
        }
        match request.uri().path().strip_prefix("/decisions") {
            Some("" | "/") => match self.list(request.uri()).await {
                Ok(page) => well(&page),
                Err(answer) => answer,
            },
            Some(id) => match self.history.decision(id.trim_start_matches('/')).await {
                Ok(Some(record)) => well(&record),
                Ok(None) => trouble(
                    StatusCode::NOT_FOUND,
                    "the history has no such decision; older ones are in the decision records",
                ),
                Err(error) => away(&error),
            },
            None => trouble(StatusCode::NOT_FOUND, "GET /decisions, /decisions/ID"),
        }
    }

    async fn list(&self, uri: &Uri) -> Result<Page, Response<Full<Bytes>>> {
        let bad = |why: &str| trouble(StatusCode::BAD_REQUEST, why);
        let mut pairs = query::pairs(uri);
        let mut limit = USUAL;
        if let Some(place) = pairs.iter().position(|(name, _)| name == "limit") {
            let (_, value) = pairs.remove(place);
            limit = value.parse().map_err(|_| bad("limit: write a number from 1 to 1000"))?;
        }
        if pairs.iter().any(|(name, value)| name == "after" && value == "now") {
            let place = self.history.newest().await.map_err(|error| away(&error))?;
            return Ok(Page { next: Some(place.to_string()), ..Page::default() });
        }
        let named = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let filter = Filter::read(named, &self.clock).map_err(|why| bad(&why))?;
        self.history.list(&filter, limit).await.map_err(|error| away(&error))
    }
}

fn away(error: &HistoryAway) -> Response<Full<Bytes>> {
    trouble(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}
