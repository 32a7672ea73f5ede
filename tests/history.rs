//! Decisions found again: by the admin listener and the command line, after a restart, by other replicas; and that no request
//! feels a history that is away.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::path::quota::{limited, order};
use crate::support::postgres::Server;
use crate::support::world::{KEY, Setup};
use crate::support::{Call, World, eventually};

/// Runs a command that asks this gateway.
pub fn zengate(world: &World, arguments: &[&str]) -> Output {
    let admin = format!("http://{}", world.gateway.admin_address());
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(arguments)
        .args(["--admin", &admin])
        .current_dir(world.gateway.directory())
        .output()
        .unwrap()
}

/// What a run printed that went well.
pub fn said(run: &Output) -> String {
    assert_eq!(
        run.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8(run.stdout.clone()).unwrap()
}

fn list(world: &World, query: &str) -> Vec<Value> {
    let answer = world.gateway.admin_page(&format!("/decisions{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.json());
    answer.json()["records"].as_array().unwrap().clone()
}

/// Waits until so many decisions are kept.
pub fn kept(world: &World, decisions: f64) {
    let series = "zengate_history_decisions_total{result=\"kept\"}";
    eventually("decisions are kept", || (world.gateway.metric(series) >= decisions).then_some(()));
}

fn denied() -> Call {
    let mut body: Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
    body["zoneId"] = "MOON-A".into();
    Call::new("vm", "CreateInstances").json(&body)
}

#[test]
fn decisions_are_found_by_filters_page_by_page_and_after_a_restart() {
    let mut world = World::with(limited(50));
    let made = world.send(&order("one", 2));
    let id = made.header("x-zengate-decision").unwrap().to_owned();
    assert_eq!(world.send(&denied()).status, 403);
    for name in ["two", "three", "four"] {
        assert_eq!(world.send(&order(name, 1)).status, 200);
    }
    kept(&world, 5.0);
    let instance = &made.instance_ids()[0];
    assert_eq!(list(&world, "").len(), 5);
    assert_eq!(list(&world, "?team=payments&limit=2").len(), 2);
    assert_eq!(list(&world, "?team=nobody").len(), 0);
    let refused = list(&world, "?outcome=denied*");
    assert_eq!((refused.len(), &refused[0]["outcome"]), (1, &json!("denied_policy")));
    assert_eq!(list(&world, "?rule=zones&action=vm%20CreateInstances&since=1h").len(), 1);
    assert_eq!(list(&world, &format!("?instance={instance}"))[0]["decision_id"], id.as_str());
    assert_eq!(list(&world, &format!("?key={KEY}&text=MOON-a")).len(), 1);
    let one = world.gateway.admin_page(&format!("/decisions/{id}"));
    assert_eq!((one.status, &one.json()), (200, &world.gateway.record(&id).without_chain()));
    assert_eq!(world.gateway.admin_page("/decisions/T0193A4C2-6F5B-7C11-9D0E-2B7A4C1D8E90").status, 404);
    for odd in ["?frobnicate=1", "?since=yesterday", "?limit=many", "?before=x"] {
        assert_eq!(world.gateway.admin_page(&format!("/decisions{odd}")).status, 400, "{odd}");
    }
    // Page by page, each once.
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = world.gateway.admin_page(&format!("/decisions?limit=2{next}")).json();
        seen.extend(
            page["records"].as_array().unwrap().iter().map(|record| record["decision_id"].to_string()),
        );
        let Some(older) = page["next"].as_str() else { break };
        next = format!("&before={older}");
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    sorted.reverse();
    assert_eq!((seen.len(), &sorted), (5, &seen));
    // The command line.
    let table = said(&zengate(&world, &["decisions", "list", "--team", "payments", "--denied"]));
    assert!(table.contains("denied_policy") && table.contains("CreateInstances"), "{table}");
    assert_eq!(table.lines().count(), 2, "{table}");
    let shown: Value = serde_json::from_str(&said(&zengate(&world, &["decisions", "show", &id]))).unwrap();
    assert_eq!(shown["decision_id"], id.as_str());
    assert_eq!(
        zengate(&world, &["decisions", "show", "T0193A4C2-6F5B-7C11-9D0E-2B7A4C1D8E90"]).status.code(),
        Some(1)
    );
    world.gateway.kill_and_restart();
    eventually("they are still there", || (list(&world, "").len() == 5).then_some(()));
    assert_eq!(list(&world, &format!("?instance={instance}"))[0]["decision_id"], id.as_str());
    let records = || world.gateway.admin_page("/status").json()["history"]["up"]["records"].as_u64();
    eventually("they are counted", || (records() == Some(5)).then_some(()));
}

trait WithoutChain {
    fn without_chain(self) -> Value;
}

impl WithoutChain for Value {
    fn without_chain(mut self) -> Value {
        self.as_object_mut().unwrap().remove("chain");
        self
    }
}

#[test]
fn a_tail_tells_what_comes_and_passes() {
    let world = World::with(limited(50));
    assert_eq!(world.send(&denied()).status, 403);
    kept(&world, 1.0);
    let admin = format!("http://{}", world.gateway.admin_address());
    let mut tail = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args([
            "decisions",
            "tail",
            "--team",
            "payments",
            "--denied",
            "--count",
            "1",
            "--output",
            "json",
            "--admin",
            &admin,
        ])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = std::io::BufReader::new(tail.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut ready, &mut line).unwrap();
    assert!(line.contains("as they come"), "{line}");
    assert_eq!(world.send(&order("passes", 1)).status, 200);
    let refused = world.send(&denied());
    let output = tail.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["decision_id"], refused.header("x-zengate-decision").unwrap());
}

#[test]
fn no_request_feels_a_history_that_is_away() {
    let mut setup = limited(50);
    setup.config = "[history]\nfile = \"history.db\"\n".to_owned();
    setup.files.push(("history.db".to_owned(), "no database at all ".repeat(40)));
    let world = World::with(setup);
    let line = world.gateway.logged("the history of decisions is away");
    assert!(line.contains("history.db"), "{line}");
    assert_eq!(world.gateway.metric("zengate_history_up"), 0.0);
    let made = world.send(&order("one", 1));
    assert_eq!(made.status, 200);
    world.gateway.record(made.header("x-zengate-decision").unwrap());
    // The newest are shown from memory, and it is said that they are not all.
    let page = eventually("it is shown", || {
        let page = world.gateway.admin_page("/decisions").json();
        (page["records"].as_array()?.len() == 1).then_some(page)
    });
    assert!(page["partial"].as_str().unwrap().contains("damaged"), "{page}");
    assert!(world.gateway.admin_page("/status").json()["history"]["away"].is_string());
    let instance = &made.instance_ids()[0];
    assert_eq!(world.gateway.admin_page(&format!("/audit/instance?id={instance}")).status, 503);
    // Mended, what waited is kept.
    std::fs::remove_file(world.gateway.directory().join("history.db")).unwrap();
    kept(&world, 1.0);
    assert_eq!(list(&world, &format!("?instance={instance}")).len(), 1);
}

#[test]
fn a_full_disk_costs_the_history_and_nothing_else() {
    let mut setup = limited(500);
    // Its files may not grow beyond some 150 KB.
    setup.launch.before = "trap '' XFSZ; ulimit -f 300".to_owned();
    setup.config =
        "[records]\nto = \"none\"\n[quota]\nstore = \"none\"\n[history]\nstore = \"sqlite\"\n".to_owned();
    setup.organisation = crate::support::world::organisation();
    let world = World::with(setup);
    eventually("it is away", || {
        assert_eq!(world.send(&denied()).status, 403);
        (world.gateway.metric("zengate_history_up") == 0.0).then_some(())
    });
    assert_eq!(world.send(&denied()).status, 403);
    assert_eq!(world.send(&Call::example()).status, 200);
}

#[test]
fn nothing_is_kept_where_nothing_is_to_be_kept_and_masked_stays_masked() {
    let mut setup = limited(50);
    setup.config = "[history]\nstore = \"none\"\n".to_owned();
    let world = World::with(setup);
    assert_eq!(world.send(&order("one", 1)).status, 200);
    assert_eq!(world.gateway.admin_page("/decisions").status, 503);
    assert_eq!(world.gateway.admin_page("/status").json()["history"], "not kept");
    drop(world);
    let mut setup = limited(50);
    setup.config =
        "[records]\nto = \"none\"\nmask = [\"/request/instanceName\", \"/caller/key\"]\n".to_owned();
    let world = World::with(setup);
    assert_eq!(world.send(&order("a-name-to-mask", 1)).status, 200);
    kept(&world, 1.0);
    let record = &list(&world, "")[0];
    assert_eq!((&record["caller"]["key"], &record["request"]["instanceName"]), (&Value::Null, &Value::Null));
    for hidden in [format!("?key={KEY}"), "?text=a-name-to-mask".to_owned()] {
        assert_eq!(list(&world, &hidden).len(), 0, "{hidden}");
    }
    let file = std::fs::read(world.gateway.directory().join("zengate-history.db")).unwrap();
    let log = std::fs::read(world.gateway.directory().join("zengate-history.db-wal")).unwrap_or_default();
    let text = String::from_utf8_lossy(&[file, log].concat()).into_owned();
    assert!(!text.contains("a-name-to-mask"));
}

#[test]
fn what_is_wrong_with_its_settings_is_said() {
    for (config, expected) in [
        ("store = \"postgres\"", "uses the server of [quota.postgres]"),
        ("file = \"zengate-ledger.db\"", "is not the ledger's"),
        ("keep = \"0s\"", "is zero"),
        ("keep = \"400\"", "ms, s, m, h or d"),
    ] {
        let setup = Setup { config: format!("[history]\n{config}\n"), ..Setup::default() };
        let files = crate::support::world::directory(
            "http://127.0.0.1:1",
            &setup.keys,
            &setup.organisation,
            &setup.config,
        );
        let run = Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["config", "check"])
            .current_dir(files.path())
            .env("ZENGATE_TEST_TOKEN", "x")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.code() == Some(2) && said.contains(expected), "{config}: {said}");
    }
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn every_replica_finds_every_decision() {
    let server = Server::start();
    let fleet = crate::replicas::Fleet::new(&server, limited(50));
    let made = fleet.world.send(&order("one", 1));
    assert_eq!(made.status, 200);
    let id = made.header("x-zengate-decision").unwrap().to_owned();
    let instance = made.instance_ids()[0].clone();
    let other = &fleet.more[0];
    let second = order("two", 1).send(other.address());
    assert_eq!(second.status, 200);
    for gateway in fleet.gateways() {
        eventually("both are found", || {
            let page = gateway.admin_page("/decisions?team=payments").json();
            (page["records"].as_array()?.len() == 2).then_some(())
        });
        let found = gateway.admin_page(&format!("/audit/instance?id={instance}")).json();
        assert_eq!(found["created"]["decision"], id.as_str(), "{found}");
        for query in ["?rule=zones", "?text=ONE", "?outcome=o*", "?since=1h&limit=1"] {
            let page = gateway.admin_page(&format!("/decisions{query}"));
            assert_eq!(page.status, 200, "{query} {}", page.json());
        }
    }
    // Whoever follows misses none, whichever replica decided.
    let place = other.admin_page("/decisions?after=now").json()["next"].as_str().unwrap().to_owned();
    assert_eq!(fleet.world.send(&order("three", 1)).status, 200);
    assert_eq!(order("four", 1).send(other.address()).status, 200);
    eventually("both came", || {
        let page = other.admin_page(&format!("/decisions?after={place}")).json();
        (page["records"].as_array()?.len() == 2).then_some(())
    });
    // Without the server creates are refused by the ledger; what is new is in memory still.
    server.sql("ALTER TABLE zengate.history_decision RENAME TO moved");
    assert_eq!(fleet.world.send(&order("five", 1)).status, 200);
    eventually("the history is away", || {
        (fleet.world.gateway.metric("zengate_history_up") == 0.0).then_some(())
    });
    server.sql("ALTER TABLE zengate.moved RENAME TO history_decision");
    eventually("what waited is kept", || {
        let page = other.admin_page("/decisions").json();
        (page["records"].as_array()?.len() == 5).then_some(())
    });
}
