//! `zengate facts pull`: the cloud is asked, and what it says decides.

use std::process::{Command, Output};

use serde_json::{Value, json};
use zengate::emulator::{Fault, On, Times};

use crate::support::client::EXAMPLE;
use crate::support::world::{CLOUD_SECRET, Setup};
use crate::support::{Call, World, eventually};

fn facts(world: &World, args: &[&str]) -> Output {
    let at = world.gateway.directory();
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["facts", "pull"])
        .args(args)
        .current_dir(at)
        .env("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN)
        .output()
        .expect("the built binary starts")
}

fn said(run: &Output) -> String {
    let all = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(!all.contains(CLOUD_SECRET));
    all
}

fn written(world: &World) -> Value {
    let text = std::fs::read_to_string(world.gateway.directory().join("facts.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn of_type(name: &str) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceType"] = name.into();
    Call::new("vm", "CreateInstances").json(&body)
}

#[test]
fn what_the_cloud_says_of_its_types_decides_without_a_restart() {
    let at = tempfile::TempDir::new().unwrap();
    let file = at.path().join("facts.json");
    std::fs::write(&file, "{}").unwrap();
    let world = World::with(Setup {
        organisation: "settings:\n  instance_types: {maximum_vcpus: 2}\n".into(),
        config: format!(
            "[policy]\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\nfacts = {file:?}\n"
        ),
        ..Setup::default()
    });
    let unknown = world.send(&of_type("c.2c4g"));
    unknown.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    assert!(unknown.message().contains("renew the cloud facts"), "{}", unknown.message());

    let run = facts(&world, &[]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert!(said(&run).contains("+ type c.2c4g: 2 vCPUs, 4 GB"), "{}", said(&run));
    eventually("the facts are taken up", || (world.send(&of_type("c.2c4g")).status == 200).then_some(()));
    let large = world.send(&of_type("c.4c8g"));
    large.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    assert!(large.message().contains("has 4 vCPUs"), "{}", large.message());
}

#[test]
fn zones_and_types_of_all_products_are_written() {
    let world = World::new();
    let run = facts(&world, &["--output", "facts.json"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let facts_of = written(&world);
    assert_eq!(facts_of["zones"]["SEL-A"], json!({"security_groups": true}));
    assert_eq!(facts_of["zones"]["SAO-A"], json!({"security_groups": false}));
    assert_eq!(facts_of["zones"]["asia-east-1a"], json!({"security_groups": true}));
    assert_eq!(facts_of["types"]["c.1c2g"], json!({"vcpus": 1, "memory_gb": 2}));
    assert_eq!(facts_of["types"]["z2a.cpu.4"], json!({"vcpus": 4, "memory_gb": 8}));
    assert_eq!(facts_of["types"]["M8C"], json!({"vcpus": 32, "memory_gb": 128}));

    let again = facts(&world, &["--output", "facts.json"]);
    assert!(said(&again).contains("nothing new"), "{}", said(&again));
}

#[test]
fn what_is_not_listed_any_more_stays_unless_it_is_pruned() {
    let world = World::new();
    let old = r#"{"types": {"gone.1c": {"vcpus": 1, "memory_gb": 1}}, "zones": {}}"#;
    world.gateway.write("facts.json", old);
    let run = facts(&world, &["--output", "facts.json", "--product", "vm"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(written(&world)["types"]["gone.1c"]["vcpus"], 1);
    let run = facts(&world, &["--output", "facts.json", "--product", "vm", "--prune"]);
    assert!(said(&run).contains("- type gone.1c"), "{}", said(&run));
    assert_eq!(written(&world)["types"]["gone.1c"], Value::Null);
}

#[test]
fn half_an_answer_writes_nothing() {
    let world = World::new();
    for (fault, word, times) in [
        (Fault::refuse(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION"), "AUTHFAILURE_UNAUTHORIZED_OPERATION", 1),
        (Fault::body("{\"requestId\":\"T\",\"response\":{\"zoneSet\":[{}]}}"), "not as documented", 1),
        // a read is repeated once where the connection broke before an answer
        (Fault::Cut { bytes: 0 }, "did not answer", 2),
    ] {
        world.emulator.script(fault, On::action("vm", "DescribeZones"), Times::Exactly(times));
        let run = facts(&world, &["--output", "facts.json"]);
        assert_eq!(run.status.code(), Some(1), "{}", said(&run));
        assert!(said(&run).contains("vm DescribeZones"), "{}", said(&run));
        assert!(said(&run).contains(word), "{}", said(&run));
        assert!(!world.gateway.directory().join("facts.json").exists());
    }
}

#[test]
fn usage_mistakes_are_told() {
    let world = World::new();
    let run = facts(&world, &[]);
    assert_eq!(run.status.code(), Some(2));
    assert!(said(&run).contains("--output"), "{}", said(&run));
    let run = facts(&world, &["--output", "facts.json", "--account", "mian"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(said(&run).contains("main"), "{}", said(&run));
    world.gateway.write("facts.json", "not facts");
    let run = facts(&world, &["--output", "facts.json"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(said(&run).contains("facts.json"), "{}", said(&run));
}
