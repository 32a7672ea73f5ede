//! Power cuts and kill -9: what was acknowledged is there afterwards, and nothing that was never written.
//!
//! A power cut loses what was written since the last sync: any part of it, in sectors. So an image takes the log as it was
//! before an operation with some sectors of what the operation wrote, or the database with some sectors of what the copying
//! of the log into it wrote, which happens only after the log is synced.
//!
//! `ZENGATE_CRASH_IMAGES` and `ZENGATE_CRASH_KILLS` set how many of each are tried, `ZENGATE_CRASH_SEED` with which dice.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use crate::quota::store::conformance::texts;

const SECTOR: usize = 512;

/// Of a log.
const HEADER: usize = 32;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// SplitMix64: the same seed, the same images.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn text(&mut self) -> String {
        let length = if self.below(12) == 0 { self.below(20_000) } else { 1 + self.below(400) };
        (0..=length).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }
}

/// The files as they are on the disk at one moment.
#[derive(Clone)]
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Files {
    fn of(place: &OneFile) -> Self {
        let log = fs::read(file::beside(&place.path(), "-wal")).unwrap_or_default();
        Self { database: fs::read(place.path()).unwrap(), log }
    }

    /// What a ledger made of these gives.
    fn open(&self) -> Result<Loaded, StoreError> {
        let place = OneFile::new();
        fs::write(place.path(), &self.database).unwrap();
        fs::write(file::beside(&place.path(), "-wal"), &self.log).unwrap();
        let opened = place.open();
        if let Err(error) = &opened {
            assert!(error.to_string().contains("ledger.db"), "{error}");
        }
        opened
    }
}

/// `old` with some sectors of `new`, or with the first bytes of it.
fn torn(old: &[u8], new: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut torn = old.to_vec();
    if dice.below(2) == 0 {
        let differ = old.iter().zip(new).position(|(old, new)| old != new).unwrap_or(old.len());
        let cut = differ + dice.below(new.len().saturating_sub(differ) + 1);
        torn.truncate(torn.len().max(cut).min(new.len()));
        torn.resize(torn.len().max(cut), 0);
        torn[..cut].copy_from_slice(&new[..cut]);
        return torn;
    }
    for (index, sector) in new.chunks(SECTOR).enumerate() {
        if dice.below(3) > 0 {
            let at = index * SECTOR;
            torn.resize(torn.len().max(at + sector.len()), 0);
            torn[at..at + sector.len()].copy_from_slice(sector);
        }
    }
    torn
}

/// Something done to a ledger, and what it then gives.
fn operation(store: &mut Sqlite, state: &Loaded, dice: &mut Dice) -> Loaded {
    let mut state = state.clone();
    let end = state.rows.last().map(|row| row.seq);
    let head = end.or(state.checkpoint.as_ref().map(|checkpoint| checkpoint.seq)).unwrap_or(0);
    if !state.rows.is_empty() && dice.below(8) == 0 {
        let seq = head - dice.below(state.rows.len()) as u64;
        let checkpoint = Checkpoint { seq, text: dice.text() };
        store.checkpoint(&checkpoint, dice.below(5) as u64).unwrap();
        state.rows.retain(|row| row.seq > seq);
        state.checkpoint = Some(checkpoint);
    } else {
        let batch: Vec<String> = (0..=dice.below(8)).map(|_| dice.text()).collect();
        store.begin(head).unwrap();
        store.commit(&batch).unwrap();
        state.rows.extend((head + 1..).zip(batch).map(|(seq, text)| Row { seq, text }));
    }
    state
}

#[test]
fn a_power_cut_loses_nothing_acknowledged_and_brings_nothing_up() {
    let images = setting("ZENGATE_CRASH_IMAGES", 300);
    let mut dice = Dice(setting("ZENGATE_CRASH_SEED", 1));
    let (mut tried, mut undone, mut restarts, mut copied) = (0, 0, 0, 0);
    while tried < images {
        let place = OneFile::new();
        let mut store = Sqlite::new(place.path());
        let mut state = store.open(Uuid::now_v7()).unwrap();
        // Small logs, so that they are copied back and begun again often.
        let pages = 4 + dice.below(60);
        let connection = &store.open.as_ref().unwrap().connection;
        connection.query_row(&format!("PRAGMA wal_autocheckpoint = {pages}"), [], |_| Ok(())).unwrap();
        for step in 0..30 {
            let before = Files::of(&place);
            let next = operation(&mut store, &state, &mut dice);
            let after = Files::of(&place);
            restarts +=
                u64::from(before.log.get(..HEADER) != after.log.get(..HEADER) && !before.log.is_empty());
            copied += u64::from(before.database != after.database);

            // While the log was being written. One that is begun again gets its header first, and synced.
            let mut started = before.log.clone();
            if !started.is_empty() {
                started[..HEADER].copy_from_slice(&after.log[..HEADER]);
            }
            let log = torn(&started, &after.log, &mut dice);
            let complete = log == after.log;
            let found = Files { database: before.database.clone(), log }.open().unwrap();
            assert!(found == next || (found == state && !complete), "step {step}, image {tried}");
            undone += u64::from(found == state);
            // While it was being copied into the database.
            let database = torn(&before.database, &after.database, &mut dice);
            assert!(Files { database, log: after.log.clone() }.open().unwrap() == next, "step {step}");
            // When it was acknowledged.
            assert!(after.open().unwrap() == next, "step {step}, image {tried}");
            tried += 3;
            state = next;
        }
    }
    assert!(undone > 0 && restarts > 0 && copied > 0, "{undone} {restarts} {copied}: the dice are loaded");
}

