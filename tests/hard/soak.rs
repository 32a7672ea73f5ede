//! Mixed traffic with faults for as long as one likes; memory, descriptors, threads, tasks and the ledger's size are sampled, and
//! their slopes are printed. What must hold at any length is asserted: every answer has a form that clients know, nothing
//! panics, and at the end the ledger and the cloud agree.
//!
//! `ZENGATE_SOAK_SECONDS=7200 cargo test --release --test zengate hard::soak -- --ignored --nocapture`

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zengate::emulator::{self, Fault, On, Times, When};

use crate::path::quota::{counted, limited, reconcile};
use crate::support::client::{EXAMPLE, connect, read_answer};
use crate::support::random::Random;
use crate::support::world::Setup;
use crate::support::{Call, World, eventually};

/// Clients at once.
const CLIENTS: u64 = 4;
/// Machines that are kept at most; older ones are terminated.
const MACHINES: usize = 50;

/// One look at the process.
struct Sample {
    hours: f64,
    figures: [f64; 6],
}

const FIGURES: [&str; 6] =
    ["resident MiB", "descriptors", "threads", "tasks", "ledger KiB", "log of the ledger KiB"];

fn sample(world: &World, begun: Instant) -> Sample {
    let id = world.gateway.id();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let of = |name: &str| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let descriptors = fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
    let size = |ending: &str| {
        let files = fs::read_dir(world.gateway.directory()).unwrap().map(Result::unwrap);
        let of = files.filter(|file| file.file_name().to_string_lossy().ends_with(ending));
        of.map(|file| file.metadata().unwrap().len()).sum::<u64>() as f64 / 1024.0
    };
    Sample {
        hours: begun.elapsed().as_secs_f64() / 3600.0,
        figures: [
            of("VmRSS:") / 1024.0,
            descriptors as f64,
            of("Threads:"),
            world.gateway.metric("zengate_tasks"),
            size(".db"),
            size(".db-wal"),
        ],
    }
}

/// The median of the slopes between all pairs (Theil and Sen), per hour.
fn slope(samples: &[Sample], figure: usize) -> f64 {
    let mut slopes = Vec::new();
    for (at, one) in samples.iter().enumerate() {
        for other in &samples[at + 1..] {
            slopes.push((other.figures[figure] - one.figures[figure]) / (other.hours - one.hours));
        }
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
}

fn faults(dice: &mut Random) -> Fault {
    match dice.below(9) {
        0 => Fault::Close { when: When::Before },
        1 => Fault::Close { when: When::After },
        2 => Fault::Reset { when: When::After },
        3 => Fault::html(When::After, 502),
        4 => Fault::refuse(403, "OPERATION_DENIED_BALANCE_INSUFFICIENT"),
        5 => Fault::rate_limit(1),
        6 => Fault::Cut { bytes: 60 },
        7 => Fault::Delay { when: When::Before, millis: 300 },
        _ => Fault::refuse_after(500, "INTERNAL_SERVER_ERROR"),
    }
}

/// One client: reads mostly, then creates, terminations, what is refused, what is no request.
fn client(world: &World, number: u64, until: &AtomicBool, sent: &AtomicU64, made: &Mutex<Vec<String>>) {
    let mut dice = Random::new(number);
    let (mut orders, mut binned) = (0, Vec::new());
    while !until.load(Ordering::Relaxed) {
        orders += 1;
        // Nothing to wait for but the next turn: some 200 requests a second in all.
        std::thread::park_timeout(Duration::from_millis(15));
        let call = match dice.below(20) {
            0 => order(&format!("soak-{number}-{orders}"), "SEL-A"),
            3 => order(&format!("soak-{number}-{orders}"), "MOON-A"),
            4..6 if made.lock().unwrap().len() > MACHINES => {
                let oldest = made.lock().unwrap().remove(0);
                binned.push(oldest.clone());
                Call::new("vm", "TerminateInstance").json(&json!({"instanceId": oldest}))
            }
            // The bin is emptied too, or the cloud's lists would grow for ever. Some are not in it: their termination failed.
            6 if binned.len() > 5 => {
                let oldest = binned.remove(0);
                Call::new("vm", "ReleaseInstances").json(&json!({"instanceIds": [oldest]}))
            }
            7 => Call::example().key("ZGnobody", "x"),
            8 => {
                // Half a request, and gone.
                let mut connection = connect(world.address());
                let bytes = Call::example().bytes(world.address());
                let _ = std::io::Write::write_all(&mut connection, &bytes[..bytes.len() / 2]);
                continue;
            }
            _ => Call::new("vm", "DescribeInstances").json(&json!({"pageSize": 5})),
        };
        let mut connection = connect(world.address());
        let _ = std::io::Write::write_all(&mut connection, &call.bytes(world.address()));
        sent.fetch_add(1, Ordering::Relaxed);
        // A read that the cloud has cut in the middle is cut here too.
        let Some(answer) = read_answer(&mut connection) else { continue };
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { panic!("{answer:?}") };
        assert!(body["requestId"].is_string(), "{body}");
        assert!(answer.status == 200 || body["code"].is_string(), "{body}");
        let ids = body["response"]["instanceIdSet"].as_array().into_iter().flatten();
        made.lock().unwrap().extend(ids.filter_map(|id| id.as_str().map(str::to_owned)));
    }
}

fn order(name: &str, zone: &str) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceName"] = name.into();
    body["zoneId"] = zone.into();
    Call::new("vm", "CreateInstances").json(&body)
}

