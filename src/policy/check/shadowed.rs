//! Variables that the engine takes for something else.
//!
//! `import rego.v1` gives a file the name `v1`, as an import of `data.v1` would: the engine looks a variable `v1` up there, finds
//! nothing, and the body never holds. OPA knows no such name.

use serde_json::Value;

use super::ast::{chain, line, package, rules};
use crate::policy::problem::Problem;

/// One problem per file for each name of an import of the language's own that is used as a variable.
pub(super) fn check(trees: &[(String, Value)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, trees) in trees {
        let Some(tree) = trees.get(0).and_then(|tree| tree.get("ast")).filter(|tree| package(tree).is_some())
        else {
            continue;
        };
        let imports = tree.get("imports").and_then(Value::as_array).into_iter().flatten();
        for import in imports {
            let Some((root, steps)) = import.get("refr").and_then(chain) else { continue };
            let name = match steps.last() {
                Some((super::ast::Step::Key(key), _)) if root == "rego" || root == "future" => key,
                _ => continue,
            };
            if let Some(at) = rules(tree).find_map(|rule| variable(rule, name)) {
                let message =
                    format!("a variable `{name}` is taken for the import of that name: give it another");
                problems.push(Problem::at(file, at, message));
            }
        }
    }
    problems
}

/// The line on which a variable of this name stands.
fn variable(node: &Value, name: &str) -> Option<u32> {
    match node {
        Value::Array(items) => items.iter().find_map(|item| variable(item, name)),
        Value::Object(members) => {
            let own = members.get("Var").filter(|own| own.get("value").and_then(Value::as_str) == Some(name));
            own.map(line).or_else(|| members.values().find_map(|inner| variable(inner, name)))
        }
        _ => None,
    }
}
