//! Clocks that are set while the gateway runs, by an injected clock behind the real port: what is booked stays booked, what was
//! sent is not sent again, and whoever has the right time is served.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zengate::clock::Clock;
use zengate::config::Config;
use zengate::emulator::{self, Emulator, Fault, Gate, On, Times, When};
use zengate::lifecycle::{Lifecycle, LogControl};
use zengate::server::Server;

use crate::path::quota::{limited, order};
use crate::support::client::{connect, read_answer};
use crate::support::world::{KEY, directory};
use crate::support::{Answer, Call, eventually};

/// A gateway and a cloud in this process, by one clock.
struct House {
    clock: Clock,
    /// How far the clock is from this machine's, in seconds.
    off: i64,
    emulator: Emulator,
    address: SocketAddr,
    admin: SocketAddr,
    stop: CancellationToken,
    running: Option<JoinHandle<bool>>,
    runtime: Runtime,
    _files: TempDir,
}

impl House {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = Clock::manual(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let setup = limited(10);
        let options = emulator::Options { clock: clock.clone(), ..setup.emulator };
        let emulator = runtime.block_on(Emulator::start(options)).unwrap();
        let keys = format!(
            "[[key]]\nid = \"{KEY}\"\nsecrets = [{{ file = \"payments.secret\" }}]\nteam = \"payments\"\naccount = \"main\"\n"
        );
        let files = directory(&format!("http://{}", emulator.address()), &keys, &setup.organisation, "");
        let config =
            Config::load(&files.path().join("zengate.toml")).unwrap_or_else(|error| panic!("{error}"));
        let server = runtime.block_on(Server::start(config, clock.clone())).unwrap();
        let (address, admin, stop) = (server.address(), server.admin_address(), CancellationToken::new());
        let lifecycle = Lifecycle {
            stop: stop.clone(),
            stop_now: CancellationToken::new(),
            reload: tokio::sync::watch::Sender::new(0),
            log: LogControl::default(),
        };
        let running = Some(runtime.spawn(server.run(lifecycle)));
        Self { clock, off: 0, emulator, address, admin, stop, running, runtime, _files: files }
    }

    fn step(&mut self, seconds: i64) {
        self.clock.step(seconds);
        self.off += seconds;
    }

    /// Signed by whoever has the clock's time.
    fn at_its_time(&self, mut call: Call) -> Call {
        call.timestamp_offset = self.off;
        call
    }

    fn send(&self, call: Call) -> Answer {
        self.at_its_time(call).send(self.address)
    }

    fn send_bytes(&self, bytes: &[u8]) -> Answer {
        let mut connection = connect(self.address);
        connection.write_all(bytes).unwrap();
        read_answer(&mut connection).unwrap()
    }

    fn admin(&self, method: &str, path: &str) -> Value {
        let mut call = Call::new("", "").unsigned().target(path).body("{}");
        call.method = method.into();
        let answer = call.send(self.admin);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// Used, in flight and unknown machines of the team.
    fn counted(&self) -> [u64; 3] {
        let counts = self.admin("GET", "/quota");
        let own = |count: &&Value| count["scope"] == "team/payments" && count["resource"] == "instances";
        let own = counts["counts"].as_array().unwrap().iter().find(own).unwrap();
        ["used", "in_flight", "unknown"].map(|name| own[name].as_u64().unwrap())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            let _ = self.runtime.block_on(running);
        }
    }
}

const MINUTE: i64 = 60;

#[test]
fn what_is_booked_stays_booked_whatever_the_clock_says() {
    let mut house = House::new();
    house.send(order("made", 2)).instance_ids();
    house.emulator.script(Fault::Close { when: When::Before }, On::create(), Times::Exactly(1));
    assert_eq!(house.send(order("unknown", 3)).code(), "REQUEST_TIMED_OUT");
    let gate = Gate::new();
    house.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut held = connect(house.address);
    held.write_all(&house.at_its_time(order("held", 4)).bytes(house.address)).unwrap();
    house.runtime.block_on(house.emulator.arrived(3));
    assert_eq!(house.counted(), [2, 4, 3]);
    for by in [10 * MINUTE, -20 * MINUTE, 10 * MINUTE, 24 * 60 * MINUTE, -48 * 60 * MINUTE, 24 * 60 * MINUTE]
    {
        house.step(by);
        assert_eq!(house.counted(), [2, 4, 3], "after a step of {by} s");
        assert_eq!(
            house.send(order(&format!("more-{by}"), 2)).code(),
            "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED"
        );
        assert_eq!(house.send(order("unknown", 3)).code(), "OPERATION_DENIED_OUTCOME_UNKNOWN");
    }
    gate.open();
    assert_eq!(read_answer(&mut held).unwrap().instance_ids().len(), 4);
    // The cloud made nothing of the one that is unknown; listings say so, in their own time.
    eventually("the unknown one is void", || {
        house.admin("POST", "/quota/reconcile");
        (house.counted() == [6, 0, 0]).then_some(())
    });
    assert_eq!(house.emulator.instance_count(), 6);
}

#[test]
fn an_answer_that_waits_for_its_client_is_not_forgotten_by_a_clock_set_forward() {
    let mut house = House::new();
    let gate = Gate::new();
    house.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut impatient = connect(house.address);
    impatient.write_all(&house.at_its_time(order("once", 1)).bytes(house.address)).unwrap();
    house.runtime.block_on(house.emulator.arrived(1));
    drop(impatient);
    gate.open();
    eventually("it is made", || (house.counted() == [1, 0, 0]).then_some(()));
    // Longer than answers wait.
    house.step(60 * MINUTE);
    let again = house.send(order("once", 1)).instance_ids();
    assert_eq!(again, [house.emulator.instances()[0].id.clone()]);
    assert_eq!(house.emulator.creates(), 1);
}

#[test]
fn a_clock_set_back_makes_no_old_request_young() {
    let mut house = House::new();
    let bytes = house.at_its_time(order("once", 1)).bytes(house.address);
    house.send_bytes(&bytes).instance_ids();
    house.step(-4 * MINUTE);
    // Signatures are good for five minutes, both ways.
    let again = house.send_bytes(&bytes);
    assert!(again.status >= 400, "{:?}", again.json());
    assert_eq!(house.emulator.creates(), 1);
    house.step(-4 * MINUTE);
    house.send_bytes(&bytes).assert_refused(401, "AUTHFAILURE_SIGNATURE_EXPIRED");
    house.send(order("another", 1)).instance_ids();
}
