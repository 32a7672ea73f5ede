//! The builtins that plans call. What one of them refuses, the interpreter is asked about: it has the words for the error.
//!
//! A builtin that is not here leaves its rule to the interpreter. Those that are here are the ones whose answers follow from their
//! description alone; no calendars, encodings or address arithmetic, whose corners differ from one library to the next.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::run::{Cause, Stop};
use super::strings;
use super::value::{Arena, V};

/// The most arguments of a builtin here.
pub(super) const MOST_ARGUMENTS: usize = 3;

macro_rules! builtins {
    ($($variant:ident $name:literal $arguments:literal,)*) => {
        /// A builtin.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::policy) enum Builtin {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
        }

        impl Builtin {
            /// The builtin of this name, with the number of its arguments.
            pub(super) fn named(name: &str) -> Option<(Self, usize)> {
                match name {
                    $($name => Some((Self::$variant, $arguments)),)*
                    _ => None,
                }
            }
        }
    };
}

builtins! {
    Abs "abs" 1,
    ArrayConcat "array.concat" 2,
    ArrayReverse "array.reverse" 1,
    ArraySlice "array.slice" 3,
    Ceil "ceil" 1,
    Concat "concat" 2,
    Contains "contains" 2,
    Count "count" 1,
    EndsWith "endswith" 2,
    FindSubmatches "regex.find_all_string_submatch_n" 3,
    Floor "floor" 1,
    FormatInt "format_int" 2,
    IndexOf "indexof" 2,
    IsArray "is_array" 1,
    IsBoolean "is_boolean" 1,
    IsNull "is_null" 1,
    IsNumber "is_number" 1,
    IsObject "is_object" 1,
    IsSet "is_set" 1,
    IsString "is_string" 1,
    Lower "lower" 1,
    Max "max" 1,
    Min "min" 1,
    ObjectGet "object.get" 3,
    ObjectKeys "object.keys" 1,
    ObjectRemove "object.remove" 2,
    ObjectUnion "object.union" 2,
    RegexIsValid "regex.is_valid" 1,
    RegexMatch "regex.match" 2,
    RegexSplit "regex.split" 2,
    Replace "replace" 3,
    Round "round" 1,
    Sort "sort" 1,
    Split "split" 2,
    Sprintf "sprintf" 2,
    StartsWith "startswith" 2,
    Substring "substring" 3,
    Sum "sum" 1,
    ToNumber "to_number" 1,
    Trim "trim" 2,
    TrimLeft "trim_left" 2,
    TrimPrefix "trim_prefix" 2,
    TrimRight "trim_right" 2,
    TrimSpace "trim_space" 1,
    TrimSuffix "trim_suffix" 2,
    TypeName "type_name" 1,
    Upper "upper" 1,
}

/// What a builtin answers to arguments that it does not take.
const REFUSED: Stop = Stop(&Cause::Elsewhere("a builtin refused its arguments"));

impl Builtin {
    /// Whether it is only asked what kind of value it is given.
    pub(super) fn call<'a>(
        self,
        &[one, two, three]: &[V<'a>; MOST_ARGUMENTS],
        arena: Arena<'a>,
        regexes: &Regexes,
    ) -> Result<Option<V<'a>>, Stop> {
        let answer = match (self, one, two, three) {
            (Self::IsArray, ..) => V::flag(matches!(one, V::Array(_))),
            (Self::IsBoolean, ..) => V::flag(matches!(one, V::False | V::True)),
            (Self::IsNull, ..) => V::flag(matches!(one, V::Null)),
            (Self::IsNumber, ..) => V::flag(matches!(one, V::Int(_) | V::Float(_))),
            (Self::IsObject, ..) => V::flag(matches!(one, V::Object(_))),
            (Self::IsSet, ..) => V::flag(matches!(one, V::Set(_))),
            (Self::IsString, ..) => V::flag(matches!(one, V::Text(_))),
            (Self::TypeName, ..) => V::Text(one.type_name()),

            (Self::Count, V::Text(text), ..) => length(text.encode_utf16().count())?,
            (Self::Count, V::Object(members), ..) => length(members.len())?,
            (Self::Count, V::Array(items) | V::Set(items), ..) => length(items.len())?,
            (Self::Max, V::Array(items) | V::Set(items), ..) => {
                return Ok(items.iter().copied().max_by(V::cmp));
            }
            (Self::Min, V::Array(items) | V::Set(items), ..) => {
                return Ok(items.iter().copied().min_by(V::cmp));
            }
            (Self::Sort, V::Set(items), ..) => V::Array(items),
            (Self::Sort, V::Array(items), ..) => {
                let mut sorted = items.to_vec();
                sorted.sort_by(V::cmp);
                arena.array(&sorted)?
            }
            (Self::Sum, V::Array(items) | V::Set(items), ..) => sum(items)?,

            (Self::Abs, V::Int(number), ..) => V::Int(number.checked_abs().ok_or(REFUSED)?),
            (Self::Ceil | Self::Floor | Self::Round, V::Int(_), ..) => one,
            (Self::Ceil, V::Float(number), ..) => V::float(number.ceil()),
            (Self::Floor, V::Float(number), ..) => V::float(number.floor()),
            (Self::FormatInt, V::Int(number), V::Int(10), _) => arena.text(&number.to_string())?,
            (Self::ToNumber, V::Null | V::False, ..) => V::Int(0),
            (Self::ToNumber, V::True, ..) => V::Int(1),
            (Self::ToNumber, V::Int(_) | V::Float(_), ..) => one,
            (Self::ToNumber, V::Text(text), ..) => whole_number(text)?,

            (Self::ArrayConcat, V::Array(one), V::Array(two), _) => arena.array(&[one, two].concat())?,
            (Self::ArrayReverse, V::Array(items), ..) => {
                arena.array(&items.iter().rev().copied().collect::<Vec<_>>())?
            }
            (Self::ArraySlice, V::Array(items), V::Int(start), V::Int(stop)) => slice(items, start, stop),
            (Self::ObjectGet, V::Object(_), V::Array(path), _) => {
                let found = path.iter().try_fold(one, |here, step| here.get(*step));
                found.unwrap_or(three)
            }
            (Self::ObjectGet, V::Object(_), ..) => one.get(two).unwrap_or(three),
            (Self::ObjectKeys, V::Object(members), ..) => {
                arena.set(&members.iter().map(|(key, _)| *key).collect::<Vec<_>>())?
            }
            (Self::ObjectRemove, V::Object(members), V::Array(_) | V::Set(_), _) => {
                let kept = members.iter().filter(|(key, _)| !two.has(*key)).copied();
                arena.members(&kept.collect::<Vec<_>>())?
            }
            (Self::ObjectUnion, V::Object(_), V::Object(_), _) => union(one, two, arena)?,

            (Self::RegexIsValid, V::Text(pattern), ..) => V::flag(regexes.is_valid(pattern)?),
            (Self::RegexIsValid, ..) => V::flag(false),
            (Self::RegexMatch, V::Text(pattern), V::Text(text), _) => {
                V::flag(regexes.get(pattern)?.is_match(text))
            }
            (Self::RegexSplit, V::Text(pattern), V::Text(text), _) => {
                arena.array(&regexes.get(pattern)?.split(text).map(V::Text).collect::<Vec<_>>())?
            }
            (Self::FindSubmatches, V::Text(pattern), V::Text(text), V::Int(-1)) => {
                submatches(&*regexes.get(pattern)?, text, arena)?
            }
            (_, V::Text(text), ..) => return strings::call(self, text, two, three, arena),
            _ => return Err(REFUSED),
        };
        Ok(Some(answer))
    }
}

