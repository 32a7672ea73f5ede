//! What the cloud sells and what the account owns, and what it would cost.

use serde_json::{Value, json};

use crate::emulator::testing::{call, created, emulator, vm};

fn ids(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn zones_say_whether_they_have_security_groups() {
    let (emulator, _) = emulator().await;
    let all = vm(&emulator, "DescribeZones", &json!({})).await.good();
    assert_eq!(ids(&all["zoneSet"], "zoneId"), ["SEL-A", "HKG-A", "FRA-A", "SAO-A"]);
    assert_eq!(all["zoneSet"][0]["supportSecurityGroup"], true);
    let one = vm(&emulator, "DescribeZones", &json!({ "zoneIds": ["SAO-A"] })).await.good();
    assert_eq!(one["zoneSet"].as_array().unwrap().len(), 1);
    assert_eq!(one["zoneSet"][0]["supportSecurityGroup"], false);
}

#[tokio::test]
async fn models_are_listed_where_and_how_they_are_sold() {
    let (emulator, _) = emulator().await;
    let models = |body: Value| {
        let emulator = &emulator;
        async move {
            let reply = vm(emulator, "DescribeZoneInstanceConfigInfos", &body).await.good();
            reply["instanceTypeQuotaSet"].clone()
        }
    };
    let one =
        models(json!({ "instanceChargeType": "POSTPAID", "zoneId": "SEL-A", "instanceType": "c.2c4g" }))
            .await;
    assert_eq!((one[0]["cpuCount"].as_i64(), one[0]["memory"].as_i64()), (Some(2), Some(4)));
    assert!(one[0]["frequency"].is_string());
    assert_eq!(models(json!({ "instanceChargeType": "PREPAID", "zoneId": "FRA-A" })).await, json!([]));
    let scarce = models(json!({ "instanceChargeType": "POSTPAID", "instanceType": "c.16c32g" })).await;
    assert_eq!(ids(&scarce, "zoneId"), ["SEL-A", "HKG-A"]);
    let sold_out = models(json!({ "instanceChargeType": "POSTPAID", "instanceType": "c.32c64g" })).await;
    assert_eq!(sold_out, json!([]));
    let capped =
        models(json!({ "instanceChargeType": "POSTPAID", "zoneId": "SAO-A", "instanceType": "c.1c2g" }))
            .await;
    assert_eq!(capped[0]["internetMaxBandwidthOutLimit"], 100);
    assert_eq!(
        vm(&emulator, "DescribeZoneInstanceConfigInfos", &json!({})).await.refusal().1,
        "MISSING_PARAMETER"
    );
}

#[tokio::test]
async fn images_filter_by_system() {
    let (emulator, _) = emulator().await;
    let list =
        vm(&emulator, "DescribeImages", &json!({ "zoneId": "SEL-A", "osType": "windows" })).await.good();
    assert_eq!(list["totalCount"], 1);
    assert!(list["dataSet"][0]["imageSize"].is_string());
    assert_eq!(vm(&emulator, "DescribeImages", &json!({ "zoneId": "X" })).await.status, 404);
    assert_eq!(vm(&emulator, "DescribeImages", &json!({})).await.refusal().1, "MISSING_PARAMETER");
}

#[tokio::test]
async fn subnets_and_groups_name_their_machines() {
    let (emulator, _) = emulator().await;
    let id = created(&emulator, json!({ "subnetId": "subnet-sel-small", "securityGroupId": "sg-web" })).await;
    let list = vm(&emulator, "DescribeSubnets", &json!({ "subnetIds": ["subnet-sel-small"] })).await.good();
    let subnet = &list["dataSet"][0];
    assert_eq!((&subnet["usageIpCount"], &subnet["totalIpCount"]), (&json!(1), &json!(2)));
    assert_eq!(subnet["instanceIdList"], json!([id]));
    let body = json!({ "securityGroupIds": ["sg-web"], "securityGroupName": null });
    let list = vm(&emulator, "DescribeSecurityGroups", &body).await.good();
    assert_eq!(list["dataSet"][0]["instanceIds"], json!([id]));
    let list = vm(&emulator, "DescribeSecurityGroups", &json!({})).await.good();
    let defaults = list["dataSet"].as_array().unwrap().iter().filter(|group| group["isDefault"] == true);
    assert_eq!(defaults.count(), 1);
    let groups = call(&emulator, "user", "DescribeResourceGroups", "2024-05-29", &json!({})).await.good();
    assert_eq!(groups["resourceGroups"][1]["name"], "payments");
}

#[tokio::test]
async fn prices_are_those_of_the_samples() {
    let (emulator, _) = emulator().await;
    let mut body = json!({
        "zoneId": "SEL-A",
        "instanceType": "c.1c2g",
        "instanceChargeType": "PREPAID",
        "instanceChargePrepaid": { "period": 1 },
        "internetChargeType": "ByBandwidth",
        "systemDisk": { "diskSize": 20 },
        "instanceCount": 2
    });
    let price = vm(&emulator, "InquiryPriceCreateInstance", &body).await.good();
    assert_eq!(price["instancePrice"]["originalPrice"], 14.0);
    assert_eq!(price["instancePrice"]["discountPrice"], 13.3);
    assert_eq!(price["bandwidthPrice"][0]["discountPrice"], 3.8);
    assert_eq!(price["systemDiskPrice"]["originalPrice"], 1.0);
    assert_eq!(price["dataDiskPrice"], Value::Null);
    body["instanceChargeType"] = json!("POSTPAID");
    body["dataDisks"] = json!([{ "diskSize": 10, "diskAmount": 2 }]);
    let price = vm(&emulator, "InquiryPriceCreateInstance", &body).await.good();
    assert_eq!(price["instancePrice"]["unitPrice"], 0.13);
    assert_eq!(price["instancePrice"]["chargeUnit"], "HOUR");
    assert_eq!(price["dataDiskPrice"]["unitPrice"], 0.0125);
    assert_eq!(price["dataDiskPrices"].as_array().unwrap().len(), 2);
    assert_eq!(emulator.creates(), 0);
}
