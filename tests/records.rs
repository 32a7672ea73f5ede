//! Where decision records go, and what happens when they cannot.

use std::collections::BTreeSet;

use crate::support::collector::Collector;
use crate::support::world::{CLOUD_SECRET, Setup};
use crate::support::{Call, World, eventually};

fn world(records: &str) -> World {
    World::with(Setup { config: format!("[records]\n{records}\n"), ..Setup::default() })
}

fn to(collector: &Collector) -> String {
    format!(
        "to = {{ collector = {{ url = \"http://{}/logs\", token = {{ file = \"cloud.secret\" }} }} }}",
        collector.address
    )
}

#[test]
fn a_collector_gets_what_opa_would_send_and_nothing_that_is_masked() {
    let collector = Collector::start(CLOUD_SECRET);
    let world = world(&format!("{}\nmask = [\"/request/instanceName\", \"/caller/*\"]", to(&collector)));
    let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
    body["instanceName"] = "a-name-to-mask".into();
    assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&body)).status, 200);
    let record = eventually("the record", || collector.records().first().cloned());
    assert_eq!(record["request"]["instanceName"], serde_json::Value::Null);
    assert_eq!(record["caller"]["key"], serde_json::Value::Null);
    let erased: BTreeSet<&str> =
        record["erased"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    assert!(erased.contains("/request/instanceName") && erased.contains("/caller/key"), "{erased:?}");
    assert!(!record.to_string().contains("a-name-to-mask"));
    assert_eq!((&record["result"], &record["labels"]["app"]), (&true.into(), &"zengate".into()));
    for name in ["decision_id", "timestamp", "path", "requested_by"] {
        assert!(record[name].is_string(), "{name}: {record}");
    }
    assert_eq!(record["bundles"]["policy"]["revision"], record["policy_revision"]);
    // The schema beside the policies names every member.
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../policies/schema/record.json")).unwrap();
    for name in record.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "{name} is not in the schema");
    }
    for name in schema["required"].as_array().unwrap() {
        assert!(record.get(name.as_str().unwrap()).is_some(), "{name} is required");
    }
}

#[test]
fn nothing_is_made_while_no_record_can_be_written() {
    let collector = Collector::start(CLOUD_SECRET);
    let world = world(&format!("{}\nwhen_full = \"block\"", to(&collector)));
    collector.away(true);
    // The record of one that was let in is kept until it can be written; the next ones are not let in.
    eventually("creates are refused", || {
        let answer = world.send(&Call::example());
        if answer.status == 200 {
            return None;
        }
        answer.assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        Some(())
    });
    let sent = world.emulator.creates();
    for _ in 0..5 {
        world.send(&Call::example()).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    }
    assert_eq!(world.emulator.creates(), sent);
    assert_eq!(world.send(&Call::new("vm", "DescribeInstances").body("{}")).status, 200);
    collector.away(false);
    eventually("creates pass again", || (world.send(&Call::example()).status == 200).then_some(()));
    // No create is without its record.
    eventually("every record", || {
        (collector.records().len() as u64 == world.emulator.creates()).then_some(())
    });
    assert_eq!(world.gateway.metric("zengate_decision_records_total{result=\"dropped\"}"), 0.0);
}

#[test]
fn on_a_full_disk_records_are_dropped_and_counted_where_the_operator_chose_that() {
    let world = world("to = { file = \"/dev/full\" }");
    for _ in 0..3 {
        assert_eq!(world.send(&Call::example()).status, 200);
    }
    let dropped = || world.gateway.metric("zengate_decision_records_total{result=\"dropped\"}");
    eventually("three are counted", || (dropped() == 3.0).then_some(()));
}

#[test]
fn files_are_turned_over_and_replayed_in_their_order() {
    let world = world("to = { file = \"records.jsonl\" }\nrotate_size = \"1B\"\nrotate_keep = 10");
    for name in ["one", "two", "three"] {
        // Orders of their own: an equal one could be taken for the same again.
        let order = crate::path::quota::order(name, 1);
        assert_eq!(world.send(&order).status, 200);
        let seen = world.gateway.metric("zengate_decision_records_total{result=\"written\"}");
        eventually("it is written", || {
            (world.gateway.metric("zengate_decision_records_total{result=\"written\"}") >= seen.max(1.0))
                .then_some(())
        });
    }
    eventually("all are written", || {
        (world.gateway.metric("zengate_decision_records_total{result=\"written\"}") == 3.0).then_some(())
    });
    let here = world.gateway.directory();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["replay", here.to_str().unwrap(), "--output", "json", "--config"])
        .arg(here.join("zengate.toml"))
        .output()
        .unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["judged"], &summary["same"]), (&3.into(), &3.into()), "{summary}");
}
