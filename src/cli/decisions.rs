//! `zengate decisions`: decisions of a running gateway, found again or as they come.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Uri;
use serde_json::{Value, json};

use super::admin::{Access, Question, check, page, show};
use super::quota::encoded;
use super::table::{Table, cell};
use super::{Output, say, say_out};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 << 20;
/// Between two looks of `tail`.
const PAUSE: Duration = Duration::from_secs(1);

/// Decisions: who asked for what, what was decided, changed and answered.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  zengate decisions list --team payments --denied --since 7d\n  \
    zengate decisions show T0193A4C2-6F5B-7C11-9D0E-2B7A4C1D8E90\n  zengate decisions tail --denied\n\n\
    Exit codes: 0 done, 1 no answer or not found, 2 wrong usage")]
pub(super) struct DecisionsCommand {
    #[command(subcommand)]
    action: Action,
    /// The admin listener of a running gateway.
    #[arg(long, global = true, default_value = "http://127.0.0.1:9180", value_name = "URL")]
    admin: Uri,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Seconds to wait for an answer.
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Decisions that pass every filter, the newest first.
    #[command(after_help = "Examples:\n  zengate decisions list --team payments --denied --since 7d\n  \
        zengate decisions list --instance ins-1 --output json")]
    List {
        #[command(flatten)]
        filters: Filters,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        /// Older than this decision: the end of the page before.
        #[arg(long, value_name = "DECISION")]
        before: Option<String>,
    },
    /// One decision in full.
    Show {
        /// Its id, as the caller got it in `X-Zengate-Decision`.
        decision: String,
    },
    /// Decisions as they come, until you stop it.
    #[command(after_help = "Example:\n  zengate decisions tail --team payments --denied")]
    Tail {
        #[command(flatten)]
        filters: Filters,
        /// Ends after so many.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
}

#[derive(Clone, Debug, Args)]
struct Filters {
    /// Of this team.
    #[arg(long)]
    team: Option<String>,
    /// Of this key.
    #[arg(long)]
    key: Option<String>,
    /// Of this action: `CreateInstances` or `vm CreateInstances`.
    #[arg(long)]
    action: Option<String>,
    /// Of this service.
    #[arg(long)]
    service: Option<String>,
    /// Denied by rules or quota.
    #[arg(long, conflicts_with = "outcome")]
    denied: bool,
    /// How it ended, as in the records: ok, denied_policy, denied_quota, unknown ...; with `*` for what begins so.
    #[arg(long)]
    outcome: Option<String>,
    /// What rules said: allowed, refused or failed.
    #[arg(long)]
    verdict: Option<String>,
    /// In which this rule found or changed something.
    #[arg(long)]
    rule: Option<String>,
    /// That created or changed this instance, or tried to.
    #[arg(long)]
    instance: Option<String>,
    /// Whose record holds this text.
    #[arg(long)]
    text: Option<String>,
    /// Not before: a date, an RFC 3339 time, or how long ago: 90m, 36h, 7d.
    #[arg(long)]
    since: Option<String>,
    /// Before: the same.
    #[arg(long)]
    until: Option<String>,
}

impl Filters {
    /// As a query, each beginning with `&`.
    fn query(&self) -> String {
        let outcome = if self.denied { Some("denied*".to_owned()) } else { self.outcome.clone() };
        let all = [
            ("team", &self.team),
            ("key", &self.key),
            ("action", &self.action),
            ("service", &self.service),
            ("outcome", &outcome),
            ("verdict", &self.verdict),
            ("rule", &self.rule),
            ("instance", &self.instance),
            ("text", &self.text),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = all.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given.fold(String::new(), |query, (name, value)| format!("{query}&{name}={}", encoded(value)))
    }
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(command: DecisionsCommand) -> Result<u8, String> {
    check(&command.admin, "--admin")?;
    let path = match &command.action {
        Action::List { filters, limit, before } => {
            let before = before.as_ref().map(|id| format!("&before={}", encoded(id))).unwrap_or_default();
            format!("/decisions?limit={limit}{}{before}", filters.query())
        }
        Action::Show { decision } => format!("/decisions/{}", encoded(decision)),
        Action::Tail { filters, count } => return tail(&command, filters, *count).await,
    };
    let url = page(&command.admin, &path)?;
    let text = |answer: &Value| match &command.action {
        Action::Show { .. } => format!("{answer:#}\n"),
        Action::List { .. } | Action::Tail { .. } => list(answer),
    };
    Ok(show(command.question(&url), command.output, text).await)
}

impl DecisionsCommand {
    fn question<'a>(&'a self, url: &'a Uri) -> Question<'a> {
        let timeout = Duration::from_secs(self.timeout);
        Question { url, access: &self.access, document: None, timeout, longest: LONGEST }
    }

    async fn ask(&self, path: &str) -> Result<Value, String> {
        let url = page(&self.admin, path)?;
        let (status, text) = self.question(&url).ask().await?;
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status == 200 {
            return Ok(answer);
        }
        let why = answer.get("error").and_then(Value::as_str).unwrap_or(text.trim_end());
        Err(format!("{} answers {status}: {why}", self.admin))
    }
}

async fn tail(command: &DecisionsCommand, filters: &Filters, count: Option<u64>) -> Result<u8, String> {
    let mut left = count.unwrap_or(u64::MAX);
    let query = filters.query();
    let mut place = match command.ask("/decisions?after=now").await {
        Ok(answer) => cell(answer.get("next").unwrap_or(&Value::Null)),
        Err(why) => {
            say(&why);
            return Ok(1);
        }
    };
    say("decisions as they come; end with Ctrl-C");
    let mut told = BTreeSet::new();
    while left > 0 {
        match command.ask(&format!("/decisions?after={place}&limit=1000{query}")).await {
            Ok(answer) => {
                told.clear();
                place = cell(answer.get("next").unwrap_or(&Value::Null));
                for record in answer.get("records").and_then(Value::as_array).into_iter().flatten() {
                    if left > 0 {
                        left = left.saturating_sub(1);
                        say_out(&match command.output {
                            Output::Json => format!("{record}\n"),
                            Output::Text => format!("{}\n", line(record).join("  ")),
                        });
                    }
                }
            }
            // It may be restarted: said once, asked again.
            Err(why) => {
                if told.insert(why.clone()) {
                    say(&why);
                }
            }
        }
        if left > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(0)
}

/// A record in one line: when, who, what, how it ended, and why or what came of it.
fn line(record: &Value) -> Vec<String> {
    let at = |place: &str| cell(record.pointer(place).unwrap_or(&Value::Null));
    let made = record.pointer("/upstream/instance_ids").and_then(Value::as_array).map(Vec::as_slice);
    let made: Vec<String> = made.unwrap_or_default().iter().map(cell).collect();
    let refusal = at("/refusal");
    let what = if refusal == "-" { made.join(",") } else { refusal.chars().take(120).collect() };
    let time = at("/timestamp");
    let time = time.split('.').next().unwrap_or(&time).to_owned();
    let action = format!("{} {}", at("/action/service"), at("/action/name"));
    vec![time, at("/decision_id"), at("/caller/team"), at("/caller/key"), action, at("/outcome"), what]
}

fn list(answer: &Value) -> String {
    let names = ["TIME", "DECISION", "TEAM", "KEY", "ACTION", "OUTCOME", "INSTANCES OR REASON"];
    let mut table = Table::new(&names);
    let records = answer["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    for record in records {
        let cells = line(record);
        let row: Value =
            names.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect();
        table.row(&row, &names);
    }
    let mut text = table.text();
    if records.is_empty() {
        "no decision passes\n".clone_into(&mut text);
    }
    if let Some(partial) = answer.get("partial").and_then(Value::as_str) {
        text.push_str(&format!("only the newest of this process: {partial}\n"));
    }
    if let Some(next) = answer.get("next").and_then(Value::as_str) {
        text.push_str(&format!("older ones: --before {next}\n"));
    }
    text
}
