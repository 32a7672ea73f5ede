//! Which rules depend on data and the settings of a team alone: they are the same for all its requests.

use super::{Block, Constant, Definition, Expr, Pattern, Rule, RuleKind, Stmt};

/// By rule; false for functions, whose values depend on their arguments, and for rules that cannot be planned.
pub(super) fn settled(rules: &[Rule], constants: &[Constant]) -> Vec<bool> {
    let mut search = Search { rules, constants, known: vec![None; rules.len()] };
    (0..rules.len())
        .map(|place| {
            let asks = search.rule(place);
            rules.get(place).is_some_and(|rule| {
                !asks && rule.kind != RuleKind::Function && rule.trouble.is_none()
            })
        })
        .collect()
}

/// Looks for what a rule asks of a request. Rules do not recur: that has been checked before.
struct Search<'r> {
    rules: &'r [Rule],
    constants: &'r [Constant],
    known: Vec<Option<bool>>,
}

impl<'r> Search<'r> {
    fn rule(&mut self, place: usize) -> bool {
        if let Some(known) = self.known.get(place).copied().flatten() {
            return known;
        }
        let asks = match self.rules.get(place) {
            Some(rule) => {
                rule.default.as_ref().is_some_and(|default| self.expr(default))
                    || rule.definitions.iter().any(|definition| self.definition(definition))
            }
            None => true,
        };
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(asks);
        }
        asks
    }

    fn definition(&mut self, definition: &'r Definition) -> bool {
        definition.parameters.iter().any(|parameter| self.pattern(parameter))
            || self.block(&definition.body)
            || definition.key.as_ref().is_some_and(|key| self.expr(key))
            || self.expr(&definition.value)
            || definition.otherwise.as_ref().is_some_and(|otherwise| self.definition(otherwise))
    }

    fn block(&mut self, block: &'r Block) -> bool {
        block.iter().any(|statement| match statement {
            Stmt::Test(expr) => self.expr(expr),
            Stmt::Bind(pattern, expr) => self.pattern(pattern) || self.expr(expr),
            Stmt::Not(block) => self.block(block),
            Stmt::Each { collection, key, value, .. } => {
                self.expr(collection) || self.pattern(key) || self.pattern(value)
            }
            Stmt::Every { collection, key, value, block } => {
                self.expr(collection) || self.pattern(key) || self.pattern(value) || self.block(block)
            }
        })
    }

    fn pattern(&mut self, pattern: &'r Pattern) -> bool {
        match pattern {
            Pattern::Any | Pattern::Slot(_) => false,
            Pattern::Equal(expr) => self.expr(expr),
            Pattern::Array(patterns) => patterns.iter().any(|pattern| self.pattern(pattern)),
        }
    }

    fn expr(&mut self, expr: &'r Expr) -> bool {
        match expr {
            Expr::Constant(_) | Expr::Slot(_) | Expr::Data => false,
            Expr::Input => true,
            Expr::Rule(place) => self.rule(*place),
            Expr::Path(from, steps) => {
                let settings = matches!(**from, Expr::Input) && self.is_settings(steps.first());
                (!settings && self.expr(from)) || steps.iter().any(|step| self.expr(step))
            }
            Expr::Call(place, arguments) => {
                self.rule(*place) || arguments.iter().any(|argument| self.expr(argument))
            }
            Expr::Builtin(_, items) | Expr::Array(items) | Expr::Set(items) => {
                items.iter().any(|item| self.expr(item))
            }
            Expr::Object(members) => members.iter().any(|(key, value)| self.expr(key) || self.expr(value)),
            Expr::ArrayOf(block, item) | Expr::SetOf(block, item) => self.block(block) || self.expr(item),
            Expr::ObjectOf(block, key, value) => self.block(block) || self.expr(key) || self.expr(value),
            Expr::Compare(_, one, other) | Expr::Arithmetic(_, one, other) => {
                self.expr(one) || self.expr(other)
            }
            Expr::In(key, value, collection) => {
                key.as_ref().is_some_and(|key| self.expr(key)) || self.expr(value) || self.expr(collection)
            }
        }
    }

    fn is_settings(&self, step: Option<&Expr>) -> bool {
        let Some(Expr::Constant(place)) = step else { return false };
        matches!(self.constants.get(*place), Some(Constant::Text(key)) if key == "settings")
    }
}
