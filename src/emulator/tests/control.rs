//! The emulator's own calls over HTTP.

use serde_json::{Value, json};

use crate::emulator::testing::{Client, Reply, created, emulator, sample_with, vm};
use crate::emulator::{Emulator, Status};

async fn control(emulator: &Emulator, method: &str, name: &str, body: &Value) -> Reply {
    let body = body.to_string();
    let request = format!(
        "{method} /_emulator/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Client::connect(emulator).await.call(request.as_bytes()).await
}

#[tokio::test]
async fn requests_are_shown_without_their_secrets() {
    let (emulator, _) = emulator().await;
    created(&emulator, json!({ "password": "Abcdef12345", "initScript": "echo hush" })).await;
    let reply = control(&emulator, "GET", "requests", &json!({})).await;
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert!(!text.contains("Abcdef12345") && !text.contains("hush"));
    let seen = &reply.json()["requests"][0];
    assert_eq!((&seen["action"], &seen["verdict"]), (&json!("CreateInstances"), &json!("executed")));
    assert_eq!(seen["body"]["zoneId"], "SEL-A");
    assert_eq!(seen["body"]["password"], "[hidden]");
    assert_eq!(reply.json()["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn instances_are_shown_and_the_clock_moves_them() {
    let (emulator, _) = emulator().await;
    let id = created(&emulator, json!({})).await;
    let shown = control(&emulator, "GET", "instances", &json!({})).await.json();
    assert_eq!(
        (&shown["instances"][0]["id"], &shown["instances"][0]["status"]),
        (&json!(id), &json!("PENDING"))
    );
    control(&emulator, "POST", "clock", &json!({ "advance": 6 })).await;
    assert_eq!(emulator.instances()[0].status, Status::Running);
    assert_eq!(control(&emulator, "POST", "clock", &json!({ "advance": -1 })).await.status, 400);
}

#[tokio::test]
async fn faults_are_scripted_and_released_over_http() {
    let (emulator, _) = emulator().await;
    let refuse = json!({
        "fault": { "kind": "refuse", "when": "before", "status": 503, "code": "X" },
        "on": { "service": "vm", "action": "CreateInstances" },
        "times": 2
    });
    assert_eq!(control(&emulator, "POST", "faults", &refuse).await.json()["left"], 1);
    for _ in 0..2 {
        assert_eq!(vm(&emulator, "CreateInstances", &sample_with(json!({}))).await.status, 503);
    }
    let hold = json!({ "fault": { "kind": "hold", "when": "after" }, "forever": true });
    control(&emulator, "POST", "faults", &hold).await;
    let empty = json!({});
    let held = vm(&emulator, "CreateInstances", &empty);
    let release = async {
        emulator.arrived(3).await;
        control(&emulator, "POST", "release", &empty).await
    };
    let (held, _) = tokio::join!(held, release);
    assert_eq!(held.status, 400);
    assert_eq!(control(&emulator, "POST", "faults", &json!({ "fault": { "kind": "no" } })).await.status, 400);
    assert_eq!(control(&emulator, "GET", "faults", &json!({})).await.json()["left"], 1);
}

#[tokio::test]
async fn presets_are_listed_and_scripted_by_name() {
    let (emulator, _) = emulator().await;
    let presets = control(&emulator, "GET", "presets", &json!({})).await.json();
    let first = json!({
        "preset": "insufficient_balance", "status": 403, "code": "OPERATION_DENIED_BALANCE_INSUFFICIENT",
    });
    assert_eq!(presets["presets"][0], first);
    let script =
        json!({ "preset": "insufficient_balance", "on": { "action": "CreateInstances" }, "times": 2 });
    control(&emulator, "POST", "faults", &script).await;
    for _ in 0..2 {
        let reply = vm(&emulator, "CreateInstances", &sample_with(json!({}))).await;
        assert_eq!(reply.refusal(), (403, "OPERATION_DENIED_BALANCE_INSUFFICIENT".to_owned()));
    }
    created(&emulator, json!({})).await;
    for bad in
        [json!({}), json!({ "preset": "no" }), json!({ "preset": "sold_out", "fault": { "kind": "no_ids" } })]
    {
        assert_eq!(control(&emulator, "POST", "faults", &bad).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_reset_takes_back_what_was_made_around_machines() {
    let (emulator, _) = emulator().await;
    vm(&emulator, "CreateDisks", &json!({ "zoneId": "SEL-A", "diskSize": 40 })).await.good();
    vm(&emulator, "DeleteSecurityGroup", &json!({ "securityGroupId": "sg-web" })).await.good();
    control(&emulator, "POST", "reset", &json!({})).await;
    assert_eq!(vm(&emulator, "DescribeDisks", &json!({})).await.good()["totalCount"], 0);
    let groups = vm(&emulator, "DescribeSecurityGroups", &json!({})).await.good();
    assert_eq!(groups["totalCount"], 4);
}

#[tokio::test]
async fn a_reset_leaves_the_seeded_account() {
    let (emulator, _) = emulator().await;
    let old = created(&emulator, json!({})).await;
    control(&emulator, "POST", "faults", &json!({ "fault": { "kind": "create_fails" } })).await;
    assert_eq!(control(&emulator, "POST", "reset", &json!({})).await.status, 200);
    assert_eq!((emulator.instance_count(), emulator.requests().len(), emulator.faults_left()), (0, 0, 0));
    assert_eq!(emulator.creates(), 1);
    assert_ne!(created(&emulator, json!({})).await, old);
    assert_eq!(control(&emulator, "GET", "nothing", &json!({})).await.status, 404);
}
