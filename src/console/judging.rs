//! The playground's judge: a process of its own, as for every rule set that serves nobody. It gets the policies, what was
//! pasted and the counts of the moment, and answers what `zengate check` would print as JSON. Whatever rules and texts do
//! to it, no request feels it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::policy::child;
use crate::policy::input::PrincipalInput;
use crate::replay::shadow::Order;

/// The hidden subcommand of the judge.
pub const SUBCOMMAND: &str = "policy-judge";

/// How long it may take: loading a large set, and judging a large plan.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be judged, and by what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    /// The policies.
    pub order: Order,
    /// Who would ask.
    pub principal: PrincipalInput,
    /// `service Action [version]`, for a request body.
    pub action: String,
    /// A request body or a Terraform plan.
    pub text: String,
    /// When it would be asked.
    pub now: Timestamp,
    /// What is counted, as `GET /quota` lists it; none where nothing is.
    pub counts: Option<Vec<Value>>,
}

/// Asks.
///
/// # Errors
/// What is wrong with what was pasted, or with the process.
pub(super) async fn ask(question: &Question) -> Result<Value, String> {
    let text = serde_json::to_vec(question).map_err(|error| error.to_string())?;
    let mut process = child::spawn(SUBCOMMAND).map_err(|error| format!("no process to judge in: {error}"))?;
    let mut stdin = process.stdin.take();
    let feed = async {
        if let Some(stdin) = &mut stdin {
            let _ = stdin.write_all(&text).await; // a process that has ended says so below
        }
        drop(stdin);
    };
    let outcome = tokio::time::timeout(PATIENCE, async { tokio::join!(feed, process.wait_with_output()).1 });
    let output = match outcome.await {
        Err(_) => return Err(format!("judging took longer than {} s and was ended", PATIENCE.as_secs())),
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(output)) => output,
    };
    match serde_json::from_slice::<Result<Value, String>>(&output.stdout) {
        Ok(answer) if output.status.success() => answer,
        _ => Err(format!(
            "judging ended the process ({}): a rule recurses without end or takes all memory",
            output.status
        )),
    }
}
