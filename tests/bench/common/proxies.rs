//! The processes that are compared, each on the same core, each with one worker and keep-alive connections upstream.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fixture;

/// A process under test. Dropping it ends it.
pub struct Proxy {
    pub name: &'static str,
    pub address: SocketAddr,
    /// Whether refused creates are refused here, instead of passed on.
    pub judges: bool,
    process: Child,
}

impl Proxy {
    pub fn pid(&self) -> u32 {
        self.process.id()
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
    start("direct", address, false, core, &command, Stdio::null(), Stdio::inherit())
}

pub fn nginx(setup: Setup<'_>) -> Option<Proxy> {
    let address = free_address();
    let Setup { directory, upstream, logs, .. } = setup;
    let at = directory.display();
    let log = if logs { format!("{at}/nginx-access.log combined") } else { "off".to_owned() };
    let file = directory.join("nginx.conf");
    // The buffers hold an answer of 50 KB, or nginx would write it to a file first.
    let text = format!(
        "worker_processes 1;\npid {at}/nginx.pid;\nerror_log {at}/nginx-error.log;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n  access_log {log};\n  keepalive_requests 100000000;\n\
         client_body_temp_path {at}/nginx-body;\n  proxy_temp_path {at}/nginx-proxy;\n  fastcgi_temp_path {at}/nginx-f;\n\
         uwsgi_temp_path {at}/nginx-u;\n  scgi_temp_path {at}/nginx-s;\n  proxy_buffers 16 8k;\n\
         upstream cloud {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{ listen {address}; location / {{\n    proxy_pass http://cloud; proxy_http_version 1.1;\n    \
         proxy_set_header Connection \"\"; proxy_set_header Host $http_host;\n  }} }}\n}}\n"
    );
    std::fs::write(&file, text).unwrap();
    let command = ["nginx", "-c", &file.display().to_string(), "-g", "daemon off;"].map(str::to_owned);
    installed("nginx", "nginx-light")
        .then(|| start("nginx", address, false, setup.core, &command, Stdio::null(), Stdio::null()))
}

pub fn haproxy(setup: Setup<'_>) -> Option<Proxy> {
    let address = free_address();
    let Setup { directory, upstream, logs, .. } = setup;
    let log = if logs { "log stdout format raw local0" } else { "" };
    let http_log = if logs { "log global\n  option httplog" } else { "" };
    let file = directory.join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 1\n  maxconn 4096\n  {log}\ndefaults\n  mode http\n  timeout connect 5s\n  \
         timeout client 60s\n  timeout server 60s\n  http-reuse always\n  {http_log}\n\
         frontend all\n  bind {address}\n  default_backend cloud\nbackend cloud\n  server cloud {upstream}\n"
    );
    std::fs::write(&file, text).unwrap();
    let command = ["haproxy", "-db", "-f", &file.display().to_string()].map(str::to_owned);
    let out = if logs { log_file(directory, "haproxy.log") } else { Stdio::null() };
    installed("haproxy", "haproxy")
        .then(|| start("haproxy", address, false, setup.core, &command, out, Stdio::null()))
}

/// The binary that `cargo bench` built, as an operator runs it: log lines on standard error, decision records on
/// standard output, both into files here.
pub fn zengate(setup: Setup<'_>) -> Proxy {
    let (address, admin) = (free_address(), free_address());
    let Setup { directory, upstream, logs, .. } = setup;
    let more = if logs { "" } else { "[records]\nto = \"none\"\n[log]\nlevel = \"warn\"\n" };
    fixture::write_gateway(directory, &address.to_string(), &admin.to_string(), &upstream.to_string(), more);
    let config = directory.join("zengate.toml").display().to_string();
    let command = [env!("CARGO_BIN_EXE_zengate"), "serve", "--config", &config].map(str::to_owned);
    let (out, err) = (log_file(directory, "decisions.jsonl"), log_file(directory, "zengate.log"));
    start("zengate", address, true, setup.core, &command, out, err)
}

fn log_file(directory: &Path, name: &str) -> Stdio {
    File::create(directory.join(name)).unwrap().into()
}

/// Installs a Debian package if its program is missing and this may be done; says what to do otherwise.
fn installed(program: &str, package: &str) -> bool {
    let found = |program: &str| {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        path.split(':').any(|directory| Path::new(directory).join(program).is_file())
    };
    if found(program) {
        return true;
    }
    eprintln!("{program} is missing; trying `apt-get install {package}`");
    for arguments in [vec!["update", "-qq"], vec!["install", "-y", "-qq", package]] {
        let _ = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    if !found(program) {
        eprintln!(
            "{program} could not be installed (needs root and Debian's archive): left out. Install it and run again."
        );
    }
    found(program)
}

/// Starts a process on `core` and waits until it listens.
fn start(
    name: &'static str,
    address: SocketAddr,
    judges: bool,
    core: usize,
    command: &[String],
    out: Stdio,
    err: Stdio,
) -> Proxy {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut process = Command::new("taskset")
        .args(["-c", &core.to_string()])
        .args(command)
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .expect("taskset (package util-linux)");
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(address).is_err() {
        assert!(matches!(process.try_wait(), Ok(None)), "{name} ended before it listened");
        assert!(Instant::now() < end, "{name} does not listen");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Proxy { name, address, judges, process }
}
