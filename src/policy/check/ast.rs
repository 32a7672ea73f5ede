//! The facts the checks need, taken from the engine's syntax tree.
//!
//! The engine shows its tree as JSON only; this is the one file that knows how that JSON is built.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::walk::Walk;

/// `["data", "zengate", "rules", "zones", "deny"]`.
pub(in crate::policy) type RulePath = Vec<String>;

/// One file.
#[derive(Debug)]
pub(in crate::policy) struct Module {
    pub(in crate::policy) file: String,
    /// With `data` at the front.
    pub(in crate::policy) package: RulePath,
    pub(in crate::policy) rules: Vec<Rule>,
}

/// One definition of a rule or function.
#[derive(Debug)]
pub(in crate::policy) struct Rule {
    pub(in crate::policy) file: String,
    pub(in crate::policy) path: RulePath,
    pub(in crate::policy) line: u32,
    pub(in crate::policy) shape: Shape,
    pub(in crate::policy) references: Vec<Reference>,
    pub(in crate::policy) calls: Vec<Call>,
    /// Operators that can fail: arithmetic, and set operators.
    pub(in crate::policy) operators: Vec<u32>,
    /// Uses `with`.
    pub(in crate::policy) with: Option<u32>,
}

/// What a definition builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Shape {
    /// `name contains x`.
    Set,
    /// `name := x`, `name if ...`.
    Complete,
    /// `name[key] := x`.
    Object,
    /// `name(x) := y`.
    Function,
    /// `default name := x`.
    Default,
}

/// A step of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Step {
    /// A fixed key.
    Key(String),
    /// A variable or an expression.
    Any,
}

/// A reference into `data` or `input`.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Reference {
    pub(in crate::policy) steps: Vec<Step>,
    pub(in crate::policy) line: u32,
}

impl Reference {
    /// The fixed keys before the first computed one.
    pub(in crate::policy) fn fixed(&self) -> Vec<&str> {
        self.steps
            .iter()
            .map_while(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Any => None,
            })
            .collect()
    }
}

/// A call.
#[derive(Debug)]
pub(in crate::policy) struct Call {
    /// The function's path, if it is one of the tree's; else a builtin is meant.
    pub(in crate::policy) function: Option<RulePath>,
    /// The name as written.
    pub(in crate::policy) name: String,
    /// The arguments that are written out as numbers or strings; others are `None`.
    pub(in crate::policy) arguments: Vec<Option<Value>>,
    pub(in crate::policy) line: u32,
}

/// Reads the engine's trees, one per file.
pub(super) fn modules(raw: &[(String, Value)]) -> Vec<Module> {
    let parsed: Vec<(&String, &Value, RulePath)> = raw
        .iter()
        .filter_map(|(file, trees)| {
            let tree = trees.get(0)?.get("ast")?;
            Some((file, tree, package(tree)?))
        })
        .collect();
    // a package may be spread over files, and its rules see one another
    let mut names: BTreeMap<&RulePath, BTreeSet<String>> = BTreeMap::new();
    for (_, tree, package) in &parsed {
        names.entry(package).or_default().extend(rules(tree).filter_map(head_name));
    }
    parsed
        .iter()
        .map(|(file, tree, package)| {
            let text = raw.iter().find(|(name, _)| name == *file).and_then(|(_, trees)| source_text(trees));
            let imports = imports(tree, text.unwrap_or_default());
            let own = names.get(package).cloned().unwrap_or_default();
            Module {
                file: (*file).clone(),
                package: package.clone(),
                rules: rules(tree)
                    .filter_map(|rule| read_rule(file, rule, package, &imports, &own))
                    .collect(),
            }
        })
        .collect()
}

/// The path of a file's package, with `data` at the front.
pub(in crate::policy) fn package(tree: &Value) -> Option<RulePath> {
    let (root, steps) = chain(tree.get("package")?.get("refr")?)?;
    let mut package = vec!["data".to_owned(), root.to_owned()];
    package.extend(steps.into_iter().filter_map(|step| match step {
        (Step::Key(key), _) => Some(key),
        (Step::Any, _) => None,
    }));
    Some(package)
}

/// The definitions of a file.
pub(in crate::policy) fn rules(tree: &Value) -> impl Iterator<Item = &Value> {
    tree.get("rules").and_then(Value::as_array).into_iter().flatten()
}

/// The head's reference, with what kind of definition it is.
pub(in crate::policy) fn head(rule: &Value) -> Option<(&Value, Shape, Option<&Value>)> {
    if let Some(default) = rule.get("Default") {
        return Some((default.get("refr")?, Shape::Default, None));
    }
    let head = rule.get("Spec")?.get("head")?;
    if let Some(set) = head.get("Set") {
        Some((set.get("refr")?, Shape::Set, None))
    } else if let Some(function) = head.get("Func") {
        Some((function.get("refr")?, Shape::Function, function.get("args")))
    } else {
        Some((head.get("Compr")?.get("refr")?, Shape::Complete, None))
    }
}

fn head_name(rule: &Value) -> Option<String> {
    let (refr, ..) = head(rule)?;
    Some(chain(refr)?.0.to_owned())
}

