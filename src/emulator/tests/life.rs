//! Machines through their states, the changes to them, and how they are listed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::emulator::testing::{call, created, emulator, vm};
use crate::emulator::{Emulator, Status};

async fn status(emulator: &Emulator, id: &str) -> String {
    let list = vm(emulator, "DescribeInstances", &json!({ "instanceIds": [id] })).await.good();
    list["dataSet"][0]["instanceStatus"].as_str().unwrap_or("absent").to_owned()
}

fn step(clock: &Clock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

/// An emulator with one running machine.
async fn running() -> (Emulator, Clock, String) {
    let (emulator, clock) = emulator().await;
    let id = created(&emulator, json!({})).await;
    step(&clock, 6);
    (emulator, clock, id)
}

/// The code of a refused change, or "ok".
async fn change(emulator: &Emulator, action: &str, body: Value) -> String {
    let reply = vm(emulator, action, &body).await;
    if reply.status == 200 { "ok".to_owned() } else { reply.refusal().1 }
}

#[tokio::test]
async fn a_create_is_visible_at_once_and_runs_in_time() {
    let (emulator, clock) = emulator().await;
    let id = created(&emulator, json!({})).await;
    assert_eq!(status(&emulator, &id).await, "PENDING");
    step(&clock, 2);
    assert_eq!(status(&emulator, &id).await, "DEPLOYING");
    step(&clock, 4);
    assert_eq!(status(&emulator, &id).await, "RUNNING");
    let list = vm(&emulator, "DescribeInstancesStatus", &json!({ "instanceIds": [id] })).await.good();
    assert_eq!(list["dataSet"], json!([{ "instanceId": id, "instanceStatus": "RUNNING" }]));
}

#[tokio::test]
async fn terraform_sees_the_bin_right_after_a_terminate() {
    let (emulator, clock, id) = running().await;
    let (one, many) = (json!({ "instanceId": id }), json!({ "instanceIds": [id] }));
    assert_eq!(
        change(&emulator, "ReleaseInstances", many.clone()).await,
        "OPERATION_DENIED_INSTANCE_NOT_RECYCLED"
    );
    assert_eq!(change(&emulator, "TerminateInstance", one.clone()).await, "ok");
    assert_eq!(status(&emulator, &id).await, "RECYCLING");
    assert_eq!(
        change(&emulator, "TerminateInstance", one.clone()).await,
        "OPERATION_DENIED_INSTANCE_RECYCLED"
    );
    step(&clock, 2);
    assert_eq!(status(&emulator, &id).await, "RECYCLE");
    assert_eq!(
        change(&emulator, "StopInstances", many.clone()).await,
        "OPERATION_FAILED_FOR_RECYCLE_RESOURCE"
    );
    assert_eq!(change(&emulator, "ReleaseInstances", many.clone()).await, "ok");
    assert_eq!(status(&emulator, &id).await, "RELEASING");
    step(&clock, 2);
    assert_eq!(status(&emulator, &id).await, "absent");
    assert_eq!(change(&emulator, "TerminateInstance", one).await, "INVALID_INSTANCE_NOT_FOUND");
}

#[tokio::test]
async fn power_is_switched_only_from_the_right_state() {
    let (emulator, clock, id) = running().await;
    let many = json!({ "instanceIds": [id] });
    assert_eq!(change(&emulator, "StartInstances", many.clone()).await, "OPERATION_DENIED_INSTANCE_STATUS");
    for (action, through, end) in [
        ("StopInstances", Status::Stopping, Status::Stopped),
        ("StartInstances", Status::Booting, Status::Running),
        ("RebootInstances", Status::Reboot, Status::Running),
    ] {
        assert_eq!(change(&emulator, action, many.clone()).await, "ok", "{action}");
        assert_eq!(emulator.instances()[0].status, through);
        step(&clock, 2);
        assert_eq!(emulator.instances()[0].status, end);
    }
}

#[tokio::test]
async fn nothing_is_allowed_while_creating_and_a_call_changes_all_or_none() {
    let (emulator, _, old) = running().await;
    let new = created(&emulator, json!({})).await;
    let both = json!({ "instanceIds": [old, new] });
    assert_eq!(change(&emulator, "StopInstances", both).await, "OPERATION_DENIED_INSTANCE_CREATING");
    assert_eq!(status(&emulator, &old).await, "RUNNING");
    let terminate = json!({ "instanceId": new });
    assert_eq!(change(&emulator, "TerminateInstance", terminate).await, "OPERATION_DENIED_INSTANCE_CREATING");
    assert_eq!(change(&emulator, "StopInstances", json!({})).await, "MISSING_PARAMETER");
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let too_many = json!({ "instanceIds": many });
    assert_eq!(change(&emulator, "StopInstances", too_many).await, "INVALID_PARAMETER_EXCEED_LENGTH");
}

#[tokio::test]
async fn names_groups_passwords_and_tags_change() {
    let (emulator, _, id) = running().await;
    let research = "c4a8e6f0-1b2d-4e3f-a596-8778695a4b3c";
    let with = |members: Value| {
        let mut body = json!({ "instanceIds": [id] });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let table = [
        ("ModifyInstancesAttribute", json!({ "instanceName": "new-name" }), "ok"),
        (
            "ModifyInstancesAttribute",
            json!({ "instanceName": "new name" }),
            "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED",
        ),
        ("ModifyInstancesResourceGroup", json!({ "resourceGroupId": research }), "ok"),
        (
            "ModifyInstancesResourceGroup",
            json!({ "resourceGroupId": "x" }),
            "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND",
        ),
        ("ResetInstancesPassword", json!({ "password": "Abcdef12345" }), "ok"),
        ("ResetInstancesPassword", json!({ "password": "short" }), "INVALID_PASSWORD_MALFORMED"),
    ];
    for (action, members, code) in table {
        assert_eq!(change(&emulator, action, with(members.clone())).await, code, "{action} {members}");
    }
    for replace in [
        json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }]),
        json!([{ "key": "a", "value": "3" }]),
    ] {
        let body = json!({ "resourceUuid": id, "replaceTags": replace });
        call(&emulator, "zrm", "ModifyResourceTags", "2025-10-14", &body).await.good();
    }
    let body = json!({ "resourceUuid": id, "deleteTagKeys": ["b"] });
    call(&emulator, "zrm", "ModifyResourceTags", "2025-10-14", &body).await.good();
    let machine = &emulator.instances()[0];
    assert_eq!((machine.name.as_str(), machine.resource_group.as_str()), ("new-name", research));
    assert_eq!(machine.tags, [("a".to_owned(), "3".to_owned())]);
}

