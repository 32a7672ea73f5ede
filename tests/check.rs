//! `zengate check`: the gateway's verdict before anything is sent.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::EXAMPLE;
use crate::support::gateway::write;
use crate::support::world::{KEY, Setup, TOKEN, directory, keys, organisation};
use crate::support::{Call, World};

fn check(at: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .arg("check")
        .args(arguments)
        .current_dir(at.path())
        .env("ZENGATE_TEST_TOKEN", TOKEN)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The vendor's example with other members.
fn order(members: Value) -> Value {
    let mut order: Value = serde_json::from_str(EXAMPLE).unwrap();
    for (name, value) in members.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

/// A directory with the gateway's configuration, so that `check` finds it by itself.
fn configured() -> TempDir {
    directory("http://127.0.0.1:9", &keys(""), &organisation(), "")
}

fn put(at: &TempDir, name: &str, content: &Value) {
    write(&at.path().join(name), &content.to_string());
}

#[test]
fn its_verdict_is_the_gateways() {
    let at = configured();
    let world = World::new();
    for (name, members) in [
        ("good", json!({})),
        ("zone", json!({"zoneId": "FRA-A"})),
        ("count", json!({"instanceCount": 11})),
        ("both", json!({"zoneId": "FRA-A", "instanceCount": 11})),
        ("group", json!({"resourceGroupId": "another"})),
        ("odd", json!({"instanceCount": "3"})),
    ] {
        let body = order(members);
        put(&at, "order.json", &body);
        let run = check(&at, &["--key", KEY, "--output", "json", "order.json"]);
        let said: Value =
            serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)));
        let said = &said["results"][0];
        let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
        assert_eq!(run.status.code(), Some(i32::from(answer.status != 200)), "{name}: {said}");
        match answer.status {
            200 => {
                assert_eq!(said["verdict"], "allowed", "{name}");
                let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
                assert_eq!(said["changes"], record["changes"], "{name}");
            }
            403 => {
                let rules = |found: &Value| -> Vec<(String, String)> {
                    let found = found.as_array().unwrap().iter();
                    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
                    found.map(|finding| (word(finding, "rule"), word(finding, "message"))).collect()
                };
                assert_eq!(rules(&said["findings"]), rules(&answer.json()["violations"]), "{name}");
            }
            _ => assert_eq!(said["verdict"], "mistaken", "{name}"),
        }
    }
}

