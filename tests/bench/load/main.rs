//! zengate beside nginx and HAProxy: throughput, latency and CPU on one core, alternated in one run.
//!
//! `cargo bench --bench load`; options in [`Options`], the meaning of the figures in `tests/bench/README.md`.
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
mod check;
#[path = "../common/fixture.rs"]
mod fixture;
mod generate;
#[path = "../common/proxies.rs"]
mod proxies;
mod report;
#[path = "../common/stub.rs"]
mod stub;
#[path = "../common/usage.rs"]
mod usage;

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use fixture::Ask;
use generate::{Pace, Plan, Prepared};
use proxies::{Proxy, Setup};
use report::{Figures, Table};

/// The core of the proxies, and that of the stub and this driver. Two cores are enough and no more are used.
const PROXY_CORE: usize = 1;
const OTHER_CORE: usize = 0;
/// Requests prepared for each run; they repeat when it is longer.
const PREPARED: u32 = 4096;

/// The options, each `--name value`.
struct Options {
    /// Rounds; each runs every proxy once for each workload and pace.
    rounds: usize,
    /// Seconds of one run; well below the 300 for which a signature is good.
    seconds: f64,
    connections: usize,
    /// Requests a second of the fixed pace.
    rate: f64,
    /// `no` turns off access logs and decision records, in all proxies.
    logs: bool,
    /// Only this workload.
    only: Option<String>,
}

impl Options {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let value = |name: &str| {
            let place = arguments.iter().position(|argument| argument == name)?;
            Some(arguments.get(place + 1).expect("a value").clone())
        };
        let number =
            |name: &str, usual: f64| value(name).map_or(usual, |text| text.parse().expect("a number"));
        // `--test` shows that everything works; its figures mean nothing.
        let smoke = arguments.iter().any(|argument| argument == "--test");
        Self {
            rounds: number("--rounds", if smoke { 1.0 } else { 7.0 }) as usize,
            seconds: number("--seconds", if smoke { 0.2 } else { 2.0 }).clamp(0.1, 120.0),
            connections: number("--connections", if smoke { 8.0 } else { 64.0 }) as usize,
            rate: number("--rate", if smoke { 200.0 } else { 300.0 }),
            logs: value("--logs").is_none_or(|word| word != "no"),
            only: value("--only"),
        }
    }
}

/// A workload: what is asked, in this order, over and over.
const WORKLOADS: [(&str, &[Ask]); 4] = [
    ("create", &[Ask::Create]),
    ("refused", &[Ask::Refused]),
    ("read", &[Ask::Read]),
    ("mix", &[Ask::Read, Ask::Create, Ask::Read, Ask::Create, Ask::Refused]),
];

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
    let directory = tempfile::tempdir().unwrap();
    let stub = proxies::stub(OTHER_CORE);
    let setup =
        Setup { directory: directory.path(), upstream: stub.address, core: PROXY_CORE, logs: options.logs };
    let mut proxies = vec![proxies::zengate(setup)];
    proxies.splice(0..0, proxies::nginx(setup).into_iter().chain(proxies::haproxy(setup)));
    // The stub itself, asked directly, is the floor of the latencies.
    proxies.insert(0, stub);
    for (name, asks) in WORKLOADS {
        if options.only.as_ref().is_none_or(|only| only == name) {
            workload(&options, name, asks, &proxies);
        }
    }
}

fn workload(options: &Options, name: &str, asks: &[Ask], proxies: &[Proxy]) {
    for pace in [Pace::Saturate, Pace::Rate(options.rate)] {
        let mut table = Table::new(proxies.iter().map(|proxy| proxy.name));
        for round in 0..options.rounds {
            // The order turns round each time, so that a drift of the machine favours nobody.
            let order: Vec<usize> = (0..proxies.len()).collect();
            let order = if round % 2 == 0 { order } else { order.into_iter().rev().collect() };
            for place in order {
                table.add(place, one(options, asks, pace, &proxies[place], proxies[0].address));
            }
        }
        let connections = options.connections;
        match pace {
            Pace::Saturate => println!("\n{name}, saturated, {connections} connections"),
            Pace::Rate(rate) => println!("\n{name}, {rate:.0} requests/s, {connections} connections"),
        }
        table.print();
    }
}

/// One run of one proxy, checked and measured.
fn one(options: &Options, asks: &[Ask], pace: Pace, proxy: &Proxy, stub: std::net::SocketAddr) -> Figures {
    let (host, timestamp) = (proxy.address.to_string(), fixture::now());
    let requests: Vec<Prepared> = (0..PREPARED)
        .zip(asks.iter().cycle())
        .map(|(marker, ask)| Prepared { bytes: ask.request(marker, &host, timestamp), ask: *ask, marker })
        .collect();
    let plan = |seconds: f64, pace| Plan {
        address: proxy.address,
        judges: proxy.judges,
        requests: &requests,
        connections: options.connections,
        pace,
        time: Duration::from_secs_f64(seconds),
    };
    generate::run(&plan(options.seconds / 10.0, Pace::Saturate)); // connections open, caches warm
    let seen = check::seen(stub);
    let before = usage::cpu_nanos(proxy.pid());
    let outcome = generate::run(&plan(options.seconds, pace));
    let cpu = usage::cpu_nanos(proxy.pid()) - before;
    check::arrived(&outcome, proxy.judges, seen, check::seen(stub));
    if proxy.judges && asks.contains(&Ask::Create) {
        check::last_create(stub);
    }
    Figures::new(&outcome, cpu, usage::resident_kib(proxy.pid()))
}
