//! Whatever is missing or broken, nothing that makes or changes a machine passes. 32 causes, each met by a create, a change
//! and a read; reads pass where nothing about them is in doubt, which stands beside each cause.

use serde_json::{Value, json};
use zengate::emulator::{Fault, Gate, On, Times, When};

use crate::support::client::EXAMPLE;
use crate::support::gateway::Launch;
use crate::support::world::{KEY, SECRET, Setup, keys};
use crate::support::{Call, World, eventually, stock_policies_in};

/// What happens to a read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Pass,
    Refused,
}

/// A create, a change and a read that a rule can tell by `name`.
fn calls(name: &str) -> [Call; 3] {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceName"] = name.into();
    [
        Call::new("vm", "CreateInstances").json(&body),
        Call::new("vm", "TerminateInstance").json(&json!({"instanceId": name})),
        Call::new("vm", "DescribeInstances").json(&json!({"instanceName": name})),
    ]
}

/// Sends all three, each changed by `how`; the number of cells that were looked at.
fn cells(world: &World, cause: &str, reads: Reads, how: impl Fn(Call) -> Call) -> usize {
    let before = world.emulator.requests().len();
    for (kind, call) in ["create", "change", "read"].into_iter().zip(calls(cause)) {
        let answer = world.send(&how(call));
        if kind == "read" && reads == Reads::Pass {
            assert_eq!(answer.status, 200, "{cause}: a {kind}: {}", answer.json());
            continue;
        }
        let body = answer.json();
        assert!(answer.status >= 400, "{cause}: a {kind} passes");
        assert!(body["code"].as_str().is_some_and(|code| code.contains('_')), "{cause}: a {kind}: {body}");
        assert!(body["message"].as_str().is_some_and(|text| text.len() > 20), "{cause}: a {kind}: {body}");
    }
    let sent = world.emulator.requests().split_off(before);
    for request in sent {
        let action =
            request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-zc-action")).unwrap();
        let action = String::from_utf8_lossy(&action.1).into_owned();
        assert!(action.starts_with("Describe"), "{cause}: {action} was sent");
    }
    3
}

/// Fails as the name of the machine says.
const FAULTY: &str = r#"package zengate.rules.faulty

name := input.request.instanceName

name := input.request.instanceId

deny contains violation({}) if {
	name == "divide"
	1 / (count(name) - 6) > 0
}

deny contains violation({}) if twice == 3

twice := 1 if name == "conflict"

twice := 2 if name == "conflict"

deny contains violation({}) if {
	name == "loop"
	numbers := numbers.range(1, 1000)
	count([1 | some a in numbers; some b in numbers; some c in numbers; a + b + c == 0]) > 0
}

deny contains violation({"surprise": 1}) if name == "member"

deny contains "a text in place of a violation" if name == "text"

deny contains 7 if name == "number"

deny contains true if name == "boolean"

deny contains null if name == "null"

deny contains {} if name == "empty"

deny contains [] if name == "array"

deny contains violation({"message": 5}) if name == "message"

deny contains violation({"rule": "zones"}) if name == "other-rule"

deny contains violation({}) if {
	name == "convert"
	to_number(name) > 0
}

deny contains violation({}) if {
	name == "parse"
	json.unmarshal(name).x > 0
}

warn contains violation({"field": 1}) if name == "warning"

violation(more) := object.union(
	{"rule": "faulty", "message": "m", "field": "/instanceName", "remedy": "r"},
	more,
)
"#;

fn by_rules() -> usize {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    std::fs::write(policies.path().join("rules/faulty.rego"), FAULTY).unwrap();
    let config =
        format!("[policy]\ndirectory = \"{}\"\ndata = [\"organisation.yaml\"]\n", policies.path().display());
    let world = World::with(Setup { config, ..Setup::default() });
    let names = [
        "divide",
        "conflict",
        "loop",
        "member",
        "text",
        "number",
        "boolean",
        "null",
        "empty",
        "array",
        "message",
        "other-rule",
        "convert",
        "parse",
        "warning",
    ];
    let looked_at: usize = names.iter().map(|name| cells(&world, name, Reads::Pass, |call| call)).sum();
    assert_eq!(world.send(&calls("fine")[0]).status, 200, "and other requests pass");
    looked_at
}

