//! How much there is room for: requests in flight by class, and bytes of their bodies.
//!
//! Reads have their own share, so that a flood of them cannot keep creates out, nor slow creates the reads. Half of the
//! bytes are for the first 16 KiB of each body, so that a few large ones, or many that never end, leave room for the
//! usual ones. What there is no room for is refused at once: a queue would only turn overload into latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    /// For TLS handshakes.
    pub(super) handshakes: Arc<Semaphore>,
    /// The figures that it was made with.
    sizes: [usize; 4],
}

/// Bytes of one sort: how many are held, and how many may be.
#[derive(Debug)]
struct Bytes {
    held: AtomicUsize,
    most: usize,
}

impl Room {
    /// Room for so many creates and changes, so many reads, so many bytes of bodies, and so many TLS handshakes.
    pub fn new(changes: usize, reads: usize, buffered: usize, handshakes: usize) -> Self {
        let bytes = || Bytes { held: AtomicUsize::new(0), most: buffered / 2 };
        let places = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            changes: places(changes),
            reads: places(reads),
            usual: bytes(),
            large: bytes(),
            handshakes: places(handshakes),
            sizes: [changes, reads, buffered, handshakes],
        }
    }

    /// Whether the other one was made with the same figures.
    pub fn is_like(&self, other: &Self) -> bool {
        self.sizes == other.sizes
    }

    /// A place among those of this class; `None` is what no action is claimed for.
    pub(super) fn place(&self, kind: Option<Kind>, held: Held, metrics: &Metrics) -> Result<Place, Refusal> {
        let places = if kind == Some(Kind::Read) { &self.reads } else { &self.changes };
        let permit = Arc::clone(places).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let gauge = metrics.in_flight(kind);
        gauge.inc();
        Ok(Place { _permit: permit, _held: held, gauge })
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
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.dec();
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
        let room = Arc::new(Room::new(1, 1, 128 * 1024, 1));
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

    #[test]
    fn reads_and_creates_do_not_take_each_others_places() {
        let (room, metrics) = (Arc::new(Room::new(1, 1, 1024, 1)), Metrics::new().unwrap());
        let place = |kind| room.place(kind, Held::none(&room), &metrics);
        let create = place(Some(Kind::Create)).unwrap();
        assert!(place(Some(Kind::Change)).is_err() && place(None).is_err());
        let read = place(Some(Kind::Read)).unwrap();
        assert!(place(Some(Kind::Read)).is_err());
        drop((create, read));
        assert!(place(None).is_ok() && place(Some(Kind::Read)).is_ok());
    }
}
