//! Replay: recorded decisions through other policies, to see whom a change would hit before it does.
//!
//! Every record is judged again by the code that judged it first ([`Case`](crate::policy::case::Case)), with what it knew then: the
//! time, the caller, the owners of the machines that a change named. Secrets were never recorded; a stand-in of the same length takes
//! their place, which is all that rules see of them. Quota is counted anew in the order of the records, from an empty ledger.

mod past;
mod quota;
pub mod shadow;
mod summary;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use flate2::read::MultiGzDecoder;

use crate::api::fields::AdmittedField;
use crate::policy::PolicySet;
use crate::policy::case::{Asked, Circumstances};
use crate::policy::local::{DEEP_STACK_BYTES, Local};

use past::Past;
pub use past::{Judged, Word};
use quota::Counting;
pub use summary::{Difference, Flips, Kind, Sample, Summary};

/// Lines that a worker takes at a time.
const CHUNK: usize = 256;

/// What is replayed, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Fields of creates beyond the tables.
    pub admitted: Vec<AdmittedField>,
    /// Whether quota is counted.
    pub quota: bool,
    /// How many decisions are shown of each kind of difference.
    pub samples: usize,
    /// Threads that judge.
    pub threads: usize,
}

/// Why nothing could be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file or directory.
    #[error("{}: {error}", path.display())]
    File {
        /// Its name.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// The policies cannot be evaluated, or there is no thread.
    #[error("{0}")]
    Setup(String),
}

/// One line's fate.
enum Line {
    /// It is no record.
    Unreadable,
    /// Nothing to judge again, and why.
    Skipped(&'static str),
    /// Judged again.
    Judged(Box<Judged>),
}

/// Lines in one buffer: a buffer each would cost as much as judging half of them, for other threads free what one has allocated.
struct Job {
    number: usize,
    text: String,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Job {
    fn lines(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.text.get(start..*end))
    }
}

/// The records' files: those named, and those ending in `.jsonl` or `.json` in directories, by name.
///
/// # Errors
/// What cannot be read.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ReplayError> {
    let mut files = Vec::new();
    for path in paths {
        let failed = |error| ReplayError::File { path: path.clone(), error };
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let records =
                [".jsonl", ".json"].iter().any(|end| name.ends_with(end)) || name.contains(".jsonl.");
            if records && entry.is_file() {
                inside.push(entry);
            }
        }
        // Files that were turned over come before the one that is being written: `d.jsonl.2026...`, then `d.jsonl`.
        inside.sort_by_key(|path| (path.display().to_string() + "~").replace(".gz~", "~"));
        files.extend(inside);
    }
    Ok(files)
}

/// Judges every record of the files again; `progress` hears how many lines have been done.
///
/// # Errors
/// See [`ReplayError`]. A line that is no record is counted and does not end the replay.
pub fn run(
    set: &PolicySet,
    files: &[PathBuf],
    options: &Options,
    progress: impl Fn(u64),
) -> Result<Summary, ReplayError> {
    let threads = options.threads.max(1);
    let (jobs, waiting) = sync_channel::<Job>(threads.saturating_mul(2));
    let waiting = Mutex::new(waiting);
    let (done, results) = sync_channel(threads.saturating_mul(2));
    let mut summary = Summary::new(set.revision(), options.samples);
    let mut counting = options.quota.then(Counting::default);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (waiting, done) = (&waiting, done.clone());
            std::thread::Builder::new()
                .name(format!("replay-{number}"))
                .stack_size(DEEP_STACK_BYTES)
                .spawn_scoped(scope, move || work(set, waiting, &done, options))
                .map_err(|error| ReplayError::Setup(format!("no thread: {error}")))?;
        }
        drop(done);
        let reader = scope.spawn(move || read(files, &jobs));
        // Results come as they are ready and are counted in the order of the records: quota depends on it.
        let (mut next, mut early, mut lines) = (0_usize, BTreeMap::new(), 0_u64);
        for (number, result) in results {
            early.insert(number, result);
            while let Some(result) = early.remove(&next) {
                next = next.saturating_add(1);
                for line in result.map_err(ReplayError::Setup)? {
                    lines = lines.saturating_add(1);
                    match line {
                        Line::Unreadable => summary.unreadable(),
                        Line::Skipped(why) => summary.skipped(why),
                        Line::Judged(mut judged) => {
                            if let Some(counting) = &mut counting {
                                counting.count(&mut judged);
                            }
                            summary.add(&judged.differences());
                        }
                    }
                }
                progress(lines);
            }
        }
        reader.join().unwrap_or_else(|_| Err(ReplayError::Setup("the reader panicked".to_owned())))
    })?;
    Ok(summary)
}

