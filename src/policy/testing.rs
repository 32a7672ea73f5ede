//! Running the tests of a tree: every rule named `test_...` must be true. The engine has no runner of its own.
//!
//! Tests run in the interpreter, which knows `with`; they see the tree's data without overlays.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::check::ast::Module;
use super::check::{engine_words, parse, recursion};
use super::engine::STACK_BYTES;
use super::problem::{LoadError, Problem};
use super::source::{Overlays, RegoFile, Source, Tree};
use super::value;

/// How long one test may take.
const TEST_TIME: Duration = Duration::from_secs(10);

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The package, `zengate_test.zones`.
    pub package: String,
    /// The rule, `test_...`.
    pub name: String,
    /// Where it stands.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What it printed.
    pub prints: Vec<String>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is true.
    Passed,
    /// It is something else than true; undefined is what most failing tests are.
    Failed,
    /// It could not be evaluated.
    Error(String),
}

/// Runs all tests of a tree, in the order of files and lines.
///
/// # Errors
/// A tree that cannot be read or parsed, or that is recursive: the engine would end the process.
pub fn run(source: &Source) -> Result<Vec<TestResult>, LoadError> {
    let tree = source.read(&Overlays::default())?;
    let files: Vec<RegoFile> = tree.modules.iter().chain(&tree.tests).cloned().collect();
    let mut problems = Vec::new();
    let modules = parse(&files, &mut problems);
    problems.extend(recursion(&modules));
    LoadError::unless_none(problems)?;
    let outcome = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("policy-tests".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || all(&tree, &files, &modules))
            .map(|thread| thread.join())
    });
    match outcome {
        Ok(Ok(results)) => results.map_err(LoadError::from),
        Ok(Err(_)) => Err(Problem::of("tests", "the engine panicked").into()),
        Err(error) => Err(Problem::of("tests", format!("no thread to run them on: {error}")).into()),
    }
}

fn all(tree: &Tree, files: &[RegoFile], modules: &[Module]) -> Result<Vec<TestResult>, Problem> {
    let mut engine = Engine::new();
    engine.set_gather_prints(true);
    let fault = |file: &str, error: &dyn std::fmt::Display| {
        let (line, message) = engine_words(&error.to_string());
        Problem { file: file.to_owned(), line, message }
    };
    for file in files {
        let added = engine.add_policy(file.path.clone(), file.text.clone());
        added.map_err(|error| fault(&file.path, &error))?;
    }
    engine.add_data(value::from_plain(&tree.data)).map_err(|error| fault("data", &error))?;
    let timer = ExecutionTimerConfig { limit: TEST_TIME, check_interval: NonZeroU32::MIN };
    engine.set_execution_timer_config(timer);
    let mut results: Vec<TestResult> = Vec::new();
    for module in modules {
        for rule in &module.rules {
            let Some([name]) = rule.path.get(module.package.len()..) else { continue };
            let package = module.package.get(1..).unwrap_or_default().join(".");
            let seen = results.iter().any(|done| done.package == package && done.name == *name);
            if !name.starts_with("test_") || seen {
                continue;
            }
            let (outcome, prints) = one(&mut engine, &module.package, name);
            let (file, line) = (module.file.clone(), rule.line);
            results.push(TestResult { package, name: name.clone(), file, line, outcome, prints });
        }
    }
    results.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    Ok(results)
}

fn one(engine: &mut Engine, package: &[String], name: &str) -> (Outcome, Vec<String>) {
    // steps that are no identifiers need brackets, and brackets do for all
    let keys = package.iter().skip(1).map(String::as_str).chain([name]);
    let path: String = keys.map(|key| format!("[{}]", serde_json::Value::from(key))).collect();
    let outcome = match engine.eval_rule(format!("data{path}")) {
        Ok(Value::Bool(true)) => Outcome::Passed,
        Ok(_) => Outcome::Failed,
        Err(error) => Outcome::Error(engine_words(&error.to_string()).1),
    };
    (outcome, engine.take_prints().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(text: &str) -> Vec<(String, Outcome)> {
        let files = [
            (
                "zones.rego".to_owned(),
                "package zengate.rules.zones\nimport rego.v1\ndeny contains 1 if input.x == data.n.m"
                    .to_owned(),
            ),
            (
                "zones_test.rego".to_owned(),
                format!(
                    "package zengate_test.zones\nimport rego.v1\nimport data.zengate.rules.zones\n{text}"
                ),
            ),
            ("n/data.json".to_owned(), r#"{"m": 3}"#.to_owned()),
        ];
        let results = run(&Source::Files(files.into())).unwrap();
        results.into_iter().map(|result| (result.name, result.outcome)).collect()
    }

    #[test]
    fn true_passes_and_all_else_fails() {
        let found = outcomes(
            "test_true if 1 in zones.deny with input as {\"x\": 3}\n\
             test_undefined if 1 in zones.deny with input as {\"x\": 4}\n\
             test_false := false\n\
             test_text := \"true\"\n\
             test_error if startswith(1, \"a\")\n\
             helper := false\n",
        );
        assert_eq!(found.len(), 5);
        for (name, outcome) in found {
            match name.as_str() {
                "test_true" => assert_eq!(outcome, Outcome::Passed),
                "test_error" => {
                    assert!(matches!(&outcome, Outcome::Error(words) if words.contains("startswith")))
                }
                _ => assert_eq!(outcome, Outcome::Failed, "{name}"),
            }
        }
    }

    #[test]
    fn recursive_tests_are_not_run() {
        let files = [(
            "x_test.rego".to_owned(),
            "package x\nimport rego.v1\ntest_a if f(1)\nf(x) := f(x + 1)".to_owned(),
        )];
        let error = run(&Source::Files(files.into())).unwrap_err();
        assert!(error.to_string().contains("x_test.rego:4: recursion"), "{error}");
    }

    #[test]
    fn the_tests_of_the_stock_policies_pass() {
        let failed: Vec<TestResult> = run(&Source::Embedded)
            .unwrap()
            .into_iter()
            .filter(|result| result.outcome != Outcome::Passed)
            .collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn the_stock_policies_load_where_there_are_any() {
        if !Source::Embedded.read(&Overlays::default()).unwrap().modules.is_empty() {
            crate::policy::PolicySet::load(&Source::Embedded, &Overlays::default()).unwrap();
        }
    }
}
