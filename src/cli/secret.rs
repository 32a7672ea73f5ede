//! `zengate secret`: seals secrets, so that the files that need them can be kept anywhere.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{say, say_error, say_out};
use crate::config::secret_ref::sealed::SealKey;
use crate::secret::Secret;

/// The longest secret that is sealed, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Seal secrets, and make the keys that open them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zengate secret new-key /etc/zengate/seal.key\n  \
    zengate secret seal --with /etc/zengate/seal.key < cloud.secret\n\n\
    and in zengate.toml or the key file:\n  secret = { sealed = \"zgs1...\", with = \"/etc/zengate/seal.key\" }\n\n\
    Exit codes: 0 done, 1 not done, 2 wrong usage")]
pub(super) struct SecretCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a sealing key and write it to a new file that only its owner can read.
    #[command(after_help = "Example:\n  zengate secret new-key /etc/zengate/seal.key")]
    NewKey {
        /// The file; it must not be there.
        file: PathBuf,
    },
    /// Seal what stands on standard input, without the newline at its end, and print it.
    #[command(after_help = "Example:\n  zengate secret seal --with /etc/zengate/seal.key < cloud.secret")]
    Seal {
        /// The file of the sealing key.
        #[arg(long, value_name = "FILE")]
        with: PathBuf,
    },
}

/// Runs the command; the answer is the exit code.
pub(super) fn run(command: SecretCommand) -> Result<u8, String> {
    let done = match command.action {
        Action::NewKey { file } => new_key(&file),
        Action::Seal { with } => seal(&with),
    };
    match done {
        Ok(()) => Ok(0),
        Err(why) => {
            say_error(&why);
            Ok(1)
        }
    }
}

fn new_key(file: &PathBuf) -> Result<(), String> {
    let key = SealKey::generate()?;
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut to =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    to.write_all(format!("{}\n", key.expose()).as_bytes()).and_then(|()| to.sync_all()).map_err(failed)?;
    say(&format!("{}: a new sealing key; keep it apart from what it seals, and keep a copy", file.display()));
    Ok(())
}

fn seal(with: &std::path::Path) -> Result<(), String> {
    let key = SealKey::read(with).map_err(|error| error.to_string())?;
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LONGEST).unwrap_or(usize::MAX)));
    let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| format!("standard input: {error}"))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.trim().is_empty() {
        return Err("standard input is empty; write the secret there, e.g. with < FILE".to_owned());
    }
    say_out(&format!("{}\n", key.seal(&Secret::new(secret))?));
    Ok(())
}
