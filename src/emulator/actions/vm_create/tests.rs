//! Every code of the vendor's error table, each by one request, and what a good create leaves behind.

use serde_json::{Value, json};

use crate::emulator::testing::{call, created, emulator, sample, sample_with, vm, with};

/// The refusal of the sample with these members.
async fn refusal(members: Value) -> (u16, String) {
    let (emulator, _) = emulator().await;
    let reply = vm(&emulator, "CreateInstances", &sample_with(members)).await;
    assert_eq!(emulator.creates(), 0);
    reply.refusal()
}

/// What each request is refused with. Together with the four tests that need several requests or a smaller account,
/// this is the whole table of the page.
#[tokio::test]
async fn each_code_of_the_page_has_a_request_that_gets_it() {
    let long = "a".repeat(65);
    let table: Vec<(u16, &str, Value)> = vec![
        (400, "INVALID_PARAMETER_INSTANCE_NAME_EXCEED", json!({ "instanceName": long })),
        (400, "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED", json!({ "instanceName": "no spaces" })),
        (
            403,
            "OPERATION_FILED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
            json!({ "zoneId": "SAO-A", "internetChargeType": "BandwidthCluster" }),
        ),
        (404, "INVALID_IMAGE_NOT_FOUND", json!({ "imageId": "img-none" })),
        (404, "INVALID_ZONE_NOT_FOUND", json!({ "zoneId": "sel-a" })),
        (404, "INVALID_INSTANCE_TYPE_NOT_FOUND", json!({ "instanceType": "c.3c3g" })),
        (400, "INVALID_PARTITION_IMAGE_NOT_SET", json!({ "imageId": "img-p6Ht2YwJ4kMz8CvQ5nRb9XsTg" })),
        (400, "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM", json!({ "internetMaxBandwidthOut": 201 })),
        (400, "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED", json!({ "password": "Abcdef_12345" })),
        (
            400,
            "RESOURCE_INSUFFICIENT_PRODUCT_SOLD_OUT",
            json!({ "zoneId": "HKG-A", "instanceType": "c.16c32g", "instanceCount": 4 }),
        ),
        (
            403,
            "OPERATION_DENIED_CHARGE_TYPE_NOT_SUPPORT",
            json!({ "zoneId": "FRA-A", "instanceChargeType": "PREPAID", "instanceChargePrepaid": { "period": 1 } }),
        ),
        (400, "RESOURCES_SOLDOUT_INSTANCE_TYPE", json!({ "instanceType": "c.32c64g" })),
        (400, "INVALID_DISK_SIZE_LESS_MINIMUM", json!({ "dataDisks": [{ "diskSize": 9 }] })),
        (400, "INVALID_DISK_SIZE_EXCEED_MAXIMUM", json!({ "dataDisks": [{ "diskSize": 16_001 }] })),
        (403, "OPERATION_DENIED_SUBNET_ZONE_MISMATCH", json!({ "subnetId": "subnet-hkg-main" })),
        (400, "INVALID_SYSTEM_DISK_SIZE", json!({ "systemDisk": { "diskSize": 45 } })),
        (400, "INVALID_SYSTEM_DISK_EXCEED_LIMIT", json!({ "systemDisk": { "diskSize": 510 } })),
        (400, "INVALID_INSTANCE_TYPE_ZONE_NO_SELL", json!({ "zoneId": "FRA-A", "instanceType": "c.16c32g" })),
        (400, "INVALID_DISK_ZONE_NO_SELL", json!({ "zoneId": "SAO-A", "dataDisks": [{ "diskSize": 40 }] })),
        (403, "OPERATION_DENIED_INTERNET_CHARGE_TYPE_NOT_SUPPORT", json!({ "trafficPackageSize": 2.5 })),
        (400, "INVALID_PASSWORD_MALFORMED", json!({ "password": "Short1!" })),
        (
            400,
            "INVALID_PARAMETER_BANDWIDTH_EXCEED",
            json!({ "zoneId": "SAO-A", "internetMaxBandwidthOut": 101 }),
        ),
        (
            403,
            "OPERATION_DENIED_SUBNET_IP_INSUFFICIENT",
            json!({ "subnetId": "subnet-sel-small", "instanceCount": 3 }),
        ),
        (
            400,
            "INVALID_PARAMETER_TRAFFIC_PACKAGE_EXCEED",
            json!({ "internetChargeType": "ByTrafficPackage", "trafficPackageSize": 1000.5 }),
        ),
        (
            400,
            "INVALID_PARAMETER_TRAFFIC_PACKAGE",
            json!({ "internetChargeType": "ByTrafficPackage", "trafficPackageSize": -1 }),
        ),
        (
            403,
            "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
            json!({ "zoneId": "SAO-A", "securityGroupId": "sg-default" }),
        ),
        (404, "OPERATION_DENIED_IPV4_CIDR_NOT_FOUND", json!({ "cidrBlockId": "cidr-hkg-main" })),
        (
            403,
            "OPERATION_DENIED_IPV4_CIDR_IP_NOT_ENOUGH",
            json!({ "cidrBlockId": "cidr-sel-tiny", "instanceCount": 2 }),
        ),
    ];
    for (status, code, members) in table {
        assert_eq!(refusal(members.clone()).await, (status, code.to_owned()), "{members}");
    }
}

