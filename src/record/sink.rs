//! Where lines go: standard output, a file that is turned over when it is large, or a collector as OPA's decision logs have one.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Method};

use crate::chain::{Chained, Heads, Key};
use crate::clock::Clock;
use crate::config::Remote;
use crate::fetch::{Client, credentials};

/// One collector answer; its body does not matter.
const LONGEST: usize = 64 << 10;
/// For a whole exchange with the collector.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Somewhere to write lines to, all of a batch or none.
pub(super) trait Sink: Send {
    /// Writes the lines; none has a newline of its own.
    fn write(&mut self, lines: &[String]) -> Result<(), String>;
}

/// Standard output.
pub(super) struct Stdout;

impl Sink for Stdout {
    fn write(&mut self, lines: &[String]) -> Result<(), String> {
        let mut out = std::io::stdout().lock();
        out.write_all(joined(lines).as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())
    }
}

/// A file, and those before it; their lines are a chain.
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    /// Bytes after which it is turned over; 0 for never.
    most: u64,
    /// Files kept besides the current one.
    keep: usize,
    clock: Clock,
    chain: Chained,
}

impl Rotating {
    pub(super) fn open(
        path: &Path,
        most: u64,
        keep: usize,
        clock: Clock,
        key: Key,
        heads: Heads,
    ) -> std::io::Result<Self> {
        let file = open(path)?;
        let chain = Chained::new(path, key, heads);
        Ok(Self { path: path.to_owned(), file, most, keep, clock, chain })
    }

    /// `decisions.jsonl` becomes `decisions.jsonl.20261123T212200.000Z`; the oldest go.
    fn turn_over(&mut self) -> std::io::Result<()> {
        let now = self.clock.timestamp().strftime("%Y%m%dT%H%M%S%.9fZ").to_string();
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{now}"));
        std::fs::rename(&self.path, &name)?;
        self.file = open(&self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let prefix = format!("{}.", self.path.file_name().unwrap_or_default().to_string_lossy());
        let mut old: Vec<PathBuf> = std::fs::read_dir(directory.unwrap_or(Path::new(".")))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.strip_prefix(&prefix).is_some_and(|end| end.starts_with("20") && end.ends_with('Z'))
            })
            .collect();
        old.sort();
        let spare = old.len().saturating_sub(self.keep);
        old.iter().take(spare).try_for_each(std::fs::remove_file)
    }
}

impl Sink for Rotating {
    fn write(&mut self, lines: &[String]) -> Result<(), String> {
        let length = self.file.metadata().map_or(0, |facts| facts.len());
        if self.most > 0
            && length >= self.most
            && let Err(error) = self.turn_over()
        {
            // A file that grows is better than records that are lost.
            tracing::error!(%error, file = %self.path.display(), "the file of decision records cannot be turned over");
        }
        self.chain.append(&mut self.file, lines).map_err(|error| error.to_string())
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// A server that takes gzipped JSON arrays by POST, as OPA sends them (OPA documentation, "Decision Logs").
pub(super) struct Collector {
    remote: Remote,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Collector {
    pub(super) fn open(remote: &Remote) -> Result<Self, String> {
        let client = Client::of(remote, TIMEOUT, LONGEST)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { remote: remote.clone(), client, runtime })
    }
}

impl Sink for Collector {
    fn write(&mut self, lines: &[String]) -> Result<(), String> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        let array = format!("[{}]", lines.join(","));
        packed.write_all(array.as_bytes()).map_err(|error| error.to_string())?;
        let body = packed.finish().map_err(|error| error.to_string())?;
        let mut headers = credentials(&self.remote)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let sent = self.client.exchange(Method::POST, &self.remote.url, headers, Bytes::from(body));
        let answer = self.runtime.block_on(sent)?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(format!("the collector answers {}", answer.status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_turned_over_and_the_oldest_go() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("d.jsonl");
        std::fs::write(&path, "cut").unwrap();
        let mut sink =
            Rotating::open(&path, 300, 2, Clock::system(), Key::default(), Heads::default()).unwrap();
        for word in ["first", "second", "third", "fourth", "fifth"] {
            sink.write(&[format!("{{\"word\":\"{word}\"}}")]).unwrap();
        }
        let words = |path: &Path| -> Vec<String> {
            let text = std::fs::read_to_string(path).unwrap();
            let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap_or_default();
            text.lines().map(|line| read(line)["word"].as_str().unwrap_or("-").to_owned()).collect()
        };
        assert_eq!(words(&path), ["fifth"]);
        let entries = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut others: Vec<PathBuf> =
            entries.filter(|path| path.to_str().unwrap().contains("d.jsonl")).collect();
        others.sort();
        let texts: Vec<Vec<String>> = others.iter().map(|path| words(path)).collect();
        assert_eq!(texts, [vec!["fifth"], vec!["-", "first", "second"], vec!["third", "fourth"]]);
        let report = crate::chain::verify::files(&others, &Key::default(), None).unwrap();
        assert!(report.is_whole() && report.lines == 5 && report.noted.len() == 1, "{report:?}");
    }
}
