//! The gateway dies, and its clients do, in the middle of everything: nothing is lost, leaked or sent twice.
//!
//! `ZENGATE_KILLS` and `ZENGATE_DROPS` set how often (CI: 60 and 100), `ZENGATE_CRASH_SEED` where.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::quota::{counted, limited, order, page, reconcile};
use crate::support::random::Random;
use crate::support::{World, client, eventually};

fn size(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn names_in(world: &World) -> Vec<String> {
    world.emulator.instances().iter().map(|machine| machine.name.clone()).collect()
}

/// Every machine of the cloud counts, and nothing else does.
pub(crate) fn agree(world: &World) {
    eventually("ledger and cloud agree", || {
        reconcile(world);
        let machines = u64::try_from(world.emulator.instance_count()).unwrap();
        (counted(world) == (machines, 0, 0)).then_some(())
    });
    let units = page(world, "/quota/explain?scope=team/payments&resource=instances");
    let counted: BTreeSet<String> = units["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| unit["id"].as_str().unwrap().to_owned())
        .collect();
    let there: BTreeSet<String> =
        world.emulator.instances().iter().map(|machine| machine.id.clone()).collect();
    assert_eq!(counted, there);
}

/// They agree, and no order became two machines.
fn agree_on_each_once(world: &World) {
    agree(world);
    let made = names_in(world);
    let unique: BTreeSet<&String> = made.iter().collect();
    assert_eq!(unique.len(), made.len(), "an order was sent twice: {made:?}");
}

#[test]
fn a_gateway_that_is_killed_under_load_loses_leaks_and_repeats_nothing() {
    let mut world = World::with(limited(100_000));
    let (kills, number) = (size("ZENGATE_KILLS", 6), AtomicUsize::new(0));
    let mut dice = Random::new(u64::try_from(size("ZENGATE_CRASH_SEED", 1)).unwrap());
    for kill in 0..kills {
        let (address, stop, answered) = (world.address(), AtomicBool::new(false), AtomicUsize::new(0));
        let wanted = usize::try_from(dice.next() % 12).unwrap();
        let pause = Duration::from_micros(dice.next() % 9_000);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        let name = format!("k-{:06}", number.fetch_add(1, Ordering::SeqCst));
                        let bytes = order(&name, 1).bytes(address);
                        let Ok(mut connection) = std::net::TcpStream::connect(address) else { break };
                        if connection.write_all(&bytes).is_err()
                            || client::read_answer(&mut connection).is_none()
                        {
                            break;
                        }
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            // The point of the kill is chosen by what was answered, and then by a little that is anywhere in the next ones.
            eventually("the load has begun", || (answered.load(Ordering::SeqCst) >= wanted).then_some(()));
            spin(pause);
            world.gateway.signal("KILL");
            stop.store(true, Ordering::SeqCst);
        });
        world.gateway.restart();
        agree_on_each_once(&world);
        assert!(world.emulator.instance_count() >= wanted, "kill {kill}");
    }
}

/// A little time that is not slept: it only chooses where in a request the kill falls.
fn spin(time: Duration) {
    let until = std::time::Instant::now() + time;
    while std::time::Instant::now() < until {
        std::hint::spin_loop();
    }
}

#[test]
fn clients_that_leave_anywhere_leave_nothing_behind() {
    let world = World::with(limited(100_000));
    let mut dice = Random::new(u64::try_from(size("ZENGATE_CRASH_SEED", 1)).unwrap());
    let drops = size("ZENGATE_DROPS", 40);
    for drop in 0..drops {
        let bytes = order(&format!("d-{drop:06}"), 1).bytes(world.address());
        let mut connection = client::connect(world.address());
        let cut = usize::try_from(dice.next()).unwrap_or(usize::MAX) % (bytes.len() * 2);
        connection.write_all(&bytes[..cut.min(bytes.len())]).unwrap();
        spin(Duration::from_micros(dice.next() % 6_000));
    }
    // Everything that was begun has come to its end when nothing is held any more.
    eventually("no hold is left", || (counted(&world).1 == 0).then_some(()));
    agree_on_each_once(&world);
    assert_eq!(counted(&world).2, 0);
}

#[test]
fn a_clean_end_leaves_no_unknowns() {
    let mut world = World::with(limited(10));
    assert_eq!(world.send(&order("a", 3)).instance_ids().len(), 3);
    world.gateway.signal("TERM");
    world.gateway.restart();
    assert_eq!(counted(&world), (3, 0, 0), "before any listing");
    assert_eq!(world.send(&order("b", 8)).status, 403);
}

#[test]
fn a_ledger_that_is_damaged_or_in_use_does_not_start() {
    let mut world = World::with(limited(10));
    let file = world.gateway.directory().join("zengate-ledger.db");
    let config = world.gateway.directory().join("zengate.toml");
    let start = || {
        std::process::Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["serve", "--config"])
            .arg(&config)
            .env("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN)
            .output()
            .unwrap()
    };
    let second = start();
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("zengate-ledger.db") && said.contains("another"), "{said}");
    world.gateway.signal("TERM");
    world.gateway.wait();
    std::fs::write(&file, b"this is no ledger, it is somebody's letter").unwrap();
    let foreign = start();
    assert_eq!(foreign.status.code(), Some(2));
    let said = String::from_utf8_lossy(&foreign.stderr).into_owned();
    assert!(said.contains("zengate-ledger.db"), "{said}");
    assert_eq!(
        std::fs::read(&file).unwrap(),
        b"this is no ledger, it is somebody's letter",
        "left as it was"
    );
}
