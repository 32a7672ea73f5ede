//! From syntax trees to a plan.
//!
//! Whatever is not understood leaves its rule to the interpreter, with the place in the file; so does a rule that needs such a rule.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::body::Body;
use super::copies::copy;
use super::settled::settle;
use super::{Constant, Definition, Expr, Plan, Rule, RuleKind, Unplanned};
use crate::policy::check::ast::{self, RulePath, Step};

mod body;
mod expr;
mod names;
mod order;

/// Makes a plan of the rules in these trees, one per file.
pub(in crate::policy) fn lower(trees: &[(String, Value)]) -> Plan {
    let files: Vec<File<'_>> = trees.iter().filter_map(|(name, tree)| File::read(name, tree)).collect();
    let mut tree = Tree::default();
    let mut heads: Vec<Vec<Head<'_>>> = Vec::new();
    for (number, file) in files.iter().enumerate() {
        for head in ast::rules(file.tree).filter_map(|rule| Head::read(number, file, rule)) {
            let place = *tree.places.entry(head.path.clone()).or_insert_with(|| {
                heads.push(Vec::new());
                heads.len().saturating_sub(1)
            });
            tree.names.entry(file.package.clone()).or_default().extend(head.path.last().cloned());
            heads.get_mut(place).into_iter().for_each(|heads| heads.push(head.clone()));
        }
    }
    let mut needs = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    for heads in &heads {
        let mut used = BTreeSet::new();
        let rule = rule(heads, &files, &mut tree, &mut used).unwrap_or_else(|trouble| Rule {
            kind: RuleKind::Complete,
            definitions: Vec::new(),
            default: None,
            trouble: Some(trouble),
        });
        rules.push(rule);
        needs.push(used);
    }
    spread(&mut rules, &needs);
    copy(&mut rules);
    let (settled, once) = settle(&mut rules);
    Plan { rules, constants: tree.constants, places: tree.places, settled, once }
}

/// A rule that needs one that cannot be planned cannot be planned.
fn spread(rules: &mut [Rule], needs: &[BTreeSet<usize>]) {
    loop {
        let trouble_of = |place: &usize| rules.get(*place).and_then(|rule| rule.trouble.clone());
        let next: Vec<(usize, Unplanned)> = needs
            .iter()
            .enumerate()
            .filter(|(place, _)| trouble_of(place).is_none())
            .filter_map(|(place, needs)| Some((place, needs.iter().find_map(trouble_of)?)))
            .collect();
        if next.is_empty() {
            return;
        }
        for (place, trouble) in next {
            rules.get_mut(place).into_iter().for_each(|rule| rule.trouble = Some(trouble.clone()));
        }
    }
}

/// What all files have in common.
#[derive(Debug, Default)]
struct Tree {
    places: BTreeMap<RulePath, usize>,
    /// The rules of each package.
    names: BTreeMap<RulePath, BTreeSet<String>>,
    constants: Vec<Constant>,
    /// The constants by how they are written.
    written: BTreeMap<String, usize>,
}

impl Tree {
    fn constant(&mut self, constant: Constant) -> Expr {
        let place = self.written.entry(format!("{constant:?}")).or_insert_with(|| {
            self.constants.push(constant);
            self.constants.len().saturating_sub(1)
        });
        Expr::Constant(*place)
    }

    /// The value of an expression that is written out.
    fn written(&self, expr: &Expr) -> Option<Constant> {
        match expr {
            Expr::Constant(place) => self.constants.get(*place).cloned(),
            _ => None,
        }
    }
}

/// One file.
struct File<'t> {
    name: &'t str,
    tree: &'t Value,
    text: &'t str,
    package: RulePath,
    imports: BTreeMap<String, RulePath>,
}

impl<'t> File<'t> {
    fn read(name: &'t str, trees: &'t Value) -> Option<Self> {
        let tree = trees.get(0)?.get("ast")?;
        let text = ast::source_text(trees).unwrap_or_default();
        Some(Self { name, tree, text, package: ast::package(tree)?, imports: ast::imports(tree, text) })
    }

    /// The text that a span of the tree stands for.
    fn words(&self, span: &Value) -> Result<&'t str, Unplanned> {
        let end = |which: &str| usize::try_from(span.get(which)?.as_u64()?).ok();
        let words = end("start").zip(end("end")).and_then(|(start, end)| self.text.get(start..end));
        words.ok_or_else(|| Unplanned::new("a name that is not in the text"))
    }
}

/// The head of one definition.
#[derive(Clone)]
struct Head<'t> {
    file: usize,
    path: RulePath,
    rule: &'t Value,
    shape: ast::Shape,
    parameters: Option<&'t Value>,
    /// What stands in brackets behind the name.
    steps: Vec<(Step, Option<&'t Value>)>,
}

impl<'t> Head<'t> {
    fn read(number: usize, file: &File<'t>, rule: &'t Value) -> Option<Self> {
        let (reference, shape, parameters) = ast::head(rule)?;
        let (name, steps) = ast::chain(reference)?;
        let mut path = file.package.clone();
        path.push(name.to_owned());
        Some(Self { file: number, path, rule, shape, parameters, steps })
    }

