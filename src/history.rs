//! Decisions that can be found again: an index over the decision records, for the live view and for questions a year later.
//!
//! The record sink ([`crate::record`]) stays the record of truth. The history gets the very lines that go there, masked as they are,
//! over a bounded queue that nobody waits for: a history that is behind or away loses decisions and counts them, and no request
//! is refused or slowed for it. For the same reason a gateway starts without its history where the file is damaged, of another
//! program or of a newer version: it says so loudly (log, `/status`, `zengate_history_up`) and tries again, because an index that is
//! broken must not stop the work that it only describes.
//!
//! The newest decisions of this process are in memory too (`recent`), so that the live view shows something while the store is away.

mod filter;
mod finder;
mod keeper;
mod postgres;
mod recent;
mod row;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use compact_str::CompactString;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::quota::store::postgres::Settings;
pub use filter::{Filter, moment};
use keeper::Keeper;
use recent::Recent;
pub use row::touched;
use store::{Find, Keep};

/// Lines that may wait for the history; more are dropped.
const MOST_WAITING: usize = 4_096;
/// Bytes that may wait.
const MOST_BYTES: usize = 32 << 20;
/// Questions that may wait.
const MOST_QUESTIONS: usize = 64;
/// The most decisions of one page.
pub const LONGEST_PAGE: usize = 1_000;

/// What is kept, where, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub store: Place,
    /// How long a decision is kept.
    pub keep: Duration,
    /// How many bytes of decisions are kept; the oldest go.
    pub most: u64,
}

/// Where decisions are kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this file.
    Sqlite(PathBuf),
    /// On the server that the ledger is on, shared by replicas.
    Postgres(Box<Settings>),
    /// In memory: the newest, until the process ends.
    Memory,
    /// Nowhere.
    None,
}

/// The history cannot be asked now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct HistoryAway {
    /// Why, for people.
    pub why: String,
}

impl HistoryAway {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// Some decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Page {
    /// The records, as the sink got them. The newest first; the oldest first where what is new was asked for.
    pub records: Vec<Value>,
    /// Where the next page begins: older decisions ([`Filter::before`]), or those that come later ([`Filter::after`]).
    pub next: Option<String>,
    /// Why only the newest decisions of this process are shown, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// A decision that had to do with an instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Touch {
    /// `created`, `changed`, or `tried` for a change that was refused or of which nobody knows whether it ran.
    pub how: String,
    /// The record.
    pub record: Value,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Decisions.
    pub records: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

/// The reading end. Cheap to clone.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    /// None where nothing durable is asked.
    questions: Option<SyncSender<Question>>,
    feed: Option<Feed>,
    state: Arc<State>,
    kept: bool,
}

/// Until it has been opened for the first time.
const OPENING: &str = "it is being opened";

/// What the threads tell.
#[derive(Default)]
pub(super) struct State {
    recent: Recent,
    away: Mutex<Option<String>>,
    size: Mutex<Size>,
    waiting: AtomicUsize,
    closing: AtomicBool,
}

impl State {
    fn away(&self) -> Option<String> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn size(&self) -> Size {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question to the store, and where its answer goes.
type Question = (Ask, oneshot::Sender<Result<Vec<Found>, HistoryAway>>);

/// What can be asked of a store.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Decisions by filter, at most so many.
    List(Box<Filter>, usize),
    /// One decision.
    One(String),
    /// What had to do with an instance, oldest first.
    Instance(String),
}

/// One decision that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    seq: i64,
    how: Option<String>,
    body: String,
}

/// The writing end: lines go in and nobody waits. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    lines: SyncSender<Item>,
    state: Arc<State>,
    metrics: Arc<Metrics>,
}

/// What the keeper is told.
pub(super) enum Item {
    /// A decision's record.
    Line(String),
    /// What a create whose outcome was unknown has made.
    Settled {
        /// The decision.
        decision: String,
        /// The instances.
        ids: Vec<String>,
    },
}

/// The thread that writes; joining it writes what is left.
pub struct Writer(Option<(JoinHandle<()>, Arc<State>)>);

