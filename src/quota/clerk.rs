//! The ledger's own thread: one writer, who takes what is waiting, decides it in order and makes it durable in one go.
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

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::book::{self, Book, Bucket, Reservation, Rules, Tally, Thresholds};
use super::event::{ClientNews, Event, Millis};
use super::ledger::{Shared, Status};
use super::order::{LedgerAway, Order, ReserveError, Settlement, StoredAnswer};
use super::store::{Checkpoint, Row, Store, StoreError};

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
}

/// Decides something against the book; for the reconciler and operators.
pub(super) type Change = Box<dyn FnOnce(&Book, Millis) -> Vec<Event> + Send>;

/// What the clerk is asked.
pub(super) enum Message {
    /// To book an order.
    Reserve(Box<Order>, oneshot::Sender<Result<Reservation, ReserveError>>),
    /// To end a booking.
    Settle(Uuid, Settlement, Option<StoredAnswer>, Option<oneshot::Sender<Result<(), LedgerAway>>>),
    /// News of a client; written with the next turn.
    Client { id: Uuid, request: Uuid, news: ClientNews },
    /// Anything else that is decided against the book.
    Change(Change, oneshot::Sender<Result<(), LedgerAway>>),
    /// Whether this process is the one that reconciles, for so long.
    Lead(Duration, oneshot::Sender<bool>),
    /// To end.
    Stop,
}

/// What must be written whatever happens, as long as the process lives.
enum Owed {
    Settle(Uuid, Settlement, Option<StoredAnswer>),
    Client { id: Uuid, request: Uuid, news: ClientNews },
}

/// The thread's state.
pub(super) struct Clerk {
    store: Box<dyn Store>,
    shared: Arc<Shared>,
    inbox: Receiver<Message>,
    options: Options,
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
        Self {
            store,
            shared,
            inbox,
            options,
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
            let done = self.turn(Vec::new());
            self.failed_if(done);
        }
        self.store.close();
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

