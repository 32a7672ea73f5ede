//! Denials that teach: the smallest change that the rules would let pass, tried against them before it is said.
//!
//! A candidate is made from what the violations themselves say: each `allowed` value at its `field`, the nearest one where there are
//! several. One candidate is tried, within the time that the request has left; where it fails, nothing is said.

use serde::Serialize;

use super::answer::Violation;
use crate::json::{Object, Pointer, Value};
use crate::nearest::distance;

/// One step of a JSON Patch (RFC 6902).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// `replace`, or `add` where the caller wrote nothing.
    pub op: &'static str,
    /// Where.
    pub path: String,
    /// What to put there.
    pub value: Value,
}

/// The document with every violation met, and how to get there; none where a violation does not say what would pass.
pub fn candidate(document: &Object, violations: &[Violation]) -> Option<(Object, Vec<Step>)> {
    let (mut changed, mut steps) = (document.clone(), Vec::<Step>::new());
    for violation in violations {
        let path: Pointer = violation.field.parse().ok().filter(|_| violation.field.starts_with('/'))?;
        if let Some(tag) = violation.allowed.as_ref().and_then(|allowed| missing_tag(&allowed.0)) {
            steps.push(with_tag(&mut changed, &path, tag)?);
            continue;
        }
        if steps.iter().any(|step| step.path == violation.field) {
            // Two rules about one field: whether the first one's value suits both is found by trying.
            continue;
        }
        let now = document.at(&path);
        let value = allowed(&violation.allowed.as_ref()?.0, now)?;
        let op = if now.is_some() { "replace" } else { "add" };
        changed.put(&path, value.clone()).ok()?;
        steps.push(Step { op, path: violation.field.clone(), value });
    }
    (!steps.is_empty()).then_some((changed, steps))
}

/// The first of the tags that would be allowed: nothing that was asked for tells one from another.
fn missing_tag(allowed: &serde_json::Value) -> Option<Value> {
    let first = allowed.as_array()?.first()?;
    let is_tag = first.get("key").is_some_and(serde_json::Value::is_string)
        && first.get("value").is_some_and(serde_json::Value::is_string);
    is_tag.then(|| Value::from(first))
}

/// One tag more, and the step to it. The list of tags stands in an object of the same name.
fn with_tag(document: &mut Object, path: &Pointer, tag: Value) -> Option<Step> {
    let list = path.child("tags");
    let mut tags = match document.at(&list) {
        Some(Value::Array(tags)) => tags.clone(),
        Some(_) => return None,
        None => {
            // An object that is not there cannot be added to: it is added whole.
            let whole = document.at(path).is_none();
            document.put(&list, Value::Array(vec![tag.clone()])).ok()?;
            let (path, value) =
                if whole { (path, document.at(path)?.clone()) } else { (&list, Value::Array(vec![tag])) };
            return Some(Step { op: "add", path: path.to_string(), value });
        }
    };
    tags.push(tag.clone());
    document.put(&list, Value::Array(tags)).ok()?;
    Some(Step { op: "add", path: list.child("-").to_string(), value: tag })
}

/// The value nearest to what is there.
fn allowed(allowed: &serde_json::Value, now: Option<&Value>) -> Option<Value> {
    match allowed {
        serde_json::Value::Number(most) => most.is_i64().then(|| Value::from(allowed)),
        serde_json::Value::Bool(flag) => Some(Value::Bool(*flag)),
        serde_json::Value::Array(choices) => {
            // A name with a `*` stands for many, and which of them exists is not known here.
            let names =
                choices.iter().filter_map(serde_json::Value::as_str).filter(|name| !name.contains('*'));
            let asked = now.and_then(Value::as_str);
            let nearest = match asked {
                Some(asked) => names.min_by_key(|name| distance(asked, name)),
                None => names.min(),
            };
            nearest.map(|name| Value::String(name.into()))
        }
        _ => None,
    }
}

/// The steps as a person reads them.
pub fn words(steps: &[Step]) -> String {
    let steps: Vec<String> =
        steps.iter().map(|step| format!("{}={}", step.path, step.value.to_text())).collect();
    steps.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::answer::Plain;
    use serde_json::json;

    fn violation(field: &str, allowed: serde_json::Value) -> Violation {
        Violation {
            rule: "r".to_owned(),
            message: "m".to_owned(),
            field: field.to_owned(),
            remedy: "t".to_owned(),
            asked: None,
            allowed: Some(Plain(allowed)),
            link: None,
        }
    }

    fn steps(document: &str, violations: &[Violation]) -> Option<String> {
        let document = crate::json::read_object(document.as_bytes()).unwrap();
        candidate(&document, violations).map(|(_, steps)| words(&steps))
    }

    #[test]
    fn the_nearest_zone_and_the_most_machines() {
        let order = r#"{"zoneId": "SEL-C", "instanceCount": 40}"#;
        let both = [violation("/zoneId", json!(["HKG-A", "SEL-A"])), violation("/instanceCount", json!(10))];
        assert_eq!(steps(order, &both).unwrap(), r#"/zoneId="SEL-A", /instanceCount=10"#);
        assert_eq!(
            steps("{}", &[violation("/zoneId", json!(["SEL-A", "HKG-A"]))]).unwrap(),
            r#"/zoneId="HKG-A""#
        );
    }

    #[test]
    fn a_tag_that_is_missing_is_added() {
        let tag = |key: &str| violation("/tags", json!([{"key": key, "value": "dev"}]));
        let steps = |document| steps(document, &[tag("env"), tag("tier")]).unwrap();
        let more = r#"/tags/tags/-={"key":"tier","value":"dev"}"#;
        assert_eq!(steps("{}"), format!(r#"/tags={{"tags":[{{"key":"env","value":"dev"}}]}}, {more}"#));
        let env = r#"/tags/tags/-={"key":"env","value":"dev"}"#;
        assert_eq!(steps(r#"{"tags": {"tags": [{"key": "a"}]}}"#), format!("{env}, {more}"));
        assert_eq!(
            steps(r#"{"tags": {}}"#),
            format!(r#"/tags/tags=[{{"key":"env","value":"dev"}}], {more}"#)
        );
    }

    #[test]
    fn what_nobody_can_know_is_not_guessed() {
        let order = r#"{"instanceType": "m.4c8g"}"#;
        for allowed in [json!({"pattern": "^a"}), json!(["c.*"]), json!([]), json!(null), json!(1.5)] {
            assert_eq!(steps(order, &[violation("/instanceType", allowed)]), None);
        }
        assert_eq!(steps(order, &[violation("action.name", json!(["x"]))]), None);
    }
}
