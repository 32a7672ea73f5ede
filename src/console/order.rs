//! What an operator can order from a page, as it is written into the audit log, and what is said when it was done.

use http::StatusCode;
use serde_json::{Value, json};

use super::form::Fields;
use super::{Page, Reply, Visit, show};
use crate::admin::Admin;
use crate::server::policies::Order as PolicyOrder;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Reload,
    Rollback,
    /// Of the candidate of this revision.
    Promote(String),
    Unstage(String),
    Reconcile,
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
            _ => return None,
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
        let before = show::at(&self.policy.told(), "/revision").to_owned();
        let mut about = order.describe();
        let reply = self.done(visit, &order).await;
        if !matches!(order, Order::Reconcile)
            && matches!(reply, Reply::Redirect(_))
            && let Some(about) = about.as_object_mut()
        {
            let after = show::at(&self.policy.told(), "/revision").to_owned();
            about.insert("policy".to_owned(), json!({ "before": before, "after": after }));
        }
        (reply, about)
    }

    async fn done(&self, visit: &Visit, order: &Order) -> Reply {
        let candidate = |revision: &str| show::at(&self.policy.told(), "/candidate/revision") == revision;
        let (wanted, done) = match order {
            Order::Promote(revision) | Order::Unstage(revision) if !candidate(revision) => {
                let why = "Another candidate is staged than the one on your page, or none any more. Look at the policy page again.";
                return Page::trouble(StatusCode::CONFLICT, "The candidate has changed", why);
            }
            Order::Reload => (PolicyOrder::Reload, "reload"),
            Order::Rollback => (PolicyOrder::Rollback, "rollback"),
            Order::Promote(_) => (PolicyOrder::Promote, "promote"),
            Order::Unstage(_) => (PolicyOrder::Unstage, "unstage"),
            Order::Reconcile => {
                return match self.quota.reconcile().await {
                    Ok(()) => Reply::Redirect("/console/quota".to_owned()),
                    Err(why) => Page::trouble(StatusCode::CONFLICT, "Not compared", &why),
                };
            }
        };
        tracing::warn!(who = visit.who, order = %order.describe(), "an order from the console");
        match self.policy.carry_out(wanted).await {
            Ok(_) => Reply::Redirect(format!("/console/policy?done={done}")),
            Err((status, why)) => Page::trouble(status, "Not done", &why),
        }
    }
}
