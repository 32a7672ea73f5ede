//! What the operator sees: log line, record, metrics, probes; and what nobody sees.

use crate::support::client::EXAMPLE;
use crate::support::world::{CLOUD_SECRET, SECRET, TOKEN};
use crate::support::{Call, World};
use serde_json::Value;

#[test]
fn one_log_line_and_one_record_tell_the_story_of_a_create() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["password"] = "Secr3t-pass!".into();
    let answer =
        world.send(&Call::new("vm", "CreateInstances").json(&body).header("X-ZC-Sdk-Lang", "Python"));
    let ids = answer.instance_ids();
    let decision = answer.header("x-zengate-decision").unwrap().to_owned();

    let line: Value = serde_json::from_str(&world.gateway.logged(&decision)).unwrap();
    for (field, value) in
        [("action", "CreateInstances"), ("team", "payments"), ("outcome", "ok"), ("class", "create")]
    {
        assert_eq!(line[field], value, "{line}");
    }
    let record = world.gateway.record(&decision);
    assert_eq!(record["caller"]["key"], "ZGpayments01");
    assert_eq!(record["caller"]["sdk"], "Python");
    assert_eq!(record["request"]["password"], serde_json::json!({"set": true, "length": 12}));
    assert_eq!(record["verdict"], "allowed");
    assert_eq!(record["changes"].as_array().unwrap().len(), 2);
    assert_eq!(record["changes"][0]["path"], "/resourceGroupId");
    assert_eq!(record["upstream"]["instance_ids"], serde_json::json!(ids));
    assert_eq!(record["upstream"]["fate"], "ran");
    assert!(record["timings_seconds"]["decide"].as_f64().is_some_and(|seconds| seconds > 0.0));
    assert!(record["policy_revision"].as_str().is_some_and(|revision| !revision.is_empty()));
}

#[test]
fn refusals_are_recorded_too() {
    let world = World::new();
    let body = EXAMPLE.replace("SEL-A", "FRA-A");
    let answer = world.send(&Call::new("vm", "CreateInstances").body(body));
    let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
    assert_eq!(
        (record["verdict"].as_str(), record["outcome"].as_str()),
        (Some("refused"), Some("denied_policy"))
    );
    assert_eq!(record["findings"][0]["effect"], "refused");
    assert_eq!(record["upstream"], Value::Null);
    assert_eq!(
        world.gateway.metric(r#"zengate_verdicts_total{class="create",team="payments",verdict="refused"}"#),
        1.0
    );
    assert_eq!(
        world.gateway.metric(
            r#"zengate_rule_findings_total{effect="refused",mode="enforce",rule="zones",team="payments"}"#
        ),
        1.0
    );
}

#[test]
fn metrics_count_and_their_labels_stay_bounded() {
    let world = World::new();
    world.send(&Call::example()).instance_ids();
    let ok = r#"zengate_requests_total{class="create",outcome="ok",service="vm"}"#;
    assert_eq!(world.gateway.metric(ok), 1.0);
    for stage in ["asked", "allowed", "created"] {
        let series = format!(r#"zengate_instances_total{{stage="{stage}",team="payments",zone="SEL-A"}}"#);
        assert_eq!(world.gateway.metric(&series), 1.0, "{series}");
    }
    assert_eq!(
        world.gateway.metric(
            r#"zengate_upstream_responses_total{class="create",code="none",service="vm",status="200"}"#
        ),
        1.0
    );
    let series = || {
        String::from_utf8(world.gateway.admin_page("/metrics").body)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
    };
    // Whatever a client invents, the same few series count it.
    let noise = |n: usize| {
        let body = EXAMPLE.replace("SEL-A", &format!("ZONE-{n}"));
        world.send(&Call::new("vm", "CreateInstances").body(body));
        world.send(&Call::new(&format!("service{n}"), "X"));
        world.send(&Call::new("vm", &format!("Action{n}")));
        world.send(&Call::example().key(&format!("ZG{n}"), "x"));
    };
    noise(0);
    let before = series();
    (1..50).for_each(noise);
    assert_eq!(series(), before);
}

#[test]
fn probes_answer() {
    let world = World::new();
    assert_eq!(world.gateway.admin_page("/livez").status, 200);
    assert_eq!(world.gateway.admin_page("/readyz").status, 200);
    let status = world.gateway.admin_page("/status").json();
    assert!(status["policy"]["revision"].as_str().is_some(), "{status}");
    assert_eq!(world.gateway.admin_page("/nope").status, 404);
}

#[test]
fn no_secret_is_seen_anywhere() {
    let world = World::new();
    let planted = ["Pl4nted-pass!", "planted-init-script", SECRET, CLOUD_SECRET, TOKEN];
    let with = |key: &str, value: &str| {
        let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
        body[key] = value.into();
        Call::new("vm", "CreateInstances").json(&body)
    };
    let bodies = [
        with("password", planted[0]),
        with("initScript", planted[1]),
        with("password", planted[0]).bearer(TOKEN),
        with("password", planted[0])
            .body(format!(r#"{{"password":"{}","zoneId":"FRA-A","instanceType":"x"}}"#, planted[0])),
        Call::new("vm", "CreateInstances").body(format!(r#"{{"password":"{}","password":"x"}}"#, planted[0])),
        Call::new("vm", "CreateInstances").body(format!(r#"{{"zoneId":1,"password":["{}"]}}"#, planted[0])),
        Call::new("vm", "ResetInstancesPassword")
            .body(format!(r#"{{"instanceIds":["i"],"password":"{}"}}"#, planted[0])),
        Call::example().key("ZGpayments01", planted[3]),
    ];
    let mut outputs: Vec<String> = Vec::new();
    for call in &bodies {
        let answer = world.send(call);
        outputs.push(format!("{answer:?}{}", String::from_utf8_lossy(&answer.body)));
        world.gateway.logged(answer.header("x-zengate-decision").unwrap());
    }
    outputs.push(String::from_utf8(world.gateway.admin_page("/metrics").body).unwrap());
    outputs.push(String::from_utf8(world.gateway.admin_page("/status").body).unwrap());
    outputs.extend(world.gateway.log());
    outputs.extend(world.gateway.records().iter().map(ToString::to_string));
    for output in &outputs {
        for secret in planted {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
    }
}
