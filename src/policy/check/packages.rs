//! The rules of a tree: packages under `zengate.rules`, and what each defines.

use std::collections::BTreeMap;

use super::ast::{Module, Shape};
use crate::nearest::distance;
use crate::policy::problem::Problem;

const PARTS: [&str; 4] = ["patches", "deny", "warn", "quota"];

/// What one rule defines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::policy) struct Parts {
    pub(in crate::policy) patches: bool,
    pub(in crate::policy) deny: bool,
    pub(in crate::policy) warn: bool,
    pub(in crate::policy) quota: bool,
}

impl Parts {
    fn mark(&mut self, part: &str) {
        match part {
            "patches" => self.patches = true,
            "deny" => self.deny = true,
            "warn" => self.warn = true,
            "quota" => self.quota = true,
            _ => {}
        }
    }

    fn any(self) -> bool {
        self.patches || self.deny || self.warn || self.quota
    }
}

/// The rule that a package is, if it lies under `zengate.rules`.
pub(super) fn rule_of(package: &[String]) -> Option<String> {
    match package {
        [data, zengate, rules, name] if data == "data" && zengate == "zengate" && rules == "rules" => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// Finds the rules, and rules that define nothing or define it in a way the gateway would not see.
pub(super) fn check(modules: &[Module], problems: &mut Vec<Problem>) -> BTreeMap<String, Parts> {
    let mut rules: BTreeMap<String, Parts> = BTreeMap::new();
    let mut files: BTreeMap<String, &str> = BTreeMap::new();
    for module in modules {
        let Some(name) = rule_of(&module.package) else {
            misplaced(module, problems);
            continue;
        };
        let parts = rules.entry(name.clone()).or_default();
        files.entry(name).or_insert(&module.file);
        for rule in &module.rules {
            let Some(head) = rule.path.get(module.package.len()).map(String::as_str) else { continue };
            if !PARTS.contains(&head) {
                if let Some(meant) = PARTS.iter().find(|part| distance(head, part) == 1) {
                    let message =
                        format!("`{head}` is none of the answers of a rule (did you mean `{meant}`?)");
                    problems.push(Problem::at(&module.file, rule.line, message));
                }
            } else if rule.shape == Shape::Set {
                parts.mark(head);
            } else {
                let message = format!("`{head}` must be a partial set: `{head} contains ...`");
                problems.push(Problem::at(&module.file, rule.line, message));
            }
        }
    }
    for (name, parts) in &rules {
        if let (false, Some(file)) = (parts.any(), files.get(name)) {
            let message = format!("rule `{name}` defines none of {}", PARTS.join(", "));
            problems.push(Problem::of(*file, message));
        }
    }
    rules
}

/// A package below a rule would be read by nobody.
fn misplaced(module: &Module, problems: &mut Vec<Problem>) {
    let under_rules = matches!(
        module.package.as_slice(),
        [data, zengate, rules, ..] if data == "data" && zengate == "zengate" && rules == "rules"
    );
    if under_rules {
        let message = "a rule is a package `zengate.rules.<rule>`; put shared code elsewhere under `zengate`";
        problems.push(Problem::of(&module.file, message));
    }
}
