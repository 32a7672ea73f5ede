//! Whatever is missing or broken, nothing that makes or changes a machine passes. 32 causes and more, each met by a create, a
//! change and a read; each has its own answer, its own words and its own count. Reads pass where nothing about them is in
//! doubt, which stands beside each cause.

mod rules;
mod settings;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use zengate::emulator::{Fault, Gate, On, Times, When};

use crate::support::bundles::{Server, pack, sign};
use crate::support::client::EXAMPLE;
use crate::support::gateway::Launch;
use crate::support::house::House;
use crate::support::world::{CLOUD_SECRET, KEY, Setup, keys};
use crate::support::{Call, World, eventually, postgres};

/// What a refused caller is told: status, code, words of the message; and the label under which it is counted.
#[derive(Clone, Copy)]
struct Told(u16, &'static str, &'static str, &'static str);

const UNAUTHORIZED: &str = "AUTHFAILURE_UNAUTHORIZED_OPERATION";
const TEMPORARY: &str = "SERVICE_TEMPORARY_UNAVAILABLE";
const BAD: &str = "INVALID_PARAMETER_VALUE";

/// A rule, or the lack of rules, refuses with this reason.
const fn failed(reason: &'static str) -> Told {
    Told(403, "OPERATION_DENIED_POLICY_ERROR", reason, "policy_error")
}

/// What happens to a read.
#[derive(Clone, Copy)]
enum Reads {
    Pass,
    /// Like all else.
    Same,
}

/// How many cells were looked at.
static CELLS: AtomicUsize = AtomicUsize::new(0);

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

/// Requests by how they ended.
fn counted(page: &str) -> BTreeMap<String, f64> {
    let mut counted = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("zengate_requests_total{")) {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        let outcome = labels.split("outcome=\"").nth(1).unwrap().split('"').next().unwrap();
        *counted.entry(outcome.to_owned()).or_default() += value.parse::<f64>().unwrap();
    }
    counted
}

fn ends(world: &World, outcome: &str) -> f64 {
    let page = String::from_utf8(world.gateway.admin_page("/metrics").body).unwrap();
    counted(&page).get(outcome).copied().unwrap_or(0.0)
}

/// Sends all three, each changed by `how`.
fn cells(world: &World, cause: &str, told: Told, reads: Reads, how: impl Fn(Call) -> Call) {
    let Told(status, code, words, outcome) = told;
    let (sent, before) = (world.emulator.requests().len(), ends(world, outcome));
    let mut refused = 0.0;
    for (kind, call) in ["create", "change", "read"].into_iter().zip(calls(cause)) {
        CELLS.fetch_add(1, Ordering::Relaxed);
        let answer = world.send(&how(call));
        let body = answer.json();
        if kind == "read" && matches!(reads, Reads::Pass) {
            assert_eq!(answer.status, 200, "{cause}: a {kind}: {body}");
            continue;
        }
        refused += 1.0;
        assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{cause}: a {kind}: {body}");
        assert!(body["message"].as_str().unwrap().contains(words), "{cause}: a {kind}: {body}");
        answer.assert_refused(status, code);
    }
    eventually("each is counted as what it was", || (ends(world, outcome) - before >= refused).then_some(()));
    assert_eq!(ends(world, outcome) - before, refused, "{cause}: as {outcome}");
    for request in world.emulator.requests().split_off(sent) {
        let action = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-zc-action"));
        let action = String::from_utf8_lossy(&action.unwrap().1).into_owned();
        assert!(action.starts_with("Describe"), "{cause}: {action} was sent");
    }
}

