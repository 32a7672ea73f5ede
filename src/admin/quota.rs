//! `/quota` on the admin listener: what is counted, who holds it, how it compares with the cloud.
//!
//! - `GET /quota[?team=T]`: every count.
//! - `GET /quota/explain?scope=S&resource=R`: everything that makes up one count, by name.
//! - `GET /quota/drift`: what the last listings differed in, and what was done about it.
//! - `POST /quota/reconcile`: lists the cloud now.
//! - `POST /quota/release`: a person's word on a create that the reconciler cannot decide:
//!   `{"decision", "outcome": "void" | "created", "ids": [...], "operator", "reason"}`.

use bytes::Bytes;
use compact_str::CompactString;
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
use crate::quota::report::{Count, Unit};
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
    ids: Vec<CompactString>,
    operator: String,
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Void,
    Created,
}

/// Everything that is counted, for a page.
pub(crate) struct Counted {
    /// `up`, or what is wrong with the ledger.
    pub(crate) ledger: String,
    pub(crate) counts: Vec<Count>,
    /// When it was last compared with the cloud.
    pub(crate) reconciled: Option<jiff::Timestamp>,
    /// What could not be listed then.
    pub(crate) stale: Vec<String>,
}

impl QuotaAdmin {
    /// The clock that times of counts are measured by.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn now(&self) -> i64 {
        i64::try_from(self.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }

    fn standing(&self) -> String {
        match self.ledger.status() {
            Some(Status::Up) | None => "up".to_owned(),
            Some(Status::Away { why }) => format!("away: {why}"),
            Some(Status::Dead { why }) => format!("dead: {why}"),
        }
    }

    /// Every count; none where nothing is counted.
    pub(crate) fn counted(&self) -> Option<Counted> {
        if !self.ledger.counts() {
            return None;
        }
        let now = self.now();
        let counts = self.ledger.read(|book| report::counts(book, None, now)).unwrap_or_default();
        let last = self.reconciler.last();
        let stale = last.listings.iter().filter_map(|listing| {
            Some(format!("{} of {}: {}", listing.service, listing.account, listing.stale.as_ref()?))
        });
        let stale = stale.collect();
        Some(Counted { ledger: self.standing(), counts, reconciled: last.at, stale })
    }

    /// Every count of one team, and the machines and creates that make them up, the oldest first.
    pub(crate) fn of_team(&self, team: &str) -> (Vec<Count>, Vec<Unit>) {
        let now = self.now();
        let found = self.ledger.read(|book| {
            let counts = report::counts(book, Some(team), now);
            let machines = counts.iter().filter(|count| count.resource == Resource::Instances);
            let mut units: Vec<Unit> =
                machines.flat_map(|count| report::units(book, &count.scope, count.resource)).collect();
            // One machine may count in several scopes.
            units.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
            units.dedup_by(|one, other| one.kind == other.kind && one.id == other.id);
            (counts, units)
        });
        found.unwrap_or_default()
    }

    /// One count, and everything that makes it up.
    pub(crate) fn explained(&self, scope: &str, resource: Resource) -> (Option<Count>, Vec<Unit>) {
        let now = self.now();
        let explained = self.ledger.read(|book| {
            let mut counts = report::counts(book, None, now).into_iter();
            let count = counts.find(|count| count.scope == scope && count.resource == resource);
            (count, report::units(book, scope, resource))
        });
        explained.unwrap_or_default()
    }

    /// Where a machine counts as one.
    pub(crate) fn instance(&self, id: &str) -> Vec<(String, Unit)> {
        let now = self.now();
        let found = self.ledger.read(|book| {
            let counts = report::counts(book, None, now).into_iter();
            let counts = counts.filter(|count| count.resource == Resource::Instances);
            counts
                .flat_map(|count| {
                    let units = report::units(book, &count.scope, count.resource).into_iter();
                    units.filter(|unit| unit.id == id).map(move |unit| (count.scope.clone(), unit))
                })
                .collect()
        });
        found.unwrap_or_default()
    }

    /// Lists the cloud now.
    pub(crate) async fn reconcile(&self) -> Result<(), String> {
        self.reconciler.run().await.map(drop).map_err(|error| error.to_string())
    }

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
        let now = self.now();
        let counts = self.ledger.read(|book| report::counts(book, team, now));
        let ledger = self.standing();
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
        let (count, units) = self.explained(scope, resource);
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
