//! The life of a machine and of what stands around it as the Terraform provider walks it, call by call.
//!
//! The provider speaks vm 2023-03-13. Each step polls for the states it polls for and reads the members it reads; a
//! member that it takes for granted is one whose absence crashes it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::shapes;
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::emulator::testing::{Client, Signed, call, emulator};

mod images;

/// The provider's session.
struct Provider {
    emulator: Emulator,
    clock: Clock,
}

impl Provider {
    async fn start() -> Self {
        let (emulator, clock) = emulator().await;
        Self { emulator, clock }
    }

    /// A call that must succeed.
    async fn ok(&self, action: &str, body: Value) -> Map<String, Value> {
        let reply = call(&self.emulator, "vm", action, "2023-03-13", &body).await;
        assert_eq!(reply.status, 200, "{action} {body}: {}", reply.json());
        reply.good()
    }

    /// A call that must succeed and say nothing.
    async fn done(&self, action: &str, body: Value) {
        shapes::has(&self.ok(action, body).await, "");
    }

    /// A call that must be refused with this code.
    async fn refused(&self, action: &str, body: Value, code: &str) {
        let reply = call(&self.emulator, "vm", action, "2023-03-13", &body).await;
        assert_eq!(reply.refusal().1, code, "{action} {body}");
    }

    fn step(&self) {
        self.clock.advance(Duration::from_secs(6));
    }

    async fn instance(&self, id: &str) -> Value {
        let list = self.ok("DescribeInstances", json!({ "instanceIds": [id] })).await;
        shapes::page(&list, shapes::INSTANCE)
    }

    async fn disk(&self, id: &str) -> Value {
        shapes::page(&self.ok("DescribeDisks", json!({ "diskIds": [id] })).await, shapes::DISK)
    }

    async fn subnet(&self, id: &str) -> Value {
        shapes::page(&self.ok("DescribeSubnets", json!({ "subnetIds": [id] })).await, shapes::SUBNET)
    }

    async fn group(&self, id: &str) -> Value {
        let list = self.ok("DescribeSecurityGroups", json!({ "securityGroupIds": [id] })).await;
        shapes::page(&list, shapes::GROUP)
    }

    async fn gone(&self, action: &str, filter: &str, id: &str) {
        let list = self.ok(action, json!({ filter: [id] })).await;
        assert_eq!((&list["totalCount"], &list["dataSet"]), (&json!(0), &json!([])), "{action}");
    }

    /// A machine with the provider's defaults, running.
    async fn create(&self, members: Value) -> String {
        let mut body = json!({
            "instanceCount": 1,
            "zoneId": "SEL-A",
            "instanceChargeType": "POSTPAID",
            "instanceType": "c.1c2g",
            "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
            "instanceName": "Terraform-Instance",
            "password": "Abcdef12345",
            "internetChargeType": "ByBandwidth",
            "systemDisk": { "diskSize": 20 },
        });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let reply = self.ok("CreateInstances", body).await;
        shapes::has(&reply, "instanceIdSet:[s] orderNumber:s");
        let id = reply["instanceIdSet"][0].as_str().unwrap().to_owned();
        assert_eq!(self.instance(&id).await["instanceStatus"], "PENDING");
        self.step();
        assert_eq!(self.instance(&id).await["instanceStatus"], "RUNNING");
        id
    }
}

