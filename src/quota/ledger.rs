//! The ledger as the path, the reconciler and operators hold it: asks go to the clerk's thread, looks at the book are local.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::book::{Book, Reservation, State};
use super::clerk::{Clerk, Message, Options};
use super::event::{ClientNews, Event, Millis};
use super::fingerprint::MarkKey;
use super::order::{Admission, LedgerAway, Order, Repeated, ReserveError, Settlement, StoredAnswer};
use super::store::{Store, StoreError};
use crate::clock::Clock;
use crate::policy::answer::Resource;
use crate::policy::verdict::Effect;

/// Orders that may wait to be booked; more are shed.
const MOST_WAITING: usize = 4_096;

/// Keeps count of what has been handed out. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Option<Arc<Shared>>);

/// Whether the ledger can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Up,
    /// It cannot now.
    Away {
        /// Why, for the operator.
        why: String,
    },
    /// It cannot until a restart.
    Dead {
        /// Why, for the operator.
        why: String,
    },
}

/// What the clerk's thread shares with everybody.
pub(super) struct Shared {
    pub(super) owner: Uuid,
    pub(super) clock: Clock,
    pub(super) book: RwLock<Book>,
    pub(super) marks: ArcSwapOption<MarkKey>,
    pub(super) waiting: AtomicUsize,
    pub(super) conflicts: AtomicU64,
    pub(super) inbox: Sender<Message>,
    status: watch::Sender<Status>,
    turns: watch::Sender<u64>,
    crossings: Mutex<BTreeMap<(String, Resource, u8), u64>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    pub(super) fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn say(&self, status: Status) {
        self.status.send_replace(status);
    }

    pub(super) fn changed(&self) {
        self.turns.send_modify(|turns| *turns = turns.wrapping_add(1));
    }

    pub(super) fn crossed(&self, scope: String, resource: Resource, percent: u8) {
        let mut crossings = self.crossings.lock().unwrap_or_else(PoisonError::into_inner);
        let times = crossings.entry((scope, resource, percent)).or_default();
        *times = times.saturating_add(1);
    }
}

/// A booking that waits for its outcome. Going away by itself it says what is certain: before it was granted, that nothing was
/// sent; after that, that nobody knows.
#[must_use = "a hold that is never settled stays counted"]
pub struct Hold {
    id: Uuid,
    ledger: Ledger,
    left: Option<Settlement>,
}

impl Hold {
    /// The booking.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hold").field(&self.id).finish()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let (Some(outcome), Some(shared)) = (self.left.take(), &self.ledger.0) {
            let _ = shared.inbox.send(Message::Settle(self.id, outcome, None, None));
        }
    }
}

impl Ledger {
    /// Counts nothing, and admits only what has no limit that refuses: a limit that nobody keeps must not look kept.
    pub fn uncounted() -> Self {
        Self(None)
    }

    /// One that counts, in memory, for tests of what is made of it.
    #[cfg(test)]
    pub(crate) fn counting_for_tests() -> Self {
        use super::book::tests::{claim, order};
        let mut book = Book::default();
        let order = order(1, 5, vec![claim("organisation", 5, Some(5))]);
        let (_, events) = book.reserve(&order, Uuid::nil(), 0, &super::book::Rules::default());
        events.into_iter().for_each(|event| book.apply(event));
        let crossings = BTreeMap::from([(("organisation".to_owned(), Resource::Instances, 100), 1)]);
        Self(Some(Arc::new(Shared {
            owner: Uuid::nil(),
            clock: Clock::manual(0),
            book: RwLock::new(book),
            marks: ArcSwapOption::empty(),
            waiting: AtomicUsize::new(0),
            conflicts: AtomicU64::new(0),
            inbox: channel().0,
            status: watch::Sender::new(Status::Up),
            turns: watch::Sender::new(0),
            crossings: Mutex::new(crossings),
            thread: Mutex::new(None),
        })))
    }

