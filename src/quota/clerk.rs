//! The ledger's own thread: one who takes what is waiting, decides it in order and makes it durable in one go. With an exclusive
//! store a second thread does the writing when there is much of it, so that the next turn is decided meanwhile.
//!
//! A turn: the rows that others wrote are folded in, each waiting message is decided against the book and folded in, all
//! new rows are committed at once, and only then does anybody hear an answer. If anything fails, nobody hears a good one, the
//! book is thrown away and read anew from the store.
//!
//! What happens at a failure:
//!
//! | failure                              | new orders       | settlements                                   | what was in the turn                     |
//! |--------------------------------------|------------------|-----------------------------------------------|------------------------------------------|
//! | the store cannot be reached          | refused at once  | kept in memory, written when it is back       | read back; what was booked but never answered is void |
//! | a sync failed, a row is damaged      | refused for good | kept in memory, lost with the process: the bookings stay held | as above, after a restart |
//! | the process dies                     | –                | –                                             | its bookings in flight are unknown       |
//! | the queue is full                    | shed             | always taken                                  | –                                        |

mod open;
mod scribe;
mod steps;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use self::open::apply_row;
use self::scribe::{Scribe, SharedStore};
use self::steps::Steps;
use super::book::{Book, Reservation, Rules, Thresholds};
use super::event::{ClientNews, Event, Millis};
use super::ledger::{Shared, Status};
use super::order::{LedgerAway, Order, ReserveError, Settlement, StoredAnswer};
use super::store::{Checkpoint, Store, StoreError};

/// The most messages in one turn.
const MOST_IN_A_TURN: usize = 512;
/// How often the clerk looks up without being asked: leases, what others wrote, lazy news.
const TICK: Duration = Duration::from_millis(250);
/// How often what nobody needs any more is forgotten, and the sums are checked.
const CHORES: Duration = Duration::from_secs(60);
/// Rests between two tries to open a store that is away.
const REOPEN: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
/// Rows between two checkpoints, and rows that stay behind one, for replicas that are behind.
const CHECKPOINT_EVERY: u64 = 20_000;

/// How the clerk works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What orders are decided by.
    pub rules: Rules,
    /// A process whose lease is older than this is dead: send limit, create deadline and clocks' difference.
    pub dead_after: Duration,
    /// How long creates that a client named are remembered.
    pub named_for: Duration,
    /// Shares of a limit at which people want to be told.
    pub thresholds: Thresholds,
    /// What can be seen of the clients of this process.
    pub witness: Witness,
}

/// What can be seen now of the client of a request, before its own news comes: asked before an equal order is judged.
#[derive(Clone, Default)]
pub struct Witness(Option<Arc<Look>>);

type Look = dyn Fn(Uuid) -> Option<ClientNews> + Send + Sync;

impl Witness {
    /// Asks `look`, which must not block.
    pub fn new(look: impl Fn(Uuid) -> Option<ClientNews> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(look)))
    }

    fn news(&self, request: Uuid) -> Option<ClientNews> {
        self.0.as_ref().and_then(|look| look(request))
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness(..)")
    }
}

/// Decides something against the book; for the reconciler and operators.
pub(super) type Change = Box<dyn FnOnce(&Book, Millis) -> Vec<Event> + Send>;

/// What the clerk is asked.
pub(super) enum Message {
    /// To book an order.
    Reserve(Arc<Order>, oneshot::Sender<Result<Reservation, ReserveError>>),
    /// To end a booking.
    Settle(Uuid, Settlement, Option<StoredAnswer>, Option<oneshot::Sender<Result<(), LedgerAway>>>),
    /// News of a client; written with the next turn.
    Client { id: Uuid, request: Uuid, news: ClientNews, heard: Option<oneshot::Sender<()>> },
    /// Anything else that is decided against the book.
    Change(Change, oneshot::Sender<Result<(), LedgerAway>>),
    /// Whether this process is the one that reconciles, for so long.
    Lead(Duration, oneshot::Sender<bool>),
    /// To end.
    Stop,
    /// To see what the scribe could not write.
    Written,
}

