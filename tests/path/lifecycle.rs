//! Overload, signals and the end.

use std::io::{Read, Write};

use zengate::emulator::{Fault, Gate, On, Times, When};

use crate::path::quota::{counted, limited, order};
use crate::support::client::{connect, read_answer};
use crate::support::gateway::Launch;
use crate::support::world::Setup;
use crate::support::{Call, World, eventually};

#[test]
fn more_than_the_limit_in_flight_waits_its_time_and_is_shed() {
    let config = "[limits]\nin_flight = 1\nplace_timeout = \"200ms\"\n";
    let world = World::with(Setup { config: config.into(), ..Setup::default() });
    let (gate, first) = world.held_create();
    let shed = world.send(&Call::example());
    shed.assert_refused(429, "REQUEST_LIMIT_EXCEEDED");
    assert_eq!(shed.header("retry-after"), Some("1"));
    // A hang-up does not free the place: the work goes on.
    drop(first);
    eventually("the hang-up is noticed", || {
        (world.gateway.metric("zengate_connections") == 0.0).then_some(())
    });
    world.send(&Call::example()).assert_refused(429, "REQUEST_LIMIT_EXCEEDED");
    gate.open();
    eventually("the place is free", || (world.send(&Call::example()).status == 200).then_some(()));
}

#[test]
fn a_head_that_never_ends_and_a_body_that_never_comes_are_given_up() {
    let with = |setting: &str| {
        let config = format!("[limits]\n{setting} = \"100ms\"\n");
        World::with(Setup { config, ..Setup::default() })
    };
    let world = with("head_timeout");
    let head = Call::example().head(world.address());
    let mut slow = connect(world.address());
    slow.write_all(&head[..head.len() - 4]).unwrap();
    assert!(read_answer(&mut slow).is_none(), "the connection is closed");
    assert_eq!(world.emulator.requests().len(), 0);

    let world = with("body_timeout");
    let mut bodiless = connect(world.address());
    bodiless.write_all(&Call::example().head(world.address())).unwrap();
    let answer = read_answer(&mut bodiless).expect("an answer");
    answer.assert_refused(408, "REQUEST_TIMED_OUT");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn a_create_on_its_way_is_finished_before_the_end() {
    let mut world = World::new();
    let (gate, mut connection) = world.held_create();
    world.gateway.signal("TERM");
    world.gateway.logged("draining");
    let ready = world.gateway.admin_page("/readyz");
    assert_eq!(ready.status, 503);
    assert!(String::from_utf8(ready.body).unwrap().contains("drain"));
    assert_eq!(world.gateway.admin_page("/livez").status, 200);
    gate.open();
    read_answer(&mut connection).expect("the answer still comes").instance_ids();
    assert!(world.gateway.wait().success());
    assert_eq!(world.gateway.records().len(), 1);
}

#[test]
fn one_processor_is_enough() {
    // It sees one and schedules on one thread; everybody else has the rest of the machine.
    let launch = Launch { before: "taskset -cp 0 $$ > /dev/null".to_owned(), ..Launch::default() };
    let mut world = World::with(Setup { launch, ..limited(100) });
    let (gate, mut held) = world.held_create();
    std::thread::scope(|scope| {
        for crowd in 0..8 {
            let world = &world;
            scope.spawn(move || {
                for number in 0..5 {
                    world.send(&order(&format!("machine-{crowd}-{number}"), 1)).instance_ids();
                    assert_eq!(world.send(&Call::new("vm", "DescribeInstances")).status, 200);
                }
            });
        }
    });
    assert_eq!(counted(&world).0, 40, "what one create waits for, the others do not");
    world.gateway.signal("TERM");
    world.gateway.logged("draining");
    gate.open();
    read_answer(&mut held).expect("the answer still comes").instance_ids();
    assert!(world.gateway.wait().success());
    assert_eq!(world.gateway.records().len(), 41);
}

#[test]
fn a_stop_has_an_end_and_leaves_nothing_unwritten() {
    let config = "[upstream]\nurl = \"{url}\"\ncreate_timeout = \"1s\"\nconnect_timeout = \"300ms\"\ntls_timeout = \"300ms\"\n[drain]\nlame_duck = \"0s\"\ndeadline = \"2s\"\n";
    let mut world = World::with(Setup { config: config.into(), ..limited(100) });
    for number in 0..20 {
        world.send(&order(&format!("machine-{number}"), 1)).instance_ids();
    }
    // A read whose caller does not take its answer, and a create that the cloud does not answer.
    world.emulator.script(
        Fault::Huge { bytes: 16 << 20 },
        On::action("vm", "DescribeInstances"),
        Times::Exactly(1),
    );
    let mut slow = connect(world.address());
    slow.write_all(&Call::new("vm", "DescribeInstances").bytes(world.address())).unwrap();
    slow.read_exact(&mut [0; 1024]).unwrap();
    let gate = Gate::new();
    world.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut lost = connect(world.address());
    lost.write_all(&order("lost", 1).bytes(world.address())).unwrap();
    world.runtime.block_on(world.emulator.arrived(22));
    world.gateway.signal("TERM");
    let answer = read_answer(&mut lost).expect("an answer, in time");
    answer.assert_refused(504, "REQUEST_TIMED_OUT");
    assert!(world.gateway.wait().success(), "{:?}", world.gateway.log());
    world.gateway.logged("they are cut");
    let records = world.gateway.records();
    assert_eq!(records.len(), 21);
    assert_eq!(records.iter().filter(|record| record["outcome"] == "unknown").count(), 1);
    world.gateway.restart();
    assert_eq!(counted(&world), (20, 0, 1));
    gate.open();
}

#[test]
fn what_could_not_be_finished_in_the_drain_does_not_begin() {
    let config = "[upstream]\nurl = \"{url}\"\ncreate_timeout = \"59s\"\n";
    let mut world = World::with(Setup { config: config.into(), ..Setup::default() });
    // The body is on its way when the stop comes, and whole when there is no time left for a create.
    let bytes = order("late", 1).bytes(world.address());
    let (last, most) = bytes.split_last().unwrap();
    let mut late = connect(world.address());
    late.write_all(most).unwrap();
    eventually("it is being received", || {
        (world.gateway.metric("zengate_buffered_bytes") > 0.0).then_some(())
    });
    world.gateway.signal("TERM");
    world.gateway.logged("nothing new is begun");
    late.write_all(&[*last]).unwrap();
    let refused = read_answer(&mut late).expect("an answer");
    refused.assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    assert!(world.gateway.wait().success());
    assert_eq!(world.emulator.creates(), 0);
}

#[test]
fn a_second_signal_ends_at_once_and_says_so() {
    let mut world = World::new();
    let (gate, _connection) = world.held_create();
    world.gateway.signal("TERM");
    world.gateway.logged("draining");
    world.gateway.signal("TERM");
    assert_eq!(world.gateway.wait().code(), Some(1));
    gate.open();
}

#[test]
fn a_hang_up_signal_reads_the_files_at_once() {
    let config = "[keys]\nfile = \"keys.toml\"\npoll_interval = \"1h\"\n";
    let world = World::with(Setup { config: config.into(), ..Setup::default() });
    world.gateway.write("keys.toml", &crate::support::world::keys("enabled = false"));
    assert_eq!(world.send(&Call::new("vm", "DescribeInstances")).status, 200);
    eventually("SIGHUP is heeded", || {
        world.gateway.signal("HUP");
        (world.send(&Call::new("vm", "DescribeInstances")).status == 401).then_some(())
    });
}
