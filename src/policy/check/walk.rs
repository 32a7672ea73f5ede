//! Walking one rule's syntax tree for what it refers to and calls.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ast::{Call, Reference, Rule, RulePath, Step, chain, line, literal};

/// A walk through one rule.
pub(super) struct Walk<'a> {
    pub(super) package: &'a RulePath,
    pub(super) imports: &'a BTreeMap<String, RulePath>,
    /// The rules of the package.
    pub(super) own: &'a BTreeSet<String>,
    /// The names that the function's parameters bind; they hide rules of the same name.
    pub(super) parameters: BTreeSet<String>,
    pub(super) found: Rule,
}

impl Walk<'_> {
    /// Visits a node and all below it.
    pub(super) fn visit(&mut self, node: &Value) {
        match node {
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Object(map) => {
                let mut members = map.iter();
                match (members.next(), members.next()) {
                    (Some((kind, inner)), None) => self.expression(kind, inner, node),
                    _ => self.members(node),
                }
            }
            _ => {}
        }
    }

    fn members(&mut self, node: &Value) {
        let Some(map) = node.as_object() else { return };
        if map.contains_key("with_mods") {
            self.found.with.get_or_insert(line(node));
        }
        map.iter().filter(|(key, _)| *key != "span").for_each(|(_, inner)| self.visit(inner));
    }

    fn expression(&mut self, kind: &str, inner: &Value, node: &Value) {
        match kind {
            "Var" | "RefDot" | "RefBrack" => self.reference(node),
            "Call" => self.call(inner),
            "ArithExpr" | "UnaryExpr" | "BinExpr" => {
                self.found.operators.push(line(node));
                self.visit(inner);
            }
            "Number" | "String" | "RawString" | "Bool" | "Null" => {}
            _ => self.visit(inner),
        }
    }

    fn reference(&mut self, node: &Value) {
        let Some((root, steps)) = chain(node) else {
            // a reference into a call or a literal: `f(x).y`, `[1, 2][i]`
            return self.base_of(node);
        };
        if let Some(mut path) = self.resolve(root) {
            path.extend(steps.iter().map(|(step, _)| step.clone()));
            self.found.references.push(Reference { steps: path, line: line(node) });
        }
        for (_, index) in &steps {
            index.iter().for_each(|index| self.visit(index));
        }
    }

    fn base_of(&mut self, node: &Value) {
        let inner = node.as_object().and_then(|map| map.values().next());
        for member in ["refr", "index"] {
            inner.and_then(|inner| inner.get(member)).into_iter().for_each(|part| self.visit(part));
        }
    }

    /// What a variable stands for, if it is `data`, `input`, an import or a rule of the package. A local variable that
    /// has the name of a rule counts as that rule: to miss a recursion would end the process.
    fn resolve(&self, root: &str) -> Option<Vec<Step>> {
        let path: RulePath = if self.parameters.contains(root) {
            return None;
        } else if root == "data" || root == "input" {
            vec![root.to_owned()]
        } else if let Some(path) = self.imports.get(root) {
            path.clone()
        } else if self.own.contains(root) {
            let mut path = self.package.clone();
            path.push(root.to_owned());
            path
        } else {
            return None;
        };
        Some(path.into_iter().map(Step::Key).collect())
    }

    fn call(&mut self, inner: &Value) {
        let parameters = inner.get("params").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let at = inner.get("fcn").map_or(0, line);
        if let Some((root, steps)) = inner.get("fcn").and_then(chain) {
            let keys: Vec<String> = steps
                .iter()
                .filter_map(|(step, _)| match step {
                    Step::Key(key) => Some(key.clone()),
                    Step::Any => None,
                })
                .collect();
            let function = self.resolve(root).map(|path| {
                let path = path.into_iter().filter_map(|step| match step {
                    Step::Key(key) => Some(key),
                    Step::Any => None,
                });
                path.chain(keys.iter().cloned()).collect()
            });
            let name =
                std::iter::once(root).chain(keys.iter().map(String::as_str)).collect::<Vec<_>>().join(".");
            self.found.calls.push(Call {
                function,
                name,
                arguments: parameters.iter().map(literal).collect(),
                line: at,
            });
        }
        parameters.iter().for_each(|parameter| self.visit(parameter));
    }
}
