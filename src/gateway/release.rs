//! Machines that a passing change gives back: their quota is free as soon as the cloud has accepted it, where the operator has
//! chosen so. The next listing confirms it, or counts again what is still there long after.

use super::Parts;
use super::decide::Allowed;
use super::trail::Trail;
use crate::api::targets;
use crate::quota::event::{Event, MachineId};

/// What a request gives back if the cloud accepts it.
pub(super) struct Releasing(Vec<MachineId>);

impl Releasing {
    /// Nothing, for most.
    pub(super) fn of(allowed: &Allowed) -> Self {
        let action = allowed.call.action;
        if !targets::releases(action) {
            return Self(Vec::new());
        }
        let machine = |id| MachineId {
            account: allowed.principal.account.name.clone(),
            service: action.service.to_owned(),
            id,
        };
        Self(targets::named_in(allowed.judged.document()).into_iter().map(machine).collect())
    }

    /// The cloud has answered.
    pub(super) async fn done(self, parts: &Parts, trail: &Trail, status: Option<http::StatusCode>) {
        let accepted = status == Some(http::StatusCode::OK);
        if self.0.is_empty()
            || !accepted
            || !parts.settings.load().release_on_accept
            || !parts.ledger.counts()
        {
            return;
        }
        let (machines, why) = (self.0, format!("given back by decision {}", trail.id()));
        let released = parts.ledger.change(move |book, at| {
            let counted = machines.into_iter().filter(|machine| book.machine(machine).is_some());
            ((), counted.map(|machine| Event::Released { machine, at, why: why.clone() }).collect())
        });
        if let Err(error) = released.await {
            // They stay counted until the next listing shows that they are gone.
            tracing::warn!(request_id = trail.id(), %error, "released machines stay counted until they are reconciled");
        }
    }
}
