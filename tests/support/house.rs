//! A gateway inside the test's own process, for what needs its clock in hand. It has real ports like any other.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zengate::clock::Clock;
use zengate::config::Config;
use zengate::emulator::{self, Emulator};
use zengate::lifecycle::{Lifecycle, LogControl};
use zengate::server::Server;

use super::client::{connect, read_answer};
use super::gateway::write;
use super::world::{KEY, Setup, directory};
use super::{Answer, Call};

/// A gateway and a cloud in this process, by one clock.
pub struct House {
    pub clock: Clock,
    /// How far the clock is from this machine's, in seconds.
    off: i64,
    pub emulator: Emulator,
    pub address: SocketAddr,
    admin: SocketAddr,
    stop: CancellationToken,
    running: Option<JoinHandle<bool>>,
    pub runtime: Runtime,
    files: TempDir,
}

impl House {
    pub fn new(setup: Setup) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = Clock::manual(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let options = emulator::Options { clock: clock.clone(), ..setup.emulator };
        let emulator = runtime.block_on(Emulator::start(options)).unwrap();
        let keys = format!(
            "[[key]]\nid = \"{KEY}\"\nsecrets = [{{ file = \"payments.secret\" }}]\nteam = \"payments\"\naccount = \"main\"\n"
        );
        let url = format!("http://{}", emulator.address());
        let files = directory(&url, &keys, &setup.organisation, &setup.config);
        for (name, content) in &setup.files {
            write(&files.path().join(name), content);
        }
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let (stop, running) = (CancellationToken::new(), None);
        let mut house =
            Self { clock, off: 0, emulator, address: nowhere, admin: nowhere, stop, running, runtime, files };
        house.start();
        house
    }

    fn start(&mut self) {
        let config = Config::load(&self.files.path().join("zengate.toml"));
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let server = self.runtime.block_on(Server::start(config, self.clock.clone())).unwrap();
        (self.address, self.admin, self.stop) =
            (server.address(), server.admin_address(), CancellationToken::new());
        let lifecycle = Lifecycle {
            stop: self.stop.clone(),
            stop_now: CancellationToken::new(),
            reload: tokio::sync::watch::Sender::new(0),
            log: LogControl::default(),
        };
        self.running = Some(self.runtime.spawn(server.run(lifecycle)));
    }

    fn end(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            let _ = self.runtime.block_on(running);
        }
    }

    /// Ends the gateway, and starts one on the same files.
    pub fn restart(&mut self) {
        self.end();
        self.start();
    }

    /// Replaces a file of the gateway.
    pub fn write(&self, name: &str, content: &str) {
        write(&self.files.path().join(name), content);
    }

    /// Time passes.
    pub fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.off += i64::try_from(time.as_secs()).unwrap();
    }

    /// Somebody sets the clock.
    pub fn step(&mut self, seconds: i64) {
        self.clock.step(seconds);
        self.off += seconds;
    }

    /// Signed by whoever has the clock's time.
    pub fn at_its_time(&self, mut call: Call) -> Call {
        call.timestamp_offset = self.off;
        call
    }

    pub fn send(&self, call: Call) -> Answer {
        self.at_its_time(call).send(self.address)
    }

    pub fn send_bytes(&self, bytes: &[u8]) -> Answer {
        let mut connection = connect(self.address);
        connection.write_all(bytes).unwrap();
        read_answer(&mut connection).unwrap()
    }

    pub fn admin(&self, method: &str, path: &str) -> Value {
        self.admin_with(method, path, &serde_json::json!({}))
    }

    pub fn admin_with(&self, method: &str, path: &str, document: &Value) -> Value {
        let mut call = Call::new("", "").unsigned().target(path).json(document);
        call.method = method.into();
        let answer = call.send(self.admin);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// All metrics, as text.
    pub fn metrics(&self) -> String {
        let mut call = Call::new("", "").unsigned().target("/metrics");
        call.method = "GET".into();
        String::from_utf8(call.send(self.admin).body).unwrap()
    }

    /// The value of one series of the metrics; 0 when it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.metrics();
        page.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or(0.0)
    }

    /// Used, in flight and unknown machines of the team.
    pub fn counted(&self) -> [u64; 3] {
        let counts = self.admin("GET", "/quota");
        let own = |count: &&Value| count["scope"] == "team/payments" && count["resource"] == "instances";
        let own = counts["counts"].as_array().unwrap().iter().find(own).unwrap();
        ["used", "in_flight", "unknown"].map(|name| own[name].as_u64().unwrap())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.end();
    }
}
