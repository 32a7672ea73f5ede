//! Expressions. What loops inside one becomes a statement before the one that the expression stands in.

use serde_json::Value;

use super::body::Body;
use super::names::node;
use crate::policy::check::ast::{Step, chain, literal};
use crate::policy::plan::input::Section;
use crate::policy::plan::{Arithmetic, Block, Builtin, Comparison, Constant, Expr, Pattern, Stmt, Unplanned};

/// What a name stands for that is no variable.
enum Meaning {
    Input,
    /// A path under `data`.
    Data(Vec<String>),
    /// A path under `input`, by an import.
    Under(Vec<String>),
}

/// A reference taken apart: what it starts from, and its steps.
struct Reference<'e> {
    root: &'e Value,
    steps: Vec<(Step, Option<&'e Value>)>,
}

impl<'b, 't> Body<'b, 't> {
    /// Lowers an expression; loops in it are added to `before`.
    pub(super) fn expr(&mut self, part: &Value, before: &mut Block) -> Result<Expr, Unplanned> {
        let Some((kind, inner)) = node(part) else { return Err(Unplanned::new("such an expression")) };
        let side = |name: &str| inner.get(name).unwrap_or(&Value::Null);
        match kind {
            "Number" | "String" | "RawString" | "Bool" | "Null" => self.literal(part),
            "Var" | "RefDot" | "RefBrack" => self.reference(part, before),
            "Call" => self.call(inner, before),
            "Array" => {
                let items = self.items(inner, before)?;
                Ok(self.folded(items, Constant::Array, Expr::Array))
            }
            "Set" => {
                let items = self.items(inner, before)?;
                Ok(self.folded(items, Constant::Set, Expr::Set))
            }
            "Object" => self.object(inner, before),
            "ArrayCompr" => {
                let (block, mut terms) = self.comprehension(side("query"), &[side("term")])?;
                Ok(Expr::ArrayOf(block, Box::new(last(&mut terms)?)))
            }
            "SetCompr" => {
                let (block, mut terms) = self.comprehension(side("query"), &[side("term")])?;
                Ok(Expr::SetOf(block, Box::new(last(&mut terms)?)))
            }
            "ObjectCompr" => {
                let (block, mut terms) = self.comprehension(side("query"), &[side("key"), side("value")])?;
                let value = last(&mut terms)?;
                Ok(Expr::ObjectOf(block, Box::new(last(&mut terms)?), Box::new(value)))
            }
            "BoolExpr" => {
                let comparison = comparison(side("op"))?;
                let (one, other) = self.pair(inner, before)?;
                Ok(Expr::Compare(comparison, one, other))
            }
            "ArithExpr" | "BinExpr" => {
                let operation = arithmetic(side("op"))?;
                let (one, other) = self.pair(inner, before)?;
                Ok(Expr::Arithmetic(operation, one, other))
            }
            "Membership" => {
                let key = inner.get("key").filter(|key| !key.is_null());
                let key = key.map(|key| self.expr(key, before).map(Box::new)).transpose()?;
                let value = self.expr(side("value"), before)?;
                let collection = self.expr(side("collection"), before)?;
                Ok(Expr::In(key, Box::new(value), Box::new(collection)))
            }
            _ => Err(Unplanned::new("such an expression")),
        }
    }

