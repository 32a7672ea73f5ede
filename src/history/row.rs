//! What a decision is found by, taken from its record as it was masked: nothing can be looked for that the record does not show.

use std::collections::BTreeMap;

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

impl Row {
    /// Reads a record's line; none where it is not one.
    pub(super) fn of(line: String) -> Option<Self> {
        let record: Value = serde_json::from_str(&line).ok()?;
        let text = |place: &str| record.pointer(place).and_then(Value::as_str).map(str::to_owned);
        let mut row = Self {
            id: text("/decision_id")?,
            team: text("/caller/team"),
            key: text("/caller/key"),
            service: text("/action/service").unwrap_or_default(),
            action: text("/action/name").unwrap_or_default(),
            verdict: text("/verdict"),
            outcome: text("/outcome").unwrap_or_default(),
            rules: rules(&record),
            touched: BTreeMap::new(),
            body: String::new(),
        };
        row.touched = touched(&record);
        row.body = line;
        Some(row)
    }
}

/// The instances that a decision created, changed or was to change, and which of these it was.
pub fn touched(record: &Value) -> BTreeMap<String, &'static str> {
    let text = |place: &str| record.pointer(place).and_then(Value::as_str);
    if text("/action/kind") == Some("create") {
        return names(record.pointer("/upstream/instance_ids"))
            .map(|id| (id.to_owned(), "created"))
            .collect();
    }
    let how = if text("/upstream/fate") == Some("ran") { "changed" } else { "tried" };
    let targets = record.get("targets").and_then(Value::as_array).into_iter().flatten();
    targets.filter_map(|target| target.get("id")?.as_str()).map(|id| (id.to_owned(), how)).collect()
}

fn names(ids: Option<&Value>) -> impl Iterator<Item = &str> {
    ids.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn rules(record: &Value) -> String {
    let mut rules = std::collections::BTreeSet::new();
    for list in ["findings", "changes", "shadow_changes"] {
        let found = record.get(list).and_then(Value::as_array).into_iter().flatten();
        rules.extend(found.filter_map(|found| found.get("rule")?.as_str()));
    }
    rules.iter().fold(" ".to_owned(), |text, rule| text + rule + " ")
}
