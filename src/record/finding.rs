//! A finding as records have it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::policy::answer::{Plain, Violation};
use crate::policy::verdict::{Effect, Finding, Leave};

// Its members by name: flattening a finding into it takes three times as long.
/// What a rule found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingRecord<'a> {
    /// The rule.
    rule: &'a str,
    /// The rule's mode for the team: `enforce`, `warn` or `shadow`.
    mode: &'static str,
    /// What became of it: `refused`, `warned`, `shadowed` or `exempted`.
    #[schemars(with = "String")]
    effect: Effect,
    /// What is wrong, for people.
    message: &'a str,
    /// Where in the request.
    field: &'a str,
    /// What to do about it.
    remedy: &'a str,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    asked: Option<&'a Plain>,
    /// What is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    allowed: Option<&'a Plain>,
    /// Where people read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    /// The exemption that let it pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    leave: Option<&'a Leave>,
}

impl<'a> FindingRecord<'a> {
    /// A finding of a rule that had this mode for the team.
    pub fn of(finding: &'a Finding, mode: &'static str) -> Self {
        let Finding { violation, effect, leave } = finding;
        let Violation { rule, message, field, remedy, asked, allowed, link } = violation;
        Self {
            rule,
            mode,
            effect: *effect,
            message,
            field,
            remedy,
            asked: asked.as_ref(),
            allowed: allowed.as_ref(),
            link: link.as_deref(),
            leave: leave.as_ref(),
        }
    }
}
