//! Bad days of the cloud: what the caller is told, what is recorded, and that no create is ever sent twice.

use zengate::emulator::{Fault, Gate, On, Times, When};

use super::crash::agree;
use super::quota::{counted, limited};
use crate::support::client::{connect, read_answer};
use crate::support::{Call, World, eventually};

/// A fault with the answer and the fate that it must lead to; `sent` is how many creates may reach the cloud.
struct Case {
    name: &'static str,
    fault: Fault,
    status: u16,
    code: &'static str,
    fate: &'static str,
}

fn case(name: &'static str, fault: Fault, status: u16, code: &'static str, fate: &'static str) -> Case {
    Case { name, fault, status, code, fate }
}

/// The Go SDK would give its caller the machine of somebody else.
const TWO_SPELLINGS: &str =
    r#"{"requestId":"T1","response":{"instanceIdSet":["i-1"],"InstanceIdSet":["i-2"]}}"#;

/// The Go SDK and Terraform would take the second one, and send the create again.
fn two_codes() -> Fault {
    Fault::Page {
        when: When::After,
        status: 500,
        content_type: "application/json".to_owned(),
        body: r#"{"requestId":"T1","code":"INTERNAL_SERVER_ERROR","message":"m","Code":"SERVICE_TEMPORARY_UNAVAILABLE"}"#
            .to_owned(),
    }
}

fn creates() -> Vec<Case> {
    use When::{After, Before};
    const UNKNOWN: &str = "REQUEST_TIMED_OUT";
    vec![
        case("closed before running", Fault::Close { when: Before }, 504, UNKNOWN, "unknown"),
        case("closed after running", Fault::Close { when: After }, 504, UNKNOWN, "unknown"),
        case("reset after running", Fault::Reset { when: After }, 504, UNKNOWN, "unknown"),
        case("closed unread", Fault::CloseUnread, 504, UNKNOWN, "unknown"),
        case("cut in the head", Fault::Cut { bytes: 20 }, 504, UNKNOWN, "unknown"),
        case("cut in the body", Fault::Cut { bytes: 300 }, 504, UNKNOWN, "unknown"),
        case("a page", Fault::html(After, 502), 504, UNKNOWN, "unknown"),
        case("a 408 page", Fault::html(Before, 408), 504, UNKNOWN, "unknown"),
        case(
            "5xx after running",
            Fault::refuse_after(500, "INTERNAL_SERVER_ERROR"),
            500,
            "INTERNAL_SERVER_ERROR",
            "unknown",
        ),
        case("temporary", Fault::refuse_after(503, "SERVICE_TEMPORARY_UNAVAILABLE"), 504, UNKNOWN, "unknown"),
        case("conflict", Fault::refuse(409, "SOME_CONFLICT"), 409, "SOME_CONFLICT", "unknown"),
        case("empty object", Fault::body("{}"), 504, UNKNOWN, "unknown"),
        case("null response", Fault::NullResponse, 504, UNKNOWN, "unknown"),
        case("ids in two spellings", Fault::body(TWO_SPELLINGS), 504, UNKNOWN, "unknown"),
        case("a code in two spellings", two_codes(), 504, UNKNOWN, "unknown"),
        case("no ids", Fault::NoIds, 504, UNKNOWN, "unknown"),
        case("error with 200", Fault::refuse(200, "INTERNAL_SERVER_ERROR"), 504, UNKNOWN, "unknown"),
        case(
            "redirect",
            Fault::Redirect { when: Before, status: 302, location: "http://127.0.0.1:1/".into() },
            504,
            UNKNOWN,
            "unknown",
        ),
        case(
            "spare bytes",
            Fault::SpareBytes { text: "HTTP/1.1 200 OK\r\n\r\n".into() },
            504,
            UNKNOWN,
            "unknown",
        ),
        case("two answers", Fault::SecondAnswer, 504, UNKNOWN, "unknown"),
        case("too long", Fault::Huge { bytes: 9 << 20 }, 504, UNKNOWN, "unknown"),
        case(
            "rate limit",
            Fault::refuse(429, "REQUEST_LIMIT_EXCEEDED"),
            429,
            "REQUEST_LIMIT_EXCEEDED",
            "not_run",
        ),
        case(
            "refused",
            Fault::refuse(403, "OPERATION_DENIED_BALANCE_INSUFFICIENT"),
            403,
            "OPERATION_DENIED_BALANCE_INSUFFICIENT",
            "not_run",
        ),
        case("a 404 page", Fault::html(Before, 404), 404, "INVALID_PARAMETER_VALUE", "not_run"),
        case("legal block", Fault::html(Before, 451), 503, "SERVICE_TEMPORARY_UNAVAILABLE", "not_run"),
    ]
}

#[test]
fn each_fault_ends_as_documented_and_no_create_is_sent_twice() {
    let world = World::with(limited(1_000));
    let (mut used, mut unknown) = (0, 0);
    for (number, case) in creates().into_iter().enumerate() {
        let before = world.emulator.requests().len();
        world.emulator.script(case.fault, On::create(), Times::Exactly(1));
        // An order of its own: one whose outcome is unknown blocks its equals.
        let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
        body["instanceName"] = format!("case-{number}").into();
        let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (case.status, case.code),
            "{}: {:?}",
            case.name,
            answer.message()
        );
        assert!(answer.json()["requestId"].is_string(), "{}", case.name);
        let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
        assert_eq!(record["upstream"]["fate"], case.fate, "{}: {record}", case.name);
        assert!(world.emulator.requests().len() - before <= 1, "{}: sent again", case.name);
        unknown += u64::from(case.fate == "unknown");
        assert_eq!(counted(&world), (used, 0, unknown), "{}: held while nobody knows", case.name);
        // An honest create follows, and gets its own answer.
        world.emulator.clear_faults();
        let made = world.emulator.instance_count();
        let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
        body["instanceName"] = format!("honest-{number}").into();
        let honest = Call::new("vm", "CreateInstances").json(&body);
        assert_eq!(world.send(&honest).instance_ids().len(), 1, "{}", case.name);
        assert_eq!(world.emulator.instance_count(), made + 1, "{}", case.name);
        used += 1;
    }
    // What ran counts, what did not run is given back, nothing stays held.
    agree(&world);
}