#[tokio::test]
async fn a_subnet_comes_up_takes_machines_and_goes() {
    let provider = Provider::start().await;
    let create = json!({
        "zoneId": "SEL-A", "cidrBlock": "10.0.0.0/24", "subnetName": "Terraform-Subnet",
        "subnetDescription": "of a test",
    });
    let reply = provider.ok("CreateSubnet", create).await;
    shapes::has(&reply, "subnetId:s");
    let id = reply["subnetId"].as_str().unwrap();
    assert_eq!(provider.subnet(id).await["subnetStatus"], "Creating");
    let early = json!({
        "zoneId": "SEL-A", "instanceChargeType": "POSTPAID", "instanceType": "c.1c2g", "subnetId": id,
        "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8", "internetChargeType": "ByBandwidth",
    });
    provider.refused("CreateInstances", early, "OPERATION_DENIED_SUBNET_STATUS_NOT_AVAILABLE").await;
    provider.step();
    let subnet = provider.subnet(id).await;
    assert_eq!(subnet["subnetStatus"], "Available");
    assert_eq!(
        (&subnet["cidrBlock"], &subnet["subnetDescription"], &subnet["totalIpCount"]),
        (&json!("10.0.0.0/24"), &json!("of a test"), &json!(253))
    );
    provider.done("ModifySubnetsAttribute", json!({ "subnetIds": [id], "subnetName": "renamed" })).await;
    let machine = provider.create(json!({ "subnetId": id })).await;
    assert_eq!(provider.instance(&machine).await["privateIpAddresses"], json!(["10.0.0.2"]));
    let subnet = provider.subnet(id).await;
    assert_eq!((&subnet["subnetName"], &subnet["usageIpCount"]), (&json!("renamed"), &json!(1)));
    assert_eq!(subnet["instanceIdList"], json!([machine]));
    provider
        .refused("DeleteSubnet", json!({ "subnetId": id }), "OPERATION_DENIED_SUBNET_EXIST_INSTANCE")
        .await;
    // The provider looks at the subnet as soon as the machine is in the bin.
    provider.done("TerminateInstance", json!({ "instanceId": machine })).await;
    assert_eq!(provider.subnet(id).await["instanceIdList"], json!([]));
    provider.done("DeleteSubnet", json!({ "subnetId": id })).await;
    provider.gone("DescribeSubnets", "subnetIds", id).await;
    provider.refused("DeleteSubnet", json!({ "subnetId": id }), "OPERATION_FAILED_RESOURCE_NOT_FOUND").await;
}

#[tokio::test]
async fn subnets_are_found_by_each_filter() {
    let provider = Provider::start().await;
    let create = json!({ "zoneId": "HKG-A", "cidrBlock": "172.16.4.0/22", "subnetName": "lab-1" });
    provider.ok("CreateSubnet", create).await;
    let table = [
        (json!({}), 6),
        (json!({ "zoneId": "HKG-A" }), 2),
        (json!({ "cidrBlock": "172.16.4.0/22" }), 1),
        (json!({ "cidrBlock": "172.16." }), 1),
        (json!({ "subnetName": "lab" }), 1),
        (json!({ "subnetStatus": "Creating" }), 1),
        (json!({ "subnetStatus": "Failed" }), 0),
        (json!({ "subnetIds": ["subnet-sel-main", "subnet-sel-small"], "zoneId": "SEL-A" }), 2),
        (json!({ "pageSize": 2, "pageNum": 3, "subnetIds": null }), 6),
    ];
    for (body, count) in table {
        assert_eq!(provider.ok("DescribeSubnets", body.clone()).await["totalCount"], count, "{body}");
    }
}

