use serde_json::json;

use super::*;

fn plan(kind: &str, after: Value, unknown: Value, expressions: Value) -> Value {
    json!({
        "format_version": "1.2",
        "resource_changes": [{
            "address": format!("{kind}.web[0]"), "mode": "managed", "type": kind, "name": "web",
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown},
        }],
        "configuration": {"root_module": {"resources": [{"address": format!("{kind}.web"), "expressions": expressions}]}},
    })
}

fn one(plan: &Value) -> Planned {
    let mut all = planned(plan).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn text(planned: &Planned) -> Value {
    serde_json::from_slice(&planned.request.to_bytes()).unwrap()
}

#[test]
fn a_virtual_machine_becomes_what_the_provider_sends() {
    let after = json!({
        "availability_zone": "SEL-A", "instance_charge_type": "POSTPAID", "instance_type": "c.1c2g",
        "image_id": "img-1", "instance_name": "web", "password": "Abc12345!", "internet_charge_type": "ByBandwidth",
        "system_disk_size": 20, "force_delete": false, "tags": {"owner": "jane"}, "traffic_package_size": null,
        "instance_charge_prepaid_period": 3,
    });
    let unknown =
        json!({"internet_max_bandwidth_out": true, "resource_group_id": true, "id": true, "tags": {}});
    for kind in ["zenlayercloud_instance", "zenlayercloud_zvm_instance"] {
        let planned = one(&plan(kind, after.clone(), unknown.clone(), json!({"tags": {}})));
        assert_eq!(planned.address, format!("{kind}.web[0]"));
        assert_eq!(planned.call.to_string(), "vm CreateInstances (2023-03-13)");
        assert_eq!(planned.unknown, [""; 0], "what the cloud chooses is not unknown");
        assert_eq!(
            text(&planned),
            json!({
                "instanceCount": 1, "zoneId": "SEL-A", "instanceChargeType": "POSTPAID", "instanceType": "c.1c2g",
                "imageId": "img-1", "instanceName": "web", "password": "Abc12345!", "internetChargeType": "ByBandwidth",
                "systemDisk": {"diskSize": 20}, "tags": {"tags": [{"key": "owner", "value": "jane"}]},
            })
        );
    }
}

#[test]
fn what_comes_from_something_yet_to_be_made_is_unknown_and_a_secret_is_only_set() {
    let after = json!({"availability_zone": "SEL-A", "instance_type": "t", "internet_charge_type": "ByBandwidth",
        "system_disk_size": 20});
    let unknown = json!({"subnet_id": true, "password": true, "resource_group_id": true});
    let expressions = json!({"subnet_id": {"references": ["x"]}, "password": {"references": ["y"]}});
    let planned = one(&plan("zenlayercloud_instance", after, unknown, expressions));
    assert_eq!(planned.unknown, ["/subnetId"]);
    assert_eq!(text(&planned)["password"], "not-known-yet");
    assert!(text(&planned).get("resourceGroupId").is_none());
}

#[test]
fn prepaid_machines_carry_their_period_and_package() {
    let after = json!({"availability_zone": "SEL-A", "instance_type": "t", "instance_charge_type": "PREPAID",
        "instance_charge_prepaid_period": 2, "internet_charge_type": "ByTrafficPackage", "traffic_package_size": 0.5,
        "system_disk_size": 20});
    let request = text(&one(&plan("zenlayercloud_zvm_instance", after, json!({}), json!({}))));
    assert_eq!(request["instanceChargePrepaid"], json!({"period": 2}));
    assert_eq!(request["trafficPackageSize"], 0.5);
}

#[test]
fn elastic_and_bare_metal_machines_have_their_own_fields() {
    let zec = json!({"availability_zone": "asia-east-1a", "instance_type": "z2a.cpu.1", "image_id": "i", "instance_name": "n",
        "key_id": "k", "subnet_id": "s", "system_disk_size": 20, "disable_qga_agent": true, "enable_ip_forwarding": false});
    let zec = one(&plan("zenlayercloud_zec_instance", zec, json!({}), json!({})));
    assert_eq!(zec.call.to_string(), "zec CreateZecInstances (2025-09-01)");
    assert_eq!(text(&zec)["enableAgent"], false);
    let bmc = json!({"availability_zone": "SEL-A", "instance_type_id": "M6C", "instance_charge_type": "POSTPAID",
        "internet_charge_type": "ByBandwidth", "hostname": "h", "raid_config_type": "5",
        "partitions": [{"fs_type": "ext4", "fs_path": "/", "size": 100}], "ssh_keys": ["a"], "nic_wan_name": "wan0"});
    let bmc = one(&plan("zenlayercloud_bmc_instance", bmc, json!({}), json!({})));
    assert_eq!(bmc.call.to_string(), "bmc CreateInstances (2022-11-20)");
    let bmc = text(&bmc);
    assert_eq!(bmc["raidConfig"], json!({"raidType": 5}));
    assert_eq!(bmc["partitions"], json!([{"fsType": "ext4", "fsPath": "/", "size": 100}]));
    assert_eq!((&bmc["nic"], bmc.get("instanceCount")), (&json!({"wanName": "wan0"}), None));
}

#[test]
fn replaced_machines_are_made_too_and_others_are_not() {
    let change = |kind: &str, mode: &str, actions: Value| {
        json!({"address": "a", "mode": mode, "type": kind, "change": {"actions": actions, "after": {
            "availability_zone": "SEL-A", "instance_type": "t", "internet_charge_type": "ByBandwidth", "system_disk_size": 20}}})
    };
    let kind = "zenlayercloud_instance";
    let plan = json!({"format_version": "1.2", "resource_changes": [
        change(kind, "managed", json!(["delete", "create"])),
        change(kind, "managed", json!(["create", "delete"])),
        change(kind, "managed", json!(["update"])),
        change(kind, "managed", json!(["no-op"])),
        change(kind, "data", json!(["create"])),
        change("zenlayercloud_subnet", "managed", json!(["create"])),
    ]});
    assert_eq!(planned(&plan).unwrap().len(), 2);
}

#[test]
fn a_plan_that_cannot_be_trusted_is_refused() {
    assert_eq!(planned(&json!({"errored": true})).unwrap_err(), PlanError::Errored);
    let odd = planned(&json!({"format_version": "1.2", "resource_changes": {}})).unwrap_err();
    assert!(odd.to_string().contains("terraform show -json"), "{odd}");
    let raid = json!({"availability_zone": "SEL-A", "instance_type_id": "M", "raid_config_type": "five"});
    let odd = planned(&plan("zenlayercloud_bmc_instance", raid, json!({}), json!({}))).unwrap_err();
    assert!(odd.to_string().contains("raid_config_type is no number"), "{odd}");
    assert!(is_plan(&plan("x", json!({}), json!({}), json!({}))) && !is_plan(&json!({"zoneId": "SEL-A"})));
}
