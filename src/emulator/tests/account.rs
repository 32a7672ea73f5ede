//! Tags, resource groups and key pairs, across products.

use serde_json::{Map, Value, json};

use super::shapes;
use crate::emulator::Emulator;
use crate::emulator::seed::RESOURCE_GROUP;
use crate::emulator::testing::{Reply, call, created, emulator, sample_with, vm};

async fn zrm(emulator: &Emulator, action: &str, body: Value) -> Map<String, Value> {
    call(emulator, "zrm", action, "2025-10-14", &body).await.good()
}

async fn user(emulator: &Emulator, action: &str, body: Value) -> Reply {
    call(emulator, "user", action, "2024-05-29", &body).await
}

async fn ccs(emulator: &Emulator, action: &str, body: Value) -> Reply {
    call(emulator, "ccs", action, "2025-09-01", &body).await
}

/// A vm machine, a vm disk, and a machine each of bmc and zec.
async fn things(emulator: &Emulator) -> [String; 4] {
    let machine = created(emulator, json!({})).await;
    let disk = vm(emulator, "CreateDisks", &json!({ "zoneId": "SEL-A", "diskSize": 40 })).await.good();
    let metal = json!({
        "zoneId": "SEL-A", "instanceTypeId": "S9I", "instanceChargeType": "POSTPAID",
        "internetChargeType": "ByBandwidth",
    });
    let metal = call(emulator, "bmc", "CreateInstances", "", &metal).await.good();
    let image = "img-yKK4q6XybymPgfx7ynUUqC3N8";
    let elastic = json!({ "zoneId": "asia-east-1a", "instanceType": "z2a.cpu.2", "imageId": image });
    let elastic = call(emulator, "zec", "CreateZecInstances", "2024-04-01", &elastic).await.good();
    let first = |list: &Value| list[0].as_str().unwrap().to_owned();
    [machine, first(&disk["diskIds"]), first(&metal["instanceIdSet"]), first(&elastic["instanceIdSet"])]
}

#[tokio::test]
async fn tags_are_bound_listed_found_and_unbound_across_products() {
    let (emulator, _) = emulator().await;
    let ids = things(&emulator).await;
    let env = json!({ "key": "env", "value": "prod" });
    shapes::has(
        &zrm(&emulator, "CreateTags", json!({ "tags": [env, { "key": "env", "value": "test" }] })).await,
        "",
    );
    shapes::has(&zrm(&emulator, "TagBindResources", json!({ "tag": env, "resourceUuids": ids })).await, "");
    let list = zrm(&emulator, "DescribeTags", json!({ "tags": [env], "keySort": null })).await;
    let tag = shapes::page(&list, "key:s value:s bindResourceCount:i createdDate:s");
    assert_eq!((&tag["value"], &tag["bindResourceCount"]), (&json!("prod"), &json!(4)));
    let list =
        zrm(&emulator, "DescribeTags", json!({ "tagKeys": ["env"], "createdDateSort": "ascend" })).await;
    assert_eq!(list["totalCount"], 2);

    let found = zrm(&emulator, "DescribeResourceByTags", json!({ "tags": [env] })).await;
    shapes::page(&found, "resourceType:s resourceUuid:s");
    let mut kinds: Vec<String> =
        found["dataSet"].as_array().unwrap().iter().map(|item| item["resourceType"].to_string()).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!((found["totalCount"].as_u64(), kinds.len()), (Some(4), 4));

    let own = zrm(&emulator, "DescribeResourceTags", json!({ "resourceUuid": ids[3] })).await;
    assert_eq!(shapes::page(&own, "key:s value:s createdDate:s")["key"], "env");
    let change = json!({
        "resourceUuid": ids[0], "replaceTags": [{ "key": "team", "value": "a" }], "deleteTagKeys": ["env"],
    });
    zrm(&emulator, "ModifyResourceTags", change).await;
    let list = zrm(&emulator, "DescribeResourceByTags", json!({ "tagKeys": ["team"] })).await;
    assert_eq!(list["dataSet"], json!([{ "resourceType": "VM_INSTANCE", "resourceUuid": ids[0] }]));

    let delete = json!({ "tags": [env] });
    let reply = call(&emulator, "zrm", "DeleteTags", "2025-10-14", &delete).await;
    assert_eq!(reply.refusal(), (403, "OPERATION_DENIED_TAG_IN_USE".to_owned()));
    zrm(&emulator, "TagUnbindResources", json!({ "tag": env, "resourceUuids": ids })).await;
    shapes::has(&zrm(&emulator, "DeleteTags", delete).await, "");
    let list = zrm(&emulator, "DescribeTags", json!({ "tags": [env] })).await;
    assert_eq!(list["totalCount"], 0);
}

#[tokio::test]
async fn an_unknown_resource_stops_the_whole_call() {
    let (emulator, _) = emulator().await;
    let id = created(&emulator, json!({})).await;
    let bind = json!({ "tag": { "key": "env", "value": "prod" }, "resourceUuids": [id, "unknown"] });
    let reply = call(&emulator, "zrm", "TagBindResources", "2025-10-14", &bind).await;
    assert_eq!(reply.refusal(), (404, "OPERATION_FAILED_RESOURCE_NOT_FOUND".to_owned()));
    assert!(emulator.instances()[0].tags.is_empty());
    let move_all = json!({ "resources": [id, "unknown"], "resourceGroupId": RESOURCE_GROUP });
    let reply = user(&emulator, "AddResourceResourceGroup", move_all).await;
    assert_eq!(reply.refusal(), (404, "OPERATION_FAILED_RESOURCE_NOT_FOUND".to_owned()));
    assert_ne!(emulator.instances()[0].resource_group, RESOURCE_GROUP);
}