#[tokio::test]
async fn a_security_group_gets_rules_and_machines_and_goes() {
    let provider = Provider::start().await;
    let create = json!({ "securityGroupName": "example-name", "description": "example purpose" });
    let reply = provider.ok("CreateSecurityGroup", create).await;
    shapes::has(&reply, "securityGroupId:s");
    let id = reply["securityGroupId"].as_str().unwrap();
    assert_eq!(provider.group(id).await["securityGroupStatus"], "Available");
    let rule = json!({
        "direction": "ingress", "policy": "accept", "ipProtocol": "tcp", "portRange": "80", "cidrIp": "10.0.0.0/16",
    });
    let mut flat = rule.clone();
    flat["securityGroupId"] = json!(id);
    provider.done("AuthorizeSecurityGroupRule", flat.clone()).await;
    let group = provider.group(id).await;
    let read = shapes::items(group.as_object().unwrap(), "ruleInfos", shapes::RULE);
    assert_eq!((&read["portRange"], &read["cidrIp"]), (&json!("80/80"), &json!("10.0.0.0/16")));
    provider
        .refused("AuthorizeSecurityGroupRule", flat, "OPERATION_DENIED_SECURITY_GROUP_EXIST_REPEAT_RULE")
        .await;
    let rename = json!({ "securityGroupIds": [id], "securityGroupName": "other", "description": "new" });
    provider.done("ModifySecurityGroupsAttribute", rename).await;
    assert_eq!(provider.group(id).await["description"], "new");

    let machine = provider.create(json!({})).await;
    let pair = json!({ "securityGroupId": id, "instanceId": machine });
    provider.done("AssociateSecurityGroupInstance", pair.clone()).await;
    assert_eq!(provider.group(id).await["instanceIds"], json!([machine]));
    assert_eq!(provider.instance(&machine).await["securityGroupIds"], json!([id]));
    let delete = json!({ "securityGroupId": id });
    provider
        .refused("DeleteSecurityGroup", delete.clone(), "OPERATION_DENIED_SECURITY_GROUP_EXIST_INSTANCE")
        .await;
    provider.done("UnAssociateSecurityGroupInstance", pair).await;
    assert_eq!(provider.group(id).await["instanceIds"], json!([]));

    let revoke = json!({ "securityGroupId": id, "ruleInfos": [rule] });
    provider.done("RevokeSecurityGroupRules", revoke.clone()).await;
    assert_eq!(provider.group(id).await["ruleInfos"], json!([]));
    provider.refused("RevokeSecurityGroupRules", revoke, "OPERATION_FAILED_RESOURCE_NOT_FOUND").await;
    provider.done("DeleteSecurityGroup", delete).await;
    provider.gone("DescribeSecurityGroups", "securityGroupIds", id).await;
}

#[tokio::test]
async fn every_attribute_of_a_machine_is_updated_and_read_back() {
    let provider = Provider::start().await;
    let id = provider.create(json!({ "internetMaxBandwidthOut": 10 })).await;
    let one = json!({ "instanceId": id });
    let many = |member: &str, value: Value| json!({ "instanceIds": [id], member: value });
    provider.done("ModifyInstancesAttribute", many("instanceName", json!("renamed"))).await;
    let payments = crate::emulator::seed::RESOURCE_GROUP;
    provider.done("ModifyInstancesResourceGroup", many("resourceGroupId", json!(payments))).await;
    provider.done("ResetInstancesPassword", many("password", json!("Xyzabc98765"))).await;

    let wider = json!({ "instanceId": id, "internetMaxBandwidthOut": 50 });
    let order = provider.ok("ModifyInstanceBandwidth", wider).await;
    shapes::has(&order, "orderNumber:s");
    let status = provider.ok("DescribeInstanceInternetStatus", one.clone()).await;
    shapes::has(&status, shapes::INTERNET);
    assert_eq!(
        (&status["modifiedBandwidthStatus"], &status["internetMaxBandwidthOut"]),
        (&json!("Processing"), &json!(10))
    );
    provider.step();
    let status = provider.ok("DescribeInstanceInternetStatus", one.clone()).await;
    assert_eq!(
        (&status["modifiedBandwidthStatus"], &status["internetMaxBandwidthOut"]),
        (&json!("Enable"), &json!(50))
    );

    provider.done("RebootInstances", json!({ "instanceIds": [id] })).await;
    provider.step();
    // Another image: stop, wait, install again, wait.
    let windows = "img-w9Rk3NcX7tGv5JqZ2mBs8PfLd";
    let debian = "img-d4bF7mQ2Zr9TnVw6Ys3KxLp8H";
    let reset = |image: &str| json!({ "instanceId": id, "imageId": image, "keyId": "key-YWD2QFOl" });
    provider.refused("ResetInstance", reset(debian), "OPERATION_DENIED_INSTANCE_STATUS").await;
    provider.done("StopInstances", json!({ "instanceIds": [id] })).await;
    assert_eq!(provider.instance(&id).await["instanceStatus"], "STOPPING");
    provider.step();
    assert_eq!(provider.instance(&id).await["instanceStatus"], "STOPPED");
    provider.refused("ResetInstance", reset(windows), "INVALID_SYSTEM_DISK_SIZE").await;
    provider.done("ResetInstance", reset(debian)).await;
    assert_eq!(provider.instance(&id).await["instanceStatus"], "REBUILDING");
    provider.step();

    let machine = provider.instance(&id).await;
    let read = ["instanceStatus", "instanceName", "resourceGroupName", "imageId", "keyId"]
        .map(|member| machine[member].as_str().unwrap());
    assert_eq!(read, ["RUNNING", "renamed", "payments", debian, "key-YWD2QFOl"]);
    assert_eq!(machine["internetMaxBandwidthOut"], 50);
    shapes::has(machine["systemDisk"].as_object().unwrap(), shapes::SYSTEM_DISK);
    shapes::has(machine["nic"].as_object().unwrap(), "wanName:s lanName:s");

    let tags = json!({ "resourceUuid": id, "replaceTags": [{ "key": "env", "value": "test" }] });
    shapes::has(&call(&provider.emulator, "zrm", "ModifyResourceTags", "2025-10-14", &tags).await.good(), "");
    let read = &provider.instance(&id).await["tags"];
    assert_eq!(read, &json!({ "tags": [{ "key": "env", "value": "test" }] }));
}

