//! A dry run: a create or change that is judged like any other, and then told instead of sent.
//!
//! The caller asks for it with `X-Zengate-Dry-Run: true`. The header must be among the signed ones (or come with a bearer token): a proxy
//! that takes it away then breaks the signature, and nothing is made by mistake. The answer is never a 200, which an SDK or
//! Terraform would take for machines that are there: it is an error of the kind that no client repeats, with everything that would
//! have been sent beside its message. Nothing is booked, nothing is sent, no rate is used up.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::json;

use super::Parts;
use super::answer::Answer;
use super::decide::Allowed;
use super::route::text;
use super::stage::{Answering, Stage, Way};
use crate::api::secrets;
use crate::quota::report;
use crate::refusal::{HeadTrouble, Refusal};

/// Asks for a dry run, and says in an answer that it was one.
pub const DRY_RUN: &str = "x-zengate-dry-run";

/// Whether the caller asks for a dry run; `bound` says that nobody on the way can have changed that. What is meant as one and is none is
/// refused, not carried out.
pub(super) fn asked(headers: &HeaderMap, bound: bool) -> Result<bool, Refusal> {
    if !headers.contains_key(DRY_RUN) {
        return Ok(false);
    }
    match text(headers, DRY_RUN) {
        Some("true") if bound => Ok(true),
        Some("true") => Err(HeadTrouble::Unsigned(DRY_RUN).into()),
        _ => Err(HeadTrouble::Value(DRY_RUN).into()),
    }
}

/// Turns dry runs off the path.
pub(super) struct Turn;

/// An allowed request that is only told.
pub(super) struct Told(Box<Allowed>);

impl Stage for Turn {
    type In = Box<Allowed>;
    type Out = Way<Told, Box<Allowed>>;

    async fn apply(&self, allowed: Box<Allowed>) -> Result<Self::Out, Refusal> {
        Ok(if allowed.trail.is_dry() { Way::Aside(Told(allowed)) } else { Way::On(allowed) })
    }
}

/// Tells what would have been sent.
#[derive(Clone)]
pub(super) struct Tell(Arc<Parts>);

impl Tell {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl tower::Service<Told> for Tell {
    type Response = Answer;
    type Error = Refusal;
    type Future = Answering<Answer>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Refusal>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, told: Told) -> Self::Future {
        let refusal = self.tell(&told.0);
        Box::pin(std::future::ready(Err(refusal)))
    }
}

impl Tell {
    fn tell(&self, allowed: &Allowed) -> Refusal {
        let Allowed { judged, claims, warnings, added, principal, .. } = allowed;
        let now = i64::try_from(self.0.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
        let counted = self.0.ledger.read(|book| {
            let (refused, _) = book.exceeded(claims);
            (refused, report::counts(book, Some(&principal.team), now))
        });
        let (exceeded, counts) = counted.unwrap_or_default(); // nothing where nothing is counted
        if !exceeded.is_empty() {
            return Refusal::Quota(exceeded);
        }
        let touched = |count: &report::Count| {
            claims.iter().any(|claim| claim.scope == count.scope && claim.resource == count.resource)
        };
        let counts: Vec<report::Count> = counts.into_iter().filter(touched).collect();
        Refusal::DryRun(Box::new(json!({
            "verdict": "allowed",
            "request": secrets::without_secrets(judged.document()),
            "added": added,
            "warnings": warnings,
            "claims": claims,
            "counts": counts,
        })))
    }
}
