//! The cloud's bad days, byte by byte: each fault, met by a create, a change and a read. What the caller is told and what is
//! booked stands in a table of the documents, `deploy/FAULTS.md`, and this test holds it to what happens. After each
//! fault honest calls follow; each gets its own answer, and nothing was sent twice.
//!
//! `ZENGATE_BLESS=1` writes the table anew; read what it says before you believe it.

mod cloud;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloud::{ALERT, Cloud, Does, ELSEWHERE, Fault, framed};
use serde_json::{Value, json};

use crate::path::quota::{counted, limited};
use crate::support::client::{EXAMPLE, connect, read_answer};
use crate::support::gateway::write;
use crate::support::tls::Authority;
use crate::support::world::directory;
use crate::support::{Call, Gateway, World, eventually};

const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";
/// Stand for a good answer's body and for its length.
const OK: &str = "\x01";
const LENGTH: &str = "\x02";

fn error(status: u16, code: &str) -> Does {
    let body = json!({"requestId": "T1", "code": code, "message": "no"}).to_string();
    Does::Says(framed(&format!("HTTP/1.1 {status} X"), JSON, body.as_bytes()))
}

fn page(status: u16) -> Does {
    Does::Says(framed(&format!("HTTP/1.1 {status} X"), HTML, b"<html>no</html>"))
}

fn body(body: &[u8]) -> Does {
    Does::Says(framed("HTTP/1.1 200 OK", JSON, body))
}

fn raw(text: String) -> Does {
    Does::SaysAndCloses(text.into_bytes())
}

