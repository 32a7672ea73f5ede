//! What was asked of the admin listener, by whom, and how it was answered: one line of JSON each.
//!
//! An order has two lines, before and after it, with one number: what was ordered is known even if the process dies of
//! it. An order whose first line cannot be written is not carried out; a question is answered all the same. The file is
//! opened anew for each line, so that whoever turns it over has to tell nobody, and is synced after it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::guard::Asker;
use super::people::Caller;
use crate::clock::Clock;

/// The longest path with its query that is written down, in characters.
const LONGEST_TARGET: usize = 512;

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Audit {
    file: Option<Arc<PathBuf>>,
    clock: Clock,
    next: Arc<AtomicU64>,
}

/// One request on its way.
pub(super) struct Entry<'a> {
    pub(super) asker: &'a Asker,
    pub(super) caller: Option<&'a Caller>,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) number: u64,
}

impl Audit {
    pub(super) fn new(file: Option<PathBuf>, clock: Clock) -> Self {
        Self { file: file.map(Arc::new), clock, next: Arc::default() }
    }

    /// A number for the lines of one request.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Writes a line: `stage` is `asked` before an order, `answered` after it, `refused`.
    pub(super) async fn write(
        &self,
        stage: &'static str,
        entry: &Entry<'_>,
        status: Option<u16>,
    ) -> Result<(), String> {
        let line = self.line(stage, entry, status);
        let Some(file) = self.file.clone() else {
            tracing::info!(target: "zengate::admin::audit", %line, "the admin listener was asked");
            return Ok(());
        };
        let shown = Arc::clone(&file);
        let written = tokio::task::spawn_blocking(move || append(&file, &line)).await;
        let failed = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error = failed, "the audit log of the admin listener cannot be written");
        Err(format!("the audit log {} cannot be written ({failed}); mend that first", shown.display()))
    }

    fn line(&self, stage: &str, entry: &Entry<'_>, status: Option<u16>) -> Value {
        let by = match entry.caller {
            None => Value::Null,
            Some(Caller::Anybody) => json!("anybody"),
            Some(Caller::Machine) => json!("machine"),
            Some(Caller::Token(number)) => json!({ "token": number }),
            Some(Caller::Certificate(names)) => json!({ "certificate": names }),
            Some(Caller::User(name, role)) => json!({ "user": name, "role": role }),
        };
        json!({
            "time": self.clock.timestamp().to_string(),
            "number": entry.number,
            "stage": stage,
            "peer": entry.asker.peer.to_string(),
            "by": by,
            "method": entry.method.chars().take(32).collect::<String>(),
            "target": entry.target.chars().take(LONGEST_TARGET).collect::<String>(),
            "status": status,
        })
    }
}

fn append(file: &PathBuf, line: &Value) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    // In one call: lines of several requests do not mix.
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}
