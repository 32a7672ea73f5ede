//! `/quota` on the admin listener: what is counted, who holds it, how it compares with the cloud.
//!
//! - `GET /quota[?team=T]`: every count.
//! - `GET /quota/explain?scope=S&resource=R`: everything that makes up one count, by name.
//! - `GET /quota/drift`: what the last listings differed in, and what was done about it.
//! - `POST /quota/reconcile`: lists the cloud now.
//! - `POST /quota/release`: a person's word on a create that the reconciler cannot decide:
//!   `{"decision", "outcome": "void" | "created", "ids": [...], "operator", "reason"}`.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::{about, document, query, trouble, well};
use crate::clock::Clock;
use crate::history::History;
use crate::metrics::Metrics;
use crate::policy::answer::Resource;
use crate::quota::{Ledger, Settlement, Status, report};
use crate::reconcile::Reconciler;
use crate::record::parse_decision_id;

/// The longest body, in bytes.
const LONGEST: usize = 64 * 1024;

/// See the module.
#[derive(Clone)]
pub struct QuotaAdmin {
    ledger: Ledger,
    reconciler: Reconciler,
    history: History,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    decision: String,
    outcome: Outcome,
    #[serde(default)]
    ids: Vec<String>,
    operator: String,
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Void,
    Created,
}

impl QuotaAdmin {
    /// Shows this ledger.
    pub fn new(ledger: Ledger, reconciler: Reconciler, history: History, clock: Clock) -> Self {
        Self { ledger, reconciler, history, clock }
    }

    /// Reads the gauges.
    pub(super) fn measure(&self, metrics: &Metrics) {
        metrics.quota().read(&self.ledger, &self.clock);
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let pairs = query::pairs(request.uri());
        let query = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        if !self.ledger.counts() {
            return trouble(StatusCode::NOT_FOUND, "no quota store is configured (quota.store is \"none\")");
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/quota") => self.counts(query("team").as_deref()),
            (&Method::GET, "/quota/explain") => {
                self.explain(query("scope").as_deref(), query("resource").as_deref())
            }
            (&Method::GET, "/quota/drift") => well(&self.reconciler.last()),
            (&Method::POST, "/quota/reconcile") => match self.reconciler.run().await {
                Ok(report) => well(&report),
                Err(error) => trouble(StatusCode::CONFLICT, &error.to_string()),
            },
            (&Method::POST, "/quota/release") => self.release(request).await,
            _ => trouble(
                StatusCode::NOT_FOUND,
                "GET /quota, /quota/explain, /quota/drift; POST /quota/reconcile, /quota/release",
            ),
        }
    }

    fn counts(&self, team: Option<&str>) -> Response<Full<Bytes>> {
        let now = i64::try_from(self.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
        let counts = self.ledger.read(|book| report::counts(book, team, now));
        let ledger = match self.ledger.status() {
            Some(Status::Up) | None => "up".to_owned(),
            Some(Status::Away { why }) => format!("away: {why}"),
            Some(Status::Dead { why }) => format!("dead: {why}"),
        };
        let last = self.reconciler.last();
        well(&json!({
            "ledger": ledger, "counts": counts, "reconciled": last.at, "listings": last.listings,
        }))
    }

    fn explain(&self, scope: Option<&str>, resource: Option<&str>) -> Response<Full<Bytes>> {
        let Some(scope) = scope else {
            return trouble(
                StatusCode::BAD_REQUEST,
                "name the scope, as GET /quota shows it: ?scope=team/payments",
            );
        };
        let Some(resource) = Resource::parse(resource.unwrap_or("instances")) else {
            return trouble(
                StatusCode::BAD_REQUEST,
                "resource is one of instances, vcpus, memory_gb, disk_gb and public_ips",
            );
        };
        let now = i64::try_from(self.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
        let explained = self.ledger.read(|book| {
            let count = report::counts(book, None, now)
                .into_iter()
                .find(|count| count.scope == scope && count.resource == resource);
            (count, report::units(book, scope, resource))
        });
        let (count, units) = explained.unwrap_or_default();
        well(&json!({ "count": count, "units": units }))
    }

    async fn release(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let release: Release = match document(request, LONGEST).await {
            Ok(release) => release,
            Err(answer) => return answer,
        };
        let Some(id) = parse_decision_id(&release.decision) else {
            return trouble(StatusCode::BAD_REQUEST, "`decision` is no decision id");
        };
        let outcome = match (release.outcome, release.ids.is_empty()) {
            (Outcome::Void, true) => Settlement::Void,
            (Outcome::Created, false) => Settlement::Created { ids: release.ids.clone(), missing: 0 },
            _ => {
                let why = "`created` needs the instance ids that the create made, and `void` has none";
                return trouble(StatusCode::BAD_REQUEST, why);
            }
        };
        let word = if release.ids.is_empty() { "void" } else { "created" };
        let what = json!({ "release": {
            "decision": release.decision, "outcome": word, "ids": release.ids, "operator": release.operator,
            "reason": release.reason,
        }});
        let (operator, reason) = (release.operator.clone(), release.reason.clone());
        let released =
            self.ledger.change(move |book, now| match book.release(id, outcome, &operator, &reason, now) {
                Ok(event) => (Ok(()), vec![event]),
                Err(conflict) => (Err(conflict), Vec::new()),
            });
        let answer = match released.await {
            Ok(Ok(())) => {
                self.history.settled(&id, &release.ids);
                tracing::warn!(
                    decision = release.decision,
                    operator = release.operator,
                    reason = release.reason,
                    ids = ?release.ids,
                    "an unknown create was settled by hand"
                );
                well(&json!({ "settled": release.decision }))
            }
            Ok(Err(conflict)) => trouble(StatusCode::CONFLICT, &conflict.to_string()),
            Err(away) => trouble(StatusCode::SERVICE_UNAVAILABLE, &away.to_string()),
        };
        about(answer, what)
    }
}
