//! `zengate explain`: the rules, lines and data behind a decision.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::client::EXAMPLE;
use crate::support::world::TOKEN;
use crate::support::{Call, World};

fn explain(world: &World, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .arg("explain")
        .args(arguments)
        .current_dir(world.gateway.directory())
        .env("ZENGATE_TEST_TOKEN", TOKEN)
        .output()
        .unwrap()
}

fn words(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_recorded_refusal_names_its_rule_its_lines_and_what_they_read() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceCount"] = 40.into();
    let refused = world.send(&Call::new("vm", "CreateInstances").json(&body));
    let decision = refused.header("x-zengate-decision").unwrap().to_owned();
    world.gateway.record(&decision);
    let text = words(&explain(&world, &[&decision]));
    for wanted in [
        "refused",
        "count (enforce)",
        "rules/count.rego:",
        "input.settings.count.maximum = 10",
        "ran and said nothing:",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("another one"), "{text}");
    // By other policies than those that decided, it says so.
    world.gateway.write("other.yaml", "settings: {count: {maximum: 100}}\n");
    let text = words(&explain(&world, &[&decision, "--data", "other.yaml"]));
    assert!(text.contains("allowed") && text.contains("by another one"), "{text}");
    let document: Value =
        serde_json::from_str(&words(&explain(&world, &[&decision, "--output", "json"]))).unwrap();
    let explained = &document["explained"][0];
    assert_eq!(
        (&explained["verdict"], &explained["record"]["verdict"]),
        (&json!("refused"), &json!("refused"))
    );
    let rules: Vec<&str> =
        explained["rules"].as_array().unwrap().iter().map(|part| part["rule"].as_str().unwrap()).collect();
    assert_eq!(rules[0], "count");
    assert!(rules.contains(&"zones") && rules.contains(&"quota"), "{rules:?}");
}

#[test]
fn a_request_is_explained_before_it_is_sent() {
    let world = World::new();
    world.gateway.write("order.json", EXAMPLE);
    let text = words(&explain(&world, &["order.json", "--team", "payments"]));
    assert!(text.contains("allowed") && text.contains("resource_group set /resourceGroupId"), "{text}");
    let nothing = explain(&world, &["T01234567-89AB-7CDE-8F01-23456789ABCD"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no record of"));
}