impl Writer {
    /// Waits until everything that was handed over is written or given up.
    pub fn finish(self) {
        if let Some((thread, state)) = self.0 {
            state.closing.store(true, Ordering::SeqCst);
            let _ = thread.join();
        }
    }
}

/// Who writes, where something is kept beyond the process.
type Writes = Option<Box<dyn Keep>>;
/// Who answers from there.
type Reads = Option<Box<dyn Find>>;

/// Starts a history. What is wrong with its store is no error: it is said, and tried again.
///
/// # Errors
/// When there is no thread to be had.
pub fn open(
    plan: &Plan,
    metrics: Arc<Metrics>,
    clock: Clock,
) -> std::io::Result<(History, Option<Feed>, Writer)> {
    let state = Arc::<State>::default();
    if matches!(plan.store, Place::Sqlite(_) | Place::Postgres(_)) {
        *state.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(OPENING.to_owned());
    }
    let (keep, find): (Writes, Reads) = match &plan.store {
        Place::None => {
            let inner = Inner { questions: None, feed: None, state, kept: false };
            return Ok((History(Arc::new(inner)), None, Writer(None)));
        }
        Place::Memory => (None, None),
        Place::Sqlite(file) => {
            (Some(Box::new(sqlite::Writing::new(file))), Some(Box::new(sqlite::Reading::new(file))))
        }
        Place::Postgres(settings) => (
            Some(Box::new(postgres::Server::new((**settings).clone()))),
            Some(Box::new(postgres::Server::new((**settings).clone()))),
        ),
    };
    let (lines, taken) = sync_channel(MOST_WAITING);
    let keeper = Keeper::new(keep, plan, Arc::clone(&state), Arc::clone(&metrics), clock);
    let thread = std::thread::Builder::new().name("history".to_owned());
    let writer = thread.spawn(move || keeper.work(&taken))?;
    let questions = match find {
        None => None,
        Some(find) => {
            let (questions, asked) = sync_channel(MOST_QUESTIONS);
            let thread = std::thread::Builder::new().name("history-read".to_owned());
            thread.spawn(move || finder::work(find, &asked))?;
            Some(questions)
        }
    };
    let writer = Writer(Some((writer, Arc::clone(&state))));
    let feed = Feed { lines, state: Arc::clone(&state), metrics };
    let history = History(Arc::new(Inner { questions, feed: Some(feed.clone()), state, kept: true }));
    Ok((history, Some(feed), writer))
}

impl Feed {
    /// Hands a record's line over; drops and counts it where the history is too far behind.
    pub fn line(&self, line: String) {
        let length = line.len();
        let waiting = self.state.waiting.fetch_add(length, Ordering::Relaxed);
        if waiting > MOST_BYTES || self.lines.try_send(Item::Line(line)).is_err() {
            self.state.waiting.fetch_sub(length, Ordering::Relaxed);
            self.metrics.history().dropped(1);
        }
    }
}

impl History {
    /// A history that keeps nothing.
    pub fn none() -> Self {
        Self(Arc::new(Inner { questions: None, feed: None, state: Arc::default(), kept: false }))
    }

    /// What a create of unknown outcome has made, once that is known: it is found by its instances from then on.
    pub fn settled(&self, decision: &uuid::Uuid, ids: &[CompactString]) {
        if let Some(feed) = &self.0.feed {
            let (decision, ids) =
                (crate::record::decision_id(decision), ids.iter().map(ToString::to_string).collect());
            let _ = feed.lines.try_send(Item::Settled { decision, ids });
        }
    }

    /// Whether decisions are kept at all.
    pub fn is_kept(&self) -> bool {
        self.0.kept
    }

    /// Why the store cannot be written now, where that is so.
    pub fn away(&self) -> Option<String> {
        self.0.state.away()
    }

    /// How much is kept, as of a moment ago.
    pub fn size(&self) -> Size {
        self.0.state.size()
    }

