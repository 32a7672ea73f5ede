//! The values of expressions.

use super::{Cause, Run, Stop};
use crate::policy::plan::builtins::{self, Builtin};
use crate::policy::plan::value::V;
use crate::policy::plan::{Expr, Stmt};

impl<'a> Run<'a> {
    /// The value of an expression that is part of another one. Most are constants and variables, which are found without a
    /// call.
    #[inline(always)]
    pub(super) fn operand(&mut self, expr: &'a Expr) -> Result<Option<V<'a>>, Stop> {
        match expr {
            Expr::Constant(place) => Ok(self.given.constants.get(*place).copied()),
            Expr::Slot(slot) => Ok(self.stack.get(self.base.saturating_add(*slot)).copied()),
            expr => self.expr(expr),
        }
    }

    /// The value of an expression. What most of them are is done here; what makes something new stands apart, so that its
    /// variables do not lengthen every step.
    pub(in crate::policy::plan) fn expr(&mut self, expr: &'a Expr) -> Result<Option<V<'a>>, Stop> {
        Ok(match expr {
            Expr::Constant(place) => self.given.constants.get(*place).copied(),
            Expr::Slot(slot) => self.stack.get(self.base.saturating_add(*slot)).copied(),
            Expr::Section(section) => self.section(*section)?,
            Expr::Data => Some(self.given.data),
            Expr::Settled(place) => self.settled(*place)?,
            Expr::Rule(place) => match self.memo.get(*place) {
                Some(known) => known,
                None => self.rule(*place)?,
            },
            Expr::Once(place) => match self.memo.get(self.once_place(*place)) {
                Some(known) => known,
                None => self.once(*place)?,
            },
            Expr::Path(from, steps) => {
                let Some(mut here) = self.operand(from)? else { return Ok(None) };
                for step in steps {
                    let Some(key) = self.operand(step)? else { return Ok(None) };
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
                let Some(one) = self.operand(one)? else { return Ok(None) };
                let Some(other) = self.operand(other)? else { return Ok(None) };
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
            Expr::Input => Some(self.given.input.whole(self.given.arena)?),
            Expr::Array(items) => {
                let mark = self.items.len();
                if self.all(items, mark)? { Some(self.array_from(mark)?) } else { None }
            }
            Expr::Set(items) => {
                let mark = self.items.len();
                if self.all(items, mark)? { Some(self.set_from(mark)?) } else { None }
            }
            Expr::Object(members, true) => {
                let object = self.given.arena.room(members.len())?;
                for (member, (key, value)) in object.iter_mut().zip(members) {
                    match (self.operand(key)?, self.operand(value)?) {
                        (Some(key), Some(value)) => *member = (key, value),
                        _ => return Ok(None),
                    }
                }
                Some(V::Object(object))
            }
            Expr::Object(members, false) => {
                let mark = self.members.len();
                for (key, value) in members {
                    match (self.operand(key)?, self.operand(value)?) {
                        (Some(key), Some(value)) => self.members.push((key, value)),
                        _ => {
                            self.members.truncate(mark);
                            return Ok(None);
                        }
                    }
                }
                Some(self.object_from(mark)?)
            }
            Expr::ArrayOf(block, item) => {
                let mark = self.items.len();
                self.collect(block, item)?;
                Some(self.array_from(mark)?)
            }
            Expr::SetOf(block, item) => {
                let mark = self.items.len();
                self.collect(block, item)?;
                Some(self.set_from(mark)?)
            }
            Expr::ObjectOf(block, key, value) => {
                let mark = self.members.len();
                self.collect_members(block, key, value)?;
                Some(self.object_from(mark)?)
            }
            Expr::Arithmetic(operation, one, other) => match (self.operand(one)?, self.operand(other)?) {
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
            match self.operand(argument)? {
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
        if let (Expr::Array(items), None) = (value, key)
            && items.iter().all(|item| matches!(item, Expr::Slot(_) | Expr::Constant(_)))
        {
            // making the array cannot fail, and need not be done to know that it is in no empty set
            if let Some(V::Set([])) = self.operand(collection)? {
                return Ok(Some(V::False));
            }
        }
        let (value, collection) = (self.operand(value)?, self.operand(collection)?);
        let (Some(value), Some(collection)) = (value, collection) else {
            return match key {
                Some(_) => Err(Stop(&Cause::Elsewhere("membership of nothing under a key"))),
                None => Ok(Some(V::flag(false))),
            };
        };
        let found = match key {
            None => collection.has(value),
            Some(key) => match (self.operand(key)?, collection) {
                (Some(key), V::Array(_) | V::Object(_)) => {
                    collection.get(key).is_some_and(|found| found == value)
                }
                _ => false,
            },
        };
        Ok(Some(V::flag(found)))
    }

    /// Adds the values of all to the elements; false, and none of them, where one has none.
    fn all(&mut self, items: &'a [Expr], mark: usize) -> Result<bool, Stop> {
        for item in items {
            match self.operand(item)? {
                Some(value) => self.items.push(value),
                None => {
                    self.items.truncate(mark);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn array_from(&mut self, mark: usize) -> Result<V<'a>, Stop> {
        let array = self.given.arena.array(self.items.get(mark..).unwrap_or_default());
        self.items.truncate(mark);
        array
    }

    /// Adds to the elements what each solution of a block gives.
    pub(super) fn collect(&mut self, block: &'a [Stmt], item: &'a Expr) -> Result<(), Stop> {
        self.block(block, &mut |run| {
            let item = run.operand(item)?;
            run.items.extend(item);
            Ok(true)
        })?;
        Ok(())
    }

    pub(super) fn collect_members(
        &mut self,
        block: &'a [Stmt],
        key: &'a Expr,
        value: &'a Expr,
    ) -> Result<(), Stop> {
        self.block(block, &mut |run| {
            if let (Some(key), Some(value)) = (run.operand(key)?, run.operand(value)?) {
                run.members.push((key, value));
            }
            Ok(true)
        })?;
        Ok(())
    }
}
