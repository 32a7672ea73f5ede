//! `zengate explain`: why a decision was made.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::check::subject;
use super::policies::{Policies, PolicyArgs, PrincipalArgs, nowhere};
use super::{Output, say_out};
use crate::clock::Clock;
use crate::policy::case::{Asked, Circumstances};
use crate::policy::explain::{Explained, RulePart, explain};
use crate::policy::input::TargetInput;
use crate::policy::local::on_a_deep_stack;
use crate::record::parse_decision_id;
use crate::refusal::Refusal;
use crate::replay;

/// Say why a decision was made: which rules ran, which lines decided, what they read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    zengate explain T0193A4C2-... --records decisions.jsonl --config zengate.toml\n  \
    zengate explain order.json --team payments --gateway http://127.0.0.1:9180\n\n\
    A recorded decision is judged again by the policies named, with what was known then. Where they are not of the revision that\n\
    decided, that is said.\n\n\
    Exit codes: 0 explained, 2 nothing found, wrong usage or files")]
pub(super) struct ExplainArgs {
    /// A decision's id (`X-Zengate-Decision`), or a file with a request body or plan; `-` reads standard input.
    #[arg(value_name = "DECISION|FILE")]
    what: String,
    /// Files or directories of decision records. Default: the file of the configuration.
    #[arg(long, value_name = "PATH")]
    records: Vec<PathBuf>,
    /// What a request body calls: service, action and perhaps version.
    #[arg(long, default_value = "vm CreateInstances", value_name = "CALL")]
    action: String,
    #[command(flatten)]
    principal: PrincipalArgs,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Rules that said nothing too, with their lines.
    #[arg(long)]
    all: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// One thing to explain.
struct Question {
    title: String,
    /// What the record says, where there is one.
    record: Option<Value>,
    asked: Asked,
    circumstances: Circumstances,
}

/// Runs the command; the answer is the exit code.
pub(super) fn run(args: ExplainArgs) -> Result<u8, String> {
    let policies = args.policies.load()?;
    let questions = match parse_decision_id(&args.what).filter(|_| !Path::new(&args.what).exists()) {
        Some(_) => vec![recorded(&args, &policies)?],
        None => written(&args, &policies)?,
    };
    let mut documents = Vec::new();
    for question in questions {
        let Question { title, record, asked, circumstances } = question;
        let explained = on_a_deep_stack(|| explain(&policies.set, asked, circumstances, &policies.admitted));
        let explained = explained.and_then(|explained| explained).map_err(|failure| failure.to_string())?;
        match args.output {
            Output::Text => {
                say_out(&text(&title, record.as_ref(), &explained, policies.set.revision(), args.all));
            }
            Output::Json => documents.push(json!({
                "subject": title,
                "record": record,
                "policy_revision": policies.set.revision(),
                "verdict": verdict(&explained),
                "rules": explained.rules,
            })),
        }
    }
    if args.output == Output::Json {
        say_out(&format!("{:#}\n", json!({ "explained": documents })));
    }
    Ok(0)
}

fn recorded(args: &ExplainArgs, policies: &Policies) -> Result<Question, String> {
    let paths = match (args.records.is_empty(), policies.records()) {
        (false, _) => super::read_from(&args.records),
        (true, Some(path)) => vec![path],
        (true, None) => return Err("name the decision records: --records FILE".to_owned()),
    };
    let files = replay::files(&paths).map_err(|error| error.to_string())?;
    let line = replay::find(&files, &args.what).map_err(|error| error.to_string())?;
    let line = line.ok_or_else(|| format!("no record of {} in {} files", args.what, files.len()))?;
    let (asked, circumstances) =
        replay::reopen(&line, &policies.admitted).map_err(|why| format!("{}: {why}", args.what))?;
    let record = serde_json::from_str(&line).ok();
    Ok(Question { title: args.what.clone(), record, asked, circumstances })
}

fn written(args: &ExplainArgs, policies: &Policies) -> Result<Vec<Question>, String> {
    let principal = policies.principal(&args.principal)?;
    let now = Clock::system().timestamp();
    let subjects = subject::read(Path::new(&args.what), &args.action)?;
    let question = |subject: subject::Subject| {
        let title = subject.name.unwrap_or(subject.file);
        let change = subject.call.action.kind == crate::api::Kind::Change;
        let named = crate::api::targets::named_in(&subject.document);
        let targets = named.into_iter().map(|id| TargetInput { id, team: None });
        let targets = change.then(|| targets.collect());
        let asked = Asked::read(subject.call, subject.document, &policies.admitted)
            .map_err(|mistakes| format!("{title}: {}", Refusal::Fields(mistakes)))?;
        let circumstances = Circumstances { principal: principal.clone(), targets, client: nowhere(), now };
        Ok(Question { title, record: None, asked, circumstances })
    };
    subjects.into_iter().map(question).collect()
}

fn verdict(explained: &Explained) -> String {
    match &explained.verdict {
        Ok(verdict) if verdict.passes() => "allowed".to_owned(),
        Ok(_) => "refused".to_owned(),
        Err(failure) => format!("failed: {failure}"),
    }
}

fn text(title: &str, record: Option<&Value>, explained: &Explained, revision: &str, all: bool) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{title}: {} (revision {revision})", verdict(explained));
    if let Some(record) = record {
        let word = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let _ = writeln!(text, "  recorded {}: {}, {}", word("timestamp"), word("verdict"), word("outcome"));
        let then = word("policy_revision");
        if then != revision {
            let _ = writeln!(text, "  it was decided by revision {then}: what follows is by another one");
        }
    }
    for change in &explained.case.changes {
        let _ = writeln!(text, "  {} set {} to {}", change.rule, change.path, change.after.to_text());
    }
    for part in &explained.rules {
        if all || !part.answers.is_empty() || part.failure.is_some() {
            rule(&mut text, part);
        }
    }
    let silent = explained.rules.iter().filter(|part| part.answers.is_empty() && part.failure.is_none());
    let silent: Vec<&str> = silent.map(|part| part.rule.as_str()).collect();
    if !silent.is_empty() {
        let _ = writeln!(text, "\nran and said nothing: {}", silent.join(", "));
    }
    text
}

fn rule(text: &mut String, part: &RulePart) {
    let exempted = part.exempted_until.as_ref().map(|until| format!(", exempted until {until}"));
    let _ = writeln!(text, "\n{} ({}{})", part.rule, part.mode.as_str(), exempted.unwrap_or_default());
    for (name, answers) in &part.answers {
        for answer in answers.as_array().into_iter().flatten() {
            let said = answer
                .get("message")
                .and_then(Value::as_str)
                .map_or_else(|| answer.to_string(), str::to_owned);
            let _ = writeln!(text, "  {name}: {said}");
        }
    }
    if let Some(failure) = &part.failure {
        let _ = writeln!(text, "  failed: {failure}");
    }
    for line in &part.lines {
        let _ = writeln!(text, "  {}:{}: {}", line.file, line.line, line.text);
    }
    for (name, value) in &part.read {
        let _ = writeln!(text, "    {name} = {value}");
    }
}
