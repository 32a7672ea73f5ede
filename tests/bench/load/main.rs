//! zengate beside nginx, HAProxy, Envoy, and Envoy with the real OPA: throughput, latency, CPU and memory on one core, alternated
//! in one run.
//!
//! `cargo bench --bench load`; options in [`options`], the meaning of the figures in `tests/bench/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a benchmark stops at the first thing that is not as it should be, and prints"
)]

#[path = "../common/answers.rs"]
mod answers;
mod check;
mod envoy;
#[path = "../common/fixture.rs"]
mod fixture;
mod generate;
mod options;
mod peers;
#[path = "../../support/postgres.rs"]
mod postgres;
#[path = "../common/proxies.rs"]
mod proxies;
mod report;
mod session;
#[path = "../common/stub.rs"]
mod stub;
mod tools;
#[path = "../common/usage.rs"]
mod usage;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use fixture::Ask;
use generate::{Meter, Outcome, Pace, Plan, Prepared};
use options::Options;
use peers::{Peers, Wire};
use proxies::{Judge, Proxy, Setup};
use report::{Figures, Table};

/// The core of the proxies, and that of the stub and this driver. Two cores are enough and no more are used.
const PROXY_CORE: usize = 1;
const OTHER_CORE: usize = 0;
/// Requests prepared for each run; they repeat when it is longer.
const PREPARED: u32 = 4096;
/// Where each request may be sent only once: more than a gateway with a ledger answers in a second.
const PREPARED_A_SECOND: f64 = 16_000.0;
/// Of what a proxy did when saturated, what it may be asked for at a fixed rate: above it the figures are those of a queue.
const SUSTAINED: f64 = 0.85;

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
    // Fetched and built with all cores.
    let _ = (tools::envoy(), tools::authz());
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-cp", &OTHER_CORE.to_string(), &own]).output();
    assert!(
        pinned.is_ok_and(|run| run.status.success()),
        "taskset (package util-linux) and two cores are needed"
    );
    let directory = tempfile::tempdir().unwrap();
    let wire = Wire::new(&options, directory.path());
    let stub = proxies::stub(OTHER_CORE);
    let setup =
        Setup { directory: directory.path(), upstream: stub.address, core: PROXY_CORE, logs: options.logs };
    let peers = Peers::start(&options, stub, setup, &wire);
    println!("load of the machine before: {}", load());
    for (name, reason) in &peers.left_out {
        println!("left out: {name}: {reason}");
    }
    let mut bench = Bench { options: &options, wire, peers, marker: 0, refused_by: None };
    let chosen: Vec<_> = WORKLOADS.into_iter().filter(|(name, _)| options.wants(name)).collect();
    let mut tables: Vec<[Table; 2]> = chosen.iter().map(|(name, _)| bench.tables(name)).collect();
    for round in 0..options.rounds {
        for ((name, asks), tables) in chosen.iter().zip(&mut tables) {
            bench.round(round, name, asks, tables);
        }
        eprintln!("round {} of {} is over", round + 1, options.rounds);
    }
    for [saturated, steady] in &tables {
        saturated.print();
        if options.rate > 0.0 {
            steady.print();
            steady.print_added();
        }
    }
    let of = |name: &str| chosen.iter().position(|(known, _)| *known == name).map(|place| &tables[place][0]);
    if let (Some(refused), Some(create)) = (of("refused"), of("create")) {
        report::compare("refused / create, saturated", refused, create);
    }
    println!("\nload of the machine after: {}", load());
}

/// The load averages, by which to judge how quiet the machine was.
fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

struct Bench<'a> {
    options: &'a Options,
    wire: Wire,
    peers: Peers,
    /// The next marker where no request may be sent twice.
    marker: u32,
    /// The rules that refuse, by the first judge asked: the others must name the same.
    refused_by: Option<BTreeSet<String>>,
}

