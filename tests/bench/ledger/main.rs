//! What it costs to count durably: pairs of reserve and settle per second and their latency, on both stores, next to what the
//! same disk can sync.
//!
//! `cargo bench --bench ledger [-- --seconds 3 --rounds 3]`; `-- --test` runs every case for a moment. The directory is that of
//! temporary files: set `TMPDIR` for another disk. See `tests/bench/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a benchmark stops at the first thing that is not as it should be, and prints"
)]

#[path = "../../support/postgres.rs"]
mod postgres;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;
use zengate::api::{Call, catalog, view};
use zengate::clock::Clock;
use zengate::policy::answer::Resource;
use zengate::policy::verdict::{Effect, JudgedClaim, JudgedLimit};
use zengate::quota::book::{Rules, Thresholds};
use zengate::quota::store::Store;
use zengate::quota::store::postgres::{Encryption, Postgres, Settings};
use zengate::quota::store::sqlite::Sqlite;
use zengate::quota::{
    Admission, Asker, Called, Ledger, Marks, Options, Order, Settlement, Status, StoredAnswer, Witness,
};

/// How many creates are under way at a time.
const CONCURRENCY: [usize; 3] = [1, 8, 64];
const CREATE: &str = r#"{"zoneId":"SEL-A","instanceType":"z2a.cpu.1","imageId":"img-1","instanceCount":1,"instanceName":"web"}"#;

#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    length: Duration,
}

/// Of one run: pairs per second, and latencies of both steps and of the pair.
struct Run {
    rate: f64,
    reserve: Vec<Duration>,
    settle: Vec<Duration>,
    pair: Vec<Duration>,
}

/// What the disk did just before a run.
struct Floor {
    rate: f64,
    /// Of one fdatasync, in microseconds.
    p50: f64,
    p99: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at.saturating_add(1))?.parse::<f64>().ok()
    };
    let effort = if arguments.iter().any(|argument| argument == "--test") {
        Effort { rounds: 1, length: Duration::from_millis(50) }
    } else {
        let length = Duration::from_secs_f64(value("--seconds").unwrap_or(3.0));
        Effort { rounds: value("--rounds").map_or(3, |rounds| rounds as usize), length }
    };
    let server = postgres::installed().then(postgres::Server::start);
    if server.is_none() {
        println!("PostgreSQL is not installed (Debian's package postgresql): its part is left out");
    }
    println!(
        "medians [least-most] of {} rounds of {} ms each; latencies in microseconds; multiples of fdatasync by the round",
        effort.rounds,
        effort.length.as_millis()
    );
    println!(
        "| what | under way | per s | per s to fdatasync | pair p50 | pair p99 | pair p50 to fdatasync | reserve p50 | settle p50 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let floors: Vec<Floor> = (0..effort.rounds).map(|_| sync(effort.length)).collect();
    let of = |figure: fn(&Floor) -> f64| spread(floors.iter().map(figure).collect());
    println!(
        "| fdatasync of 4 KiB appended | 1 | {} | 1.00 | {} | {} | 1.00 | | |",
        of(|floor| floor.rate),
        of(|floor| floor.p50),
        of(|floor| floor.p99)
    );
    for under_way in CONCURRENCY {
        report("SQLite", under_way, effort, |round| {
            let at = TempDir::new().unwrap();
            (Box::new(Sqlite::new(at.path().join(format!("ledger-{round}.db")))), Some(at))
        });
    }
    let Some(server) = server else { return };
    for under_way in CONCURRENCY {
        report("PostgreSQL", under_way, effort, |round| {
            let schema = format!("bench_{under_way}_{round}");
            (Box::new(Postgres::new(settings(&server, &schema))), None)
        });
    }
}

fn settings(server: &postgres::Server, schema: &str) -> Settings {
    Settings {
        host: server.socket(),
        port: server.port(),
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        schema: schema.to_owned(),
        password: None,
        encryption: Encryption::None,
    }
}

/// How often a second 4 KiB can be appended to a file and made durable, and how long that takes.
fn sync(length: Duration) -> Floor {
    let at = TempDir::new().unwrap();
    let mut file = std::fs::File::create(Path::new(at.path()).join("raw")).unwrap();
    let (begin, mut latencies) = (Instant::now(), Vec::new());
    while begin.elapsed() < length {
        let asked = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        latencies.push(asked.elapsed());
    }
    Floor {
        rate: latencies.len() as f64 / begin.elapsed().as_secs_f64(),
        p50: percentile(&latencies, 0.5),
        p99: percentile(&latencies, 0.99),
    }
}

