//! `zengate test`: the tests that stand beside policies, without another tool.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::policies::source_at;
use super::{Output, say_out};
use crate::policy::Source;
use crate::policy::testing::{self, FileCoverage, Outcome, Report, Selection, TestResult};

/// Run the tests of a directory of policies.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  zengate test                             # the stock policies\n  \
    zengate test policies/ --run zones --verbose\n  zengate test policies/ --coverage --threshold 90\n\n\
    A test is a rule named `test_...` in a file named `*_test.rego`. It passes when it is true; undefined is a \
    failure. `todo_test_...` is skipped.\n\n\
    Exit codes: 0 all passed, 1 some failed or the coverage is below the threshold, 2 wrong usage, or nothing to test")]
pub(super) struct TestArgs {
    /// The directory of policies, or an OPA bundle. Default: the stock policies inside the binary.
    #[arg(value_name = "PATH")]
    policies: Option<PathBuf>,
    /// Only tests whose name, package included, holds this text.
    #[arg(long, value_name = "TEXT")]
    run: Option<String>,
    /// Show which lines of the rules no test reaches.
    #[arg(long)]
    coverage: bool,
    /// The least share of lines that tests must reach, in per cent.
    #[arg(long, value_name = "PER CENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    threshold: Option<u32>,
    /// Name every test, also those that pass.
    #[arg(long, short)]
    verbose: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Runs the command; the answer is the exit code.
pub(super) fn run(args: TestArgs) -> Result<u8, String> {
    let source = args.policies.as_deref().map_or(Source::Embedded, source_at);
    let selection = Selection { only: args.run.clone(), coverage: args.coverage || args.threshold.is_some() };
    let report = testing::run(&source, &selection).map_err(|error| error.to_string())?;
    if report.results.is_empty() {
        return Err(
            "no tests: none is named `test_...` in a file named `*_test.rego`, or --run fits none".to_owned()
        );
    }
    match args.output {
        Output::Text => say_out(&text(&report, &args)),
        Output::Json => say_out(&format!("{:#}\n", json(&report, selection.coverage))),
    }
    let failed = report.results.iter().any(failed);
    let low = args.threshold.is_some_and(|least| report.percent() < f64::from(least));
    Ok(u8::from(failed || low))
}

fn failed(result: &TestResult) -> bool {
    matches!(result.outcome, Outcome::Failed | Outcome::Error(_))
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASS",
        Outcome::Failed => "FAIL",
        Outcome::Error(_) => "ERROR",
        Outcome::Skipped => "SKIPPED",
    }
}

fn text(report: &Report, args: &TestArgs) -> String {
    let mut text = String::new();
    for result in &report.results {
        if !args.verbose && !failed(result) {
            continue;
        }
        let TestResult { package, name, file, line, outcome, prints } = result;
        let _ = writeln!(text, "{file}:{line}: {package}.{name}: {}", word(outcome));
        if let Outcome::Error(why) = outcome {
            let _ = writeln!(text, "  {why}");
        }
        for print in prints {
            let _ = writeln!(text, "  {}", print.trim_end());
        }
    }
    let count = |wanted: &str| report.results.iter().filter(|result| word(&result.outcome) == wanted).count();
    let counts: Vec<String> = ["PASS", "FAIL", "ERROR", "SKIPPED"]
        .into_iter()
        .filter(|wanted| count(wanted) > 0)
        .map(|wanted| format!("{wanted}: {}/{}", count(wanted), report.results.len()))
        .collect();
    let _ = writeln!(text, "{}", counts.join(", "));
    if args.coverage {
        for FileCoverage { file, missing, .. } in
            report.coverage.iter().filter(|file| !file.missing.is_empty())
        {
            let _ = writeln!(text, "{file}: no test reaches line {}", ranges(missing));
        }
    }
    if args.coverage || args.threshold.is_some() {
        let _ = writeln!(text, "coverage: {:.1} %", report.percent());
    }
    text
}

/// `3, 7-9`.
fn ranges(lines: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, end)) if end.saturating_add(1) == *line => *end = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let text = |(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn json(report: &Report, coverage: bool) -> serde_json::Value {
    let result = |result: &TestResult| {
        serde_json::json!({
            "package": result.package, "name": result.name, "file": result.file, "line": result.line,
            "outcome": word(&result.outcome).to_lowercase(),
            "error": match &result.outcome { Outcome::Error(why) => Some(why), _ => None },
            "prints": result.prints,
        })
    };
    let mut document =
        serde_json::json!({ "results": report.results.iter().map(result).collect::<Vec<_>>() });
    if coverage && let Some(members) = document.as_object_mut() {
        let files = report.coverage.iter().map(
            |file| serde_json::json!({ "file": file.file, "covered": file.covered, "missing": file.missing }),
        );
        members.insert("coverage".to_owned(), files.collect());
        members.insert("coverage_percent".to_owned(), report.percent().into());
    }
    document
}

#[cfg(test)]
mod tests {
    #[test]
    fn neighbouring_lines_are_a_range() {
        assert_eq!(super::ranges(&[3, 7, 8, 9, 11]), "3, 7-9, 11");
        assert_eq!(super::ranges(&[]), "");
    }
}
