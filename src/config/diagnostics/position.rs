//! Where things stand in a parsed TOML file: from bytes to key paths and lines.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// One step of a key path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl From<&str> for Step {
    /// A step of digits is an index: no section has keys of digits beside a list.
    fn from(step: &str) -> Self {
        step.parse().map_or_else(|_| Self::Key(step.to_owned()), Self::Index)
    }
}

/// The path as operators write it: `key[0].secrets`.
pub(super) fn show(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                let bare = !key.is_empty()
                    && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                if bare { text.push_str(key) } else { text.push_str(&format!("{key:?}")) }
            }
        }
    }
    text
}

/// The line of a byte, counted from 1.
pub(super) fn line(source: &str, at: usize) -> usize {
    source.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The path of the key or value that stands at exactly these bytes, the innermost if there are several; else of the
/// smallest value around them.
pub(super) fn locate(tree: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<Step>> {
    let mut search = Search { span, path: Vec::new(), exact: None, around: None };
    search.table(tree);
    search.exact.or(search.around.map(|(_, path)| path))
}

struct Search<'s> {
    span: &'s Range<usize>,
    path: Vec<Step>,
    exact: Option<Vec<Step>>,
    around: Option<(usize, Vec<Step>)>,
}

impl Search<'_> {
    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            self.path.push(Step::Key(key.get_ref().to_string()));
            self.consider(&key.span());
            self.value(value);
            self.path.pop();
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        self.consider(&value.span());
        match value.get_ref() {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.value(item);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn consider(&mut self, here: &Range<usize>) {
        if here == self.span {
            if self.exact.as_ref().is_none_or(|path| path.len() < self.path.len()) {
                self.exact = Some(self.path.clone());
            }
        } else if here.start <= self.span.start && self.span.end <= here.end {
            let size = here.end - here.start;
            if self.around.as_ref().is_none_or(|(least, _)| size < *least) {
                self.around = Some((size, self.path.clone()));
            }
        }
    }
}

/// The value at a path.
pub(super) fn get<'t, 'i>(tree: &'t DeTable<'i>, path: &[Step]) -> Option<&'t Spanned<DeValue<'i>>> {
    let (first, rest) = path.split_first()?;
    let Step::Key(first) = first else { return None };
    let start = tree.get(first.as_str())?;
    rest.iter().try_fold(start, |value, step| match (value.get_ref(), step) {
        (DeValue::Table(table), Step::Key(key)) => table.get(key.as_str()),
        (DeValue::Array(items), Step::Index(index)) => items.get(*index),
        _ => None,
    })
}

/// Whether something is written at the path, or something that is no section stands in its way.
pub(super) fn is_written(tree: &DeTable<'_>, path: &[Step]) -> bool {
    (1..=path.len()).rev().find_map(|length| Some((length, get(tree, path.get(..length)?)?))).is_some_and(
        |(length, found)| {
            length == path.len() || !matches!(found.get_ref(), DeValue::Table(_) | DeValue::Array(_))
        },
    )
}

/// Where the innermost section that is written begins.
pub(super) fn section(tree: &DeTable<'_>, path: &[Step]) -> Option<usize> {
    (1..path.len()).rev().find_map(|length| Some(get(tree, path.get(..length)?)?.span().start))
}

/// Takes the entry at a path out; false if there is none.
pub(super) fn remove(tree: &mut DeTable<'_>, path: &[Step]) -> bool {
    let Some((Step::Key(first), rest)) = path.split_first() else { return false };
    if rest.is_empty() {
        return tree.remove(first.as_str()).is_some();
    }
    tree.get_mut(first.as_str()).is_some_and(|value| remove_inside(value.get_mut(), rest))
}

fn remove_inside(value: &mut DeValue<'_>, path: &[Step]) -> bool {
    match (value, path) {
        (DeValue::Table(table), path) => remove(table, path),
        (DeValue::Array(items), [Step::Index(index)]) => {
            let mut kept = DeArray::new();
            let before = items.len();
            for (at, item) in items.iter().enumerate() {
                if at != *index {
                    kept.push(item.clone());
                }
            }
            *items = kept;
            items.len() < before
        }
        (DeValue::Array(items), [Step::Index(index), rest @ ..]) => {
            items.get_mut(*index).is_some_and(|item| remove_inside(item.get_mut(), rest))
        }
        _ => false,
    }
}
