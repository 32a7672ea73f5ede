//! The key file on disk: read at the start, looked at again and again, swapped only when it is good.
//!
//! A look compares a digest over the file and every secret it names, so a rotated secret file counts as a change and a
//! mended permission does too. A reading with mistakes changes nothing but the status: whoever could call can still
//! call. Write the file beside its place and rename it over, so that no look sees half of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use aws_lc_rs::digest;

use super::raw::{RawKeyFile, Reading};
use super::{Accounts, Keyring};
use crate::config::diagnostics::{Findings, Mistakes};
use crate::config::secret_ref::{SecretError, SecretRef};
use crate::secret::Secret;

type Digest = [u8; 32];
type Resolved = BTreeMap<SecretRef, Result<Secret, SecretError>>;

/// The key file and the keyring that it last gave.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    accounts: Accounts,
    current: ArcSwap<Keyring>,
    /// What the last look saw. One look at a time; requests never take this lock.
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    digest: Digest,
    source: Digest,
    named: Vec<SecretRef>,
    status: KeyStatus,
}

/// How the key file stands.
#[derive(Clone, Debug, Default)]
pub struct KeyStatus {
    /// How often a new keyring has taken over since the start.
    pub replaced: u64,
    /// The mistakes of the file as it is now; none when what is in the file is what is in use.
    pub mistakes: Option<Mistakes>,
}

/// What a look at the key file came to.
#[derive(Debug)]
pub enum PollOutcome {
    /// Neither the file nor a secret it names has changed since the last look.
    Unchanged,
    /// The file changed and is good: its keyring is in use.
    Replaced,
    /// The file changed and has mistakes: the keyring before it stays in use.
    Kept(Mistakes),
}

impl KeyFile {
    /// Reads the key file; `accounts` are those that its keys may refer to.
    ///
    /// # Errors
    /// Every mistake of the file, in the order of its lines.
    pub fn load(path: &Path, accounts: Accounts) -> Result<Self, Mistakes> {
        let source = read(path)?;
        let (keyring, resolved) = parse(path, &source, &accounts);
        let seen = Seen::new(&Ok(source), resolved, KeyStatus::default());
        Ok(Self {
            path: path.to_owned(),
            accounts,
            current: ArcSwap::from_pointee(keyring?),
            seen: Mutex::new(seen),
        })
    }

    /// The keyring in use. A request takes it once and keeps it to its end.
    pub fn current(&self) -> Arc<Keyring> {
        self.current.load_full()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file stands.
    pub fn status(&self) -> KeyStatus {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).status.clone()
    }

    /// Looks at the file and the secrets it names; reads files, so call it where blocking is fine.
    pub fn poll(&self) -> PollOutcome {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let source = read(&self.path);
        if seen.source == digest_of_source(&source) {
            let resolved = seen.named.iter().map(|named| (named.clone(), named.resolve())).collect();
            if seen.digest == digest_of_all(&seen.source, &resolved) {
                return PollOutcome::Unchanged;
            }
        }
        let (keyring, resolved) = match &source {
            Ok(source) => parse(&self.path, source, &self.accounts),
            Err(mistakes) => (Err(mistakes.clone()), Resolved::new()),
        };
        let mut status = seen.status.clone();
        let outcome = match keyring {
            Ok(keyring) => {
                self.current.store(Arc::new(keyring));
                status.replaced += 1;
                status.mistakes = None;
                PollOutcome::Replaced
            }
            Err(mistakes) => {
                status.mistakes = Some(mistakes.clone());
                PollOutcome::Kept(mistakes)
            }
        };
        *seen = Seen::new(&source, resolved, status);
        outcome
    }
}

impl Seen {
    fn new(source: &Result<String, Mistakes>, resolved: Resolved, status: KeyStatus) -> Self {
        let source = digest_of_source(source);
        let digest = digest_of_all(&source, &resolved);
        Self { digest, source, named: resolved.into_keys().collect(), status }
    }
}

fn read(path: &Path) -> Result<String, Mistakes> {
    std::fs::read_to_string(path).map_err(|error| {
        let text =
            format!("the key file cannot be read ({}); put it there, readable by the gateway", error.kind());
        Mistakes::of_file(path, text)
    })
}

/// The keyring or the mistakes, and every secret as it was read for them: each is read once, so the digest is of what
/// is in the keyring.
fn parse(path: &Path, source: &str, accounts: &Accounts) -> (Result<Keyring, Mistakes>, Resolved) {
    let mut resolved = Resolved::new();
    let (raw, mut findings) = Findings::read::<RawKeyFile>(path, source);
    let keyring = raw.map(|raw| {
        let mut resolve =
            |named: &SecretRef| resolved.entry(named.clone()).or_insert_with(|| named.resolve()).clone();
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Reading { directory, accounts, findings: &mut findings, resolve: &mut resolve }.keyring(&raw)
    });
    (findings.finish(keyring), resolved)
}

fn digest_of_source(source: &Result<String, Mistakes>) -> Digest {
    let mut all = digest::Context::new(&digest::SHA256);
    match source {
        Ok(text) => add(&mut all, b"file", text),
        Err(mistakes) => add(&mut all, b"none", &mistakes.to_string()),
    }
    finish(all)
}

fn digest_of_all(source: &Digest, resolved: &Resolved) -> Digest {
    let mut all = digest::Context::new(&digest::SHA256);
    all.update(source);
    for result in resolved.values() {
        match result {
            Ok(secret) => add(&mut all, b"text", secret.expose()),
            Err(error) => add(&mut all, b"none", &error.to_string()),
        }
    }
    finish(all)
}

/// With its kind and length before it, so that no two lists of texts run together into the same bytes.
fn add(all: &mut digest::Context, kind: &[u8; 4], text: &str) {
    all.update(kind);
    all.update(&(text.len() as u64).to_be_bytes());
    all.update(text.as_bytes());
}

fn finish(all: digest::Context) -> Digest {
    let mut bytes = Digest::default();
    bytes.iter_mut().zip(all.finish().as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}
