//! `GET /audit/instance?id=X` on the admin listener: who made an instance and all that was decided about it since; see [`crate::audit`].

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::Value;

use super::{query, trouble, well};
use crate::audit::{Dossier, Orders, dossier};
use crate::history::{History, HistoryAway, Touch};
use crate::quota::{Ledger, report};

/// See the module.
#[derive(Clone)]
pub struct InstanceAdmin {
    history: History,
    ledger: Ledger,
    audit_log: Option<PathBuf>,
}

impl InstanceAdmin {
    /// Answers from these.
    pub fn new(history: History, ledger: Ledger, audit_log: Option<PathBuf>) -> Self {
        Self { history, ledger, audit_log }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET || request.uri().path() != "/audit/instance" {
            return trouble(StatusCode::NOT_FOUND, "GET /audit/instance?id=INSTANCE");
        }
        let id = query::pairs(request.uri()).into_iter().find(|(name, _)| name == "id").map(|(_, id)| id);
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            return trouble(StatusCode::BAD_REQUEST, "name the instance: ?id=INSTANCE");
        };
        match self.dossier(&id).await {
            Ok(found)
                if found.created.is_none() && found.later.is_empty() && is_empty(found.ledger.as_ref()) =>
            {
                trouble(
                    StatusCode::NOT_FOUND,
                    "neither the history nor the ledger knows this instance; older decisions are in the decision records (zengate audit instance ID --records FILE)",
                )
            }
            Ok(found) => well(&found),
            Err(away) => trouble(StatusCode::SERVICE_UNAVAILABLE, &away.to_string()),
        }
    }

    /// Everything that is known about an instance.
    ///
    /// # Errors
    /// The history cannot be asked.
    pub async fn dossier(&self, id: &str) -> Result<Dossier, HistoryAway> {
        let mut touches = self.history.of_instance(id).await?;
        let standing = self.ledger.read(|book| report::standing(book, id));
        // A create whose outcome was unknown did not know its instances; the ledger does since it was settled.
        let known: BTreeSet<String> = touches.iter().filter_map(|touch| decision(&touch.record)).collect();
        for decided in standing.iter().flatten().filter_map(|one| one.decision.clone()) {
            if !known.contains(&decided)
                && let Some(record) = self.history.decision(&decided).await?
            {
                touches.push(Touch { how: "created".to_owned(), record });
            }
        }
        touches.sort_by_cached_key(|touch| decision(&touch.record));
        touches.dedup_by_key(|touch| decision(&touch.record));
        let orders = match self.audit_log.clone() {
            None => Orders::default(),
            Some(log) => {
                let read = tokio::task::spawn_blocking(move || Orders::read(&Orders::beside(&log))).await;
                read.ok().and_then(Result::ok).unwrap_or_default()
            }
        };
        let ledger = standing.and_then(|standing| serde_json::to_value(standing).ok());
        Ok(dossier(id, touches, ledger, &orders))
    }
}

fn decision(record: &Value) -> Option<String> {
    record.get("decision_id")?.as_str().map(str::to_owned)
}

fn is_empty(ledger: Option<&Value>) -> bool {
    ledger.and_then(Value::as_array).is_none_or(Vec::is_empty)
}
