//! What an auditor asks: who made an instance and who granted what, from a running gateway and from files; and whether somebody
//! has had a hand in the logs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use zengate::emulator::{Fault, On, Times, When};

use crate::history::{kept, said, zengate};
use crate::path::quota::{limited, order, post};
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, KEY, Setup, keys};
use crate::support::{Call, World, eventually};

const AUDIT_KEY: &str = "the-key-of-the-audit-log-0123456789";

/// Names must begin with `ok-`, of which the team is exempt; an audit log with a key.
fn setup() -> Setup {
    let mut setup = limited(50);
    setup.organisation.push_str(
        "  names: {pattern: \"^ok-\"}\nexemptions:\n  - {rule: names, team: payments, until: 2099-12-31, reason: old names stay, ticket: SEC-7, owner: grace}\n",
    );
    setup.config = "[admin]\naddress = \"127.0.0.1:0\"\naudit_log = \"admin.jsonl\"\naudit_key = { file = \"audit.key\" }\n".to_owned();
    setup.files.push(("audit.key".to_owned(), AUDIT_KEY.to_owned()));
    // The label is what rules look at; who answers for a key is said by the key itself.
    setup.keys = keys("owner = \"ada\"\nlabels = { owner = \"bob\" }");
    setup
}

fn run(at: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate")).args(arguments).current_dir(at).output().unwrap()
}

fn stop(world: &World, instance: &str) -> String {
    let call = Call::new("vm", "StopInstances").json(&json!({ "instanceIds": [instance] }));
    world.send(&call).header("x-zengate-decision").unwrap().to_owned()
}

#[test]
fn who_made_it_what_was_changed_who_granted_it_and_what_came_later() {
    let world = World::with(setup());
    let made = world.send(&order("legacy", 1));
    assert_eq!(made.status, 200, "{}", made.message());
    let decision = made.header("x-zengate-decision").unwrap().to_owned();
    let instance = made.instance_ids()[0].clone();
    let stopped = stop(&world, &instance);
    kept(&world, 2.0);
    let asked = zengate(&world, &["audit", "instance", &instance, "--output", "json"]);
    let found: Value = serde_json::from_str(&said(&asked)).unwrap();
    let created = &found["created"];
    assert_eq!(created["decision"], decision.as_str());
    assert_eq!((&created["caller"]["key"], &created["caller"]["team"]), (&json!(KEY), &json!("payments")));
    assert_eq!(
        (&created["caller"]["owner"], &created["caller"]["address"]),
        (&json!("ada"), &json!("127.0.0.1"))
    );
    let changes = created["changes"].as_array().unwrap();
    let group = changes.iter().find(|change| change["path"] == "/resourceGroupId").unwrap();
    assert!(group["rule"].is_string() && group["after"].is_string(), "{group}");
    let leave = &created["exemptions"][0];
    for (name, value) in [
        ("rule", "names"),
        ("owner", "grace"),
        ("ticket", "SEC-7"),
        ("reason", "old names stay"),
        ("until", "2100-01-01T00:00:00Z"),
    ] {
        assert_eq!(leave[name], value, "{leave}");
    }
    let finding =
        created["findings"].as_array().unwrap().iter().find(|found| found["rule"] == "names").unwrap();
    assert_eq!((&finding["mode"], &finding["effect"]), (&json!("enforce"), &json!("exempted")));
    assert_eq!((&created["cloud"]["status"], &created["cloud"]["fate"]), (&json!(200), &json!("ran")));
    assert!(created["policy"]["since"].is_string(), "{}", created["policy"]);
    assert_eq!(found["later"][0]["decision"], stopped.as_str());
    assert_eq!(
        (&found["ledger"][0]["state"], &found["ledger"][0]["decision"]),
        (&json!("counted"), &json!(decision))
    );
    // In words, by one command.
    let words = said(&zengate(&world, &["audit", "instance", &instance]));
    for part in [
        &decision,
        &stopped,
        KEY,
        "owner ada",
        "/resourceGroupId",
        "owner grace",
        "ticket SEC-7",
        "state counted",
        "fate ran",
    ] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    assert_eq!(zengate(&world, &["audit", "instance", "no-such-instance"]).status.code(), Some(1));
    // A year later, from packed files and without a gateway.
    let here = world.gateway.directory();
    world.gateway.record(&stopped);
    assert!(Command::new("gzip").args(["-k", "records.jsonl"]).current_dir(here).status().unwrap().success());
    let log = ["--audit-log", "admin.jsonl", "--output", "json"];
    let offline =
        run(here, &[&["audit", "instance", &instance, "--records", "records.jsonl.gz"][..], &log].concat());
    let offline: Value = serde_json::from_str(&said(&offline)).unwrap();
    for name in ["created", "later"] {
        assert_eq!(offline[name], found[name], "{name}");
    }
    let nothing = run(here, &["audit", "instance", "no-such-instance", "--records", "records.jsonl"]);
    assert_eq!(nothing.status.code(), Some(1));
}

