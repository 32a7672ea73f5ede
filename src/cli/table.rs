//! Columns for people: text to the left, numbers to the right, so that digits stand under each other. On a terminal that is too narrow
//! each row becomes a block of lines instead of a line that wraps.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::Value;

use super::out::{HEAD, paint, plain};

/// Rows under a heading.
pub(in crate::cli) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

struct Cell {
    text: String,
    number: bool,
}

impl Table {
    pub(in crate::cli) fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    /// The named members of an object as a row.
    pub(in crate::cli) fn row(&mut self, object: &Value, members: &[&str]) {
        let cells = members.iter().map(|name| {
            let value = &object[*name];
            Cell { text: cell(value), number: value.is_number() }
        });
        self.rows.push(cells.collect());
    }

    /// As it is to be printed: in columns where they fit.
    pub(in crate::cli) fn text(&self) -> String {
        let widths = self.widths();
        let whole: usize = widths.iter().map(|width| width + 2).sum::<usize>().saturating_sub(2);
        match terminal_width() {
            Some(width) if whole > width => self.blocks(),
            _ => self.columns(&widths),
        }
    }

    fn widths(&self) -> Vec<usize> {
        let width = |(column, heading): (usize, &&str)| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0).max(heading.chars().count())
        };
        self.heading.iter().enumerate().map(width).collect()
    }

    fn columns(&self, widths: &[usize]) -> String {
        // A column of numbers has its heading above their last digit; what is absent stands there too.
        let numbers: Vec<bool> = (0..widths.len())
            .map(|column| self.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.number)))
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, width), number) in cells.zip(widths).zip(&numbers) {
                let _ =
                    if *number { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
            }
            line.trim_end().to_owned()
        };
        let mut text = format!("{}\n", paint(HEAD, &line(&mut self.heading.iter().copied())));
        for row in &self.rows {
            let _ = writeln!(text, "{}", line(&mut row.iter().map(|cell| cell.text.as_str())));
        }
        text
    }

    fn blocks(&self) -> String {
        let name_width = self.heading.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for row in &self.rows {
            for (name, cell) in self.heading.iter().zip(row) {
                let _ = writeln!(text, "{}  {}", paint(HEAD, &format!("{name:<name_width$}")), cell.text);
            }
            text.push('\n');
        }
        text
    }
}

/// The width of the terminal that standard output is; none where it is something else.
fn terminal_width() -> Option<usize> {
    let out = std::io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// One value as a cell: one line, and nothing that a terminal would obey.
pub(in crate::cli) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digits_stand_under_each_other_and_narrow_terminals_get_blocks() {
        let mut table = Table::new(&["SCOPE", "USED", "LIMIT"]);
        for (scope, used, limit) in [("team/a", 2, json!(10)), ("team/long-name", 11, Value::Null)] {
            table.row(&json!({"scope": scope, "used": used, "limit": limit}), &["scope", "used", "limit"]);
        }
        let text = anstream::adapter::strip_str(&table.columns(&table.widths())).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            ["SCOPE           USED  LIMIT", "team/a             2     10", "team/long-name    11      -"]
        );
        let text = anstream::adapter::strip_str(&table.blocks()).to_string();
        assert_eq!(text.lines().take(3).collect::<Vec<_>>(), ["SCOPE  team/a", "USED   2", "LIMIT  10"]);
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        assert_eq!(cell(&json!("a\u{1b}[31mred\n")), "a?[31mred?");
    }
}