    /// Opens the store and starts the thread that keeps it. A store that cannot be reached now is tried again until it can.
    ///
    /// # Errors
    /// A store that must not be used, or no thread.
    pub fn open(store: Box<dyn Store>, clock: Clock, options: Options) -> Result<Self, StoreError> {
        let (inbox, messages) = channel();
        let shared = Arc::new(Shared {
            owner: Uuid::new_v4(),
            clock,
            book: RwLock::default(),
            marks: ArcSwapOption::empty(),
            waiting: AtomicUsize::new(0),
            conflicts: AtomicU64::new(0),
            inbox,
            status: watch::Sender::new(Status::Away { why: "it is being opened".to_owned() }),
            turns: watch::Sender::new(0),
            crossings: Mutex::default(),
            thread: Mutex::new(None),
        });
        let mut clerk = Clerk::new(store, Arc::clone(&shared), messages, options);
        let (opened, heard) = channel();
        let work = move || {
            let first = clerk.start();
            let dead = matches!(first, Err(StoreError::Dead { .. }));
            if let Err(StoreError::Away { .. }) = &first {
                tracing::error!(
                    "the quota ledger cannot be reached yet; no create or change passes until it can"
                );
            }
            let _ = opened.send(first);
            if !dead {
                clerk.run();
            }
        };
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(work);
        let thread = thread.map_err(|error| StoreError::Dead {
            what: "the ledger's thread cannot be started".to_owned(),
            source: Some(Box::new(error)),
        })?;
        *shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        match heard.recv() {
            Ok(Ok(()) | Err(StoreError::Away { .. })) => Ok(Self(Some(shared))),
            Ok(Err(dead)) => Err(dead),
            Err(_) => Err(StoreError::Dead {
                what: "the ledger's thread died at its start".to_owned(),
                source: None,
            }),
        }
    }

    /// Whether anything is counted.
    pub fn counts(&self) -> bool {
        self.0.is_some()
    }

    /// Books all claims of an order, durably, or none of them. Where it is the same as a create whose client went away, waits
    /// for that one's answer.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing may be sent then.
    pub async fn reserve(&self, order: Order) -> Result<Admission, ReserveError> {
        let Some(shared) = &self.0 else { return self.admit(&order) };
        let order = Arc::new(order);
        loop {
            let hold = Hold { id: order.id, ledger: self.clone(), left: Some(Settlement::Void) };
            let reservation = self.ask(shared, &order).await;
            match reservation {
                Ok(Reservation::Booked(over)) => {
                    let mut hold = hold;
                    hold.left = Some(Settlement::Unknown);
                    return Ok(Admission::Booked { hold, over });
                }
                Ok(Reservation::Join(first)) => {
                    hold.nothing();
                    if let Some(answer) = self.await_answer(shared, first).await? {
                        return Ok(Admission::Joined { first, answer });
                    }
                    // The earlier one was void: this one is an order of its own.
                }
                Ok(Reservation::Exceeded(exceeded)) => {
                    hold.nothing();
                    return Err(ReserveError::Exceeded(exceeded));
                }
                Ok(Reservation::Repeated(repeated)) => {
                    hold.nothing();
                    return Err(repeated.into());
                }
                // It may have been written all the same; dropping the hold voids it.
                Err(error) => return Err(error),
            }
        }
    }

    fn admit(&self, order: &Order) -> Result<Admission, ReserveError> {
        let binding = order.claims.iter().flat_map(|claim| &claim.limits);
        if binding.into_iter().any(|limit| limit.effect == Effect::Refused) {
            return Err(ReserveError::NoStore);
        }
        let hold = Hold { id: order.id, ledger: self.clone(), left: None };
        Ok(Admission::Booked { hold, over: Vec::new() })
    }

    async fn ask(&self, shared: &Shared, order: &Arc<Order>) -> Result<Reservation, ReserveError> {
        match &*shared.status.borrow() {
            Status::Up => {}
            Status::Away { .. } | Status::Dead { .. } => return Err(LedgerAway.into()),
        }
        let waiting = Waiting::begin(&shared.waiting);
        if waiting.before >= MOST_WAITING {
            return Err(ReserveError::Busy);
        }
        let (reply, heard) = oneshot::channel();
        shared.inbox.send(Message::Reserve(Arc::clone(order), reply)).map_err(|_| LedgerAway)?;
        heard.await.map_err(|_| LedgerAway)?
    }

    /// The answer of an earlier create, when it is there; none if that one was void.
    async fn await_answer(&self, shared: &Shared, first: Uuid) -> Result<Option<StoredAnswer>, ReserveError> {
        let mut turns = shared.turns.subscribe();
        loop {
            let known = shared.read(|book| {
                book.booking(&first)
                    .map(|found| (found.state.clone(), found.answer.clone(), found.ids.clone()))
            });
            match known {
                Some((State::InFlight, ..)) => {}
                Some((State::Created, Some(answer), _)) => return Ok(Some(answer)),
                Some((State::Created, None, ids)) => return Err(Repeated::AnswerLost { first, ids }.into()),
                Some((State::Unknown { .. } | State::Escalated { .. }, ..)) => {
                    return Err(Repeated::Unknown { first }.into());
                }
                Some((State::Void, ..)) | None => return Ok(None),
            }
            turns.changed().await.map_err(|_| LedgerAway)?;
        }
    }