#[tokio::test]
async fn a_subscription_shrinks_only_with_its_next_cycle() {
    let provider = Provider::start().await;
    let prepaid = json!({
        "instanceChargeType": "PREPAID", "instanceChargePrepaid": { "period": 1 },
        "internetChargeType": "ByTrafficPackage", "trafficPackageSize": 2.0, "internetMaxBandwidthOut": 20,
    });
    let id = provider.create(prepaid).await;
    assert_eq!(provider.instance(&id).await["trafficPackageSize"], 2.0);
    let one = json!({ "instanceId": id });
    let package = |size: f64| json!({ "instanceId": id, "trafficPackageSize": size });
    let price = provider.ok("InquiryPriceInstanceTrafficPackage", package(3.0)).await;
    let shape = "discount:f originalPrice:f discountPrice:f category:s";
    shapes::items(&price, "trafficPackagePrice", shape);
    shapes::has(&provider.ok("ModifyInstanceTrafficPackage", package(3.0)).await, "orderNumber:s");
    provider.step();
    let status = provider.ok("DescribeInstanceInternetStatus", one.clone()).await;
    assert_eq!(
        (&status["modifiedTrafficPackageStatus"], &status["trafficPackageSize"]),
        (&json!("Enable"), &json!(3.0))
    );
    provider.ok("ModifyInstanceTrafficPackage", package(1.0)).await;
    provider.ok("ModifyInstanceBandwidth", json!({ "instanceId": id, "internetMaxBandwidthOut": 5 })).await;
    provider.step();
    let status = provider.ok("DescribeInstanceInternetStatus", one.clone()).await;
    let states = ["modifiedTrafficPackageStatus", "modifiedBandwidthStatus"].map(|member| &status[member]);
    assert_eq!(states, [&json!("WaitToEnable"), &json!("WaitToEnable")]);
    provider.done("CancelInstanceBandwidthDowngrade", one.clone()).await;
    provider
        .refused("CancelInstanceBandwidthDowngrade", one.clone(), "OPERATION_FAILED_RESOURCE_NOT_FOUND")
        .await;
    provider.clock.advance(Duration::from_secs(30 * 86_400));
    let (action, body) = ("DescribeInstanceInternetStatus", one.to_string());
    let signed = Signed::at(provider.clock.since_epoch().as_secs());
    let request = signed.request("vm", action, "2023-03-13", body.as_bytes());
    let status = Client::connect(&provider.emulator).await.call(&request).await.good();
    assert_eq!(
        (&status["trafficPackageSize"], &status["internetMaxBandwidthOut"]),
        (&json!(1.0), &json!(20))
    );
}