    fn now(&self) -> Millis {
        i64::try_from(self.shared.clock.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }

    /// Reads everything anew and takes up what was left: by dead processes, and by this one's own failed turns.
    fn reopen(&mut self) -> Result<(), StoreError> {
        let owner = self.shared.owner;
        let loaded = self.store.open(owner)?;
        let mut book = match &loaded.checkpoint {
            Some(checkpoint) => {
                Book::from_text(&checkpoint.text).map_err(|error| unreadable(checkpoint.seq, error))?
            }
            None => Book::default(),
        };
        self.checkpoint = book.seq();
        for row in loaded.rows {
            apply_row(&mut book, &row)?;
        }
        book.audit().map_err(|error| StoreError::Dead {
            what: format!(
                "the ledger does not add up: {error}; restore a backup, or move it away and reconcile"
            ),
            source: None,
        })?;
        let (now, mut events) = (self.now(), Vec::new());
        if self.store.exclusive() {
            let owners: BTreeSet<Uuid> = book.bookings().map(|(_, booking)| booking.owner).collect();
            events.extend(
                owners.into_iter().filter(|other| *other != owner).filter_map(|dead| book.orphan(dead, now)),
            );
        }
        for (id, booking) in book.bookings() {
            let forgotten =
                booking.owner == owner && booking.state == book::State::InFlight && !self.live.contains(id);
            if forgotten {
                let by = super::event::Resolver::Gateway;
                let why = "it was never sent: the ledger failed while it was booked".to_owned();
                events.push(Event::Resolved { id: *id, at: now, outcome: Settlement::Void, by, why });
            }
        }
        let texts = texts(&events)?;
        let newer = self.store.begin(book.seq())?;
        for row in &newer {
            apply_row(&mut book, row)?;
        }
        for event in events {
            book.apply(event);
        }
        self.store.commit(&texts)?;
        *self.shared.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        self.open = true;
        self.failures = 0;
        self.next_tick = Instant::now();
        self.shared.say(Status::Up);
        self.shared.changed();
        tracing::info!(
            store = self.store.name(),
            rows = self.shared.read(Book::seq),
            "the quota ledger is open"
        );
        Ok(())
    }

    /// One turn. On an error nobody has heard anything good.
    fn turn(&mut self, batch: Vec<Message>) -> Result<(), StoreError> {
        if batch.is_empty() && self.owed.is_empty() {
            return Ok(());
        }
        let mut turn = Turn::default();
        let worked = self.work(batch, &mut turn);
        for (reply, result) in turn.reserved {
            let id = result.0;
            let answer = match (&worked, result.1) {
                (Ok(()), Ok(reservation)) => {
                    if matches!(reservation, Reservation::Booked(_)) {
                        self.live.insert(id);
                    }
                    Ok(reservation)
                }
                (Ok(()), Err(error)) => Err(error),
                (Err(_), _) => Err(ReserveError::Away(LedgerAway)),
            };
            // Whoever asked holds a guard that voids the booking when it goes away, so an answer that nobody hears is no leak.
            let _ = reply.send(answer);
        }
        for reply in turn.settled {
            let _ = reply.send(worked.as_ref().map(|()| ()).map_err(|_| LedgerAway));
        }
        if worked.is_ok() {
            for id in turn.ended {
                self.live.remove(&id);
            }
            self.tell_crossings(&turn.before);
        } else {
            self.owed.extend(turn.owed);
        }
        for (term, reply) in turn.leads {
            let leads = worked.is_ok() && self.store.lead(term).unwrap_or(false);
            let _ = reply.send(leads);
        }
        self.shared.changed();
        worked
    }

    fn work(&mut self, batch: Vec<Message>, turn: &mut Turn) -> Result<(), StoreError> {
        let known = self.shared.read(Book::seq);
        // Settlements of before come first: they make room.
        let mut messages: Vec<Message> = self.owed.drain(..).map(Owed::into_message).collect();
        messages.extend(batch);
        let began = self.store.begin(known);
        let newer = match began {
            Ok(newer) => newer,
            Err(error) => {
                turn.refuse(messages);
                return Err(error);
            }
        };
        let mut texts = Vec::new();
        let now = self.now();
        let decided = {
            let shared = Arc::clone(&self.shared);
            let mut book = shared.book.write().unwrap_or_else(PoisonError::into_inner);
            let folded = newer.iter().try_for_each(|row| apply_row(&mut book, row));
            if folded.is_ok() {
                for message in messages {
                    let events = self.decide(&book, message, now, turn);
                    for event in events {
                        turn.note_before(&book, &event);
                        match serde_json::to_string(&event) {
                            Ok(text) => texts.push(text),
                            Err(error) => tracing::error!(%error, "an event cannot be written"),
                        }
                        book.apply(event);
                    }
                }
                Ok(())
            } else {
                turn.refuse(messages);
                folded
            }
        };
        decided?;
        self.store.commit(&texts)
    }

    fn decide(&mut self, book: &Book, message: Message, now: Millis, turn: &mut Turn) -> Vec<Event> {
        match message {
            Message::Reserve(order, reply) => {
                let (reservation, events) = book.reserve(&order, self.shared.owner, now, &self.options.rules);
                turn.reserved.push((reply, (order.id, Ok(reservation))));
                events
            }
            Message::Settle(id, outcome, answer, reply) => {
                turn.owed.push(Owed::Settle(id, outcome.clone(), answer.clone()));
                turn.ended.push(id);
                turn.settled.extend(reply);
                let (settled, events) = book.settle(id, outcome, answer, now);
                if let Err(conflict) = settled
                    && (self.live.contains(&id) || !events.is_empty())
                {
                    tracing::error!(%conflict, "a booking ended in two ways");
                    self.shared.conflicts.fetch_add(1, Ordering::Relaxed);
                }
                events
            }
            Message::Client { id, request, news } => {
                turn.owed.push(Owed::Client { id, request, news });
                book.client(id, request, news, now).into_iter().collect()
            }
            Message::Change(change, reply) => {
                turn.settled.push(reply);
                change(book, now)
            }
            Message::Lead(term, reply) => {
                turn.leads.push((term, reply));
                Vec::new()
            }
            Message::Stop => {
                self.stopping = true;
                Vec::new()
            }
        }
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
                Message::Client { id, request, news } => {
                    self.owed.push_back(Owed::Client { id, request, news });
                }
                Message::Change(_, reply) => {
                    let _ = reply.send(Err(LedgerAway));
                }
                Message::Lead(_, reply) => {
                    let _ = reply.send(false);
                }
                Message::Stop => self.stopping = true,
            }
        }
    }

    /// What is due without being asked.
    fn tick(&mut self) -> Result<(), StoreError> {
        let dead = self.store.renew(self.options.dead_after)?;
        let known = self.shared.read(Book::seq);
        let newer = self.store.newer(known)?;
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
            self.store.forget(&dead)?;
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
        let before = now.saturating_sub(self.options.rules.fence.join.saturating_add(10 * 60 * 1000));
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
            self.store.checkpoint(&Checkpoint { seq, text }, CHECKPOINT_EVERY)?;
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

    fn tell_crossings(&self, before: &BTreeMap<Bucket, Tally>) {
        if before.is_empty() {
            return;
        }
        let book = self.shared.book.read().unwrap_or_else(PoisonError::into_inner);
        let touched = book.tallies().filter(|(bucket, _)| before.contains_key(*bucket));
        for ((scope, resource), percent) in book::crossings(before, touched, &self.options.thresholds) {
            let tally = book.tally(&scope, resource);
            tracing::warn!(
                scope,
                resource = resource.as_str(),
                percent,
                used = tally.used,
                held = tally.held(),
                limit = tally.limit,
                left = tally.left(self.now()),
                "a quota has reached a threshold"
            );
            self.shared.crossed(scope, resource, percent);
        }
    }
}