/// The text of a file.
pub(in crate::policy) fn source_text(trees: &Value) -> Option<&str> {
    trees.get(0)?.get("source")?.get("contents")?.as_str()
}

/// The imports by the name they have in the file. Of an alias the tree holds only its place in the text.
pub(in crate::policy) fn imports(tree: &Value, text: &str) -> BTreeMap<String, RulePath> {
    let listed = tree.get("imports").and_then(Value::as_array).into_iter().flatten();
    listed
        .filter_map(|import| {
            let (root, steps) = chain(import.get("refr")?)?;
            let mut path = vec![root.to_owned()];
            path.extend(steps.into_iter().filter_map(|step| match step {
                (Step::Key(key), _) => Some(key),
                (Step::Any, _) => None,
            }));
            if root != "data" && root != "input" {
                return None; // `rego.v1` and `future.keywords`
            }
            let alias = match import.get("as").filter(|span| !span.is_null()) {
                Some(span) => {
                    let end = |which: &str| usize::try_from(span.get(which)?.as_u64()?).ok();
                    text.get(end("start")?..end("end")?)?.to_owned()
                }
                None => path.last()?.clone(),
            };
            Some((alias, path))
        })
        .collect()
}

fn read_rule(
    file: &str,
    rule: &Value,
    package: &RulePath,
    imports: &BTreeMap<String, RulePath>,
    own: &BTreeSet<String>,
) -> Option<Rule> {
    let (refr, shape, args) = head(rule)?;
    let (name, steps) = chain(refr)?;
    let mut path = package.clone();
    path.push(name.to_owned());
    let fixed = steps.iter().map_while(|(step, _)| match step {
        Step::Key(key) => Some(key.clone()),
        Step::Any => None,
    });
    path.extend(fixed);
    let computed = steps.iter().any(|(step, _)| *step == Step::Any);
    let mut walk = Walk {
        package,
        imports,
        own,
        parameters: variables(args),
        found: Rule {
            file: file.to_owned(),
            path,
            line: line(rule),
            shape: if computed && shape == Shape::Complete { Shape::Object } else { shape },
            references: Vec::new(),
            calls: Vec::new(),
            operators: Vec::new(),
            with: None,
        },
    };
    for (_, index) in &steps {
        index.iter().for_each(|index| walk.visit(index));
    }
    let (kind, inner) = rule.as_object()?.iter().next()?;
    if kind == "Default" {
        walk.visit(inner.get("value")?);
    } else {
        let head = inner.get("head")?.as_object()?.values().next()?;
        for member in ["key", "assign", "args"] {
            head.get(member).into_iter().for_each(|part| walk.visit(part));
        }
        walk.visit(inner.get("bodies")?);
    }
    Some(walk.found)
}

/// Whether a body stands behind an `else`.
pub(in crate::policy) fn is_else(body: &Value) -> bool {
    body.get("is_else").and_then(Value::as_bool) == Some(true)
}

/// The names that a function's parameters bind.
fn variables(args: Option<&Value>) -> BTreeSet<String> {
    fn collect(node: &Value, into: &mut BTreeSet<String>) {
        match node {
            Value::Object(map) => {
                if let Some(name) = map.get("Var").and_then(|var| var.get("value")).and_then(Value::as_str) {
                    into.insert(name.to_owned());
                }
                map.values().for_each(|inner| collect(inner, into));
            }
            Value::Array(items) => items.iter().for_each(|inner| collect(inner, into)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    args.into_iter().for_each(|args| collect(args, &mut names));
    names
}

/// A number, string, boolean or null written out.
pub(in crate::policy) fn literal(expression: &Value) -> Option<Value> {
    let (kind, inner) = expression.as_object()?.iter().next()?;
    matches!(kind.as_str(), "Number" | "String" | "RawString" | "Bool" | "Null")
        .then(|| inner.get("value").cloned())
        .flatten()
}

/// The line of a node: of its own span, or of the span of the expression it is.
pub(in crate::policy) fn line(node: &Value) -> u32 {
    let inner = || node.as_object()?.values().next()?.get("span");
    let span = node.get("span").or_else(inner);
    span.and_then(|span| span.get("line"))
        .and_then(Value::as_u64)
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(0)
}

/// A reference taken apart: its root variable and its steps, computed ones with their expression.
pub(in crate::policy) type Chain<'a> = (&'a str, Vec<(Step, Option<&'a Value>)>);

/// Takes a reference apart; none for any other expression.
pub(in crate::policy) fn chain(expression: &Value) -> Option<Chain<'_>> {
    let mut steps = Vec::new();
    let mut here = expression;
    loop {
        let (kind, inner) = here.as_object()?.iter().next()?;
        match kind.as_str() {
            "Var" => {
                steps.reverse();
                return Some((inner.get("value")?.as_str()?, steps));
            }
            "RefDot" => {
                steps.push((Step::Key(inner.get("field")?.get(1)?.as_str()?.to_owned()), None));
                here = inner.get("refr")?;
            }
            "RefBrack" => {
                let index = inner.get("index")?;
                steps.push(match literal(index) {
                    Some(Value::String(key)) => (Step::Key(key), None),
                    _ => (Step::Any, Some(index)),
                });
                here = inner.get("refr")?;
            }
            _ => return None,
        }
    }
}
