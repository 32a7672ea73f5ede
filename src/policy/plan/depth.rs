//! How deep a rule can make its evaluation recurse. Threads that have other work to do have ordinary stacks, so only rules that are
//! shallow are evaluated on them.

use super::{Block, Closed, Definition, Expr, Pattern, Plan, Stmt};

/// Works out depths; each rule and each expression that was taken out of rules once. Rules do not recur: that was checked before.
pub(in crate::policy) struct Depths<'p> {
    plan: &'p Plan,
    rules: Vec<Option<usize>>,
    settled: Vec<Option<usize>>,
    once: Vec<Option<usize>>,
}

impl<'p> Depths<'p> {
    pub(in crate::policy) fn new(plan: &'p Plan) -> Self {
        let unknown = |count: usize| vec![None; count];
        Self {
            plan,
            rules: unknown(plan.rules.len()),
            settled: unknown(plan.settled.len()),
            once: unknown(plan.once.len()),
        }
    }

    /// How many expressions and blocks lie within one another at most, those of all rules that it needs included.
    pub(in crate::policy) fn of(&mut self, place: usize) -> usize {
        if let Some(known) = self.rules.get(place).copied().flatten() {
            return known;
        }
        let plan = self.plan;
        let depth = plan.rules.get(place).map_or(usize::MAX, |rule| {
            let definitions = rule.definitions.iter().map(|definition| self.definition(definition));
            let deepest = definitions.max().unwrap_or_default();
            deepest.max(rule.default.iter().map(|default| self.expr(default)).max().unwrap_or_default())
        });
        if let Some(slot) = self.rules.get_mut(place) {
            *slot = Some(depth);
        }
        depth
    }

    fn definition(&mut self, definition: &Definition) -> usize {
        let mut deepest = self.block(&definition.body);
        for (_, pattern) in &definition.parameters {
            deepest = deepest.max(self.pattern(pattern));
        }
        // The value is worked out within the last statement.
        let values = definition.key.iter().chain([&definition.value]);
        let within = deepest.saturating_add(values.map(|value| self.expr(value)).max().unwrap_or_default());
        let otherwise = definition.otherwise.iter().map(|next| self.definition(next)).max();
        within.max(otherwise.unwrap_or_default()).saturating_add(1)
    }

    /// Statements behind a loop run within it, so the depths of all of them count together.
    fn block(&mut self, block: &Block) -> usize {
        block.iter().fold(0, |depth, statement| {
            let own = match statement {
                Stmt::Test(expr) => self.expr(expr),
                Stmt::Bind(pattern, expr) => self.pattern(pattern).max(self.expr(expr)),
                Stmt::Not(block) => self.block(block),
                Stmt::Each { collection, key, value, .. } => {
                    let loops = self.expr(collection).max(self.pattern(key)).max(self.pattern(value));
                    return depth.saturating_add(loops).saturating_add(1);
                }
                Stmt::Every { collection, key, value, block } => {
                    let patterns = self.pattern(key).max(self.pattern(value));
                    self.expr(collection).max(patterns).max(self.block(block))
                }
            };
            depth.max(own.saturating_add(1))
        })
    }

    fn pattern(&mut self, pattern: &Pattern) -> usize {
        let inside = match pattern {
            Pattern::Any | Pattern::Slot(_) => 0,
            Pattern::Equal(expr) => self.expr(expr),
            Pattern::Array(patterns) => {
                patterns.iter().map(|pattern| self.pattern(pattern)).max().unwrap_or_default()
            }
        };
        inside.saturating_add(1)
    }

    fn expr(&mut self, expr: &Expr) -> usize {
        let plan = self.plan;
        let inside = match expr {
            Expr::Constant(_) | Expr::Slot(_) | Expr::Input | Expr::Section(_) | Expr::Data => 0,
            Expr::Settled(place) => closed(&plan.settled, *place, self, |depths| &mut depths.settled),
            Expr::Once(place) => closed(&plan.once, *place, self, |depths| &mut depths.once),
            Expr::Rule(place) => self.of(*place),
            Expr::Path(from, steps) => self.expr(from).max(self.all(steps)),
            Expr::Call(place, arguments) => self.of(*place).max(self.all(arguments)),
            Expr::Builtin(_, items) | Expr::Array(items) | Expr::Set(items) => self.all(items),
            Expr::Object(members, _) => {
                members.iter().map(|(key, value)| self.expr(key).max(self.expr(value))).max().unwrap_or(0)
            }
            Expr::ArrayOf(block, item) | Expr::SetOf(block, item) => {
                self.block(block).saturating_add(self.expr(item))
            }
            Expr::ObjectOf(block, key, value) => {
                self.block(block).saturating_add(self.expr(key).max(self.expr(value)))
            }
            Expr::Compare(_, one, other) | Expr::Arithmetic(_, one, other) => {
                self.expr(one).max(self.expr(other))
            }
            Expr::In(key, value, collection) => {
                let key = key.as_ref().map_or(0, |key| self.expr(key));
                key.max(self.expr(value)).max(self.expr(collection))
            }
        };
        inside.saturating_add(1)
    }

    fn all(&mut self, items: &[Expr]) -> usize {
        items.iter().map(|item| self.expr(item)).max().unwrap_or_default()
    }
}

/// The depth of an expression that was taken out of rules.
fn closed<'p>(
    all: &'p [Closed],
    place: usize,
    depths: &mut Depths<'p>,
    known: for<'d> fn(&'d mut Depths<'p>) -> &'d mut Vec<Option<usize>>,
) -> usize {
    if let Some(depth) = known(depths).get(place).copied().flatten() {
        return depth;
    }
    let depth = all.get(place).map_or(usize::MAX, |closed| depths.expr(&closed.expr));
    if let Some(slot) = known(depths).get_mut(place) {
        *slot = Some(depth);
    }
    depth
}
