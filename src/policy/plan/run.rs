//! Running a plan: rules, their definitions, and the solutions of blocks.

use super::input::{Section, Source};
use super::memo::{Memo, Places, emptied};
use super::value::{Arena, V};
use super::{Block, Definition, Expr, Pattern, Plan, Rule, RuleKind, Stmt};
use crate::clock::Stopwatch;
use crate::policy::evaluate::Allowance;
use crate::policy::plan::builtins::Regexes;

mod expr;
mod operators;
mod stop;

pub(in crate::policy) use stop::{Cause, Stop};

/// How many steps are taken between two looks at the clock.
const STEPS_PER_LOOK: usize = 512;

/// What is known of a rule: its value or none, once it has been asked for.
pub(super) type Known<'a> = Option<Option<V<'a>>>;

/// What a run reads.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) plan: &'a Plan,
    pub(super) constants: &'a [V<'a>],
    pub(super) data: V<'a>,
    pub(super) input: Source<'a>,
    /// The values of what depends on data and settings alone.
    pub(super) settled: &'a [Known<'a>],
    pub(super) arena: Arena<'a>,
    pub(super) regexes: &'a Regexes,
}

/// What one run leaves to the next: room for lists, without what was in them.
#[derive(Default)]
pub(super) struct Room {
    places: Places,
    stack: Vec<V<'static>>,
    items: Vec<V<'static>>,
    members: Vec<(V<'static>, V<'static>)>,
}

/// One run: the rules of one question.
pub(super) struct Run<'a> {
    given: Given<'a>,
    /// The values of rules, and behind them those of expressions that stand in several places.
    memo: Memo<'a>,
    /// The members of the input that were asked for, by their place among all.
    sections: [Known<'a>; Section::ALL.len()],
    /// Variables, definition upon definition.
    stack: Vec<V<'a>>,
    /// Elements of collections that are being made, collection upon collection.
    items: Vec<V<'a>>,
    members: Vec<(V<'a>, V<'a>)>,
    /// Where the variables of the definition at hand begin.
    base: usize,
    steps: usize,
    allowance: Allowance,
    watch: Stopwatch,
}

/// What is done with each solution of a block; the answer says whether to look for more.
type Then<'t, 'a> = &'t mut dyn FnMut(&mut Run<'a>) -> Result<bool, Stop>;

impl<'a> Run<'a> {
    pub(super) fn new(given: Given<'a>, allowance: Allowance, room: Room) -> Self {
        let count = given.plan.rules.len().saturating_add(given.plan.once.len());
        Self {
            memo: Memo::new(room.places, count),
            sections: [None; Section::ALL.len()],
            stack: emptied(room.stack),
            items: emptied(room.items),
            members: emptied(room.members),
            base: 0,
            steps: 0,
            allowance,
            watch: Stopwatch::start(),
            given,
        }
    }