#[test]
fn people_programs_and_ci_servers_can_read_it() {
    let at = configured();
    put(&at, "good.json", &order(json!({})));
    put(&at, "bad.json", &order(json!({"zoneId": "FRA-A", "instanceCount": 11})));
    let as_text = check(&at, &["good.json", "bad.json"]);
    assert_eq!(as_text.status.code(), Some(1));
    let said = text(&as_text.stdout);
    assert!(
        said.contains("ALLOWED vm CreateInstances") && said.contains("REFUSED vm CreateInstances"),
        "{said}"
    );
    assert!(said.contains("added: /securityGroupId=") && said.contains("To do: "), "{said}");
    assert!(said.ends_with("1 allowed, 1 refused\n"), "{said}");
    let junit = text(&check(&at, &["--output", "junit", "good.json", "bad.json"]).stdout);
    assert!(
        junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("<failure type=\"refused\""),
        "{junit}"
    );
    let sarif: Value =
        serde_json::from_slice(&check(&at, &["--output", "sarif", "good.json", "bad.json"]).stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let errors: Vec<&Value> = results.iter().filter(|result| result["level"] == "error").collect();
    assert_eq!(errors.len(), 2, "{sarif}");
    assert_eq!(errors[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "bad.json");
    let github = text(&check(&at, &["--output", "github", "good.json", "bad.json"]).stdout);
    assert_eq!(github.matches("::error file=bad.json,").count(), 2, "{github}");
    assert!(!github.contains("good.json"), "{github}");
}

fn planned(zone: &str, unknown: Value) -> Value {
    json!({
        "format_version": "1.2", "terraform_version": "1.9.0",
        "resource_changes": [{
            "address": "zenlayercloud_instance.web[0]", "mode": "managed", "type": "zenlayercloud_instance", "name": "web",
            "change": {"actions": ["create"], "after_unknown": unknown, "after": {
                "availability_zone": zone, "instance_charge_type": "POSTPAID", "instance_type": "c.1c2g",
                "image_id": "img-1", "instance_name": "web", "internet_charge_type": "ByBandwidth",
                "system_disk_size": 20, "tags": {"owner": "jane"},
            }},
        }],
        "configuration": {"root_module": {"resources": [
            {"address": "zenlayercloud_instance.web", "expressions": {"subnet_id": {"references": ["x.y"]}}}]}},
    })
}

#[test]
fn a_plan_is_judged_machine_by_machine() {
    let at = configured();
    put(&at, "good.json", &planned("SEL-A", json!({"resource_group_id": true})));
    let good = check(&at, &["good.json"]);
    assert_eq!(good.status.code(), Some(0), "{}{}", text(&good.stdout), text(&good.stderr));
    assert!(text(&good.stdout).contains("ALLOWED zenlayercloud_instance.web[0] (good.json)"));
    put(&at, "bad.json", &planned("FRA-A", json!({"subnet_id": true})));
    let bad = check(&at, &["bad.json"]);
    assert_eq!(bad.status.code(), Some(1), "what is known is refused whatever the rest will be");
    put(&at, "open.json", &planned("SEL-A", json!({"subnet_id": true})));
    let open = check(&at, &["open.json"]);
    assert_eq!(open.status.code(), Some(2));
    assert!(text(&open.stdout).contains("unknown: /subnetId"), "{}", text(&open.stdout));
    assert_eq!(check(&at, &["--unknown-ok", "subnetId", "open.json"]).status.code(), Some(0));
    put(&at, "empty.json", &json!({"format_version": "1.2", "planned_values": {}}));
    let empty = check(&at, &["empty.json"]);
    assert_eq!(empty.status.code(), Some(0));
    assert!(text(&empty.stderr).contains("no machine"));
}

#[test]
fn policies_may_be_named_and_standard_input_is_read() {
    let at = TempDir::new().unwrap();
    write(&at.path().join("own.yaml"), "settings: {zones: {allowed: [SEL-A]}}\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["check", "--data", "own.yaml", "--team", "payments", "-"])
        .current_dir(at.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(order(json!({"zoneId": "FRA-A"})).to_string().as_bytes()).unwrap();
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stdout).contains("zones"), "{}", text(&run.stdout));
}

#[test]
fn wrong_usage_is_said_and_nothing_is_judged() {
    let at = configured();
    put(&at, "order.json", &order(json!({})));
    write(&at.path().join("twice.json"), r#"{"zoneId": "A", "zoneId": "B"}"#);
    for (arguments, says) in [
        (vec!["nothing.json"], "nothing.json"),
        (vec!["twice.json"], "zoneId"),
        (vec!["--action", "vm Createinstances", "order.json"], "it is spelt `vm CreateInstances`"),
        (vec!["--action", "vm DescribeInstances", "order.json"], "only reads"),
        (vec!["--action", "vm CreateInstances 1999-01-01", "order.json"], "2026-04-01"),
        (vec!["--key", "nobody", "order.json"], "no key `nobody`"),
        (vec!["--policy", "nowhere", "order.json"], "nowhere"),
        (vec![], "FILE"),
    ] {
        let run = check(&at, &arguments);
        assert_eq!(run.status.code(), Some(2), "{arguments:?}");
        assert!(text(&run.stderr).contains(says), "{arguments:?}: {}", text(&run.stderr));
        assert!(run.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_running_gateway_is_asked_for_its_policies_and_its_quota() {
    let organisation = format!(
        "{}  quota:\n    unset: unlimited\n    limits:\n      all: {{resource: instances, limit: 5, per: [team]}}\n",
        organisation()
    );
    let world = World::with(Setup { organisation, ..Setup::default() });
    let at = TempDir::new().unwrap();
    let gateway = format!("http://{}", world.gateway.admin_address());
    let verdicts = |files: &[&str]| {
        let mut arguments = vec!["--team", "payments", "--gateway", &gateway, "--output", "json"];
        arguments.extend(files);
        let run = check(&at, &arguments);
        let report: Value =
            serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)));
        let results = report["results"].as_array().unwrap().clone();
        let words: Vec<String> =
            results.iter().map(|item| item["verdict"].as_str().unwrap().to_owned()).collect();
        (words, results.last().unwrap()["problem"].as_str().unwrap_or_default().to_owned(), run.status.code())
    };
    put(&at, "three.json", &order(json!({"instanceCount": 3})));
    put(&at, "eleven.json", &order(json!({"instanceCount": 11})));
    // Both alone, but not both together; the rules are the gateway's.
    assert_eq!(verdicts(&["three.json"]).0, ["allowed"]);
    assert_eq!(verdicts(&["eleven.json"]).0, ["refused"]);
    let (words, problem, code) = verdicts(&["three.json", "three.json"]);
    assert_eq!((words, code), (vec!["allowed".to_owned(), "refused".to_owned()], Some(1)));
    assert_eq!(problem, "Quota is used up. instances of team/payments: 0 used, 3 held, 3 asked, limit 5");
    // Machines that are there count.
    assert_eq!(
        world.send(&Call::new("vm", "CreateInstances").json(&order(json!({"instanceCount": 4})))).status,
        200
    );
    let (words, problem, _) = verdicts(&["three.json"]);
    assert_eq!((words, problem.contains("4 used")), (vec!["refused".to_owned()], true), "{problem}");
}
