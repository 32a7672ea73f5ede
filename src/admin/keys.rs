//! `/keys` on the admin listener: the gateway's own keys. All orders are POST with JSON, and are about keys of the store.
//!
//! - `GET /keys[?team=T]`, `GET /keys/ID`: how they stand, never a secret.
//! - `POST /keys`: a new key, `{"team", "owner", "purpose", "account", "actions", "sources", "certificates", "labels", "strict",
//!   "expires", "credentials": "pair" | "token" | "both", "id"}`; all but the team may be left out.
//! - `POST /keys/ID/rotate`: another secret, `{"grace": "24h", "expires": "90d"}`; the old one goes on for the grace.
//! - `POST /keys/ID/revoke`, `/disable`, `/enable`: `{}`.
//! - `POST /keys/reseal`: seals the store with its newest seal key.
//!
//! A secret is in the answer to the order that made it, and in no other. 409 where the key does not allow the order, 503 where
//! the store cannot be used: nothing has changed then, or it will be seen in `GET /keys`.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{about, document, trouble, well};
use crate::clock::Clock;
use crate::gateway::Parts;
use crate::keys::store::{NewKey, Order, OrderError};
use crate::keys::{Done, Keys, Shown};
use crate::secret::Secret;

/// The longest body, in bytes.
const LONGEST: usize = 64 * 1024;

/// See the module.
#[derive(Clone)]
pub struct KeysAdmin {
    keys: Arc<Keys>,
    clock: Clock,
    /// What is to be done when other keys are in use.
    changed: Arc<dyn Fn() + Send + Sync>,
}

/// Whether keys that are made by order can be kept.
pub(crate) enum Store {
    /// None is configured.
    Missing,
    /// It can be used.
    Up,
    /// It cannot, for this reason.
    Away(String),
}

/// The answer to an order: the key, and for the one time what was made for it.
#[derive(Serialize)]
struct Answered {
    key: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    grace: Option<String>,
    expires: Option<String>,
}

impl KeysAdmin {
    /// Shows these keys, and carries out orders about them.
    pub fn new(parts: &Parts, changed: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { keys: Arc::clone(&parts.keys), clock: parts.clock.clone(), changed }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        match (&method, parts.as_slice()) {
            (&Method::GET, []) => self.list(request.uri().query()),
            (&Method::GET, [id]) => self.show(id),
            (&Method::POST, []) => match document::<NewKey>(request, LONGEST).await {
                Ok(new) => self.order(Order::Create(Box::new(new))).await,
                Err(answer) => answer,
            },
            (&Method::POST, ["reseal"]) => match document::<Map<String, Value>>(request, LONGEST).await {
                Ok(_) => self.reseal().await,
                Err(answer) => answer,
            },
            (&Method::POST, [id, "rotate"]) => match document::<Rotation>(request, LONGEST).await {
                Ok(Rotation { grace, expires }) => {
                    self.order(Order::Rotate { id: (*id).to_owned(), grace, expires }).await
                }
                Err(answer) => answer,
            },
            (&Method::POST, [id, verb @ ("revoke" | "disable" | "enable")]) => {
                if let Err(answer) = document::<Map<String, Value>>(request, LONGEST).await {
                    return answer;
                }
                let id = (*id).to_owned();
                self.order(match *verb {
                    "revoke" => Order::Revoke(id),
                    "disable" => Order::Disable(id),
                    _ => Order::Enable(id),
                })
                .await
            }
            _ => trouble(
                StatusCode::NOT_FOUND,
                "GET /keys, /keys/ID; POST /keys, /keys/ID/rotate, /keys/ID/revoke, /keys/ID/disable, /keys/ID/enable, /keys/reseal",
            ),
        }
    }

