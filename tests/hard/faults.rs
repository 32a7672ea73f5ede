//! The cloud's bad days, byte by byte: each fault, met by a create, a change and a read. What the caller is told and what is
//! booked stands in a table of the documents, `deploy/FAULTS.md`, and this test holds it to what happens. After each
//! fault honest calls follow; each gets its own answer, and nothing was sent twice.
//!
//! `ZENGATE_BLESS=1` writes the table anew; read what it says before you believe it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::path::quota::{counted, limited};
use crate::support::client::{EXAMPLE, connect, read_answer};
use crate::support::world::directory;
use crate::support::{Call, Gateway, World};

/// What is sent in place of an answer; afterwards the connection is closed unless `keeps`.
struct Fault {
    name: &'static str,
    does: Does,
}

enum Does {
    /// These bytes, `{ok}` in them a good answer's body for the action; the connection is kept open.
    Says(Vec<u8>),
    /// The same, and then the end.
    SaysAndCloses(Vec<u8>),
    /// The end, before a byte of the request is read.
    ClosesUnread,
    /// Nothing, until the gateway gives up.
    KeepsSilent,
    /// The head of a good answer and then a byte at a time, never all of it.
    Drips,
}

/// A cloud that says what it is told to.
#[derive(Clone)]
struct Cloud {
    next: Arc<Mutex<Option<Arc<Fault>>>>,
    seen: Arc<Mutex<Vec<(String, String)>>>,
    address: SocketAddr,
}

impl Cloud {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cloud =
            Self { next: Arc::default(), seen: Arc::default(), address: listener.local_addr().unwrap() };
        let serving = cloud.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let cloud = serving.clone();
                std::thread::spawn(move || cloud.serve(stream));
            }
        });
        cloud
    }

    fn serve(&self, mut stream: TcpStream) {
        let unread = |fault: &Arc<Fault>| matches!(fault.does, Does::ClosesUnread);
        while let Some((action, body)) = {
            let peeked = stream.peek(&mut [0]);
            let mut next = self.next.lock().unwrap();
            if peeked.is_ok_and(|count| count > 0) && next.as_ref().is_some_and(unread) {
                next.take();
                return;
            }
            drop(next);
            request(&mut stream)
        } {
            self.seen.lock().unwrap().push((action.clone(), body.clone()));
            let ok = good(&action, &body);
            let fault = self.next.lock().unwrap().take();
            match fault.as_deref().map(|fault| &fault.does) {
                None => {
                    let answer =
                        framed("HTTP/1.1 200 OK", "Content-Type: application/json\r\n", ok.as_bytes());
                    if stream.write_all(&answer).is_err() {
                        return;
                    }
                }
                Some(Does::Says(bytes)) => {
                    let _ = stream.write_all(&filled(bytes, &ok));
                }
                Some(Does::SaysAndCloses(bytes)) => {
                    let _ = stream.write_all(&filled(bytes, &ok));
                    return;
                }
                Some(Does::ClosesUnread) => return,
                Some(Does::KeepsSilent) => {
                    // Until the gateway has closed.
                    let _ = stream.read(&mut [0]);
                    return;
                }
                Some(Does::Drips) => {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                        ok.len()
                    );
                    let _ = stream.write_all(head.as_bytes());
                    stream.set_read_timeout(Some(std::time::Duration::from_millis(400))).unwrap();
                    for byte in ok.as_bytes().iter().take(ok.len() - 1) {
                        // Waiting for the other side to close is what paces it.
                        let gone = matches!(stream.read(&mut [0]), Ok(0));
                        if gone || stream.write_all(&[*byte]).is_err() {
                            return;
                        }
                    }
                    return;
                }
            }
        }
    }
}

