//! What can go wrong with the file, and whether it ends the store for this process.
//!
//! The line is drawn at the sync. After one has failed the kernel may have thrown the data away and still show it, so
//! nothing read from the file afterwards can be believed: dead. A full disk, a lock or a read-only mount is told before
//! anything is promised: away, and another try may succeed.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;

use super::super::StoreError;
use super::super::chain::Damage;

/// Why the file could not be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Its directory is not there.
    NoDirectory,
    /// It is a directory, a pipe or the like.
    NoFile,
    /// It has no content.
    Empty,
    /// It is not an SQLite database.
    NoDatabase,
    /// A database of another program.
    Foreign,
    /// Written by a newer zengate.
    Newer { version: i64 },
    /// It is gone, but files that belong to it are there.
    Leftovers { file: PathBuf },
    /// Another process holds the lock.
    Locked { lock: PathBuf },
    /// SQLite's own check found something.
    Malformed { first: String },
    /// A row or checkpoint is not what was written.
    Damaged(Damage),
    /// Someone else has written to it.
    Meddled,
    /// It would not take a write-ahead log.
    NoLog { mode: String },
    /// Rows after this one are not there.
    Gap { known: u64 },
    /// A commit without a turn.
    NoTurn,
    /// The operating system's refusal.
    Io { doing: &'static str, error: io::Error },
    /// SQLite's refusal.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Damage> for Trouble {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

const MEND: &str = "restore it from a backup, or move it and the files beside it away and start with an empty ledger, which then counts again what the cloud lists";

const MEDDLED: &str =
    "was written to by something else while it was in use; find out by what, then start again";

impl Trouble {
    /// The error, with the file's name and what to do.
    pub(super) fn of(self, path: &Path) -> StoreError {
        let file = format!("the ledger file {}", path.display());
        let dead = |what: String| StoreError::Dead { what, source: None };
        match self {
            Self::NoDirectory => {
                dead(format!("{file} cannot be made: its directory does not exist; create it"))
            }
            Self::NoFile => dead(format!("{file} is not a file; name a file with quota.file")),
            Self::Empty => dead(format!(
                "{file} is empty, which no ledger is: it was cut or made by hand; {MEND} (an empty file may simply be deleted)"
            )),
            Self::NoDatabase => dead(format!(
                "{file} is damaged or not a ledger (no SQLite database); if it is something else, name another file with quota.file, else {MEND}"
            )),
            Self::Foreign => dead(format!(
                "{file} is a database of another program and was not touched; name another file with quota.file"
            )),
            Self::Newer { version } => dead(format!(
                "{file} was written by a newer zengate (version {version} of its form); start that one, or restore a backup from before it"
            )),
            Self::Leftovers { file: left } => dead(format!(
                "{file} is gone, but {} is still there and belongs to it; restore the ledger file beside it, or move the leftover away to start with an empty ledger",
                left.display()
            )),
            Self::Locked { lock } => dead(format!(
                "{file} is in use: another process holds {}; stop that one, or give this gateway a file of its own",
                lock.display()
            )),
            Self::Malformed { first } => dead(format!("{file} is damaged ({first}); {MEND}")),
            Self::Damaged(damage) => StoreError::Dead {
                what: format!("{file} is damaged ({damage}); {MEND}"),
                source: Some(Box::new(damage)),
            },
            Self::Meddled => dead(format!("{file} {MEDDLED}")),
            Self::NoLog { mode } => {
                dead(format!("{file} takes no write-ahead log (journal mode {mode}); put it on a local disk"))
            }
            Self::Gap { known } => StoreError::Away {
                what: format!("{file} does not hold what follows row {known}; it is read again"),
                source: None,
            },
            Self::NoTurn => {
                StoreError::Away { what: format!("{file} was asked to commit outside a turn"), source: None }
            }
            Self::Io { doing, error } => io_error(&file, doing, error),
            Self::Sqlite(error) => sqlite_error(&file, error),
        }
    }
}

fn io_error(file: &str, doing: &str, error: io::Error) -> StoreError {
    let fault = error.kind();
    let what = format!("{file}: cannot {doing} ({fault})");
    match fault {
        io::ErrorKind::PermissionDenied => StoreError::Dead {
            what: format!("{what}; it and its directory must be writable by the user of the gateway"),
            source: Some(Box::new(error)),
        },
        io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::Interrupted
        | io::ErrorKind::ResourceBusy => StoreError::Away { what, source: Some(Box::new(error)) },
        // EMFILE and its like have no kind of their own: another try may find a descriptor.
        _ if doing.starts_with("open") => StoreError::Away { what, source: Some(Box::new(error)) },
        _ => StoreError::Dead { what, source: Some(Box::new(error)) },
    }
}

fn sqlite_error(file: &str, error: rusqlite::Error) -> StoreError {
    let source = |error| Some(Box::new(error) as Box<dyn std::error::Error + Send + Sync>);
    let Some(code) = error.sqlite_error().copied() else {
        // A column of another type than was written.
        return StoreError::Dead {
            what: format!("{file} is damaged ({error}); {MEND}"),
            source: source(error),
        };
    };
    match code.code {
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch => {
            StoreError::Dead { what: format!("{file} is damaged ({error}); {MEND}"), source: source(error) }
        }
        // Every number is new: someone else has used it.
        ErrorCode::ConstraintViolation => {
            StoreError::Dead { what: format!("{file} {MEDDLED}"), source: source(error) }
        }
        ErrorCode::SystemIoFailure if !before_any_promise(code.extended_code) => StoreError::Dead {
            what: format!(
                "{file}: the disk failed ({error}); what is on it is not certain, so it is not used again before a restart; look at the disk first"
            ),
            source: source(error),
        },
        ErrorCode::DiskFull => {
            StoreError::Away { what: format!("{file}: the disk is full; make room"), source: source(error) }
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => StoreError::Away {
            what: format!(
                "{file} cannot be written to ({error}); it and its directory must be writable by the user of the gateway"
            ),
            source: source(error),
        },
        _ => StoreError::Away { what: format!("{file} cannot be used now ({error})"), source: source(error) },
    }
}

/// I/O errors that are no reading, writing or syncing of the ledger: locks and the memory shared by readers.
fn before_any_promise(extended: std::ffi::c_int) -> bool {
    matches!(
        extended,
        ffi::SQLITE_IOERR_SHMOPEN
            | ffi::SQLITE_IOERR_SHMSIZE
            | ffi::SQLITE_IOERR_SHMMAP
            | ffi::SQLITE_IOERR_SHMLOCK
            | ffi::SQLITE_IOERR_LOCK
            | ffi::SQLITE_IOERR_RDLOCK
            | ffi::SQLITE_IOERR_BLOCKED
            | ffi::SQLITE_IOERR_NOMEM
    )
}
