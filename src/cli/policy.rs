//! `zengate policy`: asks a running gateway about its policies, and orders others.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Uri;
use serde_json::{Value, json};

use super::Output;
use super::admin::{Access, Question, check, page, show};
use super::policies::source_at;
use super::progress::during;
use crate::policy::Overlays;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;

/// Policies: which are in force, what a candidate would change, and the way from one to the other.
#[derive(Debug, Args)]
#[command(after_help = "Example: a rule's new settings, tried on live traffic before they bite\n  \
    zengate policy stage --data organisation-next.yaml\n  \
    zengate policy status\n  \
    zengate policy promote\n\n\
    A promoted set stays in force until the source of the policies changes; without policy.keep, until the gateway stops.\n\n\
    Exit codes: 0 done, 1 no answer or refused, 2 wrong usage")]
pub(super) struct PolicyCommand {
    #[command(subcommand)]
    action: Action,
    /// The admin listener of a running gateway.
    #[arg(long, global = true, default_value = "http://127.0.0.1:9180", value_name = "URL")]
    admin: Uri,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Revision, source, what is refused and why, the candidate, exemptions with their ends.
    Status,
    /// Try a candidate in shadow: it judges what is decided, and changes nothing.
    #[command(
        after_help = "Examples:\n  zengate policy stage --data organisation-next.yaml\n  zengate policy stage candidate/\n  zengate policy stage bundle.tar.gz"
    )]
    Stage {
        /// A directory of policies or an OPA bundle. Default: the rules in force, for trying other data.
        policy: Option<PathBuf>,
        /// Data over the organisation's, in this order. Default: as in force.
        #[arg(long, value_name = "FILE")]
        data: Vec<PathBuf>,
        /// Cloud facts. Default: as in force.
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
    },
    /// Try no candidate any more.
    Unstage,
    /// Put the candidate in force.
    Promote,
    /// Put the set before this one in force.
    Rollback,
    /// Look at the source now instead of at the next poll.
    Reload,
}

impl Action {
    fn question(&self) -> Result<(&'static str, Option<Value>), String> {
        Ok(match self {
            Self::Status => ("/policy", None),
            Self::Stage { policy, data, facts } => ("/policy/stage", Some(proposal(policy, data, facts)?)),
            Self::Unstage => ("/policy/unstage", Some(json!({}))),
            Self::Promote => ("/policy/promote", Some(json!({}))),
            Self::Rollback => ("/policy/rollback", Some(json!({}))),
            Self::Reload => ("/policy/reload", Some(json!({}))),
        })
    }
}

/// What is proposed, read here: the gateway may run elsewhere.
fn proposal(policy: &Option<PathBuf>, data: &[PathBuf], facts: &Option<PathBuf>) -> Result<Value, String> {
    let overlays = Overlays { organisation: data.to_vec(), facts: facts.clone() };
    let source = match policy {
        Some(path) => source_at(path),
        None => crate::policy::Source::Files(std::collections::BTreeMap::new()),
    };
    let material = source.gather(&overlays).map_err(|error| error.to_string())?;
    Ok(json!({
        "files": policy.is_some().then_some(material.files),
        "organisation": (!data.is_empty()).then_some(material.organisation),
        "facts": material.facts,
    }))
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(command: PolicyCommand) -> Result<u8, String> {
    check(&command.admin, "--admin")?;
    let (path, document) = command.action.question()?;
    let url = page(&command.admin, path)?;
    let timeout = Duration::from_secs(180);
    let question = Question {
        url: &url,
        access: &command.access,
        document: document.as_ref(),
        timeout,
        longest: LONGEST,
    };
    let asked = show(question, command.output, text);
    let meanwhile = match command.action {
        Action::Stage { .. } => "the candidate is being tried",
        _ => "waiting for the gateway",
    };
    Ok(during(meanwhile, asked).await)
}

fn text(status: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut text = String::new();
    for (name, key) in [
        ("in force", "revision"),
        ("bundle revision", "bundle_revision"),
        ("source", "source"),
        ("before it", "previous"),
        ("set aside", "set_aside"),
        ("refused", "refused"),
    ] {
        if let Some(value) = status.get(key).filter(|value| !value.is_null()) {
            let _ = writeln!(text, "{name:16} {}", word(value).replace('\n', "\n                 "));
        }
    }
    if let Some(candidate) = status.get("candidate").filter(|candidate| !candidate.is_null()) {
        shadow(&mut text, candidate);
    }
    for one in status.get("exemptions").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| one.get(name).map(word).unwrap_or_default();
        let ended = if one.get("expired") == Some(&Value::Bool(true)) { "ENDED" } else { "ends" };
        let _ = writeln!(
            text,
            "exemption        {} from {}, {ended} {} ({}; {}, {})",
            part("team"),
            part("rule"),
            part("until"),
            part("reason"),
            part("ticket"),
            part("owner"),
        );
    }
    text
}

fn shadow(text: &mut String, candidate: &Value) {
    let at = |pointer: &str| candidate.pointer(pointer).map_or_else(|| "0".to_owned(), Value::to_string);
    let revision = candidate.get("revision").and_then(Value::as_str).unwrap_or_default();
    let _ = writeln!(
        text,
        "candidate        {revision}: {} decisions compared, {} the same; its process died {} times",
        at("/compared/judged"),
        at("/compared/same"),
        at("/deaths"),
    );
    let flips = candidate.pointer("/compared/flips").and_then(Value::as_object).into_iter().flatten();
    let flips = flips.map(|(kind, flips)| (kind.as_str(), flips));
    let others = [("other rules", "/compared/other_rules"), ("other changes", "/compared/other_changes")];
    let others = others.into_iter().filter_map(|(kind, at)| Some((kind, candidate.pointer(at)?)));
    for (kind, flips) in flips.chain(others).filter(|(_, flips)| flips["count"] != 0) {
        let _ = writeln!(
            text,
            "  {kind}: {} (by rule {}, by team {})",
            flips["count"], flips["by_rule"], flips["by_team"]
        );
        for sample in flips["samples"].as_array().into_iter().flatten().take(5) {
            let part = |name: &str| sample[name].as_str().unwrap_or_default().to_owned();
            let _ = writeln!(text, "    {} ({}): {}", part("decision"), part("team"), part("now"));
        }
    }
}
