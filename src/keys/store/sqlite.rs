//! A key store in a file: one SQLite database, which several processes on one machine may share.
//!
//! A write is one transaction and durable when it returns. The file is made once, whole, at the first start; a file that is
//! gone or is another one than was opened is noticed at the next look, because an empty store must never take the place of a
//! full one while keys are in use.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::{News, Row, Rows};
use crate::quota::store::StoreError;

/// Whose file it is, in SQLite's header: `ZenK`.
const APPLICATION: i32 = i32::from_be_bytes(*b"ZenK");
/// The version of the tables.
const VERSION: i64 = 1;
/// For another process that writes.
const BUSY: Duration = Duration::from_secs(2);

const TABLES: &str = "
    CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL) STRICT;
    INSERT INTO head (one, revision) VALUES (1, 0);
    CREATE TABLE key (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, sealed TEXT NOT NULL) STRICT;
";

/// See the module.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    open: Option<Open>,
    /// Whether it was ever open: from then on it must be there.
    opened: bool,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// Device and number of the file.
    file: (u64, u64),
}

enum Trouble {
    Dead(String),
    Away(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Sqlite {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: None, opened: false }
    }

    fn failed(&mut self, trouble: Trouble) -> StoreError {
        self.open = None;
        let file = format!("the key store {}", self.path.display());
        match trouble {
            Trouble::Dead(what) => StoreError::Dead { what: format!("{file} {what}"), source: None },
            Trouble::Away(what) => StoreError::Away { what: format!("{file} {what}"), source: None },
            Trouble::Sqlite(error) => {
                let damaged = matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) | None
                );
                let source = Some(Box::new(error) as Box<dyn std::error::Error + Send + Sync>);
                if damaged {
                    let what = format!("{file} is damaged or no key store; restore it from a backup");
                    return StoreError::Dead { what, source };
                }
                let what = format!(
                    "{file} cannot be used; it and its directory must be writable by the user of the gateway"
                );
                StoreError::Away { what, source }
            }
        }
    }

    /// The open file, and whether it was opened just now.
    fn connection(&mut self) -> Result<(&mut Connection, bool), Trouble> {
        let file = identity(&self.path);
        if self.open.as_ref().is_some_and(|open| file != Some(open.file)) {
            self.open = None;
        }
        let fresh = self.open.is_none();
        if fresh {
            if file.is_none() && self.opened {
                return Err(Trouble::Away(
                    "is gone; put it back, or restart the gateway for an empty one".to_owned(),
                ));
            }
            let open = open(&self.path)?;
            self.opened = true;
            self.open = Some(open);
        }
        match &mut self.open {
            Some(open) => Ok((&mut open.connection, fresh)),
            None => Err(Trouble::Away("is not open".to_owned())),
        }
    }

    fn news(&mut self, known: Option<u64>) -> Result<Option<News>, Trouble> {
        let (connection, fresh) = self.connection()?;
        // One transaction, so that the rows are those of the revision.
        let transaction = connection.transaction()?;
        let revision: i64 = transaction.query_row("SELECT revision FROM head", [], |row| row.get(0))?;
        let revision = u64::try_from(revision).unwrap_or(0);
        let known = known.filter(|known| !fresh && *known <= revision);
        if known == Some(revision) {
            return Ok(None);
        }
        let mut select = transaction
            .prepare("SELECT id, revision, sealed FROM key WHERE revision > ?1 ORDER BY revision")?;
        let rows = select.query_map([number(known.unwrap_or(0))], |row| {
            let revision: i64 = row.get(1)?;
            Ok(Row { id: row.get(0)?, revision: u64::try_from(revision).unwrap_or(0), sealed: row.get(2)? })
        })?;
        Ok(Some(News { revision, whole: known.is_none(), rows: rows.collect::<Result<_, _>>()? }))
    }

    fn put(&mut self, row: &Row) -> Result<bool, Trouble> {
        let (connection, fresh) = self.connection()?;
        if fresh {
            return Ok(false); // what is in it is not what was known
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = number(row.revision.saturating_sub(1));
        let moved = transaction.execute(
            "UPDATE head SET revision = ?1 WHERE revision = ?2",
            params![number(row.revision), before],
        )?;
        if moved != 1 {
            return Ok(false);
        }
        transaction.execute(
            "INSERT INTO key (id, revision, sealed) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, sealed = excluded.sealed",
            params![row.id, number(row.revision), row.sealed],
        )?;
        transaction.commit()?;
        Ok(true)
    }
}

impl Rows for Sqlite {
    fn read(&mut self, known: Option<u64>) -> Result<Option<News>, StoreError> {
        self.news(known).map_err(|trouble| self.failed(trouble))
    }

    fn write(&mut self, row: &Row) -> Result<bool, StoreError> {
        self.put(row).map_err(|trouble| self.failed(trouble))
    }
}

fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// Which file it is; none where there is none.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()))
}

fn open(path: &Path) -> Result<Open, Trouble> {
    match std::fs::metadata(path) {
        Ok(facts) if !facts.is_file() => {
            return Err(Trouble::Dead("is not a file; name a file with keys.store.file".to_owned()));
        }
        Ok(facts) if facts.len() == 0 => {
            let what = "is empty, which no key store is: it was cut or made by hand; restore it from a backup, or delete it";
            return Err(Trouble::Dead(what.to_owned()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path)?,
        Err(error) => return Err(Trouble::Away(format!("cannot be looked at ({})", error.kind()))),
    }
    let connection = connect(path)?;
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    if pragma("application_id")? != i64::from(APPLICATION) {
        let what =
            "is a database of another program and was not touched; name another file with keys.store.file";
        return Err(Trouble::Dead(what.to_owned()));
    }
    let version = pragma("user_version")?;
    if version != VERSION {
        let what = format!(
            "was written by a newer zengate (version {version} of its form, this one knows {VERSION}); start that one, or restore a backup from before it"
        );
        return Err(Trouble::Dead(what));
    }
    let file = identity(path).ok_or_else(|| Trouble::Away("is gone".to_owned()))?;
    Ok(Open { connection, file })
}

fn connect(path: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let whole =
        path.canonicalize().map_err(|error| Trouble::Away(format!("cannot be opened ({})", error.kind())))?;
    let connection = Connection::open_with_flags(whole, flags)?;
    connection.busy_timeout(BUSY)?;
    // No write-ahead log: writes are rare, and the store is one file then.
    connection.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// Makes an empty store under another name; only what is complete and synced gets this one.
fn create(path: &Path) -> Result<(), Trouble> {
    let io = |error: std::io::Error| {
        Trouble::Away(format!(
            "cannot be made ({}); its directory must be writable by the user of the gateway",
            error.kind()
        ))
    };
    let mut left = path.as_os_str().to_owned();
    left.push("-journal");
    if Path::new(&left).exists() {
        return Err(Trouble::Dead(format!(
            "is gone, but {} is still there and belongs to it; restore the store beside it, or move the leftover away",
            Path::new(&left).display()
        )));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Only its owner may read it.
    let draft = tempfile::Builder::new().prefix(".zengate-keys-").tempfile_in(directory).map_err(io)?;
    let mut connection = connect(draft.path())?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| Trouble::from(error))?;
    draft.as_file().sync_all().map_err(io)?;
    match draft.persist_noclobber(path) {
        Ok(_) => {}
        // Another process was first.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error.error)),
    }
    // The name is durable only when the directory is.
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)
}
