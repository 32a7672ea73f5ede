//! Those who send slowly, read slowly, or come in crowds: what they hold is bounded, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Resource;
use serde_json::Value;
use zengate::emulator::{Fault, Gate, On, Times, When};

use crate::path::quota::{counted, limited};
use crate::support::client::{EXAMPLE, connect, read_answer};
use crate::support::gateway::Launch;
use crate::support::world::{KEY, SECRET, Setup, keys};
use crate::support::{Call, World, eventually};

fn with(config: &str) -> World {
    World::with(Setup { config: config.to_owned(), ..Setup::default() })
}

/// A create of its own.
fn order(name: &str) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceName"] = name.into();
    Call::new("vm", "CreateInstances").json(&body)
}

fn cut(world: &World, reason: &str) -> f64 {
    world.gateway.metric(&format!("zengate_connections_cut_total{{reason=\"{reason}\"}}"))
}

/// Whether the other side has closed; waits for it.
fn closed(connection: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).is_ok() || rest.is_empty()
}

#[test]
fn a_head_or_body_that_does_not_come_is_not_waited_for() {
    let world = with("[limits]\nhead_timeout = \"300ms\"\nbody_timeout = \"300ms\"\n");
    let mut in_the_head: Vec<TcpStream> = (0..50).map(|_| connect(world.address())).collect();
    for connection in &mut in_the_head {
        connection.write_all(b"POST /api/v2/vm HTTP/1.1\r\nHost: x\r\nX-Junk: ").unwrap();
    }
    let mut in_the_body: Vec<TcpStream> = (0..50).map(|_| connect(world.address())).collect();
    let call = order("never").body(" ".repeat(1000));
    for connection in &mut in_the_body {
        connection.write_all(&call.head(world.address())).unwrap();
        connection.write_all(b"{").unwrap();
    }
    world.send(&order("beside-them")).instance_ids();
    for connection in &mut in_the_head {
        assert!(closed(connection));
    }
    for connection in &mut in_the_body {
        let answer = read_answer(connection).expect("an answer");
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
        assert!(closed(connection));
    }
    eventually("the count", || (cut(&world, "too_slow") >= 50.0).then_some(()));
    eventually("all are gone", || (world.gateway.metric("zengate_connections") == 0.0).then_some(()));
    assert_eq!(world.gateway.metric("zengate_buffered_bytes"), 0.0);
    assert_eq!(world.emulator.requests().len(), 1);
}

/// Sends a byte every 50 ms for as long as nothing comes back; gives how many those were.
fn drip(connection: &mut TcpStream, bytes: impl IntoIterator<Item = u8>) -> usize {
    connection.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut sent = 0;
    for byte in bytes {
        if connection.write_all(&[byte]).is_err() {
            break;
        }
        sent += 1;
        // Waiting for an answer is what paces it.
        match connection.peek(&mut [0]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    sent
}

#[test]
fn a_drip_has_no_more_time_than_silence() {
    let world = with("[limits]\nhead_timeout = \"400ms\"\nbody_timeout = \"400ms\"\n");
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut connection = connect(world.address());
                connection.write_all(b"POST /api/v2/vm HTTP/1.1\r\nHost: x\r\nX-Junk: ").unwrap();
                assert!(drip(&mut connection, vec![b'x'; 2_000]) < 1_000);
                assert!(closed(&mut connection));
            });
            scope.spawn(|| {
                let call = order("never").body(" ".repeat(2_000));
                let mut connection = connect(world.address());
                connection.write_all(&call.head(world.address())).unwrap();
                assert!(drip(&mut connection, call.body) < 1_000);
                let answer = read_answer(&mut connection).expect("an answer");
                answer.assert_refused(408, "REQUEST_TIMED_OUT");
            });
        }
        world.send(&order("beside-them")).instance_ids();
    });
    assert_eq!(world.emulator.requests().len(), 1);
}

