//! What a decision is found by, taken from its record as it was masked: nothing can be looked for that the record does not show.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// A decision and what it is found by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) team: Option<String>,
    pub(super) key: Option<String>,
    pub(super) service: String,
    pub(super) action: String,
    pub(super) verdict: Option<String>,
    pub(super) outcome: String,
    /// The rules that found or changed something, each between spaces.
    pub(super) rules: String,
    /// Instances, and what was done to them.
    pub(super) touched: BTreeMap<String, &'static str>,
    pub(super) body: String,
}

/// What of a record its row is made of. Whatever the operator has masked is null.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shown {
    decision_id: Option<String>,
    caller: Option<Who>,
    action: Option<What>,
    verdict: Option<String>,
    outcome: Option<String>,
    findings: Option<Vec<Option<Named>>>,
    changes: Option<Vec<Option<Named>>>,
    shadow_changes: Option<Vec<Option<Named>>>,
    upstream: Option<Cloud>,
    targets: Option<Vec<Option<Target>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Who {
    team: Option<String>,
    key: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct What {
    service: Option<String>,
    name: Option<String>,
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    rule: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cloud {
    instance_ids: Option<Vec<Option<String>>>,
    fate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    id: Option<String>,
}

impl Row {
    /// Reads a record's line; none where it is not one.
    pub(super) fn of(line: String) -> Option<Self> {
        let shown: Shown = serde_json::from_str(&line).ok()?;
        let (caller, action) = (shown.caller.unwrap_or_default(), shown.action.unwrap_or_default());
        let lists = [shown.findings, shown.changes, shown.shadow_changes];
        let named = lists.into_iter().flatten().flatten().flatten().filter_map(|found| found.rule);
        let rules: BTreeSet<String> = named.collect();
        let cloud = shown.upstream.unwrap_or_default();
        let touched = if action.kind.as_deref() == Some("create") {
            let ids = cloud.instance_ids.into_iter().flatten().flatten();
            ids.map(|id| (id, "created")).collect()
        } else {
            let how = how(cloud.fate.as_deref());
            let targets = shown.targets.into_iter().flatten().flatten();
            targets.filter_map(|target| Some((target.id?, how))).collect()
        };
        Some(Self {
            id: shown.decision_id?,
            team: caller.team,
            key: caller.key,
            service: action.service.unwrap_or_default(),
            action: action.name.unwrap_or_default(),
            verdict: shown.verdict,
            outcome: shown.outcome.unwrap_or_default(),
            rules: rules.iter().fold(" ".to_owned(), |text, rule| text + rule + " "),
            touched,
            body: line,
        })
    }
}

fn how(fate: Option<&str>) -> &'static str {
    if fate == Some("ran") { "changed" } else { "tried" }
}

/// The instances that a decision created, changed or was to change, and which of these it was.
pub fn touched(record: &Value) -> BTreeMap<String, &'static str> {
    let text = |place: &str| record.pointer(place).and_then(Value::as_str);
    if text("/action/kind") == Some("create") {
        return names(record.pointer("/upstream/instance_ids"))
            .map(|id| (id.to_owned(), "created"))
            .collect();
    }
    let how = how(text("/upstream/fate"));
    let targets = record.get("targets").and_then(Value::as_array).into_iter().flatten();
    targets.filter_map(|target| target.get("id")?.as_str()).map(|id| (id.to_owned(), how)).collect()
}

fn names(ids: Option<&Value>) -> impl Iterator<Item = &str> {
    ids.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_masked_is_not_found_by_and_hides_nothing_else() {
        let record = json!({
            "decision_id": "T1", "caller": null, "action": {"service": "vm", "name": null, "kind": "change"}, "verdict": "allowed",
            "findings": [{"rule": "zones"}, null], "changes": null, "upstream": {"fate": "ran", "instance_ids": null},
            "targets": [{"id": "i-1", "team": "t"}, {"id": null}, null], "request": {"any": ["thing"]},
        });
        let row = Row::of(record.to_string()).unwrap();
        assert_eq!((row.service.as_str(), row.action.as_str(), row.rules.as_str()), ("vm", "", " zones "));
        assert_eq!((row.team, row.outcome.as_str()), (None, ""));
        assert_eq!(row.touched, touched(&record));
        assert_eq!(row.touched, [("i-1".to_owned(), "changed")].into());
        assert_eq!(Row::of(json!({"decision_id": null}).to_string()), None);
        assert_eq!(Row::of("cut".to_owned()), None);
    }
}
