//! `zengate config`: check a configuration before it is rolled out, and print the schemas for editors.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::diagnostics::Mistakes;
use super::{Config, schema};
use crate::keys::KeyFile;
use crate::policy::PolicySet;

/// What the shell sees when something in the files is wrong.
const MISTAKEN: u8 = 2;

/// Check a configuration, or print the schema of its files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  zengate config check --config /etc/zengate/zengate.toml\n  \
    zengate config schema > zengate.schema.json\n\n\
    Exit codes: 0 no mistakes, 2 mistakes in the files, or wrong usage")]
pub struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read the configuration, its key file and its policies as the server would, and print every mistake.
    Check {
        /// The configuration file.
        #[arg(long, default_value = "zengate.toml")]
        config: PathBuf,
    },
    /// Print the JSON Schema of the configuration or of the key file.
    Schema {
        /// Which file.
        #[arg(value_enum, default_value_t = Which::Config)]
        of: Which,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Config,
    Keys,
}

impl ConfigCommand {
    /// Runs the command; the answer is the exit code: 0 for fine, 2 for mistakes in the files.
    ///
    /// # Errors
    /// Only those of writing.
    pub fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
        match &self.action {
            Action::Check { config } => check(config, out, err),
            Action::Schema { of } => {
                let schema = match of {
                    Which::Config => Config::schema(),
                    Which::Keys => schema::keys(),
                };
                writeln!(out, "{schema:#}")?;
                Ok(0)
            }
        }
    }
}

/// Reads everything as the server would and writes what there is, or every mistake; the answer is the exit code.
pub(crate) fn check(path: &std::path::Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(mistakes) => return report(&mistakes, err),
    };
    let load = |file: &PathBuf| KeyFile::load(file, config.key_accounts());
    let keys = match config.keys.file.as_ref().map(load).transpose() {
        Ok(keys) => keys.map_or(0, |keys| keys.current().len()),
        Err(mistakes) => return report(&mistakes, err),
    };
    let set = match PolicySet::load(&config.policy.source(), &config.policy.overlays()) {
        Ok(set) => set,
        Err(problems) => {
            writeln!(err, "{problems}")?;
            return Ok(MISTAKEN);
        }
    };
    writeln!(out, "{}: no mistakes", path.display())?;
    writeln!(
        out,
        "{} keys in the key file, {} accounts, {} rules (revision {}), upstream {}",
        keys,
        config.accounts.len(),
        set.rules().count(),
        set.revision(),
        config.upstream.origin
    )?;
    for note in set.notes() {
        writeln!(out, "note: {note}")?;
    }
    writeln!(out, "\n{}", config.describe())?;
    Ok(0)
}

fn report(mistakes: &Mistakes, err: &mut dyn Write) -> io::Result<u8> {
    writeln!(err, "{mistakes}")?;
    let count = mistakes.count();
    writeln!(
        err,
        "{count} mistake{} found; nothing was started or changed",
        if count == 1 { "" } else { "s" }
    )?;
    Ok(MISTAKEN)
}
