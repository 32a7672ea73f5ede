//! Reading what the rules answered. Anything unexpected is a failure of the rule, never ignored.

use regorus::Value;
use serde::de::DeserializeOwned;

use super::answer::{Claim, DecideAnswer, Patch, Violation};
use super::failure::{PolicyFailure, Reason};
use super::value::to_plain;

/// What every answer says about its rule.
trait OfRule {
    fn rule(&self) -> &str;
}

impl OfRule for Patch {
    fn rule(&self) -> &str {
        &self.rule
    }
}

impl OfRule for Violation {
    fn rule(&self) -> &str {
        &self.rule
    }
}

impl OfRule for Claim {
    fn rule(&self) -> &str {
        &self.rule
    }
}

/// The answer of an `amend` entry: by rule, a set of patches.
pub(super) fn amend(answer: &Value) -> Result<Vec<Patch>, PolicyFailure> {
    by_rule(answer)
}

/// The answer of a `decide` entry: by part and rule, a set.
pub(super) fn decide(answer: &Value) -> Result<DecideAnswer, PolicyFailure> {
    let part = |name: &str| answer.as_object().ok().and_then(|parts| parts.get(&Value::from(name)));
    match (part("deny"), part("warn"), part("quota")) {
        (Some(deny), Some(warn), Some(quota)) => {
            Ok(DecideAnswer { deny: by_rule(deny)?, warn: by_rule(warn)?, quota: by_rule(quota)? })
        }
        _ => Err(PolicyFailure::new(Reason::Undefined, "the rules gave no answer")),
    }
}

fn by_rule<T: DeserializeOwned + OfRule + Ord>(answer: &Value) -> Result<Vec<T>, PolicyFailure> {
    let Ok(rules) = answer.as_object() else {
        return Err(PolicyFailure::new(Reason::Undefined, "the rules gave no answer"));
    };
    let mut all = Vec::new();
    for (rule, set) in rules.iter_sorted() {
        let rule = rule.as_string().map(ToString::to_string).unwrap_or_default();
        let bad = |detail: String| PolicyFailure::new(Reason::BadAnswer, detail).in_rule(&rule);
        let Value::Set(set) = set else {
            let reason = if *set == Value::Undefined { Reason::Undefined } else { Reason::BadAnswer };
            return Err(PolicyFailure::new(reason, "the answer is no set").in_rule(&rule));
        };
        for item in set.iter_sorted() {
            let plain =
                to_plain(item).ok_or_else(|| bad("the answer holds what JSON cannot say".to_owned()))?;
            let read = T::deserialize(plain).map_err(|error| bad(error.to_string()))?;
            if read.rule() != rule {
                return Err(bad(format!("the answer names the rule `{}`", read.rule())));
            }
            all.push(read);
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide_text(deny: &str) -> Result<DecideAnswer, PolicyFailure> {
        let mut engine = regorus::Engine::new();
        let text = format!(
            "package x\nimport rego.v1\nr := {{\"deny\": {{\"zones\": {deny}}}, \"warn\": {{}}, \"quota\": {{}}}}"
        );
        engine.add_policy("x.rego".into(), text).unwrap();
        decide(&engine.eval_rule("data.x.r".into()).unwrap())
    }

    #[test]
    fn what_is_not_agreed_is_a_failure_that_names_the_rule() {
        let good = r#""rule": "zones", "message": "m", "field": "f", "remedy": "r""#;
        assert_eq!(decide_text(&format!("{{{{{good}}}}}")).unwrap().deny.len(), 1);
        assert_eq!(decide_text("set()").unwrap().deny.len(), 0);
        for wrong in [
            format!("{{{{{good}, \"color\": 1}}}}"),
            format!("{{{{{}}}}}", good.replace("zones", "other")),
            r#"{{"rule": "zones"}}"#.to_owned(),
            "{1}".to_owned(),
            "[]".to_owned(),
        ] {
            let failure = decide_text(&wrong).unwrap_err();
            assert_eq!(
                (failure.reason, failure.rule.as_deref()),
                (Reason::BadAnswer, Some("zones")),
                "{wrong}"
            );
        }
        assert_eq!(decide(&Value::Undefined).unwrap_err().reason, Reason::Undefined);
    }
}