fn by_requests() -> usize {
    let more = "[[key]]\nid = \"ZGoff\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"t\"\naccount = \"main\"\nenabled = false\n\
                [[key]]\nid = \"ZGold\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"t\"\naccount = \"main\"\nexpires = 2020-01-01\n\
                [[key]]\nid = \"ZGfar\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"t\"\naccount = \"main\"\nsources = [\"10.9.8.7/32\"]\n\
                [[key]]\nid = \"ZGreads\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"t\"\naccount = \"main\"\nactions = [\"vm Describe*\"]\n";
    let world = World::with(Setup { keys: keys(more), ..Setup::default() });
    let other = |id: &'static str| move |call: Call| call.key(id, "gateway-secret-of-the-other");
    let late = |mut call: Call| {
        call.timestamp_offset = -400;
        call
    };
    let doubled = |call: Call| {
        let text = String::from_utf8(call.body.clone()).unwrap();
        call.body(text.replacen('{', "{\"x\":1,\"x\":2,", 1))
    };
    cells(&world, "unknown-key", Reads::Refused, other("ZGnobody"))
        + cells(&world, "wrong-secret", Reads::Refused, |call| call.key(KEY, "wrong"))
        + cells(&world, "no-signature", Reads::Refused, Call::unsigned)
        + cells(&world, "late", Reads::Refused, late)
        + cells(&world, "switched-off", Reads::Refused, other("ZGoff"))
        + cells(&world, "expired", Reads::Refused, other("ZGold"))
        + cells(&world, "from-elsewhere", Reads::Refused, other("ZGfar"))
        + cells(&world, "not-granted", Reads::Pass, other("ZGreads"))
        + cells(&world, "no-such-version", Reads::Refused, |call| call.version("1999-01-01"))
        + cells(&world, "no-such-service", Reads::Refused, |call| call.target("/api/v2/nothing"))
        + cells(&world, "members-twice", Reads::Refused, doubled)
}

/// The ledger's disk is full.
fn by_the_ledger() -> usize {
    let before = "trap '' XFSZ\nulimit -f 600".to_owned();
    let world = World::with(Setup { launch: Launch { before, ..Launch::default() }, ..Setup::default() });
    for number in 0..2_000 {
        if world.send(&calls(&format!("machine-{number}"))[0]).status != 200 {
            return cells(&world, "ledger-full", Reads::Pass, |call| call);
        }
    }
    panic!("the disk is never full");
}

/// There are no rules: their source has never answered.
fn by_missing_rules() -> usize {
    let config =
        "[policy]\npoll_interval = \"50ms\"\n[policy.remote]\nurl = \"http://127.0.0.1:1/b.tar.gz\"\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    assert_eq!(world.gateway.admin_page("/readyz").status, 503);
    cells(&world, "no-rules", Reads::Pass, |call| call)
}

/// No record can be written, and none is made without one.
fn by_records() -> usize {
    let config = "[records]\nto = { collector = { url = \"http://127.0.0.1:1/logs\" } }\nwhen_full = \"block\"\nqueue = 1\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    eventually("the queue is full", || (world.send(&calls("fill")[0]).status == 503).then_some(()));
    cells(&world, "no-records", Reads::Pass, |call| call)
}

/// The cloud does not answer.
fn by_the_breaker() -> usize {
    let config = "[upstream]\nurl = \"{url}\"\nbreaker_failures = 1\nbreaker_pause = \"10m\"\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    world.emulator.script(Fault::Close { when: When::Before }, On::any(), Times::Forever);
    assert_eq!(world.send(&calls("lost")[0]).status, 504);
    eventually("it was tried", || (world.emulator.requests().len() >= 2).then_some(()));
    cells(&world, "cloud-away", Reads::Refused, |call| call)
}

/// Every place for creates and changes is taken.
fn by_crowds() -> usize {
    let config = "[limits]\nin_flight = 1\n".to_owned();
    let world = World::with(Setup { config, ..Setup::default() });
    let gate = Gate::new();
    world.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut connection = crate::support::client::connect(world.address());
    std::io::Write::write_all(&mut connection, &calls("held")[0].bytes(world.address())).unwrap();
    world.runtime.block_on(world.emulator.arrived(1));
    let looked_at = cells(&world, "crowded", Reads::Pass, |call| call);
    gate.open();
    looked_at
}

/// The secret of the account is gone when the gateway starts again: it does not.
fn by_lost_secrets() -> usize {
    let world = World::new();
    std::fs::remove_file(world.gateway.directory().join("payments.secret")).unwrap();
    world.gateway.logged("the new key file is refused");
    // Those in force stay in force; a secret that is none of them opens nothing.
    assert_eq!(world.send(&calls("still")[0]).status, 200);
    cells(&world, "secret-gone", Reads::Refused, |call| call.key(KEY, &SECRET.to_uppercase()))
}

#[test]
fn ninety_six_cells() {
    let looked_at = by_rules()
        + by_requests()
        + by_the_ledger()
        + by_missing_rules()
        + by_records()
        + by_the_breaker()
        + by_crowds()
        + by_lost_secrets();
    assert!(looked_at >= 96, "{looked_at}");
}
