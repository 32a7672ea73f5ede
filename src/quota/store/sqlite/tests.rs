//! The embedded store: the common suite, whose file it takes, and what it says about damage.

mod crash;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::quota::store::conformance::{Place, append, conformance, is_away, is_dead, rows};

struct OneFile(TempDir);

impl OneFile {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("ledger.db")
    }

    /// A ledger with a few rows, closed.
    fn filled() -> Self {
        let place = Self::new();
        let mut store = Sqlite::new(place.path());
        store.open(Uuid::now_v7()).unwrap();
        append(&mut store, 0, &["first row", "second row", "third row"]);
        store.close();
        place
    }

    fn open(&self) -> Result<Loaded, StoreError> {
        Sqlite::new(self.path()).open(Uuid::now_v7())
    }

    fn sql(&self, text: &str) {
        Connection::open(self.path()).unwrap().execute_batch(text).unwrap();
    }
}

impl Place for OneFile {
    fn store(&self) -> Box<dyn Store> {
        Box::new(Sqlite::new(self.path()))
    }
}

conformance!(on OneFile::new());

/// What is said must name the file and what to do.
fn told(place: &OneFile, result: Result<Loaded, StoreError>, remedy: &str) {
    let what = is_dead(result);
    assert!(what.contains(place.path().to_str().unwrap()) && what.contains(remedy), "{what}");
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_leaves_no_draft() {
    let place = OneFile::new();
    let mut store = Sqlite::new(place.path());
    store.open(Uuid::now_v7()).unwrap();
    append(&mut store, 0, &["a"]);
    for entry in fs::read_dir(place.0.path()).unwrap().map(Result::unwrap) {
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        assert!(!entry.file_name().to_str().unwrap().contains(".new"), "{:?}", entry.file_name());
    }
}

#[test]
fn an_unfinished_creation_is_started_over() {
    let place = OneFile::new();
    fs::write(file::beside(&place.path(), ".new"), "half a datab").unwrap();
    fs::write(file::beside(&place.path(), ".new-wal"), "half a log").unwrap();
    assert_eq!(place.open().unwrap(), Loaded::default());
}

#[test]
fn it_has_one_owner_at_a_time() {
    let place = OneFile::new();
    let mut first = Sqlite::new(place.path());
    first.open(Uuid::now_v7()).unwrap();
    told(&place, place.open(), "ledger.db.lock");
    first.close();
    place.open().unwrap();
}

#[test]
fn its_directory_must_be_there() {
    let at = TempDir::new().unwrap();
    let mut store = Sqlite::new(at.path().join("nowhere/ledger.db"));
    let what = is_dead(store.open(Uuid::now_v7()));
    assert!(what.contains("nowhere/ledger.db") && what.contains("create it"), "{what}");
}

/// Something that is no ledger, and what must be said about it.
type Making<'a> = (&'a dyn Fn(&OneFile), &'static str);

#[test]
fn what_is_no_ledger_is_refused_and_not_touched() {
    let foreign = |place: &OneFile| {
        place.sql("CREATE TABLE theirs (x); PRAGMA application_id = 7; INSERT INTO theirs VALUES (1);");
    };
    let plain = |place: &OneFile| place.sql("CREATE TABLE theirs (x);");
    let text = |place: &OneFile| fs::write(place.path(), "dear diary, ".repeat(1000)).unwrap();
    let short = |place: &OneFile| fs::write(place.path(), "SQLite format 3\0").unwrap();
    let empty = |place: &OneFile| fs::write(place.path(), "").unwrap();
    let cases: [Making<'_>; 5] = [
        (&foreign, "another program"),
        (&plain, "another program"),
        (&text, "no SQLite database"),
        (&short, "restore it from a backup"),
        (&empty, "restore it from a backup"),
    ];
    for (make, remedy) in cases {
        let place = OneFile::new();
        make(&place);
        let before = fs::read(place.path()).unwrap();
        told(&place, place.open(), remedy);
        assert!(fs::read(place.path()).unwrap() == before, "{remedy}");
    }
    let directory = OneFile::new();
    fs::create_dir(directory.path()).unwrap();
    told(&directory, directory.open(), "not a file");
}

#[test]
fn a_newer_form_is_refused() {
    let place = OneFile::filled();
    place.sql("PRAGMA user_version = 2;");
    told(&place, place.open(), "newer zengate");
}

#[test]
fn a_log_without_its_database_is_not_read_into_a_new_one() {
    let place = OneFile::new();
    fs::write(file::beside(&place.path(), "-wal"), "someone's rows").unwrap();
    told(&place, place.open(), "ledger.db-wal");
}

#[test]
fn every_change_to_what_is_stored_is_found() {
    for (harm, found) in [
        ("UPDATE journal SET text = 'second_row' WHERE seq = 2", "row 2 was changed"),
        ("DELETE FROM journal WHERE seq = 2", "row 2 is missing"),
        ("DELETE FROM journal WHERE seq = 3", "the last row is 2, but 3 was committed"),
        ("DELETE FROM journal WHERE seq = 1", "row 1 is missing"),
        ("UPDATE journal SET checksum = x'00' WHERE seq = 3", "row 3 was changed"),
        ("UPDATE head SET seq = 2", "the last row is 3, but 2 was committed"),
        ("INSERT INTO journal VALUES (4, 'more', zeroblob(16))", "row 4 was changed"),
        ("INSERT INTO checkpoint VALUES (1, 2, 'state', zeroblob(16))", "the checkpoint was changed"),
        ("DELETE FROM head", "its head is missing"),
        ("UPDATE head SET checksum = x'00'", "damaged"),
        ("UPDATE journal SET seq = -1 WHERE seq = 1", "row 1 is missing"),
        ("DROP TABLE journal", "journal"),
    ] {
        let place = OneFile::filled();
        place.sql(harm);
        let error = place.open().unwrap_err();
        assert!(error.to_string().contains(found), "{harm}: {error}");
        assert!(error.to_string().contains("ledger.db"), "{harm}: {error}");
    }
}

#[test]
fn a_flipped_byte_or_a_cut_is_found() {
    let place = OneFile::filled();
    let whole = fs::read(place.path()).unwrap();
    let at = whole.windows(10).position(|bytes| bytes == b"second row").unwrap();
    let mut flipped = whole.clone();
    flipped[at] ^= 0x20;
    fs::write(place.path(), &flipped).unwrap();
    told(&place, place.open(), "row 2 was changed");
    for length in [50, 100, 4096, 8192, whole.len() - 4096] {
        fs::write(place.path(), &whole[..length]).unwrap();
        told(&place, place.open(), "restore it from a backup");
    }
    fs::write(place.path(), &whole).unwrap();
    assert_eq!(place.open().unwrap().rows.len(), 3);
}

#[test]
fn someone_else_writing_meanwhile_is_found_at_the_next_commit() {
    for meddling in ["UPDATE head SET seq = 9", "INSERT INTO journal VALUES (4, 'theirs', zeroblob(16))"] {
        let place = OneFile::filled();
        let mut store = Sqlite::new(place.path());
        store.open(Uuid::now_v7()).unwrap();
        store.begin(3).unwrap();
        place.sql(meddling);
        let what = is_dead(store.commit(&["mine".to_owned()]));
        assert!(what.contains("something else"), "{what}");
        is_dead(store.begin(3));
        is_dead(store.open(Uuid::now_v7()));
    }
}

#[test]
fn a_lock_of_a_reader_that_writes_is_waited_for_and_then_told() {
    let place = OneFile::filled();
    let mut store = Sqlite::new(place.path());
    store.open(Uuid::now_v7()).unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.begin(3).unwrap();
    is_away(store.commit(&["mine".to_owned()]));
    is_away(store.begin(3));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows.len(), 3);
    append(&mut store, 3, &["mine"]);
}

