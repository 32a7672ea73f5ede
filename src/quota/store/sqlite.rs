//! The embedded store: one SQLite file, nothing to set up, one owner at a time.
//!
//! A commit is one transaction in the write-ahead log and one sync. Opening is where suspicion lives (`open`): whose file
//! it is, whether another process has it, whether every row is what was written. An error that may be a failed sync makes
//! the store dead for this process (`trouble`): what the kernel then says about the file is not what is on the disk.

mod file;
mod open;
#[cfg(test)]
mod tests;
mod trouble;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::chain::{self, Link};
use super::{Checkpoint, Loaded, Row, Store, StoreError};
use trouble::Trouble;

/// A journal in a file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    /// Held from the first opening to [`Store::close`].
    lock: Option<File>,
    open: Option<Open>,
    /// Why it must not be used any more.
    dead: Option<String>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    floor: Link,
    head: Link,
    in_turn: bool,
}

impl Sqlite {
    /// A store in this file; nothing is touched before [`Store::open`].
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock: None, open: None, dead: None }
    }

    fn alive(&self) -> Result<(), StoreError> {
        match &self.dead {
            Some(what) => Err(StoreError::Dead { what: what.clone(), source: None }),
            None => Ok(()),
        }
    }

    /// The open file; a failure of `job` closes it, and some failures for good.
    fn with<T>(&mut self, job: impl FnOnce(&mut Open) -> Result<T, Trouble>) -> Result<T, StoreError> {
        self.alive()?;
        let Some(open) = &mut self.open else {
            let what = format!("the ledger file {} is not open", self.path.display());
            return Err(StoreError::Away { what, source: None });
        };
        job(open).map_err(|trouble| self.failed(trouble))
    }

    /// What needs no file; like every other call it abandons the turn that is open.
    fn outside_a_turn<T>(&mut self, answer: T) -> Result<T, StoreError> {
        self.with(|open| {
            open.in_turn = false;
            Ok(answer)
        })
    }

    fn failed(&mut self, trouble: Trouble) -> StoreError {
        let error = trouble.of(&self.path);
        if let StoreError::Dead { what, .. } = &error {
            self.dead = Some(what.clone());
            if let Some(open) = &self.open {
                // Closing would copy the log into the file: not after a failed sync.
                let _ = open.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            }
        }
        self.open = None;
        error
    }
}

/// Whether a ledger lies there; nothing is opened or written, so a gateway may be using it.
///
/// # Errors
/// What lies there is no ledger, or cannot be looked at.
pub fn glance(path: &Path) -> Result<bool, StoreError> {
    file::look(path).map(|found| !matches!(found, file::Found::Nothing)).map_err(|trouble| trouble.of(path))
}

impl Store for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn exclusive(&self) -> bool {
        true
    }

    fn open(&mut self, owner: Uuid) -> Result<Loaded, StoreError> {
        self.alive()?;
        self.open = None;
        let opened = open::open(&self.path, &mut self.lock, owner);
        let (open, loaded) = opened.map_err(|trouble| self.failed(trouble))?;
        self.open = Some(open);
        Ok(loaded)
    }

    fn mark_key(&mut self) -> Result<[u8; 32], StoreError> {
        self.with(|open| {
            open.in_turn = false;
            open::mark_key(&open.connection)
        })
    }

    fn begin(&mut self, known: u64) -> Result<Vec<Row>, StoreError> {
        self.with(|open| {
            open.in_turn = true;
            if known == open.head.seq {
                return Ok(Vec::new());
            }
            if known < open.floor.seq || known > open.head.seq {
                return Err(Trouble::Gap { known });
            }
            Ok(chain::plain(open::rows(&open.connection, known)?, known))
        })
    }

    fn commit(&mut self, texts: &[String]) -> Result<(), StoreError> {
        self.with(|open| {
            if !std::mem::take(&mut open.in_turn) {
                return Err(Trouble::NoTurn);
            }
            if texts.is_empty() {
                return Ok(());
            }
            let head = append(&mut open.connection, open.head, texts)?;
            open.head = head;
            Ok(())
        })
    }

    fn newer(&mut self, _known: u64) -> Result<Vec<Row>, StoreError> {
        self.outside_a_turn(Vec::new())
    }

    fn renew(&mut self, _dead_after: Duration) -> Result<Vec<Uuid>, StoreError> {
        self.outside_a_turn(Vec::new())
    }

    fn forget(&mut self, _owners: &[Uuid]) -> Result<(), StoreError> {
        self.outside_a_turn(())
    }

    fn lead(&mut self, _term: Duration) -> Result<bool, StoreError> {
        self.outside_a_turn(true)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, keep: u64) -> Result<(), StoreError> {
        self.with(|open| {
            open.in_turn = false;
            let floor = open.floor.seq.max(checkpoint.seq.saturating_sub(keep));
            open.floor = replace(&mut open.connection, open.floor, checkpoint, floor)?;
            Ok(())
        })
    }

    fn close(&mut self) {
        self.open = None;
        self.lock = None;
    }
}

fn append(connection: &mut Connection, head: Link, texts: &[String]) -> Result<Link, Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut end = head;
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO journal (seq, text, checksum) VALUES (?1, ?2, ?3)")?;
        for text in texts {
            end = end.then(text);
            insert.execute(params![number(end.seq)?, text, end.sum])?;
        }
        let mut update = transaction
            .prepare_cached("UPDATE head SET seq = ?1, checksum = ?2 WHERE seq = ?3 AND checksum = ?4")?;
        let here = update.execute(params![number(end.seq)?, end.sum, number(head.seq)?, head.sum])?;
        if here != 1 {
            return Err(Trouble::Meddled);
        }
    }
    transaction.commit()?;
    Ok(end)
}

/// Writes a checkpoint, drops the rows up to `until`, and gives the new floor.
fn replace(
    connection: &mut Connection,
    floor: Link,
    checkpoint: &Checkpoint,
    until: u64,
) -> Result<Link, Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let at = link(&transaction, floor, checkpoint.seq)?;
    let until = link(&transaction, floor, until)?;
    transaction.execute(
        "INSERT OR REPLACE INTO checkpoint (one, seq, text, checksum) VALUES (1, ?1, ?2, ?3)",
        params![number(at.seq)?, checkpoint.text, at.checkpoint(&checkpoint.text)],
    )?;
    transaction.execute("DELETE FROM journal WHERE seq <= ?1", [number(until.seq)?])?;
    transaction
        .execute("UPDATE head SET floor = ?1, floor_checksum = ?2", params![number(until.seq)?, until.sum])?;
    transaction.commit()?;
    Ok(until)
}

fn link(transaction: &Transaction<'_>, floor: Link, seq: u64) -> Result<Link, Trouble> {
    if seq == floor.seq {
        return Ok(floor);
    }
    let mut select = transaction.prepare_cached("SELECT checksum FROM journal WHERE seq = ?1")?;
    match select.query_row([number(seq)?], |row| row.get(0)) {
        Ok(sum) => Ok(Link { seq, sum }),
        Err(rusqlite::Error::QueryReturnedNoRows) => Err(Trouble::Gap { known: seq }),
        Err(error) => Err(error.into()),
    }
}

/// A row's number as SQLite keeps it.
fn number(seq: u64) -> Result<i64, Trouble> {
    i64::try_from(seq).map_err(|_| Trouble::Meddled)
}