fn report(
    store: &str,
    under_way: usize,
    effort: Effort,
    place: impl Fn(usize) -> (Box<dyn Store>, Option<TempDir>),
) {
    // The disk is asked before each run: what else is done on it changes from second to second.
    let runs: Vec<(Floor, Run)> = (0..effort.rounds)
        .map(|round| {
            let floor = sync(effort.length / 2);
            let (store, at) = place(round);
            let run = pairs(store, under_way, effort.length);
            drop(at);
            (floor, run)
        })
        .collect();
    let of = |figure: &dyn Fn(&Floor, &Run) -> f64| {
        spread(runs.iter().map(|(floor, run)| figure(floor, run)).collect())
    };
    println!(
        "| {store}: reserve and settle | {under_way} | {} | {} | {} | {} | {} | {} | {} |",
        of(&|_, run| run.rate),
        of(&|floor, run| run.rate / floor.rate),
        of(&|_, run| percentile(&run.pair, 0.5)),
        of(&|_, run| percentile(&run.pair, 0.99)),
        of(&|floor, run| percentile(&run.pair, 0.5) / floor.p50),
        of(&|_, run| percentile(&run.reserve, 0.5)),
        of(&|_, run| percentile(&run.settle, 0.5)),
    );
}

/// Books and settles, `under_way` at a time, and checks that all of it counts.
fn pairs(store: Box<dyn Store>, under_way: usize, length: Duration) -> Run {
    let runtime = Runtime::new().unwrap();
    let options = Options {
        rules: Rules::default(),
        dead_after: Duration::from_secs(70),
        named_for: Duration::from_secs(3600),
        thresholds: Thresholds::default(),
        witness: Witness::default(),
    };
    let ledger = Ledger::open(store, Clock::system(), options).unwrap();
    while ledger.status() != Some(Status::Up) {
        std::thread::yield_now();
    }
    let template = order();
    let begin = Instant::now();
    let (reserve, settle, pair) = runtime.block_on(async {
        let tasks: Vec<_> = (0..under_way)
            .map(|_| {
                let (ledger, template) = (ledger.clone(), template.clone());
                tokio::spawn(async move {
                    let (mut reserve, mut settle, mut pair) = (Vec::new(), Vec::new(), Vec::new());
                    while begin.elapsed() < length {
                        let id = Uuid::now_v7();
                        let mut order = Order { id, ..template.clone() };
                        order.marks.signature = Some(id.simple().to_string());
                        order.marks.fingerprint = Some(id.simple().to_string());
                        let asked = Instant::now();
                        let admission = ledger.reserve(order).await.unwrap();
                        reserve.push(asked.elapsed());
                        let Admission::Booked { hold, .. } = admission else { panic!("{admission:?}") };
                        let made = Settlement::Created { ids: vec![id.to_string().into()], missing: 0 };
                        let answer = StoredAnswer { status: 200, body: "x".repeat(600) };
                        let asked = Instant::now();
                        ledger.settle(hold, made, Some(answer)).await.unwrap();
                        let settled = asked.elapsed();
                        settle.push(settled);
                        pair.push(reserve.last().copied().unwrap_or_default() + settled);
                    }
                    (reserve, settle, pair)
                })
            })
            .collect();
        let (mut reserve, mut settle, mut pair) = (Vec::new(), Vec::new(), Vec::new());
        for task in tasks {
            let (one, other, both) = task.await.unwrap();
            reserve.extend(one);
            settle.extend(other);
            pair.extend(both);
        }
        (reserve, settle, pair)
    });
    let rate = settle.len() as f64 / begin.elapsed().as_secs_f64();
    let counted = ledger.read(|book| book.tally("team/payments", Resource::Instances).used).unwrap();
    assert_eq!(counted, u64::try_from(settle.len()).unwrap(), "every pair counts");
    Run { rate, reserve, settle, pair }
}

/// A create with the claims of an organisation that limits machines and processors in three ways.
fn order() -> Order {
    let call = Call::new(catalog::lookup("vm", "CreateInstances").unwrap(), None).unwrap();
    let document = zengate::json::read_object(CREATE.as_bytes()).unwrap();
    let claim = |scope: &str, resource, amount| JudgedClaim {
        scope: scope.into(),
        resource,
        amount,
        limits: vec![JudgedLimit {
            rule: "quota".into(),
            name: None,
            limit: u64::MAX,
            effect: Effect::Refused,
            temporary_until: None,
            otherwise: None,
        }],
    };
    Order {
        id: Uuid::nil(),
        asker: Asker {
            team: "payments".to_owned(),
            key: "ZGpayments01".to_owned(),
            address: "10.0.0.1".to_owned(),
            go_sdk: false,
        },
        account: "main".to_owned(),
        call: Called::of(&call),
        instances: 1,
        claims: vec![
            claim("organisation", Resource::Instances, 1),
            claim("organisation", Resource::Vcpus, 4),
            claim("team/payments", Resource::Instances, 1),
            claim("team/payments", Resource::Vcpus, 4),
            claim("team/payments/zone/SEL-A", Resource::Instances, 1),
        ],
        view: Some(std::sync::Arc::new(view::normalise(&call, &document).unwrap())),
        marks: Marks::default(),
        left: false,
    }
}

/// The median with [least-most].
fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let at = |place: usize| {
        let value = figures.get(place).copied().unwrap_or_default();
        if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
    };
    format!("{} [{}-{}]", at(figures.len() / 2), at(0), at(figures.len().saturating_sub(1)))
}

/// In microseconds.
fn percentile(latencies: &[Duration], share: f64) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort();
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
}