#[test]
fn fewer_and_repeated_ids_pass_and_are_told_to_the_operator() {
    let world = World::new();
    let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
    body["instanceCount"] = 3.into();
    for (fault, named) in [(Fault::FewerIds { missing: 1 }, 2), (Fault::RepeatedIds, 1)] {
        world.emulator.script(fault, On::create(), Times::Exactly(1));
        let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
        assert_eq!(answer.status, 200);
        let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
        assert_eq!(record["upstream"]["instance_ids"].as_array().unwrap().len(), named, "{record}");
        world.gateway.logged("another number of instances");
    }
}

#[test]
fn a_cloud_that_cannot_be_reached_hears_nothing() {
    let World { gateway, emulator, runtime } = World::new();
    runtime.block_on(emulator.shutdown());
    let answer = Call::example().send(gateway.address());
    answer.assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    let record = gateway.record(answer.header("x-zengate-decision").unwrap());
    assert_eq!(record["upstream"]["fate"], "not_run");
    Call::new("vm", "DescribeInstances")
        .send(gateway.address())
        .assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
}

#[test]
fn a_create_that_takes_too_long_is_unknown() {
    let config = "[upstream]\nurl = \"{url}\"\nconnect_timeout = \"1s\"\ntls_timeout = \"1s\"\ncreate_timeout = \"2100ms\"\n";
    let world = World::with(crate::support::world::Setup { config: config.into(), ..Default::default() });
    let gate = Gate::new();
    world.emulator.script(Fault::hold(When::After, &gate), On::create(), Times::Exactly(1));
    let answer = world.send(&Call::example());
    answer.assert_refused(504, "REQUEST_TIMED_OUT");
    assert!(answer.message().contains("Do not repeat"), "{}", answer.message());
    gate.open();
    assert_eq!(world.emulator.requests().len(), 1);
}

#[test]
fn a_rested_connection_that_died_is_not_used_for_a_create() {
    let world = World::new();
    for _ in 0..20 {
        world.emulator.script(Fault::CloseAfterAnswer, On::any(), Times::Exactly(1));
        world.send(&Call::new("vm", "DescribeInstances"));
        world.send(&Call::example()).instance_ids();
    }
    assert_eq!(world.emulator.creates(), 20);
}

#[test]
fn reads_may_run_twice_and_bad_answers_are_told_apart() {
    let world = World::new();
    let read = || Call::new("vm", "DescribeInstances");
    world.send(&read());
    world.emulator.script(Fault::CloseUnread, On::any(), Times::Exactly(1));
    assert_eq!(world.send(&read()).status, 200, "once more on a fresh connection");
    world.emulator.script(Fault::html(When::Before, 502), On::any(), Times::Exactly(1));
    world.send(&read()).assert_refused(502, "INTERNAL_SERVER_ERROR");
    world.emulator.script(
        Fault::Redirect { when: When::Before, status: 307, location: "http://127.0.0.1:1/".into() },
        On::any(),
        Times::Exactly(1),
    );
    world.send(&read()).assert_refused(504, "REQUEST_TIMED_OUT");
    // Cut in the middle of a short body: told as such. Of a long one, which is passed on as it comes: the client sees its
    // connection cut, never a shorter body that looks whole.
    world.send(&Call::example()).instance_ids();
    world.emulator.script(Fault::Cut { bytes: 500 }, On::any(), Times::Exactly(1));
    world.send(&read()).assert_refused(504, "REQUEST_TIMED_OUT");
    for number in 0..9 {
        let mut ten: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
        ten["instanceCount"] = 10.into();
        ten["instanceName"] = format!("ten-{number}").into();
        assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&ten)).instance_ids().len(), 10);
    }
    let page = read().body(r#"{"pageSize":100}"#);
    assert!(world.send(&page).body.len() > 70_000);
    world.emulator.script(Fault::Cut { bytes: 70_000 }, On::any(), Times::Exactly(1));
    let mut connection = connect(world.address());
    std::io::Write::write_all(&mut connection, &page.bytes(world.address())).unwrap();
    assert!(read_answer(&mut connection).is_none());
}

#[test]
fn a_long_answer_to_a_read_is_passed_on_as_it_comes() {
    let world = World::new();
    world.emulator.script(Fault::Huge { bytes: 20 << 20 }, On::any(), Times::Exactly(1));
    let answer = world.send(&Call::new("vm", "DescribeInstances"));
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() > 20 << 20);
}

#[test]
fn a_caller_that_hangs_up_loses_its_answer_and_not_the_create() {
    let world = World::new();
    let (gate, connection) = world.held_create();
    drop(connection);
    // The gateway notices the hang-up while the cloud is still working.
    eventually("the connection is gone", || {
        (world.gateway.metric("zengate_connections") == 0.0).then_some(())
    });
    gate.open();
    world.runtime.block_on(world.emulator.created(1));
    let record = eventually("the record", || world.gateway.records().into_iter().next());
    assert_eq!(record["caller"]["gone"], true, "{record}");
    assert_eq!(record["upstream"]["instance_ids"].as_array().unwrap().len(), 1, "{record}");
    assert_eq!(world.emulator.requests().len(), 1);
}
