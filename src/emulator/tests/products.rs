//! The other ways to create a machine: bmc and zec, in every version.

use serde_json::{Value, json};

use crate::emulator::Status;
use crate::emulator::testing::{call, emulator};

fn bmc() -> Value {
    json!({
        "zoneId": "SEL-A",
        "instanceTypeId": "S9I",
        "instanceChargeType": "POSTPAID",
        "internetChargeType": "ByBandwidth",
        "amount": 2,
        "hostname": "host",
        "tags": { "tags": [{ "key": "env", "value": "prod" }] }
    })
}

fn zec() -> Value {
    json!({
        "zoneId": "asia-east-1a",
        "instanceType": "z2a.cpu.2",
        "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
        "instanceCount": 2,
        "securityGroupId": "sg-web",
        "dataDisks": [{ "diskSize": 40 }],
        "tags": { "tags": [{ "key": "env", "value": "prod" }] }
    })
}

#[tokio::test]
async fn bmc_counts_in_amount_in_both_versions() {
    for version in ["2022-11-20", "2026-02-01"] {
        let (emulator, clock) = emulator().await;
        let reply = call(&emulator, "bmc", "CreateInstances", version, &bmc()).await.good();
        let ids = reply["instanceIdSet"].as_array().unwrap().clone();
        assert_eq!((ids.len(), reply["orderNumber"].is_string(), emulator.creates()), (2, true, 1));
        clock.advance(std::time::Duration::from_secs(6));
        let list = call(&emulator, "bmc", "DescribeInstances", version, &json!({ "instanceTypeId": "S9I" }))
            .await
            .good();
        assert_eq!(list["totalCount"], 2);
        assert_eq!(list["dataSet"][0]["instanceStatus"], "RUNNING");
        assert_eq!(list["dataSet"][0]["tags"]["tags"][0]["value"], "prod");
        call(&emulator, "bmc", "TerminateInstance", version, &json!({ "instanceId": ids[0] })).await.good();
        call(&emulator, "bmc", "ReleaseInstances", version, &json!({ "instanceIds": [ids[0]] })).await.good();
        clock.advance(std::time::Duration::from_secs(2));
        assert_eq!(emulator.instance_count(), 1);
    }
}

#[tokio::test]
async fn zec_creates_by_either_action_and_releases_twice() {
    let table = [
        ("CreateZecInstances", "2024-04-01", 0),
        ("CreateZecInstances", "2025-09-01", 1),
        ("CreateInstances", "2024-04-01", 0),
    ];
    for (action, version, tags) in table {
        let (emulator, clock) = emulator().await;
        let reply = call(&emulator, "zec", action, version, &zec()).await.good();
        assert_eq!(reply["instances"][1]["instanceId"], reply["instanceIdSet"][1]);
        assert_eq!(reply["instances"][1]["diskIdSet"].as_array().unwrap().len(), 1);
        assert_eq!((emulator.creates(), emulator.instances()[0].tags.len()), (1, tags));
        let list = call(&emulator, "zec", "DescribeInstances", version, &json!({})).await.good();
        assert_eq!(
            (&list["dataSet"][0]["status"], &list["dataSet"][0]["cpu"]),
            (&json!("DEPLOYING"), &json!(2))
        );
        clock.advance(std::time::Duration::from_secs(6));
        let both = json!({ "instanceIds": reply["instanceIdSet"] });
        call(&emulator, "zec", "ReleaseInstances", version, &both).await.good();
        clock.advance(std::time::Duration::from_secs(2));
        assert_eq!(emulator.instances()[0].status, Status::Recycle);
        call(&emulator, "zec", "ReleaseInstances", version, &both).await.good();
        clock.advance(std::time::Duration::from_secs(2));
        assert_eq!(emulator.instance_count(), 0);
    }
}

#[tokio::test]
async fn the_older_zec_action_is_gone_from_the_newer_version() {
    let (emulator, _) = emulator().await;
    let reply = call(&emulator, "zec", "CreateInstances", "2025-09-01", &zec()).await;
    assert_eq!(reply.refusal(), (401, "AUTHFAILURE_UNAUTHORIZED_OPERATION".to_owned()));
}

#[tokio::test]
async fn machines_of_one_product_are_unknown_to_the_others() {
    let (emulator, _) = emulator().await;
    let reply = call(&emulator, "bmc", "CreateInstances", "", &bmc()).await.good();
    let list = call(&emulator, "vm", "DescribeInstances", "", &json!({})).await.good();
    assert_eq!(list["totalCount"], 0);
    let id = &reply["instanceIdSet"][0];
    let reply = call(&emulator, "vm", "TerminateInstance", "", &json!({ "instanceId": id })).await;
    assert_eq!(reply.refusal(), (404, "INVALID_INSTANCE_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn what_is_not_sold_is_refused() {
    let (emulator, _) = emulator().await;
    for (service, action, mut body, member, code) in [
        ("bmc", "CreateInstances", bmc(), "zoneId", "INVALID_ZONE_NOT_FOUND"),
        ("bmc", "CreateInstances", bmc(), "instanceTypeId", "INVALID_INSTANCE_TYPE_NOT_FOUND"),
        ("zec", "CreateZecInstances", zec(), "zoneId", "INVALID_ZONE_NOT_FOUND"),
        ("zec", "CreateZecInstances", zec(), "instanceType", "INVALID_INSTANCE_TYPE_NOT_FOUND"),
    ] {
        body[member] = json!("none");
        assert_eq!(call(&emulator, service, action, "", &body).await.refusal(), (404, code.to_owned()));
    }
    assert_eq!(emulator.creates(), 0);
}