    fn kind(&self) -> Result<RuleKind, Unplanned> {
        match (self.shape, self.steps.as_slice()) {
            (ast::Shape::Set, []) => Ok(RuleKind::Set),
            (ast::Shape::Function, []) => Ok(RuleKind::Function),
            (ast::Shape::Complete, []) => Ok(RuleKind::Complete),
            (ast::Shape::Complete, [(Step::Any, Some(_))]) => Ok(RuleKind::Object),
            _ => Err(Unplanned::new("a rule with such a head")),
        }
    }
}

fn rule<'t>(
    heads: &[Head<'t>],
    files: &[File<'t>],
    tree: &mut Tree,
    needs: &mut BTreeSet<usize>,
) -> Result<Rule, Unplanned> {
    let mut kind = None;
    let mut definitions = Vec::new();
    let mut default = None;
    for head in heads {
        let Some(file) = files.get(head.file) else { continue };
        let mut body = Body::new(file, tree, needs);
        let outcome = if head.shape == ast::Shape::Default {
            head.default(&mut body).map(|value| default = Some(value))
        } else {
            head.kind().and_then(|one| {
                if kind.replace(one).is_some_and(|other| other != one) {
                    return Err(Unplanned::new("a name with two kinds of rules"));
                }
                definitions.push(head.definition(one, &mut body)?);
                Ok(())
            })
        };
        outcome.map_err(|trouble| trouble.at(file.name, ast::line(head.rule)))?;
    }
    let kind = kind.unwrap_or(RuleKind::Complete);
    if default.is_some() && kind != RuleKind::Complete {
        return Err(Unplanned::new("a default of something else than a value"));
    }
    Ok(Rule { kind, definitions, default, trouble: None })
}

impl<'t> Head<'t> {
    fn default(&self, body: &mut Body<'_, 't>) -> Result<Expr, Unplanned> {
        let default = self.rule.get("Default");
        let parameters = default.and_then(|default| default.get("args")).and_then(Value::as_array);
        if !self.steps.is_empty() || parameters.is_some_and(|parameters| !parameters.is_empty()) {
            return Err(Unplanned::new("such a default"));
        }
        let mut before = Vec::new();
        let value = default.and_then(|default| default.get("value"));
        let value = body.expr(value.unwrap_or(&Value::Null), &mut before)?;
        if before.is_empty() { Ok(value) } else { Err(Unplanned::new("such a default")) }
    }

    fn definition(&self, kind: RuleKind, body: &mut Body<'_, 't>) -> Result<Definition, Unplanned> {
        let spec = self.rule.get("Spec");
        let head = spec.and_then(|spec| spec.get("head")).and_then(Value::as_object);
        let head = head.and_then(|head| head.values().next()).unwrap_or(&Value::Null);
        let bodies = spec.and_then(|spec| spec.get("bodies")).and_then(Value::as_array);
        let bodies = bodies.map_or(&[][..], Vec::as_slice);
        let chained = bodies.iter().skip(1).all(ast::is_else);
        if !chained || (bodies.len() > 1 && !matches!(kind, RuleKind::Complete | RuleKind::Function)) {
            return Err(Unplanned::new("a rule with several bodies"));
        }
        body.open();
        let arguments = self.parameters.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let parameters = body.parameters(arguments)?;
        let assigned = |part: &'t Value| part.get("assign").and_then(|assign| assign.get("value"));
        let value = match kind {
            RuleKind::Set => head.get("key").filter(|key| !key.is_null()),
            _ => assigned(head),
        };
        if kind == RuleKind::Set && value.is_none() {
            return Err(Unplanned::new("a set without elements"));
        }
        let key = match kind {
            RuleKind::Object => self.steps.first().and_then(|(_, index)| *index),
            _ => None,
        };
        let first = bodies.first().and_then(|first| first.get("query"));
        let mut chain = vec![one(first, key, value, body)?];
        for otherwise in bodies.iter().skip(1) {
            chain.push(one(otherwise.get("query"), None, assigned(otherwise), body)?);
        }
        let (slots, arity) = (body.slots(), arguments.len());
        let mut next: Option<Box<Definition>> = None;
        for (statements, key, value) in chain.into_iter().rev() {
            let definition = Definition {
                arity,
                parameters: Vec::new(),
                body: statements,
                key,
                value,
                otherwise: next,
                slots,
            };
            next = Some(Box::new(definition));
        }
        let mut definition = next.map(|definition| *definition).ok_or_else(|| Unplanned::new("no body"))?;
        definition.parameters = parameters;
        Ok(definition)
    }
}

type One = (super::Block, Option<Expr>, Expr);

/// A body with what its head gives.
fn one<'t>(
    query: Option<&'t Value>,
    key: Option<&'t Value>,
    value: Option<&'t Value>,
    body: &mut Body<'_, 't>,
) -> Result<One, Unplanned> {
    body.open();
    let heads: Vec<&Value> = key.into_iter().chain(value).collect();
    let mut statements = body.statements(query, &heads)?;
    let before = statements.len();
    let key = key.map(|key| body.expr(key, &mut statements)).transpose()?;
    let value = match value {
        Some(value) => body.expr(value, &mut statements)?,
        None => body.tree.constant(Constant::Bool(true)),
    };
    body.close();
    if statements.len() > before {
        return Err(Unplanned::new("a loop in a head")); // the engine has its own ideas of what that is where nothing is found
    }
    Ok((statements, key, value))
}