/// What must be written whatever happens, as long as the process lives.
enum Owed {
    Settle(Uuid, Settlement, Option<StoredAnswer>),
    Client { id: Uuid, request: Uuid, news: ClientNews },
}

/// The thread's state.
pub(super) struct Clerk {
    store: SharedStore,
    exclusive: bool,
    /// Who writes to an exclusive store while this thread decides.
    scribe: Option<Scribe>,
    /// How many turns the scribe has.
    under_way: usize,
    /// Whether several wanted something at once when last anybody did.
    crowd: bool,
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
    options: Options,
    steps: Steps,
    /// Whether the store is open and the book is what it says.
    open: bool,
    dead: bool,
    failures: usize,
    try_again: Instant,
    next_tick: Instant,
    next_chores: Instant,
    /// Bookings that this process knows of and that are not settled.
    live: BTreeSet<Uuid>,
    owed: VecDeque<Owed>,
    checkpoint: u64,
    stopping: bool,
}

impl Clerk {
    pub(super) fn new(
        store: Box<dyn Store>,
        shared: Arc<Shared>,
        inbox: Receiver<Message>,
        options: Options,
    ) -> Self {
        let now = Instant::now();
        let exclusive = store.exclusive();
        let store = Arc::new(Mutex::new(store));
        let scribe = if exclusive { Scribe::start(&shared, &store) } else { None };
        Self {
            store,
            exclusive,
            scribe,
            under_way: 0,
            crowd: false,
            shared,
            inbox,
            options,
            steps: Steps::default(),
            open: false,
            dead: false,
            failures: 0,
            try_again: now,
            next_tick: now,
            next_chores: now.checked_add(CHORES).unwrap_or(now),
            live: BTreeSet::new(),
            owed: VecDeque::new(),
            checkpoint: 0,
            stopping: false,
        }
    }

    /// Opens the store for the first time.
    pub(super) fn start(&mut self) -> Result<(), StoreError> {
        self.reopen()
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        while !self.stopping {
            if !self.open && !self.dead && Instant::now() >= self.try_again {
                let opened = self.reopen();
                self.failed_if(opened);
            }
            let batch = self.gather();
            if self.open {
                let done = self.turn(batch);
                self.failed_if(done);
            } else {
                self.put_off(batch);
            }
            if self.open && Instant::now() >= self.next_tick {
                self.next_tick = later(TICK);
                let done = self.tick();
                self.failed_if(done);
            }
        }
        if self.open {
            let done = self.turn(Vec::new()).and_then(|()| self.finish());
            self.failed_if(done);
        }
        self.store.lock().unwrap_or_else(PoisonError::into_inner).close();
        self.shared.say(Status::Away { why: "the gateway is stopping".to_owned() });
    }

    /// What is waiting; waits a little for the first.
    fn gather(&mut self) -> Vec<Message> {
        let patience = if self.open { TICK } else { Duration::from_millis(20) };
        let mut batch = Vec::new();
        match self.inbox.recv_timeout(patience) {
            Ok(message) => batch.push(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopping = true,
        }
        while batch.len() < MOST_IN_A_TURN
            && !batch.is_empty()
            && let Ok(message) = self.inbox.try_recv()
        {
            batch.push(message);
        }
        batch
    }

    /// Does something with the store, while the scribe has nothing to do with it.
    fn with_store<T>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        job(&mut **self.store.lock().map_err(|_| gone())?)
    }