#[tokio::test]
async fn a_resource_group_is_made_filled_emptied_and_deleted() {
    let (emulator, _) = emulator().await;
    let made = user(&emulator, "CreateResourceGroup", json!({ "name": "lab" })).await.good();
    shapes::has(&made, shapes::RESOURCE_GROUP);
    let id = made["resourceGroupId"].as_str().unwrap();
    let renamed = user(&emulator, "ModifyResourceGroup", json!({ "resourceGroupId": id, "name": "lab-2" }))
        .await
        .good();
    shapes::has(&renamed, shapes::RESOURCE_GROUP);
    let list = user(&emulator, "DescribeResourceGroups", json!({})).await.good();
    shapes::items(&list, "resourceGroups", shapes::RESOURCE_GROUP);
    assert_eq!(list["resourceGroups"][3]["name"], "lab-2");

    let machine = created(&emulator, json!({ "resourceGroupId": id })).await;
    let shown = vm(&emulator, "DescribeInstances", &json!({ "resourceGroupId": id })).await.good();
    assert_eq!(shown["dataSet"][0]["resourceGroupName"], "lab-2");
    let others = things(&emulator).await;
    let moved = json!({ "resources": others, "resourceGroupId": id });
    shapes::has(&user(&emulator, "AddResourceResourceGroup", moved).await.good(), "");
    let list =
        user(&emulator, "DescribeResourcesByGroup", json!({ "resourceGroupId": id, "pageSize": 2 })).await;
    let list = list.good();
    shapes::has(&list, "pageNum:i pageSize:i total:i list:[]");
    shapes::items(&list, "list", "resourceType:s resourceUuid:s resourceName:s");
    assert_eq!((&list["total"], list["list"].as_array().unwrap().len()), (&json!(5), 2));
    let disks = json!({ "resourceGroupId": id, "resourceType": "VM_DISK" });
    assert_eq!(user(&emulator, "DescribeResourcesByGroup", disks).await.good()["total"], 1);

    let delete = json!({ "resourceGroupId": id });
    let reply = user(&emulator, "DeleteResourceGroup", delete.clone()).await;
    assert_eq!(reply.refusal(), (403, "OPERATION_DENIED_RESOURCE_GROUP_IN_USE".to_owned()));
    let all: Vec<&String> = others.iter().chain([&machine]).collect();
    let back = json!({ "resources": all, "resourceGroupId": RESOURCE_GROUP });
    user(&emulator, "AddResourceResourceGroup", back).await.good();
    shapes::has(&user(&emulator, "DeleteResourceGroup", delete.clone()).await.good(), "");
    let refusals = [
        ("DeleteResourceGroup", delete, 404, "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND"),
        (
            "DeleteResourceGroup",
            json!({ "resourceGroupId": list_default(&emulator).await }),
            403,
            "OPERATION_DENIED_DEFAULT_RESOURCE_GROUP",
        ),
        ("CreateResourceGroup", json!({ "name": "payments" }), 400, "INVALID_PARAMETER_VALUE"),
        ("CreateResourceGroup", json!({}), 400, "MISSING_PARAMETER"),
    ];
    for (action, body, status, code) in refusals {
        assert_eq!(user(&emulator, action, body).await.refusal(), (status, code.to_owned()), "{action}");
    }
}

async fn list_default(emulator: &Emulator) -> Value {
    let list = user(emulator, "DescribeResourceGroups", json!({})).await.good();
    list["resourceGroups"][0]["resourceGroupId"].clone()
}

#[tokio::test]
async fn a_key_pair_is_imported_used_and_deleted() {
    let (emulator, _) = emulator().await;
    let import = json!({ "keyName": "my_key", "publicKey": "ssh-rsa AAAAB3 me", "keyDescription": "mine" });
    let reply = ccs(&emulator, "ImportKeyPair", import.clone()).await.good();
    shapes::has(&reply, "keyId:s");
    let id = reply["keyId"].as_str().unwrap();
    assert!(id.starts_with("key-") && id.len() == 12, "{id}");
    created(&emulator, json!({ "keyId": id })).await;
    let change = json!({ "keyId": id, "keyDescription": "ours" });
    shapes::has(&ccs(&emulator, "ModifyKeyPairAttribute", change).await.good(), "");
    // The older vm has the same calls over the same pairs.
    let list =
        call(&emulator, "vm", "DescribeKeyPairs", "2023-03-13", &json!({ "keyName": "my" })).await.good();
    let pair = shapes::page(&list, shapes::KEY_PAIR);
    assert_eq!((&pair["keyId"], &pair["keyDescription"]), (&json!(id), &json!("ours")));
    assert_eq!(ccs(&emulator, "DescribeKeyPairs", json!({})).await.good()["totalCount"], 3);
    assert_eq!(ccs(&emulator, "ImportKeyPair", import).await.refusal().0, 400);
    for (name, key) in [("a b", "ssh-rsa A"), ("ok", "no key"), ("ok", ""), ("", "ssh-rsa A")] {
        let body = json!({ "keyName": name, "publicKey": key });
        assert_eq!(ccs(&emulator, "ImportKeyPair", body).await.refusal().0, 400, "{name} {key}");
    }
    shapes::has(&ccs(&emulator, "DeleteKeyPairs", json!({ "keyIds": [id] })).await.good(), "");
    let reply = vm(&emulator, "CreateInstances", &sample_with(json!({ "keyId": id }))).await;
    assert_eq!(reply.refusal(), (400, "INVALID_PARAMETER_VALUE".to_owned()));
}
