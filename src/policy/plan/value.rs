//! Values that live in an arena. A value is a few words and is copied like a number; what it holds is freed with the arena.

use std::cmp::Ordering;

use bumpalo::Bump;

use super::Constant;
use super::run::{Cause, Stop};
use crate::json;

/// A value. Floats that are whole numbers within ±2^53 are `Int`, as in the engine's arithmetic.
///
/// Nothing is smaller than a word in it but the tag: a payload beside the tag would make every copy an unaligned one, which
/// waits for the stores before it (measured: half of an evaluation's time).
#[derive(Clone, Copy, Debug)]
pub(super) enum V<'a> {
    Null,
    False,
    True,
    Int(i64),
    Float(f64),
    Text(&'a str),
    Array(&'a [V<'a>]),
    /// In order, each once.
    Set(&'a [V<'a>]),
    /// In the order of the keys, each once.
    Object(&'a [(V<'a>, V<'a>)]),
}

/// Whole numbers up to here are exact in a 64-bit float.
const SAFE: f64 = 9_007_199_254_740_992.0;

/// Objects of up to so many members are searched from the front: their names differ in length or in the first letters.
const FEW: usize = 32;

impl<'a> V<'a> {
    /// A float, as a whole number where it is one.
    #[allow(clippy::cast_possible_truncation, reason = "a whole number within ±2^53 fits")]
    pub(super) fn float(number: f64) -> Self {
        let whole = number.fract() == 0.0 && number.abs() <= SAFE;
        if whole { Self::Int(number as i64) } else { Self::Float(number) }
    }

    pub(super) fn flag(flag: bool) -> Self {
        if flag { Self::True } else { Self::False }
    }

    /// What a statement asks: anything but false.
    pub(super) fn holds(self) -> bool {
        !matches!(self, Self::False)
    }

