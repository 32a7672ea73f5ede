//! How much there is room for: requests in flight by class, and bytes of their bodies.
//!
//! Reads have their own share, so that a flood of them cannot keep creates out, nor slow creates the reads. Half of the
//! bytes are for the first 16 KiB of each body, so that a few large ones, or many that never end, leave room for the
//! usual ones. Bytes that there is no room for are refused at once. Places are waited for in line, for a bounded time: whoever is
//! refused comes again, and each refusal takes time from the work (`cargo bench --bench overload`). How many wait is bounded by
//! the connections, what they hold by the bytes: refusing costs at most `connections / place_timeout` answers a second.
//!
//! A long answer to a read can take its caller minutes, which is no work of the gateway's. Its place is free again as soon as
//! it begins to be handed over; from then on it counts among the answers of its key, of which there may be as many as there are
//! places for reads: who takes answers slowly keeps nobody waiting but the own key.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::api::Kind;
use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// The first so many bytes of a body are counted apart from the rest.
const USUAL: usize = 16 * 1024;

/// See the module. Shared by all connections.
#[derive(Debug)]
pub struct Room {
    changes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    usual: Bytes,
    large: Bytes,
    /// Long answers that are being taken, by key.
    answers: Mutex<HashMap<String, usize>>,
    most_answers: usize,
    /// The figures that it was made with.
    sizes: [usize; 3],
}

/// Bytes of one sort: how many are held, and how many may be.
#[derive(Debug)]
struct Bytes {
    held: AtomicUsize,
    most: usize,
}

impl Room {
    /// Room for so many creates and changes, so many reads, and so many bytes of bodies.
    pub fn new(changes: usize, reads: usize, buffered: usize) -> Self {
        let bytes = || Bytes { held: AtomicUsize::new(0), most: buffered / 2 };
        let places = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            changes: places(changes),
            reads: places(reads),
            usual: bytes(),
            large: bytes(),
            answers: Mutex::default(),
            most_answers: reads,
            sizes: [changes, reads, buffered],
        }
    }

    /// Whether the other one was made with the same figures.
    pub fn is_like(&self, other: &Self) -> bool {
        self.sizes == other.sizes
    }

    /// A place among those of this class; `None` is what no action is claimed for.
    /// It is waited for in line, for at most `patience`; who hangs up leaves the line.
    pub(super) async fn place(
        self: &Arc<Self>,
        kind: Option<Kind>,
        held: Held,
        patience: Duration,
        metrics: &Metrics,
    ) -> Result<Place, Refusal> {
        let places = if kind == Some(Kind::Read) { &self.reads } else { &self.changes };
        let permit = match Arc::clone(places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if patience.is_zero() => return Err(Refusal::Busy),
            Err(_) => {
                let waited = timeout(patience, Arc::clone(places).acquire_owned()).await;
                waited.ok().and_then(Result::ok).ok_or(Refusal::Busy)?
            }
        };
        let gauge = metrics.in_flight(kind);
        gauge.inc();
        Ok(Place { _permit: permit, _held: held, gauge, room: Arc::clone(self) })
    }

    /// Bytes of all bodies that are held now.
    pub fn buffered(&self) -> usize {
        self.usual.held.load(Ordering::Relaxed).saturating_add(self.large.held.load(Ordering::Relaxed))
    }

    /// Whether nothing is in it.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.buffered() == 0
    }
}

impl Bytes {
    fn take(&self, count: usize) -> bool {
        let taken = |held: usize| held.checked_add(count).filter(|sum| *sum <= self.most);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

/// A place among the requests in flight, with the room of its body; freed when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _held: Held,
    gauge: prometheus::IntGauge,
    room: Arc<Room>,
}

impl Place {
    /// Gives the place up for a long answer to a caller with this key.
    ///
    /// # Errors
    /// When the key's callers take too many already.
    pub(super) fn answer(self, key: &str, metrics: &Metrics) -> Result<Answering, Refusal> {
        let mut answers = self.room.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = answers.entry(key.to_owned()).or_default();
        if *count >= self.room.most_answers {
            return Err(Refusal::TooManyAnswers { key: key.to_owned(), most: self.room.most_answers });
        }
        *count = count.saturating_add(1);
        drop(answers);
        let gauge = metrics.connections().answers();
        gauge.inc();
        Ok(Answering { room: Arc::clone(&self.room), key: key.to_owned(), gauge })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// A long answer that is being taken; over when dropped.
pub(super) struct Answering {
    room: Arc<Room>,
    key: String,
    gauge: prometheus::IntGauge,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.gauge.dec();
        let mut answers = self.room.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = answers.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                answers.remove(&self.key);
            }
        }
    }
}

