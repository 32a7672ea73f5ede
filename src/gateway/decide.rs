//! The rules judge the amended document. What they say counts by their mode and the exemptions in force.

use std::sync::Arc;

use http::HeaderMap;

use super::amend::{Amended, failed};
use super::authenticate::Principal;
use super::judged::Judged;
use super::room::Place;
use super::stage::{Detachable, Ended, Stage};
use super::trail::{Ending, Told, Trail};
use super::{Parts, teach};
use crate::api::view::Create;
use crate::api::{Call, Kind};
use crate::metrics::{InstanceCount, Phase};
use crate::policy::PolicySet;
use crate::policy::answer::{Op, Violation};
use crate::policy::case::Case;
use crate::policy::input::Input;
use crate::policy::patch::Change;
use crate::policy::verdict::{Effect, Finding, JudgedClaim, Verdict};
use crate::quota::Marks;
use crate::quota::fingerprint::MarkKey;
use crate::record::{FindingRecord, Written};
use crate::refusal::{Outcome, Refusal};

/// A create or change that every rule allows: what will be sent, to the byte. It goes from stage to stage, and to a task of its own,
/// in a box.
pub(super) struct Allowed {
    pub(super) call: Call,
    pub(super) principal: Principal,
    pub(super) headers: HeaderMap,
    pub(super) judged: Judged,
    pub(super) create: Option<Create>,
    pub(super) claims: Vec<JudgedClaim>,
    pub(super) warnings: Vec<String>,
    pub(super) added: Vec<String>,
    pub(super) marks: Marks,
    pub(super) place: Place,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Decide(Arc<Parts>);

impl Decide {
    pub(super) fn new(parts: &Arc<Parts>) -> Self {
        Self(Arc::clone(parts))
    }
}

impl Stage for Decide {
    type In = Amended;
    type Out = Box<Allowed>;

    async fn apply(&self, amended: Amended) -> Result<Self::Out, Refusal> {
        let Amended { case, principal, headers, mut sitting, marks, place, trail } = amended;
        let call = case.call;
        let answer = trail
            .timed(Phase::Decide, sitting.decide(&case.input))
            .await
            .map_err(|failure| failed(&failure, &trail, &principal, &call))?;
        let policy = sitting.set();
        let verdict =
            case.verdict(policy, answer).map_err(|failure| failed(&failure, &trail, &principal, &call))?;
        report(&verdict, &case.changes, policy, &principal, &call, &trail);
        if !verdict.refused.is_empty() {
            let violations: Vec<Violation> =
                verdict.refused.into_iter().map(|finding| finding.violation).collect();
            let contact = policy.organisation().contact().map(str::to_owned);
            let settings = self.0.settings.load_full();
            // Boxed: rare, and larger than the rest of the stage.
            let tried = teach::fix(&case, &violations, &mut sitting, &settings.admitted_fields);
            let fix = Box::pin(tried).await;
            return Err(Refusal::Violations { violations, team: principal.team, contact, fix });
        }
        let marks = self.marked(marks, &case, &principal)?;
        let Case { document, input: Input { create, .. }, changes, .. } = *case;
        if let Some(create) = create.as_ref().filter(|_| !trail.is_dry()) {
            let count = u64::from(create.count);
            trail.metrics().instances(InstanceCount::Allowed, &principal.team, create.zone.as_deref(), count);
        }
        let settings = policy.organisation().settings(&principal.team);
        let mut warnings: Vec<String> =
            verdict.warned.iter().map(|finding| warning(&finding.violation)).collect();
        warnings.extend(changes.iter().filter_map(|change| replacement(change, settings)));
        let added = changes.iter().map(described).collect();
        let claims = verdict.claims;
        Ok(Box::new(Allowed {
            call,
            principal,
            headers,
            judged: Judged::new(document),
            create,
            claims,
            warnings,
            added,
            marks,
            place,
            trail,
        }))
    }
}

impl Decide {
    /// Marks an order by what its caller wrote, so that an equal one is known again. Only now: what is refused is not booked.
    fn marked(&self, mut marks: Marks, case: &Case, principal: &Principal) -> Result<Marks, Refusal> {
        if case.call.action.kind == Kind::Create
            && let Some(key) = self.0.ledger.mark_key().map_err(|_| Refusal::LedgerAway)?
        {
            let (account, team) = (&principal.account, principal.team.as_str());
            let mark = |key: &MarkKey| key.fingerprint(&account.name, team, &case.call, case.written());
            (marks.fingerprint, marks.former) = (Some(mark(&key)), Some(mark(&account.marks)));
        }
        Ok(marks)
    }
}

fn report(
    verdict: &Verdict,
    changes: &[Change],
    policy: &PolicySet,
    principal: &Principal,
    call: &Call,
    trail: &Trail,
) {
    let word = if verdict.refused.is_empty() { "allowed" } else { "refused" };
    let team = principal.team.as_str();
    if !trail.is_dry() {
        let metrics = trail.metrics();
        metrics.verdict(team, call.action.kind, word);
        for finding in findings(verdict) {
            let rule = finding.violation.rule.as_str();
            let mode = policy.organisation().mode(rule, team).as_str();
            metrics.finding(rule, mode, team, effect(finding.effect));
        }
        for change in changes {
            metrics.patch(&change.rule, team, op(change.op));
        }
    }
    trail.note(|facts| {
        facts.verdict = Some(word);
        let mode = |finding: &Finding| policy.organisation().mode(&finding.violation.rule, team).as_str();
        let found: Vec<FindingRecord<'_>> =
            findings(verdict).map(|finding| FindingRecord::of(finding, mode(finding))).collect();
        facts.findings = Written::of(&found);
        // What is refused is not booked.
        if verdict.refused.is_empty() {
            facts.claims = Written::of(&verdict.claims);
        }
    });
}

fn findings(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    verdict.refused.iter().chain(&verdict.warned).chain(&verdict.shadowed).chain(&verdict.exempted)
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Refused => "refused",
        Effect::Warned => "warned",
        Effect::Shadowed => "shadowed",
        Effect::Exempted => "exempted",
    }
}

