//! The longer messages: lists of mistakes, violations and exceeded quotas.

use crate::api::mistake::Mistake;
use crate::policy::answer::Violation;
use crate::policy::fix::Step;
use crate::quota::Exceeded;

pub(super) fn in_rule(rule: &Option<String>) -> String {
    rule.as_ref().map(|rule| format!(" in rule `{rule}`")).unwrap_or_default()
}

pub(super) fn list_mistakes(mistakes: &[Mistake]) -> String {
    numbered(
        mistakes
            .iter()
            .map(|mistake| format!("`{}`: {}; {}", mistake.pointer, mistake.message, mistake.remedy)),
    )
}

pub(super) fn list_violations(
    violations: &[Violation],
    team: &str,
    contact: Option<&str>,
    fix: &[Step],
) -> String {
    let rules = if violations.len() == 1 { "1 rule" } else { "rules" };
    let count = if violations.len() == 1 { String::new() } else { format!("{} ", violations.len()) };
    let ask = contact.map(|contact| format!(" Questions: {}.", contact.trim_end_matches('.')));
    let fix = if fix.is_empty() {
        String::new()
    } else {
        format!(" The rules would let it pass with {}.", crate::policy::fix::words(fix))
    };
    format!(
        "Refused by {count}{rules} for team `{team}`. {}{fix}{}",
        numbered(violations.iter().map(|violation| {
            let mut text = format!("{}: {}", violation.rule, violation.message);
            let mut facts = vec![format!("field {}", violation.field)];
            if let Some(asked) = &violation.asked {
                facts.push(format!("asked {}", brief(&asked.0)));
            }
            if let Some(allowed) = &violation.allowed {
                facts.push(format!("allowed {}", brief(&allowed.0)));
            }
            text.push_str(&format!(" ({}). To do: {}", facts.join("; "), violation.remedy));
            if let Some(link) = &violation.link {
                text.push_str(&format!(" See {link}"));
            }
            text
        })),
        ask.unwrap_or_default()
    )
}

pub(super) fn list_exceeded(exceeded: &[Exceeded]) -> String {
    format!("Quota is used up. {}", numbered(exceeded.iter().map(ToString::to_string)))
}

/// `[1] first [2] second`: one line, as SDKs print it.
fn numbered(items: impl ExactSizeIterator<Item = String>) -> String {
    if items.len() == 1 {
        return items.collect();
    }
    items.enumerate().map(|(place, item)| format!("[{}] {item}", place + 1)).collect::<Vec<_>>().join(" ")
}

/// A value short enough for a message of one line.
fn brief(value: &serde_json::Value) -> String {
    const LONGEST: usize = 200;
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(brief).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if text.chars().count() > LONGEST {
        text.chars().take(LONGEST).chain("...".chars()).collect()
    } else {
        text
    }
}
