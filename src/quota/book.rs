//! The count itself: a pure fold of the journal, and the decisions that extend it.
//!
//! A [`Book`] changes only by [`Book::apply`], one event at a time; what may happen next is worked out by the `decide` functions
//! (in `reserve`, `settle` and `observe`), which read the book and give events back. Time and ids are passed in. No thread, no
//! store and no clock is known here, so the whole protocol can be run a million times by a simulation.
//!
//! States of a booking, and what is counted as what:
//!
//! | state      | what it means                                       | counted           | leaves to               |
//! |------------|-----------------------------------------------------|-------------------|-------------------------|
//! | in flight  | written down, perhaps being sent                    | held              | created, void, unknown  |
//! | unknown    | bytes may have left and nobody knows what they did  | held, no expiry   | created, void, escalated|
//! | escalated  | the reconciler cannot decide                        | held, no expiry   | created, void           |
//! | created    | the cloud named instances                           | they are used; those that it did not name stay held | – |
//! | void       | certainly nothing ran                               | –                 | –                       |
//!
//! A machine counts as used from the moment its booking is created, or it is adopted, until it is released.

mod apply;
mod audit;
mod booking;
mod fence;
mod machine;
mod observe;
mod reserve;
mod settle;
mod tally;
#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use audit::Broken;
pub use booking::{Booking, Client, State};
pub use fence::{Fence, Past};
pub use machine::{Machine, Origin};
pub use observe::{Drift, Findings, Found, Kind as DriftKind, Life, Memory, Policy as ObservePolicy, same};
pub use reserve::{Reservation, Rules, lines, scope_limit};
pub use settle::{Conflict, Settled};
pub use tally::{Tallies, Tally, Thresholds, crossings};

use super::event::{MachineId, Millis};
use crate::policy::answer::Resource;

/// Whose, and of what.
pub type Bucket = (String, Resource);

/// Everything that is counted. See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// The last row of the journal that is in it.
    seq: u64,
    bookings: BTreeMap<Uuid, Booking>,
    #[serde(with = "pairs")]
    machines: BTreeMap<MachineId, Machine>,
    tallies: Tallies,
    /// Machines released not long ago, so that a listing that still shows them does not bring them back.
    #[serde(with = "pairs")]
    released: BTreeMap<MachineId, Millis>,
    /// The digest of the rules by which everything is priced.
    priced: Option<String>,
    /// Creates by fingerprint; rebuilt from the bookings.
    #[serde(skip)]
    by_fingerprint: HashMap<String, BTreeSet<Uuid>>,
    /// Creates by key and signature.
    #[serde(skip)]
    by_signature: HashMap<(String, String), BTreeSet<Uuid>>,
    /// Creates by team and idempotency key.
    #[serde(skip)]
    by_idempotency_key: BTreeMap<(String, String), Uuid>,
}

impl Book {
    /// The last row that is in it.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// A booking.
    pub fn booking(&self, id: &Uuid) -> Option<&Booking> {
        self.bookings.get(id)
    }

    /// All bookings that are remembered.
    pub fn bookings(&self) -> impl Iterator<Item = (&Uuid, &Booking)> {
        self.bookings.iter()
    }

    /// A machine that counts.
    pub fn machine(&self, id: &MachineId) -> Option<&Machine> {
        self.machines.get(id)
    }

    /// All machines that count.
    pub fn machines(&self) -> impl Iterator<Item = (&MachineId, &Machine)> {
        self.machines.iter()
    }

    /// The count of every bucket that was ever claimed.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// The count of one bucket; zeroes where nothing was claimed.
    pub fn tally(&self, scope: &str, resource: Resource) -> Tally {
        self.tallies.get(scope, resource).cloned().unwrap_or_default()
    }

    /// When a machine was released, if that is not long ago.
    pub fn released_at(&self, id: &MachineId) -> Option<Millis> {
        self.released.get(id).copied()
    }

    /// The digest of the rules by which everything is priced.
    pub fn priced(&self) -> Option<&str> {
        self.priced.as_deref()
    }

    /// The state as text, for a checkpoint.
    ///
    /// # Errors
    /// None that can happen with these types; serde's interface has it.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The state of a checkpoint.
    ///
    /// # Errors
    /// A text that is no state.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        let mut book: Self = serde_json::from_str(text)?;
        book.index_all();
        Ok(book)
    }

    /// Forgets what no decision needs any more: bookings that ended before `before`, with those that a client named kept
    /// until `named_before`.
    pub fn forget(&mut self, before: Millis, named_before: Millis) {
        let old: Vec<Uuid> = self
            .bookings
            .iter()
            .filter(|(_, booking)| {
                let until = if booking.marks.idempotency_key.is_some() { named_before } else { before };
                booking.is_over() && booking.changed < until
            })
            .map(|(id, _)| *id)
            .collect();
        for id in old {
            if let Some(booking) = self.bookings.remove(&id) {
                self.unindex(&id, &booking);
            }
        }
        self.released.retain(|_, at| *at >= before);
        self.tallies.retain(|tally| !tally.is_empty() || tally.limit.is_some());
    }
}

/// Maps whose keys JSON cannot hold as member names.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
