//! What depends on data and the settings of a team alone is the same for all requests of that team: whole rules, and parts of
//! rules such as `settings.given("zones", "allowed")`. It is found here, taken out of where it stands, and worked out once.

use std::collections::{BTreeMap, BTreeSet};

use super::input::Section;
use super::{Block, Closed, Definition, Expr, Pattern, Rule, RuleKind, Stmt};

/// Takes out of the rules what is settled, and then what of the rest stands in several places.
///
/// The answer is what is settled, and what stands in several places.
pub(super) fn settle(rules: &mut [Rule]) -> (Vec<Closed>, Vec<Closed>) {
    let mut search = Search { rules, known: vec![None; rules.len()] };
    let asks: Vec<bool> = (0..search.rules.len()).map(|place| search.rule(place)).collect();
    let mut take = |what: What| {
        let (taken, places) = (Vec::new(), BTreeMap::new());
        let mut taking = Taking { what, asks: &asks, taken, places, slots: 0 };
        for (rule, asks) in rules.iter_mut().zip(&asks) {
            // what is settled as a whole is not taken apart
            if rule.trouble.is_none() && (*asks || rule.kind == RuleKind::Function) {
                rule.definitions.iter_mut().for_each(|definition| taking.definition(definition));
                rule.default.iter_mut().for_each(|default| taking.expr(default));
            }
        }
        taking
    };
    let settled = take(What::Settled).taken;
    let counted = take(What::Counted(BTreeMap::new())).what;
    let several = match counted {
        What::Counted(counts) => {
            counts.into_iter().filter(|(_, count)| *count > 1).map(|(text, _)| text).collect()
        }
        _ => BTreeSet::new(),
    };
    let once = take(What::Several(several)).taken;
    (settled, once)
}

/// Looks for what a rule asks of a request. Rules do not recur: that has been checked before.
struct Search<'r> {
    rules: &'r [Rule],
    known: Vec<Option<bool>>,
}

impl Search<'_> {
    fn rule(&mut self, place: usize) -> bool {
        if let Some(known) = self.known.get(place).copied().flatten() {
            return known;
        }
        let asks = match self.rules.get(place) {
            Some(rule) => {
                let mut found = Found::default();
                rule.default.iter().for_each(|default| found.expr(default));
                rule.definitions.iter().for_each(|definition| found.definition(definition));
                found.asks || rule.trouble.is_some() || found.rules.iter().any(|rule| self.rule(*rule))
            }
            None => true,
        };
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(asks);
        }
        asks
    }
}

/// What an expression depends on.
#[derive(Default)]
struct Found {
    /// The request.
    asks: bool,
    rules: BTreeSet<usize>,
    /// Variables it reads.
    reads: BTreeSet<usize>,
    /// Variables it binds.
    binds: BTreeSet<usize>,
}

impl Found {
    fn definition(&mut self, definition: &Definition) {
        definition.parameters.iter().for_each(|(_, parameter)| self.pattern(parameter));
        self.block(&definition.body);
        definition.key.iter().for_each(|key| self.expr(key));
        self.expr(&definition.value);
        definition.otherwise.iter().for_each(|otherwise| self.definition(otherwise));
    }

    fn block(&mut self, block: &Block) {
        for statement in block {
            match statement {
                Stmt::Test(expr) => self.expr(expr),
                Stmt::Bind(pattern, expr) => {
                    self.pattern(pattern);
                    self.expr(expr);
                }
                Stmt::Not(block) => self.block(block),
                Stmt::Each { collection, key, value, .. } => {
                    self.expr(collection);
                    self.pattern(key);
                    self.pattern(value);
                }
                Stmt::Every { collection, key, value, block } => {
                    self.expr(collection);
                    self.pattern(key);
                    self.pattern(value);
                    self.block(block);
                }
            }
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Any => {}
            Pattern::Slot(slot) => drop(self.binds.insert(*slot)),
            Pattern::Equal(expr) => self.expr(expr),
            Pattern::Array(patterns) => patterns.iter().for_each(|pattern| self.pattern(pattern)),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Constant(_) | Expr::Data | Expr::Section(Section::Settings) | Expr::Settled(_) => {}
            Expr::Input | Expr::Section(_) | Expr::Once(_) => self.asks = true,
            Expr::Slot(slot) => drop(self.reads.insert(*slot)),
            Expr::Rule(place) => drop(self.rules.insert(*place)),
            Expr::Path(from, steps) => {
                self.expr(from);
                steps.iter().for_each(|step| self.expr(step));
            }
            Expr::Call(place, arguments) => {
                self.rules.insert(*place);
                arguments.iter().for_each(|argument| self.expr(argument));
            }
            Expr::Builtin(_, items) | Expr::Array(items) | Expr::Set(items) => {
                items.iter().for_each(|item| self.expr(item));
            }
            Expr::Object(members, _) => {
                for (key, value) in members {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayOf(block, item) | Expr::SetOf(block, item) => {
                self.block(block);
                self.expr(item);
            }
            Expr::ObjectOf(block, key, value) => {
                self.block(block);
                self.expr(key);
                self.expr(value);
            }
            Expr::Compare(_, one, other) | Expr::Arithmetic(_, one, other) => {
                self.expr(one);
                self.expr(other);
            }
            Expr::In(key, value, collection) => {
                key.iter().for_each(|key| self.expr(key));
                self.expr(value);
                self.expr(collection);
            }
        }
    }
}

/// What is taken out.
enum What {
    /// What depends on data and settings alone.
    Settled,
    /// Nothing: closed expressions are counted by how they are written.
    Counted(BTreeMap<String, usize>),
    /// These closed expressions.
    Several(BTreeSet<String>),
}

/// Takes expressions out, the largest ones, each once.
struct Taking<'r> {
    what: What,
    /// By rule, whether it depends on the request.
    asks: &'r [bool],
    taken: Vec<Closed>,
    /// By how they are written.
    places: BTreeMap<String, usize>,
    /// Of the definition at hand.
    slots: usize,
}

impl Taking<'_> {
    fn definition(&mut self, definition: &mut Definition) {
        self.slots = definition.slots;
        definition.parameters.iter_mut().for_each(|(_, parameter)| self.pattern(parameter));
        self.block(&mut definition.body);
        definition.key.iter_mut().for_each(|key| self.expr(key));
        self.expr(&mut definition.value);
        definition.otherwise.iter_mut().for_each(|otherwise| self.definition(otherwise));
    }

