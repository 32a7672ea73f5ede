//! `zengate emulator`: the emulator on a port until Ctrl-C, with a word on how to call it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Emulator, Options, StartError};
use crate::clock::Clock;
use crate::secret::Secret;

/// The key taken when none is given.
const DEFAULT_KEY: (&str, &str) = ("AKEMULATOR", "SKEMULATOR-not-a-secret");

/// What the help says about breaking things; the presets are those of [`Preset::ALL`](super::Preset::ALL).
const AFTER_HELP: &str = "\
Examples:
  zengate emulator
  zengate emulator --listen 127.0.0.1:9200 --key AK1:@cloud.secret --state account.json

Break it while it runs, by POST to /_emulator/faults:
  {\"preset\": \"insufficient_balance\", \"on\": {\"service\": \"vm\", \"action\": \"CreateInstances\"}, \"times\": 2}
  Presets: insufficient_balance, quota_exceeded, sold_out, not_allowed, rate_limited, unavailable, timed_out,
  internal_error, create_fails, vanishes. GET /_emulator/presets shows the status and code of each.
  Any other refusal: {\"fault\": {\"kind\": \"refuse\", \"when\": \"before\", \"status\": 403, \"code\": \"ANY_CODE\"}}.
  \"on\" may name a service, an action, both or neither; \"forever\": true instead of \"times\" lasts until a reset.

Exit codes: 0 stopped by Ctrl-C or SIGTERM, 2 wrong usage, an address that is taken, or a state file that cannot be used";

/// Options of `zengate emulator`.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct EmulatorArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9100", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// An access key and its secret, or `@` and the file that holds it; may be given several times
    #[arg(long = "key", value_name = "AKID:SECRET|AKID:@FILE", value_parser = key)]
    pub keys: Vec<(String, Secret)>,
    /// A bearer token; may be given several times
    #[arg(long = "token", value_name = "TOKEN", value_parser = token)]
    pub tokens: Vec<Secret>,
    /// Seconds from a create to DEPLOYING
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    pub deploy_after: u64,
    /// Seconds from a create to RUNNING
    #[arg(long, default_value_t = 6, value_name = "SECONDS")]
    pub run_after: u64,
    /// Machines the account may have
    #[arg(long, default_value_t = 500, value_name = "COUNT")]
    pub instance_quota: u32,
    /// A clock that starts now and stands still until POST /_emulator/clock moves it
    #[arg(long)]
    pub manual_clock: bool,
    /// A file that keeps the account from run to run
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Why the emulator could not run.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The port is taken, or the state file cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Standard output or the signal handler failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Runs until Ctrl-C.
///
/// # Errors
/// When the port cannot be bound, the state file cannot be used, or standard output or the signal handler fails.
pub async fn run(args: EmulatorArgs) -> Result<(), CommandError> {
    let options = options(args);
    let keys = options.keys.clone();
    let emulator = Emulator::start(options).await?;
    greet(&emulator, &keys)?;
    // As the first process of a container it gets no default for SIGTERM.
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    emulator.shutdown().await;
    Ok(())
}

fn options(args: EmulatorArgs) -> Options {
    let mut keys = args.keys;
    if keys.is_empty() && args.tokens.is_empty() {
        keys.push((DEFAULT_KEY.0.to_owned(), Secret::new(DEFAULT_KEY.1)));
    }
    let system = Clock::system();
    let clock = if args.manual_clock { Clock::manual(system.since_epoch().as_secs()) } else { system };
    Options {
        listen: args.listen,
        keys,
        tokens: args.tokens,
        clock,
        deploy_after: Duration::from_secs(args.deploy_after),
        run_after: Duration::from_secs(args.run_after),
        instance_quota: args.instance_quota,
        state: args.state,
        ..Options::default()
    }
}

fn greet(emulator: &Emulator, keys: &[(String, Secret)]) -> std::io::Result<()> {
    let address = emulator.address();
    let mut out = std::io::stdout().lock();
    writeln!(out, "The emulated cloud listens on http://{address}/api/v2/<service>")?;
    for (key, secret) in keys {
        // Only the built-in key is shown: it is no secret.
        let shown = if key == DEFAULT_KEY.0 { secret.expose() } else { "(as given)" };
        writeln!(out, "  access key {key}, secret {shown}")?;
    }
    writeln!(out, "Point an SDK at it: scheme \"http\", domain \"{address}\".")?;
    writeln!(out, "Look inside: curl http://{address}/_emulator/requests, .../instances")?;
    writeln!(
        out,
        "Break it: curl -d '{{\"fault\":{{\"kind\":\"reset\",\"when\":\"after\"}},\"on\":{{\"action\":\"CreateInstances\"}}}}' \
         http://{address}/_emulator/faults"
    )?;
    writeln!(out, "Stop with Ctrl-C.")?;
    out.flush()
}

fn key(text: &str) -> Result<(String, Secret), String> {
    let (key, secret) = text
        .split_once(':')
        .filter(|(key, secret)| !key.is_empty() && !secret.is_empty())
        .ok_or("must be AKID:SECRET or AKID:@FILE")?;
    let secret = match secret.strip_prefix('@') {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
            Secret::new(text.trim_end())
        }
        None => Secret::new(secret),
    };
    Ok((key.to_owned(), secret))
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a Result from a value parser")]
fn token(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: EmulatorArgs,
    }

    fn parse(line: &[&str]) -> Result<Options, clap::Error> {
        let line = Line::try_parse_from([&["emulator"], line].concat())?;
        Ok(options(line.args))
    }

    #[test]
    fn an_emulator_without_keys_gets_the_built_in_one() {
        let keys = parse(&[]).unwrap().keys;
        assert_eq!(keys.len(), 1);
        assert_eq!((keys[0].0.as_str(), keys[0].1.expose()), DEFAULT_KEY);
        assert!(parse(&["--token", "t"]).unwrap().keys.is_empty());
    }

    #[test]
    fn keys_are_split_at_the_first_colon() {
        let keys = parse(&["--key", "AK:a:b", "--key", "AL:c"]).unwrap().keys;
        assert_eq!((keys[0].0.as_str(), keys[0].1.expose(), keys[1].0.as_str()), ("AK", "a:b", "AL"));
        for bad in ["AK", "AK:", ":secret"] {
            assert!(parse(&["--key", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_help_names_every_preset() {
        let help = Line::try_parse_from(["emulator", "--help"]).err().unwrap().to_string();
        for (name, _) in crate::emulator::Preset::ALL {
            assert!(help.contains(name), "{name} is not in the help");
        }
    }

    #[tokio::test]
    async fn a_state_file_that_cannot_be_used_is_named_in_the_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{}").unwrap();
        let path = file.path().to_str().unwrap();
        let line = Line::try_parse_from(["emulator", "--listen", "127.0.0.1:0", "--state", path]).unwrap();
        let error = run(line.args).await.unwrap_err().to_string();
        assert!(error.contains(path) && !error.contains("listen"), "{error}");
    }

    #[tokio::test]
    async fn a_taken_port_is_named_in_the_error() {
        let first = Emulator::start(Options::default()).await.unwrap();
        let line = Line::try_parse_from(["emulator", "--listen", &first.address().to_string()]).unwrap();
        let error = run(line.args).await.unwrap_err();
        assert!(error.to_string().contains(&first.address().to_string()), "{error}");
    }

    #[test]
    fn a_secret_may_lie_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from-a-file\n").unwrap();
        let (id, secret) = key(&format!("AK1:@{}", file.path().display())).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("AK1", "from-a-file"));
        assert!(key("AK1:@/nowhere/at/all").unwrap_err().contains("/nowhere/at/all"));
        assert!(key("AK1:").is_err());
    }
}
