//! Reads: strictly parsed, forwarded byte for byte, answered as the cloud answers.

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