#[tokio::test]
async fn more_than_the_account_may_have_is_refused() {
    let (emulator, _) = with(|options| options.instance_quota = 3).await;
    created(&emulator, json!({ "instanceCount": 2 })).await;
    let reply = vm(&emulator, "CreateInstances", &sample_with(json!({ "instanceCount": 2 }))).await;
    assert_eq!(reply.refusal(), (403, "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED".to_owned()));
    created(&emulator, json!({})).await;
    assert_eq!(emulator.instance_count(), 3);
}

#[tokio::test]
async fn common_codes_fit_their_mistakes() {
    let table: Vec<(u16, &str, Value)> = vec![
        (400, "MISSING_PARAMETER", json!({ "zoneId": null })),
        (400, "MISSING_PARAMETER", json!({ "imageId": "" })),
        (400, "MISSING_PARAMETER", json!({ "internetChargeType": null })),
        (400, "MISSING_PARAMETER", json!({ "instanceChargeType": "PREPAID" })),
        (400, "MISSING_PARAMETER", json!({ "startCidrIpv4": "198.51.100.16" })),
        (400, "INVALID_PARAMETER_TYPE", json!({ "instanceCount": "2" })),
        (400, "INVALID_PARAMETER_TYPE", json!({ "instanceCount": 2.0 })),
        (400, "INVALID_PARAMETER_TYPE", json!({ "instanceCount": true })),
        (400, "INVALID_PARAMETER_TYPE", json!({ "zoneId": ["SEL-A"] })),
        (400, "INVALID_PARAMETER_TYPE", json!({ "tags": [{ "key": "a", "value": "b" }] })),
        (400, "INVALID_PARAMETER_TYPE", json!({ "enableIpv4": "yes" })),
        (400, "INVALID_PARAMETER_LESS_MINIMUM", json!({ "instanceCount": 0 })),
        (400, "INVALID_PARAMETER_LESS_MINIMUM", json!({ "internetMaxBandwidthOut": 0 })),
        (400, "INVALID_PARAMETER_EXCEED_MAXIMUM", json!({ "instanceCount": 101 })),
        (400, "INVALID_PARAMETER_VALUE", json!({ "instanceChargeType": "postpaid" })),
        (400, "INVALID_PARAMETER_VALUE", json!({ "internetChargeType": "ByInstanceBandwidth95" })),
        (400, "INVALID_PARAMETER_VALUE", json!({ "networkMode": "virtio" })),
        (400, "INVALID_PARAMETER_VALUE", json!({ "password": "Abcdef12345", "keyId": "key-YWD2QFOl" })),
        (400, "INVALID_PARAMETER_VALUE", json!({ "keyId": "key-none" })),
        (
            400,
            "INVALID_PARAMETER_VALUE",
            json!({ "tags": { "tags": [{ "key": "a", "value": "1" }, { "key": "a", "value": "2" }] } }),
        ),
        (400, "INVALID_PARAMETER_PATTERN_ERROR", json!({ "nic": { "wanName": "ETH0" } })),
        (400, "INVALID_PARAMETER_EXCEED_LENGTH", json!({ "initScript": "x".repeat(32 * 1024 + 1) })),
        (
            400,
            "INVALID_PARAMETER_EXCEED_LENGTH",
            json!({ "dataDisks": [{ "diskSize": 10, "diskAmount": 11 }] }),
        ),
        (
            400,
            "INVALID_PARAMETER_EXCEED_LENGTH",
            json!({ "tags": { "tags": [{ "key": "k".repeat(65), "value": "1" }] } }),
        ),
        (404, "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND", json!({ "resourceGroupId": "none" })),
        (404, "INVALID_SECURITY_GROUP_NOT_FOUND", json!({ "securityGroupId": "sg-none" })),
        (404, "OPERATION_FAILED_RESOURCE_NOT_FOUND", json!({ "subnetId": "subnet-none" })),
        (
            403,
            "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_AVAILABLE",
            json!({ "securityGroupId": "sg-creating" }),
        ),
    ];
    for (status, code, members) in table {
        assert_eq!(refusal(members.clone()).await, (status, code.to_owned()), "{members}");
    }
}

