//! Reading a chain again: any line that was changed, taken out, put in or moved is named.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::{Head, Key, Skipped, member, sha256};

/// Problems that are told; after so many it is clear.
const MOST: usize = 100;

/// What verifying found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The files, in the order of their lines.
    pub files: Vec<String>,
    /// Lines of the chain.
    pub lines: u64,
    /// The first one's number; more than 1 where older files are not here.
    pub first: Option<u64>,
    /// The last line.
    pub head: Option<Head>,
    /// What is wrong; empty where nothing is.
    pub problems: Vec<Problem>,
    /// What is outside of the chain and was noted when it was found: half a line left by a crash, lines from before there was a chain.
    pub noted: Vec<Problem>,
    /// Whether the head that was asked for is in the chain; absent where none was.
    pub head_found: Option<bool>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty() && self.head_found != Some(false)
    }
}

/// One thing, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What it is.
    pub why: String,
}

/// Verifies files that belong together, in the order of their numbers. `head` is a hash that must be in them.
///
/// # Errors
/// A file that cannot be read.
pub fn files(paths: &[PathBuf], key: &Key, head: Option<&str>) -> io::Result<Report> {
    let mut ordered = Vec::with_capacity(paths.len());
    for (place, path) in paths.iter().enumerate() {
        // A file without a line of the chain stays where it was named.
        ordered.push((first(path)?, place, path));
    }
    if ordered.iter().all(|(first, ..)| first.is_some()) {
        ordered.sort();
    }
    let mut verifier =
        Verifier { key, head: head.map(str::to_lowercase), state: None, report: Report::default() };
    verifier.report.head_found = head.map(|_| false);
    for (_, _, path) in ordered {
        verifier.file(path)?;
    }
    let mut report = verifier.report;
    report.head = verifier.state;
    Ok(report)
}

fn opened(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(named)?;
    let packed = path.extension().is_some_and(|end| end == "gz");
    let content: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(BufReader::with_capacity(1 << 20, content)))
}

/// The number of a file's first line of a chain.
fn first(path: &Path) -> io::Result<Option<u64>> {
    let mut reader = opened(path)?;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some((member, _)) = member(line.strip_suffix(b"\n").unwrap_or(&line)) {
            return Ok(Some(member.seq));
        }
        line.clear();
    }
    Ok(None)
}

struct Verifier<'a> {
    key: &'a Key,
    head: Option<String>,
    state: Option<Head>,
    report: Report,
}

impl Verifier<'_> {
    fn file(&mut self, path: &Path) -> io::Result<()> {
        let name = path.display().to_string();
        self.report.files.push(name.clone());
        let mut reader = opened(path)?;
        let (mut line, mut number) = (Vec::new(), 0_u64);
        // What is of no chain, and where it begins.
        let (mut outside, mut from) = (Vec::new(), 0_u64);
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number = number.saturating_add(1);
            let found = line.strip_suffix(b"\n").and_then(member);
            let Some((member, hashed)) = found else {
                from = if outside.is_empty() { number } else { from };
                outside.extend_from_slice(&line);
                continue;
            };
            let known =
                Skipped { bytes: u64::try_from(outside.len()).unwrap_or(u64::MAX), sha256: sha256(&outside) };
            match (outside.is_empty(), &member.skipped) {
                (true, None) => {}
                (false, Some(skipped)) if *skipped == known => {
                    let why =
                        format!("{} bytes up to line {number} are of no chain, and were noted", known.bytes);
                    self.report.noted.push(Problem { file: name.clone(), line: from, why });
                }
                (false, None) => {
                    self.problem(&name, from, "is no line of the chain: it was put in, or changed".to_owned())
                }
                (true, Some(_)) => {
                    self.problem(
                        &name,
                        number,
                        "says that something stood before it, and nothing does: that was taken out"
                            .to_owned(),
                    );
                }
                (false, Some(_)) => {
                    self.problem(
                        &name,
                        from,
                        "is of no chain, and not what was noted: it was changed or put in".to_owned(),
                    );
                }
            }
            outside.clear();
            self.line(&name, number, member, hashed);
        }
        if !outside.is_empty() {
            self.problem(&name, from, "is no line of the chain: put in, changed, or cut short by a crash (the gateway notes that at its next line)".to_owned());
        }
        Ok(())
    }

    fn line(&mut self, file: &str, number: u64, member: super::Member, hashed: &[u8]) {
        if self.key.hash(hashed) != member.hash {
            let hint = if self.report.lines == 0 {
                "; or the key is another one than it was written with"
            } else {
                ""
            };
            self.problem(file, number, format!("was changed: its bytes do not give its hash{hint}"));
        }
        let seq = member.seq;
        if let Some(before) = &self.state {
            let expected = before.seq.saturating_add(1);
            let why = if seq > expected {
                Some(format!(
                    "is line {seq} of the chain where {expected} should be: {} taken out",
                    seq.saturating_sub(expected)
                ))
            } else if seq < expected {
                Some(format!(
                    "is line {seq} of the chain and stands after {}: moved, or there twice",
                    before.seq
                ))
            } else if member.previous != before.hash {
                Some("does not follow the line before it, which was replaced".to_owned())
            } else {
                None
            };
            if let Some(why) = why {
                self.problem(file, number, why);
            }
        } else {
            self.report.first = Some(seq);
            if seq == 1 && member.previous != super::NOTHING {
                self.problem(
                    file,
                    number,
                    "is the first line and says that another was before it".to_owned(),
                );
            }
        }
        if self.head.as_deref() == Some(member.hash.as_str()) {
            self.report.head_found = Some(true);
        }
        self.report.lines = self.report.lines.saturating_add(1);
        self.state = Some(Head { seq, hash: member.hash });
    }

    fn problem(&mut self, file: &str, line: u64, why: String) {
        if self.report.problems.len() < MOST {
            self.report.problems.push(Problem { file: file.to_owned(), line, why });
        }
    }
}
