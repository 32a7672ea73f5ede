//! zec machines: the calls of Terraform one by one, the order's fields, the shapes of both versions.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::emulator::testing::{call, emulator, members, words};
use crate::emulator::{Emulator, Fault, On, Status, Times};

const OLD: &str = "2024-04-01";
const NEW: &str = "2025-09-01";
const RESEARCH: &str = "c4a8e6f0-1b2d-4e3f-a596-8778695a4b3c";

fn order() -> Value {
    json!({
        "zoneId": "asia-east-1a",
        "instanceType": "z2a.cpu.1",
        "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8"
    })
}

fn order_with(members: Value) -> Value {
    let mut body = order();
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

async fn good(emulator: &Emulator, action: &str, body: &Value) -> Map<String, Value> {
    call(emulator, "zec", action, NEW, body).await.good()
}

/// The code of a refusal, or "ok".
async fn code(emulator: &Emulator, action: &str, body: &Value) -> String {
    let reply = call(emulator, "zec", action, NEW, body).await;
    if reply.status == 200 { "ok".to_owned() } else { reply.refusal().1 }
}

fn step(clock: &Clock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

/// The machine as DescribeInstances shows it to Terraform, which asks the older version.
async fn shown(emulator: &Emulator, version: &str, id: &str) -> Value {
    let list =
        call(emulator, "zec", "DescribeInstances", version, &json!({ "instanceIds": [id] })).await.good();
    list["dataSet"].get(0).cloned().unwrap_or_default()
}

async fn running(members: Value) -> (Emulator, Clock, String) {
    let (emulator, clock) = emulator().await;
    let made = good(&emulator, "CreateZecInstances", &order_with(members)).await;
    step(&clock, 6);
    let id = made["instanceIdSet"][0].as_str().unwrap().to_owned();
    (emulator, clock, id)
}

#[tokio::test]
async fn terraform_creates_changes_and_destroys_a_machine_with_its_network() {
    let (emulator, clock) = emulator().await;
    let vpc = json!({ "name": "foo", "cidrBlock": "10.1.0.0/16", "mtu": 1500 });
    let vpc = call(&emulator, "zec", "CreateVpc", OLD, &vpc).await.good()["vpcId"].clone();
    let subnet =
        json!({ "vpcId": vpc, "regionId": "asia-east-1", "name": "bar", "cidrBlock": "10.1.0.0/24" });
    let subnet = call(&emulator, "zec", "CreateSubnet", OLD, &subnet).await.good()["subnetId"].clone();
    let group = json!({ "securityGroupName": "sg" });
    let group = good(&emulator, "CreateSecurityGroup", &group).await["securityGroupId"].clone();

    let body = order_with(json!({
        "instanceCount": 1, "instanceName": "Terraform-Instance", "password": "Abcdef12345!",
        "subnetId": subnet, "systemDisk": { "diskSize": 20 }, "enableAgent": true,
    }));
    let made = call(&emulator, "zec", "CreateZecInstances", OLD, &body).await.good();
    let id = made["instanceIdSet"][0].as_str().unwrap();
    assert_eq!(shown(&emulator, OLD, id).await["status"], "DEPLOYING");
    step(&clock, 6);
    let machine = shown(&emulator, OLD, id).await;
    assert_eq!(machine["status"], "RUNNING");
    assert_eq!((&machine["enableAgent"], &machine["enableIpForward"]), (&json!(true), &json!(false)));
    assert_eq!((&machine["subnetId"], &machine["privateIpAddresses"]), (&subnet, &json!(["10.1.0.2"])));

    // The changes Terraform makes, each followed by what it waits for.
    let one = json!({ "instanceId": id });
    let many = json!({ "instanceIds": [id] });
    let with = |members: Value| {
        let mut body = many.clone();
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    good(&emulator, "ModifyInstancesAttribute", &with(json!({ "instanceName": "renamed" }))).await;
    let retag = json!({ "resourceUuid": id, "replaceTags": [{ "key": "env", "value": "prod" }] });
    call(&emulator, "zrm", "ModifyResourceTags", "2025-10-14", &retag).await.good();
    let regroup = json!({ "resourceGroupId": RESEARCH, "resources": [id] });
    call(&emulator, "user", "AddResourceResourceGroup", "2024-05-29", &regroup).await.good();
    good(&emulator, "StartIpForward", &one).await;
    let nics = good(&emulator, "DescribeNetworkInterfaces", &json!({ "instanceId": id })).await;
    let nic = &nics["dataSet"][0];
    assert_eq!((&nic["nicType"], &nic["securityGroupId"]), (&json!("Primary"), &json!("zsg-default")));
    let guard = json!({ "nicId": nic["nicId"], "name": "", "securityGroupId": group });
    good(&emulator, "ModifyNetworkInterfaceAttribute", &guard).await;
    let image = "img-d4bF7mQ2Zr9TnVw6Ys3KxLp8H";
    let reset = json!({ "instanceId": id, "imageId": image, "keyId": "key-YWD2QFOl", "enableAgent": false });
    assert_eq!(code(&emulator, "ResetInstance", &reset).await, "OPERATION_DENIED_INSTANCE_STATUS");
    good(&emulator, "StopInstances", &many).await;
    step(&clock, 2);
    good(&emulator, "ResetInstance", &reset).await;
    assert_eq!(shown(&emulator, OLD, id).await["status"], "REBUILDING");
    step(&clock, 2);
    good(&emulator, "ResetInstancePassword", &json!({ "instanceId": id, "password": "Zyxwvu98765~" })).await;
    let machine = shown(&emulator, NEW, id).await;
    assert_eq!((&machine["status"], &machine["instanceName"]), (&json!("RUNNING"), &json!("renamed")));
    assert_eq!((&machine["imageId"], &machine["keyId"]), (&json!(image), &json!("key-YWD2QFOl")));
    assert_eq!((&machine["enableIpForward"], &machine["enableAgent"]), (&json!(true), &json!(false)));
    assert_eq!((&machine["securityGroupId"], &machine["nics"][0]["securityGroupId"]), (&group, &group));
    assert_eq!(machine["tags"]["tags"], json!([{ "key": "env", "value": "prod" }]));
    assert_eq!(machine["nics"][0]["resourceGroup"]["resourceGroupId"], RESEARCH);
    assert_eq!(emulator.instances()[0].security_groups, [group.as_str().unwrap()]);

    // The way back: what is in use stays, and the second release gives it back at once.
    assert_eq!(
        code(&emulator, "DeleteSubnet", &json!({ "subnetId": subnet })).await,
        "OPERATION_DENIED_SUBNET_EXIST_INSTANCE"
    );
    call(&emulator, "zec", "ReleaseInstances", OLD, &many).await.good();
    assert_eq!(shown(&emulator, OLD, id).await["status"], "RECYCLING");
    step(&clock, 2);
    assert_eq!(shown(&emulator, OLD, id).await["status"], "RECYCLE");
    call(&emulator, "zec", "ReleaseInstances", OLD, &many).await.good();
    good(&emulator, "DeleteSubnet", &json!({ "subnetId": subnet })).await;
    good(&emulator, "DeleteVpc", &json!({ "vpcId": vpc })).await;
    good(&emulator, "DeleteSecurityGroup", &json!({ "securityGroupId": group })).await;
    step(&clock, 2);
    assert_eq!(shown(&emulator, OLD, id).await, Value::Null);
    assert_eq!(code(&emulator, "ReleaseInstances", &many).await, "INVALID_INSTANCE_NOT_FOUND");
}

#[tokio::test]
async fn a_machine_moves_to_another_group_and_model() {
    let (emulator, clock, id) = running(json!({})).await;
    let regroup = json!({ "instanceIds": [id], "resourceGroupId": RESEARCH });
    call(&emulator, "zec", "ModifyInstancesResourceGroup", OLD, &regroup).await.good();
    assert_eq!(shown(&emulator, NEW, &id).await["resourceGroupName"], "research");
    let resize = json!({ "instanceId": id, "instanceType": "z2a.cpu.4" });
    let reply = call(&emulator, "zec", "ModifyInstanceType", OLD, &resize).await.good();
    assert!(reply["orderNumber"].is_string());
    let machine = shown(&emulator, NEW, &id).await;
    assert_eq!((&machine["status"], &machine["cpu"]), (&json!("RESIZING"), &json!(4)));
    assert_eq!(
        code(&emulator, "StopInstances", &json!({ "instanceIds": [id] })).await,
        "OPERATION_DENIED_INSTANCE_STATUS"
    );
    step(&clock, 2);
    assert_eq!(emulator.instances()[0].status, Status::Running);
    assert_eq!(code(&emulator, "ModifyInstanceType", &resize).await, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn power_moves_through_its_states() {
    let (emulator, clock, id) = running(json!({})).await;
    let many = json!({ "instanceIds": [id] });
    for (action, through, end) in [
        ("StopInstances", "STOPPING", "STOPPED"),
        ("StartInstances", "BOOTING", "RUNNING"),
        ("RebootInstances", "REBOOT", "RUNNING"),
    ] {
        let reply = good(&emulator, action, &many).await;
        assert_eq!(reply["instanceIds"], json!([]), "none failed");
        for state in [through, end] {
            let list = good(&emulator, "DescribeInstancesStatus", &many).await;
            assert_eq!(list["dataSet"], json!([{ "instanceId": id, "instanceStatus": state }]), "{action}");
            step(&clock, 2);
        }
    }
    let stop = json!({ "instanceIds": [id, "none"] });
    assert_eq!(code(&emulator, "StopInstances", &stop).await, "INVALID_INSTANCE_NOT_FOUND");
    assert_eq!(shown(&emulator, NEW, &id).await["status"], "RUNNING", "all or none");
}

#[tokio::test]
async fn every_field_of_the_order_is_checked() {
    let (emulator, _) = emulator().await;
    let table = [
        (json!({ "zoneId": "" }), "MISSING_PARAMETER"),
        (json!({ "zoneId": "SEL-A" }), "INVALID_ZONE_NOT_FOUND"),
        (json!({ "instanceType": "c.1c2g" }), "INVALID_INSTANCE_TYPE_NOT_FOUND"),
        (json!({ "instanceType": "z2a.cpu.16" }), "RESOURCES_SOLDOUT_INSTANCE_TYPE"),
        (
            json!({ "zoneId": "sa-east-1a", "instanceType": "z2a.cpu.8" }),
            "INVALID_INSTANCE_TYPE_ZONE_NO_SELL",
        ),
        (json!({ "imageId": null }), "MISSING_PARAMETER"),
        (json!({ "imageId": "img-none" }), "INVALID_IMAGE_NOT_FOUND"),
        (json!({ "instanceCount": 101 }), "INVALID_PARAMETER_EXCEED_MAXIMUM"),
        (json!({ "instanceCount": 0 }), "INVALID_PARAMETER_LESS_MINIMUM"),
        (json!({ "instanceCount": "2" }), "INVALID_PARAMETER_TYPE"),
        (json!({ "instanceName": "a" }), "INVALID_PARAMETER_INSTANCE_NAME_EXCEED"),
        (json!({ "instanceName": "a b" }), "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED"),
        (json!({ "instanceName": "web-" }), "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED"),
        (json!({ "password": "Ab1!" }), "INVALID_PASSWORD_MALFORMED"),
        (json!({ "password": "Abcdef12345" }), "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED"),
        (json!({ "password": "Abcdef1234!", "keyId": "key-YWD2QFOl" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "keyId": "key-none" }), "INVALID_PARAMETER_VALUE"),
        (
            json!({ "imageId": "img-w9Rk3NcX7tGv5JqZ2mBs8PfLd", "keyId": "key-YWD2QFOl" }),
            "INVALID_PARAMETER_VALUE",
        ),
        (json!({ "systemDisk": { "diskSize": 10 } }), "INVALID_SYSTEM_DISK_SIZE"),
        (json!({ "systemDisk": { "diskSize": 501 } }), "INVALID_SYSTEM_DISK_EXCEED_LIMIT"),
        (json!({ "systemDisk": { "diskCategory": "SSD" } }), "INVALID_PARAMETER_VALUE"),
        (json!({ "dataDisks": [{}] }), "MISSING_PARAMETER"),
        (json!({ "dataDisks": [{ "diskSize": 10 }] }), "INVALID_DISK_SIZE_LESS_MINIMUM"),
        (json!({ "dataDisks": [{ "diskSize": 99_999 }] }), "INVALID_DISK_SIZE_EXCEED_MAXIMUM"),
        (json!({ "dataDisks": [{ "diskSize": 20, "diskAmount": 2 }] }), "INVALID_PARAMETER_EXCEED_LENGTH"),
        (json!({ "subnetId": "subnet-none" }), "INVALID_SUBNET_NOT_FOUND"),
        (json!({ "subnetId": "zsubnet-na-west" }), "OPERATION_DENIED_SUBNET_ZONE_MISMATCH"),
        (json!({ "lanIp": "10.0.0.9" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "ipStackType": "IPv4_IPv6" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "securityGroupId": "sg-none" }), "INVALID_SECURITY_GROUP_NOT_FOUND"),
        (
            json!({ "zoneId": "sa-east-1a", "securityGroupId": "sg-web" }),
            "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
        ),
        (json!({ "resourceGroupId": "none" }), "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND"),
        (json!({ "tags": [{ "key": "a", "value": "b" }] }), "INVALID_PARAMETER_TYPE"),
        (
            json!({ "tags": { "tags": [{ "key": "a", "value": "1" }, { "key": "a", "value": "2" }] } }),
            "INVALID_PARAMETER_VALUE",
        ),
        (json!({ "internetChargeType": "ByBandwidth" }), "MISSING_PARAMETER"),
        (json!({ "internetChargeType": "ByTraffic", "bandwidth": 5 }), "INVALID_PARAMETER_VALUE"),
        (
            json!({ "internetChargeType": "ByBandwidth", "bandwidth": 501 }),
            "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM",
        ),
        (
            json!({ "internetChargeType": "ByBandwidth", "bandwidth": 5, "trafficPackageSize": 1.5 }),
            "INVALID_PARAMETER_TRAFFIC_PACKAGE",
        ),
        (json!({ "internetChargeType": "BandwidthCluster", "bandwidth": 5 }), "MISSING_PARAMETER"),
        (json!({ "eipIds": ["eip-none"] }), "OPERATION_FAILED_RESOURCE_NOT_FOUND"),
        (json!({ "eipIds": ["a", "b"] }), "INVALID_PARAMETER_VALUE"),
        (json!({ "timeZone": "Mars/Olympus" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "enableAgent": "yes" }), "INVALID_PARAMETER_TYPE"),
        (json!({ "enableIpForward": 1 }), "INVALID_PARAMETER_TYPE"),
        (json!({ "userData": "x".repeat(32 * 1024 + 1) }), "INVALID_PARAMETER_EXCEED_LENGTH"),
        (json!({ "placementGroupId": "pg" }), "OPERATION_FAILED_RESOURCE_NOT_FOUND"),
    ];
    for (members, wanted) in table {
        assert_eq!(
            code(&emulator, "CreateZecInstances", &order_with(members.clone())).await,
            wanted,
            "{members}"
        );
    }
    assert_eq!((emulator.creates(), emulator.instance_count()), (0, 0));
}

#[tokio::test]
async fn names_are_numbered_and_addresses_follow_each_other() {
    let (emulator, _, _) = running(json!({
        "instanceCount": 3, "instanceName": "web_[8,2]", "lanIp": "10.100.0.20",
        "internetChargeType": "ByBandwidth", "bandwidth": 5,
    }))
    .await;
    let list = good(&emulator, "DescribeInstances", &json!({ "name": "web" })).await;
    let of = |member: &str| -> Vec<Value> {
        list["dataSet"].as_array().unwrap().iter().rev().map(|machine| machine[member].clone()).collect()
    };
    assert_eq!(of("instanceName"), ["web08", "web09", "web10"]);
    assert_eq!(
        of("privateIpAddresses"),
        [json!(["10.100.0.20"]), json!(["10.100.0.21"]), json!(["10.100.0.22"])]
    );
    let public = of("publicIpAddresses");
    assert!(public.iter().all(|list| list.as_array().unwrap().len() == 1) && public[0] != public[1]);
    let by_public = json!({ "ipv4Address": public[1][0] });
    assert_eq!(good(&emulator, "DescribeInstances", &by_public).await["dataSet"][0]["instanceName"], "web09");
}

#[tokio::test]
async fn both_versions_show_exactly_the_members_of_their_model() {
    let (emulator, _, id) = running(json!({ "dataDisks": [{ "diskSize": 20 }] })).await;
    let common = "instanceId instanceName zoneId instanceType cpu memory imageId imageName timeZone nicNetworkType \
        status systemDisk dataDisks publicIpAddresses privateIpAddresses keyId subnetId enableAgent \
        enableAgentMonitor enableIpForward createTime expiredTime resourceGroupId resourceGroupName nics";
    let newer = "securityGroupId tags loadBalancerIds placementGroupId instanceOptions";
    let nic = "nicId name status nicType regionId nicSubnetType publicIpList privateIpList primaryIpv4 primaryIpv6 \
        ipv6Cidr secondaryIpv4s macAddress instanceId vpcId subnetId createTime updateTime resourceGroup";
    for (version, machine_members, nic_members, disk_members) in [
        (OLD, common.to_owned(), nic.to_owned(), "diskId diskSize diskName diskCategory portable"),
        (
            NEW,
            format!("{common} {newer}"),
            format!("{nic} securityGroupId tags"),
            "diskId diskSize diskName diskCategory portable burstingEnabled",
        ),
    ] {
        let machine = shown(&emulator, version, &id).await;
        assert_eq!(members(&machine), words(&machine_members), "{version}");
        assert_eq!(members(&machine["nics"][0]), words(&nic_members), "{version}");
        assert_eq!(members(&machine["dataDisks"][0]), words(disk_members), "{version}");
        let nics = call(&emulator, "zec", "DescribeNetworkInterfaces", version, &json!({})).await.good();
        assert_eq!(nics["dataSet"][0], machine["nics"][0]);
    }
}

#[tokio::test]
async fn failed_and_vanished_creates_leave_nothing_behind() {
    let (emulator, clock) = emulator().await;
    let ordered = || On::action("zec", "CreateZecInstances");
    emulator.script(Fault::Vanishes, ordered(), Times::Exactly(1));
    let body = order_with(json!({ "internetChargeType": "ByBandwidth", "bandwidth": 5 }));
    good(&emulator, "CreateZecInstances", &body).await;
    emulator.script(Fault::CreateFails, ordered(), Times::Exactly(1));
    let made = good(&emulator, "CreateZecInstances", &body).await;
    step(&clock, 6);
    assert_eq!(emulator.instances()[0].status, Status::CreateFailed);
    good(&emulator, "ReleaseInstances", &json!({ "instanceIds": made["instanceIdSet"] })).await;
    assert_eq!(emulator.instance_count(), 0);
    for (action, total) in [
        ("DescribeNetworkInterfaces", 0),
        ("DescribeEips", 0),
        ("DescribeDisks", 0),
        ("DescribeInstances", 0),
    ] {
        assert_eq!(good(&emulator, action, &json!({})).await["totalCount"], total, "{action}");
    }
    let subnet = good(&emulator, "DescribeSubnets", &json!({ "regionId": "asia-east-1" })).await;
    assert_eq!(subnet["dataSet"][0]["usageIpv4Count"], 0);
}

#[tokio::test]
async fn the_catalog_prices_and_capacity_of_both_versions() {
    let (emulator, _) = emulator().await;
    for version in [OLD, NEW] {
        let ask =
            async |action: &str, body: Value| call(&emulator, "zec", action, version, &body).await.good();
        assert_eq!(ask("DescribeZones", json!({})).await["zoneSet"].as_array().unwrap().len(), 5);
        let models = ask("DescribeZoneInstanceConfigInfos", json!({ "zoneId": "sa-east-1a" })).await;
        let models = models["instanceTypeQuotaSet"].as_array().unwrap();
        assert_eq!((models.len(), &models[3]["withStock"]), (4, &json!(false)));
        let images = ask("DescribeImages", json!({ "zoneId": "asia-east-1a", "category": "Ubuntu" })).await;
        assert_eq!((&images["totalCount"], images["dataSet"][0]["imageSize"].is_string()), (&json!(1), true));
        let zones = ask("DescribeTimeZones", json!({})).await;
        assert!(zones["timeZones"].as_array().unwrap().contains(&json!("UTC")));
        let price = json!({
            "zoneId": "asia-east-1a", "instanceType": "z2a.cpu.2", "bandwidth": 10,
            "internetChargeType": "ByBandwidth", "dataDisk": { "diskSize": 40 },
        });
        let price = ask("InquiryPriceCreateInstance", price).await;
        assert_eq!((&price["specPrice"]["unitPrice"], &price["gpuPrice"]), (&json!(0.26), &Value::Null));
        assert_eq!(price["ipv4BandwidthPrice"]["chargeUnit"], "HOUR");
        assert_eq!(price["dataDiskPrice"]["unitPrice"], json!(0.025));
        assert_eq!(price.contains_key("ipv4BandwidthPrices"), version == NEW);
    }
    let capacity = good(&emulator, "DescribeVmInventoryCapacity", &json!({})).await;
    assert_eq!(capacity["dataSet"][0]["capacity"], "SUFFICIENT");
}
