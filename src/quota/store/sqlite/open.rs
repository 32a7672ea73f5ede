//! Opening: the lock, whose file it is, SQLite's settings, and the check of every row.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use uuid::Uuid;

use super::super::chain::{Link, START, Stored, StoredRow};
use super::super::{Checkpoint, Loaded, new_mark_key};
use super::file::{self, Found};
use super::trouble::Trouble;
use super::{Open, number};

/// Whose file it is, in SQLite's header: `ZenG`.
pub(super) const APPLICATION: i32 = i32::from_be_bytes(*b"ZenG");

/// The version of the tables.
const VERSION: i64 = 1;

/// Pages in the log before it is copied into the file, 8 MB: each time costs three syncs and the copying, for which everybody waits.
const LOG_PAGES: u32 = 2_000;

/// Nobody else writes; a reader's backup may hold a lock for a moment.
const BUSY: Duration = Duration::from_millis(500);

const TABLES: &str = "
    CREATE TABLE journal (seq INTEGER PRIMARY KEY, text TEXT NOT NULL, checksum BLOB NOT NULL) STRICT;
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        floor INTEGER NOT NULL, floor_checksum BLOB NOT NULL,
        seq INTEGER NOT NULL, checksum BLOB NOT NULL
    ) STRICT;
    CREATE TABLE checkpoint (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL, text TEXT NOT NULL, checksum BLOB NOT NULL
    ) STRICT;
    CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, epoch INTEGER NOT NULL) STRICT;
";

pub(super) fn open(path: &Path, lock: &mut Option<File>, owner: Uuid) -> Result<(Open, Loaded), Trouble> {
    if lock.is_none() {
        *lock = Some(file::lock(path)?);
    }
    if let Found::Nothing = file::look(path)? {
        file::create(path, fill)?;
    }
    let connection = connect(path)?;
    let version = pragma::<i64>(&connection, "user_version")?;
    if pragma::<i32>(&connection, "application_id")? != APPLICATION {
        return Err(Trouble::Foreign);
    }
    if version > VERSION {
        return Err(Trouble::Newer { version });
    }
    if version < VERSION {
        return Err(Trouble::Malformed { first: format!("version {version} of its form never was") });
    }
    let checked: String = pragma(&connection, "quick_check(1)")?;
    if checked != "ok" {
        return Err(Trouble::Malformed { first: checked });
    }
    let stored = read(&connection)?;
    let (floor, head) = (stored.floor, stored.head);
    let loaded = stored.verify()?;
    // Written at every start, so that a file that cannot be written to is found now and not at the first create.
    connection.execute(
        "INSERT INTO owner (one, id, epoch) VALUES (1, ?1, 1)
         ON CONFLICT (one) DO UPDATE SET id = ?1, epoch = epoch + 1",
        [owner.to_string()],
    )?;
    Ok((Open { connection, floor, head, in_turn: false }, loaded))
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> Result<T, Trouble> {
    Ok(connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
}

fn connect(path: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // The directory may be reached through links; the file itself may not be one: its log would lie beside the link.
    let whole = path.canonicalize().map_err(|error| Trouble::Io { doing: "open it", error })?;
    let connection = Connection::open_with_flags(whole, flags)?;
    connection.busy_timeout(BUSY)?;
    let mode: String = pragma(&connection, "journal_mode = WAL")?;
    if mode != "wal" {
        return Err(Trouble::NoLog { mode });
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    Ok(connection)
}

/// An empty ledger.
fn fill(path: &Path) -> Result<(), Trouble> {
    let mut connection = connect(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO head (one, floor, floor_checksum, seq, checksum) VALUES (1, 0, ?1, 0, ?1)",
        [START.sum],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    // The last one out copies the log into the file and removes it.
    connection.close().map_err(|(_, error)| Trouble::from(error))
}

/// Not among [`TABLES`] and without a version of its own: ledgers that were begun without it get it here, and an older
/// zengate that is put back does not look at it.
const MARKS: &str = "CREATE TABLE IF NOT EXISTS marks
    (one INTEGER PRIMARY KEY CHECK (one = 1), key BLOB NOT NULL CHECK (length(key) = 32)) STRICT";

/// The key of the orders' digests, made if there is none yet.
pub(super) fn mark_key(connection: &Connection) -> Result<[u8; 32], Trouble> {
    connection.execute_batch(MARKS)?;
    let found = |row: &rusqlite::Row<'_>| row.get(0);
    if let Some(key) = connection.query_row("SELECT key FROM marks", [], found).optional()? {
        return Ok(key);
    }
    let key = new_mark_key();
    connection.execute("INSERT INTO marks (one, key) VALUES (1, ?1)", [key])?;
    Ok(key)
}

fn read(connection: &Connection) -> Result<Stored, Trouble> {
    let head = connection
        .query_row("SELECT floor, floor_checksum, seq, checksum FROM head", [], |row| {
            let floor = Link { seq: unsigned(row.get(0)?), sum: row.get(1)? };
            Ok((floor, Link { seq: unsigned(row.get(2)?), sum: row.get(3)? }))
        })
        .optional()?;
    let Some((floor, head)) = head else {
        return Err(Trouble::Malformed { first: "its head is missing".to_owned() });
    };
    let checkpoint = connection
        .query_row("SELECT seq, text, checksum FROM checkpoint", [], |row| {
            Ok((Checkpoint { seq: unsigned(row.get(0)?), text: row.get(1)? }, row.get(2)?))
        })
        .optional()?;
    Ok(Stored { floor, rows: rows(connection, 0)?, head, checkpoint })
}

/// The rows after `known` as they are stored.
pub(super) fn rows(connection: &Connection, known: u64) -> Result<Vec<StoredRow>, Trouble> {
    let mut select =
        connection.prepare_cached("SELECT seq, text, checksum FROM journal WHERE seq > ?1 ORDER BY seq")?;
    let found = select.query_map(params![number(known)?], |row| {
        Ok(StoredRow { seq: unsigned(row.get(0)?), text: row.get(1)?, sum: row.get(2)? })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// A number that was written from an unsigned one; what is negative was never written and matches no checksum.
fn unsigned(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or(u64::MAX)
}
