//! Each stock rule, switched on by data alone, at the front door: one create that breaks it and one that keeps it.

use serde_json::{Value, json};

use crate::support::client::EXAMPLE;
use crate::support::world::Setup;
use crate::support::{Call, World};

/// The vendor's example with `change` over it.
fn example(change: Value) -> Value {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn world(settings: &str) -> World {
    World::with(Setup { organisation: format!("settings:\n  {settings}\n"), ..Setup::default() })
}

fn rules_of(answer: &crate::support::Answer) -> Vec<String> {
    let body = answer.json();
    let violations = body["violations"].as_array().unwrap();
    violations.iter().map(|violation| violation["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_stock_rule_guards_the_create() {
    for (settings, breaks, field, keeps) in [
        ("zones: {allowed: [HKG-A]}", json!({}), "/zoneId", json!({"zoneId": "HKG-A"})),
        ("count: {maximum: 2}", json!({"instanceCount": 3}), "/instanceCount", json!({"instanceCount": 2})),
        (
            "tags: {required: {owner: {}}}",
            json!({}),
            "/tags",
            json!({"tags": {"tags": [{"key": "owner", "value": "jane"}]}}),
        ),
        ("instance_types: {maximum_vcpus: 1}", json!({"instanceType": "c.2c4g"}), "/instanceType", json!({})),
        (
            "instance_types: {allowed: [\"c.1*\"]}",
            json!({"instanceType": "c.2c4g"}),
            "/instanceType",
            json!({}),
        ),
        ("images: {allowed: [\"img-y*\"]}", json!({"imageId": "img-other"}), "/imageId", json!({})),
        (
            "charge_types: {allowed: [POSTPAID]}",
            json!({"instanceChargeType": "PREPAID", "instanceChargePrepaid": {"period": 1}}),
            "/instanceChargeType",
            json!({}),
        ),
        (
            "charge_types: {internet: [ByBandwidth]}",
            json!({"internetChargeType": "ByTrafficPackage"}),
            "/internetChargeType",
            json!({}),
        ),
        (
            "bandwidth: {maximum_mbps: 5}",
            json!({"internetMaxBandwidthOut": 6}),
            "/internetMaxBandwidthOut",
            json!({"internetMaxBandwidthOut": 5}),
        ),
        (
            "disks: {maximum_total_gb: 60}",
            json!({"systemDisk": {"diskSize": 40}, "dataDisks": [{"diskSize": 30}]}),
            "/systemDisk/diskSize",
            json!({"systemDisk": {"diskSize": 40}, "dataDisks": [{"diskSize": 20}]}),
        ),
        (
            "names: {pattern: \"^web-[0-9]{3}$\"}",
            json!({"instanceName": "db"}),
            "/instanceName",
            json!({"instanceName": "web-[1,3]", "instanceCount": 2}),
        ),
        ("login: {password: false}", json!({"password": "Abc12345!"}), "/password", json!({})),
        ("login: {script: false}", json!({"initScript": "ZWNobyBoaQ=="}), "/initScript", json!({})),
        ("public_ip: {ipv4: false}", json!({}), "/enableIpv4", json!({"enableIpv4": false})),
    ] {
        let world = world(settings);
        let answer = world.send(&Call::new("vm", "CreateInstances").json(&example(breaks)));
        answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
        let rule = settings.split(':').next().unwrap();
        assert_eq!(rules_of(&answer), [rule], "{settings}");
        assert_eq!(answer.json()["violations"][0]["field"], field, "{settings}");
        assert_eq!(world.emulator.requests().len(), 0, "{settings}");
        let answer = world.send(&Call::new("vm", "CreateInstances").json(&example(keeps)));
        assert!(!answer.instance_ids().is_empty(), "{settings}");
    }
}

/// One rule guards every way to make a machine, whatever its fields are called.
#[test]
fn the_rules_guard_all_creates_alike() {
    let world = world(
        "zones: {allowed: [nowhere]}\n  count: {maximum: 1}\n  instance_types: {allowed: [none]}\n  \
         images: {allowed: [none]}\n  names: {pattern: \"^none$\"}\n  \
         actions: {creates: [\"*\"]}",
    );
    for (service, action, version, count, kind) in [
        ("vm", "CreateInstances", "2023-03-13", "instanceCount", "instanceType"),
        ("vm", "CreateInstances", "2026-04-01", "instanceCount", "instanceType"),
        ("bmc", "CreateInstances", "2022-11-20", "amount", "instanceTypeId"),
        ("bmc", "CreateInstances", "2026-02-01", "amount", "instanceTypeId"),
        ("zec", "CreateZecInstances", "2024-04-01", "instanceCount", "instanceType"),
        ("zec", "CreateZecInstances", "2025-09-01", "instanceCount", "instanceType"),
        ("zec", "CreateInstances", "2024-04-01", "instanceCount", "instanceType"),
    ] {
        let body =
            json!({"zoneId": "SEL-A", count: 2, kind: "x", "imageId": "img-1", "instanceName": "web-1"});
        let answer = world.send(&Call::new(service, action).version(version).json(&body));
        answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
        assert_eq!(
            rules_of(&answer),
            ["count", "images", "instance_types", "names", "zones"],
            "{service} {action} {version}"
        );
    }
    assert_eq!(world.emulator.requests().len(), 0);
}

/// The whole message, as a developer reads it in the one line of an SDK's exception.
#[test]
fn five_violations_in_one_line() {
    let world = world(
        "zones: {allowed: [HKG-A, FRA-A]}\n  count: {maximum: 5}\n  tags: {required: {owner: {}}}\n  \
         bandwidth: {maximum_mbps: 10}\n  login: {password: false}\n\
         rules:\n  zones: {link: \"https://wiki.example.com/zones\"}\ncontact: \"#cloud-help\"",
    );
    let body = example(json!({"instanceCount": 9, "internetMaxBandwidthOut": 50, "password": "Abc12345!"}));
    let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
    answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    assert_eq!(rules_of(&answer), ["bandwidth", "count", "login", "tags", "zones"]);
    let decision = answer.json()["requestId"].as_str().unwrap().to_owned();
    assert_eq!(answer.message().replace(&decision, "<decision>"), FIVE);
    assert!(!answer.message().contains("Abc12345"), "a secret is not told back");
}

const FIVE: &str = "Refused by 5 rules for team `payments`. \
    [1] bandwidth: a bandwidth of 50 Mbps: at most 10 Mbps are allowed (field /internetMaxBandwidthOut; asked 50; allowed 10). \
    To do: Ask for at most 10 Mbps. \
    [2] count: 9 machines in one request are too many: at most 5 are allowed (field /instanceCount; asked 9; allowed 5). \
    To do: Ask for at most 5 in one request, or split the order. \
    [3] login: logging in with a password is not allowed (field /password). \
    To do: Leave the password out and use a key pair. \
    [4] tags: the required tag owner is missing or blank (field /tags). \
    To do: Set the tag owner to any value but a blank one. \
    [5] zones: zone SEL-A is not allowed (field /zoneId; asked SEL-A; allowed HKG-A, FRA-A). \
    To do: Choose one of the allowed zones: HKG-A, FRA-A. See https://wiki.example.com/zones \
    Questions: #cloud-help. \
    (zengate decision <decision>)";

/// A change of data alone is another revision, and serves without a restart.
#[test]
fn data_are_versioned_with_the_rules() {
    let world = world("count: {maximum: 1}");
    let revision =
        || world.gateway.admin_page("/status").json()["policy"]["revision"].as_str().unwrap().to_owned();
    let before = revision();
    let two = Call::new("vm", "CreateInstances").json(&example(json!({"instanceCount": 2})));
    world.send(&two).assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
    world.gateway.write("organisation.yaml", "settings:\n  count: {maximum: 2}\n");
    crate::support::eventually("the new data serve", || (revision() != before).then_some(()));
    assert_eq!(world.send(&two).instance_ids().len(), 2);
}
