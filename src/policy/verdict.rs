//! The one function that says what an answer means: modes and exemptions applied, for gateway, command line and
//! replay alike. Rules report what they find whatever their mode.

use std::collections::BTreeMap;

use compact_str::CompactString;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Claim, DecideAnswer, Resource, Softened, Violation};
use super::failure::{PolicyFailure, Reason};
use super::organisation::end_of;
use super::organisation::{Mode, Organisation};

/// What became of something a rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The request is refused for it.
    Refused,
    /// The caller is warned.
    Warned,
    /// It is recorded only.
    Shadowed,
    /// It is recorded only, because the team holds an exemption.
    Exempted,
}

/// The exemption that let something pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Leave {
    /// Where it was decided.
    pub ticket: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The first instant at which it no longer holds.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// Something a rule found, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    #[serde(flatten)]
    pub violation: Violation,
    /// What became of it.
    pub effect: Effect,
    /// The exemption, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave: Option<Leave>,
}

/// A claim with its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgedClaim {
    /// Whose.
    pub scope: CompactString,
    /// Of what.
    pub resource: Resource,
    /// How much.
    pub amount: u64,
    /// Its limits.
    pub limits: Vec<JudgedLimit>,
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgedLimit {
    /// The rule.
    pub rule: CompactString,
    /// Its name.
    pub name: Option<CompactString>,
    /// The limit.
    pub limit: u64,
    /// What becomes of a request over it.
    pub effect: Effect,
    /// Until when it is a temporary one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary_until: Option<Timestamp>,
    /// What holds after that; none without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<u64>,
}

/// What an answer means for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Why it is refused; empty when it passes.
    pub refused: Vec<Finding>,
    /// What the caller is warned of.
    pub warned: Vec<Finding>,
    /// What would have been refused or warned of.
    pub shadowed: Vec<Finding>,
    /// What an exemption let pass.
    pub exempted: Vec<Finding>,
    /// What is to be booked.
    pub claims: Vec<JudgedClaim>,
}

impl Verdict {
    /// Whether no rule refuses the request; quota has yet to be asked.
    pub fn passes(&self) -> bool {
        self.refused.is_empty()
    }
}

/// Applies modes and exemptions to what the rules found for a request of `team` at `now`.
///
/// # Errors
/// Claims that contradict one another, or limits whose end cannot be read.
pub fn judge(
    organisation: &Organisation,
    team: &str,
    now: Timestamp,
    answer: DecideAnswer,
) -> Result<Verdict, PolicyFailure> {
    let mut verdict = Verdict::default();
    let denied = answer.deny.into_iter().map(|violation| (violation, Effect::Refused));
    let frowned = answer.warn.into_iter().map(|violation| (violation, Effect::Warned));
    for (mut violation, full) in denied.chain(frowned) {
        if violation.link.is_none() {
            violation.link = organisation.link(&violation.rule).map(str::to_owned);
        }
        let (effect, leave) = effect(organisation, &violation.rule, team, now, full);
        let finding = Finding { violation, effect, leave };
        match effect {
            Effect::Refused => verdict.refused.push(finding),
            Effect::Warned => verdict.warned.push(finding),
            Effect::Shadowed => verdict.shadowed.push(finding),
            Effect::Exempted => verdict.exempted.push(finding),
        }
    }
    verdict.claims = claims(organisation, team, now, answer.quota)?;
    for list in [&mut verdict.refused, &mut verdict.warned, &mut verdict.shadowed, &mut verdict.exempted] {
        list.sort_by(|one, other| one.violation.cmp(&other.violation));
    }
    Ok(verdict)
}

/// The claims by scope and resource, each with the limits that hold now.
fn claims(
    organisation: &Organisation,
    team: &str,
    now: Timestamp,
    claims: Vec<Claim>,
) -> Result<Vec<JudgedClaim>, PolicyFailure> {
    let mut judged: BTreeMap<(CompactString, Resource), (JudgedClaim, CompactString)> = BTreeMap::new();
    for claim in claims {
        let limit = limit(organisation, team, now, &claim)?;
        let slot = judged.entry((claim.scope.clone(), claim.resource)).or_insert_with(|| {
            let (scope, resource, amount) = (claim.scope.clone(), claim.resource, claim.amount);
            (JudgedClaim { scope, resource, amount, limits: Vec::new() }, claim.rule.clone())
        });
        if slot.0.amount != claim.amount {
            let detail = format!(
                "`{}` and `{}` count {} of {} in {} differently: {} and {}",
                slot.1,
                claim.rule,
                claim.resource.as_str(),
                "one request",
                claim.scope,
                slot.0.amount,
                claim.amount
            );
            return Err(PolicyFailure::new(Reason::Conflict, detail).in_rule(claim.rule.as_str()));
        }
        slot.0.limits.extend(limit);
        slot.0.limits.sort_by(|one, other| {
            (&one.rule, &one.name, one.limit).cmp(&(&other.rule, &other.name, other.limit))
        });
    }
    Ok(judged.into_values().map(|(claim, _)| claim).collect())
}

/// The limit of a claim at `now`.
fn limit(
    organisation: &Organisation,
    team: &str,
    now: Timestamp,
    claim: &Claim,
) -> Result<Option<JudgedLimit>, PolicyFailure> {
    let mut temporary_until = None;
    let mut most = claim.limit;
    if let Some(temporary) = &claim.temporary {
        let until = end_of(&temporary.until).ok_or_else(|| {
            let detail =
                format!("`until`: `{}` is neither a date (2026-12-31) nor an RFC 3339 time", temporary.until);
            PolicyFailure::new(Reason::BadAnswer, detail).in_rule(claim.rule.as_str())
        })?;
        if now < until {
            (most, temporary_until) = (Some(temporary.limit), Some(until));
        }
    }
    let (own, _) = effect(organisation, &claim.rule, team, now, Effect::Refused);
    let effect = match (own, claim.mode) {
        (Effect::Refused | Effect::Warned, Some(Softened::Shadow)) => Effect::Shadowed,
        (Effect::Refused, Some(Softened::Warn)) => Effect::Warned,
        (own, _) => own,
    };
    Ok(most.map(|limit| JudgedLimit {
        rule: claim.rule.clone(),
        name: claim.name.clone(),
        limit,
        effect,
        temporary_until,
        otherwise: temporary_until.and(claim.limit),
    }))
}

/// What becomes of a finding whose effect without mode and exemption would be `full`.
fn effect(
    organisation: &Organisation,
    rule: &str,
    team: &str,
    now: Timestamp,
    full: Effect,
) -> (Effect, Option<Leave>) {
    match organisation.mode(rule, team) {
        Mode::Shadow => (Effect::Shadowed, None),
        Mode::Warn => (Effect::Warned, None),
        Mode::Enforce => match organisation.exemption(rule, team, now) {
            Some(held) => {
                let leave = Leave {
                    ticket: held.ticket.clone(),
                    reason: held.reason.clone(),
                    owner: held.owner.clone(),
                    until: held.until,
                };
                (Effect::Exempted, Some(leave))
            }
            None => (full, None),
        },
    }
}

#[cfg(test)]
mod tests;
