//! Every call that the vendor's Terraform provider makes for its virtual machines, through the data as shipped and
//! through `deploy/config/terraform.yaml` over it.
//!
//! What passes and what is refused is the promise here; what the calls do is the emulator's matter.

use serde_json::{Value, json};

use crate::support::world::Setup;
use crate::support::{Call, World};

/// Whether the shipped data alone let the call pass.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Shipped {
    Passes,
    /// Refused by the rule `actions`: it needs `terraform.yaml`.
    Refused,
}
use Shipped::{Passes, Refused};

const VM: &str = "2023-03-13";
const ZEC: &str = "2025-09-01";
const USER: &str = "2024-05-29";
const ZRM: &str = "2025-10-14";

/// The calls of the resources and data sources, in the order in which the provider makes them.
fn calls() -> Vec<(&'static str, &'static str, &'static str, Value, Shipped)> {
    let instance = json!({"instanceId": "i-1"});
    let instances = json!({"instanceIds": ["i-1"]});
    let rule = json!({"securityGroupId": "sg-9", "direction": "ingress", "policy": "accept", "priority": 1,
        "ipProtocol": "tcp", "portRange": "22/22", "cidrIp": "0.0.0.0/0"});
    vec![
        // data sources
        ("vm", VM, "DescribeZones", json!({}), Passes),
        ("vm", VM, "DescribeZoneInstanceConfigInfos", json!({"instanceChargeType": "POSTPAID"}), Passes),
        ("vm", VM, "DescribeImages", json!({"zoneId": "SEL-A", "pageSize": 100, "pageNum": 1}), Passes),
        // zenlayercloud_instance: create, wait, read
        (
            "vm",
            VM,
            "CreateInstances",
            json!({"instanceCount": 1, "zoneId": "SEL-A", "instanceChargeType": "POSTPAID",
                "instanceType": "c.1c2g", "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
                "instanceName": "Terraform-Instance", "password": "Abc12345!", "internetChargeType": "ByBandwidth",
                "internetMaxBandwidthOut": 1, "systemDisk": {"diskSize": 20}}),
            Passes,
        ),
        ("vm", VM, "DescribeInstances", instances.clone(), Passes),
        // updates
        (
            "vm",
            VM,
            "ModifyInstancesAttribute",
            json!({"instanceIds": ["i-1"], "instanceName": "Terraform-2"}),
            Passes,
        ),
        (
            "vm",
            VM,
            "ModifyInstancesResourceGroup",
            json!({"instanceIds": ["i-1"], "resourceGroupId": "rg"}),
            Refused,
        ),
        (
            "vm",
            VM,
            "ModifyInstanceBandwidth",
            json!({"instanceId": "i-1", "internetMaxBandwidthOut": 2}),
            Refused,
        ),
        ("vm", VM, "DescribeInstanceInternetStatus", instance.clone(), Passes),
        (
            "vm",
            VM,
            "ModifyInstanceTrafficPackage",
            json!({"instanceId": "i-1", "trafficPackageSize": 0.5}),
            Refused,
        ),
        (
            "vm",
            VM,
            "ResetInstancesPassword",
            json!({"instanceIds": ["i-1"], "password": "Abc12345!"}),
            Passes,
        ),
        ("vm", VM, "StopInstances", instances.clone(), Passes),
        (
            "vm",
            VM,
            "ResetInstance",
            json!({"instanceId": "i-1", "imageId": "img-1", "keyId": "key-1"}),
            Refused,
        ),
        (
            "zrm",
            ZRM,
            "ModifyResourceTags",
            json!({"resourceUuid": "i-1", "replaceTags": [{"key": "a", "value": "b"}], "deleteTagKeys": ["c"]}),
            Passes,
        ),
        // destroy
        ("vm", VM, "TerminateInstance", instance, Passes),
        ("vm", VM, "ReleaseInstances", instances.clone(), Passes),
        // subnets
        (
            "vm",
            VM,
            "CreateSubnet",
            json!({"zoneId": "SEL-A", "cidrBlock": "10.0.0.0/24", "subnetName": "tf"}),
            Refused,
        ),
        ("vm", VM, "DescribeSubnets", json!({"subnetIds": ["s-1"]}), Passes),
        ("vm", VM, "ModifySubnetsAttribute", json!({"subnetIds": ["s-1"], "subnetName": "tf2"}), Refused),
        ("vm", VM, "DeleteSubnet", json!({"subnetId": "s-1"}), Refused),
        // security groups
        (
            "vm",
            VM,
            "CreateSecurityGroup",
            json!({"securityGroupName": "tf", "description": "by Terraform"}),
            Refused,
        ),
        ("vm", VM, "DescribeSecurityGroups", json!({"securityGroupIds": ["sg-9"]}), Passes),
        ("vm", VM, "AuthorizeSecurityGroupRule", rule, Refused),
        ("vm", VM, "RevokeSecurityGroupRules", json!({"securityGroupId": "sg-9", "ruleInfos": []}), Refused),
        (
            "vm",
            VM,
            "AssociateSecurityGroupInstance",
            json!({"securityGroupId": "sg-9", "instanceId": "i-1"}),
            Refused,
        ),
        (
            "vm",
            VM,
            "UnAssociateSecurityGroupInstance",
            json!({"securityGroupId": "sg-9", "instanceId": "i-1"}),
            Refused,
        ),
        ("vm", VM, "DeleteSecurityGroup", json!({"securityGroupId": "sg-9"}), Refused),
        // disks
        ("vm", VM, "CreateDisks", json!({"zoneId": "SEL-A", "diskSize": 20, "diskAmount": 1}), Refused),
        ("vm", VM, "DescribeDisks", json!({"diskIds": ["d-1"]}), Passes),
        ("vm", VM, "AttachDisks", json!({"diskIds": ["d-1"], "instanceId": "i-1"}), Refused),
        ("vm", VM, "DetachDisks", json!({"diskIds": ["d-1"]}), Refused),
        ("vm", VM, "TerminateDisk", json!({"diskId": "d-1"}), Refused),
        ("vm", VM, "ReleaseDisk", json!({"diskId": "d-1"}), Refused),
        // zenlayercloud_zec_instance
        (
            "zec",
            ZEC,
            "CreateZecInstances",
            json!({"instanceCount": 1, "zoneId": "asia-east-1a", "instanceType": "z2a.cpu.1", "imageId": "ubuntu2204_20240712",
                "instanceName": "tf", "keyId": "key-1", "systemDisk": {"diskSize": 20}, "subnetId": "s-1",
                "timeZone": "Asia/Seoul", "enableAgent": true, "enableIpForward": false}),
            Refused,
        ),
        ("zec", ZEC, "DescribeInstances", instances.clone(), Passes),
        (
            "user",
            USER,
            "AddResourceResourceGroup",
            json!({"resources": ["i-1"], "resourceGroupId": "rg"}),
            Refused,
        ),
        (
            "zec",
            ZEC,
            "ModifyNetworkInterfaceAttribute",
            json!({"nicId": "n-1", "securityGroupId": "sg-9"}),
            Refused,
        ),
        ("zec", ZEC, "ReleaseInstances", instances.clone(), Passes),
        ("zec", ZEC, "ReleaseInstances", instances, Passes),
    ]
}

