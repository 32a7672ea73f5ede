//! Keys that are made by order and kept beside the gateway: in a file of its own, or in the database that replicas share.
//!
//! A store is a list of sealed rows with one counter, the revision, that every write moves on by one; who knows the
//! revision knows which rows are new. [`KeyStore`] holds what it last read, opened, and looks at the counter about once a
//! second. A store that is away, damaged or sealed with another key takes nothing back: what was read stays in use, is told
//! of loudly, and no order is carried out until the store is read again.

mod make;
mod moments;
mod order;
mod postgres;
mod record;
mod seals;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::{Accounts, Key, LiveSecret};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::quota::store::StoreError;
use crate::quota::store::postgres::Settings;
use crate::secret::Secret;

pub use order::{Credentials, NewKey, Order, OrderError};
pub(super) use order::{Handed, Named};
pub(super) use record::Record;
use seals::Seals;

/// The most keys that a store takes, revoked ones included.
const MOST: usize = 50_000;
/// How often an order is tried against what others write at the same moment.
const TRIES: usize = 20;

/// Where the rows are.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file of this gateway alone.
    File(PathBuf),
    /// The schema of the shared ledger.
    Postgres(Box<Settings>),
}

/// A key as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The access key id.
    pub(crate) id: String,
    /// The write that put it there.
    pub(crate) revision: u64,
    /// Everything about it.
    pub(crate) sealed: String,
}

/// What a store holds besides what is known.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The revision with it.
    revision: u64,
    /// Whether the rows are all there are, and not only what is new.
    whole: bool,
    rows: Vec<Row>,
}

/// Rows and the counter. Calls come one at a time and may block.
pub(crate) trait Rows: Send {
    /// What was written since `known`; everything, where nothing is known or the store was opened anew. None if nothing was
    /// written.
    fn read(&mut self, known: Option<u64>) -> Result<Option<News>, StoreError>;

    /// Puts a row there if the store's revision is the one before the row's. False: it is not, so read again.
    fn write(&mut self, row: &Row) -> Result<bool, StoreError>;
}

/// What was last read.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// None until the store was read for the first time.
    revision: Option<u64>,
    pub(super) records: BTreeMap<String, Arc<Record>>,
    /// Why the store cannot be used now.
    away: Option<String>,
}

/// See the module.
pub struct KeyStore {
    rows: Mutex<Box<dyn Rows>>,
    seals: Seals,
    accounts: Accounts,
    clock: Clock,
    held: ArcSwap<Held>,
}

/// How a look at the store ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing is new.
    Unchanged,
    /// The store can be used, and what is in use has changed or could not be used before.
    Read,
    /// It cannot be used, or what is in it must not be; everything stays as it was.
    Kept(String),
}

impl KeyStore {
    /// Opens the store and reads it; blocks. One that is only away now is taken, and read when it is there. `older` are the
    /// keys that it was sealed with before.
    ///
    /// # Errors
    /// A store that must not be used, or that these keys do not open.
    pub fn open<'a>(
        place: &Place,
        (seal, older): (&Secret, impl Iterator<Item = &'a Secret>),
        accounts: Accounts,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let dead = |what: String| StoreError::Dead { what, source: None };
        let seals =
            Seals::new(seal, older).ok_or_else(|| dead("keys.store.seal holds no sealing key".to_owned()))?;
        let rows: Box<dyn Rows> = match place {
            Place::File(path) => Box::new(sqlite::Sqlite::new(path.clone())),
            Place::Postgres(settings) => Box::new(postgres::Postgres::new((**settings).clone())),
        };
        let held = ArcSwap::default();
        let store = Self { rows: Mutex::new(rows), seals, accounts, clock, held };
        match store.catch_up(&mut **store.rows.lock().unwrap_or_else(PoisonError::into_inner)) {
            Ok(_) => {}
            Err(Trouble::Store(away @ StoreError::Away { .. })) => store.mark(with_causes(&away)),
            Err(Trouble::Store(dead)) => return Err(dead),
            Err(Trouble::Row(what)) => return Err(dead(format!("the key store: {what}"))),
        }
        Ok(store)
    }

    /// Looks whether something is new; blocks.
    pub(super) fn look(&self) -> Look {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        match self.catch_up(&mut **rows) {
            Ok(false) => Look::Unchanged,
            Ok(true) => Look::Read,
            Err(trouble) => {
                let why = trouble.words();
                self.mark(why.clone());
                Look::Kept(why)
            }
        }
    }

    /// What is in use.
    pub(super) fn held(&self) -> Arc<Held> {
        self.held.load_full()
    }

    /// Whether it was ever read: until then nobody knows which keys there are.
    pub(super) fn was_read(&self) -> bool {
        self.held.load().revision.is_some()
    }

