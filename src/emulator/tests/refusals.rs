//! What vm refuses around a create, each with its code, and refusals that a script makes up.

use std::time::Duration;

use serde_json::{Value, json};

use super::shapes;
use crate::emulator::testing::{call, created, emulator, sample, vm};
use crate::emulator::{Emulator, Fault, On, Preset, Times, actions};

/// A running machine in SEL-A, one in SAO-A, and a free disk in HKG-A.
async fn account() -> (Emulator, crate::clock::Clock, [String; 3]) {
    let (emulator, clock) = emulator().await;
    let machine = created(&emulator, json!({})).await;
    let other = created(&emulator, json!({ "zoneId": "SAO-A" })).await;
    let disk = vm(&emulator, "CreateDisks", &json!({ "zoneId": "HKG-A", "diskSize": 40 })).await.good();
    clock.advance(Duration::from_secs(6));
    let disk = disk["diskIds"][0].as_str().unwrap().to_owned();
    (emulator, clock, [machine, other, disk])
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let (emulator, clock, [machine, other, disk]) = account().await;
    let new = created(&emulator, json!({ "securityGroupId": "sg-web" })).await;
    let binned = created(&emulator, json!({})).await;
    clock.advance(Duration::from_secs(6));
    let fresh = created(&emulator, json!({ "securityGroupId": "sg-closed" })).await;
    vm(&emulator, "TerminateInstance", &json!({ "instanceId": binned })).await.good();
    for group in ["sg-web", "sg-closed"] {
        let pair = json!({ "securityGroupId": group, "instanceId": machine });
        vm(&emulator, "AssociateSecurityGroupInstance", &pair).await.good();
    }
    let join = |group: &str, machine: &str| json!({ "securityGroupId": group, "instanceId": machine });
    let rule = |members: Value| {
        let mut rule = json!({ "direction": "ingress", "ipProtocol": "tcp", "portRange": "22/22" });
        rule.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({ "securityGroupId": "sg-web", "ruleInfos": [rule] })
    };
    let many: Vec<Value> = (1..=21)
        .map(|port| json!({ "direction": "egress", "ipProtocol": "udp", "portRange": format!("{port}/{port}") }))
        .collect();
    let subnet = |members: Value| {
        let mut body = json!({ "zoneId": "SEL-A", "cidrBlock": "10.0.1.0/24", "subnetName": "one" });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let attach = |machine: &str| json!({ "diskIds": [disk], "instanceId": machine });
    let disks = |members: Value| {
        let mut body = json!({ "zoneId": "SEL-A", "diskSize": 40 });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    vm(&emulator, "CreateSubnet", &subnet(json!({}))).await.good();
    let table: Vec<(&str, Value, u16, &str)> = vec![
        (
            "AssociateSecurityGroupInstance",
            join("sg-default", &machine),
            403,
            "OPERATION_DENIED_INSTANCE_SECURITY_GROUP_EXCEED_LIMIT",
        ),
        (
            "AssociateSecurityGroupInstance",
            join("sg-creating", &new),
            403,
            "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_AVAILABLE",
        ),
        ("AssociateSecurityGroupInstance", join("sg-none", &new), 404, "INVALID_SECURITY_GROUP_NOT_FOUND"),
        ("AssociateSecurityGroupInstance", join("sg-web", "none"), 404, "INVALID_INSTANCE_NOT_FOUND"),
        (
            "AssociateSecurityGroupInstance",
            join("sg-web", &other),
            403,
            "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
        ),
        ("AssociateSecurityGroupInstance", join("sg-web", &fresh), 403, "OPERATION_DENIED_INSTANCE_CREATING"),
        (
            "AssociateSecurityGroupInstance",
            join("sg-web", &binned),
            403,
            "OPERATION_FAILED_FOR_RECYCLE_RESOURCE",
        ),
        (
            "UnAssociateSecurityGroupInstance",
            join("sg-none", &machine),
            404,
            "INVALID_SECURITY_GROUP_NOT_FOUND",
        ),
        (
            "DeleteSecurityGroup",
            json!({ "securityGroupId": "sg-none" }),
            404,
            "INVALID_SECURITY_GROUP_NOT_FOUND",
        ),
        (
            "DeleteSecurityGroup",
            json!({ "securityGroupId": "sg-default" }),
            403,
            "OPERATION_DENIED_DEFAULT_SECURITY_GROUP_NOT_SUPPORT",
        ),
        (
            "DeleteSecurityGroup",
            json!({ "securityGroupId": "sg-creating" }),
            403,
            "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_SUPPORT",
        ),
        (
            "DeleteSecurityGroup",
            json!({ "securityGroupId": "sg-web" }),
            403,
            "OPERATION_DENIED_SECURITY_GROUP_EXIST_INSTANCE",
        ),
        (
            "DeleteSecurityGroup",
            json!({ "securityGroupId": "sg-closed" }),
            403,
            "OPERATION_DENIED_SECURITY_GROUP_EXIST_PRE_PRODUCT_INSTANCE",
        ),
        (
            "ModifySecurityGroupsAttribute",
            json!({ "securityGroupIds": ["sg-default"], "securityGroupName": "x" }),
            403,
            "OPERATION_DENIED_DEFAULT_SECURITY_GROUP_NOT_SUPPORT",
        ),
        (
            "CreateSecurityGroup",
            json!({ "securityGroupName": "no spaces" }),
            400,
            "INVALID_PARAMETER_PATTERN_ERROR",
        ),
        (
            "AuthorizeSecurityGroupRules",
            rule(json!({ "policy": "drop" })),
            400,
            "INVALID_PARAMETER_SECURITY_GROUP_POLICY",
        ),
        (
            "AuthorizeSecurityGroupRules",
            rule(json!({ "portRange": "9/1" })),
            400,
            "INVALID_PARAMETER_SECURITY_GROUP_PORT_RANGE",
        ),
        (
            "AuthorizeSecurityGroupRules",
            rule(json!({ "priority": 101 })),
            400,
            "INVALID_PARAMETER_SECURITY_GROUP_PRIORITY",
        ),
        (
            "AuthorizeSecurityGroupRules",
            rule(json!({ "cidrIp": "all" })),
            400,
            "INVALID_PARAMETER_SECURITY_GROUP_SOURCE_CIDR_IP",
        ),
        (
            "AuthorizeSecurityGroupRules",
            rule(json!({ "ruleId": "1" })),
            400,
            "INVALID_PARAMETER_SECURITY_GROUP_RULE_ID_NOT_ALLOW",
        ),
        ("AuthorizeSecurityGroupRules", rule(json!({ "direction": "in" })), 400, "INVALID_PARAMETER_VALUE"),
        ("AuthorizeSecurityGroupRules", json!({ "securityGroupId": "sg-web" }), 400, "MISSING_PARAMETER"),
        (
            "ConfigureSecurityGroupRules",
            json!({ "securityGroupId": "sg-web", "ruleInfos": many }),
            403,
            "OPERATION_DENIED_SECURITY_GROUP_RULE_EXCEED_LIMIT",
        ),
        ("CreateSubnet", subnet(json!({})), 400, "INVALID_PARAMETER_VALUE"),
        (
            "CreateSubnet",
            subnet(json!({ "cidrBlock": "10.0.1.1/24" })),
            400,
            "INVALID_PARAMETER_PATTERN_ERROR",
        ),
        (
            "CreateSubnet",
            subnet(json!({ "cidrBlock": "11.0.0.0/24" })),
            400,
            "INVALID_PARAMETER_PATTERN_ERROR",
        ),
        ("CreateSubnet", subnet(json!({ "zoneId": "X" })), 404, "INVALID_ZONE_NOT_FOUND"),
        (
            "DeleteSubnet",
            json!({ "subnetId": "subnet-sel-main" }),
            403,
            "OPERATION_DENIED_DEFAULT_SUBNET_NOT_SUPPORT",
        ),
        ("CreateDisks", disks(json!({ "zoneId": "SAO-A" })), 400, "INVALID_DISK_ZONE_NO_SELL"),
        ("CreateDisks", disks(json!({ "diskSize": 5 })), 400, "INVALID_DISK_SIZE_LESS_MINIMUM"),
        ("CreateDisks", disks(json!({ "diskAmount": 51 })), 400, "INVALID_PARAMETER_EXCEED_MAXIMUM"),
        (
            "CreateDisks",
            disks(json!({ "instanceId": machine, "diskAmount": 11 })),
            400,
            "INVALID_PARAMETER_EXCEED_LENGTH",
        ),
        ("CreateDisks", disks(json!({ "instanceId": "none" })), 404, "INVALID_INSTANCE_NOT_FOUND"),
        (
            "CreateDisks",
            disks(json!({ "resourceGroupId": "none" })),
            404,
            "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND",
        ),
        ("CreateDisks", disks(json!({ "chargeType": "PREPAID" })), 400, "MISSING_PARAMETER"),
        ("AttachDisks", attach(&machine), 403, "OPERATION_DENIED_DISK_ZONE_MISMATCH"),
        ("AttachDisks", json!({ "diskIds": ["none"], "instanceId": machine }), 404, "INVALID_DISK_NOT_FOUND"),
        ("ResizeDisk", json!({ "diskId": disk, "diskSize": 40 }), 400, "INVALID_DISK_SIZE_LESS_MINIMUM"),
        ("RenewDisk", json!({ "diskId": disk }), 403, "UNSUPPORTED_OPERATION_DISK_UNAVAILABLE"),
        (
            "ModifyInstanceBandwidth",
            json!({ "instanceId": machine, "internetMaxBandwidthOut": 201 }),
            400,
            "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM",
        ),
        (
            "ModifyInstanceTrafficPackage",
            json!({ "instanceId": machine, "trafficPackageSize": 2 }),
            403,
            "OPERATION_DENIED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
        ),
        (
            "ModifyInstanceType",
            json!({ "instanceId": machine, "instanceTypeId": "c.3c3g" }),
            404,
            "INVALID_INSTANCE_TYPE_NOT_FOUND",
        ),
        (
            "ModifyInstanceType",
            json!({ "instanceId": other, "instanceTypeId": "c.16c32g" }),
            400,
            "INVALID_INSTANCE_TYPE_ZONE_NO_SELL",
        ),
        (
            "ModifyInstanceType",
            json!({ "instanceId": fresh, "instanceTypeId": "c.2c4g" }),
            403,
            "OPERATION_DENIED_INSTANCE_CREATING",
        ),
        ("ResetInstance", json!({ "instanceId": machine }), 403, "OPERATION_DENIED_INSTANCE_STATUS"),
    ];
    for (action, body, status, code) in table {
        let reply = vm(&emulator, action, &body).await;
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{action} {body}");
    }
}

#[tokio::test]
async fn disks_are_made_on_a_machine_and_change_it() {
    let (emulator, clock, [machine, _, _]) = account().await;
    let second = created(&emulator, json!({})).await;
    let make = json!({ "instanceId": machine, "diskSize": 40, "diskAmount": 2 });
    let ids = vm(&emulator, "CreateDisks", &make).await.good()["diskIds"].clone();
    clock.advance(Duration::from_secs(6));
    vm(&emulator, "ChangeDisksAttach", &json!({ "diskIds": ids, "instanceId": second })).await.good();
    let list = vm(&emulator, "DescribeDisks", &json!({ "diskIds": ids })).await.good();
    let disk = shapes::page(&list, shapes::DISK);
    assert_eq!((&disk["diskStatus"], &disk["instanceId"]), (&json!("CHANGING"), &json!(second)));
    clock.advance(Duration::from_secs(6));
    let table = [
        (json!({ "instanceId": second }), 3),
        (json!({ "diskStatus": "IN_USE", "diskType": "DATA" }), 2),
        (json!({ "diskSize": 40, "zoneId": "SEL-A" }), 2),
        (json!({ "diskName": "data-disk", "diskCategory": "SSD" }), 3),
        (json!({ "tagKeys": ["env"] }), 0),
        (json!({ "resourceGroupId": crate::emulator::seed::RESOURCE_GROUP }), 0),
    ];
    for (body, count) in table {
        let list = vm(&emulator, "DescribeDisks", &body).await.good();
        assert_eq!(list["totalCount"], count, "{body}");
    }
    let resize = json!({ "diskId": ids[0], "diskSize": 60 });
    vm(&emulator, "ResizeDisk", &resize).await.good();
    let shown = vm(&emulator, "DescribeInstances", &json!({ "instanceIds": [second] })).await.good();
    assert_eq!(shown["dataSet"][0]["dataDisks"][0]["diskSize"], 60);
}

#[tokio::test]
async fn what_is_sold_has_its_shapes() {
    let (emulator, _, [machine, _, _]) = account().await;
    let good = |action: &'static str, body: Value| {
        let emulator = &emulator;
        async move { call(emulator, "vm", action, "", &body).await.good() }
    };
    shapes::items(&good("DescribeZones", json!({})).await, "zoneSet", shapes::ZONE);
    let models = good("DescribeZoneInstanceConfigInfos", json!({ "instanceChargeType": "POSTPAID" })).await;
    shapes::items(&models, "instanceTypeQuotaSet", shapes::CONFIG);
    shapes::page(&good("DescribeImages", json!({ "zoneId": "SEL-A" })).await, shapes::IMAGE);
    shapes::has(&good("DescribeImage", json!({ "imageId": sample()["imageId"] })).await, shapes::IMAGE);
    let capacity = good("DescribeVmInventoryCapacity", json!({})).await;
    shapes::items(&capacity, "dataSet", "zoneId:s capacity:s");
    let categories = good("DescribeDiskCategory", json!({ "diskCategory": "SSD" })).await;
    shapes::items(&categories, "categoryZoneSet", "zoneId:s categorySet:[s]");
    assert_eq!(categories["categoryZoneSet"].as_array().unwrap().len(), 3);
    let groups =
        good("DescribeInstanceAvailableSecurityGroupResources", json!({ "instanceId": machine })).await;
    let shape = "securityGroupId:s securityGroupName:s isDefault:b";
    shapes::items(&groups, "instanceAvailableSecurityGroups", shape);
    shapes::page(&good("DescribeInstancesStatus", json!({})).await, "instanceId:s instanceStatus:s");
    shapes::has(&good("DescribeVncUrl", json!({ "instanceId": machine })).await, "url:s");
    let price = "discount:f unitPrice:f discountUnitPrice:f chargeUnit:s category:s";
    let asked = json!({ "zoneId": "SEL-A", "diskSize": 100, "diskAmount": 2, "chargeType": "POSTPAID" });
    let disks = good("InquiryPriceCreateDisks", asked).await;
    shapes::has(disks["dataDiskPrice"].as_object().unwrap(), price);
    assert_eq!(disks["dataDiskPrice"]["unitPrice"], 0.125);
    let asked = json!({ "instanceId": machine, "internetMaxBandwidthOut": 10 });
    shapes::items(&good("InquiryPriceInstanceBandwidth", asked).await, "bandwidthPrice", price);
    let create = call(&emulator, "vm", "CreateInstances", "", &sample()).await.good();
    shapes::has(&create, "orderNumber:s instanceIdSet:[s] instances:[]");
}

#[tokio::test]
async fn a_script_refuses_any_action_as_often_as_it_says() {
    let (emulator, _) = emulator().await;
    for action in actions::all() {
        let on = On::action(action.service, action.name);
        emulator.script(Fault::refuse(418, "ODD_CODE"), on, Times::Exactly(2));
        for _ in 0..2 {
            let reply = call(&emulator, action.service, action.name, "", &json!({})).await;
            assert_eq!(reply.refusal(), (418, "ODD_CODE".to_owned()), "{}", action.name);
        }
        let reply = call(&emulator, action.service, action.name, "", &json!({})).await;
        assert_ne!(reply.status, 418, "{}", action.name);
    }
    assert_eq!(emulator.faults_left(), 0);
}

#[tokio::test]
async fn every_preset_answers_as_it_is_listed() {
    let (emulator, _) = emulator().await;
    for (name, preset) in Preset::ALL {
        let Some(answer) = preset.answer() else { continue };
        emulator.script(preset.fault(), On::action("vm", "CreateDisks"), Times::Exactly(1));
        let body = json!({ "zoneId": "SEL-A", "diskSize": 40 });
        assert_eq!(vm(&emulator, "CreateDisks", &body).await.refusal(), answer, "{name}");
    }
    assert_eq!(vm(&emulator, "DescribeDisks", &json!({})).await.good()["totalCount"], 0);
}

#[tokio::test]
async fn a_failed_create_takes_its_disks_with_it() {
    for (preset, left) in [(Preset::CreateFails, 1), (Preset::Vanishes, 0)] {
        let (emulator, clock) = emulator().await;
        emulator.script(preset.fault(), On::create(), Times::Exactly(1));
        created(&emulator, json!({ "dataDisks": [{ "diskSize": 40, "diskAmount": 3 }] })).await;
        assert_eq!(vm(&emulator, "DescribeDisks", &json!({})).await.good()["totalCount"], 4);
        clock.advance(Duration::from_secs(6));
        assert_eq!(vm(&emulator, "DescribeDisks", &json!({})).await.good()["totalCount"], left);
    }
}
