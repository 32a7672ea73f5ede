//! References that cannot exist, or that a rule must not make. A misspelt one is not an error to the engine: it is
//! undefined, and the rule never fires.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ast::{Module, Reference, Rule, Step};
use super::graph::Graph;
use super::packages::rule_of;
use crate::policy::problem::{Problem, hint};
use crate::policy::schema;

/// The members of `input.settings` that rules read.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct SettingsRead {
    pub(in crate::policy) names: BTreeSet<String>,
    /// Some rule reads the settings as a whole or under a computed name.
    pub(in crate::policy) any: bool,
}

/// What quota rules may read: an instance found in the cloud is priced by them too, and no more is known of it.
const QUOTA_READS: &[&[&str]] = &[&["create"], &["principal", "team"], &["settings"]];

/// Checks every reference.
pub(super) fn check(
    modules: &[Module],
    graph: &Graph<'_>,
    data: &Value,
    problems: &mut Vec<Problem>,
) -> SettingsRead {
    let schema = schema::input();
    let packages: Vec<&[String]> = modules.iter().map(|module| module.package.as_slice()).collect();
    let mut read = SettingsRead::default();
    for rule in modules.iter().flat_map(|module| &module.rules) {
        for reference in &rule.references {
            let fixed = reference.fixed();
            let trouble = match fixed.split_first() {
                Some((&"input", rest)) => {
                    note_settings(reference, &mut read);
                    input_trouble(&schema, rest)
                }
                Some((&"data", rest)) => data_trouble(graph, &packages, data, rest),
                _ => None,
            };
            problems.extend(trouble.map(|message| Problem::at(&rule.file, reference.line, message)));
        }
    }
    let mut quota_problems = BTreeMap::new();
    for module in modules {
        if rule_of(&module.package).is_some() {
            quota(graph, &module.package, &mut quota_problems);
        }
    }
    problems.extend(quota_problems.into_values());
    read
}

fn note_settings(reference: &Reference, read: &mut SettingsRead) {
    match reference.steps.get(1..) {
        Some([Step::Key(first), Step::Key(name), ..]) if first == "settings" => {
            read.names.insert(name.clone());
        }
        Some([Step::Key(first), ..]) if first != "settings" => {}
        _ => read.any = true,
    }
}

/// Follows the schema of the input as far as it says which members there are.
fn input_trouble(schema: &Value, steps: &[&str]) -> Option<String> {
    let mut here = schema;
    let mut way = "input".to_owned();
    for step in steps {
        here = resolve(schema, here);
        let properties = here.get("properties").and_then(Value::as_object)?;
        match properties.get(*step) {
            Some(next) => here = next,
            None => {
                let near = hint(step, properties.keys().map(String::as_str));
                return Some(format!("`{way}` has no member `{step}`{near}"));
            }
        }
        way = format!("{way}.{step}");
    }
    None
}

/// Follows `$ref` and the one alternative that is not null.
fn resolve<'a>(root: &'a Value, mut here: &'a Value) -> &'a Value {
    for _ in 0..8 {
        if let Some(target) = here.get("$ref").and_then(Value::as_str) {
            let pointer = target.strip_prefix('#').unwrap_or(target);
            match root.pointer(pointer) {
                Some(next) => here = next,
                None => return here,
            }
        } else if let Some(choices) = here.get("anyOf").and_then(Value::as_array) {
            let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) != Some("null");
            match choices.iter().find(is_null) {
                Some(next) => here = next,
                None => return here,
            }
        } else {
            return here;
        }
    }
    here
}

fn data_trouble(graph: &Graph<'_>, packages: &[&[String]], data: &Value, steps: &[&str]) -> Option<String> {
    let spelt = || std::iter::once("data").chain(steps.iter().copied()).collect::<Vec<_>>().join(".");
    match steps.first() {
        None => return Some("`data` as a whole may not be read: it holds every rule".to_owned()),
        Some(&"organisation") => {
            return Some(
                "rules may not read `data.organisation`: the settings are in `input.settings`".to_owned(),
            );
        }
        _ => {}
    }
    let path: Vec<String> = std::iter::once("data").chain(steps.iter().copied()).map(str::to_owned).collect();
    let is_rule = graph.paths().any(|rule| rule.starts_with(&path) || path.starts_with(rule));
    if is_rule {
        return None;
    }
    if let Some(package) = packages.iter().filter(|package| path.starts_with(package)).max_by_key(|p| p.len())
    {
        let member = path.get(package.len()).map_or("", String::as_str);
        let near = hint(
            member,
            graph.paths().filter_map(|rule| rule.strip_prefix(*package)?.first()).map(String::as_str),
        );
        return Some(format!("package `{}` has no rule `{member}`{near}", package.join(".")));
    }
    // two steps into the data: what lies deeper is the business of facts, which come and go
    let mut here = data;
    for step in steps.iter().take(2) {
        let map = here.as_object()?;
        match map.get(*step) {
            Some(next) => here = next,
            None => {
                let packages = packages.iter().filter_map(|package| package.get(1)).map(String::as_str);
                let near = hint(step, map.keys().map(String::as_str).chain(packages));
                return Some(format!("there is no `{}`: no rule and no data by that name{near}", spelt()));
            }
        }
    }
    None
}

fn quota(graph: &Graph<'_>, package: &[String], problems: &mut BTreeMap<(String, u32), Problem>) {
    let mut path = package.to_vec();
    path.push("quota".to_owned());
    let reads = graph.reachable(&path);
    let references = reads.iter().flat_map(|rule: &&Rule| rule.references.iter().map(move |one| (rule, one)));
    for (rule, reference) in references {
        let fixed = reference.fixed();
        let Some((&"input", rest)) = fixed.split_first() else { continue };
        if !QUOTA_READS.iter().any(|allowed| rest.starts_with(allowed)) {
            let message = format!(
                "a quota rule may read only `input.create`, `input.principal.team` and `input.settings`, not `{}`",
                fixed.join(".")
            );
            problems
                .entry((rule.file.clone(), reference.line))
                .or_insert_with(|| Problem::at(&rule.file, reference.line, message));
        }
    }
}
