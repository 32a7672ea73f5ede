//! More than the gateway can do: what it still gets done at twice, five and ten times its capacity.
//!
//! `cargo bench --bench overload`; the meaning of the figures is in `tests/bench/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a benchmark stops at the first thing that is not as it should be, and prints"
)]

#[path = "../common/answers.rs"]
mod answers;
mod crowd;
#[path = "../common/fixture.rs"]
mod fixture;
#[path = "../common/proxies.rs"]
mod proxies;
#[path = "../common/stub.rs"]
mod stub;
#[path = "../common/usage.rs"]
mod usage;

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crowd::{Crowd, Outcome};

/// As in `load`: the gateway has one core, the cloud and the crowd share the other.
const GATEWAY_CORE: usize = 1;
const OTHER_CORE: usize = 0;

/// The options, each `--name value`.
struct Options {
    /// Seconds of one run.
    seconds: f64,
    /// Callers at most; each waits for its answer before it asks again.
    callers: usize,
    /// How long a caller waits before it hangs up, in seconds.
    patience: f64,
    rounds: usize,
}

impl Options {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let smoke = arguments.iter().any(|argument| argument == "--test");
        let number = |name: &str, usual: f64| {
            let place = arguments.iter().position(|argument| argument == name);
            place.map_or(usual, |place| arguments[place + 1].parse().expect("a number"))
        };
        Self {
            seconds: number("--seconds", if smoke { 0.5 } else { 10.0 }).clamp(0.1, 120.0),
            callers: number("--callers", if smoke { 200.0 } else { 1000.0 }) as usize,
            patience: number("--patience", 10.0),
            rounds: number("--rounds", if smoke { 1.0 } else { 3.0 }) as usize,
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--stub") {
        let listener = TcpListener::bind(&arguments[place + 1]).unwrap();
        return stub::serve(listener).unwrap();
    }
    let options = Options::read();
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-cp", &OTHER_CORE.to_string(), &own]).output();
    assert!(
        pinned.is_ok_and(|run| run.status.success()),
        "taskset (package util-linux) and two cores are needed"
    );
    let stub = proxies::stub(OTHER_CORE);
    let mut markers = 0;
    // A gateway of its own for each run: what one has booked must not slow the next.
    let mut run = |callers: usize, rate: Option<f64>, patience: f64| -> (Outcome, u64) {
        let directory = tempfile::tempdir().unwrap();
        let (upstream, core) = (stub.address, GATEWAY_CORE);
        let gateway =
            proxies::zengate(proxies::Setup { directory: directory.path(), upstream, core, logs: true });
        let crowd = Crowd {
            address: gateway.address,
            callers,
            rate,
            patience: Duration::from_secs_f64(patience),
            time: Duration::from_secs_f64(options.seconds),
        };
        let outcome = crowd.run(&mut markers);
        (outcome, usage::resident_kib(gateway.pid()) / 1024)
    };
    println!(
        "{} callers at most, who hang up after {} s; one read in ten is a create",
        options.callers, options.patience
    );
    for _ in 0..options.rounds {
        // Its capacity: 64 callers who ask again as soon as they have their answer.
        let capacity = run(64, None, 30.0).0.good_rate();
        println!(
            "\n{:>8} {:>10} {:>10} {:>8} {:>10} {:>10} {:>8} {:>9} {:>9} {:>9}",
            "offered",
            "asked/s",
            "good/s",
            "of peak",
            "shed/s",
            "given up/s",
            "closed/s",
            "p50 ms",
            "p99 ms",
            "RSS MiB"
        );
        println!("{:>8} {capacity:>10.0} {capacity:>10.0}", "peak");
        for factor in [0.7, 1.0, 2.0, 5.0, 10.0] {
            let (outcome, resident) = run(options.callers, Some(capacity * factor), options.patience);
            let per_second = |count: usize| count as f64 / outcome.seconds;
            println!(
                "{factor:>7.1}x {:>10.0} {:>10.0} {:>7.0}% {:>10.0} {:>10.0} {:>8.0} {:>9.1} {:>9.1} {:>9}",
                per_second(outcome.asked),
                outcome.good_rate(),
                100.0 * outcome.good_rate() / capacity,
                per_second(outcome.shed),
                per_second(outcome.given_up),
                per_second(outcome.closed),
                outcome.percentile(0.5),
                outcome.percentile(0.99),
                resident
            );
        }
    }
}