    fn block(&mut self, block: &mut Block) {
        for statement in block {
            match statement {
                Stmt::Test(expr) => self.expr(expr),
                Stmt::Bind(pattern, expr) => {
                    self.pattern(pattern);
                    self.expr(expr);
                }
                Stmt::Not(block) => self.block(block),
                Stmt::Each { collection, key, value, .. } => {
                    self.expr(collection);
                    self.pattern(key);
                    self.pattern(value);
                }
                Stmt::Every { collection, key, value, block } => {
                    self.expr(collection);
                    self.pattern(key);
                    self.pattern(value);
                    self.block(block);
                }
            }
        }
    }

    fn pattern(&mut self, pattern: &mut Pattern) {
        match pattern {
            Pattern::Any | Pattern::Slot(_) => {}
            Pattern::Equal(expr) => self.expr(expr),
            Pattern::Array(patterns) => patterns.iter_mut().for_each(|pattern| self.pattern(pattern)),
        }
    }

    fn is_settled(&self, expr: &Expr) -> bool {
        let mut found = Found::default();
        found.expr(expr);
        let asks = |rule: &usize| self.asks.get(*rule).copied().unwrap_or(true);
        !found.asks && found.reads.is_subset(&found.binds) && !found.rules.iter().any(asks)
    }

    /// Whether an expression is to be taken out.
    fn wants(&mut self, expr: &Expr) -> bool {
        if let What::Settled = self.what {
            return self.is_settled(expr);
        }
        let mut found = Found::default();
        found.expr(expr);
        if !found.reads.is_subset(&found.binds) || matches!(expr, Expr::Rule(_)) {
            return false;
        }
        match &mut self.what {
            What::Settled => false,
            What::Counted(counts) => {
                *counts.entry(format!("{expr:?}")).or_default() += 1;
                false
            }
            What::Several(several) => several.contains(&format!("{expr:?}")),
        }
    }

    /// The first steps of a path may be settled where the whole is not: `data.facts.types[input.create.type]`.
    fn start(&self, from: &mut Box<Expr>, steps: &mut Vec<Expr>) {
        if !matches!(self.what, What::Settled) {
            return;
        }
        let fixed = steps.iter().take_while(|step| self.is_settled(step)).count();
        if fixed == 0 {
            return;
        }
        let rest = steps.split_off(fixed);
        let start = Expr::Path(std::mem::replace(from, Box::new(Expr::Data)), std::mem::take(steps));
        match start {
            start if self.is_settled(&start) => {
                **from = start;
                *steps = rest;
            }
            Expr::Path(whole, first) => {
                *from = whole;
                steps.extend(first);
                steps.extend(rest);
            }
            start => **from = start,
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        if matches!(
            expr,
            Expr::Constant(_)
                | Expr::Slot(_)
                | Expr::Input
                | Expr::Section(_)
                | Expr::Data
                | Expr::Settled(_)
                | Expr::Once(_)
        ) {
            return;
        }
        if self.wants(expr) {
            let place = *self.places.entry(format!("{expr:?}")).or_insert(self.taken.len());
            let left = if let What::Settled = self.what { Expr::Settled(place) } else { Expr::Once(place) };
            let taken = std::mem::replace(expr, left);
            if place == self.taken.len() {
                self.taken.push(Closed { expr: taken, slots: self.slots });
            }
            return;
        }
        match expr {
            Expr::Path(from, steps) => {
                self.start(from, steps);
                self.expr(from);
                steps.iter_mut().for_each(|step| self.expr(step));
            }
            Expr::Call(_, items) | Expr::Builtin(_, items) | Expr::Array(items) | Expr::Set(items) => {
                items.iter_mut().for_each(|item| self.expr(item));
            }
            Expr::Object(members, _) => {
                for (key, value) in members {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayOf(block, item) | Expr::SetOf(block, item) => {
                self.block(block);
                self.expr(item);
            }
            Expr::ObjectOf(block, key, value) => {
                self.block(block);
                self.expr(key);
                self.expr(value);
            }
            Expr::Compare(_, one, other) | Expr::Arithmetic(_, one, other) => {
                self.expr(one);
                self.expr(other);
            }
            Expr::In(key, value, collection) => {
                key.iter_mut().for_each(|key| self.expr(key));
                self.expr(value);
                self.expr(collection);
            }
            Expr::Constant(_)
            | Expr::Slot(_)
            | Expr::Input
            | Expr::Section(_)
            | Expr::Data
            | Expr::Settled(_)
            | Expr::Once(_)
            | Expr::Rule(_) => {}
        }
    }
}
