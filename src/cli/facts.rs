//! `zengate facts`: what the cloud offers, as data for the rules.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::progress::during;
use super::{say, say_out};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::config::Config;
use crate::facts::Facts;
use crate::facts::pull::{Product, pull};
use crate::server::accounts;

/// Cloud facts: zones and instance types, as rules see them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zengate facts pull --config zengate.toml --output facts.json\n\n\
    Exit codes: 0 written (or nothing new), 1 the cloud did not answer, 2 wrong usage or files")]
pub(super) struct FactsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask the cloud for zones and instance types and write them to a file for `policy.facts`.
    ///
    /// Only Describe calls are made, with the credential of an account of the configuration. What the cloud does not
    /// list any more stays in the file, for it does not list what is sold out. A running gateway takes the new file up by
    /// itself.
    #[command(after_help = "Example:\n  zengate facts pull --config zengate.toml --output facts.json\n\n\
                            Exit codes: 0 written (or nothing new), 1 the cloud did not answer, 2 wrong usage or files")]
    Pull(PullArgs),
}

#[derive(Debug, Args)]
struct PullArgs {
    /// The configuration file: the endpoint and the accounts.
    #[arg(long, default_value = "zengate.toml")]
    config: PathBuf,
    /// The account to ask as; needed where there are several.
    #[arg(long)]
    account: Option<String>,
    /// The product lines to ask about.
    #[arg(long = "product", value_enum, value_delimiter = ',', default_values = ["vm", "bmc", "zec"])]
    products: Vec<Product>,
    /// The file to write, or `-` for standard output. Default: the file of `policy.facts`.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Forget what the cloud does not list any more.
    #[arg(long)]
    prune: bool,
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(command: FactsCommand) -> Result<u8, String> {
    let Action::Pull(args) = command.action;
    let config = Config::load(&args.config).map_err(|mistakes| mistakes.to_string())?;
    let output = args.output.or_else(|| config.policy.facts.clone()).ok_or_else(|| {
        "name the file to write: --output facts.json, or `facts` under [policy] in the configuration"
            .to_owned()
    })?;
    let accounts = accounts::open(&config)?;
    let account = match (&args.account, accounts.len()) {
        (Some(name), _) => accounts.get(name).ok_or_else(|| {
            let known: Vec<&str> = accounts.keys().map(String::as_str).collect();
            format!("there is no account {name:?}; the configuration has: {}", known.join(", "))
        })?,
        (None, 1) => accounts.values().next().ok_or("no account")?,
        (None, _) => {
            let known: Vec<&str> = accounts.keys().map(String::as_str).collect();
            return Err(format!("choose one of the accounts with --account: {}", known.join(", ")));
        }
    };
    let known = if output == Path::new("-") { None } else { read(&output)? };
    let clock = Clock::system();
    let asking = pull(account, &args.products, &clock);
    let pulled = match during("the cloud is being asked", asking).await {
        Ok(facts) => facts,
        Err(error) => {
            say(&format!("{}; nothing was written", with_causes(&error)));
            return Ok(1);
        }
    };
    let facts = match &known {
        Some(known) if !args.prune => known.clone().updated(pulled),
        _ => pulled,
    };
    let text = facts.to_text().map_err(|error| error.to_string())?;
    if output == Path::new("-") {
        say_out(&text);
        return Ok(0);
    }
    let difference = known.clone().unwrap_or_default().difference(&facts);
    say(difference.to_string().trim_end());
    if difference.is_empty() && known.is_some() {
        say(&format!("nothing new; {} stays as it is", output.display()));
        return Ok(0);
    }
    replace(&output, &text).map_err(|error| format!("{} cannot be written: {error}", output.display()))?;
    say(&format!("{}: {} zones, {} types", output.display(), facts.zones.len(), facts.types.len()));
    Ok(0)
}

/// The facts of a file; none where there is no file.
fn read(path: &Path) -> Result<Option<Facts>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
            format!("{} does not hold cloud facts ({error}); name another file, or remove it", path.display())
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

/// Writes a file as a whole or not at all: a gateway that looks at it while it is written, or after a crash, finds the old
/// one or the new one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Facts are no secret, and the gateway may run as another user than the one who pulls them.
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}
