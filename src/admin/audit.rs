//! What was asked of the admin listener, by whom, and how it was answered: one line of JSON each, in a chain in which no line
//! can be changed, taken out or moved unnoticed ([`crate::chain`]; `zengate audit verify`).
//!
//! An order has two lines, before and after it, with one number: what was ordered is known even if the process dies of
//! it. An order whose first line cannot be written is not carried out; a question is answered all the same. The file is
//! opened anew for each line, so that whoever turns it over has to tell nobody, and is synced after it. Which policies came
//! into force, and when, stands in it too, whoever brought them.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::guard::Asker;
use super::people::Caller;
use crate::chain::{Chained, Heads, Key};
use crate::clock::Clock;

/// The longest path with its query that is written down, in characters.
const LONGEST_TARGET: usize = 512;
/// The longest reason of a refused order that is written down, in characters.
const LONGEST_WHY: usize = 400;

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Audit {
    file: Option<Arc<Log>>,
    clock: Clock,
    next: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    chain: Mutex<Chained>,
}

/// What an order was about and what it did, without secrets; goes with its answer as far as its line.
#[derive(Clone, Debug)]
pub(super) struct About(pub(super) Value);

/// How something ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    pub(super) status: Option<u16>,
    pub(super) about: Option<Value>,
    /// Why it was refused.
    pub(super) why: Option<String>,
}

impl Ended {
    /// With this status.
    pub(super) fn with(status: http::StatusCode) -> Self {
        Self { status: Some(status.as_u16()), ..Self::default() }
    }
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
    pub(super) fn new(file: Option<PathBuf>, key: Key, heads: Heads, clock: Clock) -> Self {
        let file = file.map(|path| {
            let chain = Mutex::new(Chained::new(&path, key, heads));
            Arc::new(Log { path, chain })
        });
        Self { file, clock, next: Arc::default() }
    }

    /// The file, where there is one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|log| log.path.as_path())
    }

    /// The first line: that the gateway has started, and what stood at the end of the file that is no whole line.
    pub(super) async fn started(&self) {
        let Some(log) = &self.file else { return };
        let skipped = log.chain.lock().unwrap_or_else(PoisonError::into_inner).skipped();
        if skipped.is_some() {
            tracing::error!(file = %log.path.display(), "the audit log ends with something that is no whole line of it; that is noted in it");
        }
        let note = skipped.map(|skipped| {
            format!(
                "{} bytes before this line are no whole line of this log, as a crash leaves them",
                skipped.bytes
            )
        });
        self.event("started", json!({ "version": env!("CARGO_PKG_VERSION"), "note": note })).await;
    }

    /// Writes down something that nobody asked for.
    pub(super) async fn event(&self, stage: &'static str, about: Value) {
        let time = self.clock.timestamp().to_string();
        let _ = self.put(json!({ "time": time, "stage": stage, "about": about })).await;
    }

    /// The time of a page.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.clock.timestamp()
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
        ended: Ended,
    ) -> Result<(), String> {
        self.put(self.line(stage, entry, ended)).await
    }

    async fn put(&self, line: Value) -> Result<(), String> {
        let Some(log) = self.file.clone() else {
            tracing::info!(target: "zengate::admin::audit", %line, "the admin listener was asked");
            return Ok(());
        };
        let shown = log.path.display().to_string();
        let written = tokio::task::spawn_blocking(move || append(&log, &line)).await;
        let failed = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error = failed, "the audit log of the admin listener cannot be written");
        Err(format!("the audit log {shown} cannot be written ({failed}); mend that first"))
    }

    fn line(&self, stage: &str, entry: &Entry<'_>, ended: Ended) -> Value {
        let by = match entry.caller {
            None => Value::Null,
            Some(Caller::Anybody) => json!("anybody"),
            Some(Caller::Machine) => json!("machine"),
            Some(Caller::Token(number)) => json!({ "token": number }),
            Some(Caller::Certificate(names)) => json!({ "certificate": names }),
            Some(Caller::User(name, role)) => json!({ "user": name, "role": role }),
        };
        let line = json!({
            "time": self.clock.timestamp().to_string(),
            "number": entry.number,
            "stage": stage,
            "peer": entry.asker.peer.to_string(),
            "by": by,
            "method": entry.method.chars().take(32).collect::<String>(),
            "target": entry.target.chars().take(LONGEST_TARGET).collect::<String>(),
            "status": ended.status,
        });
        let why = ended.why.map(|why| why.chars().take(LONGEST_WHY).collect::<String>().into());
        let further = [("about", ended.about), ("why", why)];
        let mut line = line.as_object().cloned().unwrap_or_default();
        line.extend(further.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        line.into()
    }
}

fn append(log: &Log, line: &Value) -> std::io::Result<()> {
    // Held over the write: lines of several requests do not mix, and each follows the one before it.
    let mut chain = log.chain.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&log.path)?;
    chain.append(&mut file, &[line.to_string()])?;
    file.sync_data()
}