#[tokio::test]
async fn a_machine_changes_its_model() {
    let provider = Provider::start().await;
    let id = provider.create(json!({})).await;
    let one = json!({ "instanceId": id });
    let order =
        provider.ok("ModifyInstanceType", json!({ "instanceId": id, "instanceTypeId": "c.4c8g" })).await;
    shapes::has(&order, "orderNumber:s");
    let status = provider.ok("DescribeInstanceTypeStatus", one.clone()).await;
    shapes::has(&status, shapes::MODEL_STATUS);
    assert_eq!(
        ["instanceType", "modifiedInstanceType", "modifiedInstanceTypeStatus"].map(|member| &status[member]),
        [&json!("c.1c2g"), &json!("c.4c8g"), &json!("Processing")]
    );
    provider.step();
    let status = provider.ok("DescribeInstanceTypeStatus", one).await;
    assert_eq!(status["modifiedInstanceTypeStatus"], "Enable");
    let machine = provider.instance(&id).await;
    assert_eq!((&machine["cpuCount"], &machine["memory"]), (&json!(4), &json!(8)));
    assert_eq!(provider.emulator.instances()[0].instance_type, "c.4c8g");
}

#[tokio::test]
async fn a_disk_is_made_attached_detached_and_deleted() {
    let provider = Provider::start().await;
    let machine = provider.create(json!({})).await;
    let create = json!({
        "diskName": "SEL-20G", "chargeType": "POSTPAID", "diskSize": 20, "zoneId": "SEL-A",
        "tags": { "tags": [{ "key": "group", "value": "test" }] },
    });
    let reply = provider.ok("CreateDisks", create).await;
    shapes::has(&reply, "diskIds:[s] orderNumber:s");
    let id = reply["diskIds"][0].as_str().unwrap();
    assert_eq!(provider.disk(id).await["diskStatus"], "CREATING");
    provider.step();
    let disk = provider.disk(id).await;
    assert_eq!((&disk["diskStatus"], &disk["instanceId"]), (&json!("AVAILABLE"), &Value::Null));
    assert_eq!(disk["tags"]["tags"], json!([{ "key": "group", "value": "test" }]));

    let attach = json!({ "diskIds": [id], "instanceId": machine });
    provider.done("AttachDisks", attach.clone()).await;
    let disk = provider.disk(id).await;
    assert_eq!((&disk["diskStatus"], &disk["instanceId"]), (&json!("ATTACHING"), &json!(machine)));
    provider.step();
    assert_eq!(provider.disk(id).await["diskStatus"], "IN_USE");
    let seen = provider.instance(&machine).await;
    let attached = shapes::items(seen.as_object().unwrap(), "dataDisks", shapes::DATA_DISK);
    assert_eq!(attached["diskId"], id);
    provider.refused("AttachDisks", attach, "UNSUPPORTED_OPERATION_DISK_UNAVAILABLE").await;
    provider
        .refused("TerminateDisk", json!({ "diskId": id }), "UNSUPPORTED_OPERATION_DISK_UNAVAILABLE")
        .await;

    provider.done("DetachDisks", json!({ "diskIds": [id] })).await;
    assert_eq!(provider.disk(id).await["diskStatus"], "DETACHING");
    provider.step();
    assert_eq!(provider.disk(id).await["diskStatus"], "AVAILABLE");
    provider.refused("DetachDisks", json!({ "diskIds": [id] }), "UNSUPPORTED_OPERATION_DISK_NO_ATTACH").await;

    let named = json!({ "diskIds": [id], "diskName": "other" });
    provider.done("ModifyDisksAttributes", named).await;
    let grouped = json!({ "diskIds": [id], "resourceGroupId": crate::emulator::seed::RESOURCE_GROUP });
    provider.done("ModifyDisksResourceGroup", grouped).await;
    provider.done("ResizeDisk", json!({ "diskId": id, "diskSize": 40 })).await;
    let disk = provider.disk(id).await;
    assert_eq!((&disk["diskStatus"], &disk["diskSize"]), (&json!("CHANGING"), &json!(40)));
    provider.step();
    let disk = provider.disk(id).await;
    assert_eq!((&disk["diskStatus"], &disk["diskName"]), (&json!("AVAILABLE"), &json!("other")));

    let one = json!({ "diskId": id });
    provider.refused("ReleaseDisk", one.clone(), "OPERATION_DENIED_DISK_NOT_RECYCLED").await;
    provider.done("TerminateDisk", one.clone()).await;
    // Any state but these two right after the call is an error to the provider.
    assert_eq!(provider.disk(id).await["diskStatus"], "RECYCLING");
    provider.refused("TerminateDisk", one.clone(), "UNSUPPORTED_OPERATION_DISK_BEING_RECYCLE").await;
    provider.step();
    assert_eq!(provider.disk(id).await["diskStatus"], "RECYCLED");
    shapes::has(&provider.ok("RenewDisk", one.clone()).await, "orderNumber:s");
    provider.step();
    assert_eq!(provider.disk(id).await["diskStatus"], "AVAILABLE");
    provider.done("TerminateDisk", one.clone()).await;
    provider.step();
    provider.done("ReleaseDisk", one.clone()).await;
    assert_eq!(provider.disk(id).await["diskStatus"], "DELETING");
    provider.step();
    provider.gone("DescribeDisks", "diskIds", id).await;
    provider.refused("ReleaseDisk", one, "INVALID_DISK_NOT_FOUND").await;
}

