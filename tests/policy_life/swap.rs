//! Policies change under load: every request is judged whole by one set or the other, and none is lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{creates, done, status};
use crate::support::world::organisation;
use crate::support::{World, eventually};

/// How many swaps; `ZENGATE_SWAPS` asks for more.
fn swaps() -> usize {
    std::env::var("ZENGATE_SWAPS").map_or(12, |number| number.parse().expect("ZENGATE_SWAPS is a number"))
}

#[test]
fn each_verdict_is_that_of_its_revision() {
    let world = World::new();
    let with = |most: u32| organisation().replace("maximum: 10", &format!("maximum: {most}"));
    let mut revisions = BTreeMap::new();
    let swap = |most: u32| {
        world.gateway.write("organisation.yaml", &with(most));
        done(&world, &["reload"]);
        status(&world)["revision"].as_str().unwrap().to_owned()
    };
    // A create of two passes under the second set only.
    for (most, verdict) in [(1, "refused"), (2, "allowed")] {
        revisions.insert(swap(most), verdict);
    }
    let stop = AtomicBool::new(false);
    let sent: usize = std::thread::scope(|scope| {
        let send = || {
            let mut sent = 0;
            while !stop.load(Ordering::SeqCst) {
                assert!(matches!(creates(&world, 2), 200 | 403));
                sent += 1;
            }
            sent
        };
        let senders: Vec<_> = (0..3).map(|_| scope.spawn(send)).collect();
        for number in 0..swaps() {
            let most = if number % 2 == 0 { 1 } else { 2 };
            assert!(revisions.contains_key(&swap(most)));
        }
        stop.store(true, Ordering::SeqCst);
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    let records =
        eventually("every record", || Some(world.gateway.records()).filter(|records| records.len() >= sent));
    assert_eq!(records.len(), sent);
    let mut seen = BTreeMap::new();
    for record in &records {
        let revision = record["policy_revision"].as_str().unwrap();
        assert_eq!(record["verdict"], revisions[revision], "{record}");
        *seen.entry(revision).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}
