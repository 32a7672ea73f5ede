//! Why a call was decided as it was: each rule asked by itself in the interpreter, which says which of its lines were reached, and
//! what those lines read. Too dear for every request; made when somebody asks.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::case::{Asked, Case, Circumstances};
use super::failure::{PolicyFailure, Reason};
use super::input::Input;
use super::local::Local;
use super::organisation::Mode;
use super::set::PolicySet;
use super::value;
use super::verdict::Verdict;
use crate::api::fields::AdmittedField;

/// The longest value shown, in characters.
const LONGEST: usize = 160;

/// One rule's part in a decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RulePart {
    /// The rule.
    pub rule: String,
    /// How hard it bites for this team.
    pub mode: Mode,
    /// The exemption that holds, until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exempted_until: Option<String>,
    /// What it answered: `deny`, `warn`, `quota`, `patches`; those that are empty are left out.
    pub answers: BTreeMap<&'static str, Value>,
    /// Its failure, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The lines that were reached to the end of their condition or not; in the rule's file and in shared ones.
    pub lines: Vec<Line>,
    /// What these lines read, by its name.
    pub read: BTreeMap<String, Value>,
}

/// A line that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What stands there.
    pub text: String,
}

/// A decision and the rules behind it.
pub struct Explained {
    /// The call as it would be sent.
    pub case: Case,
    /// What was decided, or which rule failed.
    pub verdict: Result<Verdict, PolicyFailure>,
    /// Every rule that applies to the call, those that said something first.
    pub rules: Vec<RulePart>,
}

/// Judges a call and explains it. Call it on a deep stack, as for [`Local`].
///
/// # Errors
/// When the policies cannot be evaluated at all.
pub fn explain(
    set: &PolicySet,
    asked: Asked,
    circumstances: Circumstances,
    admitted: &[AdmittedField],
) -> Result<Explained, PolicyFailure> {
    let mut local = Local::new(set)?;
    let (team, now) = (circumstances.principal.team.clone(), circumstances.now);
    let mut case = Case::open(asked.clone(), circumstances.clone(), set);
    let before = case.input.clone();
    let verdict = match local.judge(set, asked, circumstances, admitted) {
        Ok((judged, verdict)) => {
            case = judged;
            Ok(verdict)
        }
        Err(failure) => Err(failure),
    };
    let action = &before.action;
    let rules = set.applying(action.kind, &action.service, &action.name, &team);
    let mut parts = Vec::new();
    for rule in rules {
        let mut part = RulePart {
            rule: rule.to_owned(),
            mode: set.organisation().mode(rule, &team),
            exempted_until: set.organisation().exemption(rule, &team, now).map(|one| one.until.to_string()),
            answers: BTreeMap::new(),
            failure: None,
            lines: Vec::new(),
            read: BTreeMap::new(),
        };
        ask(set, &mut part, &before, &["patches"])?;
        ask(set, &mut part, &case.input, &["deny", "warn", "quota"])?;
        part.lines.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        part.lines.dedup();
        parts.push(part);
    }
    parts.sort_by_key(|part| part.answers.is_empty() && part.failure.is_none());
    Ok(Explained { case, verdict, rules: parts })
}

/// Asks one rule for some of its answers, and follows where the evaluation went.
fn ask(
    set: &PolicySet,
    part: &mut RulePart,
    input: &Input,
    answers: &[&'static str],
) -> Result<(), PolicyFailure> {
    let fault = |error: &dyn std::fmt::Display| PolicyFailure::new(Reason::Error, error.to_string());
    let mut engine = set.compiled.interpreters.make()?;
    engine.set_enable_coverage(true);
    engine.set_input(value::input(input));
    for name in answers {
        let rule = Value::from(part.rule.as_str());
        match engine.eval_rule(format!("data.zengate.rules[{rule}].{name}")) {
            Ok(answer) => {
                let answer = value::to_plain(&answer).unwrap_or_default();
                let empty = answer.as_array().is_none_or(Vec::is_empty);
                if !empty {
                    part.answers.insert(name, answer);
                }
            }
            Err(error) if error.to_string().contains("not a valid rule path") => {}
            Err(error) => part.failure = Some(super::check::engine_words(&error.to_string()).1),
        }
    }
    let report = engine.get_coverage_report().map_err(|error| fault(&error))?;
    let seen = serde_json::to_value(input).unwrap_or_default();
    let data = &set.compiled.data;
    for file in report.files {
        let texts: Vec<&str> = file.code.lines().collect();
        for number in file.covered {
            let place = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
            let Some(text) = texts.get(place) else { continue };
            for (name, path) in references(text) {
                let from = if path.first() == Some(&"input") { &seen } else { data };
                let found = path.iter().skip(1).try_fold(from, |value, step| value.get(step));
                part.read.insert(name, shown(found));
            }
            part.lines.push(Line { file: file.path.clone(), line: number, text: text.trim().to_owned() });
        }
    }
    Ok(())
}

/// A value, shortened where it is long.
fn shown(value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::from("(absent)") };
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return value.clone();
    }
    Value::from(text.chars().take(LONGEST).chain("...".chars()).collect::<String>())
}

/// `input.a.b` and `data.facts.c` as they stand in a line, with their steps. Rules and helpers are no data.
fn references(line: &str) -> Vec<(String, Vec<&str>)> {
    let code = line.split('#').next().unwrap_or_default();
    let part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    let words = code.split(|letter: char| !part(letter));
    words
        .map(|word| word.trim_matches('.'))
        .filter(|word| {
            word.starts_with("input.") || (word.starts_with("data.") && !word.starts_with("data.zengate"))
        })
        .map(|word| (word.to_owned(), word.split('.').collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_reads_is_found() {
        let names = |line| references(line).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(
            names("x := input.create.count > data.facts.zones[z]"),
            ["input.create.count", "data.facts.zones"]
        );
        assert_eq!(names("y if data.zengate.lib.x # input.z"), Vec::<String>::new());
    }
}
