//! Bodies: which variables there are, in which order statements are taken, and what each becomes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::names::{Names, loop_names, node, statements};
use super::order::{Link, order};
use super::{File, Tree};
use crate::policy::plan::{Block, Comparison, Expr, Pattern, Stmt, Unplanned};

/// The definition that is being lowered.
pub(super) struct Body<'b, 't> {
    pub(super) file: &'b File<'t>,
    pub(super) tree: &'b mut Tree,
    /// The rules it needs.
    pub(super) needs: &'b mut BTreeSet<usize>,
    /// The variables of each scope, the innermost last, with their places.
    scopes: Vec<BTreeMap<String, usize>>,
    /// Those that have a value by now.
    bound: BTreeSet<usize>,
    slots: usize,
}

impl<'b, 't> Body<'b, 't> {
    pub(super) fn new(file: &'b File<'t>, tree: &'b mut Tree, needs: &'b mut BTreeSet<usize>) -> Self {
        Self { file, tree, needs, scopes: Vec::new(), bound: BTreeSet::new(), slots: 0 }
    }

    pub(super) fn open(&mut self) {
        self.scopes.push(BTreeMap::new());
    }

    pub(super) fn close(&mut self) {
        self.scopes.pop();
    }

    /// How many places its variables need.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// A new place, of no name.
    pub(super) fn slot(&mut self) -> usize {
        let slot = self.slots;
        self.slots = slot.saturating_add(1);
        slot
    }

