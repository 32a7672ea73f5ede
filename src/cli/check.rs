//! `zengate check`: judges requests and Terraform plans before anything is sent, with the gateway's own code.

mod asked;
mod quota;
mod report;
pub(super) mod subject;

pub(super) use asked::judge_one;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use self::report::{Item, Word};
use self::subject::Subject;
use super::policies::{PolicyArgs, PrincipalArgs, nowhere};
use super::{say, say_out};
use crate::api::fields::AdmittedField;
use crate::clock::Clock;
use crate::policy::PolicySet;
use crate::policy::case::{Asked, Case, Circumstances};
use crate::policy::input::{PrincipalInput, TargetInput};
use crate::policy::local::{Local, on_a_deep_stack};
use crate::refusal::Refusal;

/// Judge request bodies and Terraform plans before anything is sent.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    zengate check --team payments order.json\n  \
    zengate check --action 'bmc CreateInstances' order.json\n  \
    terraform plan -out plan && terraform show -json plan | zengate check --team payments -\n  \
    zengate check --team payments --gateway http://127.0.0.1:9180 order.json\n\n\
    Quota is asked with --gateway only: limits count what is there, which only a running gateway knows. What is judged is counted\n\
    in its order, each thing on top of those before it that would pass.\n\n\
    Exit codes: 0 everything would pass, 1 something would be refused, 2 something is not known before the apply, or wrong usage")]
pub(super) struct CheckArgs {
    /// Request bodies or plans, both JSON; `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What a request body calls: service, action and perhaps version.
    #[arg(long, default_value = "vm CreateInstances", value_name = "CALL")]
    action: String,
    #[command(flatten)]
    principal: PrincipalArgs,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Judge as at this time (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// A field of plans that may be unknown before the apply, e.g. subnetId.
    #[arg(long, value_name = "FIELD")]
    unknown_ok: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For CI servers that show tests.
    Junit,
    /// For code scanning.
    Sarif,
    /// For the annotations of GitHub Actions.
    Github,
}

/// Runs the command; the answer is the exit code.
pub(super) fn run(args: CheckArgs) -> Result<u8, String> {
    let policies = args.policies.load()?;
    let principal = policies.principal(&args.principal)?;
    let mut subjects = Vec::new();
    for file in &args.files {
        subjects.extend(subject::read(file, &args.action)?);
    }
    if subjects.is_empty() {
        say("the plans make no machine; there is nothing to judge");
    }
    let now = args.at.unwrap_or_else(|| Clock::system().timestamp());
    let judged = on_a_deep_stack(|| {
        let mut local = Local::new(&policies.set).map_err(|failure| failure.to_string())?;
        let by = (&policies.set, policies.admitted.as_slice());
        let judge = |subject: Subject| judge(subject, &mut local, by, &principal, now, &args.unknown_ok).0;
        Ok::<_, String>(subjects.into_iter().map(judge).collect::<Vec<Item>>())
    });
    let mut items = judged.map_err(|failure| failure.to_string())??;
    if let Some(counts) = &policies.counts {
        let mut quota = quota::Quota::new(counts);
        items.iter_mut().for_each(|item| quota.count(item));
    }
    let text = match args.output {
        Output::Text => report::text(&items),
        Output::Json => report::json(&items, policies.set.revision()),
        Output::Junit => report::junit(&items),
        Output::Sarif => report::sarif(&items),
        Output::Github => report::github(&items),
    };
    say_out(&text);
    Ok(exit_code(&items))
}

fn exit_code(items: &[Item]) -> u8 {
    let any = |words: &[Word]| items.iter().any(|item| words.contains(&item.word));
    if any(&[Word::Refused, Word::Mistaken, Word::Failed]) {
        1
    } else if any(&[Word::Unknown]) {
        super::MISTAKEN
    } else {
        0
    }
}

fn judge(
    subject: Subject,
    local: &mut Local,
    (set, admitted): (&PolicySet, &[AdmittedField]),
    principal: &PrincipalInput,
    now: Timestamp,
    unknown_ok: &[String],
) -> (Item, Option<Case>) {
    let Subject { file, name, call, document, mut unknown } = subject;
    unknown.retain(|field| {
        !unknown_ok.iter().any(|ok| field.trim_start_matches('/') == ok.trim_start_matches('/'))
    });
    let mut item = Item::new(file, name, call.to_string());
    item.unknown = unknown;
    let targets = || {
        let named = crate::api::targets::named_in(&document);
        named.into_iter().map(|id| TargetInput { id, team: None }).collect()
    };
    let change = call.action.kind == crate::api::Kind::Change;
    let circumstances =
        Circumstances { principal: principal.clone(), targets: change.then(targets), client: nowhere(), now };
    let asked = match Asked::read(call, document, admitted) {
        Ok(asked) => asked,
        Err(mistakes) => {
            item.word = Word::Mistaken;
            item.problem = Some(Refusal::Fields(mistakes).to_string());
            return (item, None);
        }
    };
    match local.judge(set, asked, circumstances, admitted) {
        Ok((case, verdict)) => {
            item.judged(&case, verdict);
            (item, Some(case))
        }
        Err(failure) => {
            item.word = Word::Failed;
            item.problem = Some(failure.to_string());
            (item, None)
        }
    }
}