/// Sends each call and says whether the cloud saw it.
fn walk(world: &World) -> Vec<(String, bool)> {
    calls()
        .into_iter()
        .map(|(service, version, action, body, _)| {
            let before = world.emulator.requests().len();
            let answer = world.send(&Call::new(service, action).version(version).json(&body));
            let seen = world.emulator.requests().len() - before;
            assert!(seen <= 1, "{action} was sent {seen} times");
            if seen == 0 {
                answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
            }
            (format!("{service} {action}"), seen == 1)
        })
        .collect()
}

#[test]
fn as_shipped_what_makes_no_other_machine_passes() {
    let world = World::with(Setup { organisation: "{}\n".into(), ..Setup::default() });
    let expected: Vec<(String, bool)> = calls()
        .iter()
        .map(|(service, _, action, _, shipped)| (format!("{service} {action}"), *shipped == Passes))
        .collect();
    assert_eq!(walk(&world), expected);
}

#[test]
fn with_the_data_for_terraform_all_of_it_passes() {
    let terraform = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config/terraform.yaml");
    let world = World::with(Setup {
        organisation: "{}\n".into(),
        config: format!("[policy]\ndata = [\"organisation.yaml\", {terraform:?}]\n"),
        ..Setup::default()
    });
    for (call, seen) in walk(&world) {
        assert!(seen, "{call}");
    }
}

#[test]
fn limits_hold_for_what_terraform_changes_later() {
    let terraform = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config/terraform.yaml");
    let organisation = "settings:\n  bandwidth: {maximum_mbps: 1}\n  images: {allowed: [img-yKK4q6XybymPgfx7ynUUqC3N8]}\n  \
                        names: {pattern: \"^Terraform-I\"}\n  resource_group: {allowed: [ours]}\n  \
                        security_group: {allowed: [sg-9]}\n  disks: {maximum_total_gb: 100}\n  login: {password: false}\n  \
                        tags: {required: {c: {}}}\n";
    let world = World::with(Setup {
        organisation: organisation.into(),
        config: format!("[policy]\ndata = [\"organisation.yaml\", {terraform:?}]\n"),
        ..Setup::default()
    });
    for (action, rule) in [
        ("ModifyInstanceBandwidth", "bandwidth"),
        ("ResetInstance", "images"),
        ("ModifyInstancesAttribute", "names"),
        ("ModifyInstancesResourceGroup", "undo"),
        ("AddResourceResourceGroup", "undo"),
        ("UnAssociateSecurityGroupInstance", "undo"),
        ("DeleteSecurityGroup", "undo"),
        ("AttachDisks", "growth"),
        ("CreateDisks", "growth"),
        ("ResetInstancesPassword", "login"),
        ("ModifyResourceTags", "tags"),
    ] {
        let (service, version, _, body, _) =
            calls().into_iter().find(|(_, _, name, _, _)| *name == action).unwrap();
        let answer = world.send(&Call::new(service, action).version(version).json(&body));
        answer.assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
        let rules: Vec<Value> = answer.json()["violations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|violation| violation["rule"].clone())
            .collect();
        assert_eq!(rules, [rule], "{action}");
    }
    assert_eq!(world.emulator.requests().len(), 0);
}