    fn literal(&mut self, part: &Value) -> Result<Expr, Unplanned> {
        let value = literal(part).ok_or_else(|| Unplanned::new("such a literal"))?;
        let constant = match value {
            Value::Null => Constant::Null,
            Value::Bool(flag) => Constant::Bool(flag),
            Value::String(text) => Constant::Text(text),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(exact), _) => Constant::Int(exact),
                (None, Some(near)) if !number.is_u64() => Constant::Float(near),
                _ => return Err(Unplanned::new("such a number")),
            },
            Value::Array(_) | Value::Object(_) => return Err(Unplanned::new("such a literal")),
        };
        Ok(self.tree.constant(constant))
    }

    fn pair(&mut self, inner: &Value, before: &mut Block) -> Result<(Box<Expr>, Box<Expr>), Unplanned> {
        let one = self.expr(inner.get("lhs").unwrap_or(&Value::Null), before)?;
        let other = self.expr(inner.get("rhs").unwrap_or(&Value::Null), before)?;
        Ok((Box::new(one), Box::new(other)))
    }

    fn items(&mut self, inner: &Value, before: &mut Block) -> Result<Vec<Expr>, Unplanned> {
        let items = inner.get("items").and_then(Value::as_array).into_iter().flatten();
        items.map(|item| self.expr(item, before)).collect()
    }

    /// A constant where all items are.
    fn folded(
        &mut self,
        items: Vec<Expr>,
        constant: fn(Vec<Constant>) -> Constant,
        built: fn(Vec<Expr>) -> Expr,
    ) -> Expr {
        let constants: Option<Vec<Constant>> = items.iter().map(|item| self.tree.written(item)).collect();
        match constants {
            Some(constants) => self.tree.constant(constant(constants)),
            None => built(items),
        }
    }

    fn object(&mut self, inner: &Value, before: &mut Block) -> Result<Expr, Unplanned> {
        let mut members = Vec::new();
        for field in inner.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let part = |place: usize| field.get(place).unwrap_or(&Value::Null);
            members.push((self.expr(part(1), before)?, self.expr(part(2), before)?));
        }
        let written =
            |(key, value): &(Expr, Expr)| Some((self.tree.written(key)?, self.tree.written(value)?));
        let constants: Option<Vec<(Constant, Constant)>> = members.iter().map(written).collect();
        match constants {
            Some(constants) => {
                let twice = constants
                    .iter()
                    .enumerate()
                    .any(|(place, (key, _))| constants.iter().take(place).any(|(other, _)| other == key));
                if twice {
                    return Err(Unplanned::new("an object with a key twice"));
                }
                Ok(self.tree.constant(Constant::Object(constants)))
            }
            None => {
                let name = |key: &Expr| match self.tree.written(key) {
                    Some(Constant::Text(name)) => Some(name),
                    _ => None,
                };
                let named: Option<Vec<String>> = members.iter().map(|(key, _)| name(key)).collect();
                let mut ordered = false;
                if let Some(names) = named {
                    let mut pairs: Vec<_> = names.into_iter().zip(members).collect();
                    pairs.sort_by(|one, other| one.0.cmp(&other.0));
                    ordered = pairs.iter().zip(pairs.iter().skip(1)).all(|(one, other)| one.0 != other.0);
                    members = pairs.into_iter().map(|(_, member)| member).collect();
                }
                Ok(Expr::Object(members, ordered))
            }
        }
    }

    fn comprehension(&mut self, query: &Value, terms: &[&Value]) -> Result<(Block, Vec<Expr>), Unplanned> {
        self.open();
        let mut block = self.statements(Some(query), terms)?;
        let terms = terms.iter().map(|term| self.expr(term, &mut block)).collect::<Result<_, _>>()?;
        self.close();
        Ok((block, terms))
    }

    /// What a name stands for that is no variable; none for a name that nothing explains.
    fn meaning(&self, name: &str) -> Option<Meaning> {
        let path = match name {
            "input" => return Some(Meaning::Input),
            "data" => vec!["data".to_owned()],
            _ => match self.file.imports.get(name) {
                Some(path) => path.clone(),
                None => {
                    let names = self.tree.names.get(&self.file.package)?;
                    let mut path = names.contains(name).then(|| self.file.package.clone())?;
                    path.push(name.to_owned());
                    path
                }
            },
        };
        match path.split_first() {
            Some((first, rest)) if first == "input" => Some(Meaning::Under(rest.to_vec())),
            _ => Some(Meaning::Data(path)),
        }
    }

    /// Whether a name stands for something that is no variable.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.meaning(name).is_some()
    }

    fn reference(&mut self, part: &Value, before: &mut Block) -> Result<Expr, Unplanned> {
        let Reference { root, steps } = taken_apart(part);
        let name = match node(root) {
            Some(("Var", inner)) => inner.get("value").and_then(Value::as_str),
            _ => None,
        };
        let Some(name) = name else {
            let from = self.expr(root, before)?;
            return self.path(from, &steps, before);
        };
        if let Some(slot) = self.variable(name) {
            if !self.is_bound(slot) {
                return Err(Unplanned::new(format!("`{name}` without a value")));
            }
            return self.path(Expr::Slot(slot), &steps, before);
        }
        match self.meaning(name) {
            Some(Meaning::Input) => self.path(Expr::Input, &steps, before),
            Some(Meaning::Under(path)) => {
                let from = self.fixed(Expr::Input, path);
                self.path(from, &steps, before)
            }
            Some(Meaning::Data(path)) => self.data(path, &steps, before),
            None => Err(Unplanned::new(format!("`{name}` without a value"))),
        }
    }

    fn fixed(&mut self, from: Expr, path: Vec<String>) -> Expr {
        if path.is_empty() {
            return from;
        }
        let steps = path.into_iter().map(|key| self.tree.constant(Constant::Text(key))).collect();
        Expr::Path(Box::new(from), steps)
    }

    /// A rule, or data; a package as a whole is left to the interpreter.
    fn data(
        &mut self,
        mut path: Vec<String>,
        steps: &[(Step, Option<&Value>)],
        before: &mut Block,
    ) -> Result<Expr, Unplanned> {
        let written = path.len();
        let keys = steps.iter().map_while(|(step, _)| match step {
            Step::Key(key) => Some(key.clone()),
            Step::Any => None,
        });
        path.extend(keys);
        for length in (1..=path.len()).rev() {
            let Some(place) = path.get(..length).and_then(|start| self.tree.places.get(start)).copied()
            else {
                continue;
            };
            self.needs.insert(place);
            // the path may go on into the rule's value, and part of that may stand in the import
            let inside = path.get(length..written).unwrap_or_default().to_vec();
            let from = self.fixed(Expr::Rule(place), inside);
            let rest = steps.get(length.saturating_sub(written)..).unwrap_or_default();
            return self.path(from, rest, before);
        }
        if self.tree.places.keys().any(|rule| rule.starts_with(&path)) {
            return Err(Unplanned::new("a package as a value"));
        }
        let inside = path.get(1..written).unwrap_or_default().to_vec();
        let from = self.fixed(Expr::Data, inside);
        self.path(from, steps, before)
    }

    /// Steps into a value. A step by a variable without a value is a loop.
    fn path(
        &mut self,
        from: Expr,
        steps: &[(Step, Option<&Value>)],
        before: &mut Block,
    ) -> Result<Expr, Unplanned> {
        let (mut from, mut keys) = match from {
            Expr::Path(from, keys) => (*from, keys),
            from => (from, Vec::new()),
        };
        for (step, index) in steps {
            let key = match (step, index) {
                (Step::Key(key), _) => self.tree.constant(Constant::Text(key.clone())),
                (Step::Any, Some(index)) => match self.looped(index) {
                    None => self.expr(index, before)?,
                    Some(pattern) => {
                        let slot = self.slot();
                        self.set_bound(slot);
                        let collection = self.stepped(from, std::mem::take(&mut keys));
                        let value = Pattern::Slot(slot);
                        before.push(Stmt::Each { collection, key: pattern, value, some: false });
                        from = Expr::Slot(slot);
                        continue;
                    }
                },
                (Step::Any, None) => return Err(Unplanned::new("such a reference")),
            };
            keys.push(key);
        }
        Ok(self.stepped(from, keys))
    }

    /// Steps into a value. The first step into the input is to a member that has a place of its own.
    fn stepped(&self, from: Expr, mut keys: Vec<Expr>) -> Expr {
        let section = match (&from, keys.first().and_then(|key| self.tree.written(key))) {
            (Expr::Input, Some(Constant::Text(name))) => Section::named(&name),
            _ => None,
        };
        let from = section.map_or(from, |section| {
            keys.remove(0);
            Expr::Section(section)
        });
        if keys.is_empty() { from } else { Expr::Path(Box::new(from), keys) }
    }

    /// What a loop binds, where the index is a variable without a value.
    fn looped(&mut self, index: &Value) -> Option<Pattern> {
        let ("Var", inner) = node(index)? else { return None };
        let name = inner.get("value")?.as_str()?;
        if name == "_" {
            return Some(Pattern::Any);
        }
        let slot = self.variable(name).filter(|slot| !self.is_bound(*slot))?;
        self.set_bound(slot);
        Some(Pattern::Slot(slot))
    }

    fn call(&mut self, inner: &Value, before: &mut Block) -> Result<Expr, Unplanned> {
        let function = inner.get("fcn").and_then(chain).ok_or_else(|| Unplanned::new("such a call"))?;
        let (root, steps) = function;
        let keys: Option<Vec<String>> = steps
            .iter()
            .map(|(step, _)| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Any => None,
            })
            .collect();
        let keys = keys.ok_or_else(|| Unplanned::new("such a call"))?;
        let parameters = inner.get("params").and_then(Value::as_array).into_iter().flatten();
        let arguments: Vec<Expr> =
            parameters.map(|parameter| self.expr(parameter, before)).collect::<Result<_, _>>()?;
        if let Some(Meaning::Data(mut path)) = self.meaning(root) {
            path.extend(keys);
            let place = self.tree.places.get(&path).copied();
            let place = place.ok_or_else(|| Unplanned::new("a call of what is no function"))?;
            self.needs.insert(place);
            return Ok(Expr::Call(place, arguments));
        }
        let name = std::iter::once(root.to_owned()).chain(keys).collect::<Vec<_>>().join(".");
        match Builtin::named(&name) {
            Some((builtin, wanted)) if wanted == arguments.len() => Ok(Expr::Builtin(builtin, arguments)),
            Some(_) => Err(Unplanned::new(format!("`{name}` with other arguments"))),
            None => Err(Unplanned::new(format!("`{name}`"))),
        }
    }
}