fn by_callers() {
    let more = ["ZGoff", "ZGold", "ZGfar", "ZGreads"].into_iter().zip([
        "enabled = false",
        "expires = 2020-01-01",
        "sources = [\"10.9.8.7/32\"]",
        "actions = [\"vm Describe*\"]",
    ]);
    let more = more.map(|(id, what)| {
        format!("[[key]]\nid = \"{id}\"\nsecrets = [{{ file = \"other.secret\" }}]\nteam = \"t\"\naccount = \"main\"\n{what}\n")
    });
    let world = World::with(Setup { keys: keys(&more.collect::<String>()), ..Setup::default() });
    let other = |id: &'static str| move |call: Call| call.key(id, "gateway-secret-of-the-other");
    let signature = Told(401, "AUTHFAILURE_SIGNATURE_FAILURE", "does not match", "unauthenticated");
    let authorization = |words| Told(401, "AUTHFAILURE_INVALID_AUTHORIZATION", words, "unauthenticated");
    let expired = Told(401, "AUTHFAILURE_SIGNATURE_EXPIRED", "seconds off", "unauthenticated");
    let key = |words| Told(401, UNAUTHORIZED, words, "unauthorized");
    let late = |mut call: Call| {
        call.timestamp_offset = -400;
        call
    };
    use Reads::{Pass, Same};
    cells(&world, "unknown-key", signature, Same, other("ZGnobody"));
    cells(&world, "wrong-secret", signature, Same, |call| call.key(KEY, "wrong"));
    cells(&world, "no-signature", authorization("it is missing"), Same, Call::unsigned);
    cells(&world, "a-token-of-nobody", authorization("token is not valid"), Same, |call| call.bearer("x"));
    cells(&world, "late", expired, Same, late);
    cells(&world, "switched-off", key("is disabled"), Same, other("ZGoff"));
    cells(&world, "expired", key("has expired"), Same, other("ZGold"));
    cells(&world, "from-elsewhere", key("from this address"), Same, other("ZGfar"));
    cells(&world, "not-granted", key("may not call"), Pass, other("ZGreads"));
}

fn by_what_is_asked() {
    let world = World::new();
    let renamed = |mut call: Call| {
        for (_, value) in call.headers.iter_mut().filter(|(name, _)| name == "X-ZC-Action") {
            value.push_str("Everywhere");
        }
        call
    };
    let doubled = |call: Call| {
        let text = String::from_utf8(call.body.clone()).unwrap();
        call.body(text.replacen('{', "{\"x\":1,\"x\":2,", 1))
    };
    let cut = |call: Call| {
        let body = call.body[..call.body.len() - 1].to_vec();
        call.body(body)
    };
    let long = |mut call: Call| {
        call.body.resize((1 << 20) + 1, b' ');
        call
    };
    let claim = |words| Told(401, UNAUTHORIZED, words, "unauthorized");
    let bad = |status, code, words| Told(status, code, words, "bad_request");
    use Reads::Same;
    cells(&world, "no-such-version", claim("has no version"), Same, |call| call.version("1999-01-01"));
    cells(&world, "no-such-action", claim("has no action"), Same, renamed);
    cells(&world, "no-such-service", bad(404, UNAUTHORIZED, "no such path"), Same, |call| {
        call.target("/api/v2/nothing")
    });
    cells(&world, "a-query", bad(400, BAD, "a query string"), Same, |call| call.target("/api/v2/vm?x=1"));
    cells(&world, "packed", bad(415, BAD, "without `Content-Encoding`"), Same, |call| {
        call.header("Content-Encoding", "gzip")
    });
    let type_of = |words| bad(400, "INVALID_PARAMETER_TYPE", words);
    cells(&world, "members-twice", type_of("not acceptable JSON"), Same, doubled);
    cells(&world, "cut", type_of("not acceptable JSON"), Same, cut);
    cells(&world, "too-long", bad(413, "INVALID_PARAMETER_EXCEED_LENGTH", "longer than"), Same, long);
    assert_eq!(world.emulator.requests().len(), 0);
}

