//! Heads that two readers could understand differently, and routes that are not there. None of them reaches the cloud.

use std::io::Write;

use crate::support::client::{Answer, connect, read_answer};
use crate::support::{Call, World};

fn raw(world: &World, bytes: &[u8]) -> Option<Answer> {
    let mut connection = connect(world.address());
    let _ = connection.write_all(bytes);
    read_answer(&mut connection)
}

#[test]
fn routes_are_exact() {
    let world = World::new();
    let read = || Call::new("vm", "DescribeInstances");
    for path in [
        "/api/v2/vm/../bmc",
        "/api//v2/vm",
        "/api/v2/vm%2f",
        "/API/v2/vm",
        "/api/v2/VM",
        "/api/v2/vm//",
        "/",
        "/api/v2/",
        "/api/v2/nope",
        "/api/v3/vm",
    ] {
        world.send(&read().target(path)).assert_refused(404, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
    }
    world.send(&read().target("/api/v2/vm?x=1")).assert_refused(400, "INVALID_PARAMETER_VALUE");
    world.send(&read().target("/api/v2/vm?")).assert_refused(400, "INVALID_PARAMETER_VALUE");
    world
        .send(&read().target("http://evil.example/api/v2/vm"))
        .assert_refused(400, "INVALID_PARAMETER_VALUE");
    world.send(&read().header("X-ZC-Service", "bmc")).assert_refused(400, "INVALID_PARAMETER_VALUE");
    let mut get = read();
    get.method = "GET".into();
    world.send(&get).assert_refused(405, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn actions_and_versions_are_exact() {
    let world = World::new();
    let refused = |call: Call, said: &str| {
        let answer = world.send(&call);
        answer.assert_refused(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
        assert!(answer.message().contains(said), "{}", answer.message());
    };
    refused(Call::new("vm", "CreateFoo"), "no action `CreateFoo`");
    refused(Call::new("vm", "createinstances"), "spelt `CreateInstances`");
    refused(Call::new("vm", "DescribeInstances, CreateInstances"), "no action");
    refused(Call::example().version("2019-01-01"), "no version `2019-01-01`");
    refused(Call::new("bmc", "CreateInstances").version("2023-03-13"), "no version");
    let twice = Call::new("vm", "DescribeInstances").header("x-zc-action", "CreateInstances");
    world.send(&twice).assert_refused(400, "INVALID_PARAMETER_VALUE");
    let mut none = Call::new("vm", "");
    none.headers.clear();
    world.send(&none).assert_refused(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn only_one_framing_is_accepted() {
    let world = World::new();
    let mut call = Call::example();
    call.content_length = false;
    let head = |extra: &str| {
        let head = String::from_utf8(call.head(world.address())).unwrap();
        format!("{}{extra}\r\n", head.strip_suffix("\r\n").unwrap())
    };
    let body = String::from_utf8(call.body.clone()).unwrap();
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let length = format!("Content-Length: {}\r\n", body.len());
    // A clean chunked body, and both framings in both orders with a second request behind.
    for (framing, payload) in [
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunked.clone()),
        (format!("{length}Transfer-Encoding: chunked\r\n"), chunked.clone()),
        (format!("Transfer-Encoding: chunked\r\n{length}"), chunked.clone()),
        (String::new(), String::new()),
    ] {
        let answer = raw(&world, format!("{}{payload}", head(&framing)).as_bytes()).expect("an answer");
        answer.assert_refused(411, "INVALID_PARAMETER_VALUE");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    // Two different lengths: no request for hyper, and answered all the same.
    let answer = raw(&world, format!("{}{body}", head(&format!("{length}Content-Length: 5\r\n"))).as_bytes());
    answer.expect("an answer").assert_refused(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn repeated_and_odd_headers_are_refused() {
    let world = World::new();
    for (name, value) in [
        ("Content-Type", "application/json"),
        ("X-ZC-Timestamp", "1"),
        ("X-ZC-Version", "2026-04-01"),
        ("X-ZC-Signature-Method", "ZC2-HMAC-SHA256"),
        ("Host", "other"),
        ("X_ZC_Action", "CreateInstances"),
    ] {
        let mut call = Call::example().header(name, value);
        if name == "X-ZC-Version" {
            call = call.header(name, value);
        }
        world.send(&call).assert_refused(400, "INVALID_PARAMETER_VALUE");
    }
    for (name, value) in [
        ("Content-Encoding", "gzip"),
        ("Content-Type", "application/json; charset=utf-16"),
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/json; boundary=x"),
    ] {
        let mut call = Call::example();
        if name == "Content-Type" {
            call.content_type = value.into();
        } else {
            call = call.header(name, value);
        }
        world.send(&call).assert_refused(415, "INVALID_PARAMETER_VALUE");
    }
    world.send(&Call::example().header("Expect", "something")).assert_refused(417, "INVALID_PARAMETER_VALUE");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn heads_that_are_too_large_get_an_answer() {
    let world = World::new();
    let many = (0..65).fold(Call::example(), |call, n| call.header(&format!("X-Junk-{n}"), "x"));
    world.send(&many).assert_refused(431, "INVALID_PARAMETER_EXCEED_LENGTH");
    world
        .send(&Call::example().header("X-Junk", &"x".repeat(17 * 1024)))
        .assert_refused(431, "INVALID_PARAMETER_EXCEED_LENGTH");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn a_client_that_waits_for_100_is_refused_before_it_sends() {
    let world = World::new();
    // A bad key and a megabyte announced: the final answer comes without a 100 and without a byte of the body.
    let call =
        Call::example().body(" ".repeat(1024 * 1024)).key("ZGnobody", "x").header("Expect", "100-continue");
    let answer = raw(&world, &call.head(world.address())).expect("an answer");
    answer.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    // A good key: 100, then the body, then 200.
    let call = Call::example().header("Expect", "100-continue");
    let mut connection = connect(world.address());
    connection.write_all(&call.head(world.address())).unwrap();
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut connection, &mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&interim));
    connection.write_all(&call.body).unwrap();
    read_answer(&mut connection).unwrap().instance_ids();
}
