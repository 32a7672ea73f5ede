//! Refusals by rules: all at once, with what to do, and nothing sent.

use crate::support::client::EXAMPLE;
use crate::support::world::Setup;
use crate::support::{Call, World};
use serde_json::{Value, json};

#[test]
fn three_violations_come_in_one_answer() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["zoneId"] = "FRA-A".into();
    body["instanceCount"] = 50.into();
    body["resourceGroupId"] = "not-ours".into();
    let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
    answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    let rules: Vec<&str> = answer.json()["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["rule"].as_str().unwrap().to_owned().leak() as &str)
        .collect();
    assert_eq!(rules, ["count", "resource_group", "zones"]);
    for part in [
        "3 rules",
        "[1] count",
        "[2] resource_group",
        "[3] zones",
        "asked 50",
        "asked FRA-A",
        "SEL-A",
        "To do:",
    ] {
        assert!(answer.message().contains(part), "{part}: {}", answer.message());
    }
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn what_no_rule_lists_does_not_pass() {
    let world = World::new();
    for (service, action, body) in [
        ("zec", "CreateZecInstances", r#"{"zoneId":"asia-east-1a","instanceType":"z2a.cpu.1"}"#),
        ("vm", "CreateDisks", r#"{"zoneId":"SEL-A","diskSize":100}"#),
        ("user", "AddResourceResourceGroup", r#"{"resourceGroupId":"x"}"#),
    ] {
        let answer = world.send(&Call::new(service, action).body(body));
        answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
        assert!(answer.message().contains("actions"), "names the setting: {}", answer.message());
    }
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn required_tags_and_a_version_that_cannot_carry_them() {
    let organisation = "settings:\n  tags: {required: {owner: {}, environment: [production, test]}}\n  actions: {creates: [\"vm *\", \"zec *\"]}\n";
    let world = World::with(Setup { organisation: organisation.into(), ..Setup::default() });
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    world
        .send(&Call::new("vm", "CreateInstances").json(&body))
        .assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    body["tags"] =
        json!({"tags": [{"key": "owner", "value": "web"}, {"key": "environment", "value": "test"}]});
    world.send(&Call::new("vm", "CreateInstances").json(&body)).instance_ids();
    let zec = json!({"zoneId": "asia-east-1a", "instanceType": "z2a.cpu.1", "imageId": "img"});
    let answer = world.send(&Call::new("zec", "CreateZecInstances").version("2024-04-01").json(&zec));
    answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    assert!(answer.message().contains("2025-09-01"), "{}", answer.message());
}

#[test]
fn teams_have_settings_of_their_own() {
    let organisation = "settings:\n  zones: {allowed: [HKG-A]}\nteams:\n  payments: {settings: {zones: {allowed: [SEL-A]}}}\n";
    let world = World::with(Setup { organisation: organisation.into(), ..Setup::default() });
    world.send(&Call::example()).instance_ids();
}

#[test]
fn a_forced_group_replaces_warns_or_refuses_by_choice() {
    let forced = crate::support::world::RESOURCE_GROUP;
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["resourceGroupId"] = "mine".into();
    for (choice, status, warned) in [("deny", 403, 0), ("warn", 200, 1), ("replace", 200, 0)] {
        let organisation =
            format!("settings:\n  resource_group: {{force: {forced}, on_replace: {choice}}}\n");
        let world = World::with(Setup { organisation, ..Setup::default() });
        let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
        assert_eq!(answer.status, status, "{choice}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.headers("x-zengate-warning").len(), warned, "{choice}");
        if status == 200 {
            let sent: Value = serde_json::from_slice(&world.emulator.requests()[0].body).unwrap();
            assert_eq!(sent["resourceGroupId"], forced);
            // However quiet the choice, the header and the record say what was replaced.
            assert!(answer.header("x-zengate-added").unwrap().contains("instead of \"mine\""), "{choice}");
        }
    }
}

#[test]
fn modes_soften_and_exemptions_excuse() {
    let organisation = "rules:\n  zones: {mode: warn}\n  count: {modes: {payments: shadow}}\nsettings:\n  zones: {allowed: [HKG-A]}\n  count: {maximum: 1}\n  \
        resource_group: {allowed: [theirs]}\nexemptions:\n  - {rule: resource_group, team: payments, until: 2099-01-01, reason: moving, ticket: OPS-1, owner: ann}\n";
    let world = World::with(Setup { organisation: organisation.into(), ..Setup::default() });
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceCount"] = 2.into();
    let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
    assert_eq!(answer.instance_ids().len(), 2);
    let warnings = answer.headers("x-zengate-warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("zones: "), "{warnings:?}");
    let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
    let mut effects: Vec<(String, String)> = record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap().into(), finding["effect"].as_str().unwrap().into()))
        .collect();
    effects.sort();
    let effect = |rule: &str, effect: &str| (rule.to_owned(), effect.to_owned());
    assert_eq!(
        effects,
        [effect("count", "shadowed"), effect("resource_group", "exempted"), effect("zones", "warned")]
    );
}

#[test]
fn a_refusal_says_what_would_pass_and_it_does() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    (body["zoneId"], body["instanceCount"]) = ("SEL-Z".into(), 40.into());
    let refused = world.send(&Call::new("vm", "CreateInstances").json(&body));
    refused.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    let steps = refused.json()["fix"].clone();
    assert_eq!(
        steps,
        json!([
            {"op": "replace", "path": "/instanceCount", "value": 10},
            {"op": "replace", "path": "/zoneId", "value": "SEL-A"},
        ])
    );
    let words = "The rules would let it pass with /instanceCount=10, /zoneId=\"SEL-A\".";
    assert!(refused.message().contains(words), "{}", refused.message());
    for step in steps.as_array().unwrap() {
        let name = step["path"].as_str().unwrap().trim_start_matches('/');
        body[name] = step["value"].clone();
    }
    assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&body)).instance_ids().len(), 10);
    // Where nothing would help, nothing is said.
    body["instanceType"] = "c.1c2g".into();
    let change = Call::new("vm", "CreateVpc").version("2023-03-13").json(&json!({"vpcName": "v"}));
    assert!(world.send(&change).json()["fix"].is_null());
}

#[test]
fn a_refusal_for_a_missing_tag_says_which_would_pass() {
    let organisation =
        format!("{}  tags: {{required: {{env: [dev, prod]}}}}\n", crate::support::world::organisation());
    let world = World::with(Setup { organisation, ..Setup::default() });
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    let refused = world.send(&Call::new("vm", "CreateInstances").json(&body));
    refused.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    let tags = json!({"tags": [{"key": "env", "value": "dev"}]});
    assert_eq!(refused.json()["fix"], json!([{"op": "add", "path": "/tags", "value": tags}]));
    body["tags"] = tags;
    assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&body)).status, 200);
}

