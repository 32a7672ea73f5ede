//! What a request over HTTP/2 would become if it were written down as HTTP/1.1: lengths that lie, fields and pseudo-fields that hold line
//! ends, framing that HTTP/2 does not have, names of hosts that disagree. Each form is met alone, behind and before an honest create
//! on the same connection; nothing that hides in it is sent, and no answer is crossed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use zengate::emulator;

use super::{END_HEADERS, END_STREAM, Line, frame, head, kind, literal};
use crate::hard::smuggling::{CANARY, TEMPLATE, forms, honest};
use crate::support::tls::Authority;
use crate::support::world::{Setup, TOKEN, organisation};
use crate::support::{World, eventually};

/// One request, field by field.
struct Form {
    name: String,
    fields: Vec<(String, String)>,
    data: Vec<u8>,
    trailers: Vec<(String, String)>,
}

const BODY: &str = r#"{"pageSize":10}"#;

/// A read under the bearer token, whose signature nothing can spoil.
fn usual(host: &str) -> Vec<(String, String)> {
    let token = format!("Bearer {TOKEN}");
    [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", host),
        (":path", "/api/v2/vm"),
        ("content-type", "application/json"),
        ("x-zc-action", "DescribeInstances"),
        ("authorization", &token),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// About 130 forms. Those whose name begins with `fine:` are good requests and pass.
fn all(host: &str) -> Vec<Form> {
    let hidden = String::from_utf8(forms::canary()).unwrap();
    let mut all = Vec::new();
    let mut add = |name: String, change: &dyn Fn(&mut Form)| {
        let (fields, data) = (usual(host), BODY.as_bytes().to_vec());
        let mut form = Form { name, fields, data, trailers: Vec::new() };
        change(&mut form);
        all.push(form);
    };
    let push = |form: &mut Form, name: &str, value: &str| form.fields.push((name.into(), value.into()));
    let set = |form: &mut Form, name: &str, value: &str| {
        form.fields.iter_mut().filter(|(own, _)| own == name).for_each(|(_, own)| *own = value.into());
    };
    add("fine: as it should be".into(), &|_| {});
    add("fine: its length".into(), &|form| push(form, "content-length", &BODY.len().to_string()));
    add("fine: te trailers".into(), &|form| push(form, "te", "trailers"));
    // Lengths that lie: another reader takes what is behind them for the next request.
    for length in [
        "0",
        "1",
        "14",
        "16",
        "99999",
        "+15",
        "-1",
        "0x0f",
        "15, 15",
        "15 15",
        "",
        "1e1",
        "18446744073709551631",
    ] {
        add(format!("length {length:?}"), &|form| {
            push(form, "content-length", length);
            form.data.extend_from_slice(hidden.as_bytes());
        });
    }
    add("two lengths".into(), &|form| {
        push(form, "content-length", "15");
        push(form, "content-length", "0");
        form.data.extend_from_slice(hidden.as_bytes());
    });
    // Framing and hop-by-hop fields, which HTTP/2 does not have.
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("transfer-encoding", "gzip, chunked"),
        ("transfer-encoding", " chunked"),
        ("transfer-encoding", "xchunked"),
        ("connection", "close"),
        ("connection", "keep-alive"),
        ("connection", "transfer-encoding"),
        ("connection", "authorization"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "h2c"),
        ("upgrade", "websocket"),
        ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        ("te", "chunked"),
        ("te", "gzip"),
        ("te", "trailers, chunked"),
        ("trailer", "x-zc-action"),
        ("content-encoding", "gzip"),
        ("expect", "nothing"),
    ] {
        add(format!("{name}: {value}"), &|form| {
            push(form, name, value);
            form.data = format!("0\r\n\r\n{hidden}").into_bytes();
        });
    }
    // Line ends and other letters that no name or value has.
    for letter in ["\r\n", "\n", "\r", "\0", "\r\n\r\n", "\u{1}", "\u{7f}"] {
        add(format!("value with {letter:?}"), &|form| {
            push(form, "x-junk", &format!("a{letter}Content-Length: 0\r\n\r\n{hidden}"));
        });
        add(format!("name with {letter:?}"), &|form| {
            push(form, &format!("x-junk{letter}x-zc-action"), "CreateInstances")
        });
        for pseudo in [":path", ":method", ":authority", ":scheme"] {
            add(format!("{pseudo} with {letter:?}"), &|form| {
                let own = form.fields.iter().find(|(name, _)| name == pseudo).unwrap().1.clone();
                set(form, pseudo, &format!("{own}{letter}X-Junk: 1\r\n\r\n{hidden}"));
            });
        }
    }
    for name in ["X-Junk", "x junk", "x-junk:", ":junk", "", "x_zc_action", "x-zc-action ", "(x)"] {
        add(format!("name {name:?}"), &|form| push(form, name, "CreateInstances"));
    }
    // Pseudo-fields twice, missing, late or of an answer.
    for (name, value) in
        [(":path", "/api/v2/bmc"), (":method", "GET"), (":authority", "other.example"), (":scheme", "http")]
    {
        add(format!("{name} twice"), &|form| form.fields.insert(1, (name.into(), value.into())));
        add(format!("{name} behind the fields"), &|form| {
            form.fields.retain(|(own, _)| own != name);
            push(form, name, value);
        });
    }
    for name in [":path", ":method", ":scheme"] {
        add(format!("no {name}"), &|form| form.fields.retain(|(own, _)| own != name));
    }
    add("a status".into(), &|form| form.fields.insert(0, (":status".into(), "200".into())));
    add("a protocol".into(), &|form| form.fields.insert(0, (":protocol".into(), "websocket".into())));
    for path in [
        "",
        "*",
        "api/v2/vm",
        "https://other.example/api/v2/vm",
        "http://127.0.0.1:1/api/v2/vm",
        "//other.example/api/v2/vm",
        "/api/v2/vm?x=1",
        "/api/v2/vm HTTP/1.1",
        "/api/v2/../v2/vm",
    ] {
        add(format!("path {path:?}"), &|form| set(form, ":path", path));
    }
    // What hyper leaves out of a target, and what nobody here looks at.
    add("fine: a fragment".into(), &|form| set(form, ":path", "/api/v2/vm#x"));
    for method in ["GET", "post", "CONNECT", "PRI", "POST /x HTTP/1.1", ""] {
        add(format!("method {method:?}"), &|form| set(form, ":method", method));
    }
    // Names of hosts.
    for value in ["other.example", "a@b", "a b", "a/b", "a,b", ""] {
        add(format!("host {value:?} beside the authority"), &|form| push(form, "host", value));
    }
    add("two hosts".into(), &|form| {
        push(form, "host", "a.example");
        push(form, "host", "b.example");
    });
    // Fields behind the body are dropped.
    for (name, value) in
        [("x-zc-action", "CreateInstances"), ("content-length", "0"), (":path", "/api/v2/bmc")]
    {
        add(format!("fine: trailer {name}"), &|form| form.trailers.push((name.into(), value.into())));
    }
    add("trailer transfer-encoding".into(), &|form| {
        form.trailers.push(("transfer-encoding".into(), "chunked".into()))
    });
    // What counts is there twice.
    for (name, value) in [
        ("x-zc-action", "CreateInstances"),
        ("authorization", "Bearer x"),
        ("content-type", "text/plain"),
        ("x-zc-action", "DescribeInstances"),
    ] {
        add(format!("{name}: {value} again"), &|form| push(form, name, value));
    }
    all
}

fn block(fields: &[(String, String)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        literal(&mut block, 0, name, value);
    }
    block
}

/// The frames of a form as one stream.
fn frames(form: &Form, stream: u32) -> Vec<u8> {
    let mut bytes = frame(kind::HEADERS, END_HEADERS, stream, &block(&form.fields));
    if form.trailers.is_empty() {
        bytes.extend(frame(kind::DATA, END_STREAM, stream, &form.data));
    } else {
        bytes.extend(frame(kind::DATA, 0, stream, &form.data));
        bytes.extend(frame(kind::HEADERS, END_STREAM | END_HEADERS, stream, &block(&form.trailers)));
    }
    bytes
}

fn honest_frames(name: &str, stream: u32, address: SocketAddr) -> Vec<u8> {
    let call = honest(name);
    let mut bytes = frame(kind::HEADERS, END_HEADERS, stream, &head(&call, address));
    bytes.extend(frame(kind::DATA, END_STREAM, stream, &call.body));
    bytes
}

/// Bodies by stream, until each of these has an end or the connection has one.
fn answers(line: &mut Line, streams: &[u32]) -> BTreeMap<u32, String> {
    let mut bodies: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut open: BTreeSet<u32> = streams.iter().copied().collect();
    while !open.is_empty() {
        let Some((kind, flags, stream, payload)) = line.next() else { break };
        match kind {
            kind::DATA => bodies.entry(stream).or_default().extend(payload),
            kind::RST_STREAM => {
                open.remove(&stream);
                continue;
            }
            kind::HEADERS => {}
            _ => continue,
        }
        if flags & END_STREAM != 0 {
            open.remove(&stream);
        }
    }
    bodies.into_iter().map(|(stream, body)| (stream, String::from_utf8_lossy(&body).into_owned())).collect()
}

/// The machine that an answer tells of.
fn machine(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(body["response"]["instanceIdSet"].as_array()?.first()?.as_str()?.to_owned())
}

#[test]
fn nothing_hides_in_a_request_over_http2_and_no_answer_is_crossed() {
    let authority = Authority::new();
    let made = authority.issue(&["127.0.0.1"]);
    let world = World::with(Setup {
        config: "[listen.tls]\ncertificate = \"gateway.pem\"\nkey = { file = \"gateway.key\" }\n".to_owned(),
        files: vec![("gateway.pem".into(), made.certificate), ("gateway.key".into(), made.key)],
        organisation: organisation().replace("maximum: 10", "maximum: 10000"),
        emulator: emulator::Options {
            instance_quota: 10_000,
            keep_requests: 20_000,
            ..Setup::default().emulator
        },
        ..Setup::default()
    });
    let address = world.address();
    let forms = all(&address.to_string());
    assert!(forms.len() >= 60, "{} forms", forms.len());
    let (mut told, mut passed) = (BTreeMap::new(), Vec::new());
    for (number, form) in forms.iter().enumerate() {
        for place in ["alone", "behind", "before"] {
            let mut line = Line::open(address, &authority, &[]);
            line.stream.sock.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let name = format!("honest-{number}-{place}");
            let streams: &[u32] = if place == "alone" { &[1] } else { &[1, 3] };
            let (form_stream, honest_stream) = if place == "behind" { (3, 1) } else { (1, 3) };
            let mut said = Vec::new();
            if place == "behind" {
                said.extend(honest_frames(&name, 1, address));
            }
            said.extend(frames(form, form_stream));
            if place == "before" {
                said.extend(honest_frames(&name, 3, address));
            }
            // The connection may end before all of it is said.
            let _ = line.say(&said);
            let answers = answers(&mut line, streams);
            let of = |stream: u32| answers.get(&stream).map(String::as_str).unwrap_or_default();
            assert!(machine(of(form_stream)).is_none(), "{}: a machine was made", form.name);
            if of(form_stream).contains("\"response\"") {
                passed.push(form.name.clone());
            }
            if let Some(id) = machine(of(honest_stream)) {
                assert!(told.insert(id, (name, form.name.clone())).is_none(), "told of twice");
            }
        }
    }
    passed.dedup();
    let fine: Vec<&str> =
        forms.iter().map(|form| form.name.as_str()).filter(|name| name.starts_with("fine:")).collect();
    assert_eq!(passed, fine);
    eventually("nothing is worked on", || (world.gateway.metric("zengate_connections") == 0.0).then_some(()));
    for machine in world.emulator.instances() {
        // The answer of one whose connection was cut may be lost, the machine is booked.
        if let Some((name, form)) = told.get(&machine.id) {
            assert_eq!(*name, machine.name, "crossed by {form}");
        }
    }
    assert!(told.len() >= forms.len(), "{} honest ones were answered", told.len());
    for request in world.emulator.requests() {
        let body = String::from_utf8_lossy(&request.body);
        assert!(!body.contains(CANARY), "{} {body}", request.target);
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/api/v2/vm"));
        let names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        assert!(names.iter().all(|name| TEMPLATE.contains(&name.as_str())), "{names:?}");
    }
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
}
