//! Who made an instance, under which decision, what was changed of what they asked, who had allowed what the rules forbid, and what
//! was done to it since: one answer, from decision records alone.
//!
//! The gateway makes it from its history and its ledger (`GET /audit/instance`); the command line makes the same from files of records,
//! a year later and without a gateway. Since when the policies were in force, and by whose order, is in the audit log of the admin
//! listener ([`orders`]).

pub mod orders;
mod words;

use serde::Serialize;
use serde_json::Value;

use crate::history::Touch;
pub use orders::{InForce, Orders};
pub use words::words;

/// Everything that is known about one instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dossier {
    /// Its id.
    pub instance: String,
    /// The decision by which it was made; absent where it is not known.
    pub created: Option<Story>,
    /// Decisions about it since, the oldest first, those that refused included.
    pub later: Vec<Story>,
    /// What the ledger counts of it now; absent where no ledger was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Value>,
    /// What people have to know besides.
    pub notes: Vec<String>,
}

/// One decision, as an auditor asks for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Story {
    /// `created`, `changed`, or `tried`.
    pub how: String,
    /// The decision's id.
    pub decision: Value,
    /// When it was asked.
    pub time: Value,
    /// Who asked: key, its team and owner at that time, address, SDK.
    pub caller: Value,
    /// What was asked.
    pub action: String,
    /// The policies that judged.
    pub policy: Value,
    /// Every change that the gateway made: path, before, after, rule.
    pub changes: Value,
    /// What rules found, with mode and effect.
    pub findings: Value,
    /// The exemptions that let it pass: rule, message, owner, ticket, reason, until.
    pub exemptions: Vec<Value>,
    /// What was booked.
    pub claims: Value,
    /// What the cloud answered.
    pub cloud: Value,
    /// How it ended.
    pub outcome: Value,
    /// Why it was refused, where it was.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub refusal: Value,
}

/// Puts decisions together; `ledger` is what counts now, `orders` what the audit log says.
pub fn dossier(instance: &str, touches: Vec<Touch>, ledger: Option<Value>, orders: &Orders) -> Dossier {
    let mut dossier = Dossier { instance: instance.to_owned(), ledger, ..Dossier::default() };
    for touch in touches {
        let story = story(touch, orders);
        match dossier.created {
            None if story.how == "created" => dossier.created = Some(story),
            _ => dossier.later.push(story),
        }
    }
    if dossier.created.is_none() {
        dossier.notes.push(
            "the decision that made it is not here: it was made around the gateway, before what is searched, or by a create of unknown outcome"
                .to_owned(),
        );
    }
    let unknown = dossier.created.iter().chain(&dossier.later).any(|story| {
        story.policy.get("revision").is_some_and(Value::is_string) && story.policy.get("since").is_none()
    });
    if unknown {
        dossier.notes.push(
            "since when a policy was in force is in the audit log (admin.audit_log), which is not here or does not go back so far"
                .to_owned(),
        );
    }
    dossier
}

/// What a record says about an instance; none where it has nothing to do with it.
pub fn touch(record: Value, instance: &str) -> Option<Touch> {
    let how = crate::history::touched(&record).remove(instance)?;
    Some(Touch { how: how.to_owned(), record })
}

fn story(touch: Touch, orders: &Orders) -> Story {
    let Touch { how, record } = touch;
    let at = |place: &str| record.pointer(place).cloned().unwrap_or(Value::Null);
    let text = |place: &str| record.pointer(place).and_then(Value::as_str).unwrap_or("-");
    let revision = at("/policy_revision");
    let mut policy = serde_json::json!({ "revision": revision });
    let asked = text("/timestamp").parse().ok();
    if let (Some(revision), Some(asked)) = (revision.as_str(), asked)
        && let Some(found) = orders.in_force(revision, asked)
        && let Ok(found) = serde_json::to_value(found)
        && let (Some(policy), Some(found)) = (policy.as_object_mut(), found.as_object())
    {
        policy.extend(found.clone());
    }
    let exempted = record.get("findings").and_then(Value::as_array).into_iter().flatten();
    let exemptions = exempted.filter_map(|finding| {
        let mut leave = finding.get("leave")?.as_object()?.clone();
        for name in ["rule", "message"] {
            leave.insert(name.to_owned(), finding.get(name).cloned().unwrap_or_default());
        }
        Some(Value::Object(leave))
    });
    Story {
        how,
        decision: at("/decision_id"),
        time: at("/timestamp"),
        caller: at("/caller"),
        action: format!("{} {} {}", text("/action/service"), text("/action/name"), text("/action/version")),
        policy,
        changes: at("/changes"),
        exemptions: exemptions.collect(),
        findings: at("/findings"),
        claims: at("/claims"),
        cloud: at("/upstream"),
        outcome: at("/outcome"),
        refusal: at("/refusal"),
    }
}