pub(super) fn length<'a>(length: usize) -> Result<V<'a>, Stop> {
    i64::try_from(length).map(V::Int).map_err(|_| REFUSED)
}

fn sum<'a>(items: &[V<'a>]) -> Result<V<'a>, Stop> {
    items.iter().try_fold(V::Int(0), |sum, item| match (sum, item) {
        (V::Int(sum), V::Int(item)) => sum.checked_add(*item).map(V::Int).ok_or(REFUSED),
        _ => Ok(V::float(sum.number()? + item.number()?)),
    })
}

/// A whole number as JSON writes it; the interpreter reads the others.
fn whole_number<'a>(text: &str) -> Result<V<'a>, Stop> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = text.parse().ok().filter(|_| plain && text != "-0");
    number.map(V::Int).ok_or(REFUSED)
}

fn slice<'a>(items: &'a [V<'a>], start: i64, stop: i64) -> V<'a> {
    let place = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX);
    V::Array(items.get(place(start)..place(stop).min(items.len())).unwrap_or_default())
}

/// Members of both; where both have an object under a key, its members are united in turn, else the second's value counts.
fn union<'a>(one: V<'a>, two: V<'a>, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let (V::Object(mine), V::Object(theirs)) = (one, two) else { return Ok(two) };
    let mut members = Vec::with_capacity(mine.len().saturating_add(theirs.len()));
    for (key, value) in mine {
        let value = match two.get(*key) {
            Some(other) => union(*value, other, arena)?,
            None => *value,
        };
        members.push((*key, value));
    }
    members.extend(theirs.iter().filter(|(key, _)| one.get(*key).is_none()));
    arena.object(&members)
}

fn submatches<'a>(regex: &Regex, text: &'a str, arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let mut all = Vec::new();
    for captures in regex.captures_iter(text) {
        let groups = captures.iter().map(|group| V::Text(group.map_or("", |group| group.as_str())));
        all.push(arena.array(&groups.collect::<Vec<_>>())?);
    }
    arena.array(&all)
}

/// A thread's compiled patterns. Most patterns stand in settings; those that a rule makes up as it goes push nothing out for good:
/// when there are too many all are forgotten.
#[derive(Debug, Default)]
pub(super) struct Regexes(RefCell<HashMap<String, Option<Arc<Regex>>>>);

/// How many patterns a thread keeps.
const MOST_REGEXES: usize = 256;
/// The engine's own limit on the size of a compiled pattern, in bytes.
const REGEX_BYTES: usize = 100 * 1024;

impl Regexes {
    fn get(&self, pattern: &str) -> Result<Arc<Regex>, Stop> {
        self.compiled(pattern)?.ok_or(Stop(&Cause::Elsewhere("a pattern that is no regular expression")))
    }

    fn is_valid(&self, pattern: &str) -> Result<bool, Stop> {
        self.compiled(pattern).map(|regex| regex.is_some())
    }

    fn compiled(&self, pattern: &str) -> Result<Option<Arc<Regex>>, Stop> {
        if let Some(regex) = self.0.borrow().get(pattern) {
            return Ok(regex.clone());
        }
        let regex = match RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build() {
            Ok(regex) => Some(Arc::new(regex)),
            Err(regex::Error::Syntax(_)) => None,
            Err(_) => return Err(Stop(&Cause::Elsewhere("a pattern that is too large"))),
        };
        let mut known = self.0.borrow_mut();
        if known.len() >= MOST_REGEXES {
            known.clear();
        }
        known.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}
