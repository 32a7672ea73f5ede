//! The policy's patches, applied to the document: defaults for what is missing, forced values for what is not free.

use std::sync::Arc;

use http::HeaderMap;

use super::authenticate::Principal;
use super::parse::Proposed;
use super::room::Place;
use super::stage::Stage;
use super::trail::Trail;
use super::{Parts, correlate};
use crate::api::{Call, Kind, targets};
use crate::metrics::Phase;
use crate::policy::Sitting;
use crate::policy::case::{Asked, Case, Circumstances};
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::input::{ClientInput, PrincipalInput, TargetInput};
use crate::quota::book::Book;
use crate::quota::event::MachineId;
use crate::quota::{Ledger, Marks};
use crate::record::Written;
use crate::refusal::Refusal;

/// A create or change as it would be sent.
pub(super) struct Amended {
    /// The call, its document and what the rules see of it. Apart, as it is large: what goes from stage to stage is copied.
    pub(super) case: Box<Case>,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    /// One policy set and one time budget for all that is asked about it.
    pub(super) sitting: Sitting,
    pub(super) marks: Marks,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Amend(Arc<Parts>);

impl Amend {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl Stage for Amend {
    type In = Proposed;
    type Out = Amended;

    async fn apply(&self, proposed: Proposed) -> Result<Amended, Refusal> {
        let Proposed { asked, principal, headers, marks, place, trail } = proposed;
        let mut sitting = self.0.judge.open();
        let policy = Arc::clone(sitting.set());
        trail.note(|facts| facts.policy_revision = Some(policy.revision().to_owned()));
        let circumstances = circumstances(&asked, &principal, &self.0.ledger, &trail);
        let mut case = Box::new(Case::open(asked, circumstances, &policy));
        trail.note(|facts| {
            facts.labels.clone_from(&case.input.principal.labels);
            facts.targets.clone_from(&case.input.targets);
        });
        if case.is_amended() {
            let patches = trail
                .timed(Phase::Amend, sitting.amend(&case.input))
                .await
                .map_err(|failure| failed(&failure, &trail, &principal, &case.call))?;
            let patched = case.patch(&policy, patches, &self.0.settings.load().admitted_fields);
            self.correlate(&mut case, patched, &principal, &trail)
                .map_err(|failure| failed(&failure, &trail, &principal, &case.call))?;
        }
        Ok(Amended { case, principal, headers, sitting, marks, place, trail })
    }
}

impl Amend {
    /// Adds the tag that names the decision, for teams that want it, and notes everything that was changed.
    fn correlate(
        &self,
        case: &mut Case,
        patched: Result<(), PolicyFailure>,
        principal: &Principal,
        trail: &Trail,
    ) -> Result<(), PolicyFailure> {
        let wanted = patched.is_ok() && self.0.settings.load().correlation_tag.contains(&principal.team);
        let tag = case.input.create.as_ref().filter(|_| wanted).and_then(|create| {
            let mut document = case.document.clone();
            Some((correlate::tag(&mut document, create, trail.id())?, document))
        });
        let tagged = match tag {
            Some((change, document)) => {
                case.changes.push(change);
                case.rewrite(document, &self.0.settings.load().admitted_fields)
            }
            None => Ok(()),
        };
        trail.note(|facts| {
            facts.changes = Written::of(&case.changes);
            facts.shadow_changes = Written::of(&case.shadowed);
        });
        patched.and(tagged)
    }
}

/// The team that an instance counts for, where the ledger knows it.
fn owner(book: &Book, account: &str, service: &str, id: &str) -> Option<String> {
    let machine = MachineId { account: account.to_owned(), service: service.to_owned(), id: id.to_owned() };
    book.machine(&machine).map(|machine| machine.team.clone())
}

fn circumstances(asked: &Asked, principal: &Principal, ledger: &Ledger, trail: &Trail) -> Circumstances {
    let (mut sdk, mut user_agent) = (None, None);
    trail.note(|facts| {
        sdk.clone_from(&facts.sdk);
        user_agent.clone_from(&facts.user_agent);
    });
    let service = asked.call.action.service;
    let owned = |id: String| {
        let team = ledger.read(|book| owner(book, &principal.account.name, service, &id)).flatten();
        TargetInput { id, team }
    };
    let change = asked.call.action.kind == Kind::Change;
    Circumstances {
        principal: PrincipalInput {
            key: principal.key.clone(),
            team: principal.team.clone(),
            labels: principal.labels.clone(),
            account: principal.account.name.clone(),
        },
        targets: change.then(|| targets::named_in(&asked.document).into_iter().map(owned).collect()),
        client: ClientInput {
            address: trail.peer().address.ip().to_canonical().to_string(),
            sdk,
            user_agent,
            certificate: trail.peer().certificate.clone(),
        },
        now: trail.arrived(),
    }
}

/// A policy that cannot be asked refuses; only an engine that is full sheds.
pub(super) fn failed(failure: &PolicyFailure, trail: &Trail, principal: &Principal, call: &Call) -> Refusal {
    trail.detail(failure);
    if failure.reason == Reason::Busy {
        return Refusal::Busy;
    }
    refuse(failure.reason, failure.rule.clone(), trail, principal, call)
}

fn refuse(
    reason: Reason,
    rule: Option<String>,
    trail: &Trail,
    principal: &Principal,
    call: &Call,
) -> Refusal {
    trail.note(|facts| facts.verdict = Some("failed"));
    trail.metrics().verdict(&principal.team, call.action.kind, "failed");
    Refusal::PolicyFailed { reason: reason.as_str(), rule }
}
