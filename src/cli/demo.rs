//! `zengate demo`: emulator and gateway on this machine, a key, and what happens to real signed calls.
//!
//! Nothing is simulated: the files are written as an operator would write them, the gateway is started by the same
//! code as `serve`, and the calls go over sockets, signed as the SDKs sign.

mod calls;
mod files;
mod guide;

use std::io::Write as _;
use std::net::SocketAddr;

use clap::Args;

use self::calls::Client;
use self::files::Files;
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::config::Config;
use crate::emulator::{self, Emulator};
use crate::lifecycle::Lifecycle;
use crate::secret::Secret;
use crate::server::Server;

/// Run emulator and gateway together and show what they do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  zengate demo\n  zengate demo --once | less\n\n\
    Exit codes: 0 all went as told, 1 a call did not end as the demo says, 2 wrong usage, or an address that cannot be had")]
pub(super) struct DemoArgs {
    /// End after the calls instead of running until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// Serve https with a certificate made on the spot; the CLI `zeno` knows nothing else.
    #[arg(long)]
    tls: bool,
    /// Where the gateway listens; any free port if that one is taken.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where its metrics are; any free port if that one is taken.
    #[arg(long, default_value = "127.0.0.1:9180")]
    admin: SocketAddr,
}

/// Runs the demo; 1 if a call did not end as the demo says it does.
pub(super) async fn run(args: DemoArgs) -> Result<u8, String> {
    let cloud_secret = Secret::new(uuid::Uuid::new_v4().to_string());
    let options = emulator::Options {
        keys: vec![(files::CLOUD_KEY.to_owned(), cloud_secret.clone())],
        ..Default::default()
    };
    let emulator = Emulator::start(options).await.map_err(|error| format!("the emulator: {error}"))?;
    let listen = free_or_any(args.listen);
    let admin = free_or_any(args.admin);
    let files =
        Files::write(&format!("http://{}", emulator.address()), listen, admin, &cloud_secret, args.tls)
            .map_err(|error| format!("the demo's files cannot be written: {error}"))?;
    let config = Config::load(&files.config()).map_err(|mistakes| mistakes.to_string())?;
    let lifecycle = Lifecycle::from_signals().map_err(|error| format!("signals: {error}"))?;
    let server = Server::start(config, Clock::system()).await.map_err(|error| with_causes(&error))?;
    let (address, admin) = (server.address(), server.admin_address());
    let serving = tokio::spawn(server.run(lifecycle.clone()));

    let place = guide::Place { address, admin, emulator: emulator.address(), files: &files, tls: args.tls };
    show(&guide::opening(&place));
    let client = Client::new(address, &files, args.tls)?;
    let as_told = calls::tell(&client, &emulator, admin).await;
    show(&guide::closing(&place));
    if !args.once && as_told {
        show("Running until Ctrl-C.\n");
        lifecycle.stop.cancelled().await;
    }
    lifecycle.stop.cancel();
    let _ = serving.await;
    Ok(if as_told { 0 } else { 1 })
}

/// Prints what the demo is there to show.
fn show(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The address, or any port of its host if the port is taken.
fn free_or_any(address: SocketAddr) -> SocketAddr {
    match std::net::TcpListener::bind(address) {
        Ok(_) => address,
        Err(_) => SocketAddr::new(address.ip(), 0),
    }
}
