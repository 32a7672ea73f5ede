//! A secret that a program hands out: the command line of a vault, of a cloud's secret manager, of a hardware module.
//!
//! No shell is in between. The program has ten seconds, writes the secret to its standard output and ends with 0; it
//! inherits the gateway's environment and nothing to read. What it says on standard error is dropped: it may hold what
//! the gateway must not log. References are read again by polling, every few seconds; a program is run at most once a
//! minute, and at once after a SIGHUP.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{LONGEST, SecretError};
use crate::secret::Secret;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer is good for.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// What programs answered last.
static KEPT: Mutex<BTreeMap<Vec<String>, (Instant, Secret)>> = Mutex::new(BTreeMap::new());

/// The next look at a secret runs its program, however young the last answer is.
pub(crate) fn forget() {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The program's answer; blocks for as long as it takes, at most ten seconds.
pub(super) fn ask(line: &[String]) -> Result<Secret, SecretError> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(line).cloned();
    if let Some((_, secret)) = kept.filter(|(when, _)| when.elapsed() < KEPT_FOR) {
        return Ok(secret);
    }
    let secret = run(line)?;
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(line.to_vec(), (Instant::now(), secret.clone()));
    Ok(secret)
}

fn run(line: &[String]) -> Result<Secret, SecretError> {
    let failed =
        |why: String| SecretError::Command { program: line.first().cloned().unwrap_or_default(), why };
    // A thread of its own, with a runtime of its own: whoever asks may stand in the gateway's runtime, which must not wait.
    let answer = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(async {
                tokio::time::timeout(PATIENCE, output(line))
                    .await
                    .unwrap_or_else(|_| Err(format!("took longer than {} s", PATIENCE.as_secs())))
            })
        });
        worker.join().unwrap_or_else(|_| Err("could not be run".to_owned()))
    });
    let bytes = answer.map_err(failed)?;
    super::trimmed(std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText)?)
}

/// What the program writes, once it has ended well. It is killed when nobody waits for it any more.
async fn output(line: &[String]) -> Result<Zeroizing<Vec<u8>>, String> {
    let (program, arguments) = line.split_first().ok_or("names no program")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be started ({})", error.kind()))?;
    let stdout = child.stdout.take().ok_or("has no standard output")?;
    // As large as it can become: growing would leave copies behind that nobody wipes.
    let longest = usize::try_from(LONGEST).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 1));
    let read = stdout.take(LONGEST + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| format!("cannot be read ({})", error.kind()))?;
    if bytes.len() > longest {
        return Err("writes more than 64 KiB, which is no secret".to_owned());
    }
    let status = child.wait().await.map_err(|error| error.kind().to_string())?;
    if status.success() { Ok(bytes) } else { Err(format!("ended with {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()]
    }

    #[test]
    fn the_answer_is_the_secret_and_is_kept_for_a_while() {
        let directory = tempfile::TempDir::new().unwrap();
        let count = directory.path().join("count");
        let line = shell(&format!("echo run >> {}; echo the-secret", count.display()));
        for _ in 0..3 {
            assert_eq!(ask(&line).unwrap().expose(), "the-secret");
        }
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "run\n");
    }

    #[test]
    fn failures_name_the_program_and_nothing_it_said() {
        let why = |line: &[String]| run(line).unwrap_err().to_string();
        let failed = why(&shell("echo half-a-secret; echo also-secret >&2; exit 3"));
        assert!(failed.contains("/bin/sh") && failed.contains("exit status: 3"), "{failed}");
        assert!(!failed.contains("secret;") && !failed.contains("half"), "{failed}");
        assert!(why(&["/no/such/program".to_owned()]).contains("cannot be started"));
        assert!(why(&shell("head -c 70000 /dev/zero")).contains("64 KiB"));
        assert!(matches!(run(&shell("exit 0")), Err(SecretError::Empty)));
        assert!(matches!(run(&shell("printf '\\377'")), Err(SecretError::NotText)));
    }
}
