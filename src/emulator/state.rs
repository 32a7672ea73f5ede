//! The state file: the whole account as JSON, so that an emulator that comes back goes on where it stopped.
//!
//! It is written after every executed change, before the answer: to a temporary file in the same folder, synced, and
//! renamed over the old one, so a reader or a crash never meets half a file. A change that could not be kept is taken
//! back and refused; memory and file never say different things.
//!
//! Times in it are those of the emulator's clock, so machines go on living while the emulator is down.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::world::World;

/// What the member `format` of every state file says.
const FORMAT: &str = "zengate emulator state";
/// The version this emulator writes and reads. It changes with the shape of [`World`].
const VERSION: u64 = 1;

/// Why a state file could not be used. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is there and cannot be read.
    #[error("cannot read the state file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no JSON, or not the account that its version promises.
    #[error("the state file {} is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// It is JSON of something else.
    #[error("{} is not a state file of the emulator: its member \"format\" is not {FORMAT:?}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another release wrote it.
    #[error("the state file {} has version {found}; this emulator reads version {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The member `version` as it stands.
        found: String,
    },
    /// It cannot be written.
    #[error("cannot write the state file {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

#[derive(Serialize)]
struct Kept<'a> {
    format: &'static str,
    version: u64,
    world: &'a World,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    world: World,
}

/// A state file in use, and what it holds.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    kept: Vec<u8>,
}

impl StateFile {
    /// Takes the account out of the file; a missing file begins with the seed. Either way it is written once, so that
    /// a place that cannot be written is found at the start.
    pub(super) fn open(path: PathBuf, seed: World) -> Result<(Self, World), StateError> {
        let world = match std::fs::read(&path) {
            Ok(bytes) => read(&path, &bytes)?.resumed(&seed),
            Err(error) if error.kind() == ErrorKind::NotFound => seed,
            Err(source) => return Err(StateError::Read { path, source }),
        };
        let mut file = Self { path, kept: Vec::new() };
        file.keep(&world)?;
        Ok((file, world))
    }

    /// Replaces the file.
    pub(super) fn keep(&mut self, world: &World) -> Result<(), StateError> {
        let bytes = serde_json::to_vec(&Kept { format: FORMAT, version: VERSION, world })
            .map_err(std::io::Error::from)
            .and_then(|bytes| write(&self.path, &bytes).map(|()| bytes));
        match bytes {
            Ok(bytes) => {
                self.kept = bytes;
                Ok(())
            }
            Err(source) => Err(StateError::Write { path: self.path.clone(), source }),
        }
    }

    /// The account as it was last kept.
    pub(super) fn last(&self) -> Result<World, StateError> {
        read(&self.path, &self.kept)
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<World, StateError> {
    let damaged = |source| StateError::Damaged { path: path.to_owned(), source };
    let value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
    if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(StateError::Foreign { path: path.to_owned() });
    }
    let version = value.get("version").cloned().unwrap_or_default();
    if version.as_u64() != Some(VERSION) {
        return Err(StateError::Version { path: path.to_owned(), found: version.to_string() });
    }
    // Read again from the text, because only that knows line and column of what does not fit.
    serde_json::from_slice::<Found>(bytes).map(|found| found.world).map_err(damaged)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    // The rename itself is durable only when the folder is.
    File::open(folder)?.sync_all()
}