/// Room for the bytes of one body; freed when dropped.
pub(super) struct Held {
    room: Arc<Room>,
    usual: usize,
    large: usize,
}

impl Held {
    /// Nothing yet.
    pub(super) fn none(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), usual: 0, large: 0 }
    }

    /// Room for `count` more bytes.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when there is none; what was taken before stays taken.
    pub(super) fn take(&mut self, count: usize) -> Result<(), Refusal> {
        let usual = count.min(USUAL.saturating_sub(self.usual));
        let large = count.saturating_sub(usual);
        if usual > 0 {
            self.room.usual.take(usual).then_some(()).ok_or(Refusal::Busy)?;
            self.usual = self.usual.saturating_add(usual);
        }
        if large > 0 {
            self.room.large.take(large).then_some(()).ok_or(Refusal::Busy)?;
            self.large = self.large.saturating_add(large);
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.usual.held.fetch_sub(self.usual, Ordering::Relaxed);
        self.room.large.held.fetch_sub(self.large, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_leave_room_for_usual_ones_and_all_of_it_comes_back() {
        let room = Arc::new(Room::new(1, 1, 128 * 1024));
        let mut bodies: Vec<Held> = (0..3).map(|_| Held::none(&room)).collect();
        let large = |body: &mut Held| body.take(USUAL + 30 * 1024).is_ok();
        assert_eq!(bodies.iter_mut().map(large).collect::<Vec<_>>(), [true, true, false]);
        let mut usual = Held::none(&room);
        usual.take(1024).unwrap();
        assert!(
            usual.take(USUAL + 8 * 1024).is_err(),
            "there is room for first bytes, and for 4 KiB of others"
        );
        drop((bodies, usual));
        assert!(room.is_empty());
    }

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn reads_and_creates_do_not_take_each_others_places() {
        let (room, metrics) = (Arc::new(Room::new(1, 1, 1024)), Metrics::new().unwrap());
        let place = |kind| room.place(kind, Held::none(&room), PATIENCE, &metrics);
        let create = place(Some(Kind::Create)).await.unwrap();
        assert!(place(Some(Kind::Change)).await.is_err() && place(None).await.is_err());
        let read = place(Some(Kind::Read)).await.unwrap();
        assert!(place(Some(Kind::Read)).await.is_err());
        drop((create, read));
        assert!(place(None).await.is_ok() && place(Some(Kind::Read)).await.is_ok());
    }

    #[tokio::test]
    async fn a_long_answer_gives_its_place_up_and_counts_among_those_of_its_key() {
        let (room, metrics) = (Arc::new(Room::new(1, 1, 1024)), Metrics::new().unwrap());
        let read = || room.place(Some(Kind::Read), Held::none(&room), Duration::ZERO, &metrics);
        let first = read().await.unwrap().answer("a", &metrics).ok().unwrap();
        assert!(read().await.unwrap().answer("a", &metrics).is_err());
        let other = read().await.unwrap().answer("b", &metrics);
        assert!(other.is_ok());
        assert_eq!(metrics.connections().answers().get(), 2);
        drop((first, other));
        assert!(read().await.unwrap().answer("a", &metrics).is_ok());
        assert!(room.answers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_waited_for_in_line_and_who_leaves_takes_none() {
        let (room, metrics) = (Arc::new(Room::new(1, 1, 1024)), Metrics::new().unwrap());
        let place = || room.place(None, Held::none(&room), PATIENCE, &metrics);
        let first = place().await.unwrap();
        let (mut second, mut third) = (Box::pin(place()), Box::pin(place()));
        assert!(
            futures_util::poll!(&mut second).is_pending() && futures_util::poll!(&mut third).is_pending()
        );
        drop(second);
        drop(first);
        assert!(third.await.is_ok());
        // One that does not want to wait is told at once.
        let held = place().await;
        let begun = tokio::time::Instant::now();
        assert!(room.place(None, Held::none(&room), Duration::ZERO, &metrics).await.is_err());
        assert_eq!(begun.elapsed(), Duration::ZERO);
        drop(held);
    }
}
