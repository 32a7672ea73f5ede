//! Hostile requests, one by one, each signed over the bytes it consists of, so that only its trick can be what refuses it.
//! Every refusal is an envelope with an id; nothing reaches the cloud and nothing is booked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

use crate::path::quota::{counted, limited};
use crate::support::client::{EXAMPLE, connect, read_answer};
use crate::support::house::House;
use crate::support::world::{KEY, SECRET, TOKEN};
use crate::support::{Answer, Call, World};

const BAD: &str = "INVALID_PARAMETER_VALUE";
const TYPE: &str = "INVALID_PARAMETER_TYPE";
const LONG: &str = "INVALID_PARAMETER_EXCEED_LENGTH";
const UNAUTHORIZED: &str = "AUTHFAILURE_UNAUTHORIZED_OPERATION";
const NO_AUTHORIZATION: &str = "AUTHFAILURE_INVALID_AUTHORIZATION";
const SIGNATURE: &str = "AUTHFAILURE_SIGNATURE_FAILURE";
const EXPIRED: &str = "AUTHFAILURE_SIGNATURE_EXPIRED";

/// The vendor's example with more members, in the version that the rows are about.
fn create(members: &str) -> Call {
    let body = EXAMPLE.trim_end().trim_end_matches('}').to_owned() + "," + members + "}";
    Call::new("vm", "CreateInstances").version("2026-04-01").body(body)
}

