//! Overload, signals and the end.

use crate::support::client::{connect, read_answer};
use crate::support::world::Setup;
use crate::support::{Call, World, eventually};

#[test]
fn more_than_the_limit_in_flight_is_shed_at_once() {
    let config = "[limits]\nin_flight = 1\n";
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
    std::io::Write::write_all(&mut slow, &head[..head.len() - 4]).unwrap();
    assert!(read_answer(&mut slow).is_none(), "the connection is closed");
    assert_eq!(world.emulator.requests().len(), 0);

    let world = with("body_timeout");
    let mut bodiless = connect(world.address());
    std::io::Write::write_all(&mut bodiless, &Call::example().head(world.address())).unwrap();
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
