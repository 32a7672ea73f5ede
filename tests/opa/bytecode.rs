//! The engine's bytecode machine, asked rule by rule.
//!
//! It takes an error inside a rule for "does not hold", which is why the gateway runs most rules in the interpreter. Where
//! no rule fails it must answer as the others do; OPA runs with strict builtins here, so a rule that fails stops the test
//! before it comes to a comparison.

use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use serde_json::{Value, json};

use super::{same, sorted};

/// Rule, part and the machine that runs it.
pub(super) struct Bytecode(Vec<(String, &'static str, RegoVM)>);

impl Bytecode {
    /// Compiles every part of every rule; one that the compiler refuses fails the test.
    pub(super) fn new(engine: &regorus::Engine, rules: &[String]) -> Self {
        let mut machines = Vec::new();
        for rule in rules {
            for part in ["deny", "warn", "patches", "quota"] {
                let entry = format!("data.zengate.rules.{rule}.{part}");
                let mut engine = engine.clone();
                // A rule need not have every part.
                if engine
                    .eval_rule(entry.clone())
                    .is_err_and(|error| error.to_string().contains("not a valid rule"))
                {
                    continue;
                }
                let policy = engine
                    .compile_with_entrypoint(&Arc::from(entry.as_str()))
                    .unwrap_or_else(|error| panic!("{entry}: {error}"));
                let program = Compiler::compile_from_policy(&policy, &[&entry])
                    .unwrap_or_else(|error| panic!("{entry}: {error}"));
                let mut machine = RegoVM::new();
                machine.load_program(program);
                machine.set_data(engine.get_data()).unwrap();
                machine.set_max_instructions(50_000_000);
                machines.push((rule.clone(), part, machine));
            }
        }
        assert!(machines.len() > rules.len(), "the parts of the rules are found");
        Self(machines)
    }

    pub(super) fn parts(&self) -> usize {
        self.0.len()
    }

    /// Where it differs from OPA.
    pub(super) fn differences(&mut self, opa: &Value, document: &Value) -> Vec<String> {
        let input = regorus::Value::from_json_str(&document.to_string()).unwrap();
        let mut places = Vec::new();
        for (rule, part, machine) in &mut self.0 {
            machine.set_input(input.clone());
            let ours = match machine.execute_entry_point_by_index(0) {
                Ok(answer) => serde_json::from_str(&answer.to_json_str().unwrap()).unwrap_or(Value::Null),
                Err(error) => json!({ "error": error.to_string() }),
            };
            let theirs = sorted(&json!({ "it": opa["rules"][rule.as_str()][*part] }));
            let ours = sorted(&json!({ "it": ours }));
            if !same(&theirs, &ours) {
                places.push(format!(
                    "data.zengate.rules.{rule}.{part}\n  OPA:      {theirs}\n  bytecode: {ours}"
                ));
            }
        }
        places
    }
}
