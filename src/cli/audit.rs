//! `zengate audit`: what an auditor asks. Who made an instance, and whether somebody has had a hand in the logs.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Uri;
use serde_json::Value;

use super::admin::{Access, Question, check, page, show};
use super::quota::encoded;
use super::{Output, say_out};
use crate::audit::{self, Orders};
use crate::chain::{Key, verify};
use crate::config::SecretRef;
use crate::replay;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 << 20;

/// Questions of an auditor.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  zengate audit instance ins-1\n  zengate audit verify admin.jsonl --key audit.key\n\n\
    Exit codes: 0 found or whole, 1 not, or no answer, 2 wrong usage or files"
)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    action: Action,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Who made an instance, under which decision, what was changed, who granted what, and what was done to it since.
    #[command(after_help = "Examples:\n  zengate audit instance ins-1\n  \
        zengate audit instance ins-1 --records decisions.jsonl decisions.jsonl.2026*.gz --audit-log admin.jsonl\n\n\
        Exit codes: 0 found, 1 nothing found or no answer, 2 wrong usage or files")]
    Instance(Instance),
    /// Whether any line of an audit log or of decision records was changed, taken out, put in or moved.
    #[command(after_help = "Examples:\n  zengate audit verify admin.jsonl --key audit.key\n  \
        zengate audit verify decisions.jsonl.2026*.gz decisions.jsonl --head 5f0c...\n\n\
        The head of a chain is on /status and, now and then, in the log (`a chain of lines ends here`): without it, lines cut off\n\
        the end cannot be missed.\n\n\
        Exit codes: 0 whole, 1 something is wrong, 2 wrong usage or a file that cannot be read")]
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Instance {
    /// The instance's id.
    id: String,
    /// Look into these files or directories of decision records (`.gz` too) instead of asking a gateway.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    records: Vec<PathBuf>,
    /// With --records: audit logs, which say since when policies were in force and by whose order.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "records")]
    audit_log: Vec<PathBuf>,
    /// The admin listener of a running gateway.
    #[arg(long, default_value = "http://127.0.0.1:9180", value_name = "URL", conflicts_with = "records")]
    admin: Uri,
    /// Seconds to wait for the answer.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Args)]
struct Verify {
    /// The files, or directories of them; `.gz` too. Those that belong to one chain are put in order.
    #[arg(required = true, value_name = "PATH")]
    files: Vec<PathBuf>,
    /// The file of the key that the lines are hashed with (`admin.audit_key`, `records.chain_key`).
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A hash that must be in the chain: its head, as it was told elsewhere.
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
}

/// Runs the command; the answer is the exit code.
pub(super) fn run(command: AuditCommand) -> Result<u8, String> {
    match &command.action {
        Action::Verify(asked) => asked.run(command.output),
        Action::Instance(asked) if asked.records.is_empty() => super::on_runtime(asked.ask(command.output)),
        Action::Instance(asked) => asked.look(command.output),
    }
}

impl Instance {
    async fn ask(&self, output: Output) -> Result<u8, String> {
        check(&self.admin, "--admin")?;
        let url = page(&self.admin, &format!("/audit/instance?id={}", encoded(&self.id)))?;
        let timeout = Duration::from_secs(self.timeout);
        let question =
            Question { url: &url, access: &self.access, document: None, timeout, longest: LONGEST };
        Ok(show(question, output, audit::words).await)
    }

    fn look(&self, output: Output) -> Result<u8, String> {
        let files = replay::files(&self.records).map_err(|error| error.to_string())?;
        let orders = Orders::read(&self.audit_log).map_err(|error| format!("--audit-log: {error}"))?;
        let mut touches = Vec::new();
        for path in &files {
            let failed = |error| format!("{}: {error}", path.display());
            for line in replay::opened(path).map_err(failed)?.lines() {
                let line = line.map_err(failed)?;
                // Most lines are of others: they are told by their text before they are read.
                let record =
                    line.contains(&self.id).then(|| serde_json::from_str::<Value>(&line).ok()).flatten();
                touches.extend(record.and_then(|record| audit::touch(record, &self.id)));
            }
        }
        touches.sort_by_cached_key(|touch| touch.record.get("decision_id").map(Value::to_string));
        touches.dedup_by(|one, other| one.record.get("decision_id") == other.record.get("decision_id"));
        let found = !touches.is_empty();
        let dossier = audit::dossier(&self.id, touches, None, &orders);
        let dossier = serde_json::to_value(dossier).map_err(|error| error.to_string())?;
        match output {
            Output::Json => say_out(&format!("{dossier:#}\n")),
            Output::Text => say_out(&audit::words(&dossier)),
        }
        Ok(u8::from(!found))
    }
}

impl Verify {
    fn run(&self, output: Output) -> Result<u8, String> {
        let secret = self.key.as_ref().map(|file| SecretRef::File(file.clone()).resolve());
        let secret = secret.transpose().map_err(|error| format!("--key: {error}"))?;
        if let Some(head) = &self.head
            && (head.len() != 64 || !head.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(
                "--head: write the 64 hex digits of a hash, as /status shows it under `chains`".to_owned()
            );
        }
        let files = replay::files(&self.files).map_err(|error| error.to_string())?;
        let report = verify::files(&files, &Key::new(secret.as_ref()), self.head.as_deref());
        let report = report.map_err(|error| error.to_string())?;
        match output {
            Output::Json => {
                let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
                say_out(&format!("{text}\n"));
            }
            Output::Text => say_out(&told(&report, self.head.as_deref())),
        }
        Ok(u8::from(!report.is_whole()))
    }
}

fn told(report: &verify::Report, head: Option<&str>) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&format!("{}:{}: {}\n", problem.file, problem.line, problem.why));
    }
    for note in &report.noted {
        text.push_str(&format!("{}:{}: note: {}\n", note.file, note.line, note.why));
    }
    if let (Some(false), Some(head)) = (report.head_found, head) {
        text.push_str(&format!("the line with the hash {head} is not there: the end was cut off, or everything was written anew\n"));
    }
    match (&report.head, report.first) {
        (Some(head), Some(first)) => {
            let whole = if report.is_whole() { "whole" } else { "NOT WHOLE" };
            text.push_str(&format!(
                "{whole}: {} lines, {first} to {}, head {}\n",
                report.lines, head.seq, head.hash
            ));
            if first > 1 {
                text.push_str(&format!(
                    "the {} lines before it are in files that were not named\n",
                    first.saturating_sub(1)
                ));
            }
        }
        _ => text.push_str("no line of a chain was found\n"),
    }
    text
}
