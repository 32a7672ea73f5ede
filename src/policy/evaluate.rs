//! One thread's evaluation: its own copies of program, data and settings, and limits on every run.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use regorus::rvm::program::{DeserializationResult, Program};
use regorus::rvm::vm::{RegoVM, VmError};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, Value};

use super::compile::{Compiled, Entry, Machine};
use super::failure::{PolicyFailure, Reason};
use super::organisation::Organisation;
use super::value;

/// How many steps the engine takes between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = match NonZeroU32::new(256) {
    Some(steps) => steps,
    None => NonZeroU32::MIN,
};

/// What one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Time, looked at between steps: a single builtin runs to its end.
    pub(super) time: Duration,
    /// Instructions of the bytecode machine.
    pub(super) instructions: usize,
}

/// One thread's copy of a compiled tree.
pub(super) struct Evaluator {
    engine: Engine,
    machines: Vec<Option<RegoVM>>,
    settings: HashMap<String, Value>,
    organisation_settings: Value,
    rule_of_file: std::collections::BTreeMap<String, String>,
    /// Lines that rules printed; they are dropped.
    pub(super) prints: u64,
}

/// The settings an input comes with.
#[derive(Debug)]
pub(super) enum Settings {
    /// Those of the tree for this team.
    OfTeam(String),
    /// Others, of a caller that tries something out.
    Own(Arc<serde_json::Value>),
}

impl Evaluator {
    /// Copies everything that evaluation touches.
    pub(super) fn new(compiled: &Compiled, organisation: &Organisation) -> Result<Self, PolicyFailure> {
        let fault = |error: &dyn std::fmt::Display| PolicyFailure::new(Reason::Error, error.to_string());
        let data = value::deep_copy(&compiled.data);
        let mut machines = Vec::new();
        for group in &compiled.groups {
            machines.push(match &group.machine {
                Machine::Interpreter(_) => None,
                Machine::Bytecode(bytes) => {
                    let mut vm = RegoVM::new();
                    vm.load_program(Arc::new(program(bytes).map_err(|error| fault(&error))?));
                    vm.set_data(data.clone()).map_err(|error| fault(&error))?;
                    vm.set_strict_builtin_errors(true);
                    Some(vm)
                }
            });
        }
        let mut engine = compiled.engine.clone();
        engine.add_data(data).map_err(|error| fault(&error))?;
        let settings = organisation
            .teams()
            .map(|team| (team.to_owned(), value::from_plain(organisation.settings(team))));
        Ok(Self {
            engine,
            machines,
            settings: settings.collect(),
            organisation_settings: value::from_plain(&organisation.settings),
            rule_of_file: compiled.rule_of_file.clone(),
            prints: 0,
        })
    }

    /// Asks one set of rules.
    pub(super) fn evaluate(
        &mut self,
        group: usize,
        entry: Entry,
        input: Value,
        settings: &Settings,
        allowance: Allowance,
    ) -> Result<Value, PolicyFailure> {
        let settings = match settings {
            Settings::OfTeam(team) => self.settings.get(team).unwrap_or(&self.organisation_settings).clone(),
            Settings::Own(own) => value::from_plain(own),
        };
        let input = value::with_settings(input, settings);
        match self.machines.get_mut(group) {
            Some(Some(vm)) => run(vm, entry, input, allowance),
            _ => self.interpret(group, entry, input, allowance),
        }
    }

    /// Asks the interpreter, whatever machine the set has: for comparing the two.
    pub(super) fn interpret(
        &mut self,
        group: usize,
        entry: Entry,
        input: Value,
        allowance: Allowance,
    ) -> Result<Value, PolicyFailure> {
        let timer = ExecutionTimerConfig { limit: allowance.time, check_interval: CHECK_INTERVAL };
        self.engine.set_execution_timer_config(timer);
        self.engine.set_input(input);
        let answer = self.engine.eval_rule(entry.rule(group));
        self.engine.set_input(Value::Null); // nothing of a request outlives it
        let printed = self.engine.take_prints().map_or(0, |lines| lines.len());
        self.prints = self.prints.saturating_add(u64::try_from(printed).unwrap_or(u64::MAX));
        match answer {
            Ok(Value::Undefined) => Err(PolicyFailure::new(Reason::Undefined, "the rules gave no answer")),
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failure(&error.to_string(), error.downcast_ref::<LimitError>())),
        }
    }

    fn failure(&self, text: &str, limit: Option<&LimitError>) -> PolicyFailure {
        let (line, message) = super::check::engine_words(text);
        let file = text
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("--> "))
            .and_then(|place| place.rsplitn(3, ':').nth(2));
        let reason = match limit {
            Some(LimitError::TimeLimitExceeded { .. }) => Reason::TimeLimit,
            _ if text.contains("exceeded time limit") => Reason::TimeLimit,
            _ if message.contains("multiple outputs") || message.contains("conflicts with") => {
                Reason::Conflict
            }
            _ => Reason::Error,
        };
        let place = file.zip(line).map_or_else(String::new, |(file, line)| format!("{file}:{line}: "));
        let rule = file.and_then(|file| self.rule_of_file.get(file)).cloned();
        PolicyFailure { reason, rule, detail: format!("{place}{message}") }
    }
}

fn program(bytes: &[u8]) -> Result<Program, String> {
    match Program::deserialize_binary(bytes)? {
        DeserializationResult::Complete(program) => Ok(program),
        DeserializationResult::Partial(_) => Err("the program could not be copied".to_owned()),
    }
}

fn run(vm: &mut RegoVM, entry: Entry, input: Value, allowance: Allowance) -> Result<Value, PolicyFailure> {
    let timer = ExecutionTimerConfig { limit: allowance.time, check_interval: CHECK_INTERVAL };
    vm.set_execution_timer_config(Some(timer));
    vm.set_max_instructions(allowance.instructions);
    vm.set_input(input);
    let answer = vm.execute_entry_point_by_index(entry.place());
    vm.set_input(Value::Null);
    match answer {
        Ok(Value::Undefined) => Err(PolicyFailure::new(Reason::Undefined, "the rules gave no answer")),
        Ok(answer) => Ok(answer),
        Err(error) => {
            let reason = match error {
                VmError::TimeLimitExceeded { .. } => Reason::TimeLimit,
                VmError::InstructionLimitExceeded { .. } => Reason::InstructionLimit,
                _ => Reason::Error,
            };
            Err(PolicyFailure::new(reason, error.to_string()))
        }
    }
}
