//! Where the bytecode machine would hide an error, or go another way than the interpreter.
//!
//! Measured on regorus 0.14.1: inside a rule its bytecode machine takes every error but an exceeded limit for "the body
//! does not hold", in strict mode too. `startswith(null, "x")`, `1 / 0` and two values for one rule make a `deny` fall
//! silent where the interpreter reports an error. A rule that failed must refuse, so only rules in which nothing can
//! fail run as bytecode; the others run in the interpreter, and the reason is shown.

use std::collections::BTreeMap;

use super::ast::{Call, Rule, RulePath, Shape};
use super::graph::Graph;

/// Builtins that take any argument.
const TOTAL: &[&str] =
    &["is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "type_name"];

/// The first place, in a rule package or what it uses, at which an error would be hidden.
pub(super) fn first(graph: &Graph<'_>, rule: &str) -> Option<String> {
    let package = ["data", "zengate", "rules", rule].map(str::to_owned);
    let definitions = graph.reachable(&package);
    let mut by_path: BTreeMap<&RulePath, Vec<&Rule>> = BTreeMap::new();
    for rule in &definitions {
        by_path.entry(&rule.path).or_default().push(rule);
    }
    definitions.iter().find_map(|rule| within(rule)).or_else(|| by_path.values().find_map(|all| between(all)))
}

fn within(rule: &Rule) -> Option<String> {
    let at = |line: u32, what: &str| Some(format!("{}:{line}: {what}", rule.file));
    if let Some(line) = rule.with {
        return at(line, "`with`");
    }
    if rule.otherwise {
        return at(rule.line, "`else`, which the machine passes by where a body before it is undefined");
    }
    if let Some(line) = rule.operators.first() {
        return at(*line, "an operator that can fail");
    }
    if let Some(call) = rule.calls.iter().find(|call| call.function.is_none() && !total(call)) {
        return at(call.line, &format!("`{}` can fail", call.name));
    }
    (rule.shape == Shape::Object)
        .then(|| format!("{}:{}: one key could get two values", rule.file, rule.line))
}

fn between(definitions: &[&Rule]) -> Option<String> {
    let valued: Vec<&&Rule> =
        definitions.iter().filter(|rule| matches!(rule.shape, Shape::Complete | Shape::Function)).collect();
    let first = valued.first()?;
    let agree = valued.len() < 2
        || valued.iter().all(|rule| rule.constant.is_some() && rule.constant == first.constant);
    (!agree).then(|| {
        let last = valued.last().unwrap_or(first);
        format!("{}:{}: `{}` could get two values", last.file, last.line, last.path.join("."))
    })
}

/// Whether a call of a builtin cannot fail, whatever the values of its arguments.
fn total(call: &Call) -> bool {
    TOTAL.contains(&call.name.as_str()) || (call.name == "sprintf" && plain_format(call))
}

/// A format written out whose verbs are all `%v`, with as many values.
fn plain_format(call: &Call) -> bool {
    let format = call.arguments.first().and_then(Option::as_ref).and_then(serde_json::Value::as_str);
    let values = call.lengths.get(1).copied().flatten();
    format.zip(values).is_some_and(|(format, values)| {
        let mut rest = format.split('%').skip(1).peekable();
        let mut verbs = 0;
        while let Some(piece) = rest.next() {
            if piece.is_empty() && rest.peek().is_some() {
                rest.next(); // `%%`
            } else if piece.starts_with('v') {
                verbs += 1;
            } else {
                return false;
            }
        }
        verbs == values
    })
}