/// Bundles that are not what they should be, from the first moment: there are no rules then.
fn by_bundles() {
    let rule = |body: &str| format!("package zengate.rules.none\n\nimport rego.v1\n\n{body}\n");
    let deny = |when: &str| {
        rule(&format!(
            "deny contains violation if {{\n\t{when}\n\tviolation := {{\"rule\": \"none\", \"message\": \"nothing passes\", \
             \"field\": \"\", \"remedy\": \"Wait.\"}}\n}}"
        ))
    };
    let manifest = |revision: &str| format!("{{\"revision\":\"{revision}\"}}");
    let nothing_passes = deny("input.action.kind != \"read\"");
    let all_pass = deny("input.action.name == \"none\"");
    let signed = |rule: &str, revision: &str, secret: &str| {
        sign(&[("none.rego", rule), (".manifest", &manifest(revision))], secret)
    };
    let world = |server: &Server, more: &str| {
        let config = format!(
            "[policy]\npoll_interval = \"50ms\"\n{more}\n[policy.remote]\nurl = \"http://{}/b.tar.gz\"\ntoken = {{ file = \"cloud.secret\" }}\n",
            server.address
        );
        World::with(Setup { config, ..Setup::default() })
    };
    let keys = tempfile::tempdir().unwrap();
    std::fs::write(keys.path().join("k.secret"), "the secret of the rules").unwrap();
    let verified = format!("verify_keys = {:?}", keys.path());
    let good = "the secret of the rules";
    for (cause, bundle, verified, why) in [
        ("never-answered", None, "", "reading"),
        ("empty", Some(Vec::new()), "", "no whole bundle"),
        ("nothing-in-it", Some(pack(&[])), "", ""),
        ("no-rego", Some(pack(&[("none.rego", &rule("deny contains"))])), "", "none.rego:"),
        ("unsigned", Some(pack(&[("none.rego", &all_pass)])), verified.as_str(), "is not signed"),
        ("badly-signed", Some(signed(&all_pass, "v9", "another secret")), &verified, "not signed by any"),
    ] {
        let server = Server::start(CLOUD_SECRET);
        if let Some(bundle) = bundle {
            server.offer(bundle, cause);
        }
        let world = world(&server, verified);
        if !why.is_empty() && cause != "never-answered" {
            eventually(cause, || {
                let status = world.gateway.admin_page("/status").json()["policy"].to_string();
                status.contains(why).then_some(())
            });
        }
        cells(&world, cause, failed("(undefined)"), Reads::Pass, |call| call);
    }
    // Rules in force stay in force when an older revision, or one that does not compile, is offered.
    let server = Server::start(CLOUD_SECRET);
    server.offer(signed(&nothing_passes, "v9", good), "a");
    let world = world(&server, &verified);
    let denied = Told(403, "OPERATION_DENIED_POLICY_VIOLATION", "nothing passes", "denied_policy");
    for (cause, bundle, why) in [
        ("older", signed(&all_pass, "v8", good), "is older than"),
        ("broken", signed(&rule("deny contains"), "v10", good), "none.rego:"),
    ] {
        server.offer(bundle, cause);
        eventually(cause, || {
            let status = world.gateway.admin_page("/status").json()["policy"].to_string();
            status.contains(why).then_some(())
        });
        cells(&world, cause, denied, Reads::Pass, |call| call);
    }
}

/// The ledger's disk is full.
fn by_the_ledger() {
    let before = "trap '' XFSZ\nulimit -f 600".to_owned();
    let world = World::with(Setup { launch: Launch { before, ..Launch::default() }, ..Setup::default() });
    let full = (0..2_000).any(|number| world.send(&calls(&format!("machine-{number}"))[0]).status != 200);
    assert!(full, "the disk is never full");
    let away = Told(503, TEMPORARY, "the quota ledger cannot be reached", "unavailable");
    cells(&world, "ledger-full", away, Reads::Pass, |call| call);
}

/// No record can be written, and none is made without one.
fn by_records() {
    let config = "[records]\nto = { collector = { url = \"http://127.0.0.1:1/logs\" } }\nwhen_full = \"block\"\nqueue = 1\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    eventually("the queue is full", || (world.send(&calls("fill")[0]).status == 503).then_some(()));
    let none = Told(503, TEMPORARY, "decisions cannot be recorded", "unavailable");
    cells(&world, "no-records", none, Reads::Pass, |call| call);
}