    /// The decisions that pass the filter, at most `limit` and [`LONGEST_PAGE`]. While the store is away these are the newest of this
    /// process alone, and the page says so.
    ///
    /// # Errors
    /// No decisions are kept, or the question is too large for the store.
    pub async fn list(&self, filter: &Filter, limit: usize) -> Result<Page, HistoryAway> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let (found, partial) = self.found(filter, limit).await?;
        let full = found.len() == limit;
        let last = found.last().map(|found| found.seq);
        let records: Vec<Value> = found.iter().filter_map(|found| read(&found.body)).collect();
        let next = match filter.after {
            // What comes later is asked for from where this page ends, or from where it began.
            Some(after) => Some(last.unwrap_or(after).to_string()),
            None if full => {
                records.last().and_then(|record| record.get("decision_id")?.as_str().map(str::to_owned))
            }
            None => None,
        };
        Ok(Page { records, next, partial })
    }

    async fn found(
        &self,
        filter: &Filter,
        limit: usize,
    ) -> Result<(Vec<Found>, Option<String>), HistoryAway> {
        let recent = || self.0.state.recent.list(filter, limit);
        if self.0.questions.is_none() {
            self.known()?;
            return Ok((recent(), None));
        }
        match self.ask(Ask::List(Box::new(filter.clone()), limit)).await {
            Ok(found) => Ok((found, None)),
            // Places are the store's: who follows waits until it is back.
            Err(away) if self.0.state.away().is_some() && filter.after.is_none() && !filter.by_arrival => {
                Ok((recent(), Some(away.why)))
            }
            Err(away) => Err(away),
        }
    }

    /// The place after everything that is kept now, for [`Filter::after`].
    ///
    /// # Errors
    /// As [`History::list`].
    pub async fn newest(&self) -> Result<i64, HistoryAway> {
        let filter = Filter { by_arrival: true, ..Filter::default() };
        let (found, _) = self.found(&filter, 1).await?;
        Ok(found.first().map_or(0, |found| found.seq))
    }

    /// The record of a decision, by its id with or without the `T`.
    ///
    /// # Errors
    /// It is not among the newest of this process, and the store cannot be asked.
    pub async fn decision(&self, id: &str) -> Result<Option<Value>, HistoryAway> {
        self.known()?;
        let Some(id) = crate::record::parse_decision_id(id) else { return Ok(None) };
        let id = crate::record::decision_id(&id);
        if let Some(found) = self.0.state.recent.one(&id) {
            return Ok(read(&found.body));
        }
        if self.0.questions.is_none() {
            return Ok(None);
        }
        Ok(self.ask(Ask::One(id)).await?.first().and_then(|found| read(&found.body)))
    }

    /// All decisions that created or changed an instance, or tried to; the oldest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn of_instance(&self, instance: &str) -> Result<Vec<Touch>, HistoryAway> {
        self.known()?;
        let found = if self.0.questions.is_none() {
            self.0.state.recent.of_instance(instance)
        } else {
            self.ask(Ask::Instance(instance.to_owned())).await?
        };
        let touch =
            |found: Found| Some(Touch { how: found.how.unwrap_or_default(), record: read(&found.body)? });
        Ok(found.into_iter().filter_map(touch).collect())
    }

    fn known(&self) -> Result<(), HistoryAway> {
        if self.0.kept {
            return Ok(());
        }
        Err(HistoryAway::because(
            "no history is kept (history.store is \"none\"); look into the decision records",
        ))
    }

    async fn ask(&self, ask: Ask) -> Result<Vec<Found>, HistoryAway> {
        let Some(questions) = &self.0.questions else {
            return Err(HistoryAway::because("there is no store"));
        };
        let (reply, answer) = oneshot::channel();
        if questions.try_send((ask, reply)).is_err() {
            return Err(HistoryAway::because("too many ask the history at once; ask again"));
        }
        answer.await.unwrap_or_else(|_| Err(HistoryAway::because("the gateway is stopping")))
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("away", &self.away()).finish_non_exhaustive()
    }
}

fn read(body: &str) -> Option<Value> {
    serde_json::from_str(body).ok()
}
