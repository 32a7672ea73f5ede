//! The history in a file: a writing connection and a reading one, over SQLite's write-ahead log.
//!
//! `synchronous = NORMAL`: a power cut may cost the last batches and never the file. What people look for stands in small rows beside
//! the records, so that looking through many decisions does not read all of their text.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ToSql;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::filter::Bind;
use super::row::Row;
use super::store::{Find, Keep, SWEPT_AT_ONCE};
use super::{Ask, Found, HistoryAway, Size};
use crate::clock::Stopwatch;

/// Whose file it is, in SQLite's header: `ZenH`.
const APPLICATION: i32 = i32::from_be_bytes(*b"ZenH");
/// The version of the tables.
const VERSION: i32 = 1;
/// The other connection, or a backup, may hold a lock for a moment.
const BUSY: Duration = Duration::from_secs(2);
/// A question that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the time.
const STEPS: std::ffi::c_int = 20_000;

const TABLES: &str = "
    CREATE TABLE decision (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, team TEXT, key TEXT, service TEXT NOT NULL,
        action TEXT NOT NULL, verdict TEXT, outcome TEXT NOT NULL, rules TEXT NOT NULL, bytes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX decision_team ON decision (team, id);
    CREATE INDEX decision_key ON decision (key, id);
    CREATE TABLE record (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    CREATE TABLE touched (
        instance TEXT NOT NULL, id TEXT NOT NULL, how TEXT NOT NULL, PRIMARY KEY (instance, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX touched_id ON touched (id);
    CREATE TABLE total (one INTEGER PRIMARY KEY CHECK (one = 1), records INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
    INSERT INTO total VALUES (1, 0, 0);
";

/// Why the file could not be used.
enum Trouble {
    Told(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

const MEND: &str =
    "move it and the files beside it away and a new one is begun; the decision records have everything";

impl Trouble {
    fn of(self, path: &Path) -> HistoryAway {
        let file = format!("the history file {}", path.display());
        let error = match self {
            Self::Told(what) => return HistoryAway::because(format!("{file} {what}")),
            Self::Sqlite(error) => error,
        };
        HistoryAway::because(match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch) => {
                format!("{file} is damaged or not a history ({error}); {MEND}")
            }
            Some(ErrorCode::OperationInterrupted) => {
                "this takes too long to look for; narrow it (since, until, team, key or instance)".to_owned()
            }
            Some(ErrorCode::DiskFull) => format!("{file}: the disk is full; make room"),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => format!(
                "{file} cannot be opened or written to ({error}); it and its directory must be writable by the user of the gateway"
            ),
            Some(_) => format!("{file} cannot be used now ({error})"),
            None => format!("{file} is damaged ({error}); {MEND}"),
        })
    }
}

/// The writing end.
pub(super) struct Writing {
    path: PathBuf,
    open: Option<Connection>,
}

impl Writing {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None }
    }

    fn with<T>(&mut self, job: impl FnOnce(&mut Connection) -> Result<T, Trouble>) -> Result<T, HistoryAway> {
        let done = match &mut self.open {
            Some(connection) => job(connection),
            None => Err(Trouble::Told("is not open".to_owned())),
        };
        done.map_err(|trouble| {
            self.open = None;
            trouble.of(&self.path)
        })
    }
}

impl Keep for Writing {
    fn open(&mut self) -> Result<Size, HistoryAway> {
        self.open = None;
        self.open = Some(open(&self.path).map_err(|trouble| trouble.of(&self.path))?);
        self.size()
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), HistoryAway> {
        self.with(|connection| write(connection, rows))
    }

    fn settled(&mut self, decision: &str, ids: &[String]) -> Result<(), HistoryAway> {
        self.with(|connection| {
            // Only where the decision is here: what is not is not deleted with it.
            let sql = "INSERT OR IGNORE INTO touched SELECT ?1, id, 'created' FROM decision WHERE id = ?2";
            let mut insert = connection.prepare_cached(sql)?;
            ids.iter().try_for_each(|id| insert.execute(params![id, decision]).map(drop))?;
            Ok(())
        })
    }

    fn size(&mut self) -> Result<Size, HistoryAway> {
        self.with(|connection| {
            let size = connection.query_row("SELECT records, bytes FROM total", [], |row| {
                Ok(Size { records: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) })
            })?;
            Ok(size)
        })
    }

    fn sweep(&mut self, before: &str, most: u64) -> Result<u64, HistoryAway> {
        self.with(|connection| sweep(connection, before, i64::try_from(most).unwrap_or(i64::MAX)))
    }
}

fn open(path: &Path) -> Result<Connection, Trouble> {
    let told = |what: &str| Trouble::Told(what.to_owned());
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(Trouble::Told(format!(
                "cannot be made ({}); create its directory, writable by the user of the gateway",
                error.kind()
            )));
        }
    }
    if !path.is_file() {
        return Err(told("is not a file; name a file with history.file"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // The directory may be reached through links; the file itself may not be one: its log would lie beside the link.
    let whole =
        path.canonicalize().map_err(|error| Trouble::Told(format!("cannot be opened ({})", error.kind())))?;
    let mut connection = Connection::open_with_flags(whole, flags)?;
    connection.busy_timeout(BUSY)?;
    let number = |connection: &Connection, name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0))
    };
    let (application, version) =
        (number(&connection, "application_id")?, number(&connection, "user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Err(told(
            "is a database of another program and was not touched; name another file with history.file",
        ));
    }
    if version > VERSION {
        return Err(Trouble::Told(format!(
            "was written by a newer zengate (version {version} of its form); start that one, or name another file with history.file"
        )));
    }
    if tables == 0 {
        // Given back to the disk what is deleted; has to be said before the first table.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Trouble::Told(format!(
            "takes no write-ahead log (journal mode {mode}); put it on a local disk"
        )));
    }
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
    )?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(connection)
}

