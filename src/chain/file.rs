//! A chain in a file that is appended to, over restarts, crashes and whoever turns the file over.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Head, Heads, Key, Skipped, member, seal};
use crate::clock::Stopwatch;

/// The end of a file in which its last line is looked for first; the whole is read where it is not there.
const LOOK: u64 = 1 << 20;
/// Lines, and time, after which the log is told where the chain ends.
const CHECKPOINT: (u64, Duration) = (1_000, Duration::from_secs(3600));

/// The writing end of a chain in a file.
#[derive(Debug)]
pub struct Chained {
    path: PathBuf,
    key: Key,
    head: Head,
    /// What stands at the end of the file and is of no chain.
    after: Vec<u8>,
    /// Whether the end of the file has to be looked at before something is appended.
    suspect: bool,
    heads: Heads,
    told: Option<(u64, Stopwatch)>,
    /// Whether its end could not be noted the last time, which is said once.
    unnoted: bool,
}

impl Chained {
    /// The chain of this file, from where it ended. Nothing is made or written before something is appended.
    pub fn new(path: &Path, key: Key, heads: Heads) -> Self {
        let (head, after) = (Head::default(), Vec::new());
        let mut chain = Self {
            path: path.to_owned(),
            key,
            head,
            after,
            suspect: true,
            heads,
            told: None,
            unnoted: false,
        };
        if let Err(error) = chain.look() {
            tracing::error!(%error, file = %path.display(), "the end of a chain of lines cannot be read");
        }
        chain.tell(true);
        chain
    }

    /// What stands at the end of the file and is of no chain: half a line left by a crash, or lines from before there was a chain.
    pub fn skipped(&self) -> Option<Skipped> {
        let bytes = u64::try_from(self.after.len()).unwrap_or(u64::MAX);
        (bytes > 0).then(|| Skipped { bytes, sha256: super::sha256(&self.after) })
    }

    /// Appends objects as lines; all of them or none.
    ///
    /// # Errors
    /// What the operating system says. Half a line may be left; the next one then says so.
    pub fn append(&mut self, file: &mut File, objects: &[String]) -> io::Result<()> {
        let regular = file.metadata()?.is_file();
        if self.suspect && regular {
            if !self.look()? {
                // So that the next line is a line of its own.
                file.write_all(b"\n")?;
                self.after.push(b'\n');
            }
            self.suspect = false;
        }
        // Asked each time: whoever else turns files over may have emptied this one.
        let length = file.metadata()?.len();
        if length == 0 {
            self.after.clear();
        }
        let (mut head, mut skipped, mut text) = (self.head.clone(), self.skipped(), String::new());
        for object in objects {
            text.push_str(&seal(&self.key, &mut head, skipped.take().as_ref(), object));
            text.push('\n');
        }
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.flush()) {
            // Half a line would spoil the one after it.
            self.suspect = file.set_len(length).is_err();
            return Err(error);
        }
        self.head = head;
        self.after.clear();
        if regular {
            self.note();
        }
        self.tell(false);
        Ok(())
    }

    /// The file beside the chain that says where it ended.
    fn beside(&self) -> PathBuf {
        self.path.with_extension("chain")
    }

    fn noted(&self) -> Option<Head> {
        let text = std::fs::read_to_string(self.beside()).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn note(&mut self) {
        let Ok(text) = serde_json::to_string(&self.head) else { return };
        let new = self.path.with_extension("chain.new");
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&new, self.beside()));
        if let Err(error) = &written
            && !self.unnoted
        {
            tracing::warn!(%error, file = %self.beside().display(), "where a chain ends cannot be noted beside it");
        }
        self.unnoted = written.is_err();
    }

    /// Finds the last line of the chain and what stands after it; whether the file ends with a whole line.
    fn look(&mut self) -> io::Result<bool> {
        let noted = self.noted();
        let mut found = Tail { last: None, after: Vec::new(), ends: true };
        match File::open(&self.path) {
            Ok(mut file) if file.metadata()?.is_file() => {
                let from = file.metadata()?.len().saturating_sub(LOOK);
                found = tail(&mut file, from)?;
                if from > 0 && (found.last.is_none() || !found.after.is_empty()) {
                    found = tail(&mut file, 0)?;
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let last = found.last.map(|member| Head { seq: member.seq, hash: member.hash });
        // A line that was noted and is there no more is missed by whoever verifies.
        let newest = [last, noted, Some(self.head.clone())].into_iter().flatten().max_by_key(|head| head.seq);
        self.head = newest.unwrap_or_default();
        self.after = found.after;
        Ok(found.ends)
    }

    fn tell(&mut self, now: bool) {
        self.heads.tell(&self.path.display().to_string(), &self.head);
        let due = self.told.is_none_or(|(seq, at)| {
            self.head.seq.saturating_sub(seq) >= CHECKPOINT.0 || at.elapsed() >= CHECKPOINT.1
        });
        if now || due {
            self.told = Some((self.head.seq, Stopwatch::start()));
            let Head { seq, hash } = &self.head;
            tracing::info!(target: "zengate::chain", file = %self.path.display(), seq, hash, "a chain of lines ends here");
        }
    }
}

struct Tail {
    last: Option<super::Member>,
    /// What stands after it.
    after: Vec<u8>,
    /// Whether the last line is whole.
    ends: bool,
}

fn tail(file: &mut File, from: u64) -> io::Result<Tail> {
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut found = Tail { last: None, after: Vec::new(), ends: true };
    let mut line = Vec::new();
    let mut first = from > 0; // the first line was cut by us
    while reader.read_until(b'\n', &mut line)? > 0 {
        found.ends = line.last() == Some(&b'\n');
        let whole = line.strip_suffix(b"\n").and_then(member);
        match whole {
            Some((member, _)) => {
                found.last = Some(member);
                found.after.clear();
            }
            None if first => {}
            None => found.after.extend_from_slice(&line),
        }
        first = false;
        line.clear();
    }
    Ok(found)
}