    fn declare(&mut self, name: &str) -> usize {
        let slot = self.slot();
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), slot);
        }
        slot
    }

    /// The place of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<usize> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name)).copied()
    }

    pub(super) fn is_bound(&self, slot: usize) -> bool {
        self.bound.contains(&slot)
    }

    pub(super) fn set_bound(&mut self, slot: usize) {
        self.bound.insert(slot);
    }

    /// The parameters of a function: its first variables, and what they must be besides.
    pub(super) fn parameters(&mut self, parameters: &[Value]) -> Result<Vec<(usize, Pattern)>, Unplanned> {
        let places: Vec<usize> = parameters.iter().map(|_| self.slot()).collect();
        let mut asked = Vec::new();
        for (place, parameter) in places.into_iter().zip(parameters) {
            let name = match node(parameter) {
                Some(("Var", inner)) => inner.get("value").and_then(Value::as_str),
                _ => None,
            };
            match name {
                Some("_") => continue,
                Some(name) if self.variable(name).is_none() => {
                    if let Some(scope) = self.scopes.last_mut() {
                        scope.insert(name.to_owned(), place);
                    }
                    self.set_bound(place);
                }
                _ => {
                    for name in self.shallow().of(parameter)? {
                        if self.variable(&name).is_some() {
                            // the engine lets the last one count, OPA wants them to be equal
                            return Err(Unplanned::new(format!("`{name}` twice among the parameters")));
                        }
                        self.declare(&name);
                    }
                    asked.push((place, self.pattern(parameter)?));
                }
            }
        }
        Ok(asked)
    }

    fn shallow(&self) -> Names<'b, 't> {
        Names { file: self.file, deep: false }
    }

    fn deep(&self) -> Names<'b, 't> {
        Names { file: self.file, deep: true }
    }

    /// Gives places to the names in `part` that nothing else explains.
    fn declare_free(&mut self, part: &Value) -> Result<(), Unplanned> {
        for name in self.shallow().of(part)? {
            if self.variable(&name).is_none() && !self.is_known(&name) {
                self.declare(&name);
            }
        }
        Ok(())
    }

    /// Lowers the statements of a body whose head, or term, is `heads`; its variables are those of the innermost scope.
    pub(super) fn statements(&mut self, query: Option<&Value>, heads: &[&Value]) -> Result<Block, Unplanned> {
        for name in self.shallow().declared(query)? {
            self.declare(&name);
        }
        let all: Vec<&Value> = statements(query).collect();
        for part in all.iter().chain(heads) {
            self.declare_free(part)?;
        }
        let own: BTreeSet<String> =
            self.scopes.last().into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let links = self.links(&all, &own)?;
        let order =
            order(&links).ok_or_else(|| Unplanned::new("a body whose variables wait for one another"))?;
        let mut block = Block::new();
        for place in order {
            if let Some(statement) = all.get(place) {
                let line = crate::policy::check::ast::line(statement);
                self.statement(statement, &mut block).map_err(|trouble| trouble.at(self.file.name, line))?;
            }
        }
        Ok(block)
    }

    fn links(&self, all: &[&Value], own: &BTreeSet<String>) -> Result<Vec<Link>, Unplanned> {
        let (shallow, deep) = (self.shallow(), self.deep());
        let mut assigned = BTreeSet::new();
        for statement in all {
            match statement.get("literal").and_then(node) {
                Some(("SomeIn", inner)) => {
                    for part in ["key", "value"] {
                        assigned.append(&mut shallow.of(inner.get(part).unwrap_or(&Value::Null))?);
                    }
                }
                Some(("Expr", inner)) => {
                    if let Some(("ColEq", left, _)) = assignment(part(inner, "expr")) {
                        assigned.append(&mut shallow.of(left)?);
                    }
                }
                _ => {}
            }
        }
        let looped = |part: &Value| {
            let mut names = BTreeSet::new();
            loop_names(part, &mut names);
            names.retain(|name| own.contains(name) && !assigned.contains(name));
            names
        };
        let mut links = Vec::new();
        for statement in all {
            let literal = statement.get("literal").unwrap_or(&Value::Null);
            let mut gives = BTreeSet::new();
            match node(literal) {
                Some(("SomeVars" | "NotExpr", _)) => {}
                Some(("SomeIn", inner)) => {
                    for part in ["key", "value"] {
                        gives.append(&mut shallow.of(inner.get(part).unwrap_or(&Value::Null))?);
                    }
                    gives.append(&mut looped(inner.get("collection").unwrap_or(&Value::Null)));
                }
                Some((_, inner)) => {
                    if let Some((operator, left, right)) = assignment(part(inner, "expr")) {
                        let new = |part: &Value| {
                            let loops = looped(part);
                            let mut names = shallow.of(part)?;
                            names.retain(|name| !assigned.contains(name) && !loops.contains(name));
                            names.retain(|name| own.contains(name));
                            Ok(names)
                        };
                        gives = if operator == "ColEq" { shallow.of(left)? } else { new(left)? };
                        if gives.is_empty() && operator != "ColEq" {
                            gives = new(right)?;
                        }
                    }
                    gives.append(&mut looped(inner));
                }
                None => {}
            }
            gives.retain(|name| own.contains(name));
            let mut needs = deep.of(literal)?;
            needs.retain(|name| own.contains(name) && !gives.contains(name));
            let early = matches!(node(literal), Some(("SomeIn", _)));
            links.push(Link { gives, needs, early });
        }
        Ok(links)
    }

    fn statement(&mut self, statement: &Value, block: &mut Block) -> Result<(), Unplanned> {
        if statement.get("with_mods").is_some() {
            return Err(Unplanned::new("`with`"));
        }
        match statement.get("literal").and_then(node) {
            Some(("SomeVars", _)) => {}
            Some(("SomeIn", inner)) => {
                let collection = self.expr(part(inner, "collection"), block)?;
                let key = match inner.get("key").filter(|key| !key.is_null()) {
                    Some(key) => self.pattern(key)?,
                    None => Pattern::Any,
                };
                let value = self.pattern(part(inner, "value"))?;
                block.push(Stmt::Each { collection, key, value, some: true });
            }
            Some(("Expr", inner)) => self.condition(part(inner, "expr"), block)?,
            Some(("NotExpr", inner)) => {
                let expr = part(inner, "expr");
                self.open();
                self.declare_free(expr)?;
                let mut inside = Block::new();
                self.condition(expr, &mut inside)?;
                self.close();
                block.push(Stmt::Not(inside));
            }
            Some(("Every", inner)) => {
                let collection = self.expr(part(inner, "domain"), block)?;
                self.open();
                let key = self.bound_here(inner.get("key"))?;
                let value = self.bound_here(inner.get("value"))?;
                self.open();
                let inside = self.statements(inner.get("query"), &[])?;
                self.close();
                self.close();
                block.push(Stmt::Every { collection, key, value, block: inside });
            }
            _ => return Err(Unplanned::new("such a statement")),
        }
        Ok(())
    }

    /// The variable that a span of the text names, new and with a value.
    fn bound_here(&mut self, span: Option<&Value>) -> Result<Pattern, Unplanned> {
        let Some(span) = span.filter(|span| !span.is_null()) else { return Ok(Pattern::Any) };
        let name = self.file.words(span)?;
        if name == "_" {
            return Ok(Pattern::Any);
        }
        let slot = self.declare(name);
        self.set_bound(slot);
        Ok(Pattern::Slot(slot))
    }

    fn condition(&mut self, expr: &Value, block: &mut Block) -> Result<(), Unplanned> {
        let Some((operator, left, right)) = assignment(expr) else {
            let test = self.expr(expr, block)?;
            block.push(Stmt::Test(test));
            return Ok(());
        };
        let (into, from) = if operator == "ColEq" || self.waits(left)? {
            (left, right)
        } else if self.waits(right)? {
            (right, left)
        } else {
            let (one, other) = (self.expr(left, block)?, self.expr(right, block)?);
            block.push(Stmt::Test(Expr::Compare(Comparison::Equal, Box::new(one), Box::new(other))));
            return Ok(());
        };
        let from = self.expr(from, block)?;
        let into = self.pattern(into)?;
        block.push(Stmt::Bind(into, from));
        Ok(())
    }

    /// Whether a side of `=` names variables that have no value yet, other than to loop over.
    fn waits(&self, part: &Value) -> Result<bool, Unplanned> {
        let mut loops = BTreeSet::new();
        loop_names(part, &mut loops);
        let names = self.shallow().of(part)?;
        let mut slots = names.difference(&loops).filter_map(|name| self.variable(name));
        Ok(slots.any(|slot| !self.is_bound(slot)))
    }

    pub(super) fn pattern(&mut self, part: &Value) -> Result<Pattern, Unplanned> {
        match node(part) {
            Some(("Var", inner)) => {
                let name = inner.get("value").and_then(Value::as_str).unwrap_or_default();
                if name == "_" {
                    return Ok(Pattern::Any);
                }
                match self.variable(name) {
                    Some(slot) if !self.is_bound(slot) => {
                        self.set_bound(slot);
                        Ok(Pattern::Slot(slot))
                    }
                    _ => self.equal(part),
                }
            }
            Some(("Array", inner)) => {
                let items = inner.get("items").and_then(Value::as_array).into_iter().flatten();
                items.map(|item| self.pattern(item)).collect::<Result<_, _>>().map(Pattern::Array)
            }
            _ => self.equal(part),
        }
    }

    fn equal(&mut self, part: &Value) -> Result<Pattern, Unplanned> {
        let mut before = Block::new();
        let expr = self.expr(part, &mut before)?;
        if before.is_empty() { Ok(Pattern::Equal(expr)) } else { Err(Unplanned::new("such a pattern")) }
    }
}

/// A part of a node; null where it has none of that name.
fn part<'v>(inner: &'v Value, name: &str) -> &'v Value {
    inner.get(name).unwrap_or(&Value::Null)
}

/// The operator and the sides of an assignment.
fn assignment(expr: &Value) -> Option<(&str, &Value, &Value)> {
    let ("AssignExpr", assign) = node(expr)? else { return None };
    Some((assign.get("op")?.as_str()?, assign.get("lhs")?, assign.get("rhs")?))
}