fn plain() -> Call {
    create(r#""instanceCount":1"#)
}

fn read() -> Call {
    Call::new("vm", "DescribeInstances")
}

/// The head without its action, with these in its place.
fn with_headers(mut call: Call, headers: &[(&str, &str)]) -> Call {
    call.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-zc-action"));
    headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

/// A head that is built line by line around a good signature of now.
fn raw(world: &World, line: &str, extra: &str, body: &[u8]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    raw_at(world.address(), i64::try_from(now).unwrap(), line, extra, body)
}

/// The same, of another time.
fn raw_at(address: SocketAddr, now: i64, line: &str, extra: &str, body: &[u8]) -> Vec<u8> {
    let host = address.to_string();
    let key = SigningKey::new(&Secret::new(SECRET));
    let authorization = authorize(KEY, &key, "application/json", &host, now, &PayloadHash::of(body));
    let mut bytes = format!(
        "{line}\r\nHost: {host}\r\nContent-Type: application/json\r\nX-ZC-Action: CreateInstances\r\nX-ZC-Timestamp: {now}\r\n\
         X-ZC-Signature-Method: ZC2-HMAC-SHA256\r\nAuthorization: {authorization}\r\n{extra}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// What is answered to bytes, whether the connection is closed after it.
fn exchange(world: &World, bytes: &[u8]) -> (Option<Answer>, bool) {
    let mut connection = connect(world.address());
    let _ = connection.write_all(bytes);
    let answer = read_answer(&mut connection);
    // An honest request behind it would be answered if the connection were still good for one.
    let alive = connection.write_all(&read().bytes(world.address())).is_ok()
        && read_answer(&mut connection).is_some();
    (answer, !alive)
}

#[test]
fn each_row_is_refused_as_it_should_be() {
    let world = World::with(limited(10));
    let deep = format!("\"tags\":{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let utf16: Vec<u8> = EXAMPLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut sixteen = Call::new("vm", "CreateInstances").body(utf16);
    sixteen.content_type = "application/json; charset=utf-16".to_owned();
    let mut megabyte = plain();
    megabyte.body.resize(1024 * 1024 + 1, b' ');
    let many = (0..65).fold(plain(), |call, number| call.header(&format!("X-Junk-{number}"), "x"));
    let target = |target: &str| plain().target(target);
    let other_scheme = with_headers(
        plain().unsigned(),
        &[
            ("X-ZC-Action", "CreateInstances"),
            ("X-ZC-Timestamp", "1790000000"),
            ("X-ZC-Signature-Method", "ZC2-HMAC-MD5"),
            (
                "Authorization",
                &format!(
                    "ZC2-HMAC-MD5 Credential={KEY}, SignedHeaders=content-type;host, Signature={}",
                    "0".repeat(64)
                ),
            ),
        ],
    );
    let both = ("X-ZC-Action", "CreateInstances");
    let rows: Vec<(&str, Call, u16, &str)> = vec![
        ("O01 a count twice", create(r#""instanceCount":1,"instanceCount":500"#), 400, TYPE),
        (
            "O02 a count twice, once escaped",
            create(r#""instanceCount":1,"instanceC\u006funt":500"#),
            400,
            TYPE,
        ),
        ("O03 a count in another case", create(r#""InstanceCount":500"#), 400, BAD),
        ("O04 a count as text", create(r#""instanceCount":"5""#), 400, TYPE),
        ("O05 a count with an exponent", create(r#""instanceCount":1e2"#), 400, TYPE),
        ("O06 a count with a fraction", create(r#""instanceCount":100.0"#), 400, TYPE),
        ("O06 a small one", create(r#""instanceCount":5.0"#), 400, TYPE),
        ("O07 a negative count", create(r#""instanceCount":-1"#), 400, "INVALID_PARAMETER_LESS_MINIMUM"),
        ("O07 a count of none", create(r#""instanceCount":0"#), 400, "INVALID_PARAMETER_LESS_MINIMUM"),
        (
            "O08 a count beyond doubles",
            create(r#""instanceCount":9007199254740993"#),
            400,
            "INVALID_PARAMETER_EXCEED_MAXIMUM",
        ),
        ("O09 a count that is true", create(r#""instanceCount":true"#), 400, TYPE),
        (
            "O11 two documents",
            Call::new("vm", "CreateInstances").body(format!("{EXAMPLE}{EXAMPLE}")),
            400,
            TYPE,
        ),
        (
            "O12 a byte order mark",
            Call::new("vm", "CreateInstances").body(format!("\u{feff}{EXAMPLE}")),
            400,
            TYPE,
        ),
        ("O12 sixteen bits a letter", sixteen, 415, BAD),
        ("O13 not a number", create(r#""instanceCount":NaN"#), 400, TYPE),
        ("O13 infinity", create(r#""trafficPackageSize":Infinity"#), 400, TYPE),
        ("O14 10,000 nested arrays", create(&deep), 400, TYPE),
        (
            "O15 a tag twice",
            create(r#""tags":{"tags":[{"key":"owner","value":"a"},{"key":"owner","value":"b"}]}"#),
            400,
            BAD,
        ),
        ("O16 a byte too many", megabyte, 413, LONG),
        ("O16 65 headers", many, 431, LONG),
        ("O16 17 KiB of headers", plain().header("X-Junk", &"x".repeat(17 * 1024)), 431, LONG),
        ("O17 half a surrogate pair", create(r#""instanceName":"\ud800""#), 400, TYPE),
        ("O18 two actions", with_headers(plain(), &[("X-ZC-Action", "DescribeInstances"), both]), 400, BAD),
        (
            "O18 two actions, swapped",
            with_headers(plain(), &[both, ("x-zc-action", "DescribeInstances")]),
            400,
            BAD,
        ),
        (
            "O19 two actions in one",
            with_headers(plain(), &[("X-ZC-Action", "DescribeInstances, CreateInstances")]),
            401,
            UNAUTHORIZED,
        ),
        ("O23 a target of another host", target("http://evil.example/api/v2/vm"), 400, BAD),
        ("O24 a path that climbs", target("/api/v2/vm/../bmc"), 404, UNAUTHORIZED),
        ("O24 two slashes", target("/api//v2/vm"), 404, UNAUTHORIZED),
        ("O24 an escaped slash", target("/api/v2/vm%2f"), 404, UNAUTHORIZED),
        ("O24 capitals", target("/API/v2/vm"), 404, UNAUTHORIZED),
        ("O25 a query", target("/api/v2/vm?x=1"), 400, BAD),
        ("O25 another service", plain().header("X-ZC-Service", "bmc"), 400, BAD),
        ("O26 a packed body", plain().header("Content-Encoding", "gzip"), 415, BAD),
        ("O28 no such version", Call::example().version("2019-01-01"), 401, UNAUTHORIZED),
        ("O28 no such action", Call::new("vm", "CreateEverything"), 401, UNAUTHORIZED),
        ("O30 a wrong token", plain().bearer("x"), 401, NO_AUTHORIZATION),
        ("O30 an empty authorization", plain().unsigned().header("Authorization", ""), 401, NO_AUTHORIZATION),
        ("O30 two authorizations", plain().header("Authorization", &format!("Bearer {TOKEN}")), 400, BAD),
        ("O30 the secret of another key", plain().key(KEY, "gateway-secret-of-the-other"), 401, SIGNATURE),
        ("O30 another scheme", other_scheme, 401, NO_AUTHORIZATION),
    ];
    let row = |row: &str, answer: Answer, status: u16, code: &str| {
        let body = answer.json();
        assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{row}: {body}");
        assert!(body["requestId"].is_string() && body["message"].is_string(), "{row}: {body}");
        assert_eq!(answer.header("x-zengate-decision"), body["requestId"].as_str(), "{row}");
        body
    };
    for (name, call, status, code) in rows {
        row(name, world.send(&call), status, code);
    }
    // The signature is good and covers none of it: the header alone names another algorithm.
    let honest = String::from_utf8(plain().bytes(world.address())).unwrap();
    for method in ["ZC2-HMAC-MD5", "ZC2-HMAC-SHA1", "HMAC-SHA256", "none", "zc2-hmac-sha256", ""] {
        let other = honest
            .replace("X-ZC-Signature-Method: ZC2-HMAC-SHA256", &format!("X-ZC-Signature-Method: {method}"));
        assert_ne!(other, honest);
        let mut connection = connect(world.address());
        connection.write_all(other.as_bytes()).unwrap();
        let answer = read_answer(&mut connection).unwrap();
        let said = row(&format!("O30 algorithm {method:?}"), answer, 401, NO_AUTHORIZATION);
        assert!(said["message"].as_str().unwrap().contains("`X-ZC-Signature-Method` must be"), "{said}");
    }
    assert_eq!(world.emulator.requests().len(), 0);
    assert_eq!(world.emulator.connections(), 0, "not even a connection");
    assert_eq!(counted(&world), (0, 0, 0));
}

#[test]
fn rows_about_framing_end_the_connection() {
    let world = World::with(limited(10));
    let body = EXAMPLE.as_bytes();
    let line = "POST /api/v2/vm HTTP/1.1";
    let hidden = String::from_utf8(plain().bytes(world.address())).unwrap();
    let chunks = format!("{:x}\r\n{EXAMPLE}\r\n0\r\n\r\n", body.len());
    let length = format!("Content-Length: {}\r\n", body.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let mut rows = Vec::new();
    for (row, extra, tail) in [
        ("O20 length, then chunks", format!("{length}{chunked}"), format!("{chunks}{hidden}")),
        ("O20 chunks, then length", format!("{chunked}{length}"), format!("{chunks}{hidden}")),
        ("O21 two lengths", format!("{length}Content-Length: 5\r\n"), EXAMPLE.to_owned()),
        ("O22 chunks alone", chunked.to_owned(), chunks),
    ] {
        // The signature is that of the body itself.
        let mut bytes = raw(&world, line, &extra, body);
        bytes.truncate(bytes.len() - body.len());
        bytes.extend_from_slice(tail.as_bytes());
        rows.push((row, bytes));
    }
    for (row, bytes) in rows {
        let (answer, closed) = exchange(&world, &bytes);
        let answer = answer.unwrap_or_else(|| panic!("{row}: no answer"));
        answer.assert_refused(if row.starts_with("O21") { 400 } else { 411 }, BAD);
        assert!(closed, "{row}");
    }
    assert_eq!(world.emulator.requests().len(), 0);
    assert_eq!(counted(&world), (0, 0, 0));
}

#[test]
fn rows_that_pass() {
    let world = World::with(limited(10));
    // O10: null is as if it were not there, and is not forwarded.
    world.send(&create(r#""instanceCount":null"#)).instance_ids();
    assert_eq!(counted(&world), (1, 0, 0));
    let sent = world.emulator.requests().pop().unwrap();
    assert!(!String::from_utf8_lossy(&sent.body).contains("instanceCount"));
    // O27: a bad key is told so before a byte of the body; a good one is told to go on.
    let announced = |key: &str| {
        let mut call = create(r#""instanceName":"waits""#).header("Expect", "100-continue").key(key, SECRET);
        call.body.resize(1000 * 1000, b' ');
        call
    };
    let mut refused = connect(world.address());
    refused.write_all(&announced("ZGnobody").head(world.address())).unwrap();
    let mut first = [0; 12];
    refused.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 401");
    let call = announced(KEY);
    let mut told = connect(world.address());
    told.write_all(&call.head(world.address())).unwrap();
    told.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 100");
    let mut rest = [0; 13];
    told.read_exact(&mut rest).unwrap();
    told.write_all(&call.body).unwrap();
    read_answer(&mut told).unwrap().instance_ids();
}

/// A house whose gateway sends nothing anywhere but to its own emulator.
fn house() -> House {
    House::new(limited(10))
}

fn now(house: &House) -> i64 {
    house.clock.unix_seconds()
}

/// A call under a signature that does not cover its action.
fn under(house: &House, signed_at: i64, action: &str, body: &[u8]) -> Answer {
    let length = format!("Content-Length: {}\r\n", body.len());
    let bytes = raw_at(house.address, signed_at, "POST /api/v2/vm HTTP/1.1", &length, body);
    let text = String::from_utf8(bytes).unwrap();
    house.send_bytes(
        text.replace("X-ZC-Action: CreateInstances", &format!("X-ZC-Action: {action}")).as_bytes(),
    )
}

#[test]
fn a_signature_of_a_read_is_good_for_a_change_for_two_seconds() {
    let mut house = house();
    let reuse = |house: &House, result: &str| {
        house.metric(&format!("zengate_signature_reuse_total{{result=\"{result}\"}}"))
    };
    let arrived = |house: &House| house.emulator.requests().len();
    // O29, at once and from the same address: both arrive, and it is counted.
    let (body, at) = (br#"{"instanceId":"no-such-machine"}"#.as_slice(), now(&house));
    under(&house, at, "DescribeInstanceInternetStatus", body);
    under(&house, at, "TerminateInstance", body);
    assert_eq!((arrived(&house), reuse(&house, "swapped"), reuse(&house, "refused")), (2, 1.0, 0.0));
    // 3 s later: nothing arrives, and it is counted as what it is.
    let (body, at) = (br#"{"instanceId":"another-machine"}"#.as_slice(), now(&house));
    under(&house, at, "DescribeInstanceInternetStatus", body);
    assert_eq!(arrived(&house), 3);
    house.pass(Duration::from_secs(3));
    let late = under(&house, at, "TerminateInstance", body);
    late.assert_refused(401, UNAUTHORIZED);
    let first_use = "DescribeInstanceInternetStatus` before";
    assert!(late.message().contains(first_use), "{}", late.message());
    assert_eq!((arrived(&house), reuse(&house, "swapped"), reuse(&house, "refused")), (3, 1.0, 1.0));
    // The same action again is no other one.
    under(&house, at, "DescribeInstanceInternetStatus", body);
    assert_eq!((arrived(&house), reuse(&house, "refused")), (4, 1.0));
}

#[test]
fn a_signature_is_good_for_300_seconds_on_either_side() {
    let house = house();
    for (offset, passes) in
        [(-301, false), (301, false), (-300, true), (300, true), (-299, true), (299, true)]
    {
        let body = create(&format!(r#""instanceName":"late{}""#, offset + 400)).body;
        let answer = under(&house, now(&house) + offset, "CreateInstances", &body);
        if passes {
            answer.instance_ids();
        } else {
            answer.assert_refused(401, EXPIRED);
        }
    }
    assert_eq!(house.emulator.requests().len(), 4);
}

/// O23: whatever a caller names as the host, nothing is sent there.
#[test]
fn no_host_that_a_caller_names_hears_anything() {
    let world = World::with(limited(10));
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let there = elsewhere.local_addr().unwrap().to_string();
    let (body, line) = (EXAMPLE.as_bytes(), "POST /api/v2/vm HTTP/1.1");
    let length = format!("Content-Length: {}\r\n", body.len());
    let named = |name: &str| format!("{length}{name}: {there}\r\n");
    let forwarded = format!("{length}Forwarded: host={there};proto=http\r\n");
    let forms = [
        raw(&world, &format!("POST http://{there}/api/v2/vm HTTP/1.1"), &length, body),
        raw(&world, &format!("POST //{there}/api/v2/vm HTTP/1.1"), &length, body),
        raw(&world, &format!("POST @{there}/api/v2/vm HTTP/1.1"), &length, body),
        raw(&world, &format!("CONNECT {there} HTTP/1.1"), &length, body),
        raw(&world, &format!("CONNECT {there} HTTP/1.1"), "", b""),
        raw(&world, &format!("GET http://{there}/ HTTP/1.1"), "Content-Length: 0\r\n", b""),
        raw(&world, line, &named("Host"), body),
        raw(&world, line, &named("X-Forwarded-Host"), body),
        raw(&world, line, &named("X-Forwarded-Server"), body),
        raw(&world, line, &named("X-Host"), body),
        raw(&world, line, &named("X-Original-URL"), body),
        raw(&world, line, &named("Proxy-Connection"), body),
        raw(&world, line, &forwarded, body),
        Call::example().header("X-Nothing", "signed for it").host_of(&there).bytes(world.address()),
    ];
    for bytes in forms {
        let (answer, _) = exchange(&world, &bytes);
        let shown = String::from_utf8_lossy(&bytes).lines().take(1).collect::<String>();
        assert!(answer.is_some(), "{shown}");
    }
    let heard = elsewhere.accept().map(|_| ()).unwrap_err();
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock, "somebody called there");
    let own = world.emulator.address().to_string();
    for request in world.emulator.requests() {
        let hosts: Vec<_> =
            request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).collect();
        assert!(hosts.len() == 1 && hosts[0].1 == own.as_bytes(), "{hosts:?}");
        let said = request.headers.iter().any(|(_, value)| String::from_utf8_lossy(value).contains(&there));
        assert!(!said, "{:?}", request.headers);
    }
}

#[test]
fn what_is_no_request_is_answered_in_words_and_counted() {
    let world = World::new();
    let long = |count: usize| "x".repeat(count);
    let many: String = (0..300).map(|number| format!("X-Junk-{number}: x\r\n")).collect();
    let start = "POST /api/v2/vm HTTP/1.1\r\nHost: x\r\n";
    let rows = [
        ("a line of nonsense", "GARBAGE\r\n\r\n".to_owned(), 400, BAD),
        ("a bare line end in a name", format!("{start}X-Ju\nnk: x\r\n\r\n"), 400, BAD),
        ("a space before the colon", format!("{start}X-Junk : x\r\n\r\n"), 400, BAD),
        ("two lengths", format!("{start}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400, BAD),
        ("a version to come", "POST /api/v2/vm HTTP/3.0\r\nHost: x\r\n\r\n".to_owned(), 400, BAD),
        ("a target without an end", format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", long(70_000)), 414, LONG),
        ("a field without an end", format!("{start}X-Junk: {}\r\n\r\n", long(70_000)), 431, LONG),
        ("300 fields", format!("{start}{many}\r\n"), 431, LONG),
    ];
    let mut count = 0.0;
    for (row, bytes, status, code) in rows {
        let (answer, closed) = exchange(&world, bytes.as_bytes());
        let answer = answer.unwrap_or_else(|| panic!("{row}: no answer"));
        assert_eq!(answer.status, status, "{row}");
        answer.assert_refused(status, code);
        assert!(closed, "{row}");
        let line = world.gateway.logged(answer.header("x-zengate-decision").unwrap());
        // What is not much too long is read, and is too long for the gateway.
        assert!(line.contains("\"malformed\"") || status == 431, "{row}: {line}");
        count += f64::from(u8::from(line.contains("\"malformed\"")));
    }
    let series = "zengate_requests_total{class=\"none\",outcome=\"malformed\",service=\"other\"}";
    assert_eq!(world.gateway.metric(series), count);
    // Behind an honest request the honest answer comes first, unharmed.
    let mut both = read().bytes(world.address());
    both.extend_from_slice(b"GARBAGE\r\n\r\n");
    let mut connection = connect(world.address());
    connection.write_all(&both).unwrap();
    let mut received = Vec::new();
    let _ = connection.read_to_end(&mut received);
    let received = String::from_utf8(received).unwrap();
    let second = received.rfind("HTTP/1.1 400 ").expect("two answers");
    assert!(received.starts_with("HTTP/1.1 200 ") && received[..second].ends_with('}'), "{received}");
    assert!(received[second..].contains("x-zengate-decision: T"), "{received}");
    assert_eq!(world.gateway.metric(series), count + 1.0);
}
