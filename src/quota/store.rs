//! Where the journal is kept: rows in one total order, durable when [`Store::commit`] returns.
//!
//! A store knows nothing of quota. It keeps numbered texts, one checkpoint, and who owns what at the moment; what the
//! texts mean is decided by the pure state machine above it, which is the same for every store. All calls come from one
//! thread, the ledger's own, and may block.
//!
//! A turn is `begin`, then `commit` or `abandon`. Between the two no other owner appends: the embedded store has one
//! owner at a time, the shared one holds a row lock, which the server takes back from an owner that has stopped. Any call
//! but `commit` abandons a turn that is open.

mod chain;
#[cfg(test)]
mod conformance;
pub mod postgres;
pub mod sqlite;

use std::time::Duration;

use uuid::Uuid;

/// A row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number: 1 for the first, without gaps.
    pub seq: u64,
    /// What it says; never empty.
    pub text: String,
}

/// The state of the fold up to a row, so that older rows need not be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last row that is in it.
    pub seq: u64,
    /// The state.
    pub text: String,
}

/// Everything that a fold begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The newest checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// All rows after it, in order.
    pub rows: Vec<Row>,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or used now; another try with a new connection may succeed. Whether a `commit` that ended
    /// like this took effect is unknown until the rows are read again.
    #[error("{what}")]
    Away {
        /// What was tried, for the operator.
        what: String,
        /// Why it failed.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// It must not be used any more by this process: a failed sync, a damaged row, a foreign file. Never retried.
    #[error("{what}")]
    Dead {
        /// What is wrong and how to mend it, for the operator.
        what: String,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// A key for digests of orders that nobody has seen before.
fn new_mark_key() -> [u8; 32] {
    let (one, other) = (Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes());
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(one.into_iter().chain(other)) {
        *to = from;
    }
    key
}

/// A journal with one total order.
pub trait Store: Send {
    /// For logs and labels: `sqlite` or `postgres`.
    fn name(&self) -> &'static str;

    /// Whether only one owner can have it open: whoever wrote to it before is dead then.
    fn exclusive(&self) -> bool;

    /// (Re)connects, checks that the store is fit (durability settings, schema, checksums), registers `owner` with a fresh
    /// lease, and gives everything back. The first call after a failure of any other one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open(&mut self, owner: Uuid) -> Result<Loaded, StoreError>;

    /// The key that digests of orders are made with: made by the first owner there ever was, the same for all of them from
    /// then on. After [`Store::open`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn mark_key(&mut self) -> Result<[u8; 32], StoreError>;

    /// Starts a turn and gives the rows after `known` that others appended since. A shared store that has dropped rows
    /// after `known` in favour of a checkpoint gives [`StoreError::Away`]: open again.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin(&mut self, known: u64) -> Result<Vec<Row>, StoreError>;

    /// Ends a turn: appends `texts` with the numbers that follow, all or none, durable on return. With no texts nothing is
    /// written.
    ///
    /// # Errors
    /// [`StoreError`].
    fn commit(&mut self, texts: &[String]) -> Result<(), StoreError>;

    /// The rows after `known`, outside a turn: what other owners wrote. Nothing for an embedded store.
    ///
    /// # Errors
    /// [`StoreError`].
    fn newer(&mut self, known: u64) -> Result<Vec<Row>, StoreError>;

    /// Renews this owner's lease, and gives the owners whose lease was last renewed longer ago than `dead_after` by the
    /// store's own clock. An embedded store knows no others: whoever opened the file before is dead since [`Store::open`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn renew(&mut self, dead_after: Duration) -> Result<Vec<Uuid>, StoreError>;

    /// Forgets the leases of owners that are dead and whose holds have been dealt with.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget(&mut self, owners: &[Uuid]) -> Result<(), StoreError>;

    /// Tries to become or stay the one that reconciles, for `term` from now by the store's clock.
    ///
    /// # Errors
    /// [`StoreError`].
    fn lead(&mut self, term: Duration) -> Result<bool, StoreError>;

    /// Writes a checkpoint and drops the rows up to `checkpoint.seq` minus `keep`, in one durable step.
    ///
    /// # Errors
    /// [`StoreError`].
    fn checkpoint(&mut self, checkpoint: &Checkpoint, keep: u64) -> Result<(), StoreError>;

    /// Ends cleanly: gives up the lease and the leadership.
    fn close(&mut self);
}
