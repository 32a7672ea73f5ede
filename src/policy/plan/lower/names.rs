//! Which variables a part of a rule names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::File;
use crate::policy::plan::Unplanned;

/// The kind of a node, and what is in it.
pub(super) fn node(value: &Value) -> Option<(&str, &Value)> {
    let mut members = value.as_object()?.iter();
    let (kind, inner) = members.next()?;
    members.next().is_none().then_some((kind.as_str(), inner))
}

/// Names in a part of a rule. Names that a comprehension or `every` declares for itself are not its surroundings' business.
#[derive(Clone, Copy)]
pub(super) struct Names<'f, 't> {
    pub(super) file: &'f File<'t>,
    /// Whether comprehensions, `every` and `not` are looked into.
    pub(super) deep: bool,
}

impl Names<'_, '_> {
    pub(super) fn of(self, part: &Value) -> Result<BTreeSet<String>, Unplanned> {
        let mut names = BTreeSet::new();
        self.gather(part, &mut names)?;
        names.remove("_");
        Ok(names)
    }

    fn gather(self, part: &Value, into: &mut BTreeSet<String>) -> Result<(), Unplanned> {
        match part {
            Value::Array(items) => items.iter().try_for_each(|item| self.gather(item, into)),
            Value::Object(members) => match node(part) {
                Some(("Var", inner)) => {
                    into.extend(inner.get("value").and_then(Value::as_str).map(str::to_owned));
                    Ok(())
                }
                Some(("RefDot", inner)) => self.member(inner, "refr", into),
                Some(("Call", inner)) => self.member(inner, "params", into),
                Some(("String" | "RawString" | "Number" | "Bool" | "Null" | "SomeVars", _)) => Ok(()),
                Some(("NotExpr", _)) if !self.deep => Ok(()),
                Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", inner)) => self.closure(inner, &[], into),
                Some(("Every", inner)) => {
                    self.member(inner, "domain", into)?;
                    let own = ["key", "value"].into_iter().filter_map(|name| inner.get(name));
                    let own: Vec<&Value> = own.filter(|span| !span.is_null()).collect();
                    self.closure(&serde_json::json!({"query": inner.get("query")}), &own, into)
                }
                _ => members
                    .iter()
                    .filter(|(name, _)| *name != "span" && *name != "field")
                    .try_for_each(|(_, inner)| self.gather(inner, into)),
            },
            _ => Ok(()),
        }
    }

    fn member(self, inner: &Value, name: &str, into: &mut BTreeSet<String>) -> Result<(), Unplanned> {
        inner.get(name).map_or(Ok(()), |part| self.gather(part, into))
    }

    fn closure(self, inner: &Value, own: &[&Value], into: &mut BTreeSet<String>) -> Result<(), Unplanned> {
        if !self.deep {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        for (_, part) in inner.as_object().into_iter().flatten().filter(|(name, _)| *name != "span") {
            self.gather(part, &mut names)?;
        }
        for name in self.declared(inner.get("query"))? {
            names.remove(&name);
        }
        for span in own {
            names.remove(self.file.words(span)?);
        }
        into.append(&mut names);
        Ok(())
    }

    /// The names that the statements of a body declare: `some`, `some ... in` and `:=`.
    pub(super) fn declared(self, query: Option<&Value>) -> Result<BTreeSet<String>, Unplanned> {
        let mut names = BTreeSet::new();
        for statement in statements(query) {
            match statement.get("literal").and_then(node) {
                Some(("SomeVars", inner)) => {
                    for span in inner.get("vars").and_then(Value::as_array).into_iter().flatten() {
                        names.insert(self.file.words(span)?.to_owned());
                    }
                }
                Some(("SomeIn", inner)) => {
                    let shallow = Self { deep: false, ..self };
                    for part in ["key", "value"] {
                        shallow.member(inner, part, &mut names)?;
                    }
                }
                Some(("Expr", inner)) => {
                    let Some(("AssignExpr", assign)) = inner.get("expr").and_then(node) else { continue };
                    if assign.get("op").and_then(Value::as_str) == Some("ColEq") {
                        let shallow = Self { deep: false, ..self };
                        shallow.member(assign, "lhs", &mut names)?;
                    }
                }
                _ => {}
            }
        }
        names.remove("_");
        Ok(names)
    }
}

/// The statements of a body.
pub(super) fn statements(query: Option<&Value>) -> impl Iterator<Item = &Value> {
    query.and_then(|query| query.get("stmts")).and_then(Value::as_array).into_iter().flatten()
}

/// The variables that stand alone in the brackets of references: what the engine loops over where nothing else binds them.
pub(super) fn loop_names(part: &Value, into: &mut BTreeSet<String>) {
    match part {
        Value::Array(items) => items.iter().for_each(|item| loop_names(item, into)),
        Value::Object(members) => match node(part) {
            Some(("ArrayCompr" | "SetCompr" | "ObjectCompr" | "Every" | "NotExpr", _)) => {}
            Some(("RefBrack", inner)) => {
                let index = inner.get("index").and_then(node);
                if let Some(("Var", variable)) = index {
                    into.extend(variable.get("value").and_then(Value::as_str).map(str::to_owned));
                }
                members.values().for_each(|inner| loop_names(inner, into));
            }
            _ => members.values().for_each(|inner| loop_names(inner, into)),
        },
        _ => {}
    }
}
