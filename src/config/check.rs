//! Checks that several sections share: numbers, addresses, files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics::{At, Findings};
use super::units::{Size, Time};

/// What a check needs: where relative paths start, and where mistakes go.
pub(crate) struct Checking<'f, 's> {
    /// The directory of the file being checked.
    pub(crate) directory: &'f Path,
    /// What was found so far.
    pub(crate) findings: &'f mut Findings<'s>,
}

impl Checking<'_, '_> {
    /// A duration that is not zero.
    pub(crate) fn time(&mut self, raw: &At<Time>) -> Duration {
        if raw.0.is_zero() {
            self.findings.at(raw, "is zero, so nothing could ever finish in time; write e.g. \"5s\"");
        }
        raw.0
    }

    /// A size that is not zero.
    pub(crate) fn size(&mut self, raw: &At<Size>) -> usize {
        if raw.0 == 0 {
            self.findings.at(raw, "is zero, so nothing would ever fit; write e.g. \"1MiB\"");
        }
        usize::try_from(raw.0).unwrap_or(usize::MAX)
    }

    /// A count that is not zero.
    pub(crate) fn count(&mut self, raw: &At<usize>) -> usize {
        if **raw == 0 {
            self.findings.at(raw, "is zero, so nothing would ever pass; write 1 or more");
        }
        **raw
    }

    /// An address with its port.
    pub(crate) fn address(&mut self, raw: &At<String>) -> Option<SocketAddr> {
        let address = raw.parse().ok();
        if address.is_none() {
            let text = format!("{:?} is not an IP address with a port; write e.g. \"127.0.0.1:8080\"", **raw);
            self.findings.at(raw, text);
        }
        address
    }

    /// A file that is there and can be opened.
    pub(crate) fn file(&mut self, raw: &At<PathBuf>) -> PathBuf {
        let path = self.directory.join(&**raw);
        let trouble = match std::fs::metadata(&path) {
            Ok(facts) if !facts.is_file() => Some("is not a file".to_owned()),
            Ok(_) => {
                std::fs::File::open(&path).err().map(|error| format!("cannot be read ({})", error.kind()))
            }
            Err(error) => Some(format!("cannot be read ({})", error.kind())),
        };
        if let Some(trouble) = trouble {
            self.findings.at(raw, format!("the file {} {trouble}; {RELATIVE}", path.display()));
        }
        path
    }

    /// A directory that is there.
    pub(crate) fn directory(&mut self, raw: &At<PathBuf>) -> PathBuf {
        let path = self.directory.join(&**raw);
        if !path.is_dir() {
            self.findings.at(raw, format!("{} is not a directory; {RELATIVE}", path.display()));
        }
        path
    }
}

const RELATIVE: &str = "relative paths start at the directory of this file";
