//! Reads a file into raw structs although entries of it have a wrong shape: note, take out, read again.
//!
//! The texts of serde repeat values ("invalid type: string \"...\""), and a value in the wrong place may be a secret.
//! So only what was expected is taken from them; what was found is told by its kind.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use super::position::{self, Step};
use super::{Findings, nearest};

/// Nobody reads more; a file with so many mistakes is not a configuration.
const MOST: usize = 100;

impl<'s> Findings<'s> {
    /// Parses a file and reads it into `T`. The value is none if the file is no TOML: what a parser guesses behind a
    /// syntax mistake would only be blamed for things that nobody wrote.
    pub(crate) fn read<T: Deserialize<'s> + Default>(file: &'s Path, source: &'s str) -> (Option<T>, Self) {
        let (tree, errors) = DeTable::parse_recoverable(source);
        let tree = tree.into_inner();
        let mut findings = Self { file, source, tree, found: Vec::new(), misspelt: BTreeSet::new() };
        let mut readable = true;
        let mut lines = BTreeSet::new();
        for error in &errors {
            let duplicate = error.message().starts_with("duplicate key");
            readable &= duplicate;
            let line = error.span().map(|span| position::line(source, span.start));
            // One slip makes a parser stumble several times in its line; the first is the slip.
            if lines.insert(line) {
                findings.push(line, String::new(), syntax(error, duplicate));
            }
        }
        let value = readable.then(|| findings.shapes());
        (value, findings)
    }

    fn shapes<T: Deserialize<'s> + Default>(&mut self) -> T {
        let mut rest = self.tree.clone();
        let mut noted: Vec<Vec<Step>> = Vec::new();
        for _ in 0..MOST {
            let error = match T::deserialize(Deserializer::from(Spanned::new(0..0, rest.clone()))) {
                Ok(value) => return value,
                Err(error) => error,
            };
            let Some(span) = error.span() else {
                self.push(None, String::new(), error.message().to_owned());
                break;
            };
            let path = position::locate(&self.tree, &span).unwrap_or_default();
            // What is left of an entry after its mistakes were taken out is not a mistake of the operator.
            if !noted.iter().any(|earlier| earlier.starts_with(&path)) {
                let text = self.explain(&error, &path);
                self.push(Some(position::line(self.source, span.start)), position::show(&path), text);
                noted.push(path);
            }
            let removed =
                position::locate(&rest, &span).is_some_and(|path| position::remove(&mut rest, &path));
            if !removed {
                break;
            }
        }
        T::default()
    }

    /// Says what is wrong with the shape of the entry at `path`.
    fn explain(&mut self, error: &Error, path: &[Step]) -> String {
        let message = error.message();
        let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
        if message.starts_with("unknown field") {
            return self.unknown_key(expected.unwrap_or_default(), path);
        }
        if message.starts_with("unknown variant") {
            return format!("is none of the words that are known here; write {}", words(expected));
        }
        let generated = ["invalid type", "invalid value", "invalid length"];
        if !generated.iter().any(|start| message.starts_with(start)) {
            return message.to_owned(); // our own types explain themselves, and repeat nothing that may be secret
        }
        let expected = plain(expected.unwrap_or("something else"));
        if message.starts_with("invalid value") {
            return format!("is not {expected}");
        }
        let found = position::get(&self.tree, path).map_or("something else", |value| kind(value.get_ref()));
        format!("expected {expected}, found {found}")
    }

    fn unknown_key(&mut self, expected: &str, path: &[Step]) -> String {
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let written = match path.last() {
            Some(Step::Key(key)) => key.as_str(),
            _ => "",
        };
        match nearest(written, known.iter().copied()) {
            Some(near) => {
                let mut meant = path.to_vec();
                meant.pop();
                meant.push(Step::Key(near.to_owned()));
                self.misspelt.insert(position::show(&meant));
                format!("unknown key; did you mean `{near}`?")
            }
            None if known.is_empty() => "unknown key; nothing can be set here".to_owned(),
            None => format!("unknown key; the keys known here are {}", known.join(", ")),
        }
    }
}

fn syntax(error: &Error, duplicate: bool) -> String {
    if duplicate {
        return "the same key a second time; keep one of them".to_owned();
    }
    format!("not TOML: {}", error.message())
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(number) if number.as_str().starts_with('-') => "a negative number",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn plain(expected: &str) -> String {
    match expected {
        "usize" | "u64" | "u32" | "u16" => "a whole number that is not negative and not too large".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "path string" => "a string".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a section".to_owned(),
        "a TOML datetime" => "a date without quotes, such as 2027-01-31 or 2027-01-31T12:00:00Z".to_owned(),
        other if other.starts_with("struct ") => "a section".to_owned(),
        other => other.to_owned(),
    }
}

fn words(expected: Option<&str>) -> String {
    expected.unwrap_or("a known word").replace('`', "\"").replace("one of ", "one of: ")
}