#[test]
fn a_body_must_bring_its_rate_whatever_time_it_has() {
    let world = with("[limits]\nbody_timeout = \"10m\"\n");
    let call = order("never").body(" ".repeat(12_000));
    let mut connection = connect(world.address());
    connection.write_all(&call.head(world.address())).unwrap();
    // 20 bytes a second, where 1 KiB is asked for: it ends soon after the first five seconds, not after ten minutes.
    assert!(drip(&mut connection, call.body) < 6_000);
    read_answer(&mut connection).expect("an answer").assert_refused(408, "REQUEST_TIMED_OUT");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn who_takes_answers_slowly_keeps_no_place_of_the_others() {
    let keys = format!(
        "{}[[key]]\nid = \"ZGpayments02\"\nsecrets = [{{ file = \"other.secret\" }}]\nteam = \"payments\"\naccount = \"main\"\n",
        keys("")
    );
    let config = "[limits]\nin_flight_reads = 2\n".to_owned();
    let world = World::with(Setup { keys, config, ..Setup::default() });
    let read = Call::new("vm", "DescribeInstances");
    // Has begun to take a long answer, and takes no more of it.
    let begun = |call: &Call| {
        world.emulator.script(Fault::Huge { bytes: 16 << 20 }, On::any(), Times::Exactly(1));
        let mut connection = connect(world.address());
        connection.write_all(&call.bytes(world.address())).unwrap();
        let mut first = [0; 1024];
        connection.read_exact(&mut first).unwrap();
        assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
        connection
    };
    let slow = [begun(&read), begun(&read)];
    for _ in 0..5 {
        assert_eq!(world.send(&read).status, 200, "places are free");
    }
    assert_eq!(world.gateway.metric("zengate_requests_in_flight{class=\"read\"}"), 0.0);
    assert_eq!(world.gateway.metric("zengate_answers"), 2.0);
    // One key has as many long answers as there are places; another key's are not among them.
    world.emulator.script(Fault::Huge { bytes: 16 << 20 }, On::any(), Times::Exactly(1));
    let refused = world.send(&read);
    refused.assert_refused(429, "REQUEST_LIMIT_EXCEEDED");
    assert!(refused.message().contains(KEY) && refused.header("retry-after").is_some());
    let other = begun(&read.clone().key("ZGpayments02", "gateway-secret-of-the-other"));
    drop((slow, other));
    eventually("all have gone", || (world.gateway.metric("zengate_answers") == 0.0).then_some(()));
    drop(begun(&read));
}

#[test]
fn an_answer_that_nobody_takes_is_not_held_for_ever() {
    let world = with("[limits]\nwrite_timeout = \"300ms\"\n");
    world.emulator.script(Fault::Huge { bytes: 16 << 20 }, On::any(), Times::Exactly(4));
    let deaf: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut connection = connect(world.address());
            connection.write_all(&Call::new("vm", "DescribeInstances").bytes(world.address())).unwrap();
            connection
        })
        .collect();
    eventually("they are cut", || (cut(&world, "too_slow") >= 4.0).then_some(()));
    world.send(&order("beside-them")).instance_ids();
    drop(deaf);
}

#[test]
fn who_holds_connections_open_keeps_nobody_out() {
    let world = with("[limits]\nconnections = 40\n");
    // Five times as many as there are places, none of which ever says a thing.
    let held: Vec<TcpStream> = (0..200).map(|_| connect(world.address())).collect();
    for number in 0..20 {
        world.send(&order(&format!("machine-{number}"))).instance_ids();
    }
    assert!(world.gateway.metric("zengate_connections") <= 40.0);
    assert!(cut(&world, "sent_off") >= 160.0);
    drop(held);
}

#[test]
fn one_address_has_its_share_of_connections() {
    let world = with("[limits]\nconnections_per_address = 5\n");
    let held: Vec<TcpStream> = (0..50).map(|_| connect(world.address())).collect();
    world.send(&order("beside-them")).instance_ids();
    assert!(world.gateway.metric("zengate_connections") <= 5.0);
    drop(held);
}

#[test]
fn reads_and_creates_have_shares_of_their_own() {
    let world = with("[limits]\nin_flight = 2\nin_flight_reads = 2\n");
    for (taken, held, other) in [
        (On::action("vm", "DescribeInstances"), "DescribeInstances", "CreateInstances"),
        (On::create(), "CreateInstances", "DescribeInstances"),
    ] {
        let gate = Gate::new();
        world.emulator.script(Fault::hold(When::Before, &gate), taken, Times::Exactly(2));
        let arrived = u64::try_from(world.emulator.requests().len()).unwrap();
        let call = |action: &str, name: &str| match action {
            "CreateInstances" => order(&format!("{held}-{name}")),
            _ => Call::new("vm", action),
        };
        let mut waiting: Vec<TcpStream> = ["one", "two"]
            .map(|name| {
                let mut connection = connect(world.address());
                connection.write_all(&call(held, name).bytes(world.address())).unwrap();
                connection
            })
            .into();
        world.runtime.block_on(world.emulator.arrived(arrived + 2));
        let refused = world.send(&call(held, "three"));
        refused.assert_refused(429, "REQUEST_LIMIT_EXCEEDED");
        assert!(refused.header("retry-after").is_some());
        assert_eq!(world.send(&call(other, "four")).status, 200, "the others have places");
        gate.open();
        for connection in &mut waiting {
            assert_eq!(read_answer(connection).unwrap().status, 200);
        }
        assert_eq!(world.send(&call(held, "five")).status, 200);
    }
}