    /// Why it cannot be used now.
    pub(super) fn away(&self) -> Option<String> {
        self.held.load().away.clone()
    }

    /// The key of a record, or why it cannot be used.
    pub(super) fn key(&self, id: &str, record: &Record) -> Result<(Key, Vec<LiveSecret>), String> {
        record.key(id, &self.accounts)
    }

    /// Carries out an order about one key; blocks. `taken` are ids that are not the store's to give.
    pub(super) fn carry_out(
        &self,
        order: &Order,
        taken: impl Fn(&str) -> bool,
    ) -> Result<Handed, OrderError> {
        let now = self.clock.timestamp();
        let made = order.make(&self.accounts, now)?;
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES {
            self.caught_up(&mut **rows)?;
            let held = self.held();
            let Named { id, record, secret, token } = made.apply(&held.records, &taken, now)?;
            if matches!(order, Order::Create(_)) && held.records.len() >= MOST {
                return Err(OrderError::Conflict(format!(
                    "the store holds {MOST} keys, which is all it takes"
                )));
            }
            if held.records.get(&id).is_some_and(|before| **before == record) {
                return Ok(Handed { id, secret, token });
            }
            if self.put(&mut **rows, &held, &id, record)? {
                return Ok(Handed { id, secret, token });
            }
        }
        Err(OrderError::Away("others are writing all the time; try again".to_owned()))
    }

    /// Seals everything anew that was sealed with an older key; blocks. How many rows that were.
    pub(super) fn reseal(&self) -> Result<usize, OrderError> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        for row in self.older(&mut **rows)? {
            for _ in 0..TRIES {
                self.caught_up(&mut **rows)?;
                let held = self.held();
                let Some(record) = held.records.get(&row.id) else { break };
                if self.put(&mut **rows, &held, &row.id, Record::clone(record))? {
                    done += 1;
                    break;
                }
            }
        }
        Ok(done)
    }

    /// The rows that were sealed with an older key.
    fn older(&self, rows: &mut dyn Rows) -> Result<Vec<Row>, OrderError> {
        let all = rows.read(None).map_err(|error| self.failed(Trouble::Store(error)))?.unwrap_or_default();
        Ok(all.rows.into_iter().filter(|row| self.seals.is_older(row)).collect())
    }

    /// Writes a record behind what is held, and holds it; false if others have written meanwhile.
    fn put(&self, rows: &mut dyn Rows, held: &Held, id: &str, record: Record) -> Result<bool, OrderError> {
        let revision = held.revision.unwrap_or(0).saturating_add(1);
        let row = self.seals.seal(id, revision, &record).map_err(OrderError::Away)?;
        if !rows.write(&row).map_err(|error| self.failed(Trouble::Store(error)))? {
            return Ok(false);
        }
        let mut records = held.records.clone();
        records.insert(id.to_owned(), Arc::new(record));
        self.held.store(Arc::new(Held { revision: Some(revision), records, away: None }));
        Ok(true)
    }

    fn caught_up(&self, rows: &mut dyn Rows) -> Result<bool, OrderError> {
        self.catch_up(rows).map_err(|trouble| self.failed(trouble))
    }

    fn failed(&self, trouble: Trouble) -> OrderError {
        let why = trouble.words();
        self.mark(why.clone());
        OrderError::Away(why)
    }

    /// Reads what is new; true if that is more than nothing, or the store could not be used before.
    fn catch_up(&self, rows: &mut dyn Rows) -> Result<bool, Trouble> {
        let held = self.held();
        let again = if held.away.is_some() { None } else { held.revision };
        let Some(news) = rows.read(again).map_err(Trouble::Store)? else { return Ok(false) };
        let mut records = if news.whole { BTreeMap::new() } else { held.records.clone() };
        for row in news.rows {
            let record = self.seals.open(&row).map_err(Trouble::Row)?;
            records.insert(row.id, Arc::new(record));
        }
        self.held.store(Arc::new(Held { revision: Some(news.revision), records, away: None }));
        Ok(true)
    }

    fn mark(&self, why: String) {
        let held = self.held();
        let records = held.records.clone();
        self.held.store(Arc::new(Held { revision: held.revision, records, away: Some(why) }));
    }
}

/// Why the store could not be read.
enum Trouble {
    Store(StoreError),
    /// A row that does not open.
    Row(String),
}

impl Trouble {
    fn words(&self) -> String {
        match self {
            Self::Store(error) => with_causes(error),
            Self::Row(what) => what.clone(),
        }
    }
}

impl std::fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyStore").field("keys", &self.held.load().records.len()).finish_non_exhaustive()
    }
}