#[tokio::test]
async fn destroying_all_leaves_nothing() {
    let provider = Provider::start().await;
    let id = provider.create(json!({ "dataDisks": [{ "diskSize": 40 }] })).await;
    let mine = json!({ "instanceId": id });
    let disks = provider.ok("DescribeDisks", json!({ "instanceId": id, "diskType": "DATA" })).await;
    let disk = shapes::page(&disks, shapes::DISK)["diskId"].as_str().unwrap().to_owned();
    let system = provider.ok("DescribeDisks", json!({ "portable": false })).await;
    assert_eq!(system["totalCount"], 1);
    assert_eq!(provider.disk(&disk).await["diskStatus"], "IN_USE");

    provider.done("TerminateInstance", mine.clone()).await;
    assert_eq!(provider.instance(&id).await["instanceStatus"], "RECYCLING");
    provider.refused("TerminateInstance", mine, "OPERATION_DENIED_INSTANCE_RECYCLED").await;
    provider.step();
    assert_eq!(provider.instance(&id).await["instanceStatus"], "RECYCLE");
    assert_eq!(provider.disk(&disk).await["diskStatus"], "IN_USE");
    // force_delete
    provider.done("ReleaseInstances", json!({ "instanceIds": [id] })).await;
    assert_eq!(provider.disk(&disk).await["diskStatus"], "DETACHING");
    provider.step();
    provider.gone("DescribeInstances", "instanceIds", &id).await;
    provider.refused("ReleaseInstances", json!({ "instanceIds": [id] }), "INVALID_INSTANCE_NOT_FOUND").await;
    assert_eq!(provider.disk(&disk).await["diskStatus"], "AVAILABLE");
    provider.done("TerminateDisk", json!({ "diskId": disk })).await;
    provider.step();
    provider.done("ReleaseDisk", json!({ "diskId": disk })).await;
    provider.step();
    assert_eq!(provider.ok("DescribeDisks", json!({})).await["totalCount"], 0);
}
