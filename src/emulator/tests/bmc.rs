//! bmc machines: their life with its bin and the 24 hours, the order's fields, elastic addresses.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::emulator::testing::{call, emulator, members, words};
use crate::emulator::{Emulator, Fault, On, Times};

const OLD: &str = "2022-11-20";
const NEW: &str = "2026-02-01";
const DAY: u64 = 24 * 60 * 60;
const UBUNTU: &str = "img-yKK4q6XybymPgfx7ynUUqC3N8";

fn order_with(members: Value) -> Value {
    let mut body = json!({
        "zoneId": "SEL-A", "instanceTypeId": "M8C", "instanceChargeType": "POSTPAID",
        "internetChargeType": "ByBandwidth", "imageId": UBUNTU, "hostname": "abc",
    });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

async fn good(emulator: &Emulator, action: &str, body: Value) -> Map<String, Value> {
    call(emulator, "bmc", action, OLD, &body).await.good()
}

async fn code(emulator: &Emulator, action: &str, body: Value) -> String {
    let reply = call(emulator, "bmc", action, OLD, &body).await;
    if reply.status == 200 { "ok".to_owned() } else { reply.refusal().1 }
}

fn step(clock: &Clock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

async fn shown(emulator: &Emulator, version: &str, id: &str) -> Value {
    let list =
        call(emulator, "bmc", "DescribeInstances", version, &json!({ "instanceIds": [id] })).await.good();
    list["dataSet"].get(0).cloned().unwrap_or_default()
}

async fn status(emulator: &Emulator, id: &str) -> String {
    shown(emulator, OLD, id).await["instanceStatus"].as_str().unwrap_or("absent").to_owned()
}

async fn ordered(emulator: &Emulator, members: Value) -> String {
    let made = good(emulator, "CreateInstances", order_with(members)).await;
    made["instanceIdSet"][0].as_str().unwrap().to_owned()
}

async fn running(members: Value) -> (Emulator, Clock, String) {
    let (emulator, clock) = emulator().await;
    let id = ordered(&emulator, members).await;
    step(&clock, 6);
    (emulator, clock, id)
}

#[tokio::test]
async fn a_machine_lives_goes_into_the_bin_and_out_of_it() {
    let (emulator, clock) = emulator().await;
    let id = ordered(&emulator, json!({})).await;
    let (one, many) = (json!({ "instanceId": id }), json!({ "instanceIds": [id] }));
    assert_eq!(status(&emulator, &id).await, "PENDING");
    assert_eq!(code(&emulator, "TerminateInstance", one.clone()).await, "OPERATION_DENIED_INSTANCE_CREATING");
    step(&clock, 2);
    assert_eq!(status(&emulator, &id).await, "INSTALLING");
    assert_eq!(code(&emulator, "StopInstances", many.clone()).await, "OPERATION_DENIED_INSTANCE_NOT_RUNNING");
    step(&clock, 4);
    for (action, through, end) in [
        ("StopInstances", "STOPPING", "STOPPED"),
        ("StartInstances", "BOOTING", "RUNNING"),
        ("RebootInstances", "BOOTING", "RUNNING"),
    ] {
        good(&emulator, action, many.clone()).await;
        assert_eq!(status(&emulator, &id).await, through, "{action}");
        step(&clock, 2);
        assert_eq!(status(&emulator, &id).await, end, "{action}");
    }
    assert_eq!(
        code(&emulator, "StartInstances", many.clone()).await,
        "OPERATION_DENIED_INSTANCE_NOT_STOPPED"
    );
    assert_eq!(
        code(&emulator, "ReleaseInstances", many.clone()).await,
        "OPERATION_DENIED_INSTANCE_NOT_RECYCLED"
    );
    good(&emulator, "TerminateInstance", one.clone()).await;
    assert_eq!(status(&emulator, &id).await, "RECYCLE", "Terraform looks once");
    for action in ["TerminateInstance", "StartInstances", "RebootInstances"] {
        let body = if action == "TerminateInstance" { one.clone() } else { many.clone() };
        assert_eq!(code(&emulator, action, body).await, "OPERATION_DENIED_INSTANCE_RECYCLED", "{action}");
    }
    good(&emulator, "ReleaseInstances", many.clone()).await;
    assert_eq!(status(&emulator, &id).await, "absent");
    assert_eq!(code(&emulator, "ReleaseInstances", many).await, "INVALID_INSTANCE_NOT_FOUND");
}

#[tokio::test]
async fn the_bin_is_emptied_after_a_day() {
    let (emulator, clock, id) = running(json!({})).await;
    good(&emulator, "TerminateInstance", json!({ "instanceId": id })).await;
    step(&clock, DAY - 1);
    assert_eq!(status(&emulator, &id).await, "RECYCLE");
    step(&clock, 1);
    assert_eq!(status(&emulator, &id).await, "absent");
}

#[tokio::test]
async fn a_failed_create_is_deleted_directly() {
    let (emulator, clock) = emulator().await;
    emulator.script(Fault::CreateFails, On::action("bmc", "CreateInstances"), Times::Exactly(1));
    let id = ordered(&emulator, json!({})).await;
    step(&clock, 6);
    assert_eq!(status(&emulator, &id).await, "CREATE_FAILED");
    good(&emulator, "TerminateInstance", json!({ "instanceId": id })).await;
    assert_eq!(status(&emulator, &id).await, "absent");
}

#[tokio::test]
async fn a_terminated_subscription_runs_to_its_end() {
    let prepaid = json!({ "instanceChargeType": "PREPAID", "instanceChargePrepaid": { "period": 1 } });
    let (emulator, clock, id) = running(prepaid).await;
    assert_eq!(shown(&emulator, OLD, &id).await["autoRenew"], true);
    let one = json!({ "instanceId": id });
    good(&emulator, "TerminateInstance", one.clone()).await;
    assert_eq!(code(&emulator, "TerminateInstance", one).await, "OPERATION_DENIED_INSTANCE_SUBSCRIPTION");
    let machine = shown(&emulator, OLD, &id).await;
    assert_eq!((&machine["instanceStatus"], &machine["autoRenew"]), (&json!("RUNNING"), &json!(false)));
    good(&emulator, "StopInstances", json!({ "instanceIds": [id] })).await;
    step(&clock, 30 * DAY - 7);
    assert_eq!(status(&emulator, &id).await, "STOPPED");
    step(&clock, 1);
    assert_eq!(status(&emulator, &id).await, "RECYCLE");
    step(&clock, DAY);
    assert_eq!(status(&emulator, &id).await, "absent");
}

#[tokio::test]
async fn every_field_of_the_order_is_checked() {
    let (emulator, _) = emulator().await;
    let custom = |level: i64, disks: Value| json!({ "raidConfig": { "customRaids": [{ "raidType": level, "diskSequence": disks }] } });
    let partitions = |list: Value| json!({ "partitions": list });
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEmulator";
    let table = [
        (json!({ "zoneId": "none" }), "INVALID_ZONE_NOT_FOUND"),
        (json!({ "instanceTypeId": "none" }), "INVALID_INSTANCE_TYPE_NOT_FOUND"),
        (json!({ "instanceTypeId": "N2X" }), "RESOURCES_SOLDOUT_INSTANCE_TYPE"),
        (json!({ "zoneId": "HKG-A", "instanceTypeId": "N2X" }), "INVALID_INSTANCE_TYPE_ZONE_NO_SELL"),
        (json!({ "instanceChargeType": null }), "MISSING_PARAMETER"),
        (json!({ "instanceChargeType": "PREPAID" }), "MISSING_PARAMETER"),
        (
            json!({ "zoneId": "FRA-A", "instanceChargeType": "PREPAID", "instanceChargePrepaid": { "period": 1 } }),
            "OPERATION_DENIED_CHARGE_TYPE_NOT_SUPPORT",
        ),
        (json!({ "internetChargeType": "Free" }), "INVALID_PARAMETER_VALUE"),
        (
            json!({ "zoneId": "SAO-A", "internetChargeType": "ByClusterBandwidth95" }),
            "OPERATION_FILED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
        ),
        (json!({ "internetMaxBandwidthOut": 10_001 }), "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM"),
        (json!({ "trafficPackageSize": 2.0 }), "INVALID_PARAMETER_TRAFFIC_PACKAGE_ERROR"),
        (
            json!({ "internetChargeType": "ByTrafficPackage", "trafficPackageSize": 5000.0 }),
            "INVALID_PARAMETER_TRAFFIC_PACKAGE_EXCEED",
        ),
        (json!({ "amount": 101 }), "INVALID_PARAMETER_EXCEED_MAXIMUM"),
        (json!({ "subnetId": "none" }), "INVALID_SUBNET_NOT_FOUND"),
        (json!({ "subnetId": "bsubnet-hkg" }), "INVALID_SUBNET_ZONE_MISMATCH"),
        (json!({ "instanceName": "x".repeat(65) }), "INVALID_PARAMETER_INSTANCE_NAME_EXCEED"),
        (json!({ "hostname": "x".repeat(65) }), "INVALID_PARAMETER_HOSTNAME_EXCEED"),
        (json!({ "hostname": "a_b" }), "INVALID_PARAMETER_HOSTNAME_MALFORMED"),
        (json!({ "imageId": "none" }), "INVALID_IMAGE_NOT_FOUND"),
        (json!({ "ipxeUrl": "ftp://boot" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "userData": "x".repeat(32 * 1024 + 1) }), "INVALID_PARAMETER_EXCEED_LENGTH"),
        (json!({ "password": "abcdefgh1!" }), "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED"),
        (json!({ "password": "Abcdefg1!", "sshKeys": [key] }), "INVALID_PARAMETER_INSTANCE_LOGIN_CONFLICT"),
        (json!({ "sshKeys": ["ssh-ed25519"] }), "INVALID_PARAMETER_SSH_KEY_MALFORMED"),
        (json!({ "sshKeys": [key, key] }), "INVALID_PARAMETER_SSH_KEY_DUPLICATE"),
        (
            json!({ "raidConfig": { "raidType": 1, "customRaids": [{ "raidType": 1 }] } }),
            "INVALID_RAID_CONFIG_FAST_CUSTOM_CONFLICT",
        ),
        (json!({ "raidConfig": { "raidType": 6 } }), "INVALID_INSTANCE_TYPE_RAID_NOT_SUPPORT"),
        (json!({ "raidConfig": { "raidType": 1 } }), "INVALID_PARAMETER_VALUE_RAID_DISK_MISMATCH"),
        (custom(1, json!([1, 5])), "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_RANGE"),
        (custom(1, json!([1, 1])), "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_DUPLICATE"),
        (custom(1, json!([1, 3])), "INVALID_PARAMETER_VALUE_RAID_DISK_DISORDER"),
        (custom(5, json!([1, 2])), "INVALID_PARAMETER_VALUE_RAID_DISK_MISMATCH"),
        (
            json!({ "imageId": null, "partitions": [{ "fsPath": "/", "fsType": "ext4", "size": 10 }] }),
            "INVALID_PARTITION_IMAGE_NOT_SET",
        ),
        (partitions(json!([{ "fsPath": "/", "size": 10 }])), "INVALID_PARTITION_NO_TYPE"),
        (partitions(json!([{ "fsPath": "/", "fsType": "ntfs", "size": 10 }])), "INVALID_PARTITION_MALFORMED"),
        (
            partitions(json!([{ "fsPath": "/var", "fsType": "ext4", "size": 10 }])),
            "INVALID_PARTITION_MISSING_REQUIRED_FILE_PATH",
        ),
        (
            partitions(json!([
                { "fsPath": "/var", "fsType": "ext4", "size": 10 },
                { "fsPath": "/", "fsType": "ext4", "size": 10 }
            ])),
            "INVALID_PARTITION_INVALID_ORDER",
        ),
        (
            partitions(json!([
                { "fsPath": "/", "fsType": "ext4", "size": 10 },
                { "fsPath": "/", "fsType": "ext4", "size": 10 }
            ])),
            "INVALID_PARTITION_DUPLICATE_FILE_PATH",
        ),
        (json!({ "nic": { "wanName": "lan9" } }), "INVALID_PARAMETER_NIC_NAME_MALFORMED"),
        (json!({ "nic": { "wanName": "eth00", "lanName": "eth00" } }), "INVALID_PARAMETER_NIC_NAME_CONFLICT"),
        (json!({ "tags": { "tags": [{ "value": "x" }] } }), "MISSING_PARAMETER"),
        (json!({ "resourceGroupId": "none" }), "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND"),
    ];
    for (members, wanted) in table {
        assert_eq!(
            code(&emulator, "CreateInstances", order_with(members.clone())).await,
            wanted,
            "{members}"
        );
    }
    assert_eq!(emulator.creates(), 0);
}

#[tokio::test]
async fn what_was_ordered_is_shown_by_both_versions() {
    let (emulator, clock, id) = running(json!({
        "amount": 2, "instanceName": "db[1,1]", "hostname": "host[1,1]", "subnetId": "bsubnet-sel",
        "raidConfig": { "customRaids": [{ "raidType": 1, "diskSequence": [1, 2] }] },
        "partitions": [{ "fsPath": "/", "fsType": "ext4", "size": 100 }],
        "nic": { "wanName": "wan9", "lanName": "lan9" },
        "tags": { "tags": [{ "key": "env", "value": "prod" }] },
    }))
    .await;
    let common = "instanceId zoneId instanceName hostname instanceTypeId instanceType imageId imageName ipxeUrl \
        instanceChargeType bandwidthOutMbps trafficPackageSize internetChargeType period primaryPublicIpAddress \
        publicIpAddresses privateIpAddresses ipv6Addresses subnetIds createTime expiredTime resourceGroupId \
        resourceGroupName instanceStatus partitions raidConfig nic autoRenew keyId tags enableGatewayMode";
    assert_eq!(members(&shown(&emulator, OLD, &id).await), words(common));
    let machine = shown(&emulator, NEW, &id).await;
    assert_eq!(members(&machine), words(&format!("{common} primaryPublicIPv6Address")));
    assert_eq!((&machine["instanceName"], &machine["hostname"]), (&json!("db1"), &json!("host1")));
    assert_eq!(machine["privateIpAddresses"], json!(["10.50.0.2"]));
    assert_eq!(machine["raidConfig"]["customRaids"][0]["diskSequence"], json!([1, 2]));
    assert_eq!(machine["partitions"][0]["size"], 100);
    assert_eq!(machine["nic"], json!({ "wanName": "wan9", "lanName": "lan9" }));
    assert_eq!(machine["instanceType"]["diskInfo"]["totalDiskSize"], 3840);

    let again =
        json!({ "instanceId": id, "imageId": UBUNTU, "hostname": "new", "raidConfig": { "raidType": 5 } });
    good(&emulator, "ReinstallInstance", again).await;
    assert_eq!(status(&emulator, &id).await, "INSTALLING");
    let one = json!({ "instanceId": id });
    assert_eq!(
        code(&emulator, "TerminateInstance", one).await,
        "OPERATION_DENIED_INSTANCE_STATUS_INSTALLING"
    );
    step(&clock, 2);
    let machine = shown(&emulator, OLD, &id).await;
    assert_eq!((&machine["instanceStatus"], &machine["hostname"]), (&json!("RUNNING"), &json!("new")));
    assert_eq!((&machine["raidConfig"]["raidType"], &machine["partitions"]), (&json!(5), &json!([])));
    good(&emulator, "ModifyInstanceBandwidth", json!({ "instanceId": id, "bandwidthOutMbps": 50 })).await;
    let internet = good(&emulator, "DescribeInstanceInternetStatus", json!({ "instanceId": id })).await;
    assert_eq!(
        (&internet["internetMaxBandwidthOut"], &internet["modifiedBandwidthStatus"]),
        (&json!(50), &json!("Enable"))
    );
}

#[tokio::test]
async fn an_elastic_address_goes_through_its_states() {
    let (emulator, clock, machine) = running(json!({})).await;
    let shown = async |id: &Value| {
        let list = good(&emulator, "DescribeEipAddresses", json!({ "eipIds": [id] })).await;
        list["dataSet"].get(0).cloned().unwrap_or_default()
    };
    let order = json!({ "zoneId": "SEL-A", "eipChargeType": "POSTPAID", "amount": 2 });
    let made = good(&emulator, "AllocateEipAddresses", order).await;
    let id = &made["eipIdSet"][0];
    assert_eq!(shown(id).await["eipStatus"], "CREATING");
    step(&clock, 2);
    let (one, bind) = (json!({ "eipId": id }), json!({ "eipId": id, "instanceId": machine }));
    good(&emulator, "AssociateEipAddress", bind.clone()).await;
    assert_eq!(shown(id).await["eipStatus"], "ASSOCIATING");
    step(&clock, 2);
    assert_eq!(
        (&shown(id).await["eipStatus"], &shown(id).await["instanceId"]),
        (&json!("ASSOCIATED"), &json!(machine))
    );
    assert_eq!(
        code(&emulator, "AssociateEipAddress", bind).await,
        "OPERATION_DENIED_EIP_STATUS_NOT_AVAILABLE"
    );
    good(&emulator, "UnAssociateEipAddress", one.clone()).await;
    step(&clock, 2);
    assert_eq!(shown(id).await["eipStatus"], "AVAILABLE");
    assert_eq!(
        code(&emulator, "UnAssociateEipAddress", one.clone()).await,
        "OPERATION_DENIED_EIP_STATUS_NOT_SUPPORT"
    );
    let many = json!({ "eipIds": [id] });
    assert_eq!(
        code(&emulator, "ReleaseEipAddresses", many.clone()).await,
        "OPERATION_DENIED_EIP_NOT_RECYCLED"
    );
    good(&emulator, "TerminateEipAddress", one.clone()).await;
    assert_eq!(shown(id).await["eipStatus"], "RECYCLE");
    assert_eq!(code(&emulator, "TerminateEipAddress", one).await, "OPERATION_DENIED_EIP_RECYCLED");
    good(&emulator, "ReleaseEipAddresses", many).await;
    assert_eq!(shown(id).await, Value::Null);
    let other = &made["eipIdSet"][1];
    good(&emulator, "TerminateEipAddress", json!({ "eipId": other })).await;
    step(&clock, DAY);
    assert_eq!(shown(other).await, Value::Null, "the bin is emptied");

    let prepaid =
        json!({ "zoneId": "SEL-A", "eipChargeType": "PREPAID", "eipChargePrepaid": { "period": 1 } });
    let made = good(&emulator, "AllocateEipAddresses", prepaid).await;
    let one = json!({ "eipId": made["eipIdSet"][0] });
    assert_eq!(code(&emulator, "TerminateEipAddress", one).await, "OPERATION_DENIED_EIP_SUBSCRIPTION");
    let none = json!({ "zoneId": "SEL-A", "eipChargeType": "POSTPAID", "netmask": 24 });
    assert_eq!(code(&emulator, "AllocateEipAddresses", none).await, "INVALID_EIP_TYPE_ZONE_NO_SELL");
}

#[tokio::test]
async fn a_machine_in_the_bin_gives_its_addresses_back() {
    let (emulator, clock, machine) = running(json!({})).await;
    let order = json!({ "zoneId": "SEL-A", "eipChargeType": "POSTPAID" });
    let id = good(&emulator, "AllocateEipAddresses", order).await["eipIdSet"][0].clone();
    step(&clock, 2);
    good(&emulator, "AssociateEipAddress", json!({ "eipId": id, "instanceId": machine })).await;
    step(&clock, 2);
    assert_eq!(shown(&emulator, OLD, &machine).await["publicIpAddresses"].as_array().unwrap().len(), 2);
    good(&emulator, "TerminateInstance", json!({ "instanceId": machine })).await;
    let list = good(&emulator, "DescribeEipAddresses", json!({})).await;
    assert_eq!(
        (&list["dataSet"][0]["eipStatus"], &list["dataSet"][0]["instanceId"]),
        (&json!("AVAILABLE"), &Value::Null)
    );
}

#[tokio::test]
async fn the_catalog_and_the_prices_of_both_versions() {
    let (emulator, _) = emulator().await;
    for version in [OLD, NEW] {
        let ask =
            async |action: &str, body: Value| call(&emulator, "bmc", action, version, &body).await.good();
        assert_eq!(ask("DescribeZones", json!({})).await["zoneSet"].as_array().unwrap().len(), 4);
        let types =
            ask("DescribeInstanceTypes", json!({ "minimumMemorySize": 128, "supportRaids": [10] })).await;
        assert_eq!(types["instanceTypes"].as_array().unwrap().len(), 3);
        let sold_out = ask("DescribeAvailableResources", json!({ "sellStatus": "SOLD_OUT" })).await;
        assert_eq!(sold_out["availableResources"][0]["instanceTypeId"], "N2X");
        assert_eq!(sold_out["availableResources"].as_array().unwrap().len(), 1);
        let images = ask("DescribeImages", json!({ "catalog": "ubuntu" })).await;
        assert_eq!(images["images"][0]["imageId"], UBUNTU);
        assert_eq!(ask("DescribeSubnets", json!({ "zoneId": "HKG-A" })).await["totalCount"], 1);
        let masks = ask("DescribeEipAvailableResources", json!({ "zoneId": "SEL-A" })).await;
        assert_eq!(masks["eipResources"].as_array().unwrap().len(), 3);
        let price = json!({
            "zoneId": "SEL-A", "instanceTypeId": "S9I", "instanceChargeType": "PREPAID",
            "instanceChargePrepaid": { "period": 1 }, "internetChargeType": "ByBandwidth",
        });
        let price = ask("InquiryPriceCreateInstance", price).await;
        assert_eq!(price["instancePrice"]["originalPrice"], json!(224.0));
        assert_eq!(price["instancePrice"].as_object().unwrap().contains_key("category"), version == NEW);
        assert!(price["bandwidthPrice"].is_array());
    }
}
