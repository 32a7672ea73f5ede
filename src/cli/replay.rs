//! `zengate replay`: recorded decisions through other policies.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::policies::PolicyArgs;
use super::progress::Progress;
use super::{Output, say, say_out};
use crate::clock::Stopwatch;
use crate::replay::{self, Flips, Options, Summary};

/// Judge recorded decisions by other policies, and show what would be different.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    zengate replay decisions.jsonl --policy candidate/ --data organisation.yaml\n  \
    zengate replay records/ --config zengate.toml --fail-above 0\n  \
    zcat decisions.jsonl.*.gz | zengate replay - --data organisation.yaml --output json\n\n\
    Quota is counted in the order of the records, from an empty ledger; --no-quota leaves it out.\n\n\
    Exit codes: 0 done, 1 more verdicts flip than --fail-above, 2 wrong usage or files")]
pub(super) struct ReplayArgs {
    /// Files of decision records, or directories of them; `-` reads standard input.
    #[arg(required = true, value_name = "PATH")]
    records: Vec<PathBuf>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// The most verdicts that may flip.
    #[arg(long, value_name = "NUMBER")]
    fail_above: Option<u64>,
    /// Do not count quota.
    #[arg(long)]
    no_quota: bool,
    /// How many decisions are shown of each difference.
    #[arg(long, default_value_t = 5, value_name = "NUMBER")]
    samples: usize,
    /// Threads that judge. Default: one per processor.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Runs the command; the answer is the exit code.
pub(super) fn run(args: ReplayArgs) -> Result<u8, String> {
    let policies = args.policies.load()?;
    let files = super::read_from(&args.records);
    let files = replay::files(&files).map_err(|error| error.to_string())?;
    if files.is_empty() {
        return Err("no records: the directories hold no file that ends in .jsonl or .json".to_owned());
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options {
        admitted: policies.admitted.clone(),
        quota: !args.no_quota,
        samples: args.samples,
        threads: args.threads.map_or(processors, |threads| usize::try_from(threads).unwrap_or(processors)),
    };
    let (watch, progress) = (Stopwatch::start(), Progress::new());
    let told = |lines: u64| progress.tell(&format!("{lines} records"));
    let summary = replay::run(&policies.set, &files, &options, told);
    drop(progress);
    let summary = summary.map_err(|error| error.to_string())?;
    match args.output {
        Output::Text => {
            say_out(&text(&summary));
            let seconds = watch.elapsed().as_secs_f64().max(1e-9);
            say(&format!(
                "{} records in {seconds:.1} s, {:.0} per s",
                summary.judged,
                rate(&summary, seconds)
            ));
        }
        Output::Json => {
            let document = serde_json::to_string_pretty(&summary).map_err(|error| error.to_string())?;
            say_out(&format!("{document}\n"));
        }
    }
    Ok(u8::from(args.fail_above.is_some_and(|most| summary.flipped() > most)))
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(summary: &Summary, seconds: f64) -> f64 {
    summary.judged as f64 / seconds
}

fn text(summary: &Summary) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} records judged by revision {}: {} the same, {} flipped",
        summary.judged,
        summary.policy_revision,
        summary.same,
        summary.flipped()
    );
    for (kind, flips) in &summary.flips {
        difference(&mut text, kind, flips);
    }
    if summary.other_rules.count > 0 {
        difference(&mut text, "the same verdict for other rules", &summary.other_rules);
    }
    if summary.other_changes.count > 0 {
        difference(&mut text, "other changes", &summary.other_changes);
    }
    for (why, count) in &summary.skipped {
        let _ = writeln!(text, "{count} not judged: {why}");
    }
    if summary.unreadable > 0 {
        let _ = writeln!(text, "{} lines are no records", summary.unreadable);
    }
    text
}

fn difference(text: &mut String, kind: &str, flips: &Flips) {
    let _ = writeln!(text, "\n{kind}: {}", flips.count);
    for (name, counts) in [("rule", &flips.by_rule), ("team", &flips.by_team), ("zone", &flips.by_zone)] {
        let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
        sorted.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let list: Vec<String> = sorted.iter().map(|(key, count)| format!("{key} {count}")).collect();
        if !list.is_empty() {
            let _ = writeln!(text, "  by {name}: {}", list.join(", "));
        }
    }
    for sample in &flips.samples {
        let _ = writeln!(text, "  {} ({}): {}", sample.decision, sample.team, sample.now);
    }
}
