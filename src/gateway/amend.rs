//! The policy's patches, applied to the document: defaults for what is missing, forced values for what is not free.

use std::sync::Arc;

use http::HeaderMap;

use super::authenticate::Principal;
use super::limit::Place;
use super::parse::Proposed;
use super::stage::Stage;
use super::trail::Trail;
use super::{Parts, correlate};
use crate::api::view::{self, Create};
use crate::api::{Call, Kind, fields, secrets, targets};
use crate::json::Object;
use crate::metrics::Phase;
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::input::{ActionInput, ClientInput, Input, PrincipalInput, TargetInput};
use crate::policy::patch::{self, Change};
use crate::policy::{PolicySet, Sitting};
use crate::quota::book::Book;
use crate::quota::event::MachineId;
use crate::quota::{Ledger, Marks};
use crate::refusal::Refusal;

/// A create or change as it would be sent.
pub(super) struct Amended {
    pub(super) call: Call,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) document: Object,
    pub(super) create: Option<Create>,
    /// What the rules see of it.
    pub(super) input: Input,
    /// One policy set and one time budget for all that is asked about it.
    pub(super) sitting: Sitting,
    pub(super) changes: Vec<Change>,
    pub(super) marks: Marks,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Amend(Parts);

impl Amend {
    pub(super) fn new(parts: &Parts) -> Self {
        Self(parts.clone())
    }
}

impl Stage for Amend {
    type In = Proposed;
    type Out = Amended;

    async fn apply(&self, proposed: Proposed) -> Result<Amended, Refusal> {
        let Proposed { call, principal, headers, mut document, mut create, marks, place, trail } = proposed;
        let mut sitting = self.0.judge.open();
        let policy = Arc::clone(sitting.set());
        trail.note(|facts| facts.policy_revision = Some(policy.revision().to_owned()));
        let mut input = input(&call, &principal, &document, create.clone(), &policy, &self.0.ledger, &trail);
        let mut changes = Vec::new();
        if call.action.kind == Kind::Create {
            let patches = trail
                .timed(Phase::Amend, sitting.amend(&input))
                .await
                .map_err(|failure| failed(&failure, &trail, &principal, &call))?;
            let amended = patch::apply(policy.organisation(), &principal.team, patches, &document)
                .map_err(|failure| failed(&failure, &trail, &principal, &call))?;
            trail.note(|facts| {
                facts.changes = as_json(&amended.changes);
                facts.shadow_changes = as_json(&amended.shadowed);
            });
            document = amended.document;
            changes = amended.changes;
            if self.0.settings.correlation_tag.contains(&principal.team)
                && let Some(create) = &create
            {
                changes.extend(correlate::tag(&mut document, create, trail.id()));
                trail.note(|facts| facts.changes = as_json(&changes));
            }
            // What the rules wrote is held to the same fields as what the caller wrote.
            create = Some(self.view(&call, &document).map_err(|detail| {
                trail.detail(detail);
                refuse(Reason::BadPatch, None, &trail, &principal, &call)
            })?);
            input.request = secrets::without_secrets(&document);
            input.create.clone_from(&create);
        }
        Ok(Amended {
            call,
            principal,
            headers,
            document,
            create,
            input,
            sitting,
            changes,
            marks,
            place,
            trail,
        })
    }
}

impl Amend {
    fn view(&self, call: &Call, document: &Object) -> Result<Create, String> {
        let mistakes = fields::check(call, document, &self.0.settings.admitted_fields);
        if mistakes.is_empty() { view::normalise(call, document) } else { Err(mistakes) }
            .map_err(|mistakes| Refusal::Fields(mistakes).to_string())
    }
}

/// The team that an instance counts for, where the ledger knows it.
fn owner(book: &Book, account: &str, service: &str, id: &str) -> Option<String> {
    let machine = MachineId { account: account.to_owned(), service: service.to_owned(), id: id.to_owned() };
    book.machine(&machine).map(|machine| machine.team.clone())
}

fn input(
    call: &Call,
    principal: &Principal,
    document: &Object,
    create: Option<Create>,
    policy: &PolicySet,
    ledger: &Ledger,
    trail: &Trail,
) -> Input {
    let (mut sdk, mut user_agent) = (None, None);
    trail.note(|facts| {
        sdk.clone_from(&facts.sdk);
        user_agent.clone_from(&facts.user_agent);
    });
    let owned = |id: String| {
        let team =
            ledger.read(|book| owner(book, &principal.account.name, call.action.service, &id)).flatten();
        TargetInput { id, team }
    };
    let change = call.action.kind == Kind::Change;
    Input {
        action: ActionInput {
            service: call.action.service.to_owned(),
            name: call.action.name.to_owned(),
            version: call.version.to_owned(),
            kind: call.action.kind,
        },
        principal: PrincipalInput {
            key: principal.key.clone(),
            team: principal.team.clone(),
            labels: principal.labels.clone(),
            account: principal.account.name.clone(),
        },
        request: secrets::without_secrets(document),
        create,
        targets: change.then(|| targets::named_in(document).into_iter().map(owned).collect()),
        settings: Arc::clone(policy.organisation().settings(&principal.team)),
        client: ClientInput { address: trail.peer().ip().to_canonical().to_string(), sdk, user_agent },
        now: trail.arrived().to_string(),
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

fn as_json(changes: &[Change]) -> Vec<serde_json::Value> {
    changes.iter().filter_map(|change| serde_json::to_value(change).ok()).collect()
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
