//! One program per set of rules that applies to some calls.
//!
//! For each set a small entry module collects what its rules answer, by rule; it is compiled for the engine's bytecode
//! machine where nothing in the rules can fail (see `check/swallowed.rs`) and else left to the interpreter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regorus::Engine;
use regorus::languages::rego::compiler::Compiler;

use super::applying::{Applying, Specimen};
use super::check::Checked;
use super::check::engine_words;
use super::problem::Problem;
use super::value;

/// One set of rules, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) rules: BTreeSet<String>,
    pub(super) specimen: Specimen,
    pub(super) create: bool,
    /// Whether any rule of it patches.
    pub(super) amends: bool,
    /// Whether any rule of it denies, warns or counts.
    pub(super) decides: bool,
    pub(super) machine: Machine,
}

/// What runs a set.
#[derive(Debug)]
pub(super) enum Machine {
    /// The bytecode machine; the program as bytes, so that each thread makes one of its own.
    Bytecode(Vec<u8>),
    /// The interpreter, and why.
    Interpreter(String),
}

/// What a set is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// What to add to a create.
    Amend,
    /// What is forbidden, frowned on and used up.
    Decide,
}

impl Entry {
    /// The rule of a set's entry module.
    pub(super) fn rule(self, group: usize) -> String {
        let name = match self {
            Self::Amend => "amend",
            Self::Decide => "decide",
        };
        format!("data.zengate_entry.g{group}.{name}")
    }

    /// The entry's place in the bytecode program.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Amend => 0,
            Self::Decide => 1,
        }
    }
}

/// A compiled tree: what threads make their copies of.
pub(super) struct Compiled {
    pub(super) groups: Vec<Group>,
    /// All rules and entries, without data.
    pub(super) engine: Engine,
    /// The data rules may read.
    pub(super) data: regorus::Value,
    pub(super) rule_of_file: BTreeMap<String, String>,
}

/// Compiles the sets.
pub(super) fn compile(
    checked: &Checked,
    data: &serde_json::Value,
    sets: Vec<(Applying, Specimen)>,
) -> Result<Compiled, Problem> {
    let mut engine = Engine::new();
    engine.set_gather_prints(true); // or a rule that prints its input would write to the process's stderr
    let add = |engine: &mut Engine, path: &str, text: &str| {
        engine.add_policy(path.to_owned(), text.to_owned()).map(drop).map_err(|error| {
            let (line, message) = engine_words(&error.to_string());
            Problem { file: path.to_owned(), line, message }
        })
    };
    for file in &checked.modules {
        add(&mut engine, &file.path, &file.text)?;
    }
    let mut groups = Vec::new();
    for (number, (applying, specimen)) in sets.into_iter().enumerate() {
        add(
            &mut engine,
            &format!("zengate_entry/g{number}.rego"),
            &entry_module(number, &applying, checked),
        )?;
        groups.push(group(applying, specimen, checked));
    }
    let mut data = data.clone();
    if let Some(map) = data.as_object_mut() {
        map.remove("organisation"); // rules read the settings of the caller's team, not everybody's
    }
    let data = value::from_plain(&data);
    for (number, group) in groups.iter_mut().enumerate() {
        if let Machine::Bytecode(program) = &mut group.machine {
            match bytecode(&engine, number, &data) {
                Ok(bytes) => *program = bytes,
                Err(reason) => group.machine = Machine::Interpreter(reason),
            }
        }
    }
    Ok(Compiled { groups, engine, data, rule_of_file: checked.rule_of_file.clone() })
}

fn group(applying: Applying, specimen: Specimen, checked: &Checked) -> Group {
    let parts = |want: fn(&super::check::Parts) -> bool| {
        applying.rules.iter().filter_map(|rule| checked.rules.get(rule)).any(want)
    };
    let amends = applying.create && parts(|parts| parts.patches);
    let decides = parts(|parts| parts.deny || parts.warn) || (applying.create && parts(|parts| parts.quota));
    let hidden = applying.rules.iter().find_map(|rule| checked.hidden.get(rule));
    let machine = match hidden {
        Some(place) => {
            Machine::Interpreter(format!("{place}, and the bytecode machine would hide the error"))
        }
        None => Machine::Bytecode(Vec::new()),
    };
    Group { rules: applying.rules, specimen, create: applying.create, amends, decides, machine }
}

/// The module that collects what the rules of a set answer. A part that a rule does not define is left out, so that
/// "undefined" can only mean that something is wrong.
fn entry_module(number: usize, applying: &Applying, checked: &Checked) -> String {
    let collect = |part: &str, wanted: &dyn Fn(&super::check::Parts) -> bool| {
        let members: Vec<String> = applying
            .rules
            .iter()
            .filter(|rule| checked.rules.get(*rule).is_some_and(wanted))
            .map(|rule| {
                let name = serde_json::Value::from(rule.as_str());
                format!("{name}: data.zengate.rules[{name}].{part}")
            })
            .collect();
        // A line per rule: the engine refuses lines of more than 1,024 characters.
        format!("{{{}}}", members.join(",\n\t"))
    };
    let create = applying.create;
    format!(
        "package zengate_entry.g{number}\n\nimport rego.v1\n\namend := {}\n\ndecide := {{\"deny\": {}, \"warn\": {}, \"quota\": {}}}\n",
        collect("patches", &|parts| create && parts.patches),
        collect("deny", &|parts| parts.deny),
        collect("warn", &|parts| parts.warn),
        collect("quota", &|parts| create && parts.quota),
    )
}

fn bytecode(engine: &Engine, group: usize, data: &regorus::Value) -> Result<Vec<u8>, String> {
    let mut engine = engine.clone();
    engine.add_data(value::deep_copy(data)).map_err(|error| engine_words(&error.to_string()).1)?;
    let (amend, decide) = (Entry::Amend.rule(group), Entry::Decide.rule(group));
    let policy = engine
        .compile_with_entrypoint(&Arc::from(amend.as_str()))
        .map_err(|error| engine_words(&error.to_string()).1)?;
    let program = Compiler::compile_from_policy(&policy, &[&amend, &decide])
        .map_err(|error| engine_words(&error.to_string()).1)?;
    program.serialize_binary()
}
