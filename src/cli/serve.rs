//! `zengate serve`: the gateway.

use std::path::PathBuf;

use clap::Args;

use super::{log, say};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::systemd::Sockets;
use crate::lifecycle::{Lifecycle, hardening, panics};
use crate::server::Server;

/// Run the gateway.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zengate serve --config /etc/zengate/zengate.toml\n\n\
    `zengate init gate` writes files to begin with. SIGHUP reads everything again that can change; SIGTERM and Ctrl-C drain, a\n\
    second one hurries.\n\n\
    Exit codes: 0 drained, 1 the drain was cut short, 2 wrong usage, mistakes in the files, an address that is taken")]
pub(super) struct ServeArgs {
    /// The configuration file.
    #[arg(long, default_value = "zengate.toml", value_name = "FILE")]
    config: PathBuf,
}

/// Runs until SIGTERM or SIGINT; 0 after a clean drain, 1 after one that was cut short.
pub(super) async fn run(args: ServeArgs) -> Result<u8, String> {
    let refused = hardening::close_memory();
    let config = Config::load(&args.config).map_err(|mistakes| mistakes.to_string())?;
    let logging = log::start(&config.log)?;
    panics::log();
    for why in refused {
        tracing::warn!(why, "the process could not close its memory");
    }
    let lifecycle = Lifecycle::from_signals().map_err(|error| format!("signals: {error}"))?;
    let lifecycle = Lifecycle { log: logging.control.clone(), ..lifecycle };
    let sockets = Sockets::from_environment().map_err(|error| format!("LISTEN_FDS: {error}"))?;
    let server =
        Server::start_on(sockets, config, Clock::system()).await.map_err(|error| with_causes(&error))?;
    say(&format!("zengate listens on {}, admin on {}", server.address(), server.admin_address()));
    Ok(if server.run(lifecycle).await { 0 } else { 1 })
}