/// The cloud does not answer.
fn by_the_breaker() {
    let config = "[upstream]\nurl = \"{url}\"\nbreaker_failures = 1\nbreaker_pause = \"10m\"\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    world.emulator.script(Fault::Close { when: When::Before }, On::any(), Times::Forever);
    assert_eq!(world.send(&calls("lost")[0]).status, 504);
    eventually("it was tried", || (world.emulator.requests().len() >= 2).then_some(()));
    let away = Told(503, TEMPORARY, "the cloud cannot be reached", "cloud_away");
    cells(&world, "cloud-away", away, Reads::Same, |call| call);
}

/// Every place for creates and changes is taken.
fn by_crowds() {
    let config = "[limits]\nin_flight = 1\nplace_timeout = \"1ms\"\n".to_owned();
    let world = World::with(Setup { config, ..Setup::default() });
    let gate = Gate::new();
    world.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut connection = crate::support::client::connect(world.address());
    std::io::Write::write_all(&mut connection, &calls("held")[0].bytes(world.address())).unwrap();
    world.runtime.block_on(world.emulator.arrived(1));
    let busy = Told(429, "REQUEST_LIMIT_EXCEEDED", "the gateway is busy", "overloaded");
    cells(&world, "crowded", busy, Reads::Pass, |call| call);
    gate.open();
}

/// Somebody sets the clock, ten minutes on: what was signed by the right time is out of its window.
fn by_the_clock() {
    let mut house = House::new(Setup::default());
    house.step(600);
    for call in calls("by-the-old-time") {
        CELLS.fetch_add(1, Ordering::Relaxed);
        call.send(house.address).assert_refused(401, "AUTHFAILURE_SIGNATURE_EXPIRED");
    }
    let counted = counted(&house.metrics());
    assert_eq!(counted["unauthenticated"], 3.0, "{counted:?}");
    assert_eq!(house.emulator.requests().len(), 0);
    // By the time that the clock shows, they pass.
    assert_eq!(house.send(calls("by-its-time")[0].clone()).status, 200);
}

/// A secret is gone when the gateway starts again: it does not start, and says which one it was.
fn by_lost_secrets() {
    for file in ["cloud.secret", "payments.secret"] {
        let mut world = World::new();
        std::fs::remove_file(world.gateway.directory().join(file)).unwrap();
        world.gateway.signal("KILL");
        world.gateway.wait();
        let config = world.gateway.directory().join("zengate.toml");
        let output = Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["serve", "--config", config.to_str().unwrap()])
            .env("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(file), "{said}");
        for call in calls("nobody-listens") {
            CELLS.fetch_add(1, Ordering::Relaxed);
            let refused = std::net::TcpStream::connect(world.address()).is_err();
            assert!(refused, "somebody listens for {}", call.target);
        }
        assert_eq!(world.emulator.requests().len(), 0);
    }
}

#[test]
fn ninety_six_cells() {
    rules::by_rules();
    by_callers();
    by_what_is_asked();
    by_bundles();
    by_the_ledger();
    by_records();
    by_the_breaker();
    by_crowds();
    by_the_clock();
    by_lost_secrets();
    let cells = CELLS.load(Ordering::Relaxed);
    assert!(cells >= 96, "{cells}");
}

/// The ledger's server takes what it is sent and answers nothing.
#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_ledger_that_stands_still_refuses_creates_and_changes() {
    let server = postgres::Server::start();
    let config = format!(
        "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
        server.socket(),
        server.port()
    );
    let world = World::with(Setup { config, ..Setup::default() });
    assert_eq!(world.send(&calls("before")[0]).status, 200);
    server.pause();
    let away = Told(503, TEMPORARY, "the quota ledger cannot be reached", "unavailable");
    cells(&world, "ledger-silent", away, Reads::Pass, |call| call);
    server.resume();
    eventually("it is back", || (world.send(&calls("after")[0]).status == 200).then_some(()));
}