#[tokio::test]
async fn the_sample_of_the_page_succeeds_as_it_stands_in_both_versions() {
    let (emulator, _) = emulator().await;
    for (version, has_disks) in [("2023-03-13", false), ("2026-04-01", true), ("", true)] {
        let reply = call(&emulator, "vm", "CreateInstances", version, &sample()).await.good();
        let id = reply["instanceIdSet"][0].as_str().unwrap();
        assert!(id.len() == 19 && id.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(reply["orderNumber"].is_string());
        let disks = reply.get("instances").cloned();
        assert_eq!(disks, has_disks.then(|| json!([{ "instanceId": id, "diskIdSet": [] }])));
    }
    assert_eq!((emulator.creates(), emulator.instance_count()), (3, 3));
}

#[tokio::test]
async fn the_two_models_differ_where_the_sdks_do() {
    let (emulator, _) = emulator().await;
    let old = json!({
        "internetChargeType": "ByInstanceBandwidth95",
        "nic": { "wanName": "WAN0", "lanName": "LAN0" },
        "tags": { "tags": [{ "key": "k".repeat(128), "value": "v" }] },
        "dataDisks": [{ "diskSize": 40, "diskAmount": 3 }],
        "cidrBlockId": "unknown here",
    });
    let body = sample_with(old);
    call(&emulator, "vm", "CreateInstances", "2023-03-13", &body).await.good();
    let list = vm(&emulator, "DescribeInstances", &json!({})).await.good();
    assert_eq!(list["dataSet"][0]["dataDisks"].as_array().unwrap().len(), 1);
    assert_eq!(vm(&emulator, "CreateInstances", &body).await.refusal().1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn everything_asked_for_shows_in_the_listing() {
    let (emulator, _) = emulator().await;
    let body = sample_with(json!({
        "instanceCount": 2,
        "instanceName": "web_[7,2]",
        "instanceChargeType": "PREPAID",
        "instanceChargePrepaid": { "period": 3 },
        "internetChargeType": "ByTrafficPackage",
        "trafficPackageSize": 0.5,
        "internetMaxBandwidthOut": 200,
        "subnetId": "subnet-sel-small",
        "keyId": "key-YWD2QFOl",
        "resourceGroupId": "7d0c9e12-58ab-4d36-8f21-0a9b8c7d6e5f",
        "systemDisk": { "diskSize": 60, "diskCategory": "STANDARD" },
        "dataDisks": [{ "diskSize": 40, "diskAmount": 2 }, { "diskSize": 100 }],
        "securityGroupId": "sg-web",
        "cidrBlockId": "cidr-sel-main",
        "startCidrIpv4": "198.51.100.20",
        "tags": { "tags": [{ "key": "env", "value": "prod" }, { "key": "team", "value": "" }] },
        "nic": { "wanName": "wan0", "lanName": "lan0" },
        "marketingOptions": { "discountCode": "x", "usePocVoucher": false },
    }));
    let reply = vm(&emulator, "CreateInstances", &body).await.good();
    assert_eq!(reply["instances"][1]["diskIdSet"].as_array().unwrap().len(), 3);
    let list = vm(&emulator, "DescribeInstances", &json!({ "instanceName": "web08" })).await.good();
    assert_eq!(list["totalCount"], 1);
    let mut machine = list["dataSet"][0].clone();
    for disk in machine["dataDisks"].as_array_mut().unwrap() {
        assert!(disk["diskId"].is_string());
        disk["diskId"] = json!("");
    }
    machine["systemDisk"]["diskId"] = json!("");
    let data_disk = |size: u32| json!({ "diskId": "", "diskName": "data-disk", "diskSize": size, "diskCategory": "SSD", "portable": true });
    assert_eq!(
        machine,
        json!({
            "instanceId": reply["instanceIdSet"][1],
            "zoneId": "SEL-A",
            "instanceName": "web08",
            "instanceType": "c.1c2g",
            "cpuCount": 1,
            "memory": 2,
            "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
            "imageName": "Ubuntu-Server 22.04 LTS",
            "instanceChargeType": "PREPAID",
            "internetMaxBandwidthOut": 200,
            "internetChargeType": "ByTrafficPackage",
            "period": 3,
            "publicIpAddresses": ["198.51.100.21"],
            "publicIpv6Addresses": [],
            "privateIpAddresses": ["10.11.1.3"],
            "subnetId": "subnet-sel-small",
            "createTime": "2025-06-15T15:06:40Z",
            "expiredTime": "2025-09-13T15:06:40Z",
            "resourceGroupId": "7d0c9e12-58ab-4d36-8f21-0a9b8c7d6e5f",
            "resourceGroupName": "payments",
            "instanceStatus": "PENDING",
            "trafficPackageSize": 0.5,
            "securityGroupIds": ["sg-web"],
            "systemDisk": { "diskId": "", "diskSize": 60, "diskCategory": "STANDARD" },
            "dataDisks": [data_disk(40), data_disk(40), data_disk(100)],
            "autoRenew": true,
            "keyId": "key-YWD2QFOl",
            "nic": { "wanName": "wan0", "lanName": "lan0" },
            "tags": { "tags": [{ "key": "env", "value": "prod" }, { "key": "team", "value": "" }] },
        })
    );
}

#[tokio::test]
async fn windows_needs_a_larger_disk_and_takes_no_key_pair() {
    let windows = "img-w9Rk3NcX7tGv5JqZ2mBs8PfLd";
    let small = refusal(json!({ "imageId": windows, "systemDisk": { "diskSize": 30 } })).await;
    assert_eq!(small.1, "INVALID_SYSTEM_DISK_SIZE");
    let key = refusal(json!({ "imageId": windows, "keyId": "key-YWD2QFOl" })).await;
    assert_eq!(key.1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn what_is_used_up_comes_back_when_the_machine_is_gone() {
    let (emulator, clock) = emulator().await;
    let tiny = json!({ "cidrBlockId": "cidr-sel-tiny" });
    let id = created(&emulator, tiny.clone()).await;
    let full = vm(&emulator, "CreateInstances", &sample_with(tiny.clone())).await;
    assert_eq!(full.refusal().1, "OPERATION_DENIED_IPV4_CIDR_IP_NOT_ENOUGH");
    clock.advance(std::time::Duration::from_secs(6));
    vm(&emulator, "TerminateInstance", &json!({ "instanceId": id })).await.good();
    vm(&emulator, "ReleaseInstances", &json!({ "instanceIds": [id] })).await.good();
    clock.advance(std::time::Duration::from_secs(2));
    created(&emulator, tiny).await;
}