fn op(op: Op) -> &'static str {
    match op {
        Op::Default => "default",
        Op::Force => "force",
    }
}

fn warning(violation: &Violation) -> String {
    format!("{}: {} ({}); {}", violation.rule, violation.message, violation.field, violation.remedy)
}

/// A warning that a rule replaced what the caller wrote, where its setting `on_replace` is `warn`. The rule cannot say it
/// by itself: when it judges, the document holds its own value already.
fn replacement(change: &Change, settings: &serde_json::Value) -> Option<String> {
    let before = change.before.as_ref().filter(|before| before.as_str() != Some(""))?;
    let wanted =
        settings.get(&change.rule).and_then(|rule| rule.get("on_replace")).and_then(|word| word.as_str());
    (wanted == Some("warn")).then(|| {
        let (path, rule) = (&change.path, &change.rule);
        format!("{rule}: {path} was {}, replaced by {}", before.to_text(), change.after.to_text())
    })
}

/// One change as the caller reads it in `X-Zengate-Added`.
fn described(change: &Change) -> String {
    let replaced = match &change.before {
        Some(before) => format!("; instead of {}", before.to_text()),
        None => String::new(),
    };
    format!("{}={}; rule={}{replaced}", change.path, change.after.to_text(), change.rule)
}

impl Detachable for Box<Allowed> {
    fn begin(&self) -> Box<dyn Ended> {
        self.trail.detached();
        Box::new(self.trail.clone())
    }
}

impl Ended for Trail {
    fn broke(&self) -> Refusal {
        self.metrics().panicked();
        Refusal::OutcomeUnknown {
            what: "the gateway failed while working on it",
            decision: self.id().to_owned(),
        }
    }

    fn work_done(&self) {
        Self::work_done(self);
    }

    fn nobody_waits(&self, refusal: Option<&Refusal>) {
        let outcome = match refusal.map(|refusal| refusal.row().outcome) {
            Some(Outcome::Unknown) => Outcome::Unknown,
            _ => Outcome::ClientGone,
        };
        let refusal = refusal.map(Told::of);
        self.close(&Ending { outcome, status: None, response_bytes: None, refusal });
    }
}
