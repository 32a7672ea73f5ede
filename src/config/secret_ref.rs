//! Secrets by reference: a file, an environment variable, a program's answer or a sealed text, never the secret itself in a
//! configuration file.
//!
//! Configuration is shown, diffed and committed; a secret is none of that. The reference is kept beside the secret, so
//! that whoever polls can read it again after a rotation. A secret file that others on the machine can read is refused:
//! it is not secret.

pub(crate) mod command;
pub(crate) mod sealed;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::check::Checking;
use super::diagnostics::{At, Findings};
use crate::secret::Secret;

/// The longest secret file: a certificate chain with its key is far smaller, and a wrong path must not fill memory.
const LONGEST: u64 = 64 * 1024;
/// Shorter keys can be guessed.
const SHORTEST_KEY: usize = 16;

/// Where a secret is to be found: exactly one of `file`, `env`, `command` and `sealed`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a reference, such as { file = \"path\" } or { env = \"NAME\" }, never the secret itself"
)]
pub struct RawSecretRef {
    /// A file that only its owner can read, or, if it is root's, also its group; relative paths start at the directory of the file that names it. A
    /// newline at its end is not part of the secret.
    #[schemars(with = "Option<String>")]
    pub file: Option<At<PathBuf>>,
    /// An environment variable of the gateway's process.
    #[schemars(with = "Option<String>")]
    pub env: Option<At<String>>,
    /// A program and its arguments, run without a shell; the secret is what it writes to standard output. It is asked
    /// again at most once a minute, and at SIGHUP.
    #[schemars(with = "Option<Vec<String>>")]
    pub command: Option<At<Vec<String>>>,
    /// What `zengate secret seal` printed; `with` opens it.
    #[schemars(with = "Option<String>")]
    pub sealed: Option<At<String>>,
    /// The file of the key that opens `sealed`, made by `zengate secret new-key`; as private as the file of a secret.
    #[schemars(with = "Option<String>")]
    pub with: Option<At<PathBuf>>,
}

/// A checked reference to a secret, with absolute or already joined paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretRef {
    /// The whole content of a file, without the newline at its end.
    File(PathBuf),
    /// The value of an environment variable.
    Env(String),
    /// What a program writes; its absolute path and its arguments.
    Command(Vec<String>),
    /// A sealed text and the file of the key that opens it.
    Sealed {
        /// As it stands in the file.
        text: String,
        /// The key.
        with: PathBuf,
    },
}

/// Why a secret could not be had. No text of it repeats the secret or what may be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such file, or it cannot be read.
    #[error("the secret file {} cannot be read ({reason}); relative paths start at the directory of this file", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file is a directory, a pipe or the like, or larger than any secret.
    #[error("{} is not a regular file of at most 64 KiB; name the file that holds the secret", .path.display())]
    NoSecretFile {
        /// The file.
        path: PathBuf,
    },
    /// Others on the machine can read or change the file.
    #[error("the secret file {} is open to others than its owner (mode {mode:04o}); run: chmod 600 {}, or 640 if it is root's", .path.display(), .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The environment variable is not set or not text.
    #[error("the environment variable {name} is not set; set it for the process of the gateway")]
    Unset {
        /// The variable.
        name: String,
    },
    /// The program did not hand the secret out.
    #[error(
        "the program {program} {why}; it must write the secret to standard output and end with 0 within 10 s"
    )]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What happened.
        why: String,
    },
    /// The sealed text does not open.
    #[error("the sealed secret {0}")]
    Sealed(&'static str),
    /// The file holds no key that opens sealed texts.
    #[error("{} holds no sealing key; make one with `zengate secret new-key FILE`", .path.display())]
    NoSealKey {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("the secret is empty; write the secret where the reference points")]
    Empty,
    /// It is not UTF-8 text.
    #[error("the secret is not UTF-8 text; write it as text")]
    NotText,
}

impl SecretRef {
    /// Reads the secret as it is now.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        match self {
            Self::File(path) => trimmed(&read_file(path)?),
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| SecretError::Unset { name: name.clone() })?;
                trimmed(&Zeroizing::new(text))
            }
            Self::Command(line) => command::ask(line),
            Self::Sealed { text, with } => sealed::open(text, with),
        }
    }
}

/// A secret without the newline at its end.
fn trimmed(text: &str) -> Result<Secret, SecretError> {
    let secret = text.strip_suffix('\n').unwrap_or(text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.trim().is_empty() { Err(SecretError::Empty) } else { Ok(Secret::new(secret)) }
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let unreadable = |error: std::io::Error| SecretError::Unreadable {
        path: path.to_owned(),
        reason: error.kind().to_string(),
    };
    // Asked before opening, because opening a pipe would wait for its writer; and again of what was opened, because
    // the name may point elsewhere by then.
    let named = fs::metadata(path).map_err(unreadable)?;
    if !named.is_file() {
        return Err(SecretError::NoSecretFile { path: path.to_owned() });
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if !facts.is_file() || facts.len() > LONGEST {
        return Err(SecretError::NoSecretFile { path: path.to_owned() });
    }
    let mode = facts.permissions().mode() & 0o7777;
    // A file of root's may be open to the reading of its group: Kubernetes (fsGroup), systemd credentials and packages
    // hand secrets to a service that way, and only root could have chosen the group.
    let forbidden = if facts.uid() == 0 { 0o026 } else { 0o066 };
    if mode & forbidden != 0 {
        return Err(SecretError::Open { path: path.to_owned(), mode });
    }
    // As large as it can become: growing would leave copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or(usize::MAX)));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    text.map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        SecretError::NotText
    })
}