/// Whether rows and checkpoint are of one journal and end where it once ended. An older checkpoint with the rows after it
/// says the same as a newer one.
fn once_was(found: &Loaded, history: &[Loaded]) -> bool {
    let end = |state: &Loaded| {
        let row = state.rows.last().map(|row| row.seq);
        row.or(state.checkpoint.as_ref().map(|checkpoint| checkpoint.seq)).unwrap_or(0)
    };
    let start = found.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.seq);
    let taken = history.iter().any(|state| state.checkpoint == found.checkpoint);
    let rows = found.rows.iter().all(|row| history.iter().any(|state| state.rows.contains(row)));
    let close = found.rows.iter().zip(start + 1..).all(|(row, seq)| row.seq == seq);
    taken && rows && close && history.iter().any(|state| end(state) == end(found))
}

#[test]
fn a_damaged_image_gives_what_once_was_or_is_refused() {
    let images = setting("ZENGATE_CRASH_IMAGES", 300) / 3;
    let mut dice = Dice(setting("ZENGATE_CRASH_SEED", 2));
    let (mut tried, mut refused) = (0, 0);
    while tried < images {
        let place = OneFile::new();
        let mut store = Sqlite::new(place.path());
        let mut history = vec![store.open(Uuid::now_v7()).unwrap()];
        for _ in 0..12 {
            let next = operation(&mut store, history.last().unwrap(), &mut dice);
            history.push(next);
            if dice.below(6) == 0 {
                let connection = &store.open.as_ref().unwrap().connection;
                connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
            }
        }
        let whole = Files::of(&place);
        for _ in 0..20 {
            let mut files = whole.clone();
            let harmed = if dice.below(2) == 0 { &mut files.database } else { &mut files.log };
            let at = dice.below(harmed.len());
            match dice.below(3) {
                0 => harmed.truncate(at),
                1 => harmed[at] ^= 1 << dice.below(8),
                _ => harmed.iter_mut().skip(at).take(SECTOR).for_each(|byte| *byte = 0),
            }
            match files.open() {
                Ok(found) => assert!(once_was(&found, &history), "image {tried}"),
                Err(error) => {
                    assert!(matches!(error, StoreError::Dead { .. }), "image {tried}: {error}");
                    refused += 1;
                }
            }
            tried += 1;
        }
    }
    assert!(refused > 0, "the dice are loaded");
}

/// What row `seq` says.
fn said(seq: u64) -> String {
    format!("row {seq} {}", "x".repeat(usize::try_from(seq * 37 % 900).unwrap()))
}

const CHILD: &str = "ZENGATE_CRASH_CHILD";

#[test]
#[ignore = "the child that is killed"]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut store = Sqlite::new(path);
    let mut known = store.open(Uuid::now_v7()).unwrap().rows.len() as u64;
    let mut out = std::io::stdout();
    loop {
        let next = known + 1 + known % 7;
        store.begin(known).unwrap();
        store.commit(&texts((known + 1..=next).map(said))).unwrap();
        known = next;
        // Ends this process when nobody reads any more.
        writeln!(out, "acknowledged {known}").unwrap();
    }
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    let mut dice = Dice(setting("ZENGATE_CRASH_SEED", 3));
    let place = OneFile::new();
    let mut least = 0;
    for _ in 0..setting("ZENGATE_CRASH_KILLS", 12) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture"])
            .arg("quota::store::sqlite::tests::crash::child")
            .env(CHILD, place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut left = 1 + dice.below(60);
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            // The harness talks too; the last line may be cut.
            let line = line.unwrap();
            let Some(known) = line.strip_prefix("acknowledged ").and_then(|number| number.parse().ok())
            else {
                continue;
            };
            least = least.max(known);
            left = left.saturating_sub(1);
            if left == 0 {
                // What is still in the pipe is read too.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let found = place.open().unwrap().rows;
        let most = least + 1 + least % 7;
        let count = found.len() as u64;
        assert!(count == least || count == most, "{count} rows, {least} acknowledged, {most} tried");
        assert!(found.iter().zip(1..).all(|(row, seq)| row.seq == seq && row.text == said(seq)));
        least = count;
    }
    assert!(least > 0);
}
