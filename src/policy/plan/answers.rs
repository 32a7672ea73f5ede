//! What rules answered, read from values. Only answers of the agreed shape are read here; the interpreter is asked about all
//! others, and its reader says what is wrong with them.

use super::run::{Cause, Stop};
use super::value::{V, to_plain};
use crate::policy::answer::{Claim, Op, Patch, Plain, Resource, Softened, Temporary, Violation};

const ODD: Stop = Stop(&Cause::Elsewhere("an answer that is not of the agreed shape"));

/// A part of a rule's answer.
pub(in crate::policy) trait Answered: Sized {
    /// Reads one element of the set.
    fn read(members: &mut Members<'_, '_>) -> Result<Self, Stop>;
    /// The rule it names.
    fn rule(&self) -> &str;
}

/// Adds what a rule answered to `all`, in any order.
pub(super) fn read<T: Answered>(items: &[V<'_>], rule: &str, all: &mut Vec<T>) -> Result<(), Stop> {
    all.reserve(items.len());
    for item in items {
        let V::Object(members) = item else { return Err(ODD) };
        let mut members = Members(members);
        let one = T::read(&mut members)?;
        if one.rule() != rule || !members.0.is_empty() {
            return Err(ODD);
        }
        all.push(one);
    }
    Ok(())
}

/// Puts what all rules answered in order.
pub(super) fn sort<T: Ord>(all: &mut [T]) -> Result<(), Stop> {
    all.sort_unstable();
    if all.iter().zip(all.iter().skip(1)).any(|(one, other)| one == other) {
        // once in the set if they are the same there too; the interpreter knows
        return Err(Stop(&Cause::Elsewhere("an answer given twice")));
    }
    Ok(())
}

/// The members of an answer that are still to be read. They are in the order of their names, and must be asked for in that order; at
/// the end none may be left.
pub(in crate::policy) struct Members<'m, 'a>(&'m [(V<'a>, V<'a>)]);

impl<'a> Members<'_, 'a> {
    fn get(&mut self, name: &str) -> Option<V<'a>> {
        let (first, rest) = self.0.split_first()?;
        if !matches!(first.0, V::Text(key) if key == name) {
            return None;
        }
        self.0 = rest;
        Some(first.1)
    }

    fn text<T: From<&'a str>>(&mut self, name: &str) -> Result<T, Stop> {
        match self.get(name) {
            Some(V::Text(text)) => Ok(text.into()),
            _ => Err(ODD),
        }
    }

    /// A member that may be left out, or null.
    fn some(&mut self, name: &str) -> Option<V<'a>> {
        self.get(name).filter(|value| !matches!(value, V::Null))
    }

    /// A text that may be left out, or null.
    fn some_text<T: From<&'a str>>(&mut self, name: &str) -> Result<Option<T>, Stop> {
        match self.some(name) {
            None => Ok(None),
            Some(V::Text(text)) => Ok(Some(text.into())),
            Some(_) => Err(ODD),
        }
    }

    fn plain(&mut self, name: &str) -> Result<Option<Plain>, Stop> {
        self.some(name).map(|value| to_plain(value).map(Plain).ok_or(ODD)).transpose()
    }

    fn amount(&mut self, name: &str) -> Result<u64, Stop> {
        amount(self.get(name).ok_or(ODD)?)
    }
}

fn amount(value: V<'_>) -> Result<u64, Stop> {
    match value {
        V::Int(number) => u64::try_from(number).map_err(|_| ODD),
        _ => Err(ODD),
    }
}

impl Answered for Violation {
    fn read(members: &mut Members<'_, '_>) -> Result<Self, Stop> {
        Ok(Self {
            allowed: members.plain("allowed")?,
            asked: members.plain("asked")?,
            field: members.text("field")?,
            link: members.some_text("link")?,
            message: members.text("message")?,
            remedy: members.text("remedy")?,
            rule: members.text("rule")?,
        })
    }

    fn rule(&self) -> &str {
        &self.rule
    }
}

impl Answered for Patch {
    fn read(members: &mut Members<'_, '_>) -> Result<Self, Stop> {
        let op = match members.get("op") {
            Some(V::Text("default")) => Op::Default,
            Some(V::Text("force")) => Op::Force,
            _ => return Err(ODD),
        };
        Ok(Self {
            op,
            path: members.text("path")?,
            rule: members.text("rule")?,
            value: members.get("value").and_then(to_plain).map(Plain).ok_or(ODD)?,
        })
    }

    fn rule(&self) -> &str {
        &self.rule
    }
}

impl Answered for Claim {
    fn read(members: &mut Members<'_, '_>) -> Result<Self, Stop> {
        let used = members.amount("amount")?;
        let limit = members.some("limit").map(amount).transpose()?;
        let mode = match members.some("mode") {
            None => None,
            Some(V::Text("warn")) => Some(Softened::Warn),
            Some(V::Text("shadow")) => Some(Softened::Shadow),
            Some(_) => return Err(ODD),
        };
        let name = members.some_text("name")?;
        let resource = match members.get("resource") {
            Some(V::Text(resource)) => Resource::parse(resource).ok_or(ODD)?,
            _ => return Err(ODD),
        };
        Ok(Self {
            rule: members.text("rule")?,
            scope: members.text("scope")?,
            resource,
            amount: used,
            limit,
            name,
            mode,
            temporary: members.some("temporary").map(temporary).transpose()?,
        })
    }

    fn rule(&self) -> &str {
        &self.rule
    }
}

fn temporary(value: V<'_>) -> Result<Temporary, Stop> {
    let V::Object(members) = value else { return Err(ODD) };
    let mut members = Members(members);
    let temporary = Temporary {
        limit: members.amount("limit")?,
        reason: members.text("reason")?,
        until: members.text("until")?,
    };
    if members.0.is_empty() { Ok(temporary) } else { Err(ODD) }
}
