//! Images made of machines.

use serde_json::json;

use super::Provider;
use crate::emulator::tests::shapes;

#[tokio::test]
async fn an_image_is_made_of_a_machine_and_installed() {
    let provider = Provider::start().await;
    let machine = provider.create(json!({})).await;
    let make = json!({ "instanceId": machine, "imageName": "golden-1", "imageDescription": "mine" });
    provider.refused("CreateImage", make.clone(), "UNSUPPORTED_OPERATION_INSTANCE_STATE_STARTING").await;
    provider.done("StopInstances", json!({ "instanceIds": [machine] })).await;
    provider.step();
    let reply = provider.ok("CreateImage", make.clone()).await;
    shapes::has(&reply, "imageId:s");
    let id = reply["imageId"].as_str().unwrap();
    assert_eq!(provider.instance(&machine).await["instanceStatus"], "IMAGING");
    provider.refused("CreateImage", make, "UNSUPPORTED_OPERATION_DISK_MAKING_IMAGE").await;
    let one = json!({ "imageId": id });
    assert_eq!(provider.ok("DescribeImage", one.clone()).await["imageStatus"], "CREATING");
    provider.refused("DeleteImages", json!({ "imageIds": [id] }), "INVALID_IMAGE_STATUS").await;
    provider.step();
    assert_eq!(provider.instance(&machine).await["instanceStatus"], "STOPPED");
    provider.done("ModifyImagesAttributes", json!({ "imageIds": [id], "imageName": "golden-2" })).await;
    let list = json!({ "zoneId": "SEL-A", "imageType": "CUSTOM_IMAGE", "osType": "linux" });
    let image = shapes::page(&provider.ok("DescribeImages", list).await, shapes::IMAGE);
    assert_eq!(
        ["imageName", "imageStatus", "imageSize", "imageDescription"].map(|member| &image[member]),
        [&json!("golden-2"), &json!("AVAILABLE"), &json!("20"), &json!("mine")]
    );
    let elsewhere = provider.ok("DescribeImages", json!({ "zoneId": "HKG-A", "imageIds": [id] })).await;
    assert_eq!(elsewhere["totalCount"], 0);
    let quota = provider.ok("DescribeImageQuota", json!({ "zoneIds": ["SEL-A"] })).await;
    assert_eq!(shapes::items(&quota, "images", "zoneId:s count:i maxCount:i")["count"], 1);
    let copy = provider.create(json!({ "imageId": id })).await;
    assert_eq!(provider.instance(&copy).await["imageName"], "golden-2");
    provider.done("DeleteImages", json!({ "imageIds": [id] })).await;
    provider.refused("DescribeImage", one, "INVALID_IMAGE_NOT_FOUND").await;
}
