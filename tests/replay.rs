//! `zengate replay`: a recorded day judged again, by its own policies and by others.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::path::quota::{limited, order};
use crate::support::gateway::write;
use crate::support::world::{Setup, TOKEN};
use crate::support::{Call, World, eventually};

fn replay(world: &World, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["replay", "records.jsonl"])
        .args(arguments)
        .current_dir(world.gateway.directory())
        .env("ZENGATE_TEST_TOKEN", TOKEN)
        .output()
        .unwrap()
}

fn summary(run: &Output) -> Value {
    serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)))
}

/// A day with everything in it: creates that pass, that rules refuse, that quota refuses, secrets, changes, nonsense.
fn day() -> World {
    let mut setup = limited(5);
    setup.emulator.run_after = Duration::ZERO;
    let world = World::with(Setup { keys: setup.keys.clone() + "labels = { cost = \"42\" }\n", ..setup });
    let with = |members: Value| {
        let mut body: Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        Call::new("vm", "CreateInstances").json(&body)
    };
    let ids = world.send(&order("a", 2)).instance_ids();
    world.send(&with(json!({"instanceName": "b", "password": "Secret-123", "keyId": null})));
    world.send(&with(json!({"zoneId": "FRA-A"})));
    world.send(&with(json!({"instanceCount": 11, "zoneId": "FRA-A"})));
    world.send(&with(json!({"instanceCount": "many"})));
    world.send(&order("over", 5));
    world.send(&Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": ids[0] })));
    world.send(&Call::new("vm", "StopInstances").json(&json!({ "instanceIds": [ids[1]] })));
    world.send(&Call::new("vm", "CreateVpc").version("2023-03-13").json(&json!({"vpcName": "v"})));
    world.send(&order("again", 2));
    eventually("everything is recorded", || (world.gateway.records().len() == 10).then_some(()));
    world
}

#[test]
fn a_recorded_day_replays_to_exactly_its_own_decisions() {
    let world = day();
    let run = replay(&world, &["--config", "zengate.toml", "--output", "json", "--fail-above", "0"]);
    let summary = summary(&run);
    assert_eq!(summary["flips"], json!({}), "{summary:#}");
    assert_eq!((&summary["judged"], &summary["same"]), (&json!(9), &json!(9)), "{summary:#}");
    assert_eq!(summary["skipped"].as_object().unwrap().values().cloned().collect::<Vec<_>>(), [json!(1)]);
    assert_eq!(run.status.code(), Some(0));
}

#[test]
fn other_policies_show_whom_they_would_hit() {
    let world = day();
    let organisation = std::fs::read_to_string(world.gateway.directory().join("organisation.yaml")).unwrap();
    let other = organisation
        .replace("maximum: 10", "maximum: 1")
        .replace("SEL-A, ", "FRA-A, ")
        .replace("limit: 5", "limit: 50");
    write(&world.gateway.directory().join("other.yaml"), &other);
    let run = replay(&world, &["--data", "other.yaml", "--output", "json", "--fail-above", "2"]);
    assert_eq!(run.status.code(), Some(1));
    let summary = summary(&run);
    let refused = &summary["flips"]["allowed -> refused"];
    assert_eq!(refused["by_team"], json!({"payments": refused["count"]}), "{summary:#}");
    assert!(refused["by_rule"]["zones"].as_u64().unwrap() >= 2, "{summary:#}");
    assert!(refused["by_zone"]["SEL-A"].as_u64().unwrap() >= 2, "{summary:#}");
    assert_eq!(summary["flips"]["refused -> allowed"]["count"], 1, "{summary:#}");
    let samples = refused["samples"].as_array().unwrap();
    assert!(samples[0]["decision"].as_str().unwrap().starts_with('T'), "{summary:#}");
    let text = replay(&world, &["--data", "other.yaml", "--samples", "1"]);
    let said = String::from_utf8(text.stdout).unwrap();
    assert!(said.contains("allowed -> refused: ") && said.contains("  by rule: "), "{said}");
    assert_eq!(text.status.code(), Some(0));
}

#[test]
fn quota_is_counted_in_order() {
    let world = day();
    let organisation = std::fs::read_to_string(world.gateway.directory().join("organisation.yaml")).unwrap();
    write(&world.gateway.directory().join("less.yaml"), &organisation.replace("limit: 5", "limit: 2"));
    let less = summary(&replay(&world, &["--data", "less.yaml", "--output", "json"]));
    assert_eq!(less["flips"]["allowed -> over_quota"]["count"], 2, "{less:#}");
    let without = summary(&replay(&world, &["--data", "less.yaml", "--output", "json", "--no-quota"]));
    assert_eq!(without["flips"]["over_quota -> allowed"]["count"], 1, "{without:#}");
    write(&world.gateway.directory().join("more.yaml"), &organisation.replace("limit: 5", "limit: 50"));
    let more = summary(&replay(&world, &["--data", "more.yaml", "--output", "json"]));
    assert_eq!(
        more["flips"],
        json!({"over_quota -> allowed": more["flips"]["over_quota -> allowed"]}),
        "{more:#}"
    );
}

#[test]
fn what_is_no_record_is_counted_and_said() {
    let world = day();
    let file = world.gateway.directory().join("records.jsonl");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str("not a record\n\n{\"decision_id\": 1}\n");
    std::fs::write(&file, text).unwrap();
    let summary = summary(&replay(&world, &["--output", "json"]));
    assert_eq!(summary["unreadable"], 2, "{summary:#}");
    let missing =
        Command::new(env!("CARGO_BIN_EXE_zengate")).args(["replay", "nowhere.jsonl"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.jsonl"));
}