    pub(super) fn is_collection(self) -> bool {
        matches!(self, Self::Array(_) | Self::Set(_) | Self::Object(_))
    }

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::False | Self::True => "boolean",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Set(_) => "set",
            Self::Object(_) => "object",
        }
    }

    /// One step into a value.
    pub(super) fn get(self, key: V<'_>) -> Option<V<'a>> {
        match (self, key) {
            (Self::Object(members), V::Text(name)) => member(members, name),
            (Self::Object(members), _) => {
                let place = members.binary_search_by(|(have, _)| have.cmp(&key)).ok()?;
                members.get(place).map(|(_, value)| *value)
            }
            (Self::Array(items), V::Int(place)) => items.get(usize::try_from(place).ok()?).copied(),
            (Self::Set(items), _) => {
                let place = items.binary_search_by(|have| have.cmp(&key)).ok()?;
                items.get(place).copied()
            }
            _ => None,
        }
    }

    /// Whether a collection holds a value; what is no collection holds none.
    pub(super) fn has(self, value: V<'_>) -> bool {
        match self {
            Self::Array(items) => items.contains(&value),
            Self::Set(items) => items.binary_search_by(|have| have.cmp(&value)).is_ok(),
            Self::Object(members) => members.iter().any(|(_, item)| *item == value),
            _ => false,
        }
    }

    /// Rego's total order over all values.
    pub(super) fn cmp(&self, other: &V<'_>) -> Ordering {
        match (self, other) {
            (Self::Int(mine), V::Int(theirs)) => mine.cmp(theirs),
            (Self::Float(mine), V::Float(theirs)) => mine.total_cmp(theirs),
            (Self::Int(mine), V::Float(theirs)) => int_float(*mine, *theirs),
            (Self::Float(mine), V::Int(theirs)) => int_float(*theirs, *mine).reverse(),
            // most names are the same constants
            (Self::Text(mine), V::Text(theirs)) if std::ptr::eq(*mine, *theirs) => Ordering::Equal,
            (Self::Text(mine), V::Text(theirs)) => mine.cmp(theirs),
            (Self::Array(mine), V::Array(theirs)) | (Self::Set(mine), V::Set(theirs)) => {
                let pairs = mine.iter().zip(*theirs);
                let mut orders = pairs.map(|(mine, theirs)| mine.cmp(theirs));
                orders.find(|order| order.is_ne()).unwrap_or_else(|| mine.len().cmp(&theirs.len()))
            }
            (Self::Object(mine), V::Object(theirs)) => {
                let pairs = mine.iter().zip(*theirs);
                let mut orders =
                    pairs.map(|(mine, theirs)| mine.0.cmp(&theirs.0).then_with(|| mine.1.cmp(&theirs.1)));
                orders.find(|order| order.is_ne()).unwrap_or_else(|| mine.len().cmp(&theirs.len()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Rego's order of types, false before true.
    fn rank(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::False => 1,
            Self::True => 2,
            Self::Int(_) | Self::Float(_) => 3,
            Self::Text(_) => 4,
            Self::Array(_) => 5,
            Self::Set(_) => 6,
            Self::Object(_) => 7,
        }
    }
}

impl PartialEq<V<'_>> for V<'_> {
    fn eq(&self, other: &V<'_>) -> bool {
        match (self, other) {
            (Self::Text(mine), V::Text(theirs)) => mine == theirs,
            _ => self.cmp(other).is_eq(),
        }
    }
}

fn member<'a>(members: &'a [(V<'a>, V<'a>)], name: &str) -> Option<V<'a>> {
    if members.len() <= FEW {
        let found = members.iter().find(|(have, _)| matches!(have, V::Text(have) if *have == name))?;
        return Some(found.1);
    }
    let place = members.binary_search_by(|(have, _)| have.cmp(&V::Text(name))).ok()?;
    members.get(place).map(|(_, value)| *value)
}

/// A whole number against a float that is none, or lies beyond ±2^53.
fn int_float(int: i64, float: f64) -> Ordering {
    if float >= 1e19 {
        return Ordering::Less;
    }
    if float <= -1e19 {
        return Ordering::Greater;
    }
    #[allow(clippy::cast_possible_truncation, reason = "it lies within ±1e19")]
    let whole = float.trunc() as i128;
    i128::from(int).cmp(&whole).then_with(|| 0.0_f64.total_cmp(&(float.fract() + 0.0)))
}

/// Puts values into an arena. Every allocation can fail: the arena has a limit.
#[derive(Clone, Copy)]
pub(super) struct Arena<'a>(pub(super) &'a Bump);

impl<'a> Arena<'a> {
    pub(super) fn text(self, text: &str) -> Result<V<'a>, Stop> {
        self.0.try_alloc_str(text).map(|text| V::Text(text)).map_err(|_| Stop::MEMORY)
    }

    fn items(self, items: &[V<'a>]) -> Result<&'a [V<'a>], Stop> {
        self.0.try_alloc_slice_copy(items).map(|items| &*items).map_err(|_| Stop::MEMORY)
    }

    pub(super) fn array(self, items: &[V<'a>]) -> Result<V<'a>, Stop> {
        self.items(items).map(V::Array)
    }

    /// A set of values in any order.
    pub(super) fn set(self, items: &[V<'a>]) -> Result<V<'a>, Stop> {
        let items = self.0.try_alloc_slice_copy(items).map_err(|_| Stop::MEMORY)?;
        items.sort_unstable_by(V::cmp);
        let mut kept: usize = 0;
        for place in 0..items.len() {
            let new = place == 0 || items.get(place) != items.get(kept.wrapping_sub(1));
            if new {
                items.swap(place, kept);
                kept = kept.saturating_add(1);
            }
        }
        let items: &'a [V<'a>] = items;
        Ok(V::Set(items.get(..kept).unwrap_or_default()))
    }

    /// An object of members in any order, each once.
    pub(super) fn object(self, members: &[(V<'a>, V<'a>)]) -> Result<V<'a>, Stop> {
        let members = self.0.try_alloc_slice_copy(members).map_err(|_| Stop::MEMORY)?;
        members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Ok(V::Object(members))
    }

    /// Room for the members of an object.
    pub(super) fn room(self, members: usize) -> Result<&'a mut [(V<'a>, V<'a>)], Stop> {
        self.0.try_alloc_slice_fill_copy(members, (V::Null, V::Null)).map_err(|_| Stop::MEMORY)
    }

    /// An object of members in the order of their keys.
    pub(super) fn members(self, members: &[(V<'a>, V<'a>)]) -> Result<V<'a>, Stop> {
        self.0.try_alloc_slice_copy(members).map(|members| V::Object(members)).map_err(|_| Stop::MEMORY)
    }

    /// A copy that owes nothing to where the value came from.
    pub(super) fn copy(self, value: V<'_>) -> Result<V<'a>, Stop> {
        let all = |items: &[V<'_>]| {
            self.items(&items.iter().map(|item| self.copy(*item)).collect::<Result<Vec<_>, Stop>>()?)
        };
        Ok(match value {
            V::Null => V::Null,
            V::False => V::False,
            V::True => V::True,
            V::Int(number) => V::Int(number),
            V::Float(number) => V::Float(number),
            V::Text(text) => self.text(text)?,
            V::Array(items) => V::Array(all(items)?),
            V::Set(items) => V::Set(all(items)?),
            V::Object(members) => {
                let copy = |(key, value): &(V<'_>, V<'_>)| Ok((self.copy(*key)?, self.copy(*value)?));
                self.members(&members.iter().map(copy).collect::<Result<Vec<_>, Stop>>()?)?
            }
        })
    }

    pub(super) fn constant(self, constant: &Constant) -> Result<V<'a>, Stop> {
        let all = |items: &[Constant]| {
            items.iter().map(|item| self.constant(item)).collect::<Result<Vec<_>, Stop>>()
        };
        Ok(match constant {
            Constant::Null => V::Null,
            Constant::Bool(flag) => V::flag(*flag),
            Constant::Int(number) => V::Int(*number),
            Constant::Float(number) => V::float(*number),
            Constant::Text(text) => self.text(text)?,
            Constant::Array(items) => self.array(&all(items)?)?,
            Constant::Set(items) => self.set(&all(items)?)?,
            Constant::Object(members) => {
                let member =
                    |(key, value): &(Constant, Constant)| Ok((self.constant(key)?, self.constant(value)?));
                self.object(&members.iter().map(member).collect::<Result<Vec<_>, Stop>>()?)?
            }
        })
    }

    /// A plain document: data and settings.
    pub(super) fn plain(self, value: &serde_json::Value) -> Result<V<'a>, Stop> {
        Ok(match value {
            serde_json::Value::Null => V::Null,
            serde_json::Value::Bool(flag) => V::flag(*flag),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(exact), _) => V::Int(exact),
                (None, Some(near)) if !number.is_u64() => V::float(near),
                _ => return Err(Stop(&Cause::Elsewhere("a number beyond 64 bits"))),
            },
            serde_json::Value::String(text) => self.text(text)?,
            serde_json::Value::Array(items) => {
                self.array(&items.iter().map(|item| self.plain(item)).collect::<Result<Vec<_>, Stop>>()?)?
            }
            serde_json::Value::Object(members) => {
                let member =
                    |(name, value): (&String, &serde_json::Value)| Ok((self.text(name)?, self.plain(value)?));
                self.object(&members.iter().map(member).collect::<Result<Vec<_>, Stop>>()?)?
            }
        })
    }

    /// A document of the client's, borrowed from it.
    pub(super) fn document(self, object: &'a json::Object) -> Result<V<'a>, Stop> {
        let mut from = object.iter();
        let members = self.room(object.len())?;
        for (member, (name, value)) in members.iter_mut().zip(&mut from) {
            *member = (V::Text(name), self.client(value)?);
        }
        members.sort_unstable_by(|one, other| match (one.0, other.0) {
            (V::Text(one), V::Text(other)) => one.cmp(other),
            (one, other) => one.cmp(&other),
        });
        Ok(V::Object(members))
    }

    fn client(self, value: &'a json::Value) -> Result<V<'a>, Stop> {
        Ok(match value {
            json::Value::Null => V::Null,
            json::Value::Bool(flag) => V::flag(*flag),
            json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(exact), _) => V::Int(exact),
                (None, Some(near)) => V::float(near),
                (None, None) => return Err(Stop(&Cause::Elsewhere("a number beyond 64 bits"))),
            },
            json::Value::String(text) => V::Text(text),
            json::Value::Array(items) => {
                let values =
                    self.0.try_alloc_slice_fill_copy(items.len(), V::Null).map_err(|_| Stop::MEMORY)?;
                for (value, item) in values.iter_mut().zip(items) {
                    *value = self.client(item)?;
                }
                V::Array(values)
            }
            json::Value::Object(members) => self.document(members)?,
        })
    }
}

/// A plain document of a value, sets as arrays; none where it holds what JSON cannot say.
pub(super) fn to_plain(value: V<'_>) -> Option<serde_json::Value> {
    Some(match value {
        V::Null => serde_json::Value::Null,
        V::False => false.into(),
        V::True => true.into(),
        V::Int(number) => number.into(),
        V::Float(number) => serde_json::Number::from_f64(number)?.into(),
        V::Text(text) => text.into(),
        V::Array(items) | V::Set(items) => {
            items.iter().map(|item| to_plain(*item)).collect::<Option<Vec<_>>>()?.into()
        }
        V::Object(members) => {
            let mut map = serde_json::Map::new();
            for (name, inner) in members {
                let V::Text(name) = name else { return None };
                map.insert((*name).to_owned(), to_plain(*inner)?);
            }
            map.into()
        }
    })
}