fn last(terms: &mut Vec<Expr>) -> Result<Expr, Unplanned> {
    terms.pop().ok_or_else(|| Unplanned::new("a comprehension without a term"))
}

/// A reference taken apart down to what it starts from, whatever that is.
fn taken_apart(part: &Value) -> Reference<'_> {
    let mut steps = Vec::new();
    let mut root = part;
    loop {
        let next = match node(root) {
            Some(("RefDot", inner)) => {
                let field = inner.get("field").and_then(|field| field.get(1)).and_then(Value::as_str);
                inner.get("refr").zip(field).map(|(next, field)| (next, (Step::Key(field.to_owned()), None)))
            }
            Some(("RefBrack", inner)) => inner.get("refr").zip(inner.get("index")).map(|(next, index)| {
                let step = match literal(index) {
                    Some(Value::String(key)) => Step::Key(key),
                    _ => Step::Any,
                };
                (next, (step, Some(index)))
            }),
            _ => None,
        };
        let Some((next, step)) = next else { break };
        steps.push(step);
        root = next;
    }
    steps.reverse();
    Reference { root, steps }
}

fn comparison(operator: &Value) -> Result<Comparison, Unplanned> {
    match operator.as_str() {
        Some("Lt") => Ok(Comparison::Less),
        Some("Le") => Ok(Comparison::LessOrEqual),
        Some("Eq") => Ok(Comparison::Equal),
        Some("Ge") => Ok(Comparison::GreaterOrEqual),
        Some("Gt") => Ok(Comparison::Greater),
        Some("Ne") => Ok(Comparison::NotEqual),
        _ => Err(Unplanned::new("such a comparison")),
    }
}

fn arithmetic(operator: &Value) -> Result<Arithmetic, Unplanned> {
    match operator.as_str() {
        Some("Add") => Ok(Arithmetic::Add),
        Some("Sub") => Ok(Arithmetic::Subtract),
        Some("Mul") => Ok(Arithmetic::Multiply),
        Some("Div") => Ok(Arithmetic::Divide),
        Some("Mod") => Ok(Arithmetic::Remainder),
        Some("Union") => Ok(Arithmetic::Union),
        Some("Intersection") => Ok(Arithmetic::Intersection),
        _ => Err(Unplanned::new("such an operator")),
    }
}