    /// Records how an order ended, and the answer that its client may have to be given again.
    ///
    /// # Errors
    /// The store cannot be written now: the booking stays held, and its end is written when the store is back.
    pub async fn settle(
        &self,
        mut hold: Hold,
        outcome: Settlement,
        answer: Option<StoredAnswer>,
    ) -> Result<(), LedgerAway> {
        hold.left = None;
        let Some(shared) = &self.0 else { return Ok(()) };
        let (reply, heard) = oneshot::channel();
        shared.inbox.send(Message::Settle(hold.id, outcome, answer, Some(reply))).map_err(|_| LedgerAway)?;
        heard.await.map_err(|_| LedgerAway)?
    }

    /// News of the client of `request`, which is the booking's own or joined it. Written lazily.
    pub async fn client(&self, id: Uuid, request: Uuid, news: ClientNews) {
        let Some(shared) = &self.0 else { return };
        let (heard, told) = oneshot::channel();
        if shared.inbox.send(Message::Client { id, request, news, heard: Some(heard) }).is_ok() {
            let _ = told.await;
        }
    }

    /// Decides something against the book, and makes it durable.
    ///
    /// # Errors
    /// The store cannot be written now; nothing is changed.
    pub async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&Book, Millis) -> (T, Vec<Event>) + Send + 'static,
    ) -> Result<T, LedgerAway> {
        let shared = self.0.as_ref().ok_or(LedgerAway)?;
        let slot = Arc::new(Mutex::new(None));
        let into = Arc::clone(&slot);
        let change = Box::new(move |book: &Book, now| {
            let (result, events) = decide(book, now);
            *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            events
        });
        let (reply, heard) = oneshot::channel();
        shared.inbox.send(Message::Change(change, reply)).map_err(|_| LedgerAway)?;
        heard.await.map_err(|_| LedgerAway)??;
        slot.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(LedgerAway)
    }

    /// What digests of orders are made with.
    ///
    /// # Errors
    /// The store has never been reached, so that nobody knows.
    pub fn mark_key(&self) -> Result<Option<Arc<MarkKey>>, LedgerAway> {
        let key = |shared: &Arc<Shared>| shared.marks.load_full().ok_or(LedgerAway);
        self.0.as_ref().map(key).transpose()
    }

    /// Looks at the book; none where nothing is counted. Keep it short: the clerk waits.
    pub fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> Option<T> {
        self.0.as_ref().map(|shared| shared.read(look))
    }

    /// Whether it can be written; none where nothing is counted.
    pub fn status(&self) -> Option<Status> {
        self.0.as_ref().map(|shared| shared.status.borrow().clone())
    }

    /// Changes of [`Ledger::status`].
    pub fn statuses(&self) -> Option<watch::Receiver<Status>> {
        self.0.as_ref().map(|shared| shared.status.subscribe())
    }

    /// How often bookings ended in two ways, or sums did not add up: a bug, or somebody else's hand in the store.
    pub fn conflicts(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.conflicts.load(Ordering::Relaxed))
    }

    /// How often each threshold was crossed since the start.
    pub fn crossings(&self) -> BTreeMap<(String, Resource, u8), u64> {
        let crossings =
            |shared: &Arc<Shared>| shared.crossings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.0.as_ref().map(crossings).unwrap_or_default()
    }

    /// Whether this process is the one that reconciles, for `term` from now.
    pub async fn lead(&self, term: Duration) -> bool {
        let Some(shared) = &self.0 else { return false };
        let (reply, heard) = oneshot::channel();
        shared.inbox.send(Message::Lead(term, reply)).is_ok() && heard.await.unwrap_or(false)
    }

    /// Writes what is waiting and ends. Blocks.
    pub fn close(&self) {
        let Some(shared) = &self.0 else { return };
        let _ = shared.inbox.send(Message::Stop);
        let thread = shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// One that waits to be booked.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hold {
    /// Nothing was booked under this id.
    fn nothing(mut self) {
        self.left = None;
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ledger").field(&self.status()).finish()
    }
}
