//! Reads: strictly parsed, forwarded byte for byte, answered as the cloud answers.

use std::io::{Read as _, Write as _};

use zengate::emulator::{Fault, On, Times};

use crate::support::client::connect;
use crate::support::{Call, World};

#[test]
fn a_read_is_forwarded_byte_for_byte() {
    let world = World::new();
    let body =
        "{ \"pageSize\" : 10,\n\t\"instanceIds\":[ ], \"zoneId\":null, \"instanceName\":\"\\u00e9\\/x\" }";
    let answer = world.send(&Call::new("vm", "DescribeInstances").body(body));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["response"]["totalCount"], 0);
    let received = world.emulator.requests();
    assert_eq!(String::from_utf8(received[0].body.to_vec()).unwrap(), body);
    assert!(answer.header("x-zengate-decision").is_some());
    assert!(answer.header("x-zengate-added").is_none());
}

#[test]
fn reads_are_strictly_parsed_too() {
    let world = World::new();
    for body in [r#"{"pageSize":1,"pageSize":2}"#, "[]", r#"{"a":01}"#] {
        world
            .send(&Call::new("vm", "DescribeInstances").body(body))
            .assert_refused(400, "INVALID_PARAMETER_TYPE");
    }
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn errors_of_the_cloud_pass_byte_for_byte() {
    let world = World::new();
    let call = Call::new("vm", "DescribeInstances").body(r#"{"pageSize":-5}"#);
    let through = world.send(&call);
    let direct = call
        .clone()
        .key(crate::support::world::CLOUD_KEY, crate::support::world::CLOUD_SECRET)
        .send(world.emulator.address());
    assert_eq!((through.status, through.code()), (direct.status, direct.code()));
    assert_ne!(through.status, 200);
}

/// KiB that the gateway has in memory.
fn resident(world: &World) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.gateway.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_answer_of_50_mb_passes_byte_for_byte_and_is_never_held() {
    const LENGTH: usize = 50_000_000;
    let world = World::new();
    world.emulator.script(Fault::Huge { bytes: LENGTH }, On::any(), Times::Forever);
    let mut grown = Vec::new();
    // The first ones bring the process to the size that it keeps.
    for _ in 0..4 {
        let mut connection = connect(world.address());
        let call = Call::new("vm", "DescribeInstances").header("Connection", "close");
        connection.write_all(&call.bytes(world.address())).unwrap();
        let (before, mut most) = (resident(&world), 0);
        let (mut padding, mut rest, mut piece) = (0, Vec::new(), vec![0; 1 << 20]);
        loop {
            let count = connection.read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            padding += piece[..count].iter().filter(|byte| **byte == b'x').count();
            rest.extend(piece[..count].iter().filter(|byte| **byte != b'x'));
            most = most.max(resident(&world) - before);
        }
        let text = String::from_utf8(rest).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
        assert!((LENGTH..LENGTH + 100).contains(&padding), "{padding} bytes of the padding arrived");
        grown.push(most);
    }
    let least = grown.iter().min().unwrap();
    assert!(*least < 1024, "grew by {grown:?} KiB");
}