#[test]
fn a_team_sees_the_rules_that_it_is_judged_by_and_its_own_exemptions_only() {
    let mut setup = setup();
    setup.organisation.push_str(
        "  - {rule: zones, team: search, until: 2099-12-31, reason: theirs, ticket: T, owner: o}\n",
    );
    setup.organisation.push_str(
        "  - {rule: zones, team: payments, until: 2020-12-31, reason: over, ticket: T, owner: o}\n",
    );
    setup.organisation.push_str("rules: {names: {modes: {payments: warn}}}\n");
    let world = World::with(setup);
    let answer = world.send(&Call::new("zengate", "DescribePolicy").version("2026-11-01").json(&json!({})));
    assert_eq!(answer.status, 200, "{}", answer.message());
    let told = answer.json()["response"].clone();
    assert_eq!((&told["team"], &told["settings"]["count"]["maximum"]), (&json!("payments"), &json!(10)));
    let names = told["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "names").unwrap();
    assert_eq!(names["mode"], "warn");
    let exemptions = told["exemptions"].as_array().unwrap();
    assert_eq!((exemptions.len(), &exemptions[0]["ticket"]), (1, &json!("SEC-7")), "{told}");
    assert_eq!(told["policy_revision"], world.gateway.admin_page("/policy").json()["revision"]);
    assert_eq!(world.emulator.requests().len(), 0, "the cloud hears nothing of it");
}

#[test]
fn the_order_that_brought_the_policies_is_named() {
    let world = World::with(setup());
    let organisation = std::fs::read_to_string(world.gateway.directory().join("organisation.yaml")).unwrap();
    world.gateway.write("next.yaml", &organisation.replace("old names stay", "until the move"));
    let before = world.gateway.admin_page("/policy").json()["revision"].as_str().unwrap().to_owned();
    said(&zengate(&world, &["policy", "stage", "--data", "next.yaml"]));
    said(&zengate(&world, &["policy", "promote"]));
    let made = world.send(&order("legacy", 1));
    kept(&world, 1.0);
    let found = eventually("the order is known", || {
        let found =
            world.gateway.admin_page(&format!("/audit/instance?id={}", made.instance_ids()[0])).json();
        found["created"]["policy"]["order"].is_string().then_some(found)
    });
    let policy = &found["created"]["policy"];
    assert_eq!((&policy["order"], &policy["by"]), (&json!("/policy/promote"), &json!("machine")), "{policy}");
    assert_eq!(found["created"]["exemptions"][0]["reason"], "until the move");
    let lines = audit(&world);
    let order =
        lines.iter().find(|line| line["target"] == "/policy/promote" && line["stage"] == "answered").unwrap();
    assert_eq!(order["about"]["policy"]["before"], before.as_str());
    assert_eq!(order["about"]["policy"]["after"], policy["revision"]);
}

fn audit(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.gateway.directory().join("admin.jsonl")).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_create_of_unknown_outcome_is_found_by_its_instance_once_it_is_settled() {
    let world = World::with(limited(50));
    world.emulator.script(Fault::Reset { when: When::After }, On::create(), Times::Exactly(1));
    let lost = world.send(&order("lost", 1));
    assert_eq!(lost.status, 504);
    let decision = lost.header("x-zengate-decision").unwrap().to_owned();
    kept(&world, 1.0);
    let instance = eventually("it is settled", || {
        assert_eq!(post(&world, "/quota/reconcile", &json!({})).status, 200);
        let units = world.gateway.admin_page("/quota/explain?scope=team/payments").json();
        let unit = units["units"].as_array()?.iter().find(|unit| unit["kind"] == "instance")?;
        Some(unit["id"].as_str()?.to_owned())
    });
    let found = world.gateway.admin_page(&format!("/audit/instance?id={instance}")).json();
    assert_eq!(found["created"]["decision"], decision.as_str(), "{found}");
    // Also when the ledger counts it no more.
    let end = Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": instance }));
    assert_eq!(end.key(CLOUD_KEY, CLOUD_SECRET).send(world.emulator.address()).status, 200);
    let by_history = format!("/decisions?instance={instance}");
    eventually("the history knows it", || {
        let page = world.gateway.admin_page(&by_history).json();
        (page["records"][0]["decision_id"] == decision.as_str()).then_some(())
    });
}

#[test]
fn every_act_has_its_lines_and_nobody_changes_one_unnoticed() {
    let mut world = World::with(setup());
    world.emulator.script(Fault::Reset { when: When::Before }, On::create(), Times::Exactly(1));
    let decision = world.send(&order("lost", 1)).header("x-zengate-decision").unwrap().to_owned();
    let release = json!({"decision": decision, "outcome": "void", "operator": "grace", "reason": "looked at the console"});
    assert_eq!(post(&world, "/quota/release", &release).status, 200);
    assert_eq!(post(&world, "/quota/release", &release).status, 409);
    let lines = audit(&world);
    let acts: Vec<&Value> = lines
        .iter()
        .filter(|line| line["target"] == "/quota/release" && line["stage"] == "answered")
        .collect();
    assert_eq!((&acts[0]["status"], &acts[1]["status"]), (&json!(200), &json!(409)));
    assert_eq!(acts[1]["about"]["release"]["reason"], "looked at the console");
    assert!(acts[1]["why"].is_string(), "{}", acts[1]);
    let here = world.gateway.directory().to_owned();
    let verify = |more: &[&str]| {
        run(&here, &[&["audit", "verify", "admin.jsonl", "--key", "audit.key"], more].concat())
    };
    let whole = said(&verify(&[]));
    assert!(whole.starts_with("whole: "), "{whole}");
    let heads = world.gateway.admin_page("/status").json()["chains"].clone();
    let head =
        heads.as_object().unwrap().iter().find(|(file, _)| file.ends_with("admin.jsonl")).unwrap().1["hash"]
            .clone();
    said(&verify(&["--head", head.as_str().unwrap()]));
    let ends = |line: &&String| line.contains("a chain of lines ends here") && line.contains("admin.jsonl");
    assert!(world.gateway.log().iter().any(|line| ends(&line)));
    // It goes on after a crash, also one in the middle of a line, which is noted.
    world.gateway.kill_and_restart();
    assert_eq!(post(&world, "/quota/reconcile", &json!({})).status, 200);
    said(&verify(&["--head", head.as_str().unwrap()]));
    let file = here.join("admin.jsonl");
    world.gateway.signal("KILL");
    eventually("it is gone", || {
        (!Path::new(&format!("/proc/{}/exe", world.gateway.id())).exists()).then_some(())
    });
    let text = std::fs::read_to_string(&file).unwrap() + "{\"time\":\"20";
    std::fs::write(&file, text).unwrap();
    world.gateway.restart();
    eventually("it is noted", || {
        let run = verify(&[]); // not whole until the gateway has written its first line
        let noted = String::from_utf8_lossy(&run.stdout).contains("are of no chain, and were noted");
        (run.status.success() && noted).then_some(())
    });
    let note = audit(&world).into_iter().rev().find(|line| line["stage"] == "started").unwrap();
    assert!(note["about"]["note"].as_str().unwrap().contains("no whole line"), "{note}");
    // Turned over by somebody else.
    std::fs::rename(&file, here.join("admin.jsonl.1")).unwrap();
    assert_eq!(post(&world, "/quota/reconcile", &json!({})).status, 200);
    let both = run(&here, &["audit", "verify", "admin.jsonl", "admin.jsonl.1", "--key", "audit.key"]);
    assert!(said(&both).starts_with("admin.jsonl.1:"), "the note, and nothing else");
    assert_eq!(
        run(&here, &["audit", "verify", "admin.jsonl.1"]).status.code(),
        Some(1),
        "not without the key"
    );
    // Every kind of harm, by file and line.
    let text = std::fs::read_to_string(here.join("admin.jsonl.1")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let harmed = |what: &str, lines: Vec<&str>, expected: &str| {
        std::fs::write(here.join("harmed.jsonl"), lines.join("\n") + "\n").unwrap();
        let found = run(&here, &["audit", "verify", "harmed.jsonl", "--key", "audit.key"]);
        let told = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(found.status.code() == Some(1) && told.starts_with(expected), "{what}: {told}");
    };
    let edited = lines[2].replacen("\"time\":\"20", "\"time\":\"21", 1);
    assert_ne!(edited, lines[2]);
    harmed("changed", [&lines[..2], &[edited.as_str()], &lines[3..]].concat(), "harmed.jsonl:3: was changed");
    harmed("taken out", [&lines[..2], &lines[3..]].concat(), "harmed.jsonl:3: is line 4");
    harmed("moved", [&lines[..1], &[lines[2], lines[1]], &lines[3..]].concat(), "harmed.jsonl:2: is line 3");
    harmed(
        "put in",
        [&lines[..2], &["{\"time\":\"now\"}"], &lines[2..]].concat(),
        "harmed.jsonl:3: is no line",
    );
    assert_eq!(run(&here, &["audit", "verify", "no-such-file"]).status.code(), Some(2));
    assert_eq!(run(&here, &["audit", "verify", "admin.jsonl", "--head", "abc"]).status.code(), Some(2));
}

#[test]
fn records_are_a_chain_over_their_files_and_are_replayed_as_ever() {
    let mut setup = limited(50);
    setup.config =
        "[records]\nto = { file = \"records.jsonl\" }\nrotate_size = \"1B\"\nrotate_keep = 10\n".to_owned();
    let mut world = World::with(setup);
    for name in ["one", "two", "three"] {
        let decision = world.send(&order(name, 1)).header("x-zengate-decision").unwrap().to_owned();
        eventually("it is written", || {
            world
                .gateway
                .records()
                .iter()
                .any(|record| record["decision_id"] == decision.as_str())
                .then_some(())
        });
    }
    world.gateway.kill_and_restart();
    let decision = world.send(&order("four", 1)).header("x-zengate-decision").unwrap().to_owned();
    let record = world.gateway.record(&decision);
    assert_eq!(record["chain"]["seq"], 4);
    let schema: Value = serde_json::from_str(include_str!("../policies/schema/record.json")).unwrap();
    assert!(schema["properties"]["chain"].is_object() && schema["$defs"]["Member"].is_object());
    let here = world.gateway.directory().to_owned();
    let told = said(&run(&here, &["audit", "verify", ".", "--output", "json"]));
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&report["lines"], &report["first"], &report["head"]["seq"]),
        (&json!(4), &json!(1), &json!(4)),
        "{report}"
    );
    // Packed, and one of them gone.
    let files = std::fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().path());
    let mut older: Vec<_> = files.filter(|path| path.to_str().unwrap().contains("records.jsonl.2")).collect();
    older.sort();
    for file in &older {
        assert!(Command::new("gzip").arg(file).status().unwrap().success());
    }
    said(&run(&here, &["audit", "verify", "."]));
    said(&run(&here, &["explain", &decision, "--records", ".", "--config", "zengate.toml"]));
    std::fs::remove_file(older[1].to_str().unwrap().to_owned() + ".gz").unwrap();
    let gone = run(&here, &["audit", "verify", "."]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stdout).contains("1 taken out"));
}
