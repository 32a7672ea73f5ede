//! `zengate quota`: asks a running gateway what it counts, and tells it what only people know.

mod table;

use std::time::Duration;

use clap::{Args, Subcommand};
use http::Uri;
use serde_json::{Value, json};

pub(super) use self::table::{Table, cell};
use super::Output;
use super::admin::{Access, Question, check, page, show};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 << 20;

/// Quota: what is counted, who holds it, how it compares with the cloud.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 1 no answer or refused, 2 wrong usage")]
pub(super) struct QuotaCommand {
    #[command(subcommand)]
    action: Action,
    /// The admin listener of a running gateway.
    #[arg(long, global = true, default_value = "http://127.0.0.1:9180", value_name = "URL")]
    admin: Uri,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Seconds to wait for the whole answer.
    #[arg(long, global = true, default_value_t = 120, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every count: limit, used, held, what is left.
    List {
        /// Only what counts for this team alone.
        #[arg(long)]
        team: Option<String>,
    },
    /// Everything that makes up one count, by name: instance or hold, decision, key, since when.
    #[command(after_help = "Example:\n  zengate quota explain team/payments/zone/SEL-A --resource vcpus")]
    Explain {
        /// The scope, as `list` shows it.
        scope: String,
        /// instances, vcpus, memory_gb, disk_gb or public_ips.
        #[arg(long, default_value = "instances")]
        resource: String,
    },
    /// What the last listings of the cloud differed in, and what was done about it.
    Drift,
    /// List the cloud now, settle what is unknown, and show the drift.
    Reconcile,
    /// Settle a create that the gateway cannot decide, by a person's word.
    #[command(
        after_help = "Example:\n  zengate quota release T0193... --void --reason 'looked at the console: nothing was made'"
    )]
    Release(Release),
}

#[derive(Debug, Args)]
struct Release {
    /// The decision's id, as `explain` shows it.
    decision: String,
    /// The create made nothing.
    #[arg(long, required_unless_present = "created", conflicts_with = "created")]
    void: bool,
    /// The create made these instances.
    #[arg(long, value_name = "INSTANCE", value_delimiter = ',', num_args = 1..)]
    created: Vec<String>,
    /// Why you know; written to the ledger.
    #[arg(long)]
    reason: String,
    /// Who says so; written to the ledger.
    #[arg(long, env = "USER")]
    operator: String,
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(command: QuotaCommand) -> Result<u8, String> {
    check(&command.admin, "--admin")?;
    let (path, document) = command.action.question();
    let url = page(&command.admin, &path)?;
    let timeout = Duration::from_secs(command.timeout);
    let question = Question {
        url: &url,
        access: &command.access,
        document: document.as_ref(),
        timeout,
        longest: LONGEST,
    };
    Ok(show(question, command.output, |answer| command.action.text(answer)).await)
}

impl Action {
    /// The page to ask for, and what is posted to it.
    fn question(&self) -> (String, Option<Value>) {
        match self {
            Self::List { team: None } => ("/quota".to_owned(), None),
            Self::List { team: Some(team) } => (format!("/quota?team={}", encoded(team)), None),
            Self::Explain { scope, resource } => {
                (format!("/quota/explain?scope={}&resource={}", encoded(scope), encoded(resource)), None)
            }
            Self::Drift => ("/quota/drift".to_owned(), None),
            Self::Reconcile => ("/quota/reconcile".to_owned(), Some(json!({}))),
            Self::Release(release) => {
                let document = json!({
                    "decision": release.decision,
                    "outcome": if release.void { "void" } else { "created" },
                    "ids": release.created,
                    "operator": release.operator,
                    "reason": release.reason,
                });
                ("/quota/release".to_owned(), Some(document))
            }
        }
    }

    /// The answer for people.
    fn text(&self, answer: &Value) -> String {
        match self {
            Self::List { .. } => list(answer),
            Self::Explain { .. } => explain(answer),
            Self::Drift | Self::Reconcile => drift(answer),
            Self::Release(_) => format!("settled {}\n", cell(&answer["settled"])),
        }
    }
}

fn list(answer: &Value) -> String {
    let mut table =
        Table::new(&["SCOPE", "RESOURCE", "LIMIT", "USED", "IN FLIGHT", "UNKNOWN", "LEFT", "LIMIT UNTIL"]);
    for count in answer["counts"].as_array().into_iter().flatten() {
        table.row(
            count,
            &["scope", "resource", "limit", "used", "in_flight", "unknown", "left", "limit_until"],
        );
    }
    let at = &answer["reconciled"];
    let reconciled = if at.is_null() { "not yet".to_owned() } else { format!("at {}", cell(at)) };
    format!("{table}ledger {}; reconciled {reconciled}\n", cell(&answer["ledger"]))
}

fn explain(answer: &Value) -> String {
    let count = &answer["count"];
    if count.is_null() {
        return "nothing is counted under this name; `zengate quota list` shows what is\n".to_owned();
    }
    let part = |name: &str| cell(&count[name]);
    let mut table = Table::new(&[
        "KIND", "ID", "AMOUNT", "STATE", "TEAM", "KEY", "SINCE", "ZONE", "TYPE", "DECISION", "NOTE",
    ]);
    for unit in answer["units"].as_array().into_iter().flatten() {
        table.row(
            unit,
            &["kind", "id", "amount", "state", "team", "key", "since", "zone", "type", "decision", "note"],
        );
    }
    format!(
        "{} of {}: limit {}, used {}, in flight {}, unknown {}, left {}\n{table}",
        part("resource"),
        part("scope"),
        part("limit"),
        part("used"),
        part("in_flight"),
        part("unknown"),
        part("left")
    )
}

fn drift(answer: &Value) -> String {
    let at = &answer["at"];
    if at.is_null() {
        return "the cloud has not been listed yet; `zengate quota reconcile` does it now\n".to_owned();
    }
    let mut listings = Table::new(&["ACCOUNT", "SERVICE", "MACHINES", "STALE"]);
    for listing in answer["listings"].as_array().into_iter().flatten() {
        listings.row(listing, &["account", "service", "machines", "stale"]);
    }
    let mut drift =
        Table::new(&["DRIFT", "ACCOUNT", "SERVICE", "INSTANCE", "DECISION", "TEAM", "REPAIRED", "WHY"]);
    let found = answer["drift"].as_array().map(Vec::as_slice).unwrap_or_default();
    for difference in found {
        drift.row(
            difference,
            &["kind", "account", "service", "instance", "decision", "team", "repaired", "why"],
        );
    }
    let drift = if found.is_empty() { "no drift\n".to_owned() } else { drift.to_string() };
    format!("listed at {}\n{listings}\n{drift}", cell(at))
}

/// A value of a query: letters, digits and what needs no escape there.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/*,:".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_letter_is_escaped() {
        assert_eq!(encoded("team/pay&x=1 ü"), "team/pay%26x%3D1%20%C3%BC");
    }

    #[test]
    fn lists_are_columns() {
        let answer = json!({
            "ledger": "up", "reconciled": null,
            "counts": [{"scope": "team/a", "resource": "instances", "limit": 10, "used": 2, "in_flight": 0,
                        "unknown": 1, "left": 7}],
        });
        let text = list(&answer);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "SCOPE   RESOURCE   LIMIT  USED  IN FLIGHT  UNKNOWN  LEFT  LIMIT UNTIL");
        assert_eq!(lines[1], "team/a  instances  10     2     0          1        7     -");
        assert_eq!(lines[2], "ledger up; reconciled not yet");
    }
}