/// One request's action and body; none at the end of the connection.
fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let mut storage = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut storage);
        if let Ok(httparse::Status::Complete(length)) = head.parse(&bytes) {
            let of = |name: &str| {
                let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
                String::from_utf8(header.unwrap().value.to_vec()).unwrap()
            };
            let (action, size) = (of("x-zc-action"), of("content-length").parse::<usize>().unwrap());
            if bytes.len() >= length + size {
                return Some((action, String::from_utf8(bytes[length..length + size].to_vec()).unwrap()));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// A good answer; that to a create has an id made of the machine's name, so that it can be told from others.
fn good(action: &str, body: &str) -> String {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let name = asked["instanceName"].as_str().unwrap_or("nameless");
    let response = match action {
        "CreateInstances" => {
            json!({"requestId": "T1", "orderNumber": "1", "instanceIdSet": [format!("id-of-{name}")]})
        }
        _ => json!({"requestId": "T1", "totalCount": 0, "dataSet": []}),
    };
    json!({"requestId": "T1", "response": response}).to_string()
}

fn filled(bytes: &[u8], ok: &str) -> Vec<u8> {
    let length = ok.len().to_string();
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\x01' || *byte == b'\x02') {
        all.extend_from_slice(&rest[..at]);
        all.extend_from_slice(if rest[at] == 1 { ok.as_bytes() } else { length.as_bytes() });
        rest = &rest[at + 1..];
    }
    all.extend_from_slice(rest);
    all
}

fn framed(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut all = format!("{line}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    all.extend_from_slice(body);
    all
}

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
    vec![
        fault("closed before a byte was read", Does::ClosesUnread),
        fault("closed without an answer", raw(String::new())),
        fault("closed in the head", raw("HTTP/1.1 200 OK\r\nContent-Ty".to_owned())),
        fault("closed in the body", raw(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 500\r\n\r\n{{\"requestId\""))),
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
        fault("a redirect (302)", raw("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_owned())),
        fault("a redirect (307)", raw("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_owned())),
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

/// A gateway in front of this cloud.
fn gateway(cloud: &Cloud) -> Gateway {
    let setup = limited(100_000);
    let config = "[upstream]\nurl = \"{url}\"\nbreaker_failures = 0\nconnect_timeout = \"300ms\"\ntls_timeout = \"300ms\"\ncreate_timeout = \"1500ms\"\nchange_timeout = \"1500ms\"\nread_timeout = \"800ms\"\n";
    let url = format!("http://{}", cloud.address);
    Gateway::start(directory(&url, &setup.keys, &setup.organisation, config))
}

#[test]
fn a_packed_answer_to_a_read_says_that_it_is_packed() {
    let cloud = Cloud::start();
    let gateway = gateway(&cloud);
    for (headers, status, shown) in [
        ("Content-Encoding: gzip\r\n", 200, Some("gzip")),
        ("Content-Encoding: identity\r\n", 200, None),
        ("Content-Encoding: rot13\r\n", 504, None),
        ("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", 504, None),
        ("Content-Encoding: gzip, gzip\r\n", 504, None),
    ] {
        let says = framed("HTTP/1.1 200 OK", &format!("{JSON}{headers}"), b"\x1f\x8b\x08\x00packed");
        *cloud.next.lock().unwrap() = Some(Arc::new(Fault { name: "packed", does: Does::Says(says) }));
        let answer = Call::new("vm", "DescribeInstances").send(gateway.address());
        assert_eq!((answer.status, answer.header("content-encoding")), (status, shown), "{headers}");
    }
}

#[test]
fn each_fault_of_the_cloud_ends_as_the_table_says() {
    let cloud = Cloud::start();
    let gateway = gateway(&cloud);
    let address = gateway.address();
    // The emulator of this world is not asked for anything; it is here for the helpers that read counts.
    let World { gateway: unused, emulator, runtime } = World::new();
    drop(unused);
    let world = World { gateway, emulator, runtime };
    let mut table = String::new();
    for (number, fault) in faults().into_iter().enumerate() {
        let fault = Arc::new(fault);
        let mut row = format!("| {} |", fault.name);
        for (kind, call) in [
            ("create", create(&format!("machine-{number}"))),
            (
                "change",
                Call::new("vm", "TerminateInstance")
                    .json(&json!({"instanceId": format!("machine-{number}")})),
            ),
            ("read", Call::new("vm", "DescribeInstances")),
        ] {
            let (before, already) = (counted(&world), cloud.seen.lock().unwrap().len());
            *cloud.next.lock().unwrap() = Some(Arc::clone(&fault));
            let (said, decision) = told(address, &call);
            cloud.next.lock().unwrap().take();
            let sent = cloud.seen.lock().unwrap().len() - already;
            assert!(
                sent <= if kind == "read" { 2 } else { 1 },
                "{}: {kind} was sent {sent} times",
                fault.name
            );
            assert!(
                kind == "read"
                    || !said.ends_with("SERVICE_TEMPORARY_UNAVAILABLE")
                    || !fault.name.contains("answer"),
                "{}: {kind} is told that nothing ran",
                fault.name
            );
            let _ = write!(row, " {said}");
            if let (Some(decision), true) = (decision, kind != "read") {
                let fate = world.gateway.record(&decision)["upstream"]["fate"].clone();
                let _ = write!(row, ", {}", fate.as_str().unwrap_or("?").replace('_', " "));
            }
            if kind == "create" {
                let now = counted(&world);
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
            // Honest calls follow, and get what is theirs.
            let name = format!("honest-{number}-{kind}");
            let answer = create(&name).send(address);
            assert_eq!(answer.instance_ids(), [format!("id-of-{name}")], "{}", fault.name);
            assert_eq!(Call::new("vm", "DescribeInstances").send(address).status, 200, "{}", fault.name);
        }
        table.push_str(&row);
        table.push('\n');
    }
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
    assert_eq!(world.emulator.requests().len(), 0);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/FAULTS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let head = "| the cloud | create | change | read |\n|---|---|---|---|\n";
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
