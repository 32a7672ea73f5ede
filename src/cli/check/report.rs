//! What was found, for people and for the programs that show it to them.

mod formats;
mod markdown;

use std::fmt::Write as _;

use serde::Serialize;

use crate::policy::case::Case;
use crate::policy::patch::Change;
use crate::policy::verdict::{Effect, Finding, JudgedClaim, Verdict};

pub(super) use formats::{github, junit, sarif};
pub(super) use markdown::markdown;

use super::super::out::{BAD, GOOD, WARN, paint, plain};

/// How it would end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    /// Every rule lets it pass.
    Allowed,
    /// Rules refuse it.
    Refused,
    /// It depends on what only the apply will tell.
    Unknown,
    /// It is no request of this call.
    Mistaken,
    /// A rule failed: the gateway would refuse it.
    Failed,
}

impl Word {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Mistaken => "mistaken",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was judged.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    pub(super) file: String,
    /// The address in the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    pub(super) call: String,
    #[serde(rename = "verdict")]
    pub(super) word: Word,
    /// What is wrong where rules were not asked, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    /// Fields that are not known before the apply.
    pub(super) unknown: Vec<String>,
    /// What rules found, with the effect of each.
    pub(super) findings: Vec<Finding>,
    /// What rules would add.
    pub(super) changes: Vec<Change>,
    /// What it would use of the quota.
    pub(super) claims: Vec<JudgedClaim>,
}

impl Item {
    pub(super) fn new(file: String, resource: Option<String>, call: String) -> Self {
        Self {
            file,
            resource,
            call,
            word: Word::Allowed,
            problem: None,
            unknown: Vec::new(),
            findings: Vec::new(),
            changes: Vec::new(),
            claims: Vec::new(),
        }
    }

    /// What the rules said. A refusal for something that is known holds whatever the unknown will be.
    pub(super) fn judged(&mut self, case: &Case, verdict: Verdict) {
        let about_unknown = |finding: &Finding| {
            self.unknown.iter().any(|field| finding.violation.field.starts_with(field.as_str()))
        };
        let refused = verdict.refused.iter().any(|finding| !about_unknown(finding));
        self.word = match (refused, self.unknown.is_empty()) {
            (true, _) => Word::Refused,
            (false, true) => Word::Allowed,
            (false, false) => Word::Unknown,
        };
        let Verdict { mut refused, warned, shadowed, exempted, claims } = verdict;
        refused
            .retain(|finding| !self.unknown.iter().any(|field| finding.violation.field.starts_with(field)));
        self.findings = refused.into_iter().chain(warned).chain(shadowed).chain(exempted).collect();
        self.changes.clone_from(&case.changes);
        self.claims = claims;
    }

    /// Whether a rule warns.
    pub(super) fn is_warned(&self) -> bool {
        self.findings.iter().any(|finding| finding.effect == Effect::Warned)
    }

    /// What it is called in a list.
    fn title(&self) -> String {
        self.resource.clone().unwrap_or_else(|| self.call.clone())
    }

    /// Each reason against it, one sentence each.
    fn reasons(&self) -> Vec<String> {
        let refused = self.findings.iter().filter(|finding| finding.effect == Effect::Refused);
        let mut reasons: Vec<String> = refused.map(sentence).collect();
        reasons.extend(self.problem.clone());
        if self.word == Word::Unknown {
            reasons.extend(self.unknown.iter().map(|field| format!("unknown: {field}")));
        }
        reasons
    }
}

fn sentence(finding: &Finding) -> String {
    let violation = &finding.violation;
    format!("{}: {} ({}). To do: {}", violation.rule, violation.message, violation.field, violation.remedy)
}

/// For people.
pub(super) fn text(items: &[Item]) -> String {
    let mut text = String::new();
    for item in items {
        let colour = match item.word {
            Word::Allowed => GOOD,
            Word::Unknown => WARN,
            Word::Refused | Word::Mistaken | Word::Failed => BAD,
        };
        let word = paint(colour, &item.word.as_str().to_uppercase());
        let _ = writeln!(text, "{word} {} ({})", plain(&item.title()), item.file);
        for reason in item.reasons() {
            let _ = writeln!(text, "  {}", plain(&reason));
        }
        for finding in &item.findings {
            let word = match finding.effect {
                Effect::Refused => continue,
                Effect::Warned => paint(WARN, "warning"),
                Effect::Shadowed => "in shadow".to_owned(),
                Effect::Exempted => "exempted".to_owned(),
            };
            let _ = writeln!(text, "  {word}: {}", plain(&sentence(finding)));
        }
        for change in &item.changes {
            let _ = writeln!(text, "  added: {}={} ({})", change.path, change.after.to_text(), change.rule);
        }
    }
    let count = |word: Word| items.iter().filter(|item| item.word == word).count();
    let words = [Word::Allowed, Word::Refused, Word::Unknown, Word::Mistaken, Word::Failed];
    let counts: Vec<String> = words
        .into_iter()
        .filter(|word| count(*word) > 0)
        .map(|word| format!("{} {}", count(word), word.as_str()))
        .collect();
    let _ =
        writeln!(text, "{}", if counts.is_empty() { "nothing judged".to_owned() } else { counts.join(", ") });
    text
}

/// For programs.
pub(super) fn json(items: &[Item], revision: &str) -> String {
    let document = serde_json::json!({ "policy_revision": revision, "results": items });
    format!("{document:#}\n")
}