#[test]
fn bytes_of_bodies_are_bounded_by_what_is_held_not_by_what_is_announced() {
    let world = with("[limits]\nbody = \"256KiB\"\nbuffered = \"512KiB\"\nbody_timeout = \"30s\"\n");
    // A body that is announced and does not come takes no room.
    let large = |name: &str| {
        let mut call = order(name);
        call.body.extend(std::iter::repeat_n(b' ', 200 * 1024));
        call
    };
    let announced: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut connection = connect(world.address());
            connection.write_all(&large("announced").head(world.address())).unwrap();
            connection
        })
        .collect();
    world.send(&large("whole")).instance_ids();
    // One that has come but for its last byte does: another as large finds none, one of the usual size does.
    let mut almost = connect(world.address());
    let bytes = large("almost").bytes(world.address());
    let (last, most) = bytes.split_last().unwrap();
    almost.write_all(most).unwrap();
    eventually("it is held", || {
        (world.gateway.metric("zengate_buffered_bytes") >= 200.0 * 1024.0).then_some(())
    });
    world.send(&large("too-much")).assert_refused(429, "REQUEST_LIMIT_EXCEEDED");
    world.send(&order("usual")).instance_ids();
    almost.write_all(&[*last]).unwrap();
    read_answer(&mut almost).unwrap().instance_ids();
    drop(announced);
    eventually("nothing is held", || (world.gateway.metric("zengate_buffered_bytes") == 0.0).then_some(()));
    assert_eq!(world.emulator.creates(), 3);
}

/// The most that the gateway has had in memory, in KiB.
fn most_resident(world: &World) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn bodies_that_are_too_large_are_thrown_away_as_they_come() {
    let world = World::new();
    world.send(&order("warms-up")).instance_ids();
    let before = most_resident(&world);
    // Each one byte longer than is thrown away. Nobody has signed them: they are refused before a signature is looked at.
    let body = vec![b' '; (8 << 20) + 1];
    let mut call = Call::new("vm", "CreateInstances").unsigned();
    call.body = body;
    let (head, body) = (call.head(world.address()), &call.body);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let mut connection = connect(world.address());
                connection.write_all(&head).unwrap();
                // The gateway stops to read after a while.
                let _ = connection.write_all(body);
                if let Some(answer) = read_answer(&mut connection) {
                    answer.assert_refused(413, "INVALID_PARAMETER_EXCEED_LENGTH");
                }
            });
        }
    });
    let grown = most_resident(&world) - before;
    assert!(grown < 40 * 1024, "grew by {grown} KiB");
    assert_eq!(world.gateway.metric("zengate_buffered_bytes"), 0.0);
    world.send(&order("afterwards")).instance_ids();
}

#[test]
fn a_key_has_a_rate_of_its_own() {
    let keys = format!(
        "{}[[key]]\nid = \"ZGpayments02\"\nsecrets = [{{ file = \"other.secret\" }}]\nteam = \"payments\"\naccount = \"main\"\n",
        keys("")
    );
    let config =
        "[quota.rate]\nper_minute = 60\nburst = 50\nper_key = { per_minute = 1, burst = 2 }\n".to_owned();
    let world = World::with(Setup { keys, config, ..Setup::default() });
    let send = |name: &str, key: &str, secret: &str| world.send(&order(name).key(key, secret));
    for name in ["a", "b"] {
        send(name, KEY, SECRET).instance_ids();
    }
    let late = send("c", KEY, SECRET);
    late.assert_refused(429, "REQUEST_LIMIT_EXCEEDED");
    assert!(late.message().contains(KEY), "{}", late.message());
    send("d", "ZGpayments02", "gateway-secret-of-the-other").instance_ids();
    assert_eq!(world.emulator.creates(), 3);
}

#[test]
fn descriptors_that_run_out_cost_connections_and_no_create() {
    let world = World::with(limited(10));
    let mut before = connect(world.address());
    eventually("it is in", || (world.gateway.metric("zengate_connections") == 1.0).then_some(()));
    // From now on the process opens nothing any more, not even a connection to the cloud.
    let limit = world.gateway.limit(Resource::Nofile, 3);
    before.write_all(&order("nowhere").bytes(world.address())).unwrap();
    let refused = read_answer(&mut before).expect("an answer");
    refused.assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    // One that comes now cannot be accepted, and the one that rests goes for it.
    let mut waiting = connect(world.address());
    assert!(closed(&mut before));
    world.gateway.limit(Resource::Nofile, limit);
    waiting.write_all(&order("waited").bytes(world.address())).unwrap();
    read_answer(&mut waiting).expect("an answer").instance_ids();
    assert!(world.gateway.metric("zengate_connections_total{result=\"failed\"}") >= 1.0);
    for number in 0..5 {
        world.send(&order(&format!("afterwards-{number}"))).instance_ids();
    }
    assert_eq!((counted(&world), world.emulator.creates()), ((6, 0, 0), 6));
}

#[test]
fn a_process_without_descriptors_left_goes_on() {
    let launch = Launch { before: "ulimit -n 80".to_owned(), ..Launch::default() };
    let world = World::with(Setup { launch, ..Setup::default() });
    world.gateway.logged("too few files");
    let held: Vec<TcpStream> = (0..300).map(|_| connect(world.address())).collect();
    for number in 0..10 {
        world.send(&order(&format!("machine-{number}"))).instance_ids();
    }
    assert_eq!(world.gateway.admin_page("/readyz").status, 200);
    drop(held);
    assert_eq!(world.emulator.creates(), 10);
}
