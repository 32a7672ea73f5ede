//! Traces as a collector gets them, and what callers feel of it: nothing.

use std::process::Command;

use crate::support::client::EXAMPLE;
use crate::support::otlp::{Mood, Otlp};
use crate::support::world::{KEY, Setup};
use crate::support::{Answer, Call, World, eventually};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn world(config: String) -> World {
    World::with(Setup { config, ..Setup::default() })
}

fn decision(answer: &Answer) -> String {
    answer.header("x-zengate-decision").unwrap().to_owned()
}

/// A decision's id as a trace's.
fn as_trace(decision: &str) -> String {
    decision.trim_start_matches('T').replace('-', "").to_lowercase()
}

#[test]
fn a_create_is_one_tree_of_spans_with_a_span_for_each_phase() {
    let collector = Otlp::start(Mood::Good);
    let config = collector
        .config("service_name = \"gate-1\"\nheaders = { \"api-key\" = { file = \"other.secret\" } }");
    let world = world(config);
    let answer = world.send(&Call::example());
    assert_eq!(answer.status, 200);
    let decision = decision(&answer);
    let tree = collector.tree(&decision);
    let (root, phases) = tree.split_first().unwrap();

    assert_eq!((root.name().as_str(), root.parent().as_str()), ("vm CreateInstances", ""));
    assert_eq!(root.trace(), as_trace(&decision));
    assert_eq!(root.0["kind"], 2);
    let upstream_id = answer.json()["requestId"].as_str().unwrap().to_owned();
    for (key, value) in [
        ("zengate.service", "vm"),
        ("zengate.action", "CreateInstances"),
        ("zengate.version", "2026-04-01"),
        ("zengate.class", "create"),
        ("zengate.team", "payments"),
        ("zengate.account", "main"),
        ("zengate.verdict", "allowed"),
        ("zengate.outcome", "ok"),
        ("http.response.status_code", "200"),
        ("zengate.upstream.status", "200"),
        ("zengate.upstream.request_id", upstream_id.as_str()),
        ("zengate.upstream.fate", "ran"),
    ] {
        assert_eq!(root.text(key), value, "{key}");
    }
    let names: Vec<String> = phases.iter().map(|span| span.name()).collect();
    assert_eq!(
        names,
        ["receive", "authenticate", "parse", "amend", "decide", "reserve", "upstream", "settle"]
    );
    let (from, to) = root.times();
    let mut before = from;
    for phase in phases {
        let (began, ended) = phase.times();
        assert!(from <= began && began <= ended && ended <= to, "{phase:?} is not within {root:?}");
        assert!(before <= began, "{} begins before the phase before it", phase.name());
        assert_eq!(phase.trace(), root.trace());
        assert_eq!(phase.0["kind"], if phase.name() == "upstream" { 3 } else { 1 });
        before = began;
    }
    let mut ids: Vec<String> = tree.iter().map(|span| span.id()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    assert!(ids.iter().all(|id| id.len() == 16));

    let line: serde_json::Value = serde_json::from_str(&world.gateway.logged(&decision)).unwrap();
    assert_eq!(line["trace_id"], as_trace(&decision).as_str());
    assert_eq!(world.gateway.record(&decision)["trace_id"], as_trace(&decision).as_str());
    let (head, body) = &collector.taken()[0];
    assert_eq!(head[0], "post /v1/traces http/1.1");
    assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
    assert!(head.contains(&"api-key: gateway-secret-of-the-other".to_owned()), "{head:?}");
    assert!(
        String::from_utf8_lossy(body).contains(r#"{"key":"service.name","value":{"stringValue":"gate-1"}}"#)
    );
    assert_eq!(world.gateway.metric(r#"zengate_traces_total{result="exported"}"#), 1.0);
}

#[test]
fn refusals_reads_changes_and_callers_who_left_have_traces_too() {
    let collector = Otlp::start(Mood::Good);
    let world = world(collector.config(""));
    let (gate, connection) = world.held_create();
    drop(connection);
    gate.open();
    let gone = eventually("the trace of the one who left", || {
        collector.spans().into_iter().find(|span| span.text("zengate.outcome") == "client_gone")
    });
    assert_eq!(gone.text("http.response.status_code"), "");
    assert_eq!(gone.text("zengate.upstream.fate"), "ran");

    let names = |answer: &Answer| -> Vec<String> {
        collector.tree(&decision(answer)).iter().map(|span| span.name()).collect()
    };
    let refused = world.send(&Call::new("vm", "CreateInstances").body(EXAMPLE.replace("SEL-A", "FRA-A")));
    assert_eq!(
        names(&refused),
        ["vm CreateInstances", "receive", "authenticate", "parse", "amend", "decide"]
    );
    let root = &collector.tree(&decision(&refused))[0];
    assert_eq!(root.text("zengate.code"), "OPERATION_DENIED_POLICY_VIOLATION");
    assert_eq!(
        (root.text("zengate.verdict"), root.text("zengate.outcome")),
        ("refused".into(), "denied_policy".into())
    );
    assert!(root.0["status"].is_null(), "a refusal is no error of the gateway");

    let read = world.send(&Call::new("vm", "DescribeInstances"));
    assert_eq!(names(&read), ["vm DescribeInstances", "receive", "authenticate", "parse", "upstream"]);
    let change = world.send(&Call::new("vm", "StartInstances").body(r#"{"instanceIds": ["x"]}"#));
    assert!(names(&change).starts_with(&["vm StartInstances".to_owned(), "receive".to_owned()]));

    // Names that a caller makes up are in no span.
    let unknown = world.send(&Call::new("vm", "MadeUpByACaller").key(KEY, "wrong"));
    assert_eq!(names(&unknown)[0], "request");
    assert!(!collector.taken().iter().any(|(_, body)| String::from_utf8_lossy(body).contains("MadeUp")));
}

#[test]
fn a_callers_context_is_taken_up_as_the_operator_says() {
    let sampled = format!("00-{TRACE}-{SPAN}-01");
    let not = format!("00-{TRACE}-{SPAN}-00");
    for (config, header, traced) in [
        // What the caller says goes ...
        ("sample = 0", sampled.as_str(), Some(true)),
        ("", not.as_str(), None),
        // ... or only where it belongs, ...
        ("parent = \"join\"", not.as_str(), Some(true)),
        ("parent = \"join\"\nsample = 0.0", sampled.as_str(), None),
        // ... or not even that.
        ("parent = \"ignore\"", sampled.as_str(), Some(false)),
        ("parent = \"ignore\"\nsample = 0", sampled.as_str(), None),
    ] {
        let collector = Otlp::start(Mood::Good);
        let world = world(collector.config(config));
        let answer = world.send(&Call::example().header("traceparent", header));
        let decision = decision(&answer);
        let line: serde_json::Value = serde_json::from_str(&world.gateway.logged(&decision)).unwrap();
        let below = !config.contains("ignore");
        let own = as_trace(&decision);
        assert_eq!(line["trace_id"], if below { TRACE } else { own.as_str() }, "{config}");
        match traced {
            Some(below) => {
                let root = &collector.tree(&decision)[0];
                assert_eq!(root.trace(), if below { TRACE } else { own.as_str() }, "{config}");
                assert_eq!(root.parent(), if below { SPAN } else { "" }, "{config}");
            }
            None => {
                let mut world = world;
                world.gateway.signal("TERM");
                assert!(world.gateway.wait().success());
                assert_eq!(collector.connections(), 0, "{config}: {header}");
            }
        }
    }
}

#[test]
fn a_hostile_context_is_no_context() {
    let collector = Otlp::start(Mood::Good);
    let world = world(collector.config(""));
    let good = format!("00-{TRACE}-{SPAN}-01");
    for value in [
        format!("{good}-more"),
        format!("{good},{good}"),
        good.to_uppercase(),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        "<script>".to_owned(),
        "x".repeat(4000),
    ] {
        let answer =
            world.send(&Call::example().header("traceparent", &value).header("tracestate", "evil=1"));
        assert_eq!(answer.status, 200, "{value}");
        let root = &collector.tree(&decision(&answer))[0];
        assert_eq!((root.trace(), root.parent()), (as_trace(&decision(&answer)), String::new()), "{value}");
    }
    let twice = Call::example().header("traceparent", &good).header("Traceparent", &good);
    let answer = world.send(&twice);
    assert_eq!(collector.tree(&decision(&answer))[0].parent(), "");
    let all: String =
        collector.taken().iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect();
    for word in ["evil", "script", "xxxx"] {
        assert!(!all.contains(word), "{word}");
    }
}

#[test]
fn the_cloud_is_told_the_gateways_own_context_only_where_the_operator_wants_it() {
    let theirs = format!("00-{TRACE}-{SPAN}-01");
    for (config, told) in [("", false), ("propagate = true", true)] {
        let collector = Otlp::start(Mood::Good);
        let world = world(collector.config(config));
        for call in [Call::example(), Call::new("vm", "DescribeInstances")] {
            let answer = world.send(&call.header("traceparent", &theirs).header("tracestate", "a=1"));
            assert_eq!(answer.status, 200);
            let tree = collector.tree(&decision(&answer));
            let upstream = tree.iter().find(|span| span.name() == "upstream").unwrap();
            let seen = world.emulator.requests().pop().unwrap();
            let header = |name: &str| {
                let found = seen.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
                found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
            };
            let own = format!("00-{TRACE}-{}-01", upstream.id());
            assert_eq!(header("traceparent"), if told { vec![own] } else { Vec::new() });
            assert_eq!(header("tracestate"), Vec::<String>::new());
        }
    }
}

#[test]
fn without_an_endpoint_nothing_is_made() {
    let world = world("[traces]\nsample = 1.0\n".to_owned());
    let answer = world.send(&Call::example().header("traceparent", &format!("00-{TRACE}-{SPAN}-01")));
    let line: serde_json::Value = serde_json::from_str(&world.gateway.logged(&decision(&answer))).unwrap();
    assert!(line["trace_id"].is_null(), "{line}");
    assert!(world.gateway.record(&decision(&answer))["trace_id"].is_null());
    let page = String::from_utf8(world.gateway.admin_page("/metrics").body).unwrap();
    assert!(!page.contains("zengate_traces_total{"));
}

#[test]
fn a_collector_that_says_nothing_costs_traces_and_no_request() {
    let collector = Otlp::start(Mood::Silent);
    let mut world = world(collector.config("queue = 2\ntimeout = \"60s\""));
    world.send(&Call::example());
    eventually("the first batch is on its way", || (collector.connections() == 1).then_some(()));
    for _ in 0..12 {
        assert_eq!(world.send(&Call::new("vm", "DescribeInstances")).status, 200);
    }
    // Two wait, the rest found no room.
    eventually("the drops are counted", || {
        (world.gateway.metric(r#"zengate_traces_total{result="dropped"}"#) == 10.0).then_some(())
    });
    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success(), "the end does not wait for the collector for long");
    assert!(world.gateway.log().iter().any(|line| line.contains("traces were left")));
}

#[test]
fn what_a_collector_refuses_for_a_while_is_sent_again_and_what_it_does_not_want_is_given_up() {
    let collector = Otlp::start(Mood::Answers(503));
    let world = world(collector.config(""));
    let answer = world.send(&Call::example());
    world.gateway.logged("traces are not taken by the collector");
    collector.mood(Mood::Good);
    assert_eq!(collector.tree(&decision(&answer)).len(), 9);
    world.gateway.logged("traces are taken again");

    collector.mood(Mood::Answers(400));
    world.send(&Call::example());
    eventually("the refused trace is counted", || {
        (world.gateway.metric(r#"zengate_traces_total{result="failed"}"#) == 1.0).then_some(())
    });
}

#[test]
fn what_waits_is_sent_when_the_gateway_stops() {
    let collector = Otlp::start(Mood::Good);
    let config =
        format!("[traces]\nendpoint = \"http://{}/v1/traces\"\ninterval = \"1h\"\n", collector.address);
    let mut world = world(config);
    let all: Vec<Answer> = (0..5).map(|_| world.send(&Call::new("vm", "DescribeInstances"))).collect();
    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success());
    assert_eq!(collector.connections(), 1, "they go together");
    for answer in all {
        assert_eq!(collector.tree(&decision(&answer)).len(), 5);
    }
}

/// Prints name and attributes of each span after both of the protocol's decoders have read them.
const DECODER: &str = r#"
import json, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
text = sys.stdin.read()
document = json.loads(text)
# OTLP's JSON differs from protobuf's own in one thing: ids are hexadecimal instead of base64.
import base64
for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in span:
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
request = json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=False)
again = ExportTraceServiceRequest.FromString(request.SerializeToString())
assert again == request
for span in again.resource_spans[0].scope_spans[0].spans:
    assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
    print(span.name, span.kind, len(span.parent_span_id), len(span.attributes), span.flags)
"#;

#[test]
#[ignore = "needs Python with opentelemetry-proto: ZENGATE_TEST_PYTHON"]
fn the_protocols_own_decoder_reads_what_is_sent() {
    let python = std::env::var("ZENGATE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let collector = Otlp::start(Mood::Good);
    let world = world(collector.config(""));
    let answer = world.send(&Call::example().header("traceparent", &format!("00-{TRACE}-{SPAN}-01")));
    assert_eq!(collector.tree(&decision(&answer)).len(), 9);
    let (_, body) = &collector.taken()[0];
    let mut decoder = Command::new(python)
        .args(["-c", DECODER])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut decoder.stdin.take().unwrap(), body).unwrap();
    let output = decoder.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("vm CreateInstances 2 8 14 769\nreceive 1 8 0 257\n"), "{said}");
    assert_eq!(said.lines().count(), 9, "{said}");
}