#[test]
#[ignore = "takes as long as it is told to; .ci/run gives it 30 s"]
fn mixed_traffic_with_faults() {
    let length = std::env::var("ZENGATE_SOAK_SECONDS").map_or(30, |text| text.parse().unwrap());
    // What is over is remembered for the window and ten minutes: with a short one, growth ends early in the run.
    let config = "[quota]\njoin_window = \"1m\"\n[quota.reconcile]\ninterval = \"10s\"\nsettle_after = \"1s\"\nabsent_lists = 2\nabsent_over = \"1s\"\n\
                  [records]\nto = { file = \"records.jsonl\" }\nrotate_size = \"10MiB\"\nrotate_keep = 2\n";
    let setup = limited(100_000);
    let options = emulator::Options { instance_quota: 100_000, keep_requests: 10, ..setup.emulator };
    let world = World::with(Setup { config: config.to_owned(), emulator: options, ..setup });
    let (until, sent, made) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(Vec::new()));
    let (begun, mut samples) = (Instant::now(), Vec::new());
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (world, until, sent, made) = (&world, &until, &sent, &made);
            scope.spawn(move || client(world, number, until, sent, made));
        }
        let mut dice = Random::new(99);
        let keys = fs::read_to_string(world.gateway.directory().join("keys.toml")).unwrap();
        while begun.elapsed() < Duration::from_secs(length) {
            // This thread has nothing to wait for but the time.
            std::thread::park_timeout(Duration::from_secs(length).min(Duration::from_millis(500)));
            world.emulator.script(faults(&mut dice), On::any(), Times::Exactly(1));
            match dice.below(20) {
                0 => world.gateway.signal("HUP"),
                1 => world.gateway.write("keys.toml", &format!("{keys}\n# {}\n", dice.below(1_000_000))),
                _ => {}
            }
            samples.push(sample(&world, begun));
        }
        until.store(true, Ordering::Relaxed);
    });
    world.emulator.clear_faults();
    // Terminated machines rest in the cloud's bin, and count no more.
    eventually("ledger and cloud agree", || {
        reconcile(&world);
        let all = world.emulator.instances();
        let running =
            all.iter().filter(|machine| !format!("{:?}", machine.status).starts_with("Recycl")).count();
        (counted(&world) == (u64::try_from(running).unwrap(), 0, 0)).then_some(())
    });
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
    // The first half warms up: tables fill until what is old goes as fast as new comes.
    let steady = &samples[samples.len() / 2..];
    println!(
        "{} requests in {} s, {} samples",
        sent.load(Ordering::Relaxed),
        begun.elapsed().as_secs(),
        samples.len()
    );
    for (number, name) in FIGURES.iter().enumerate() {
        let of = |sample: Option<&Sample>| sample.map_or(0.0, |sample| sample.figures[number]);
        println!(
            "{name:24} first {:10.1}  after warming up {:10.1}  last {:10.1}  slope {:+.3} an hour",
            of(samples.first()),
            of(steady.first()),
            of(steady.last()),
            slope(steady, number)
        );
    }
    let counts = samples.last().map(|last| last.figures[1]).unwrap_or_default();
    assert!(counts < 500.0, "{counts} descriptors");
}
