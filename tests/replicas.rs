//! Replicas that share one ledger in PostgreSQL: never above a limit, whatever stops.
//!
//! `ZENGATE_REPLICAS` sets how many (CI: 2, long: 3).

mod rolling;

use std::io::Write as _;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::path::quota::{limited, order};
use crate::support::postgres::{Server, Stop};
use crate::support::world::{self, Setup};
use crate::support::{Answer, Call, Gateway, World, client, eventually};

/// A world of several gateways before one cloud.
pub struct Fleet {
    pub world: World,
    pub more: Vec<Gateway>,
}

impl Fleet {
    pub fn new(server: &Server, setup: Setup) -> Self {
        let replicas: usize =
            std::env::var("ZENGATE_REPLICAS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
        let quota = format!(
            "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
            server.socket(),
            server.port()
        );
        let config = setup.config.clone() + &quota;
        let (keys, organisation) = (setup.keys.clone(), setup.organisation.clone());
        let world = World::with(Setup { config: config.clone(), ..setup });
        let url = format!("http://{}", world.emulator.address());
        let start = |_| Gateway::start(world::directory(&url, &keys, &organisation, &config));
        let more = (1..replicas).map(start).collect();
        Self { world, more }
    }

    pub fn gateways(&self) -> Vec<&Gateway> {
        std::iter::once(&self.world.gateway).chain(&self.more).collect()
    }

    fn post(gateway: &Gateway, path: &str) -> Answer {
        let mut call = Call::new("", "").unsigned();
        call.method = "POST".into();
        call.target(path).json(&json!({})).send(gateway.admin_address())
    }

    /// Has whichever replica leads list the cloud.
    fn reconcile(&self) -> Value {
        eventually("some replica reconciles", || {
            let answers = self.gateways().into_iter().map(|gateway| Self::post(gateway, "/quota/reconcile"));
            answers.into_iter().find(|answer| answer.status == 200).map(|answer| answer.json())
        })
    }

    fn counted(gateway: &Gateway) -> (u64, u64, u64) {
        let counts = gateway.admin_page("/quota").json();
        let counts = counts["counts"].as_array().unwrap();
        let own =
            counts.iter().find(|count| count["scope"] == "team/payments" && count["resource"] == "instances");
        own.map_or((0, 0, 0), |own| {
            let number = |name: &str| own[name].as_u64().unwrap();
            (number("used"), number("in_flight"), number("unknown"))
        })
    }

    /// All replicas show the same, and it is what the cloud has.
    fn agree(&self) {
        eventually("ledger and cloud agree on every replica", || {
            self.reconcile();
            let machines = u64::try_from(self.world.emulator.instance_count()).unwrap();
            let same = self.gateways().into_iter().all(|gateway| Self::counted(gateway) == (machines, 0, 0));
            same.then_some(())
        });
    }
}

fn crowded(limit: u32) -> Setup {
    let many = "[limits]\nin_flight = 4000\nconnections = 4000\n[policy]\ndata = [\"organisation.yaml\"]\nqueue = 4000\n\
                time_limit = \"60s\"\ndeadline = \"120s\"\n";
    let mut setup = limited(limit);
    setup.organisation = setup.organisation.replace("maximum: 10", "maximum: 100");
    setup.config = many.to_owned();
    setup
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn replicas_never_exceed_a_limit_together() {
    let server = Server::start();
    let fleet = Fleet::new(&server, crowded(100));
    let workers = 16;
    let gate = Barrier::new(workers);
    let forwarded = AtomicU32::new(0);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (fleet, gate, forwarded) = (&fleet, &gate, &forwarded);
            scope.spawn(move || {
                gate.wait();
                for number in 0..125 {
                    let gateways = fleet.gateways();
                    let gateway = gateways[number % gateways.len()];
                    let count = 1 + u32::try_from((worker * 7 + number * 3) % 5).unwrap();
                    let answer = order(&format!("w{worker}-{number}"), count).send(gateway.address());
                    assert!([200, 403].contains(&answer.status), "{}", answer.message());
                    if answer.status == 200 {
                        forwarded.fetch_add(count, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let forwarded = forwarded.into_inner();
    assert!((96..=100).contains(&forwarded), "{forwarded} machines");
    assert_eq!(fleet.world.emulator.instance_count(), usize::try_from(forwarded).unwrap());
    fleet.agree();
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_store_that_is_away_stops_creates_and_nothing_else() {
    let mut server = Server::start();
    let fleet = Fleet::new(&server, limited(50));
    assert_eq!(fleet.world.send(&order("a", 1)).status, 200);
    for how in [Stop::Fast, Stop::Immediate] {
        server.stop(how);
        eventually("the gateway has noticed", || {
            let answer = fleet.world.send(&order("while away", 1));
            (answer.status == 503).then_some(())
        });
        let refused = fleet.world.send(&order("still away", 1));
        assert_eq!((refused.status, refused.code().as_str()), (503, "SERVICE_TEMPORARY_UNAVAILABLE"));
        assert!(refused.header("retry-after").is_some());
        let change = Call::new("vm", "StopInstances").json(&json!({ "instanceId": "1" }));
        assert_eq!(fleet.world.send(&change).status, 503, "changes are not booked either");
        let read = Call::new("vm", "DescribeInstances").json(&json!({}));
        assert_eq!(fleet.world.send(&read).status, 200, "reads pass");
        assert_eq!(fleet.world.gateway.admin_page("/readyz").status, 200, "readiness stays up");
        assert!(fleet.world.gateway.admin_page("/status").json()["ledger"]["away"].is_string());
        assert_eq!(fleet.world.gateway.metric("zengate_ledger_up"), 0.0);
        server.go();
        eventually("creates pass again", || {
            let answer = fleet.world.send(&order("back", 1));
            (answer.status == 200).then_some(())
        });
        assert_eq!(fleet.world.gateway.metric("zengate_ledger_up"), 1.0);
    }
    fleet.agree();
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_store_that_answers_nothing_stops_creates_and_nothing_else() {
    let server = Server::start();
    let fleet = Fleet::new(&server, limited(50));
    assert_eq!(fleet.world.send(&order("a", 1)).status, 200);
    for round in 0..2 {
        // Connections stay open, and nothing comes back on them.
        server.pause();
        let creates = thread::scope(|scope| {
            let ask = |number: usize| order(&format!("dark-{round}-{number}"), 1).send(fleet.world.address());
            let asked: Vec<_> = (0..8).map(|number| scope.spawn(move || ask(number))).collect();
            let read = Call::new("vm", "DescribeInstances").json(&json!({}));
            assert_eq!(fleet.world.send(&read).status, 200, "reads pass meanwhile");
            asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
        });
        for refused in creates {
            assert_eq!((refused.status, refused.code().as_str()), (503, "SERVICE_TEMPORARY_UNAVAILABLE"));
        }
        assert_eq!(fleet.world.send(&order("later", 1)).status, 503);
        assert_eq!(fleet.world.gateway.admin_page("/readyz").status, 200, "readiness stays up");
        server.resume();
        eventually("creates pass again", || {
            let answer = fleet.world.send(&order(&format!("back-{round}"), 1));
            (answer.status == 200).then_some(())
        });
    }
    fleet.agree();
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_store_that_comes_and_goes_under_load_never_lets_a_limit_be_exceeded() {
    let mut server = Server::start();
    let fleet = Fleet::new(&server, crowded(60));
    let (stop, number, passed) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for worker in 0..8_usize {
            let (fleet, stop, number, passed) = (&fleet, &stop, &number, &passed);
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let gateways = fleet.gateways();
                    let gateway = gateways[worker % gateways.len()];
                    let name = format!("n-{:06}", number.fetch_add(1, Ordering::SeqCst));
                    let answer = order(&name, 1).send(gateway.address());
                    assert!([200, 403, 429, 503].contains(&answer.status), "{}", answer.message());
                    if answer.status == 200 {
                        passed.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        let rounds = [Some(Stop::Kill), None, Some(Stop::Fast), Some(Stop::Kill)];
        for (round, how) in rounds.into_iter().enumerate() {
            let wanted = 10 * (u32::try_from(round).unwrap() + 1);
            eventually("some creates pass", || (passed.load(Ordering::SeqCst) >= wanted).then_some(()));
            match how {
                Some(how) => server.stop(how),
                // Cut off: connections stay, nothing is answered.
                None => server.pause(),
            }
            eventually("all replicas have noticed", || {
                let away = |gateway: &&Gateway| gateway.metric("zengate_ledger_up") == 0.0;
                fleet.gateways().iter().all(away).then_some(())
            });
            match how {
                Some(_) => server.go(),
                None => server.resume(),
            }
        }
        eventually("the limit is reached", || (passed.load(Ordering::SeqCst) >= 60).then_some(()));
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(passed.into_inner(), 60);
    assert_eq!(fleet.world.emulator.instance_count(), 60);
    fleet.agree();
}

/// Waits until so many seconds have passed for the server; stopped processes do not notice.
fn seconds_pass(server: &Server, seconds: f64) {
    let clock = || server.sql("SELECT extract(epoch FROM clock_timestamp())").parse::<f64>().unwrap();
    let begun = clock();
    eventually("time has passed", || (clock() - begun > seconds).then_some(()));
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_replica_that_was_stopped_sends_nothing_when_it_wakes() {
    let server = Server::start();
    // Short deadlines, so that the stopped one is dead soon.
    let mut setup = limited(50);
    setup.config = "[upstream]\nurl = \"{url}\"\nconnect_timeout = \"100ms\"\ntls_timeout = \"100ms\"\ncreate_timeout = \"1s\"\n"
        .to_owned();
    let fleet = Fleet::new(&server, setup);
    // It has booked the create, and the cloud holds it: stopped there, it is as good as dead.
    let (gate, connection) = fleet.world.held_create();
    fleet.world.gateway.signal("STOP");
    server.sql("UPDATE zengate.owner SET renewed = renewed - interval '1 hour'");
    let other = &fleet.more[0];
    eventually("the other replica takes it for unknown", || (Fleet::counted(other).2 == 1).then_some(()));
    fleet.world.gateway.signal("CONT");
    drop(connection);
    gate.open();
    fleet.agree();
    assert_eq!(fleet.world.emulator.creates(), 1, "nothing was sent again");
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_replica_stopped_between_booking_and_sending_does_not_send() {
    let server = Server::start();
    let fleet = Fleet::new(&server, limited(50));
    // The store stands still, so the create is being booked when the replica is stopped.
    server.pause();
    let mut connection = client::connect(fleet.world.address());
    connection.write_all(&order("stopped", 1).bytes(fleet.world.address())).unwrap();
    eventually("the create waits to be booked", || {
        let judged = fleet.world.gateway.metric(r#"zengate_phase_duration_seconds_count{phase="decide"}"#);
        (judged >= 1.0).then_some(())
    });
    fleet.world.gateway.signal("STOP");
    server.resume();
    // Its lease runs out, and what it had booked is settled by the other.
    server.sql("UPDATE zengate.owner SET renewed = renewed - interval '1 hour'");
    let other = &fleet.more[0];
    eventually("the other replica has settled it", || {
        Fleet::post(other, "/quota/reconcile");
        (Fleet::counted(other) == (0, 0, 0)).then_some(())
    });
    // A booking older than 10 s is not sent, and a lease is never dead before that.
    seconds_pass(&server, 10.5);
    fleet.world.gateway.signal("CONT");
    let answer = client::read_answer(&mut connection).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "SERVICE_TEMPORARY_UNAVAILABLE"));
    assert_eq!(fleet.world.emulator.creates(), 0, "nothing was sent");
    fleet.agree();
    eventually("creates pass again", || (fleet.world.send(&order("next", 1)).status == 200).then_some(()));
}
