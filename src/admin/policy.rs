//! `/policy` on the admin listener: which policies are in force, and orders about them. All orders are POST with JSON.
//!
//! - `GET /policy`: revision, source, what is refused and why, the candidate and what it would change, exemptions.
//! - `GET /policy/material`: the files and data in force, as `zengate check --gateway` judges by them.
//! - `POST /policy/reload`: look at the source now; 409 with every problem where it is refused.
//! - `POST /policy/stage`: try a candidate in shadow: `{"files", "organisation", "facts"}`, each as in force where absent.
//! - `POST /policy/unstage`, `/policy/promote`, `/policy/rollback`.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{about, document, trouble, well};
use crate::metrics::Metrics;
use crate::policy::Judge;
use crate::server::policies::{Order, Ordered, Proposal};

/// The largest candidate, in bytes.
const LONGEST: usize = 256 << 20;

/// See the module.
#[derive(Clone)]
pub struct PolicyAdmin {
    orders: mpsc::Sender<Ordered>,
    told: Arc<Mutex<Value>>,
    judge: Judge,
}

impl PolicyAdmin {
    /// Passes orders on, and shows what it was told last.
    pub(crate) fn new(orders: mpsc::Sender<Ordered>, told: Arc<Mutex<Value>>, judge: Judge) -> Self {
        Self { orders, told, judge }
    }

    /// The revision in force.
    pub(super) fn revision(&self) -> String {
        self.judge.current().revision().to_owned()
    }

    /// Tells the metrics what the judge has seen.
    pub(super) fn measure(&self, metrics: &Metrics) {
        metrics.policies().judged(self.judge.stats(), self.judge.current().fallbacks().len());
    }

    /// How things stand, as `GET /policy` shows it.
    pub(crate) fn told(&self) -> Value {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that the set in force, or the candidate, is made of.
    pub(crate) async fn material(&self, of_candidate: bool) -> Result<Value, String> {
        let order = if of_candidate { Order::CandidateMaterial } else { Order::Material };
        self.carry_out(order).await.map_err(|(_, why)| why)
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if request.method() == Method::GET && path == "/policy" {
            return well(&*self.told.lock().unwrap_or_else(PoisonError::into_inner));
        }
        if request.method() == Method::GET && path == "/policy/material" {
            return self.order(Order::Material).await;
        }
        if request.method() != Method::POST {
            return trouble(StatusCode::METHOD_NOT_ALLOWED, "GET /policy; POST for orders");
        }
        let order = match path.as_str() {
            "/policy/stage" => match document::<Proposal>(request, LONGEST).await {
                Ok(proposal) => Order::Stage(Box::new(proposal)),
                Err(answer) => return answer,
            },
            "/policy/reload" | "/policy/unstage" | "/policy/promote" | "/policy/rollback" => {
                if let Err(answer) = document::<serde_json::Map<String, Value>>(request, 1024).await {
                    return answer;
                }
                match path.as_str() {
                    "/policy/reload" => Order::Reload,
                    "/policy/unstage" => Order::Unstage,
                    "/policy/promote" => Order::Promote,
                    _ => Order::Rollback,
                }
            }
            _ => {
                let known =
                    "GET /policy, /policy/material; POST /policy/reload, stage, unstage, promote, rollback";
                return trouble(StatusCode::NOT_FOUND, known);
            }
        };
        tracing::warn!(path, "an operator's order about the policies");
        let before = self.judge.current().revision().to_owned();
        let answer = self.order(order).await;
        let after = self.judge.current().revision().to_owned();
        let staged =
            self.told.lock().unwrap_or_else(PoisonError::into_inner).pointer("/candidate/revision").cloned();
        about(answer, json!({ "policy": { "before": before, "after": after, "candidate": staged } }))
    }

    async fn order(&self, order: Order) -> Response<Full<Bytes>> {
        match self.carry_out(order).await {
            Ok(status) => well(&status),
            Err((status, why)) => trouble(status, &why),
        }
    }

    /// Has an order carried out.
    pub(crate) async fn carry_out(&self, order: Order) -> Result<Value, (StatusCode, String)> {
        let stopping = || (StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping".to_owned());
        let (reply, outcome) = oneshot::channel();
        self.orders.send((order, reply)).await.map_err(|_| stopping())?;
        let outcome = outcome.await.map_err(|_| stopping())?;
        outcome.map_err(|why| (StatusCode::CONFLICT, why))
    }
}
