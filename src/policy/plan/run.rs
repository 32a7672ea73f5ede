//! Running a plan.

use super::value::{Arena, V};
use super::{Arithmetic, Block, Comparison, Definition, Expr, Pattern, Plan, Rule, RuleKind, Stmt};
use crate::clock::Stopwatch;
use crate::policy::evaluate::Allowance;
use crate::policy::plan::builtins::{self, Builtin, Regexes};

/// How many steps are taken between two looks at the clock.
const STEPS_PER_LOOK: usize = 512;

/// A run without an answer. A reference, so that the results that carry it are no larger than values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Stop(pub(in crate::policy) &'static Cause);

impl Stop {
    pub(super) const TIME: Self = Self(&Cause::Time);
    pub(super) const STEPS: Self = Self(&Cause::Steps);
    pub(super) const MEMORY: Self = Self(&Cause::Memory);
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Cause {
    /// The interpreter must be asked: something failed, or is not done here.
    Elsewhere(&'static str),
    /// It took too long.
    Time,
    /// It took too many steps.
    Steps,
    /// It used too much memory.
    Memory,
}

/// What is known of a rule: its value or none, once it has been asked for.
pub(super) type Known<'a> = Option<Option<V<'a>>>;

/// What a run reads.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) plan: &'a Plan,
    pub(super) constants: &'a [V<'a>],
    pub(super) data: V<'a>,
    pub(super) input: V<'a>,
    /// The values of what depends on data and settings alone.
    pub(super) settled: &'a [Known<'a>],
    pub(super) arena: Arena<'a>,
    pub(super) regexes: &'a Regexes,
}

/// One run: the rules of one question.
pub(super) struct Run<'a> {
    given: Given<'a>,
    known: Vec<Known<'a>>,
    stack: Vec<V<'a>>,
    /// Where the variables of the definition at hand begin.
    base: usize,
    steps: usize,
    allowance: Allowance,
    watch: Stopwatch,
}

/// What is done with each solution of a block; the answer says whether to look for more.
type Then<'t, 'a> = &'t mut dyn FnMut(&mut Run<'a>) -> Result<bool, Stop>;

impl<'a> Run<'a> {
    pub(super) fn new(given: Given<'a>, allowance: Allowance) -> Self {
        Self {
            known: vec![None; given.plan.rules.len()],
            stack: Vec::with_capacity(64),
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
        if let Some(value) = self.known.get(place).copied().flatten() {
            return Ok(value);
        }
        let rule = self.rule_at(place)?;
        let value = match rule.kind {
            RuleKind::Complete => self.complete(rule)?,
            RuleKind::Set => Some(self.set(rule)?),
            RuleKind::Object => Some(self.object(rule)?),
            RuleKind::Function => return Err(Stop(&Cause::Elsewhere("a function as a value"))),
        };
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(value);
        }
        Ok(value)
    }