/// Every fault, in the order of the table.
fn faults() -> Vec<Fault> {
    let ids = |ids: Value| {
        body(json!({"requestId": "T1", "response": {"instanceIdSet": ids}}).to_string().as_bytes())
    };
    let good = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {LENGTH}\r\n\r\n{OK}");
    let fault = |name, does| Fault { name, does };
    let elsewhere = ELSEWHERE.local_addr().unwrap();
    vec![
        fault("closed before a byte was read", Does::ClosesUnread),
        fault("closed without an answer", raw(String::new())),
        fault("closed in the head", raw("HTTP/1.1 200 OK\r\nContent-Ty".to_owned())),
        fault("closed in the body", raw(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 500\r\n\r\n{{\"requestId\""))),
        fault("reset before a byte was read", Does::ResetsUnread),
        fault("reset without an answer", Does::SaysAndResets(Vec::new())),
        fault("reset in the head", Does::SaysAndResets(b"HTTP/1.1 200 OK\r\nContent-Ty".to_vec())),
        fault("reset in the body", Does::SaysAndResets(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 500\r\n\r\n{{\"requestId\"").into_bytes())),
        fault("no answer in time", Does::KeepsSilent),
        fault("an answer in drops, not in time", Does::Drips),
        fault("spare bytes behind the answer", Does::Says(format!("{good}GARBAGE").into_bytes())),
        fault("a second answer", Does::Says(format!("{good}{good}").into_bytes())),
        fault("Content-Length and Transfer-Encoding", raw(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {LENGTH}\r\nTransfer-Encoding: chunked\r\n\r\n{OK}"))),
        fault("two lengths", raw(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {LENGTH}\r\nContent-Length: 3\r\n\r\n{OK}"))),
        fault("a chunk of no size", raw(format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\nzz\r\n{OK}\r\n0\r\n\r\n"))),
        fault("chunks without an end", raw(format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n"))),
        fault("1,000 interim answers", Does::Says(format!("{}{good}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000)).into_bytes())),
        fault("101 Switching Protocols", raw(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n{OK}"))),
        fault("a redirect (302)", raw(format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/api/v2/vm\r\nContent-Length: 0\r\n\r\n"))),
        fault("a redirect (307)", raw(format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{elsewhere}/api/v2/vm\r\nContent-Length: 0\r\n\r\n"))),
        fault("a header of 600 KiB", raw(format!("HTTP/1.1 200 OK\r\n{JSON}X-Long: {}\r\nContent-Length: {LENGTH}\r\n\r\n{OK}", "x".repeat(600 << 10)))),
        fault("an answer packed by gzip", Does::Says(framed("HTTP/1.1 200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", b"\x1f\x8b\x08\x00packed"))),
        fault("not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n".to_owned())),
        fault("HTTP/1.0, ended by its close", raw(format!("HTTP/1.0 200 OK\r\n{JSON}\r\n{OK}"))),
        fault("204 No Content", raw("HTTP/1.1 204 No Content\r\n\r\n".to_owned())),
        fault("an empty answer", body(b"")),
        fault("an empty object", body(b"{}")),
        fault("text that is no JSON", body(b"everything went well")),
        fault("bytes that are no text", body(b"{\"requestId\":\"\xff\xfe\"}")),
        fault("100,000 nested arrays", body("[".repeat(100_000).as_bytes())),
        fault("an answer of 9 MiB", body(format!("{{\"requestId\":\"T1\",\"x\":\"{}\"}}", "x".repeat(9 << 20)).as_bytes())),
        fault("a null response", body(br#"{"requestId":"T1","response":null}"#)),
        fault("an error with status 200", error(200, "INTERNAL_SERVER_ERROR")),
        fault("no ids", ids(json!([]))),
        fault("ids of another type", ids(json!([1, 2]))),
        fault("ids twice", ids(json!(["twice", "twice"]))),
        fault("more ids than asked for", ids(json!(["more-1", "more-2", "more-3"]))),
        fault("members twice", body(br#"{"requestId":"T1","response":{"instanceIdSet":["first"]},"response":{"instanceIdSet":["second"]}}"#)),
        fault("400 by the cloud", error(400, "INVALID_PARAMETER_VALUE")),
        fault("403 by the cloud", error(403, "OPERATION_DENIED_BALANCE_INSUFFICIENT")),
        fault("404 by the cloud", error(404, "INVALID_INSTANCE_NOT_FOUND")),
        fault("408 by the cloud", error(408, "REQUEST_TIMED_OUT")),
        fault("409 by the cloud", error(409, "INVALID_OPERATION_TIMEOUT")),
        fault("429 by the cloud", error(429, "REQUEST_LIMIT_EXCEEDED")),
        fault("500 by the cloud", error(500, "INTERNAL_SERVER_ERROR")),
        fault("503 by the cloud", error(503, "SERVICE_TEMPORARY_UNAVAILABLE")),
        fault("a page with 403 (its edge)", page(403)),
        fault("a page with 404", page(404)),
        fault("a page with 408", page(408)),
        fault("a page with 429", page(429)),
        fault("a page with 451", page(451)),
        fault("a page with 502", page(502)),
        fault("a page with 503", page(503)),
        fault("a page with 504", page(504)),
    ]
}

/// What can go wrong under TLS alone. Where a certificate is not the right one has a test of its own (`path/tls.rs`).
fn faults_under_tls() -> Vec<Fault> {
    let fault = |name, does| Fault { name, does };
    let http10 = format!("HTTP/1.0 200 OK\r\n{JSON}\r\n{OK}");
    let cut = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 500\r\n\r\n{{\"requestId\"");
    vec![
        fault("TLS: an alert in place of a handshake", Does::RefusesTheHandshake),
        fault("TLS: an alert in place of an answer", Does::SaysInTheClear(ALERT.to_vec())),
        fault("TLS: bytes that are no record", Does::SaysInTheClear(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())),
        fault("TLS: closed without notice and answer", raw(String::new())),
        fault("TLS: closed without notice in the body", raw(cut.clone())),
        fault("TLS: reset in the body", Does::SaysAndResets(cut.into_bytes())),
        fault("TLS: an end that only its notice would prove", raw(http10)),
    ]
}

fn create(name: &str) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceName"] = name.into();
    Call::new("vm", "CreateInstances").json(&body)
}

/// Sends and says what came, in the words of the table.
fn told(address: SocketAddr, call: &Call) -> (String, Option<String>) {
    let mut connection = connect(address);
    connection.write_all(&call.bytes(address)).unwrap();
    let Some(answer) = read_answer(&mut connection) else { return ("cut off".to_owned(), None) };
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = body["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
    (format!("{}{code}", answer.status), answer.header("x-zengate-decision").map(str::to_owned))
}

/// A gateway in front of this cloud; under TLS, if an authority's certificate is given.
fn gateway(cloud: &Cloud, authority: Option<&str>) -> Gateway {
    let setup = limited(100_000);
    let scheme = if authority.is_some() { "https" } else { "http" };
    let times = match authority {
        // Some rows wait for the end of these; none of those under TLS does.
        None => {
            "connect_timeout = \"1s\"\ntls_timeout = \"1s\"\ncreate_timeout = \"2500ms\"\nchange_timeout = \"2500ms\"\nread_timeout = \"2500ms\"\n"
        }
        Some(_) => "ca_file = \"cloud-ca.pem\"\n",
    };
    let config = format!("[upstream]\nurl = \"{scheme}://{}\"\nbreaker_failures = 0\n{times}", cloud.address);
    let url = format!("{scheme}://{}", cloud.address);
    let files = directory(&url, &setup.keys, &setup.organisation, &config);
    if let Some(pem) = authority {
        write(&files.path().join("cloud-ca.pem"), pem);
    }
    Gateway::start(files)
}

#[test]
fn a_packed_answer_to_a_read_says_that_it_is_packed() {
    let cloud = Cloud::start();
    let gateway = gateway(&cloud, None);
    for (headers, status, shown) in [
        ("Content-Encoding: gzip\r\n", 200, Some("gzip")),
        ("Content-Encoding: identity\r\n", 200, None),
        ("Content-Encoding: rot13\r\n", 504, None),
        ("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", 504, None),
        ("Content-Encoding: gzip, gzip\r\n", 504, None),
    ] {
        let plain = headers.ends_with("identity\r\n");
        let body: &[u8] = if plain { b"{\"response\":{}}" } else { b"\x1f\x8b\x08\x00packed" };
        let says = framed("HTTP/1.1 200 OK", &format!("{JSON}{headers}"), body);
        *cloud.next.lock().unwrap() = Some(Arc::new(Fault { name: "packed", does: Does::Says(says) }));
        let answer = Call::new("vm", "DescribeInstances").send(gateway.address());
        assert_eq!((answer.status, answer.header("content-encoding")), (status, shown), "{headers}");
    }
}

/// What the gateway counts about the cloud, by class and in the words of the table.
fn counts(gateway: &Gateway) -> BTreeMap<(String, String), u64> {
    let page = String::from_utf8(gateway.admin_page("/metrics").body).unwrap();
    let mut counts = BTreeMap::new();
    for line in page.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let label = |name: &str| {
            let (_, rest) = series.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let what = if series.starts_with("zengate_upstream_failures_total{") {
            format!("`{}`", label("reason").unwrap())
        } else if series.starts_with("zengate_upstream_responses_total{") {
            let code = label("code").filter(|code| code != "none").map(|code| format!(" {code}"));
            format!("{}{}", label("status").unwrap(), code.unwrap_or_default())
        } else {
            continue;
        };
        counts.insert((label("class").unwrap(), what), value.parse::<f64>().unwrap() as u64);
    }
    counts
}

/// What was counted of one class since `before`; nothing while nothing was.
fn counted_since(before: &BTreeMap<(String, String), u64>, gateway: &Gateway, class: &str) -> Option<String> {
    let more: Vec<String> = counts(gateway)
        .into_iter()
        .filter(|((of, what), now)| {
            of == class && *now > before.get(&(of.clone(), what.clone())).copied().unwrap_or(0)
        })
        .map(|((_, what), _)| what)
        .collect();
    (!more.is_empty()).then(|| more.join(", "))
}

/// Rows of the table: each fault, met by a create, a change and a read.
fn rows(world: &World, cloud: &Cloud, faults: Vec<Fault>, table: &mut String) {
    let address = world.address();
    for (number, fault) in faults.into_iter().enumerate() {
        let fault = Arc::new(fault);
        let mut row = format!("| {} |", fault.name);
        let mut seen = Vec::new();
        for (kind, call) in [
            ("create", create(&format!("machine-{number}"))),
            (
                "change",
                Call::new("vm", "TerminateInstance")
                    .json(&json!({"instanceId": format!("machine-{number}")})),
            ),
            ("read", Call::new("vm", "DescribeInstances")),
        ] {
            let (before, already) = (counted(world), cloud.seen.lock().unwrap().len());
            let figures = counts(&world.gateway);
            *cloud.next.lock().unwrap() = Some(Arc::clone(&fault));
            let (said, decision) = told(address, &call);
            cloud.next.lock().unwrap().take();
            let sent = cloud.seen.lock().unwrap().len() - already;
            assert!(
                sent <= if kind == "read" { 2 } else { 1 },
                "{}: {kind} was sent {sent} times",
                fault.name
            );
            let _ = write!(row, " {said}");
            if let (Some(decision), true) = (decision, kind != "read") {
                let fate = world.gateway.record(&decision)["upstream"]["fate"].clone();
                let fate = fate.as_str().unwrap_or("?").replace('_', " ");
                // What may have run is never told in words that make clients repeat it.
                assert!(
                    fate == "not run" || !said.contains("SERVICE_TEMPORARY_UNAVAILABLE"),
                    "{}",
                    fault.name
                );
                let _ = write!(row, ", {fate}");
            }
            if kind == "create" {
                let now = counted(world);
                assert_eq!(now.1, 0, "{}: nothing is in flight any more", fault.name);
                let booked = match (now.0 - before.0, now.2 - before.2) {
                    (0, 0) => "nothing".to_owned(),
                    (used, 0) => format!("{used} used"),
                    (0, unknown) => format!("{unknown} held"),
                    (used, unknown) => format!("{used} used, {unknown} held"),
                };
                let _ = write!(row, ", {booked}");
            }
            row.push_str(" |");
            seen.push(eventually("it is counted", || counted_since(&figures, &world.gateway, kind)));
            // Honest calls follow, and get what is theirs.
            let name = format!("honest-{number}-{kind}");
            assert_eq!(
                create(&name).send(address).instance_ids(),
                [format!("id-of-{name}")],
                "{}",
                fault.name
            );
            read_of(address, &name);
        }
        let figures = match seen.as_slice() {
            [create, change, read] if create == change && change == read => create.clone(),
            [create, change, read] if create == change => format!("{create}; reads {read}"),
            [create, change, read] => format!("creates {create}; changes {change}; reads {read}"),
            _ => unreachable!(),
        };
        let _ = writeln!(table, "{row} {figures} |");
    }
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
}

fn read_of(address: SocketAddr, name: &str) {
    let call = Call::new("vm", "DescribeInstances").json(&json!({"instanceName": name}));
    let answer = call.send(address);
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["response"]["dataSet"][0]["instanceName"], name);
}

/// A world whose gateway has this cloud behind it. Its emulator is not asked for anything; it is there for the helpers that read
/// counts.
fn world(cloud: &Cloud, authority: Option<&str>) -> World {
    let World { gateway: unused, emulator, runtime } = World::new();
    drop(unused);
    World { gateway: gateway(cloud, authority), emulator, runtime }
}

/// Normal calls on 16 threads, each of which must get the answer to its own.
fn normal_calls(world: &World, all: usize) {
    let (next, address) = (AtomicUsize::new(0), world.address());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut connection = connect(address);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= all {
                        return;
                    }
                    let name = format!("normal-{number}");
                    let call = match number % 4 {
                        0 => create(&name),
                        _ => Call::new("vm", "DescribeInstances").json(&json!({"instanceName": name})),
                    };
                    connection.write_all(&call.bytes(address)).unwrap();
                    let answer = read_answer(&mut connection).unwrap();
                    let response = &answer.json()["response"];
                    let (own, wanted) = match number % 4 {
                        0 => (response["instanceIdSet"][0].clone(), format!("id-of-{name}")),
                        _ => (response["dataSet"][0]["instanceName"].clone(), name),
                    };
                    assert_eq!(own, wanted, "{}", answer.json());
                }
            });
        }
    });
}

/// `ZENGATE_NORMAL_CALLS` is how many normal calls follow (CI: 2,000).
#[test]
fn each_fault_of_the_cloud_ends_as_the_table_says() {
    let mut table = String::new();
    let cloud = Cloud::start();
    let first = world(&cloud, None);
    rows(&first, &cloud, faults(), &mut table);
    let authority = Authority::new();
    let secure = Cloud::start_under(Some(authority.issue(&["127.0.0.1"]).server()));
    let second = world(&secure, Some(&authority.pem));
    rows(&second, &secure, faults_under_tls(), &mut table);
    let all = std::env::var("ZENGATE_NORMAL_CALLS").map_or(2_000, |text| text.parse().unwrap());
    normal_calls(&first, all);
    normal_calls(&second, all / 10);
    // Redirects were followed by nobody.
    let called = ELSEWHERE.accept().map(|_| ()).unwrap_err();
    assert_eq!(called.kind(), std::io::ErrorKind::WouldBlock, "a redirect was followed");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/FAULTS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let head = "| the cloud | create | change | read | counted |\n|---|---|---|---|---|\n";
    let (before, after) = page.split_once(head).expect("the table");
    let rest = after.find("\n\n").map_or("", |end| &after[end + 1..]);
    if std::env::var_os("ZENGATE_BLESS").is_some() {
        std::fs::write(path, format!("{before}{head}{table}{rest}")).unwrap();
        return;
    }
    for (documented, happened) in after.lines().zip(table.lines()) {
        assert_eq!(documented, happened);
    }
    assert!(after.starts_with(&table), "a row is missing in {path}");
}
