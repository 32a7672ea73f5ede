//! Finds every mistake in a TOML file at once, each with file, line, key and what to do about it.
//!
//! An operator who mends one mistake per start loses an evening. Reading therefore goes on after a mistake: an entry of
//! the wrong shape is noted and taken out, and the rest is read as if it had never been there (`shape`). The checks
//! of values that follow note theirs in the same `Findings`. Positions come from the parsed tree, so a check only
//! needs the [`At`] of the value it looks at. No message repeats a value that the file's format could hold as a secret.

mod at;
mod position;
mod shape;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub(crate) use crate::nearest::nearest;
pub use at::At;
use position::Step;

/// One mistake in a file. Its `Display` is the line that operators read: `file:line: key: what is wrong; what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, counted from 1; none for something that is absent from the whole file, or for the file itself.
    pub line: Option<usize>,
    /// The path of the key, such as `accounts.main.secret`; empty for the file itself.
    pub key: String,
    /// What is wrong and what to do about it.
    pub text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// All mistakes of a file, in the order of its lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// A mistake about a file as a whole, such as one that cannot be read.
    pub fn of_file(file: &Path, text: impl Into<String>) -> Self {
        let text = text.into();
        Self(vec![Mistake { file: file.to_owned(), line: None, key: String::new(), text }])
    }

    /// The mistakes one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A file being checked and what was found in it so far.
#[derive(Debug)]
pub(crate) struct Findings<'s> {
    file: &'s Path,
    source: &'s str,
    tree: DeTable<'s>,
    found: Vec<Mistake>,
    /// Keys that are absent only because they are misspelt: reported once, as the misspelling.
    misspelt: BTreeSet<String>,
}

impl<'s> Findings<'s> {
    /// Notes a mistake about a value.
    pub(crate) fn at<T>(&mut self, value: &At<T>, text: impl Into<String>) {
        let (line, key) = match value.span() {
            Some(span) => (
                Some(position::line(self.source, span.start)),
                position::locate(&self.tree, &span).map(|path| position::show(&path)).unwrap_or_default(),
            ),
            None => (None, String::new()),
        };
        self.push(line, key, text.into());
    }

    /// Notes that a required key is absent, unless it is there under a wrong spelling or in a wrong shape, which has
    /// been noted already.
    pub(crate) fn missing(&mut self, path: &[&str], write: &str) {
        let path: Vec<Step> = path.iter().map(|step| Step::from(*step)).collect();
        let key = position::show(&path);
        if self.misspelt.contains(&key) || position::is_written(&self.tree, &path) {
            return;
        }
        let line = position::section(&self.tree, &path).map(|start| position::line(self.source, start));
        self.push(line, key, format!("is required; write {write}"));
    }

    /// The line of a value, for messages about another one.
    pub(crate) fn line<T>(&self, value: &At<T>) -> usize {
        value.span().map_or(0, |span| position::line(self.source, span.start))
    }

    /// The value if nothing was found, else everything that was.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Mistakes> {
        if let (Some(value), true) = (value, self.found.is_empty()) {
            return Ok(value);
        }
        if self.found.is_empty() {
            self.push(None, String::new(), "could not be read".to_owned());
        }
        self.found.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        Err(Mistakes(self.found))
    }

    fn push(&mut self, line: Option<usize>, key: String, text: String) {
        let mistake = Mistake { file: self.file.to_owned(), line, key, text };
        if !self.found.contains(&mistake) {
            self.found.push(mistake);
        }
    }
}