impl RawSecretRef {
    /// The reference, if it names exactly one place; `owner` is the value to blame if it does not.
    fn checked(&self, owner: &At<Self>, directory: &Path, findings: &mut Findings<'_>) -> Option<SecretRef> {
        if let (None, Some(with)) = (&self.sealed, &self.with) {
            findings.at(with, "opens a sealed secret, and there is none; write sealed = \"...\" beside it");
            return None;
        }
        match (&self.file, &self.env, &self.command, &self.sealed) {
            (Some(file), None, None, None) if file.as_os_str().is_empty() => {
                findings.at(file, "is empty; write the path of the file that holds the secret");
                None
            }
            (Some(file), None, None, None) => Some(SecretRef::File(directory.join(&**file))),
            (None, Some(name), None, None) if is_variable(name) => Some(SecretRef::Env((**name).clone())),
            (None, Some(name), None, None) => {
                // Not repeated: whoever takes this for the place of the secret has written it here.
                findings.at(
                    name,
                    "is not the name of an environment variable; write e.g. { env = \"GATEWAY_SECRET\" }",
                );
                None
            }
            (None, None, Some(line), None) => {
                let absolute = line.first().is_some_and(|program| Path::new(program).is_absolute());
                if !absolute {
                    let text =
                        "begins with no absolute path; write e.g. [\"/usr/bin/vault\", \"kv\", \"get\", ...]";
                    findings.at(line, text);
                }
                absolute.then(|| SecretRef::Command((**line).clone()))
            }
            (None, None, None, Some(text)) => match &self.with {
                Some(with) => {
                    Some(SecretRef::Sealed { text: (**text).clone(), with: directory.join(&**with) })
                }
                None => {
                    findings.at(text, "says no key to open it; write with = \"seal.key\" beside it");
                    None
                }
            },
            _ => {
                findings.at(
                    owner,
                    "names no place or several; write one of { file = \"path\" }, { env = \"NAME\" }, \
                     { command = [\"/program\"] } and { sealed = \"zgs1...\", with = \"seal.key\" }",
                );
                None
            }
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A secret and where it came from.
#[derive(Clone, Debug)]
pub struct Referenced {
    /// Where it is read again after a rotation.
    pub reference: SecretRef,
    /// As it was when it was read.
    pub secret: Secret,
}

/// Checks a reference and reads it through `resolve`; what is wrong is noted.
pub(crate) fn resolve_with(
    raw: &At<RawSecretRef>,
    directory: &Path,
    findings: &mut Findings<'_>,
    resolve: &mut dyn FnMut(&SecretRef) -> Result<Secret, SecretError>,
) -> Option<Referenced> {
    let reference = raw.checked(raw, directory, findings)?;
    match resolve(&reference) {
        Ok(secret) => Some(Referenced { reference, secret }),
        Err(error) => {
            findings.at(raw, blame(raw, &error));
            None
        }
    }
}

/// Checks a reference and reads it now.
pub(crate) fn resolve(
    raw: &At<RawSecretRef>,
    directory: &Path,
    findings: &mut Findings<'_>,
) -> Option<Referenced> {
    resolve_with(raw, directory, findings, &mut SecretRef::resolve)
}

/// Notes a secret that cannot stand in a header or a signature: those are single lines.
pub(crate) fn single_line(raw: &At<RawSecretRef>, found: &Referenced, findings: &mut Findings<'_>) -> bool {
    let single = !found.secret.expose().contains(|c: char| c.is_control());
    if !single {
        findings.at(
            raw,
            "the secret has several lines or control characters; write the secret alone, on one line",
        );
    }
    single
}

/// Reads a key that lines are hashed with: long enough that nobody guesses it.
pub(super) fn key(raw: &At<RawSecretRef>, checking: &mut Checking<'_, '_>) -> Option<Referenced> {
    let found = resolve(raw, checking.directory, checking.findings)?;
    if found.secret.expose().len() < SHORTEST_KEY {
        let text = "is shorter than 16 characters and could be guessed; make one with: openssl rand -hex 32";
        checking.findings.at(raw, text);
    }
    Some(found)
}

/// The error as text. A "file" that looks like no path at all may be the secret itself, pasted: it is not repeated.
fn blame(raw: &RawSecretRef, error: &SecretError) -> String {
    let like_a_path = |path: &At<PathBuf>| path.to_string_lossy().contains(['/', '.']);
    match error {
        SecretError::Unreadable { reason, .. } if !raw.file.as_ref().is_some_and(like_a_path) => {
            format!(
                "the secret file cannot be read ({reason}); relative paths start at the directory of this file"
            )
        }
        _ => error.to_string(),
    }
}
