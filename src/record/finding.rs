//! The form of a finding in a record, for its schema. What is written, the stage that judges puts together (`gateway/decide.rs`).

use schemars::JsonSchema;
use serde::Serialize;

/// What a rule found.
#[derive(Serialize, JsonSchema)]
pub(super) struct FindingRecord {
    /// The rule.
    rule: String,
    /// The rule's mode for the team: `enforce`, `warn` or `shadow`.
    mode: String,
    /// What became of it: `refused`, `warned`, `shadowed` or `exempted`.
    effect: String,
    /// What is wrong, for people.
    message: String,
    /// Where in the request.
    field: String,
    /// What to do about it.
    remedy: String,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<serde_json::Value>,
    /// What is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<serde_json::Value>,
    /// Where people read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// The exemption that let it pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    leave: Option<LeaveRecord>,
}

/// An exemption.
#[derive(Serialize, JsonSchema)]
struct LeaveRecord {
    /// Where it was decided.
    ticket: String,
    /// Why.
    reason: String,
    /// Who answers for it.
    owner: String,
    /// The first instant at which it no longer holds.
    until: String,
}
