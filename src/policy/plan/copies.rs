//! Functions that are called with constants are copied for these: `groups.patch("resource_group", path)` calls a copy in which the
//! constant stands where the variable stood. What such a function does with its constant and the settings alone is then
//! settled ([`settled`](super::settled)) as if it were written out where it is called.

use std::collections::BTreeMap;

use super::{Block, Definition, Expr, Pattern, Rule, Stmt};

/// The most copies: a tree of functions that call one another with many constants is better left as it is.
const MOST: usize = 1024;

/// A function with the constants it is called with, by the places of its arguments.
type Key = (usize, Vec<Option<usize>>);

/// Puts calls of copies in the place of calls with constants.
pub(super) fn copy(rules: &mut Vec<Rule>) {
    let most = rules.len().saturating_add(MOST);
    let mut copies: BTreeMap<Key, usize> = BTreeMap::new();
    let mut next = 0;
    // copies are added at the end and looked into in their turn; that ends because rules do not recur
    while let Some(rule) = rules.get_mut(next) {
        let mut definitions = std::mem::take(&mut rule.definitions);
        for definition in &mut definitions {
            definition.visit(&mut |expr| {
                if let Expr::Call(place, arguments) = expr
                    && let Some(copied) = called(*place, arguments, rules, &mut copies, most)
                {
                    *place = copied;
                }
            });
        }
        rules.get_mut(next).into_iter().for_each(|rule| rule.definitions = std::mem::take(&mut definitions));
        next = next.saturating_add(1);
    }
}

/// The copy of a function for a call of it.
fn called(
    place: usize,
    arguments: &[Expr],
    rules: &mut Vec<Rule>,
    copies: &mut BTreeMap<Key, usize>,
    most: usize,
) -> Option<usize> {
    let constant = |argument: &Expr| match argument {
        Expr::Constant(constant) => Some(*constant),
        _ => None,
    };
    let constants: Vec<Option<usize>> = arguments.iter().map(constant).collect();
    if constants.iter().all(Option::is_none) {
        return None;
    }
    let key = (place, constants);
    if let Some(copied) = copies.get(&key) {
        return Some(*copied);
    }
    let rule = rules.get(place).filter(|rule| rule.trouble.is_none())?;
    let copied = rules.len();
    if copied >= most {
        return None;
    }
    let mut rule = rule.clone();
    for definition in &mut rule.definitions {
        // the arguments are a definition's first variables, and nothing gives them another value
        definition.visit(&mut |expr| {
            if let Expr::Slot(slot) = expr
                && let Some(Some(constant)) = key.1.get(*slot)
            {
                *expr = Expr::Constant(*constant);
            }
        });
    }
    rules.push(rule);
    copies.insert((copied, key.1.clone()), copied);
    copies.insert(key, copied);
    Some(copied)
}

impl Definition {
    /// Shows all its expressions, those within others before those around them.
    fn visit(&mut self, with: &mut dyn FnMut(&mut Expr)) {
        self.parameters.iter_mut().for_each(|(_, parameter)| parameter.visit(with));
        visit(&mut self.body, with);
        self.key.iter_mut().for_each(|key| key.visit(with));
        self.value.visit(with);
        self.otherwise.iter_mut().for_each(|otherwise| otherwise.visit(with));
    }
}

fn visit(block: &mut Block, with: &mut dyn FnMut(&mut Expr)) {
    for statement in block {
        match statement {
            Stmt::Test(expr) => expr.visit(with),
            Stmt::Bind(pattern, expr) => {
                pattern.visit(with);
                expr.visit(with);
            }
            Stmt::Not(block) => visit(block, with),
            Stmt::Each { collection, key, value, .. } => {
                collection.visit(with);
                key.visit(with);
                value.visit(with);
            }
            Stmt::Every { collection, key, value, block } => {
                collection.visit(with);
                key.visit(with);
                value.visit(with);
                visit(block, with);
            }
        }
    }
}

impl Pattern {
    fn visit(&mut self, with: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Any | Self::Slot(_) => {}
            Self::Equal(expr) => expr.visit(with),
            Self::Array(patterns) => patterns.iter_mut().for_each(|pattern| pattern.visit(with)),
        }
    }
}

impl Expr {
    fn visit(&mut self, with: &mut dyn FnMut(&mut Self)) {
        match self {
            Self::Constant(_)
            | Self::Slot(_)
            | Self::Input
            | Self::Section(_)
            | Self::Data
            | Self::Settled(_)
            | Self::Once(_)
            | Self::Rule(_) => {}
            Self::Path(from, steps) => {
                from.visit(with);
                steps.iter_mut().for_each(|step| step.visit(with));
            }
            Self::Call(_, items) | Self::Builtin(_, items) | Self::Array(items) | Self::Set(items) => {
                items.iter_mut().for_each(|item| item.visit(with));
            }
            Self::Object(members, _) => {
                for (key, value) in members {
                    key.visit(with);
                    value.visit(with);
                }
            }
            Self::ArrayOf(block, item) | Self::SetOf(block, item) => {
                visit(block, with);
                item.visit(with);
            }
            Self::ObjectOf(block, key, value) => {
                visit(block, with);
                key.visit(with);
                value.visit(with);
            }
            Self::Compare(_, one, other) | Self::Arithmetic(_, one, other) => {
                one.visit(with);
                other.visit(with);
            }
            Self::In(key, value, collection) => {
                key.iter_mut().for_each(|key| key.visit(with));
                value.visit(with);
                collection.visit(with);
            }
        }
        with(self);
    }
}
