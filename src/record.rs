//! Decision records: who asked for what, what was decided and changed, what the cloud said. One JSON line each.
//!
//! Every create and change that was understood gets one record, also when it was refused and also when its client
//! left. Bodies enter only as policies see them (secrets replaced by facts). Writing happens on its own thread behind
//! a bounded queue; a full queue drops the record and counts it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use arc_swap::ArcSwapOption;
use serde::Serialize;

use crate::metrics::Metrics;
use crate::policy::input::TargetInput;

/// Records that wait for the writer; at 2 KB each some 8 MB.
const QUEUE: usize = 4096;

/// One record. Field names are an interface.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The decision's id, as the caller got it in `X-Zengate-Decision`.
    pub decision_id: String,
    /// When the request came (RFC 3339, UTC).
    pub time: String,
    /// Who asked.
    pub caller: Caller,
    /// What was asked.
    pub action: ActionRecord,
    /// SHA-256 of the body as received.
    pub body_sha256: String,
    /// The body as received, secrets replaced by facts.
    pub request: crate::json::Object,
    /// The instances that a change names, with the team that each counted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetInput>>,
    /// How it ended: the outcome label of the metrics.
    pub outcome: &'static str,
    /// The policy revision that judged it.
    pub policy_revision: Option<String>,
    /// `allowed`, `refused`, `failed`; absent when it never came to a judgement.
    pub verdict: Option<&'static str>,
    /// What rules found, with the effect of each.
    pub findings: Vec<serde_json::Value>,
    /// What rules changed: path, before, after, rule, operation.
    pub changes: Vec<serde_json::Value>,
    /// Changes of rules in shadow mode, which were not made.
    pub shadow_changes: Vec<serde_json::Value>,
    /// What was booked.
    pub claims: Vec<serde_json::Value>,
    /// The earlier create whose answer this request got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<String>,
    /// What the cloud answered.
    pub upstream: Option<UpstreamRecord>,
    /// The status that the caller got; absent when it had left.
    pub status: Option<u16>,
    /// The refusal in words, where there was one.
    pub refusal: Option<String>,
    /// Seconds by phase.
    pub timings_seconds: serde_json::Map<String, serde_json::Value>,
}

/// Who asked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Caller {
    /// The gateway key's id.
    pub key: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// The cloud account.
    pub account: Option<String>,
    /// The peer's address.
    pub address: String,
    /// SDK by its own word.
    pub sdk: Option<String>,
    /// User agent by its own word.
    pub user_agent: Option<String>,
    /// Labels of the key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether the caller had left before the answer.
    pub gone: bool,
}

/// What was asked.
#[derive(Clone, Debug, Serialize)]
pub struct ActionRecord {
    /// The service.
    pub service: &'static str,
    /// The action.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    /// `create` or `change`.
    pub kind: &'static str,
}

/// What the cloud answered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpstreamRecord {
    /// Its status.
    pub status: Option<u16>,
    /// Its error code.
    pub code: Option<String>,
    /// Its request id.
    pub request_id: Option<String>,
    /// The instances it named.
    pub instance_ids: Vec<String>,
    /// Why there was no usable answer.
    pub failure: Option<&'static str>,
    /// `created`, `ran`, `not_run` or `unknown`.
    pub fate: Option<&'static str>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Appended to a file.
    File(PathBuf),
    /// Nowhere.
    None,
}

/// The writing end.
#[derive(Clone)]
pub struct Records {
    queue: Option<SyncSender<String>>,
    metrics: Arc<Metrics>,
    follower: Arc<ArcSwapOption<tokio::sync::mpsc::Sender<String>>>,
}

/// The thread behind the queue; joining it writes what is left.
pub struct Writer(Option<JoinHandle<()>>);

impl Records {
    /// Opens the target and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(target: &Target, metrics: Arc<Metrics>) -> std::io::Result<(Self, Writer)> {
        let sink: Box<dyn Write + Send> = match target {
            Target::None => {
                return Ok((Self { queue: None, metrics, follower: Arc::default() }, Writer(None)));
            }
            Target::Stdout => Box::new(std::io::stdout()),
            Target::File(path) => Box::new(open_for_appending(path)?),
        };
        let (queue, lines) = sync_channel(QUEUE);
        let counted = Arc::clone(&metrics);
        let writer = std::thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || write_lines(sink, &lines, &counted))?;
        Ok((Self { queue: Some(queue), metrics, follower: Arc::default() }, Writer(Some(writer))))
    }

    /// Hands a record over; never waits.
    pub fn write(&self, record: &Record) {
        let follower = self.follower.load_full();
        if self.queue.is_none() && follower.is_none() {
            return;
        }
        let Ok(line) = serde_json::to_string(record) else {
            self.metrics.record("dropped");
            return tracing::error!("a decision record cannot be written as JSON");
        };
        if let Some(follower) = follower
            && follower.try_send(line.clone()).is_err()
        {
            self.metrics.policies().shown("dropped");
        }
        let Some(queue) = &self.queue else { return };
        if let Err(error) = queue.try_send(line) {
            let full = matches!(error, TrySendError::Full(_));
            self.metrics.record("dropped");
            tracing::error!(full, "a decision record was dropped");
        }
    }

    /// Has every record told to somebody else too, or to nobody any more. One who is behind misses some.
    pub fn follow(&self, follower: Option<tokio::sync::mpsc::Sender<String>>) {
        self.follower.store(follower.map(Arc::new));
    }
}

impl Writer {
    /// Waits until everything handed over is written. All [`Records`] must be gone.
    pub fn finish(self) {
        if let Some(thread) = self.0 {
            let _ = thread.join();
        }
    }
}

fn open_for_appending(path: &Path) -> std::io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_lines(mut sink: Box<dyn Write + Send>, lines: &Receiver<String>, metrics: &Metrics) {
    while let Ok(mut line) = lines.recv() {
        line.push('\n');
        match sink.write_all(line.as_bytes()).and_then(|()| sink.flush()) {
            Ok(()) => metrics.record("written"),
            Err(error) => {
                metrics.record("dropped");
                tracing::error!(%error, "a decision record could not be written");
            }
        }
    }
}

/// A decision's id in the cloud's form of a request id.
pub fn decision_id(id: &uuid::Uuid) -> String {
    let mut buffer = uuid::Uuid::encode_buffer();
    format!("T{}", id.hyphenated().encode_upper(&mut buffer))
}

/// The id behind a decision's id; with or without the `T`, in any case.
pub fn parse_decision_id(text: &str) -> Option<uuid::Uuid> {
    uuid::Uuid::try_parse(text.strip_prefix(['T', 't']).unwrap_or(text)).ok()
}
