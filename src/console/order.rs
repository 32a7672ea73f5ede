//! What an operator can order from a page, as it is written into the audit log, and what is said when it was done.

use http::StatusCode;
use serde_json::{Value, json};

use super::form::Fields;
use super::keys::order::KeyOrder;
use super::{Page, Reply, Visit, show};
use crate::admin::Admin;
use crate::server::policies::Order as PolicyOrder;

/// An order.
#[derive(Clone)]
pub(crate) enum Order {
    Reload,
    Rollback,
    /// Of the candidate of this revision.
    Promote(String),
    Unstage(String),
    Reconcile,
    Key(KeyOrder),
}

impl Order {
    /// The order that a form at this path gives.
    pub(crate) fn read(path: &str, form: &Fields) -> Option<Self> {
        let revision = || form.word("revision").unwrap_or_default();
        Some(match path {
            "/console/policy/reload" => Self::Reload,
            "/console/policy/rollback" => Self::Rollback,
            "/console/policy/promote" => Self::Promote(revision()),
            "/console/policy/unstage" => Self::Unstage(revision()),
            "/console/quota/reconcile" => Self::Reconcile,
            _ => return KeyOrder::read(path.strip_prefix("/console/keys/")?, form).map(Self::Key),
        })
    }

    /// For the audit log.
    pub(crate) fn describe(&self) -> Value {
        match self {
            Self::Reload => json!({ "order": "policy reload" }),
            Self::Rollback => json!({ "order": "policy rollback" }),
            Self::Promote(revision) => json!({ "order": "policy promote", "revision": revision }),
            Self::Unstage(revision) => json!({ "order": "policy unstage", "revision": revision }),
            Self::Reconcile => json!({ "order": "quota reconcile" }),
            Self::Key(order) => order.describe(),
        }
    }
}

/// What is said on the page after an order; only what the program itself has written comes back from the address.
pub(super) fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "reload" => "The source was read; what is below is in force.",
        "rollback" => "The set before is in force again.",
        "promote" => "The candidate is in force.",
        "unstage" => "The candidate was taken back.",
        _ => return None,
    })
}

impl Admin {
    /// Carries an order out; also says what it did, for the audit log.
    pub(crate) async fn obey(&self, visit: &Visit, order: Order) -> (Reply, Value) {
        let mut about = order.describe();
        tracing::warn!(who = visit.who, order = %about, "an order from the console");
        let (reply, did) = match &order {
            Order::Key(order) => {
                let (reply, did) = self.obey_about_key(visit, order).await;
                (reply, did.map(|did| ("key", did)))
            }
            Order::Reconcile => {
                let reply = match self.quota.reconcile().await {
                    Ok(()) => Reply::Redirect("/console/quota".to_owned()),
                    Err(why) => Page::trouble(StatusCode::CONFLICT, "Not compared", &why),
                };
                (reply, None)
            }
            Order::Reload => self.obey_about_policy(PolicyOrder::Reload, "reload").await,
            Order::Rollback => self.obey_about_policy(PolicyOrder::Rollback, "rollback").await,
            Order::Promote(revision) | Order::Unstage(revision)
                if show::at(&self.policy.told(), "/candidate/revision") != revision =>
            {
                let why = "Another candidate is staged than the one on your page, or none any more. Look at the policy page again.";
                (Page::trouble(StatusCode::CONFLICT, "The candidate has changed", why), None)
            }
            Order::Promote(_) => self.obey_about_policy(PolicyOrder::Promote, "promote").await,
            Order::Unstage(_) => self.obey_about_policy(PolicyOrder::Unstage, "unstage").await,
        };
        if let (Some((name, did)), Some(about)) = (did, about.as_object_mut()) {
            about.insert(name.to_owned(), did);
        }
        (reply, about)
    }

    async fn obey_about_policy(
        &self,
        order: PolicyOrder,
        done: &str,
    ) -> (Reply, Option<(&'static str, Value)>) {
        let revision = || show::at(&self.policy.told(), "/revision").to_owned();
        let before = revision();
        match self.policy.carry_out(order).await {
            Ok(_) => {
                let did = json!({ "before": before, "after": revision() });
                (Reply::Redirect(format!("/console/policy?done={done}")), Some(("policy", did)))
            }
            Err((status, why)) => (Page::trouble(status, "Not done", &why), None),
        }
    }
}
