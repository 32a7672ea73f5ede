//! Processes of their own for rules that nobody has evaluated yet: the trial of a new set, and a candidate in shadow. Rules can
//! overflow the stack, fill the memory or sit in one builtin; there, that ends a process that serves nobody.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::local::on_a_deep_stack;
use super::problem::{LoadError, Problem};
use super::set::PolicySet;
use super::source::Material;

/// The hidden subcommand of the trial.
pub const TRIAL: &str = "policy-trial";
/// The hidden subcommand of a candidate in shadow.
pub const SHADOW: &str = "policy-shadow";

/// The most memory of such a process, in bytes of address space.
const MOST_MEMORY: u64 = 4 << 30;

/// What a trial found.
#[derive(Default, Serialize, Deserialize)]
struct Found {
    problems: Vec<Problem>,
}

/// Starts this program again with a hidden subcommand, its ends piped.
///
/// # Errors
/// When there is no process.
pub fn spawn(subcommand: &str) -> std::io::Result<Child> {
    // Not by its name: a package may have put another version there since.
    let this = Path::new("/proc/self/exe");
    let program = if this.exists() { this.to_owned() } else { std::env::current_exe()? };
    Command::new(program)
        .arg(subcommand)
        .env_clear() // secrets stand in the environment
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Limits of this process, when it is one of those: memory, and no core file. Where a sandbox forbids that, its own limits have to do:
/// rules that nobody can load would be worse.
///
/// # Errors
/// The operating system's.
pub fn limit_this_process() -> std::io::Result<()> {
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    for (resource, most) in [(Resource::As, MOST_MEMORY), (Resource::Core, 0)] {
        match setrlimit(resource, limit(most)) {
            Ok(()) | Err(rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Loads the material in a process of its own within `limit`, and says what is wrong with it.
///
/// # Errors
/// What loading found, or how the process ended.
pub async fn try_out(material: &Material, limit: Duration) -> Result<(), LoadError> {
    let failed = |why: String| LoadError::from(Problem::of("zengate/rules", why));
    let mut child = spawn(TRIAL).map_err(|error| failed(format!("no process to try them in: {error}")))?;
    let text = serde_json::to_vec(material).map_err(|error| failed(error.to_string()))?;
    let mut stdin = child.stdin.take();
    let feed = async {
        if let Some(stdin) = &mut stdin {
            let _ = stdin.write_all(&text).await; // a process that has ended says so below
        }
        drop(stdin);
    };
    let outcome = tokio::time::timeout(limit, async { tokio::join!(feed, child.wait_with_output()).1 });
    let output = match outcome.await {
        Err(_) => {
            return Err(failed(format!("trying them took longer than {limit:?}; see policy.trial_timeout")));
        }
        Ok(Err(error)) => return Err(failed(format!("trying them failed: {error}"))),
        Ok(Ok(output)) => output,
    };
    match serde_json::from_slice::<Found>(&output.stdout) {
        Ok(found) if output.status.success() => LoadError::unless_none(found.problems),
        _ => Err(failed(format!(
            "trying them ended the process ({}): a rule recurses without end or takes all memory",
            output.status
        ))),
    }
}

/// The other side of [`try_out`]: reads the material, loads it, writes what was found.
///
/// # Errors
/// What keeps it from trying at all.
pub fn trial(input: impl std::io::Read, output: impl std::io::Write) -> Result<(), String> {
    limit_this_process().map_err(|error| error.to_string())?;
    let material: Material = serde_json::from_reader(input).map_err(|error| error.to_string())?;
    let loaded = on_a_deep_stack(|| material.tree().and_then(PolicySet::from_tree).map(drop));
    let found = match loaded.map_err(|failure| failure.to_string())? {
        Ok(()) => Found::default(),
        Err(error) => Found { problems: error.problems },
    };
    serde_json::to_writer(output, &found).map_err(|error| error.to_string())
}