fn write(connection: &mut Connection, rows: &[Row]) -> Result<(), Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut decision = transaction.prepare_cached(
            "INSERT OR IGNORE INTO decision (id, team, key, service, action, verdict, outcome, rules, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let mut record = transaction.prepare_cached("INSERT INTO record (seq, body) VALUES (?1, ?2)")?;
        let mut touched = transaction
            .prepare_cached("INSERT OR REPLACE INTO touched (instance, id, how) VALUES (?1, ?2, ?3)")?;
        let (mut records, mut sum) = (0_i64, 0_i64);
        for row in rows {
            let bytes = i64::try_from(row.body.len()).unwrap_or(i64::MAX);
            let Row { id, team, key, service, action, verdict, outcome, rules, .. } = row;
            let new =
                decision.execute(params![id, team, key, service, action, verdict, outcome, rules, bytes])?;
            if new == 0 {
                continue;
            }
            record.execute(params![transaction.last_insert_rowid(), row.body])?;
            for (instance, how) in &row.touched {
                touched.execute(params![instance, id, how])?;
            }
            (records, sum) = (records.saturating_add(1), sum.saturating_add(bytes));
        }
        transaction.execute("UPDATE total SET records = records + ?1, bytes = bytes + ?2", [records, sum])?;
    }
    transaction.commit()?;
    Ok(())
}

fn sweep(connection: &mut Connection, before: &str, most: i64) -> Result<u64, Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut over: i64 = transaction.query_row("SELECT bytes - ?1 FROM total", [most], |row| row.get(0))?;
    let mut gone = Vec::new();
    {
        let mut oldest =
            transaction.prepare_cached("SELECT seq, id, bytes FROM decision ORDER BY id LIMIT ?1")?;
        let mut found = oldest.query([SWEPT_AT_ONCE])?;
        while let Some(row) = found.next()? {
            let (seq, id, bytes): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if id.as_str() >= before && over <= 0 {
                break;
            }
            over = over.saturating_sub(bytes);
            gone.push((seq, id, bytes));
        }
    }
    {
        let mut decision = transaction.prepare_cached("DELETE FROM decision WHERE seq = ?1")?;
        let mut record = transaction.prepare_cached("DELETE FROM record WHERE seq = ?1")?;
        let mut touched = transaction.prepare_cached("DELETE FROM touched WHERE id = ?1")?;
        for (seq, id, _) in &gone {
            decision.execute([seq])?;
            record.execute([seq])?;
            touched.execute([id])?;
        }
    }
    let bytes: i64 = gone.iter().map(|(.., bytes)| bytes).sum();
    let number = i64::try_from(gone.len()).unwrap_or(i64::MAX);
    transaction.execute("UPDATE total SET records = records - ?1, bytes = bytes - ?2", [number, bytes])?;
    transaction.commit()?;
    if number > 0 {
        connection.execute_batch("PRAGMA incremental_vacuum(1000)")?;
    }
    Ok(unsigned(number))
}

/// The reading end.
pub(super) struct Reading {
    path: PathBuf,
    open: Option<Connection>,
}

impl Reading {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None }
    }

    fn connection(&mut self) -> Result<&Connection, Trouble> {
        if self.open.is_none() {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_EXRESCODE;
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(BUSY)?;
            let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
            if application != APPLICATION {
                return Err(Trouble::Told("is not a history".to_owned()));
            }
            connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
            self.open = Some(connection);
        }
        self.open.as_ref().ok_or_else(|| Trouble::Told("is not open".to_owned()))
    }
}

impl Find for Reading {
    fn find(&mut self, ask: &Ask) -> Result<Vec<Found>, HistoryAway> {
        let found = self.connection().and_then(|connection| {
            let watch = Stopwatch::start();
            connection.progress_handler(STEPS, Some(move || watch.elapsed() > PATIENCE))?;
            find(connection, ask)
        });
        found.map_err(|trouble| {
            self.open = None;
            trouble.of(&self.path)
        })
    }
}

fn find(connection: &Connection, ask: &Ask) -> Result<Vec<Found>, Trouble> {
    let found = match ask {
        Ask::One(id) => {
            let sql = "SELECT d.seq, NULL, r.body FROM decision d JOIN record r USING (seq) WHERE d.id = ?1";
            connection.prepare_cached(sql)?.query_row([id], found).optional()?.into_iter().collect()
        }
        Ask::Instance(instance) => {
            let sql = "SELECT d.seq, t.how, r.body FROM touched t JOIN decision d USING (id) JOIN record r USING (seq)
                       WHERE t.instance = ?1 ORDER BY t.id LIMIT 10000";
            connection.prepare_cached(sql)?.query_map([instance], found)?.collect::<Result<_, _>>()?
        }
        Ask::List(filter, limit) => {
            let mut sql = filter.sql("", "LIKE", '?');
            let limit = sql.bind(Bind::Number(i64::try_from(*limit).unwrap_or(i64::MAX)));
            let text = format!(
                "SELECT d.seq, NULL, r.body FROM decision d JOIN record r USING (seq) WHERE {} ORDER BY {} LIMIT {limit}",
                sql.condition,
                filter.order()
            );
            let binds: Vec<&dyn ToSql> = sql
                .binds
                .iter()
                .map(|bind| match bind {
                    Bind::Text(text) => text as &dyn ToSql,
                    Bind::Number(number) => number,
                })
                .collect();
            connection.prepare_cached(&text)?.query_map(&*binds, found)?.collect::<Result<_, _>>()?
        }
    };
    Ok(found)
}

fn found(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found { seq: row.get(0)?, how: row.get(1)?, body: row.get(2)? })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
