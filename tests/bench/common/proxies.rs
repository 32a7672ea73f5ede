//! Processes under test: how they are started, told apart and ended, and the two that every benchmark has.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fixture;

/// Who judges creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// Nobody: what should be refused is passed on.
    Nobody,
    Zengate,
    Opa,
}

/// A process under test. Dropping it ends it.
pub struct Proxy {
    pub name: String,
    pub address: SocketAddr,
    pub judge: Judge,
    /// Processes that it cannot work without; what they use is its use.
    pub sidecars: Vec<Proxy>,
    process: Child,
}

impl Proxy {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its own and those of its sidecars.
    pub fn pids(&self) -> Vec<u32> {
        std::iter::once(self.pid()).chain(self.sidecars.iter().flat_map(Self::pids)).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's master ends its worker on SIGTERM only; a killed child is waited for either way.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How they are set up.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    pub directory: &'a Path,
    pub upstream: SocketAddr,
    pub core: usize,
    /// One log line a request, and decision records; without it neither.
    pub logs: bool,
}

/// An address that nobody listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The stub, on the driver's core.
pub fn stub(core: usize) -> Proxy {
    let address = free_address();
    let own = std::env::current_exe().unwrap();
    let command = vec![own.display().to_string(), "--stub".to_owned(), address.to_string()];
    start("direct", address, Judge::Nobody, core, &command, Stdio::null(), Stdio::inherit())
}

/// A gateway with the stock rules and everything that is not said at its default.
pub fn zengate(setup: Setup<'_>) -> Proxy {
    zengate_with(setup, "zengate", fixture::ORGANISATION, "")
}

/// The binary that `cargo bench` built, as an operator runs it: log lines on standard error, decision records on
/// standard output, both into files here. `more` begins within `[policy]`.
pub fn zengate_with(setup: Setup<'_>, name: &str, organisation: &str, more: &str) -> Proxy {
    let (address, admin) = (free_address(), free_address());
    let Setup { directory, upstream, logs, .. } = setup;
    let quiet = if logs { "" } else { "[records]\nto = \"none\"\n[log]\nlevel = \"warn\"\n" };
    let more = format!("{more}{quiet}");
    fixture::write_gateway(directory, &address.to_string(), &admin.to_string(), &upstream.to_string(), &more);
    std::fs::write(directory.join("organisation.yaml"), organisation).unwrap();
    let config = directory.join("zengate.toml").display().to_string();
    let command = [env!("CARGO_BIN_EXE_zengate"), "serve", "--config", &config].map(str::to_owned);
    let (out, err) = (log_file(directory, "decisions.jsonl"), log_file(directory, "zengate.log"));
    start(name, address, Judge::Zengate, setup.core, &command, out, err)
}

pub fn log_file(directory: &Path, name: &str) -> Stdio {
    File::create(directory.join(name)).unwrap().into()
}

/// Starts a process on `core` and waits until it listens.
pub fn start(
    name: &str,
    address: SocketAddr,
    judge: Judge,
    core: usize,
    command: &[String],
    out: Stdio,
    err: Stdio,
) -> Proxy {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let process = Command::new("taskset")
        .args(["-c", &core.to_string()])
        .args(command)
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .expect("taskset (package util-linux)");
    // Made before it is waited for, so that it is ended whatever comes.
    let mut proxy = Proxy { name: name.to_owned(), address, judge, sidecars: Vec::new(), process };
    let end = Instant::now() + Duration::from_secs(300);
    while TcpStream::connect(address).is_err() {
        assert!(matches!(proxy.process.try_wait(), Ok(None)), "{name} ended before it listened");
        assert!(Instant::now() < end, "{name} does not listen");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    proxy
}
