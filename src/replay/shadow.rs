//! A candidate in shadow, on its side of the pipe: decision records come in as they are made, and in what they would differ goes out.
//! The same code as a replay, on a stream; quota is not counted.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use super::past::{Past, Word};
use super::{Difference, Line};
use crate::api::fields::AdmittedField;
use crate::policy::PolicySet;
use crate::policy::child::limit_this_process;
use crate::policy::local::{Local, on_a_deep_stack};
use crate::policy::source::Material;

/// The first line: what to judge by.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The candidate.
    pub material: Material,
    /// Fields of creates beyond the tables, as in `api.admit_fields`.
    pub admitted: Vec<String>,
}

/// One line for each record, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it could be judged again.
    pub judged: bool,
    /// In what it would differ.
    #[serde(default)]
    pub differences: Vec<Difference>,
}

/// Judges until the input ends.
///
/// # Errors
/// What keeps it from judging at all.
pub fn run(input: impl BufRead + Send, output: impl Write + Send) -> Result<(), String> {
    limit_this_process().map_err(|error| error.to_string())?;
    on_a_deep_stack(|| judge_all(input, output)).map_err(|failure| failure.to_string())?
}

fn judge_all(input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    let mut lines = input.lines();
    let order = lines.next().ok_or("no order came")?.map_err(|error| error.to_string())?;
    let order: Order = serde_json::from_str(&order).map_err(|error| error.to_string())?;
    let admitted = order.admitted.iter().map(|field| field.parse());
    let admitted: Vec<AdmittedField> =
        admitted.collect::<Result<_, _>>().map_err(|_| "a field is no field")?;
    let set = order.material.tree().and_then(PolicySet::from_tree).map_err(|error| error.to_string())?;
    let mut local = Local::new(&set).map_err(|failure| failure.to_string())?;
    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        let answer = match serde_json::from_str::<Past>(&line) {
            Ok(past) => answer(past.judge_again(&mut local, &set, &admitted)),
            Err(_) => Answer { judged: false, differences: Vec::new() },
        };
        serde_json::to_writer(&mut output, &answer).map_err(|error| error.to_string())?;
        output.write_all(b"\n").and_then(|()| output.flush()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn answer(line: Line) -> Answer {
    match line {
        Line::Judged(mut judged) => {
            if judged.before == Word::OverQuota {
                judged.before = Word::Allowed; // rules allowed it, and rules are compared
            }
            Answer { judged: true, differences: judged.differences() }
        }
        Line::Skipped(_) | Line::Unreadable => Answer { judged: false, differences: Vec::new() },
    }
}
