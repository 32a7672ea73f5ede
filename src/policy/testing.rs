//! Running the tests of a tree: every rule named `test_...` must be true. The engine has no runner of its own.
//!
//! Tests run in the interpreter, which knows `with`; they see the tree's data without overlays. Verdicts are those of `opa test`:
//! true passes, everything else fails, `todo_test_...` is skipped. Test cases by key (`test_x[case]`) are an error here, because a
//! case that is undefined leaves no trace in this engine and would pass unseen.

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
    /// It is yet to be done.
    Skipped,
}

/// What is run, and what is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only tests whose `package.name` holds this text.
    pub only: Option<String>,
    /// Whether lines that tests reach are counted.
    pub coverage: bool,
}

/// What came of all tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Each test, in the order of files and lines.
    pub results: Vec<TestResult>,
    /// The files that serve, with the lines that tests reach; empty unless it was asked for.
    pub coverage: Vec<FileCoverage>,
}

/// The lines of a file that hold expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCoverage {
    /// The file.
    pub file: String,
    /// Lines that tests reach.
    pub covered: Vec<u32>,
    /// Lines that no test reaches.
    pub missing: Vec<u32>,
}

impl Report {
    /// The share of lines that tests reach, in per cent; 100 where there are none.
    #[allow(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn percent(&self) -> f64 {
        let count = |lines: fn(&FileCoverage) -> usize| self.coverage.iter().map(lines).sum::<usize>();
        let (covered, missing) = (count(|file| file.covered.len()), count(|file| file.missing.len()));
        match covered.saturating_add(missing) {
            0 => 100.0,
            all => covered as f64 * 100.0 / all as f64,
        }
    }
}

/// Runs all tests of a tree, in the order of files and lines.
///
/// # Errors
/// A tree that cannot be read or parsed, or that is recursive: the engine would end the process.
pub fn run(source: &Source, selection: &Selection) -> Result<Report, LoadError> {
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
            .spawn_scoped(scope, || all(&tree, &files, &modules, selection))
            .map(|thread| thread.join())
    });
    match outcome {
        Ok(Ok(results)) => results.map_err(LoadError::from),
        Ok(Err(_)) => Err(Problem::of("tests", "the engine panicked").into()),
        Err(error) => Err(Problem::of("tests", format!("no thread to run them on: {error}")).into()),
    }
}

fn all(
    tree: &Tree,
    files: &[RegoFile],
    modules: &[Module],
    selection: &Selection,
) -> Result<Report, Problem> {
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
    engine.set_enable_coverage(selection.coverage);
    let timer = ExecutionTimerConfig { limit: TEST_TIME, check_interval: NonZeroU32::MIN };
    engine.set_execution_timer_config(timer);
    let mut results: Vec<TestResult> = Vec::new();
    for module in modules {
        for rule in &module.rules {
            let Some([name]) = rule.path.get(module.package.len()..) else { continue };
            let package = module.package.get(1..).unwrap_or_default().join(".");
            let seen = results.iter().any(|done| done.package == package && done.name == *name);
            let todo = name.starts_with("todo_test_");
            let wanted =
                selection.only.as_ref().is_none_or(|only| format!("{package}.{name}").contains(only));
            if !(name.starts_with("test_") || todo) || seen || !wanted {
                continue;
            }
            let (outcome, prints) =
                if todo { (Outcome::Skipped, Vec::new()) } else { one(&mut engine, &module.package, name) };
            let (file, line) = (module.file.clone(), rule.line);
            results.push(TestResult { package, name: name.clone(), file, line, outcome, prints });
        }
    }
    results.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    let coverage = if selection.coverage { covered(&engine, files)? } else { Vec::new() };
    Ok(Report { results, coverage })
}

fn covered(engine: &Engine, files: &[RegoFile]) -> Result<Vec<FileCoverage>, Problem> {
    let report = engine.get_coverage_report().map_err(|error| Problem::of("coverage", error.to_string()))?;
    let serves = |path: &str| !path.ends_with("_test.rego") && files.iter().any(|file| file.path == path);
    let mut coverage: Vec<FileCoverage> = report
        .files
        .into_iter()
        .filter(|file| serves(&file.path))
        .map(|file| FileCoverage {
            file: file.path,
            covered: file.covered.into_iter().collect(),
            missing: file.not_covered.into_iter().collect(),
        })
        .collect();
    coverage.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(coverage)
}

fn one(engine: &mut Engine, package: &[String], name: &str) -> (Outcome, Vec<String>) {
    // steps that are no identifiers need brackets, and brackets do for all
    let keys = package.iter().skip(1).map(String::as_str).chain([name]);
    let path: String = keys.map(|key| format!("[{}]", serde_json::Value::from(key))).collect();
    let outcome = match engine.eval_rule(format!("data{path}")) {
        Ok(Value::Bool(true)) => Outcome::Passed,
        Ok(Value::Object(_)) => Outcome::Error(
            "test cases by key cannot be judged here: write one test for each, or run `opa test`".to_owned(),
        ),
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
        let report = run(&Source::Files(files.into()), &Selection::default()).unwrap();
        report.results.into_iter().map(|result| (result.name, result.outcome)).collect()
    }

    #[test]
    fn true_passes_and_all_else_fails() {
        let found = outcomes(
            "test_true if 1 in zones.deny with input as {\"x\": 3}\n\
             test_undefined if 1 in zones.deny with input as {\"x\": 4}\n\
             test_false := false\n\
             test_text := \"true\"\n\
             test_error if startswith(1, \"a\")\n\
             todo_test_later if false\n\
             test_cases[name] if { some name, ok in {\"a\": true}; ok }\n\
             helper := false\n",
        );
        assert_eq!(found.len(), 7);
        for (name, outcome) in found {
            match name.as_str() {
                "test_true" => assert_eq!(outcome, Outcome::Passed),
                "test_error" => {
                    assert!(matches!(&outcome, Outcome::Error(words) if words.contains("startswith")))
                }
                "todo_test_later" => assert_eq!(outcome, Outcome::Skipped),
                "test_cases" => assert!(matches!(outcome, Outcome::Error(_)), "{outcome:?}"),
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
        let error = run(&Source::Files(files.into()), &Selection::default()).unwrap_err();
        assert!(error.to_string().contains("x_test.rego:4: recursion"), "{error}");
    }

    #[test]
    fn the_tests_of_the_stock_policies_pass() {
        let selection = Selection { coverage: true, only: None };
        let report = run(&Source::Embedded, &selection).unwrap();
        assert!(report.coverage.is_empty() == report.results.is_empty() && report.percent() > 90.0);
        let failed: Vec<TestResult> =
            report.results.into_iter().filter(|result| result.outcome != Outcome::Passed).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn the_stock_policies_load_where_there_are_any() {
        if !Source::Embedded.read(&Overlays::default()).unwrap().modules.is_empty() {
            crate::policy::PolicySet::load(&Source::Embedded, &Overlays::default()).unwrap();
        }
    }
}