#[test]
fn a_fix_is_one_of_what_the_caller_wrote() {
    // One rule fills in what another refuses: the caller, who wrote nothing there, has to add it.
    let policies = tempfile::tempdir().unwrap();
    crate::support::stock_policies_in(policies.path());
    let rule = "package zengate.rules.prepaid\n\npatches contains {\n\t\"rule\": \"prepaid\",\n\t\"op\": \"default\",\n\t\
                \"path\": \"/instanceChargeType\",\n\t\"value\": \"PREPAID\",\n} if input.create.count > 0\n";
    std::fs::write(policies.path().join("rules/prepaid.rego"), rule).unwrap();
    let organisation = "rules:\n  prepaid: {applies: {kinds: [create]}, grants: [/instanceChargeType]}\n\
                        settings:\n  charge_types: {allowed: [POSTPAID]}\n";
    let config = format!("[policy]\ndirectory = {:?}\ndata = [\"organisation.yaml\"]\n", policies.path());
    let world = World::with(Setup { organisation: organisation.to_owned(), config, ..Setup::default() });
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body.as_object_mut().unwrap().remove("instanceChargeType");
    let refused = world.send(&Call::new("vm", "CreateInstances").json(&body));
    refused.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    let fix = json!([{"op": "add", "path": "/instanceChargeType", "value": "POSTPAID"}]);
    assert_eq!(refused.json()["fix"], fix, "{}", refused.message());
    body["instanceChargeType"] = "POSTPAID".into();
    assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&body)).status, 200);
}