    /// The value of a rule, worked out once.
    #[inline(never)]
    pub(super) fn rule(&mut self, place: usize) -> Result<Option<V<'a>>, Stop> {
        if let Some(value) = self.memo.get(place) {
            return Ok(value);
        }
        let rule = self.rule_at(place)?;
        let value = match rule.kind {
            RuleKind::Complete => self.complete(rule)?,
            RuleKind::Set => Some(self.set(rule)?),
            RuleKind::Object => Some(self.object(rule)?),
            RuleKind::Function => return Err(Stop(&Cause::Elsewhere("a function as a value"))),
        };
        self.memo.put(place, value);
        Ok(value)
    }

    /// The value of something settled; worked out here where it is not known yet, or could not be worked out before.
    pub(super) fn settled(&mut self, place: usize) -> Result<Option<V<'a>>, Stop> {
        if let Some(value) = self.given.settled.get(place).copied().flatten() {
            return Ok(value);
        }
        let settled = self
            .given
            .plan
            .settled
            .get(place)
            .ok_or(Stop(&Cause::Elsewhere("something that is not there")))?;
        let outer = self.enter(settled.slots);
        let value = self.expr(&settled.expr)?;
        self.leave(outer);
        Ok(value)
    }

    /// A member of the input, built for the first that asks for it.
    #[inline]
    fn section(&mut self, section: Section) -> Result<Option<V<'a>>, Stop> {
        match self.sections.get(section as usize).copied().flatten() {
            Some(known) => Ok(known),
            None => self.new_section(section),
        }
    }

    #[inline(never)]
    fn new_section(&mut self, section: Section) -> Result<Option<V<'a>>, Stop> {
        let value = self.given.input.section(section, self.given.arena)?;
        self.sections.get_mut(section as usize).into_iter().for_each(|known| *known = Some(value));
        Ok(value)
    }

    /// The value of something that stands in several places, for the first of them.
    #[inline(never)]
    fn once(&mut self, place: usize) -> Result<Option<V<'a>>, Stop> {
        let plan = self.given.plan;
        let closed = plan.once.get(place).ok_or(Stop(&Cause::Elsewhere("something that is not there")))?;
        let outer = self.enter(closed.slots);
        let value = self.expr(&closed.expr)?;
        self.leave(outer);
        self.memo.put(self.once_place(place), value);
        Ok(value)
    }

    /// Where the value of something that stands in several places is kept.
    #[inline]
    fn once_place(&self, place: usize) -> usize {
        self.given.plan.rules.len().saturating_add(place)
    }

    /// What the next run can use.
    pub(super) fn into_room(self) -> Room {
        Room {
            places: self.memo.into_places(),
            stack: emptied(self.stack),
            items: emptied(self.items),
            members: emptied(self.members),
        }
    }

    fn rule_at(&self, place: usize) -> Result<&'a Rule, Stop> {
        self.given.plan.rules.get(place).ok_or(Stop(&Cause::Elsewhere("a rule that is not there")))
    }

    fn complete(&mut self, rule: &'a Rule) -> Result<Option<V<'a>>, Stop> {
        let found = self.definitions(rule, self.base, self.stack.len())?;
        match (&rule.default, found) {
            (Some(default), None) => self.expr(default),
            _ => Ok(found),
        }
    }

    #[inline(never)]
    fn call(&mut self, place: usize, arguments: &'a [Expr]) -> Result<Option<V<'a>>, Stop> {
        let rule = self.rule_at(place)?;
        let start = self.stack.len();
        for argument in arguments {
            match self.operand(argument)? {
                Some(value) => self.stack.push(value),
                None => {
                    self.stack.truncate(start);
                    return Ok(None);
                }
            }
        }
        self.definitions(rule, self.base, start)
    }

    /// The value that the definitions of a rule give; its arguments are the variables from `start` on.
    fn definitions(&mut self, rule: &'a Rule, outer: usize, start: usize) -> Result<Option<V<'a>>, Stop> {
        let filled = self.stack.len();
        let mut found: Option<V<'a>> = None;
        self.base = start;
        for definition in &rule.definitions {
            if definition.arity != filled.saturating_sub(start) {
                return Err(Stop(&Cause::Elsewhere("a call with other arguments")));
            }
            self.stack.truncate(filled);
            self.stack.resize(start.saturating_add(definition.slots), V::Null);
            let Some(own) = self.definition(definition)? else { continue };
            if found.is_some_and(|found| found != own) {
                return Err(Stop(&Cause::Elsewhere("a rule with two values")));
            }
            found = Some(own);
        }
        self.stack.truncate(start);
        self.base = outer;
        Ok(found)
    }

    /// The value of a definition with its chain of `else`.
    fn definition(&mut self, definition: &'a Definition) -> Result<Option<V<'a>>, Stop> {
        for (slot, pattern) in &definition.parameters {
            let argument = self.stack.get(self.base.saturating_add(*slot)).copied();
            let Some(argument) = argument else { return Ok(None) };
            if !self.bind(pattern, argument)? {
                return Ok(None);
            }
        }
        let mut next = Some(definition);
        while let Some(definition) = next {
            let mut own = None;
            if definition.body.is_empty() {
                own = self.operand(&definition.value)?;
            } else {
                self.block(&definition.body, &mut |run| {
                    let Some(value) = run.operand(&definition.value)? else { return Ok(true) };
                    if own.is_some_and(|own| own != value) {
                        return Err(Stop(&Cause::Elsewhere("a rule with two values")));
                    }
                    own = Some(value);
                    Ok(!matches!(definition.value, Expr::Constant(_)))
                })?;
            }
            if own.is_some() {
                return Ok(own);
            }
            next = definition.otherwise.as_deref();
        }
        Ok(None)
    }

    fn set(&mut self, rule: &'a Rule) -> Result<V<'a>, Stop> {
        let mark = self.items.len();
        self.elements(rule)?;
        self.set_from(mark)
    }

    /// Adds what the definitions of a set give to the elements.
    fn elements(&mut self, rule: &'a Rule) -> Result<(), Stop> {
        for definition in &rule.definitions {
            let outer = self.enter(definition.slots);
            self.collect(&definition.body, &definition.value)?;
            self.leave(outer);
        }
        Ok(())
    }

    /// What a set holds, in any order, and perhaps some of it twice.
    pub(super) fn loose(&mut self, place: usize) -> Result<&[V<'a>], Stop> {
        let rule = self.rule_at(place)?;
        if rule.kind != RuleKind::Set {
            return Err(Stop(&Cause::Elsewhere("an answer that is no set")));
        }
        self.items.clear();
        self.elements(rule)?;
        Ok(&self.items)
    }

    fn object(&mut self, rule: &'a Rule) -> Result<V<'a>, Stop> {
        let mark = self.members.len();
        for definition in &rule.definitions {
            let outer = self.enter(definition.slots);
            match &definition.key {
                Some(key) => self.collect_members(&definition.body, key, &definition.value)?,
                None => return Err(Stop(&Cause::Elsewhere("a member without a key"))),
            }
            self.leave(outer);
        }
        self.object_from(mark)
    }

    /// The set of the elements since `mark`.
    fn set_from(&mut self, mark: usize) -> Result<V<'a>, Stop> {
        let set = self.given.arena.set(self.items.get(mark..).unwrap_or_default());
        self.items.truncate(mark);
        set
    }

    /// The object of the members since `mark`; one key with two values is an error.
    fn object_from(&mut self, mark: usize) -> Result<V<'a>, Stop> {
        let members = self.members.get_mut(mark..).unwrap_or_default();
        members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let pairs = || members.iter().zip(members.iter().skip(1));
        if pairs().any(|(one, other)| one.0 == other.0 && one.1 != other.1) {
            return Err(Stop(&Cause::Elsewhere("a key with two values")));
        }
        let object = if pairs().any(|(one, other)| one.0 == other.0) {
            let mut once = members.to_vec();
            once.dedup_by(|one, other| one.0 == other.0);
            self.given.arena.members(&once)
        } else {
            self.given.arena.members(members)
        };
        self.members.truncate(mark);
        object
    }

    fn enter(&mut self, slots: usize) -> usize {
        let outer = self.base;
        self.base = self.stack.len();
        self.stack.resize(self.base.saturating_add(slots), V::Null);
        outer
    }

    fn leave(&mut self, outer: usize) {
        self.stack.truncate(self.base);
        self.base = outer;
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(1);
        if self.steps.is_multiple_of(STEPS_PER_LOOK) {
            if self.steps > self.allowance.instructions {
                return Err(Stop::STEPS);
            }
            if self.watch.elapsed() > self.allowance.time {
                return Err(Stop::TIME);
            }
        }
        Ok(())
    }

    /// Finds the solutions of a block; false when `then` wants no more.
    fn block(&mut self, block: &'a [Stmt], then: Then<'_, 'a>) -> Result<bool, Stop> {
        let mut rest = block.iter();
        while let Some(statement) = rest.next() {
            self.step()?;
            let holds = match statement {
                Stmt::Test(expr) => self.operand(expr)?.is_some_and(V::holds),
                Stmt::Bind(pattern, expr) => match self.operand(expr)? {
                    Some(value) => self.bind(pattern, value)?,
                    None => false,
                },
                Stmt::Not(block) => !self.any(block)?,
                Stmt::Every { collection, key, value, block } => {
                    let each = self.expr(collection)?;
                    self.every(each, key, value, block)?
                }
                Stmt::Each { collection, key, value, some } => {
                    let Some(collection) = self.operand(collection)? else { return Ok(true) };
                    if *some && !collection.is_collection() {
                        return Err(Stop(&Cause::Elsewhere("`some ... in` of what is no collection")));
                    }
                    let rest = rest.as_slice();
                    return self.each(collection, &mut |run, each_key, each_value| {
                        let fits = run.bind(key, each_key)? && run.bind(value, each_value)?;
                        if fits { run.block(rest, then) } else { Ok(true) }
                    });
                }
            };
            if !holds {
                return Ok(true);
            }
        }
        then(self)
    }

    /// Whether a block has a solution.
    fn any(&mut self, block: &'a [Stmt]) -> Result<bool, Stop> {
        self.block(block, &mut |_| Ok(false)).map(|more| !more)
    }

    /// Goes through a collection until told to stop; false when it was. What is no collection has no elements.
    fn each(
        &mut self,
        collection: V<'a>,
        with: &mut dyn FnMut(&mut Self, V<'a>, V<'a>) -> Result<bool, Stop>,
    ) -> Result<bool, Stop> {
        match collection {
            V::Array(items) => {
                for (place, item) in (0..).zip(items) {
                    self.step()?;
                    if !with(self, V::Int(place), *item)? {
                        return Ok(false);
                    }
                }
            }
            V::Set(items) => {
                for item in items {
                    self.step()?;
                    if !with(self, *item, *item)? {
                        return Ok(false);
                    }
                }
            }
            V::Object(members) => {
                for (key, value) in members {
                    self.step()?;
                    if !with(self, *key, *value)? {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn every(
        &mut self,
        collection: Option<V<'a>>,
        key: &'a Pattern,
        value: &'a Pattern,
        block: &'a Block,
    ) -> Result<bool, Stop> {
        match collection {
            Some(all) if all.is_collection() => self.each(all, &mut |run, each_key, each_value| {
                Ok(run.bind(key, each_key)? && run.bind(value, each_value)? && run.any(block)?)
            }),
            _ => Ok(false),
        }
    }

    fn bind(&mut self, pattern: &'a Pattern, value: V<'a>) -> Result<bool, Stop> {
        Ok(match pattern {
            Pattern::Any => true,
            Pattern::Slot(slot) => {
                let place = self.base.saturating_add(*slot);
                let variable =
                    self.stack.get_mut(place).ok_or(Stop(&Cause::Elsewhere("a variable without a place")))?;
                *variable = value;
                true
            }
            Pattern::Equal(expr) => self.operand(expr)?.is_some_and(|expected| expected == value),
            Pattern::Array(patterns) => match value {
                V::Array(items) if items.len() == patterns.len() => {
                    for (pattern, item) in patterns.iter().zip(items) {
                        if !self.bind(pattern, *item)? {
                            return Ok(false);
                        }
                    }
                    true
                }
                _ => false,
            },
        })
    }
}
