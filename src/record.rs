//! Decision records: who asked for what, what was decided and changed, what the cloud said. One JSON line each.
//!
//! Every create and change that was understood gets one record, also when it was refused and also when its client
//! left. Bodies enter only as policies see them (secrets replaced by facts), and what the operator wants masked besides is erased
//! before a line is made. Writing happens on its own thread behind a bounded queue. Where records cannot be written, either the oldest
//! are dropped and counted, or creates and changes are refused before anything is sent ([`WhenFull`]).
//!
//! Names that OPA's decision logs have are used where they fit: `decision_id`, `timestamp`, `labels`, `bundles`, `path`,
//! `requested_by`, `result`, `erased`.

mod finding;
mod line;
mod mask;
mod queue;
mod sink;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::chain::{Heads, Key};
use crate::clock::Clock;
use crate::config::{Referenced, Remote};
use crate::history::Feed;
use crate::metrics::Metrics;
pub use finding::FindingRecord;
pub use line::{ActionRecord, BundleRecord, Caller, Labels, Record, Timings, UpstreamRecord, Written};
use mask::erase;
use queue::Queue;
pub use queue::WhenFull;
use sink::{Collector, Rotating, Sink, Stdout};

/// Lines that are written at once.
const BATCH: usize = 256;
/// Between two tries of a sink that fails; doubled up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// After a batch the writer rests, where the queue has room for more than one: what comes meanwhile is written at once. A record that
/// comes alone is written at once too, and one that comes among many wakes nobody.
const REST: Duration = Duration::from_millis(5);
/// Tries of a sink that fails after the gateway has stopped.
const LAST_TRIES: u32 = 5;

/// Where records go, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub target: Target,
    /// What happens when they cannot be written.
    pub when_full: WhenFull,
    /// How many may wait.
    pub queue: usize,
    /// By what the lines of a file are hashed; SHA-256 alone without one.
    pub chain_key: Option<Referenced>,
    /// What is erased, as JSON Pointers into a record; `*` stands for any member or item.
    pub mask: Vec<Vec<String>>,
}

/// Where records go.
#[derive(Clone, Debug)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Appended to a file, which is turned over after so many bytes (0: never) and kept so many times.
    File(PathBuf, u64, usize),
    /// Sent to a server.
    Collector(Remote),
    /// Nowhere.
    None,
}

/// The writing end.
#[derive(Clone)]
pub struct Records(Arc<Inner>);

struct Inner {
    queue: Option<Arc<Queue>>,
    mask: Vec<Vec<String>>,
    metrics: Arc<Metrics>,
    history: Option<Feed>,
    follower: ArcSwapOption<tokio::sync::mpsc::Sender<String>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.close();
        }
    }
}

/// Room for one record. Dropping it unused gives the room back.
pub struct Room(Option<Arc<Queue>>);

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.release();
        }
    }
}

/// The thread behind the queue; waiting for it writes what is left.
pub struct Writer(Option<WriterThread>);

struct WriterThread {
    thread: JoinHandle<()>,
    ended: mpsc::Receiver<()>,
}

