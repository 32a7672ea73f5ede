//! What stands around zec machines: VPCs, subnets, security groups, disks, public addresses.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::emulator::testing::{call, emulator};

const NEW: &str = "2025-09-01";

async fn good(emulator: &Emulator, action: &str, body: Value) -> Map<String, Value> {
    call(emulator, "zec", action, NEW, &body).await.good()
}

async fn code(emulator: &Emulator, action: &str, body: Value) -> String {
    let reply = call(emulator, "zec", action, NEW, &body).await;
    if reply.status == 200 { "ok".to_owned() } else { reply.refusal().1 }
}

fn step(clock: &Clock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

/// A running machine in asia-east-1a.
async fn running(members: Value) -> (Emulator, Clock, String) {
    let (emulator, clock) = emulator().await;
    let id = machine(&emulator, members).await;
    step(&clock, 6);
    (emulator, clock, id)
}

async fn machine(emulator: &Emulator, members: Value) -> String {
    let mut body = json!({
        "zoneId": "asia-east-1a", "instanceType": "z2a.cpu.1", "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
    });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    good(emulator, "CreateZecInstances", body).await["instanceIdSet"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn vpcs_and_subnets_keep_their_ranges_apart() {
    let (emulator, _) = emulator().await;
    for (body, wanted) in [
        (json!({ "name": "v", "cidrBlock": "10.1.0.0/16" }), "INVALID_PARAMETER_INSTANCE_NAME_EXCEED"),
        (json!({ "name": "vpc", "cidrBlock": "8.8.0.0/16" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "name": "vpc", "cidrBlock": "10.1.0.1/16" }), "INVALID_PARAMETER_PATTERN_ERROR"),
        (json!({ "name": "vpc", "cidrBlock": "10.1.0.0/16", "mtu": 1400 }), "INVALID_PARAMETER_VALUE"),
        (json!({ "name": "vpc" }), "MISSING_PARAMETER"),
    ] {
        assert_eq!(code(&emulator, "CreateVpc", body.clone()).await, wanted, "{body}");
    }
    let vpc =
        good(&emulator, "CreateVpc", json!({ "name": "vpc", "cidrBlock": "10.1.0.0/16" })).await["vpcId"]
            .clone();
    let subnet =
        |cidr: &str| json!({ "vpcId": vpc, "regionId": "na-west-1", "name": "sub", "cidrBlock": cidr });
    let made = good(&emulator, "CreateSubnet", subnet("10.1.1.0/24")).await["subnetId"].clone();
    for (cidr, wanted) in [
        ("10.2.0.0/24", "INVALID_PARAMETER_VALUE"),
        ("10.1.1.128/25", "INVALID_PARAMETER_VALUE"),
        ("x", "INVALID_PARAMETER_PATTERN_ERROR"),
    ] {
        assert_eq!(code(&emulator, "CreateSubnet", subnet(cidr)).await, wanted, "{cidr}");
    }
    let shown = good(&emulator, "DescribeSubnets", json!({ "vpcIds": [vpc] })).await;
    let subnet = &shown["dataSet"][0];
    assert_eq!((&subnet["gatewayIpAddress"], &subnet["stackType"]), (&json!("10.1.1.1"), &json!("IPv4")));
    assert_eq!(
        code(&emulator, "DeleteVpc", json!({ "vpcId": vpc })).await,
        "OPERATION_DENIED_VPC_EXIST_SUBNET_ASSIGN"
    );
    let grow = json!({ "vpcId": vpc, "vpcName": "grown", "cidrBlock": "10.0.0.0/9", "enableIPv6": true });
    good(&emulator, "ModifyVpcAttribute", grow).await;
    let off = json!({ "vpcId": vpc, "vpcName": "off", "enableIPv6": false });
    assert_eq!(code(&emulator, "ModifyVpcAttribute", off).await, "INVALID_PARAMETER_VALUE");
    let shrink = json!({ "vpcId": vpc, "cidrBlock": "10.1.0.0/16" });
    assert_eq!(code(&emulator, "ModifyVpcAttribute", shrink).await, "INVALID_PARAMETER_VALUE");
    let shown = good(&emulator, "DescribeVpcs", json!({ "vpcIds": [vpc] })).await;
    assert_eq!(
        (&shown["dataSet"][0]["name"], &shown["dataSet"][0]["isDefault"]),
        (&json!("grown"), &json!(false))
    );
    good(&emulator, "DeleteSubnet", json!({ "subnetId": made })).await;
    good(&emulator, "DeleteVpc", json!({ "vpcId": vpc })).await;
    assert_eq!(code(&emulator, "DeleteVpc", json!({ "vpcId": vpc })).await, "INVALID_VPC_NOT_FOUND");
    assert_eq!(
        code(&emulator, "DeleteVpc", json!({ "vpcId": "vpc-default" })).await,
        "OPERATION_DENIED_VPC_EXIST_SUBNET_ASSIGN"
    );
}

#[tokio::test]
async fn a_group_guards_a_vpc_and_its_new_interfaces() {
    let (emulator, _) = emulator().await;
    let rule = |members: Value| {
        let mut rule = json!({
            "direction": "ingress", "policy": "accept", "ipProtocol": "tcp", "portRange": "443", "cidrIp": "0.0.0.0/0",
        });
        rule.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        rule
    };
    let create = json!({ "scope": "Global", "securityGroupName": "web", "ruleInfos": [rule(json!({}))] });
    let group = good(&emulator, "CreateSecurityGroup", create).await["securityGroupId"].clone();
    let configure = |rules: Value| json!({ "securityGroupId": group, "ruleInfos": rules });
    for (members, wanted) in [
        (json!({ "direction": "in" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "policy": null }), "MISSING_PARAMETER"),
        (json!({ "portRange": "70000" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "ipProtocol": "all", "portRange": "22" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "cidrIp": "everyone" }), "INVALID_PARAMETER_VALUE"),
        (json!({ "priority": 101 }), "INVALID_PARAMETER_EXCEED_MAXIMUM"),
    ] {
        let body = configure(json!([rule(members.clone())]));
        assert_eq!(code(&emulator, "ConfigureSecurityGroupRules", body).await, wanted, "{members}");
    }
    let rules = json!([rule(json!({ "portRange": "80-90" })), rule(json!({ "direction": "egress" }))]);
    good(&emulator, "ConfigureSecurityGroupRules", configure(rules)).await;
    let shown = good(&emulator, "DescribeSecurityGroupRule", json!({ "securityGroupId": group })).await;
    assert_eq!(
        (&shown["ingressRuleList"][0]["portRange"], &shown["egressRuleList"][0]["priority"]),
        (&json!("80-90"), &json!(1))
    );
    let assign = json!({ "securityGroupId": group, "vpcId": "vpc-default" });
    good(&emulator, "AssignSecurityGroupVpc", assign).await;
    machine(&emulator, json!({})).await;
    let shown = good(&emulator, "DescribeSecurityGroups", json!({ "securityGroupIds": [group] })).await;
    assert_eq!(shown["dataSet"][0]["vpcIds"], json!(["vpc-default"]));
    assert_eq!(shown["dataSet"][0]["nicIdList"].as_array().unwrap().len(), 1);
    good(&emulator, "UnAssignSecurityGroupVpc", json!({ "vpcId": "vpc-default" })).await;
    let delete = json!({ "securityGroupId": group });
    assert_eq!(
        code(&emulator, "DeleteSecurityGroup", delete).await,
        "OPERATION_DENIED_SECURITY_GROUP_IN_USE"
    );
}

#[tokio::test]
async fn a_disk_is_made_attached_detached_and_released_twice() {
    let (emulator, clock, machine) = running(json!({})).await;
    let status = async |id: &Value| {
        let list = good(&emulator, "DescribeDisks", json!({ "diskIds": [id] })).await;
        list["dataSet"][0]["diskStatus"].as_str().unwrap_or("absent").to_owned()
    };
    let order = json!({ "zoneId": "asia-east-1a", "diskName": "data", "diskSize": 20 });
    let made = good(&emulator, "CreateDisks", order).await;
    let id = &made["diskIds"][0];
    assert_eq!(status(id).await, "CREATING");
    step(&clock, 2);
    assert_eq!(status(id).await, "AVAILABLE");
    let attach = json!({ "diskIds": [id], "instanceId": machine });
    good(&emulator, "AttachDisks", attach.clone()).await;
    assert_eq!(status(id).await, "ATTACHING");
    step(&clock, 2);
    assert_eq!(code(&emulator, "AttachDisks", attach).await, "OPERATION_DENIED_DISK_STATUS_NOT_SUPPORT");
    good(&emulator, "ResizeDisk", json!({ "diskId": id, "diskSize": 40 })).await;
    step(&clock, 2);
    let shown = good(&emulator, "DescribeInstances", json!({})).await;
    assert_eq!(shown["dataSet"][0]["dataDisks"][0]["diskSize"], 40);
    let on_it = good(&emulator, "DescribeDisks", json!({ "instanceId": machine })).await;
    assert_eq!(on_it["totalCount"], 2, "the system disk is listed too");
    assert_eq!(
        code(&emulator, "DetachDisks", json!({ "diskIds": [id] })).await,
        "OPERATION_DENIED_INSTANCE_NOT_STOPPED"
    );
    assert_eq!(
        code(&emulator, "ReleaseDisk", json!({ "diskId": id })).await,
        "OPERATION_DENIED_DISK_STATUS_NOT_SUPPORT"
    );
    let detach = json!({ "diskIds": [id], "instanceCheckFlag": false });
    assert_eq!(good(&emulator, "DetachDisks", detach).await["failedDiskIds"], json!([]));
    for (before, after) in [("DETACHING", "AVAILABLE"), ("RECYCLING", "RECYCLED"), ("DELETING", "absent")] {
        assert_eq!(status(id).await, before);
        step(&clock, 2);
        assert_eq!(status(id).await, after);
        if after != "absent" {
            good(&emulator, "ReleaseDisk", json!({ "diskId": id })).await;
        }
    }
    assert_eq!(code(&emulator, "ReleaseDisk", json!({ "diskId": id })).await, "INVALID_DISK_NOT_FOUND");
}

#[tokio::test]
async fn an_address_is_made_bound_unbound_and_deleted_twice() {
    let (emulator, clock, machine) = running(json!({})).await;
    let shown = async |id: &Value| {
        let list = good(&emulator, "DescribeEips", json!({ "eipIds": [id] })).await;
        list["dataSet"].get(0).cloned().unwrap_or_default()
    };
    let order = json!({
        "regionId": "asia-east-1", "name": "example", "internetChargeType": "ByBandwidth", "bandwidth": 10,
        "networkLineType": "BGPLine",
    });
    let made = good(&emulator, "CreateEips", order).await;
    let id = &made["eipIds"][0];
    let nics = good(&emulator, "DescribeNetworkInterfaces", json!({ "instanceId": machine })).await;
    let nic = &nics["dataSet"][0];
    let bind = json!({
        "eipIds": [id], "nicId": nic["nicId"], "lanIp": nic["primaryIpv4"], "loadBalancerId": "", "natId": "",
    });
    assert_eq!(
        code(&emulator, "AssociateEipAddress", bind.clone()).await,
        "OPERATION_DENIED_EIP_STATUS_NOT_SUPPORT"
    );
    step(&clock, 2);
    assert_eq!(
        (&shown(id).await["status"], &shown(id).await["associatedId"]),
        (&json!("UNBIND"), &Value::Null)
    );
    good(&emulator, "AssociateEipAddress", bind).await;
    let bound = shown(id).await;
    assert_eq!((&bound["status"], &bound["associatedType"]), (&json!("BINDED"), &json!("NIC")));
    assert_eq!((&bound["associatedId"], &bound["instanceId"]), (&nic["nicId"], &json!(machine)));
    let list = good(&emulator, "DescribeInstances", json!({})).await;
    assert_eq!(list["dataSet"][0]["publicIpAddresses"], bound["publicIpAddresses"]);
    let research = "c4a8e6f0-1b2d-4e3f-a596-8778695a4b3c";
    let regroup = json!({ "resourceGroupId": research, "resources": [id] });
    call(&emulator, "user", "AddResourceResourceGroup", "2024-05-29", &regroup).await.good();
    assert_eq!(shown(id).await["resourceGroupName"], "research");
    assert_eq!(
        code(&emulator, "DeleteEip", json!({ "eipId": id })).await,
        "OPERATION_DENIED_EIP_STATUS_NOT_SUPPORT"
    );
    good(&emulator, "ModifyEipBandwidth", json!({ "eipId": id, "bandwidth": 20 })).await;
    good(&emulator, "UnassociateEipAddress", json!({ "eipIds": [id] })).await;
    assert_eq!(shown(id).await["bandwidth"], 20);
    for (before, after) in [("RECYCLING", "RECYCLED"), ("DELETING", "")] {
        good(&emulator, "DeleteEip", json!({ "eipId": id })).await;
        assert_eq!(shown(id).await["status"], before);
        step(&clock, 2);
        assert_eq!(shown(id).await["status"].as_str().unwrap_or_default(), after);
    }
    assert_eq!(
        code(&emulator, "DeleteEip", json!({ "eipId": id })).await,
        "OPERATION_FAILED_RESOURCE_NOT_FOUND"
    );
}

#[tokio::test]
async fn a_released_machine_takes_what_came_with_it_and_leaves_the_rest() {
    let (emulator, clock) = emulator().await;
    let order = json!({ "regionId": "asia-east-1", "internetChargeType": "ByBandwidth", "bandwidth": 10 });
    let own = good(&emulator, "CreateEips", order).await["eipIds"][0].clone();
    step(&clock, 2);
    let with_own = machine(&emulator, json!({ "eipIds": [own], "dataDisks": [{ "diskSize": 20 }] })).await;
    let with_new = machine(&emulator, json!({ "internetChargeType": "ByBandwidth", "bandwidth": 5 })).await;
    assert_eq!(good(&emulator, "DescribeEips", json!({ "isDefault": true })).await["totalCount"], 1);
    assert_eq!(
        code(
            &emulator,
            "CreateZecInstances",
            json!({
                "zoneId": "asia-east-1a", "instanceType": "z2a.cpu.1", "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
                "eipIds": [own],
            })
        )
        .await,
        "OPERATION_DENIED_EIP_STATUS_NOT_SUPPORT"
    );
    step(&clock, 6);
    for _ in 0..2 {
        good(&emulator, "ReleaseInstances", json!({ "instanceIds": [with_own], "dependResource": false }))
            .await;
        good(&emulator, "ReleaseInstances", json!({ "instanceIds": [with_new] })).await;
        step(&clock, 2);
    }
    let eips = good(&emulator, "DescribeEips", json!({})).await;
    assert_eq!((&eips["totalCount"], &eips["dataSet"][0]["status"]), (&json!(1), &json!("UNBIND")));
    let disks = good(&emulator, "DescribeDisks", json!({})).await;
    assert_eq!((&disks["totalCount"], &disks["dataSet"][0]["diskStatus"]), (&json!(1), &json!("AVAILABLE")));
}
