//! Builtins over strings.

use std::fmt::Write as _;

use super::builtins::{Builtin, length};
use super::run::{Cause, Stop};
use super::value::{Arena, V};

const REFUSED: Stop = Stop(&Cause::Elsewhere("a builtin refused its arguments"));

/// Calls a builtin whose first argument is a string.
pub(super) fn call<'a>(
    builtin: Builtin,
    text: &'a str,
    two: V<'a>,
    three: V<'a>,
    arena: Arena<'a>,
) -> Result<Option<V<'a>>, Stop> {
    let answer = match (builtin, two, three) {
        (Builtin::Lower, ..) => arena.text(&text.to_lowercase())?,
        (Builtin::Upper, ..) => arena.text(&text.to_uppercase())?,
        (Builtin::TrimSpace, ..) => V::Text(text.trim()),
        (Builtin::Contains, V::Text(part), _) => V::flag(text.contains(part)),
        (Builtin::StartsWith, V::Text(part), _) => V::flag(text.starts_with(part)),
        (Builtin::EndsWith, V::Text(part), _) => V::flag(text.ends_with(part)),
        (Builtin::Trim, V::Text(cut), _) => V::Text(text.trim_matches(|c| cut.contains(c))),
        (Builtin::TrimLeft, V::Text(cut), _) => V::Text(text.trim_start_matches(|c| cut.contains(c))),
        (Builtin::TrimRight, V::Text(cut), _) => V::Text(text.trim_end_matches(|c| cut.contains(c))),
        (Builtin::TrimPrefix, V::Text(cut), _) => V::Text(text.strip_prefix(cut).unwrap_or(text)),
        (Builtin::TrimSuffix, V::Text(cut), _) => V::Text(text.strip_suffix(cut).unwrap_or(text)),
        (Builtin::IndexOf, V::Text(part), _) => index_of(text, part)?,
        (Builtin::Split, V::Text(""), _) => return Err(REFUSED),
        (Builtin::Split, V::Text(at), _) => arena.array(&text.split(at).map(V::Text).collect::<Vec<_>>())?,
        (Builtin::Replace, V::Text(old), V::Text(new)) => arena.text(&text.replace(old, new))?,
        (Builtin::Substring, V::Int(offset), V::Int(wanted)) => {
            let offset = usize::try_from(offset).map_err(|_| REFUSED)?;
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            arena.text(&text.chars().skip(offset).take(wanted).collect::<String>())?
        }
        (Builtin::Concat, V::Array(parts) | V::Set(parts), _) => join(text, parts, arena)?,
        (Builtin::Sprintf, V::Array(values), _) => format(text, values, arena)?,
        _ => return Err(REFUSED),
    };
    Ok(Some(answer))
}

/// In characters; an empty part is found at the start, and nowhere in an empty text.
fn index_of<'a>(text: &str, part: &str) -> Result<V<'a>, Stop> {
    let mut places = text.char_indices().enumerate();
    let found = places.find(|(_, (at, _))| text.get(*at..).is_some_and(|rest| rest.starts_with(part)));
    found.map_or(Ok(V::Int(-1)), |(place, _)| length(place))
}

fn join<'a>(between: &str, parts: &[V<'a>], arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let mut joined = String::new();
    for (place, part) in parts.iter().enumerate() {
        let V::Text(part) = part else { return Err(REFUSED) };
        if place > 0 {
            joined.push_str(between);
        }
        joined.push_str(part);
    }
    arena.text(&joined)
}

/// `%s`, `%d` and `%v` without widths: what messages are made of. The interpreter does the rest.
fn format<'a>(format: &str, values: &[V<'a>], arena: Arena<'a>) -> Result<V<'a>, Stop> {
    let mut text = String::with_capacity(format.len().saturating_add(32));
    let mut values = values.iter();
    let mut parts = format.split('%');
    text.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        let mut rest = part.chars();
        match rest.next() {
            None => match parts.next() {
                Some(after) => {
                    text.push('%');
                    text.push_str(after);
                    continue;
                }
                None => return Err(REFUSED),
            },
            Some(verb @ ('s' | 'v' | 'd')) => {
                let value = values.next().ok_or(REFUSED)?;
                match (verb, value) {
                    ('d', V::Int(number)) => write!(text, "{number}").map_err(|_| REFUSED)?,
                    ('d', _) => return Err(REFUSED),
                    _ => show(&mut text, *value, false)?,
                }
            }
            Some(_) => return Err(REFUSED),
        }
        text.push_str(rest.as_str());
    }
    if values.next().is_some() { Err(REFUSED) } else { arena.text(&text) }
}

fn show(text: &mut String, value: V<'_>, quoted: bool) -> Result<(), Stop> {
    match value {
        V::Null => text.push_str("null"),
        V::False => text.push_str("false"),
        V::True => text.push_str("true"),
        V::Int(number) => write!(text, "{number}").map_err(|_| REFUSED)?,
        V::Float(number) => write!(text, "{number}").map_err(|_| REFUSED)?,
        V::Text(inner) if quoted => text.push_str(&serde_json::to_string(inner).map_err(|_| REFUSED)?),
        V::Text(inner) => text.push_str(inner),
        V::Array(items) => listed(text, "[", items, "]")?,
        V::Set(items) => listed(text, "{", items, "}")?,
        V::Object(members) => {
            text.push('{');
            for (place, (key, value)) in members.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                show(text, *key, true)?;
                text.push_str(": ");
                show(text, *value, true)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn listed(text: &mut String, open: &str, items: &[V<'_>], close: &str) -> Result<(), Stop> {
    text.push_str(open);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        show(text, *item, true)?;
    }
    text.push_str(close);
    Ok(())
}
