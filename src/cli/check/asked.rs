//! The other side of the console's playground: one question on standard input, judged as `zengate check` judges, with the smallest
//! change that would pass and the request as it would be sent; the answer, or why there is none, on standard output.

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::quota::Quota;
use super::report::{Item, Word};
use super::{judge, subject};
use crate::api::fields::AdmittedField;
use crate::api::secrets;
use crate::console::Question;
use crate::policy::PolicySet;
use crate::policy::answer::Violation;
use crate::policy::case::Case;
use crate::policy::child::limit_this_process;
use crate::policy::fix::{self, Step};
use crate::policy::local::{Local, on_a_deep_stack};
use crate::policy::verdict::Effect;

/// Judges what comes in.
///
/// # Errors
/// What keeps it from answering at all.
pub(in crate::cli) fn judge_one(input: impl Read, output: impl Write) -> Result<(), String> {
    limit_this_process().map_err(|error| error.to_string())?;
    let question: Question = serde_json::from_reader(input).map_err(|error| error.to_string())?;
    let answer = on_a_deep_stack(|| answer(&question)).map_err(|failure| failure.to_string())?;
    serde_json::to_writer(output, &answer).map_err(|error| error.to_string())
}

fn answer(question: &Question) -> Result<Value, String> {
    let admitted = question.order.admitted.iter().map(|field| field.parse());
    let admitted: Vec<AdmittedField> =
        admitted.collect::<Result<_, _>>().map_err(|_| "a field is no field")?;
    let set =
        question.order.material.tree().and_then(PolicySet::from_tree).map_err(|error| error.to_string())?;
    let mut local = Local::new(&set).map_err(|failure| failure.to_string())?;
    let by = (&set, admitted.as_slice());
    let counts = question.counts.iter().flatten().map(|count| serde_json::from_value(count.clone()));
    let counts: Vec<_> = counts.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let mut quota = question.counts.is_some().then(|| Quota::new(&counts));
    let mut results = Vec::new();
    for subject in subject::parse("the text", question.text.as_bytes(), &question.action)? {
        let (mut item, case) = judge(subject, &mut local, by, &question.principal, question.now, &[]);
        if let Some(quota) = &mut quota {
            quota.count(&mut item);
        }
        let fix = case.as_ref().and_then(|case| tried(&item, case, &mut local, by));
        let mut result = serde_json::to_value(&item).map_err(|error| error.to_string())?;
        if let Some(members) = result.as_object_mut() {
            members.insert("fix".to_owned(), json!(fix));
            let sent = case.map(|case| secrets::without_secrets(&case.document));
            members.insert("document".to_owned(), json!(sent));
        }
        results.push(result);
    }
    Ok(json!({ "policy_revision": set.revision(), "results": results }))
}

/// As the gateway does for a refused create: the change that the violations themselves name, tried against the rules.
fn tried(
    item: &Item,
    case: &Case,
    local: &mut Local,
    by: (&PolicySet, &[AdmittedField]),
) -> Option<Vec<Step>> {
    if item.word != Word::Refused || !case.is_amended() {
        return None;
    }
    let refused = item.findings.iter().filter(|finding| finding.effect == Effect::Refused);
    let violations: Vec<Violation> = refused.map(|finding| finding.violation.clone()).collect();
    let (document, steps) = fix::candidate(case.written(), &violations)?;
    let (set, admitted) = by;
    let mut other = case.instead(document, admitted).ok()?;
    let patches = local.amend(set, &other.input).ok()?;
    other.patch(set, patches, admitted).ok()?;
    let answer = local.decide(set, &other.input).ok()?;
    other.verdict(set, answer).ok().filter(crate::policy::verdict::Verdict::passes).map(|_| steps)
}
