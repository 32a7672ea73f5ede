//! The forms of others: JUnit's XML, SARIF 2.1.0 (OASIS), the workflow commands of GitHub Actions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Item, Word};
use crate::policy::verdict::Effect;

/// One test case for each thing judged; what is not allowed has failed.
pub(in super::super) fn junit(items: &[Item]) -> String {
    let failures = items.iter().filter(|item| item.word != Word::Allowed).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuite name=\"zengate check\" tests=\"{}\" failures=\"{failures}\">",
        items.len()
    );
    for item in items {
        let (file, title) = (xml(&item.file), xml(&item.title()));
        let _ = write!(text, "  <testcase classname=\"{file}\" name=\"{title}\"");
        if item.word == Word::Allowed {
            text.push_str("/>\n");
            continue;
        }
        let reasons = item.reasons();
        let word = item.word.as_str();
        let first = xml(reasons.first().map_or(word, String::as_str));
        let all = xml(&reasons.join("\n"));
        let _ = writeln!(
            text,
            ">\n    <failure type=\"{word}\" message=\"{first}\">{all}</failure>\n  </testcase>"
        );
    }
    text.push_str("</testsuite>\n");
    text
}

/// What XML 1.0 can hold; the rest is a question mark.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\t' => safe.push_str("&#9;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push('?'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// One result for each finding, and for each thing that could not be judged.
pub(in super::super) fn sarif(items: &[Item]) -> String {
    let mut rules = BTreeMap::new();
    let mut results: Vec<Value> = Vec::new();
    for item in items {
        let place = |field: Option<&str>| {
            json!({
                "physicalLocation": {"artifactLocation": {"uri": item.file}},
                "logicalLocations": [{"fullyQualifiedName": match field {
                    Some(field) => format!("{}{field}", item.title()),
                    None => item.title(),
                }}],
            })
        };
        for finding in &item.findings {
            let violation = &finding.violation;
            rules.insert(violation.rule.clone(), violation.link.clone());
            let level = match finding.effect {
                Effect::Refused => "error",
                Effect::Warned => "warning",
                Effect::Shadowed | Effect::Exempted => "note",
            };
            results.push(json!({
                "ruleId": violation.rule, "level": level,
                "message": {"text": format!("{}. To do: {}", violation.message, violation.remedy)},
                "locations": [place(Some(&violation.field))],
            }));
        }
        if matches!(item.word, Word::Unknown | Word::Mistaken | Word::Failed) {
            let rule = format!("zengate/{}", item.word.as_str());
            rules.insert(rule.clone(), None);
            let level = if item.word == Word::Unknown { "warning" } else { "error" };
            results.push(json!({
                "ruleId": rule, "level": level,
                "message": {"text": item.reasons().join("; ")}, "locations": [place(None)],
            }));
        }
    }
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|(id, link)| match link {
            Some(link) => json!({"id": id, "helpUri": link}),
            None => json!({"id": id}),
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "zengate", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

/// One annotation for each reason.
pub(in super::super) fn github(items: &[Item]) -> String {
    let mut text = String::new();
    for item in items {
        let level = match item.word {
            Word::Allowed => "warning",
            Word::Unknown => "warning",
            Word::Refused | Word::Mistaken | Word::Failed => "error",
        };
        let warned =
            item.findings.iter().filter(|finding| finding.effect == Effect::Warned).map(super::sentence);
        let reasons = item.reasons();
        let lines =
            reasons.iter().map(|reason| (level, reason.clone())).chain(warned.map(|text| ("warning", text)));
        for (level, reason) in lines {
            let _ = writeln!(
                text,
                "::{level} file={},title={}::{}",
                property(&item.file),
                property(&item.title()),
                data(&reason)
            );
        }
    }
    text
}

/// Escapes of workflow commands, after the runner's own.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