impl Records {
    /// Opens the target and starts its writer. The history gets every line too.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(
        plan: &Plan,
        history: Option<Feed>,
        heads: &Heads,
        metrics: Arc<Metrics>,
        clock: &Clock,
    ) -> std::io::Result<(Self, Writer)> {
        let sink: Option<Box<dyn Sink>> = match &plan.target {
            Target::None => None,
            Target::Stdout => Some(Box::new(Stdout)),
            Target::File(path, most, keep) => {
                let key = Key::new(plan.chain_key.as_ref().map(|key| &key.secret));
                Some(Box::new(Rotating::open(path, *most, *keep, clock.clone(), key, heads.clone())?))
            }
            Target::Collector(remote) => {
                Some(Box::new(Collector::open(remote).map_err(std::io::Error::other)?))
            }
        };
        let queue = sink.is_some().then(|| Arc::new(Queue::new(plan.queue, plan.when_full)));
        let writer = match (sink, &queue) {
            (Some(sink), Some(queue)) => {
                let (queue, metrics) = (Arc::clone(queue), Arc::clone(&metrics));
                let retries =
                    plan.when_full == WhenFull::Block || matches!(plan.target, Target::Collector(_));
                let (ends, ended) = mpsc::channel::<()>();
                let thread = std::thread::Builder::new().name("records".to_owned()).spawn(move || {
                    let _ends = ends;
                    write_lines(sink, &queue, &metrics, retries);
                })?;
                Some(WriterThread { thread, ended })
            }
            _ => None,
        };
        let (mask, follower) = (plan.mask.clone(), ArcSwapOption::empty());
        Ok((Self(Arc::new(Inner { queue, mask, metrics, history, follower })), Writer(writer)))
    }

    /// Room for the record of a create or change; none where nothing may be made without a record and none can be written.
    pub fn room(&self) -> Option<Room> {
        match &self.0.queue {
            None => Some(Room(None)),
            Some(queue) => queue.promise().then(|| Room(Some(Arc::clone(queue)))),
        }
    }

    /// Hands a record over; never waits.
    pub fn write(&self, mut record: Record) {
        let Inner { queue, mask, metrics, history, follower } = &*self.0;
        if let Some(follower) = &*follower.load() {
            let line = serde_json::to_string(&record).unwrap_or_default();
            if follower.try_send(line).is_err() {
                metrics.policies().shown("dropped");
            }
        }
        if queue.is_none() && history.is_none() {
            return;
        }
        let line = if mask.is_empty() {
            serde_json::to_string(&record)
        } else {
            serde_json::to_value(&record).and_then(|mut value| {
                for path in mask {
                    erase(&mut value, path, &mut String::new(), &mut record.erased);
                }
                if let Some(members) = value.as_object_mut() {
                    members.insert("erased".to_owned(), serde_json::to_value(&record.erased)?);
                }
                serde_json::to_string(&value)
            })
        };
        let dropped = match (line, queue) {
            (Ok(line), queue) => {
                if let Some(history) = history {
                    history.line(line.clone());
                }
                queue.as_ref().map_or(0, |queue| queue.push(line))
            }
            (Err(_), _) => 1,
        };
        if dropped > 0 {
            (0..dropped).for_each(|_| metrics.record("dropped"));
            tracing::error!(dropped, "decision records were dropped: the writer is behind");
        }
    }

    /// No more records come: what waits is written, and the writer ends.
    pub fn close(&self) {
        if let Some(queue) = &self.0.queue {
            queue.close();
        }
    }

    /// Has every record told to somebody else too, unmasked, or to nobody any more. One who is behind misses some.
    pub fn follow(&self, follower: Option<tokio::sync::mpsc::Sender<String>>) {
        self.0.follower.store(follower.map(Arc::new));
    }
}

impl Writer {
    /// Waits until everything handed over is written or given up, for at most `patience`; whether it was. Blocks. All
    /// [`Records`] must be gone or closed.
    pub fn finish(self, patience: Duration) -> bool {
        let Some(WriterThread { thread, ended }) = self.0 else { return true };
        // Nothing is ever sent: the other end goes with the thread.
        let in_time = ended.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected);
        if in_time {
            let _ = thread.join();
        }
        in_time
    }
}

/// Writes until the queue is closed and empty. With `retries` a sink that fails is tried again until it does not; otherwise what
/// it did not take is dropped.
fn write_lines(mut sink: Box<dyn Sink>, queue: &Queue, metrics: &Metrics, retries: bool) {
    loop {
        let lines = queue.take(BATCH);
        if lines.is_empty() {
            return;
        }
        let (mut pause, mut last_tries) = (PAUSES.0, 0);
        let result = loop {
            let Err(why) = sink.write(&lines) else {
                metrics.upkeep().records_failing(false);
                break "written";
            };
            metrics.upkeep().records_failing(true);
            tracing::error!(why, lines = lines.len(), retries, "decision records could not be written");
            last_tries += u32::from(queue.is_closed());
            if !retries || last_tries >= LAST_TRIES {
                break "dropped";
            }
            queue.failing();
            std::thread::sleep(pause);
            pause = pause.saturating_mul(2).min(PAUSES.1);
        };
        lines.iter().for_each(|_| metrics.record(result));
        queue.written();
        if queue.has_room_for(2 * BATCH) && !queue.is_closed() {
            std::thread::sleep(REST);
        }
    }
}

/// The JSON Schema of a record.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Record).to_value()
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