    /// The value of something settled; worked out here where it is not known yet, or could not be worked out before.
    pub(super) fn settled(&mut self, place: usize) -> Result<Option<V<'a>>, Stop> {
        if let Some(value) = self.given.settled.get(place).copied().flatten() {
            return Ok(value);
        }
        let settled = self.given.plan.settled.get(place).ok_or(Stop(&Cause::Elsewhere("something that is not there")))?;
        let outer = self.enter(settled.slots);
        let value = self.expr(&settled.expr)?;
        self.leave(outer);
        Ok(value)
    }

    fn rule_at(&self, place: usize) -> Result<&'a Rule, Stop> {
        self.given.plan.rules.get(place).ok_or(Stop(&Cause::Elsewhere("a rule that is not there")))
    }

    fn complete(&mut self, rule: &'a Rule) -> Result<Option<V<'a>>, Stop> {
        let mut found = None;
        for definition in &rule.definitions {
            self.definition(definition, &[], &mut found)?;
        }
        match (&rule.default, found) {
            (Some(default), None) => self.expr(default),
            _ => Ok(found),
        }
    }

    #[inline(never)]
    fn call(&mut self, place: usize, arguments: &'a [Expr]) -> Result<Option<V<'a>>, Stop> {
        let rule = self.rule_at(place)?;
        let mut values = [V::Null; MOST_PARAMETERS];
        let Some(values) = values.get_mut(..arguments.len()) else {
            return Err(Stop(&Cause::Elsewhere("a call with many arguments")));
        };
        for (value, argument) in values.iter_mut().zip(arguments) {
            match self.expr(argument)? {
                Some(given) => *value = given,
                None => return Ok(None),
            }
        }
        let mut found = None;
        for definition in &rule.definitions {
            self.definition(definition, values, &mut found)?;
        }
        Ok(found)
    }

    /// The value of a definition with its chain of `else`, added to what others of the same name gave.
    fn definition(
        &mut self,
        definition: &'a Definition,
        arguments: &[V<'a>],
        found: &mut Option<V<'a>>,
    ) -> Result<(), Stop> {
        let outer = self.enter(definition.slots);
        let mut next = Some(definition);
        while let Some(definition) = next {
            next = definition.otherwise.as_deref();
            let mut own = None;
            if self.parameters(&definition.parameters, arguments)? {
                self.block(&definition.body, &mut |run| {
                    let Some(value) = run.expr(&definition.value)? else { return Ok(true) };
                    if own.is_some_and(|own| own != value) {
                        return Err(Stop(&Cause::Elsewhere("a rule with two values")));
                    }
                    own = Some(value);
                    Ok(!matches!(definition.value, Expr::Constant(_)))
                })?;
            }
            let Some(own) = own else { continue };
            if found.is_some_and(|found| found != own) {
                return Err(Stop(&Cause::Elsewhere("a rule with two values")));
            }
            *found = Some(own);
            break;
        }
        self.leave(outer);
        Ok(())
    }

    fn parameters(&mut self, parameters: &'a [Pattern], arguments: &[V<'a>]) -> Result<bool, Stop> {
        for (parameter, argument) in parameters.iter().zip(arguments) {
            if !self.bind(parameter, *argument)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn set(&mut self, rule: &'a Rule) -> Result<V<'a>, Stop> {
        let mut items = Vec::new();
        for definition in &rule.definitions {
            let outer = self.enter(definition.slots);
            self.block(&definition.body, &mut |run| {
                items.extend(run.expr(&definition.value)?);
                Ok(true)
            })?;
            self.leave(outer);
        }
        self.given.arena.set(items)
    }

    fn object(&mut self, rule: &'a Rule) -> Result<V<'a>, Stop> {
        let mut members = Vec::new();
        for definition in &rule.definitions {
            let outer = self.enter(definition.slots);
            self.block(&definition.body, &mut |run| {
                let Some(key) = &definition.key else { return Err(Stop(&Cause::Elsewhere("a member without a key"))) };
                if let (Some(key), Some(value)) = (run.expr(key)?, run.expr(&definition.value)?) {
                    members.push((key, value));
                }
                Ok(true)
            })?;
            self.leave(outer);
        }
        self.distinct(members)
    }

    /// An object; one key with two values is an error.
    fn distinct(&self, mut members: Vec<(V<'a>, V<'a>)>) -> Result<V<'a>, Stop> {
        members.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
        members.dedup_by(|one, other| one.0 == other.0 && one.1 == other.1);
        let twice = members.iter().zip(members.iter().skip(1)).any(|(one, other)| one.0 == other.0);
        if twice { Err(Stop(&Cause::Elsewhere("a key with two values"))) } else { self.given.arena.members(&members) }
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
                Stmt::Test(expr) => self.expr(expr)?.is_some_and(V::holds),
                Stmt::Bind(pattern, expr) => match self.expr(expr)? {
                    Some(value) => self.bind(pattern, value)?,
                    None => false,
                },
                Stmt::Not(block) => !self.any(block)?,
                Stmt::Every { collection, key, value, block } => {
                    let each = self.expr(collection)?;
                    self.every(each, key, value, block)?
                }
                Stmt::Each { collection, key, value, some } => {
                    let Some(collection) = self.expr(collection)? else { return Ok(true) };
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
            Some(all) if all.is_collection() => {
                self.each(all, &mut |run, each_key, each_value| {
                    Ok(run.bind(key, each_key)? && run.bind(value, each_value)? && run.any(block)?)
                })
            }
            _ => Ok(false),
        }
    }

    fn bind(&mut self, pattern: &'a Pattern, value: V<'a>) -> Result<bool, Stop> {
        Ok(match pattern {
            Pattern::Any => true,
            Pattern::Slot(slot) => {
                let place = self.base.saturating_add(*slot);
                let variable = self.stack.get_mut(place).ok_or(Stop(&Cause::Elsewhere("a variable without a place")))?;
                *variable = value;
                true
            }
            Pattern::Equal(expr) => self.expr(expr)?.is_some_and(|expected| expected == value),
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

    /// The value of an expression. What most of them are is done here; what makes something new stands apart, so that its
    /// variables do not lengthen every step.
    pub(super) fn expr(&mut self, expr: &'a Expr) -> Result<Option<V<'a>>, Stop> {
        Ok(match expr {
            Expr::Constant(place) => self.given.constants.get(*place).copied(),
            Expr::Slot(slot) => self.stack.get(self.base.saturating_add(*slot)).copied(),
            Expr::Input => Some(self.given.input),
            Expr::Data => Some(self.given.data),
            Expr::Settled(place) => self.settled(*place)?,
            Expr::Rule(place) => self.rule(*place)?,
            Expr::Path(from, steps) => {
                let Some(mut here) = self.expr(from)? else { return Ok(None) };
                for step in steps {
                    let key = match step {
                        Expr::Constant(place) => self.given.constants.get(*place).copied(),
                        step => self.expr(step)?,
                    };
                    let Some(key) = key else { return Ok(None) };
                    match here.get(key) {
                        Some(next) => here = next,
                        None => return Ok(None),
                    }
                }
                Some(here)
            }
            Expr::Call(place, arguments) => {
                self.step()?;
                self.call(*place, arguments)?
            }
            Expr::Compare(comparison, one, other) => {
                let Some(one) = self.expr(one)? else { return Ok(None) };
                let Some(other) = self.expr(other)? else { return Ok(None) };
                Some(V::flag(comparison.of(&one, &other)))
            }
            Expr::In(key, value, collection) => self.within(key.as_deref(), value, collection)?,
            _ => self.made(expr)?,
        })
    }

    /// The values of expressions that make something new.
    #[inline(never)]
    fn made(&mut self, expr: &'a Expr) -> Result<Option<V<'a>>, Stop> {
        Ok(match expr {
            Expr::Builtin(builtin, arguments) => self.builtin(*builtin, arguments)?,
            Expr::Array(items) => match self.all(items)? {
                Some(items) => Some(self.given.arena.array(&items)?),
                None => None,
            },
            Expr::Set(items) => match self.all(items)? {
                Some(items) => Some(self.given.arena.set(items)?),
                None => None,
            },
            Expr::Object(members) => {
                let mut found = Vec::with_capacity(members.len());
                for (key, value) in members {
                    match (self.expr(key)?, self.expr(value)?) {
                        (Some(key), Some(value)) => found.push((key, value)),
                        _ => return Ok(None),
                    }
                }
                Some(self.distinct(found)?)
            }
            Expr::ArrayOf(block, item) => {
                let items = self.collect(block, item)?;
                Some(self.given.arena.array(&items)?)
            }
            Expr::SetOf(block, item) => {
                let items = self.collect(block, item)?;
                Some(self.given.arena.set(items)?)
            }
            Expr::ObjectOf(block, key, value) => {
                let mut members = Vec::new();
                self.block(block, &mut |run| {
                    if let (Some(key), Some(value)) = (run.expr(key)?, run.expr(value)?) {
                        members.push((key, value));
                    }
                    Ok(true)
                })?;
                Some(self.distinct(members)?)
            }
            Expr::Arithmetic(operation, one, other) => match (self.expr(one)?, self.expr(other)?) {
                (Some(one), Some(other)) => Some(operation.of(one, other, self.given.arena)?),
                _ => None,
            },
            _ => return Err(Stop(&Cause::Elsewhere("an expression that is done elsewhere"))),
        })
    }

    #[inline(never)]
    fn builtin(&mut self, builtin: Builtin, arguments: &'a [Expr]) -> Result<Option<V<'a>>, Stop> {
        let mut values = [V::Null; builtins::MOST_ARGUMENTS];
        for (value, argument) in values.iter_mut().zip(arguments) {
            match self.expr(argument)? {
                Some(given) => *value = given,
                None => return Ok(None),
            }
        }
        builtin.call(&values, self.given.arena, self.given.regexes)
    }

    /// `value in collection`. Undefined is in nothing, and nothing is in undefined: false, not undefined, as in the engine.
    #[inline(never)]
    fn within(
        &mut self,
        key: Option<&'a Expr>,
        value: &'a Expr,
        collection: &'a Expr,
    ) -> Result<Option<V<'a>>, Stop> {
        let (value, collection) = (self.expr(value)?, self.expr(collection)?);
        let (Some(value), Some(collection)) = (value, collection) else {
            return match key {
                Some(_) => Err(Stop(&Cause::Elsewhere("membership of nothing under a key"))),
                None => Ok(Some(V::flag(false))),
            };
        };
        let found = match key {
            None => collection.has(value),
            Some(key) => match (self.expr(key)?, collection) {
                (Some(key), V::Array(_) | V::Object(_)) => {
                    collection.get(key).is_some_and(|found| found == value)
                }
                _ => false,
            },
        };
        Ok(Some(V::flag(found)))
    }

    fn all(&mut self, items: &'a [Expr]) -> Result<Option<Vec<V<'a>>>, Stop> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.expr(item)? {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(values))
    }

    fn collect(&mut self, block: &'a [Stmt], item: &'a Expr) -> Result<Vec<V<'a>>, Stop> {
        let mut items = Vec::new();
        self.block(block, &mut |run| {
            items.extend(run.expr(item)?);
            Ok(true)
        })?;
        Ok(items)
    }
}

/// The most parameters of a function that is planned.
pub(super) const MOST_PARAMETERS: usize = 8;

impl Comparison {
    fn of(self, one: &V<'_>, other: &V<'_>) -> bool {
        match self {
            Self::Equal => one == other,
            Self::NotEqual => one != other,
            Self::Less => one.cmp(other).is_lt(),
            Self::LessOrEqual => one.cmp(other).is_le(),
            Self::Greater => one.cmp(other).is_gt(),
            Self::GreaterOrEqual => one.cmp(other).is_ge(),
        }
    }
}

impl Arithmetic {
    fn of<'a>(self, one: V<'a>, other: V<'a>, arena: Arena<'a>) -> Result<V<'a>, Stop> {
        match (self, one, other) {
            (Self::Union, V::Set(one), V::Set(other)) => arena.set([one, other].concat()),
            (Self::Intersection, V::Set(items), V::Set(_)) => {
                arena.set(items.iter().copied().filter(|item| other.has(*item)).collect())
            }
            (Self::Subtract, V::Set(items), V::Set(_)) => {
                arena.set(items.iter().copied().filter(|item| !other.has(*item)).collect())
            }
            (_, V::Int(one), V::Int(other)) => self.of_integers(one, other),
            _ => self.of_floats(one.number()?, other.number()?),
        }
    }

    fn of_integers<'a>(self, one: i64, other: i64) -> Result<V<'a>, Stop> {
        let result = match self {
            Self::Add => one.checked_add(other),
            Self::Subtract => one.checked_sub(other),
            Self::Multiply => one.checked_mul(other),
            Self::Divide if one.checked_rem(other) == Some(0) => one.checked_div(other),
            Self::Remainder => one.checked_rem(other),
            Self::Divide | Self::Union | Self::Intersection => None,
        };
        result.map(V::Int).ok_or(Stop(&Cause::Elsewhere("arithmetic beyond whole numbers")))
    }

    fn of_floats<'a>(self, one: f64, other: f64) -> Result<V<'a>, Stop> {
        let result = match self {
            Self::Add => one + other,
            Self::Subtract => one - other,
            Self::Multiply => one * other,
            Self::Divide | Self::Remainder | Self::Union | Self::Intersection => f64::NAN,
        };
        if result.is_finite() { Ok(V::float(result)) } else { Err(Stop(&Cause::Elsewhere("arithmetic beyond numbers"))) }
    }
}

impl V<'_> {
    #[allow(clippy::cast_precision_loss, reason = "the engine, too, takes the nearest float")]
    pub(super) fn number(self) -> Result<f64, Stop> {
        match self {
            Self::Int(number) => Ok(number as f64),
            Self::Float(number) => Ok(number),
            _ => Err(Stop(&Cause::Elsewhere("arithmetic without numbers"))),
        }
    }
}