#[test]
fn a_full_disk_is_away_and_nothing_is_half_written() {
    let place = OneFile::filled();
    let mut store = Sqlite::new(place.path());
    store.open(Uuid::now_v7()).unwrap();
    let connection = &store.open.as_ref().unwrap().connection;
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    store.begin(3).unwrap();
    let what = is_away(store.commit(&["small".to_owned(), "x".repeat(100_000)]));
    assert!(what.contains("full"), "{what}");
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows, rows(1, &["first row", "second row", "third row"]));
    append(&mut store, 3, &["room again"]);
}

#[test]
fn a_failed_sync_is_dead_and_a_busy_shared_memory_is_not() {
    use rusqlite::ffi;
    let error = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    let path = Path::new("ledger.db");
    for code in [
        ffi::SQLITE_IOERR,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_DIR_FSYNC,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_COMMIT_ATOMIC,
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
    ] {
        is_dead::<()>(Err(Trouble::from(error(code)).of(path)));
    }
    for code in [
        ffi::SQLITE_FULL,
        ffi::SQLITE_READONLY,
        ffi::SQLITE_BUSY,
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_CANTOPEN,
    ] {
        is_away::<()>(Err(Trouble::from(error(code)).of(path)));
    }
}

#[test]
fn a_file_that_may_not_be_written_is_told() {
    let place = OneFile::filled();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o400)).unwrap();
    // The superuser may write all the same.
    if let Err(error) = place.open() {
        assert!(error.to_string().contains("must be writable"), "{error}");
    }
}

#[test]
fn a_ledger_from_before_there_was_a_mark_key_gets_one() {
    let place = OneFile::filled();
    place.sql("DROP TABLE IF EXISTS marks");
    let mut store = Sqlite::new(place.path());
    let loaded = store.open(Uuid::now_v7()).unwrap();
    assert_eq!(loaded.rows, rows(1, &["first row", "second row", "third row"]));
    let key = store.mark_key().unwrap();
    append(&mut store, 3, &["fourth row"]);
    assert_eq!(store.mark_key().unwrap(), key);
}
