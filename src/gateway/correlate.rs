//! A tag that names the decision, for teams that want it: a create that nobody answered for is then found for certain, not by what
//! it looks like. Off by default, because Terraform shows a tag that it did not write as a difference.

use crate::api::view::Create;
use crate::json::{Object, Value};
use crate::policy::answer::Op;
use crate::policy::patch::Change;
use crate::reconcile::CORRELATION_TAG;

/// Adds the tag to a create that can carry one; the change, for the record and the caller.
pub(super) fn tag(document: &mut Object, create: &Create, decision: &str) -> Option<Change> {
    if !create.tags_supported {
        return None;
    }
    let path = "/tags/tags".parse().ok()?;
    let before = document.at(&path).cloned();
    let mut tags = match &before {
        // One that the caller wrote under this key would name another decision.
        Some(Value::Array(tags)) => tags.iter().filter(|tag| !is_ours(tag)).cloned().collect(),
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return None,
    };
    let pair = [("key", CORRELATION_TAG), ("value", decision)];
    tags.push(Value::Object(
        pair.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text.into()))).collect(),
    ));
    let after = Value::Array(tags);
    document.put(&path, after.clone()).ok()?;
    let (rule, path) = ("correlation_tag".to_owned(), "/tags/tags".to_owned());
    // What the caller wrote is kept: the tag stands beside it.
    Some(Change { rule, path, op: Op::Default, before: None, after })
}

fn is_ours(tag: &Value) -> bool {
    matches!(tag, Value::Object(tag) if matches!(tag.get("key"), Some(Value::String(key)) if key == CORRELATION_TAG))
}
