//! What rules add to a create: granted places only, no two rules at odds, every change on record.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answer::{Op, Patch};
use super::failure::{PolicyFailure, Reason};
use super::organisation::{Mode, Organisation};
use crate::api::secrets::is_secret;
use crate::json::{Object, Pointer, Value};

/// One change that a rule made, or would have made in shadow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The rule.
    pub rule: String,
    /// Where (JSON Pointer).
    pub path: String,
    /// Filled or replaced.
    pub op: Op,
    /// What was there; none if nothing was.
    pub before: Option<Value>,
    /// What is there now.
    pub after: Value,
}

/// A create with the organisation's additions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Amended {
    /// The document to judge and to send.
    pub document: Object,
    /// What was changed, in the order of paths. Applied to the original it gives `document`.
    pub changes: Vec<Change>,
    /// What rules in shadow would have changed.
    pub shadowed: Vec<Change>,
    /// Patches of rules in shadow that would have failed the request.
    pub shadow_failures: Vec<PolicyFailure>,
}

/// A patch whose path and value have been read.
struct Ready {
    rule: String,
    op: Op,
    path: Pointer,
    value: Value,
}

/// Applies the patches of all rules to a create of `team`.
///
/// # Errors
/// [`Reason::UngrantedPatch`], [`Reason::Conflict`] (both rules named) and [`Reason::BadPatch`]; nothing is applied then.
pub fn apply(
    organisation: &Organisation,
    team: &str,
    patches: Vec<Patch>,
    document: &Object,
) -> Result<Amended, PolicyFailure> {
    let mut amended = Amended { document: document.clone(), ..Amended::default() };
    let mut by_path: BTreeMap<Pointer, Ready> = BTreeMap::new();
    for patch in patches {
        let shadow = organisation.mode(&patch.rule, team) == Mode::Shadow;
        match ready(organisation, patch) {
            Ok(patch) if shadow => shadow_change(&mut amended, document, &patch),
            Ok(patch) => admit(&mut by_path, patch)?,
            Err(failure) if shadow => amended.shadow_failures.push(failure),
            Err(failure) => return Err(failure),
        }
    }
    for patch in by_path.values() {
        amended.changes.extend(put(&mut amended.document, patch)?);
    }
    amended.shadowed.sort_by(|one, other| (&one.path, &one.rule).cmp(&(&other.path, &other.rule)));
    Ok(amended)
}

/// Applies recorded changes to the document they were made to: what replay does, and what the record promises.
///
/// # Errors
/// [`Reason::BadPatch`] if a change does not fit the document.
pub fn replay(document: &Object, changes: &[Change]) -> Result<Object, PolicyFailure> {
    let mut document = document.clone();
    for change in changes {
        let path = parse(&change.rule, &change.path)?;
        document
            .put(&path, change.after.clone())
            .map_err(|error| bad(&change.rule, format!("`{}`: {error}", change.path)))?;
    }
    Ok(document)
}

fn bad(rule: &str, detail: impl Into<String>) -> PolicyFailure {
    PolicyFailure::new(Reason::BadPatch, detail).in_rule(rule)
}

fn parse(rule: &str, path: &str) -> Result<Pointer, PolicyFailure> {
    let pointer: Pointer = path.parse().map_err(|error| bad(rule, format!("{error}")))?;
    if pointer.tokens().is_empty() { Err(bad(rule, "a patch of the whole document")) } else { Ok(pointer) }
}

fn ready(organisation: &Organisation, patch: Patch) -> Result<Ready, PolicyFailure> {
    let path = parse(&patch.rule, &patch.path)?;
    if !organisation.grants(&patch.rule).iter().any(|grant| grant.covers(&path)) {
        let detail = format!("`{path}` is not among the grants of the rule");
        return Err(PolicyFailure::new(Reason::UngrantedPatch, detail).in_rule(patch.rule));
    }
    let value = Value::from(&patch.value.0);
    if path.tokens().iter().any(|token| is_secret(token)) || carries_secret(&value) {
        return Err(bad(&patch.rule, format!("`{path}`: rules may not set secrets")));
    }
    if carries_null(&value) {
        return Err(bad(&patch.rule, format!("`{path}`: null counts as absent and cannot be set")));
    }
    Ok(Ready { rule: patch.rule, op: patch.op, path, value })
}

fn carries_secret(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(key, inner)| is_secret(key) || carries_secret(inner)),
        Value::Array(items) => items.iter().any(carries_secret),
        _ => false,
    }
}

fn carries_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.iter().any(|(_, inner)| carries_null(inner)),
        Value::Array(items) => items.iter().any(carries_null),
        _ => false,
    }
}

/// Adds a patch to those that will be applied, unless it is at odds with one of them.
fn admit(by_path: &mut BTreeMap<Pointer, Ready>, patch: Ready) -> Result<(), PolicyFailure> {
    if let Some(same) = by_path.get_mut(&patch.path) {
        if same.value != patch.value {
            return Err(conflict(same, &patch));
        }
        if (same.op, patch.op) == (Op::Default, Op::Force) {
            *same = patch; // both want the same there; the one that insists is the one to name
        }
        return Ok(());
    }
    if let Some(other) = by_path.values().find(|o| o.path.covers(&patch.path) || patch.path.covers(&o.path)) {
        return Err(conflict(other, &patch));
    }
    by_path.insert(patch.path.clone(), patch);
    Ok(())
}

fn conflict(one: &Ready, other: &Ready) -> PolicyFailure {
    let detail = format!(
        "rule `{}` sets `{}` and rule `{}` sets `{}`: they cannot both have their way",
        one.rule, one.path, other.rule, other.path
    );
    PolicyFailure::new(Reason::Conflict, detail).in_rule(one.rule.clone())
}

/// Whether a default fills what is there.
fn fillable(there: Option<&Value>) -> bool {
    there.is_none_or(|value| *value == Value::Null || value.as_str() == Some(""))
}

fn put(document: &mut Object, patch: &Ready) -> Result<Option<Change>, PolicyFailure> {
    let before = document.at(&patch.path).cloned();
    if before.as_ref() == Some(&patch.value) || (patch.op == Op::Default && !fillable(before.as_ref())) {
        return Ok(None);
    }
    document
        .put(&patch.path, patch.value.clone())
        .map_err(|error| bad(&patch.rule, format!("`{}`: {error}", patch.path)))?;
    Ok(Some(Change {
        rule: patch.rule.clone(),
        path: patch.path.to_string(),
        op: patch.op,
        before,
        after: patch.value.clone(),
    }))
}

fn shadow_change(amended: &mut Amended, original: &Object, patch: &Ready) {
    match put(&mut original.clone(), patch) {
        Ok(change) => amended.shadowed.extend(change),
        Err(failure) => amended.shadow_failures.push(failure),
    }
}

#[cfg(test)]
mod tests;