/// One turn's replies, sent when it is durable.
#[derive(Default)]
struct Turn {
    reserved:
        Vec<(oneshot::Sender<Result<Reservation, ReserveError>>, (Uuid, Result<Reservation, ReserveError>))>,
    settled: Vec<oneshot::Sender<Result<(), LedgerAway>>>,
    ended: Vec<Uuid>,
    owed: Vec<Owed>,
    leads: Vec<(Duration, oneshot::Sender<bool>)>,
    before: BTreeMap<Bucket, Tally>,
}

impl Turn {
    /// Keeps what must be written, and refuses the rest.
    fn refuse(&mut self, messages: Vec<Message>) {
        for message in messages {
            match message {
                Message::Reserve(order, reply) => {
                    self.reserved.push((reply, (order.id, Err(LedgerAway.into()))));
                }
                Message::Settle(id, outcome, answer, reply) => {
                    self.owed.push(Owed::Settle(id, outcome, answer));
                    self.settled.extend(reply);
                }
                Message::Client { id, request, news } => self.owed.push(Owed::Client { id, request, news }),
                Message::Change(_, reply) => self.settled.push(reply),
                Message::Lead(term, reply) => self.leads.push((term, reply)),
                Message::Stop => {}
            }
        }
    }

    /// Remembers the counts that an event can raise.
    fn note_before(&mut self, book: &Book, event: &Event) {
        let lines = match event {
            Event::Reserved(reserved) => &reserved.claims,
            Event::Adopted { claims, .. } | Event::Repriced { claims, .. } | Event::Reheld { claims, .. } => {
                claims
            }
            _ => return,
        };
        for line in lines {
            let bucket = (line.scope.clone(), line.resource);
            self.before.entry(bucket).or_insert_with(|| book.tally(&line.scope, line.resource));
        }
    }
}

impl Owed {
    fn into_message(self) -> Message {
        match self {
            Self::Settle(id, outcome, answer) => Message::Settle(id, outcome, answer, None),
            Self::Client { id, request, news } => Message::Client { id, request, news },
        }
    }
}

fn texts(events: &[Event]) -> Result<Vec<String>, StoreError> {
    let text = |event| serde_json::to_string(event).map_err(|error| unreadable(0, error));
    events.iter().map(text).collect()
}

fn apply_row(book: &mut Book, row: &Row) -> Result<(), StoreError> {
    if row.seq != book.seq().saturating_add(1) {
        let what = format!("row {} of the ledger follows row {}", row.seq, book.seq());
        return Err(StoreError::Away { what, source: None });
    }
    let event = serde_json::from_str(&row.text).map_err(|error| unreadable(row.seq, error))?;
    book.apply(event);
    Ok(())
}

fn unreadable(seq: u64, error: serde_json::Error) -> StoreError {
    let what = format!("row {seq} of the ledger cannot be read; was it written by a newer version?");
    StoreError::Dead { what, source: Some(Box::new(error)) }
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