#[tokio::test]
async fn listings_filter_and_page() {
    let (emulator, clock) = emulator().await;
    let tagged =
        json!({ "tags": { "tags": [{ "key": "env", "value": "prod" }] }, "securityGroupId": "sg-web" });
    let first = created(&emulator, tagged).await;
    created(&emulator, json!({ "instanceName": "web[1,2]", "instanceCount": 4, "zoneId": "HKG-A" })).await;
    step(&clock, 6);
    created(&emulator, json!({ "instanceType": "c.2c4g", "subnetId": "subnet-sel-main" })).await;
    let table = [
        (json!({}), 6),
        (json!({ "instanceIds": [first, "unknown"] }), 1),
        (json!({ "instanceIds": null, "zoneId": "HKG-A" }), 4),
        (json!({ "instanceName": "web*" }), 4),
        (json!({ "instanceName": "web02" }), 1),
        (json!({ "instanceName": "web" }), 0),
        (json!({ "instanceStatus": "PENDING" }), 1),
        (json!({ "instanceType": "c.2c4g" }), 1),
        (json!({ "imageId": "img-none" }), 0),
        (json!({ "subnetId": "subnet-hkg-main" }), 4),
        (json!({ "privateIpAddresses": ["10.10.0.2"] }), 1),
        (json!({ "securityGroupId": "sg-web" }), 1),
        (json!({ "tagKeys": ["env"] }), 1),
        (json!({ "tags": [{ "key": "env", "value": "test" }] }), 0),
        (json!({ "tags": [{ "key": "env", "value": "prod" }] }), 1),
    ];
    for (body, count) in table {
        let list = vm(&emulator, "DescribeInstances", &body).await.good();
        assert_eq!(
            (list["totalCount"].as_u64(), list["dataSet"].as_array().unwrap().len()),
            (Some(count), count as usize),
            "{body}"
        );
    }
    let mut seen = Vec::new();
    for page in 1..=4 {
        let list =
            vm(&emulator, "DescribeInstances", &json!({ "pageSize": 2, "pageNum": page })).await.good();
        assert_eq!(list["totalCount"], 6);
        seen.extend(
            list["dataSet"].as_array().unwrap().iter().map(|machine| machine["instanceId"].to_string()),
        );
    }
    assert_eq!(seen.len(), 6);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 6);
    for body in [json!({ "pageSize": 1001 }), json!({ "pageSize": 0 }), json!({ "pageNum": 0 })] {
        assert_eq!(vm(&emulator, "DescribeInstances", &body).await.status, 400, "{body}");
    }
}