/// The line of a decision's record, the last of them if there are several.
///
/// # Errors
/// What cannot be read.
pub fn find(files: &[PathBuf], decision: &str) -> Result<Option<String>, ReplayError> {
    let mut found = None;
    for path in files {
        let failed = |error| ReplayError::File { path: path.clone(), error };
        for line in opened(path).map_err(failed)?.lines() {
            let line = line.map_err(failed)?;
            let same = |record: &serde_json::Value| {
                let id = record.get("decision_id").and_then(serde_json::Value::as_str);
                id.is_some_and(|id| id.eq_ignore_ascii_case(decision))
            };
            // Most lines are of others: they are told by their text before they are read.
            let maybe = line.contains(decision.trim_start_matches(['T', 't']));
            if maybe && serde_json::from_str(&line).is_ok_and(|record| same(&record)) {
                found = Some(line);
            }
        }
    }
    Ok(found)
}

/// What a record's caller asked, and all that rules saw besides.
///
/// # Errors
/// Why it cannot be judged again.
pub fn reopen(line: &str, admitted: &[AdmittedField]) -> Result<(Asked, Circumstances), String> {
    let past: Past = serde_json::from_str(line).map_err(|error| format!("it is no record: {error}"))?;
    past.reopen(admitted)
}

fn read(files: &[PathBuf], jobs: &SyncSender<Job>) -> Result<(), ReplayError> {
    let mut job = Job { number: 0, text: String::new(), ends: Vec::new() };
    for path in files {
        let failed = |error| ReplayError::File { path: path.clone(), error };
        let mut from = opened(path).map_err(failed)?;
        loop {
            let start = job.text.len();
            if from.read_line(&mut job.text).map_err(failed)? == 0 {
                break;
            }
            if job.text.get(start..).is_none_or(|line| line.trim().is_empty()) {
                job.text.truncate(start);
                continue;
            }
            job.ends.push(job.text.len());
            if job.ends.len() == CHUNK {
                let next = Job {
                    number: job.number.saturating_add(1),
                    text: String::with_capacity(job.text.len()),
                    ends: Vec::with_capacity(CHUNK),
                };
                // A failed send means that the judging has ended; whoever ended it says why.
                if jobs.send(std::mem::replace(&mut job, next)).is_err() {
                    return Ok(());
                }
            }
        }
    }
    if !job.ends.is_empty() {
        let _ = jobs.send(job);
    }
    Ok(())
}

pub(crate) fn opened(path: &Path) -> std::io::Result<BufReader<Box<dyn Read>>> {
    let file = File::open(path)?;
    let packed = path.extension().is_some_and(|end| end == "gz");
    let content: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(BufReader::with_capacity(1 << 20, content))
}

type Done = (usize, Result<Vec<Line>, String>);

fn work(set: &PolicySet, waiting: &Mutex<Receiver<Job>>, done: &SyncSender<Done>, options: &Options) {
    let mut local = Local::new(set).map_err(|failure| failure.to_string());
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let judged = match &mut local {
            Ok(local) => Ok(job.lines().map(|line| judge(line, local, set, &options.admitted)).collect()),
            Err(why) => Err(why.clone()),
        };
        if done.send((job.number, judged)).is_err() {
            return;
        }
    }
}

fn judge(line: &str, local: &mut Local, set: &PolicySet, admitted: &[AdmittedField]) -> Line {
    match serde_json::from_str::<Past>(line) {
        Ok(past) => past.judge_again(local, set, admitted),
        Err(_) => Line::Unreadable,
    }
}