    fn now(&self) -> Millis {
        i64::try_from(self.shared.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }

    /// What orders are decided by now: a clock that was set forward makes nothing be forgotten early.
    fn rules(&mut self) -> Rules {
        let mut rules = self.options.rules;
        let join = rules.fence.join;
        rules.fence.join = join.saturating_add(self.steps.ahead(&self.shared.clock, join));
        rules
    }

    /// What is said while the store is away.
    fn put_off(&mut self, batch: Vec<Message>) {
        for message in batch {
            match message {
                Message::Reserve(_, reply) => {
                    let _ = reply.send(Err(LedgerAway.into()));
                }
                Message::Settle(id, outcome, answer, reply) => {
                    self.owed.push_back(Owed::Settle(id, outcome, answer));
                    if let Some(reply) = reply {
                        let _ = reply.send(Err(LedgerAway));
                    }
                }
                Message::Client { id, request, news, heard: _ } => {
                    self.owed.push_back(Owed::Client { id, request, news });
                }
                Message::Change(_, reply) => {
                    let _ = reply.send(Err(LedgerAway));
                }
                Message::Lead(_, reply) => {
                    let _ = reply.send(false);
                }
                Message::Stop => self.stopping = true,
                Message::Written => {}
            }
        }
    }

    /// What is due without being asked.
    fn tick(&mut self) -> Result<(), StoreError> {
        self.finish()?;
        let (dead_after, known) = (self.options.dead_after, self.shared.read(Book::seq));
        let (dead, newer) = self.with_store(|store| Ok((store.renew(dead_after)?, store.newer(known)?)))?;
        if !newer.is_empty() {
            let mut book = self.shared.book.write().unwrap_or_else(PoisonError::into_inner);
            newer.iter().try_for_each(|row| apply_row(&mut book, row))?;
            drop(book);
            self.shared.changed();
        }
        if !dead.is_empty() {
            let (owners, (reply, _heard)) = (dead.clone(), oneshot::channel());
            let orphans: Change = Box::new(move |book, now| {
                owners.iter().filter_map(|owner| book.orphan(*owner, now)).collect()
            });
            tracing::warn!(owners = ?dead, "processes that kept the ledger are dead; what they had in flight is unknown");
            self.turn(vec![Message::Change(orphans, reply)])?;
            self.finish()?;
            self.with_store(|store| store.forget(&dead))?;
        }
        if Instant::now() >= self.next_chores {
            self.next_chores = later(CHORES);
            self.chores()?;
        }
        Ok(())
    }

    /// Forgets, checks the sums, shortens the journal.
    fn chores(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        // A signature counts for 300 s on either side of its second; an undelivered answer waits for the fence's time.
        let before = now.saturating_sub(self.rules().fence.join.saturating_add(10 * 60 * 1000));
        let named = i64::try_from(self.options.named_for.as_millis()).unwrap_or(i64::MAX);
        let mut book = self.shared.book.write().unwrap_or_else(PoisonError::into_inner);
        book.forget(before, now.saturating_sub(named).min(before));
        let audited = book.audit();
        let (seq, text) = (book.seq(), book.to_text());
        drop(book);
        if let Err(error) = audited {
            tracing::error!(%error, "the ledger does not add up");
            self.shared.conflicts.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Away {
                what: format!("the ledger does not add up: {error}"),
                source: None,
            });
        }
        if seq.saturating_sub(self.checkpoint) >= CHECKPOINT_EVERY
            && let Ok(text) = text
        {
            self.with_store(|store| store.checkpoint(&Checkpoint { seq, text }, CHECKPOINT_EVERY))?;
            self.checkpoint = seq;
        }
        Ok(())
    }

    fn failed_if(&mut self, result: Result<(), StoreError>) {
        let Err(error) = result else { return };
        self.open = false;
        let why = chain(&error);
        if matches!(error, StoreError::Dead { .. }) {
            self.dead = true;
            tracing::error!(
                error = why,
                "the quota ledger is dead: no create or change passes until a restart"
            );
            self.shared.say(Status::Dead { why });
        } else {
            let rest = REOPEN.get(self.failures).or(REOPEN.last()).copied().unwrap_or(TICK);
            self.failures = self.failures.saturating_add(1);
            self.try_again = later(rest);
            tracing::error!(
                error = why,
                "the quota ledger is away: no create or change passes until it is back"
            );
            self.shared.say(Status::Away { why });
        }
        self.shared.changed();
    }
}

impl Owed {
    fn into_message(self) -> Message {
        match self {
            Self::Settle(id, outcome, answer) => Message::Settle(id, outcome, answer, None),
            Self::Client { id, request, news } => Message::Client { id, request, news, heard: None },
        }
    }
}

/// Who was writing to the store has died.
fn gone() -> StoreError {
    let what =
        "the thread that writes the ledger has died; what it wrote is known after a restart".to_owned();
    StoreError::Dead { what, source: None }
}

fn later(by: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(by).unwrap_or(now)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
