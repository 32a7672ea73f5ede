//! The files around the database: the lock of its one owner, its creation in one step, its first bytes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::trouble::Trouble;

/// Only the gateway's user: it says who made what.
const MODE: u32 = 0o600;

/// What SQLite appends to a file's name for the files that belong to it.
const COMPANIONS: [&str; 3] = ["-wal", "-journal", "-shm"];

/// How a database of SQLite begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The name of a file beside this one.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Takes the lock of the one owner. The operating system gives it back when the process ends, however it ends.
pub(super) fn lock(path: &Path) -> Result<File, Trouble> {
    if !directory(path).is_dir() {
        return Err(Trouble::NoDirectory);
    }
    let name = beside(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(MODE)
        .open(&name)
        .map_err(|error| Trouble::Io { doing: "open its lock file", error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Trouble::Locked { lock: name }),
        Err(TryLockError::Error(error)) => Err(Trouble::Io { doing: "lock its lock file", error }),
    }
}

/// What stands under the name of the ledger.
pub(super) enum Found {
    /// Nothing, and nothing that belongs to it.
    Nothing,
    /// An SQLite database.
    Database,
}

/// Looks at the file without opening it as a database, which could write to it.
pub(super) fn look(path: &Path) -> Result<Found, Trouble> {
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return alone(path),
        Err(error) => return Err(Trouble::Io { doing: "look at it", error }),
    };
    if !facts.is_file() {
        return Err(Trouble::NoFile);
    }
    if facts.len() == 0 {
        return Err(Trouble::Empty);
    }
    let file = File::open(path).map_err(|error| Trouble::Io { doing: "open it", error })?;
    let mut start = Vec::new();
    let read = file.take(100).read_to_end(&mut start);
    read.map_err(|error| Trouble::Io { doing: "read it", error })?;
    if !start.starts_with(MAGIC) {
        return Err(Trouble::NoDatabase);
    }
    let id = start.get(68..72).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    match id.map(i32::from_be_bytes) {
        Some(super::open::APPLICATION) => Ok(Found::Database),
        Some(_) => Err(Trouble::Foreign),
        None => Err(Trouble::NoDatabase),
    }
}

/// Nothing is there; a log without its database would be read into the next one of that name.
fn alone(path: &Path) -> Result<Found, Trouble> {
    let left = COMPANIONS.iter().map(|suffix| beside(path, suffix)).find(|name| name.exists());
    left.map_or(Ok(Found::Nothing), |file| Err(Trouble::Leftovers { file }))
}

/// Makes a database in one step: `fill` works under another name, and only what is complete and synced gets this one.
pub(super) fn create(path: &Path, fill: impl FnOnce(&Path) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let io = |doing| move |error| Trouble::Io { doing, error };
    let draft = beside(path, ".new");
    for suffix in ["", "-wal", "-journal", "-shm"] {
        match fs::remove_file(beside(&draft, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io("remove an unfinished one")(error));
            }
            _ => {}
        }
    }
    let file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&draft);
    let file = file.map_err(io("create it"))?;
    fill(&draft)?;
    file.sync_all().map_err(io("sync it"))?;
    fs::rename(&draft, path).map_err(io("create it"))?;
    // The name is durable only when the directory is.
    let directory = File::open(directory(path)).and_then(|directory| directory.sync_all());
    directory.map_err(io("sync its directory"))
}
