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

/// Adds what a rule answered to `all`, in order.
pub(super) fn read<T: Answered + Ord>(items: &[V<'_>], rule: &str, all: &mut Vec<T>) -> Result<(), Stop> {
    let before = all.len();
    for item in items {
        let V::Object(members) = item else { return Err(ODD) };
        let mut members = Members { members, read: 0 };
        let one = T::read(&mut members)?;
        if one.rule() != rule || members.read != members.members.len() {
            return Err(ODD);
        }
        all.push(one);
    }
    let own = all.get_mut(before..).unwrap_or_default();
    own.sort();
    if own.iter().zip(own.iter().skip(1)).any(|(one, other)| one == other) {
        // once in the set if they are the same there too; the interpreter knows
        return Err(Stop(&Cause::Elsewhere("an answer given twice")));
    }
    Ok(())
}

/// The members of an answer; at the end all must have been asked for.
pub(in crate::policy) struct Members<'m, 'a> {
    members: &'m [(V<'a>, V<'a>)],
    read: usize,
}

impl<'a> Members<'_, 'a> {
    fn get(&mut self, name: &str) -> Option<V<'a>> {
        let found = self.members.iter().find(|(key, _)| matches!(key, V::Text(key) if *key == name))?;
        self.read = self.read.saturating_add(1);
        Some(found.1)
    }

    fn text(&mut self, name: &str) -> Result<String, Stop> {
        match self.get(name) {
            Some(V::Text(text)) => Ok(text.to_owned()),
            _ => Err(ODD),
        }
    }

    /// A member that may be left out, or null.
    fn some(&mut self, name: &str) -> Option<V<'a>> {
        self.get(name).filter(|value| !matches!(value, V::Null))
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
        let link = match members.some("link") {
            None => None,
            Some(V::Text(link)) => Some(link.to_owned()),
            Some(_) => return Err(ODD),
        };
        Ok(Self {
            rule: members.text("rule")?,
            message: members.text("message")?,
            field: members.text("field")?,
            remedy: members.text("remedy")?,
            asked: members.plain("asked")?,
            allowed: members.plain("allowed")?,
            link,
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
        let value = members.get("value").and_then(to_plain).map(Plain).ok_or(ODD)?;
        Ok(Self { rule: members.text("rule")?, op, path: members.text("path")?, value })
    }

    fn rule(&self) -> &str {
        &self.rule
    }
}

impl Answered for Claim {
    fn read(members: &mut Members<'_, '_>) -> Result<Self, Stop> {
        let resource = match members.get("resource") {
            Some(V::Text(resource)) => Resource::parse(resource).ok_or(ODD)?,
            _ => return Err(ODD),
        };
        let name = match members.some("name") {
            None => None,
            Some(V::Text(name)) => Some(name.to_owned()),
            Some(_) => return Err(ODD),
        };
        let mode = match members.some("mode") {
            None => None,
            Some(V::Text("warn")) => Some(Softened::Warn),
            Some(V::Text("shadow")) => Some(Softened::Shadow),
            Some(_) => return Err(ODD),
        };
        Ok(Self {
            rule: members.text("rule")?,
            scope: members.text("scope")?,
            resource,
            amount: members.amount("amount")?,
            limit: members.some("limit").map(amount).transpose()?,
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
    let V::Object(all) = value else { return Err(ODD) };
    let mut members = Members { members: all, read: 0 };
    let temporary = Temporary {
        limit: members.amount("limit")?,
        until: members.text("until")?,
        reason: members.text("reason")?,
    };
    if members.read == all.len() { Ok(temporary) } else { Err(ODD) }
}