    fn list(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let team = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("team=")));
        let mut keys = self.all();
        keys.retain(|key| team.is_none_or(|team| key.team == team));
        let store = match self.store() {
            Store::Missing => "not kept".to_owned(),
            Store::Up => "up".to_owned(),
            Store::Away(why) => format!("away: {why}"),
        };
        well(&json!({ "store": store, "keys": keys }))
    }

    fn show(&self, id: &str) -> Response<Full<Bytes>> {
        match self.one(id) {
            Some(key) => well(&json!({ "key": key })),
            None => refused(&OrderError::Unknown(id.to_owned())),
        }
    }

    /// Every key as it stands now, for a page.
    pub(crate) fn all(&self) -> Vec<Shown> {
        self.keys.list(self.clock.timestamp())
    }

    /// One of them.
    pub(crate) fn one(&self, id: &str) -> Option<Shown> {
        self.keys.show(id, self.clock.timestamp())
    }

    /// Whether orders about keys can be carried out.
    pub(crate) fn store(&self) -> Store {
        match (self.keys.has_store(), self.keys.store_away()) {
            (false, _) => Store::Missing,
            (true, None) => Store::Up,
            (true, Some(why)) => Store::Away(why),
        }
    }

    /// Carries an order out and puts it in use, whoever gave it.
    ///
    /// # Errors
    /// The status that tells what kind of trouble it is, and why; nothing has changed then, or [`KeysAdmin::one`] shows it.
    pub(crate) async fn carry_out(&self, order: Order) -> Result<Done, (StatusCode, String)> {
        let (keys, now) = (Arc::clone(&self.keys), self.clock.timestamp());
        let (what, told) = (order.word(), order.clone());
        let done = tokio::task::spawn_blocking(move || keys.order(&order, now)).await;
        (self.changed)();
        match done {
            Ok(Ok(done)) => {
                tracing::warn!(
                    key = done.key.id,
                    team = done.key.team,
                    what,
                    "an operator's order about a key"
                );
                Ok(done)
            }
            Ok(Err(error)) => {
                tracing::warn!(key = told.id(), what, %error, "an operator's order about a key was not carried out");
                Err((status(&error), error.to_string()))
            }
            Err(_) => {
                let why = "the order failed; look at `GET /keys`".to_owned();
                Err((StatusCode::INTERNAL_SERVER_ERROR, why))
            }
        }
    }

    async fn order(&self, order: Order) -> Response<Full<Bytes>> {
        let what = order.word();
        match self.carry_out(order).await {
            Ok(Done { key, secret, token }) => {
                let what = json!({ "key": carried_out(what, &key) });
                let shown = |secret: Option<Secret>| secret.map(|secret| secret.expose().to_owned());
                about(well(&Answered { key, secret: shown(secret), token: shown(token) }), what)
            }
            Err((status, why)) => trouble(status, &why),
        }
    }

    /// Seals the store with its newest seal key: how many keys were sealed by an older one.
    ///
    /// # Errors
    /// As [`KeysAdmin::carry_out`]; given again, it goes on where it ended.
    pub(crate) async fn seal_anew(&self) -> Result<usize, (StatusCode, String)> {
        let keys = Arc::clone(&self.keys);
        match tokio::task::spawn_blocking(move || keys.reseal()).await {
            Ok(Ok(count)) => {
                tracing::warn!(count, "the key store was sealed anew");
                Ok(count)
            }
            Ok(Err(error)) => Err((status(&error), error.to_string())),
            Err(_) => Err((StatusCode::INTERNAL_SERVER_ERROR, "the order failed; give it again".to_owned())),
        }
    }

    async fn reseal(&self) -> Response<Full<Bytes>> {
        match self.seal_anew().await {
            Ok(count) => well(&json!({ "resealed": count })),
            Err((status, why)) => trouble(status, &why),
        }
    }
}

/// What an order has made of a key, for its line in the audit log.
pub(crate) fn carried_out(what: &str, key: &Shown) -> Value {
    json!({ "order": what, "id": key.id, "team": key.team, "state": key.state })
}

fn refused(error: &OrderError) -> Response<Full<Bytes>> {
    trouble(status(error), &error.to_string())
}

fn status(error: &OrderError) -> StatusCode {
    match error {
        OrderError::Mistaken(_) => StatusCode::BAD_REQUEST,
        OrderError::Unknown(_) => StatusCode::NOT_FOUND,
        OrderError::Conflict(_) => StatusCode::CONFLICT,
        OrderError::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