impl Bench<'_> {
    /// The tables of a workload, one for each pace.
    fn tables(&self, name: &str) -> [Table; 2] {
        let Options { connections, rate, .. } = self.options;
        let wire = match (self.wire.h2, self.wire.certificate.is_some()) {
            (true, true) => "HTTP/2 over TLS",
            (true, false) => "HTTP/2 without TLS",
            (false, true) => "HTTP/1.1 over TLS",
            (false, false) => "HTTP/1.1",
        };
        ["saturated".to_owned(), format!("{rate:.0} requests/s")].map(|pace| {
            let title = format!("{name}, {pace}, {connections} at a time, {wire}");
            Table::new(title, self.peers.all.iter().map(|proxy| proxy.name.clone()))
        })
    }

    /// Every proxy once at each pace. The order turns round each time, so that a drift of the machine favours nobody.
    fn round(&mut self, round: usize, name: &str, asks: &[Ask], [saturated, steady]: &mut [Table; 2]) {
        let plain = !self.wire.h2 && self.wire.certificate.is_none();
        let order: Vec<usize> = (usize::from(!plain)..self.peers.all.len()).collect();
        let order: Vec<usize> =
            if round.is_multiple_of(2) { order } else { order.into_iter().rev().collect() };
        for place in &order {
            let figures = self.one(asks, Pace::Saturate, *place);
            saturated.rows[*place].1.push(figures);
        }
        let rate = self.options.rate;
        for place in order.into_iter().filter(|_| rate > 0.0) {
            // Decided in the first round, so that each proxy has all rounds or none.
            let able = saturated.rows[place].1[0].per_second * SUSTAINED;
            if able >= rate {
                let figures = self.one(asks, Pace::Rate(rate), place);
                steady.rows[place].1.push(figures);
            } else if round == 0 {
                let proxy = &self.peers.all[place].name;
                println!("left out: {name} at {rate:.0} requests/s: {proxy}: it can sustain about {able:.0}");
            }
        }
    }

    /// One run of one proxy, checked and measured.
    fn one(&mut self, asks: &[Ask], pace: Pace, place: usize) -> Figures {
        let seconds = self.options.seconds;
        let warm = self.prepare(asks, Pace::Saturate, seconds / 10.0, place);
        let requests = self.prepare(asks, pace, seconds, place);
        let (proxy, stub) = (&self.peers.all[place], self.peers.all[0].address);
        let (pids, before, mut cpu, mut resident) = (proxy.pids(), std::cell::Cell::new(0), 0, 0);
        let used = || pids.iter().map(|pid| usage::cpu_nanos(*pid)).sum::<u64>();
        // Connections open, caches warm.
        self.run(proxy, &warm, Pace::Saturate, seconds / 10.0, Meter { begin: &mut || (), end: &mut || () });
        let seen = check::seen(stub);
        let meter = Meter {
            begin: &mut || before.set(used()),
            end: &mut || {
                cpu = used() - before.get();
                resident = pids.iter().map(|pid| usage::resident_kib(*pid)).sum();
            },
        };
        let outcome = self.run(proxy, &requests, pace, seconds, meter);
        check::arrived(&outcome, proxy.judge, seen, check::seen(stub));
        if proxy.judge == Judge::Zengate && asks.contains(&Ask::Create) {
            check::last_create(stub);
        }
        if proxy.judge != Judge::Nobody && outcome.refused > 0 {
            let rules = check::rules_of(proxy.judge, &outcome.refusal);
            let first = self.refused_by.get_or_insert_with(|| rules.clone());
            assert_eq!(&rules, first, "{} refuses by other rules", proxy.name);
        }
        Figures::new(&outcome, cpu, resident)
    }

    fn run(
        &self,
        proxy: &Proxy,
        requests: &[Prepared],
        pace: Pace,
        seconds: f64,
        meter: Meter<'_>,
    ) -> Outcome {
        let plan = Plan {
            address: proxy.address,
            judge: proxy.judge,
            requests,
            connections: self.options.connections,
            pace,
            time: Duration::from_secs_f64(seconds),
            once: self.options.remembers(),
        };
        let plain = !self.wire.h2 && self.wire.certificate.is_none();
        if plain { generate::run(&plan, meter) } else { session::run(&plan, &self.wire, meter) }
    }

    /// Requests for a run. A ledger answers the same create again as it answered it before, so with one no marker returns.
    fn prepare(&mut self, asks: &[Ask], pace: Pace, seconds: f64, place: usize) -> Vec<Prepared> {
        let once = self.options.remembers();
        let a_second = match pace {
            Pace::Saturate => PREPARED_A_SECOND,
            Pace::Rate(rate) => rate,
        };
        let count = if once { (a_second * seconds) as u32 + 64 } else { PREPARED };
        let first = if once { self.marker } else { 0 };
        self.marker = (first + count) % 90_000_000;
        let (host, timestamp) = (self.peers.all[place].address.to_string(), fixture::now());
        let prepared = |(marker, ask): (u32, &Ask)| Prepared {
            bytes: ask.request(marker, &host, timestamp),
            ask: *ask,
            marker,
        };
        (first..first + count).zip(asks.iter().cycle()).map(prepared).collect()
    }
}
