//! The longer messages: lists of mistakes, violations and exceeded quotas.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::api::mistake::Mistake;
use crate::policy::answer::Violation;
use crate::policy::fix::Step;
use crate::quota::Exceeded;

/// What programs read beside the message: the same as they were found, one by one.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Details<'a> {
    /// What rules forbid.
    Violations(&'a [Violation]),
    /// Limits that would be exceeded.
    Exceeded(&'a [Exceeded]),
    /// What is wrong with the body.
    Mistakes(&'a [Mistake]),
}

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
    let mut text = String::with_capacity(ABOUT.saturating_mul(violations.len().saturating_add(1)));
    text.push_str("Refused by ");
    match violations.len() {
        1 => text.push_str("1 rule"),
        several => add(&mut text, format_args!("{several} rules")),
    }
    add(&mut text, format_args!(" for team `{team}`. "));
    for (place, violation) in (1..).zip(violations) {
        if violations.len() > 1 {
            let space = if place > 1 { " " } else { "" };
            add(&mut text, format_args!("{space}[{place}] "));
        }
        one_violation(&mut text, violation);
    }
    if !fix.is_empty() {
        add(&mut text, format_args!(" The rules would let it pass with {}.", crate::policy::fix::words(fix)));
    }
    if let Some(contact) = contact {
        add(&mut text, format_args!(" Questions: {}.", contact.trim_end_matches('.')));
    }
    text
}

/// About what a violation takes.
const ABOUT: usize = 256;

fn one_violation(text: &mut String, violation: &Violation) {
    let Violation { rule, message, field, remedy, asked, allowed, link } = violation;
    text.extend([rule, ": ", message, " (field ", field]);
    if let Some(asked) = asked {
        text.extend(["; asked ", &brief(&asked.0)]);
    }
    if let Some(allowed) = allowed {
        text.extend(["; allowed ", &brief(&allowed.0)]);
    }
    text.extend(["). To do: ", remedy]);
    if let Some(link) = link {
        text.extend([" See ", link]);
    }
}

/// Adds to a text, which never fails.
fn add(text: &mut String, more: fmt::Arguments<'_>) {
    let _ = text.write_fmt(more);
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
fn brief(value: &serde_json::Value) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    let text: Cow<'_, str> = match value {
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => {
            let mut list = String::new();
            for (place, item) in items.iter().enumerate() {
                list.push_str(if place > 0 { ", " } else { "" });
                list.push_str(&brief(item));
            }
            list.into()
        }
        serde_json::Value::Number(number) => number.to_string().into(),
        other => other.to_string().into(),
    };
    if text.len() <= LONGEST {
        return text;
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()).into(),
        None => text,
    }
}
