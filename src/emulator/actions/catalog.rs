//! What the cloud sells: zones, models, images.

use serde_json::{Map, Value, json};

use super::paging::{among, only, page, passes};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed::{self, Image, Model, Stock, Zone};

pub(super) fn zones(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("zoneIds", 100)?;
    let zones = seed::ZONES.iter().filter(|zone| among(&ids, &[zone.id])).map(|zone| {
        json!({
            "zoneId": zone.id,
            "zoneName": zone.name,
            "supportSecurityGroup": zone.security_groups,
            "supportNetworkType": "VPC",
            "supportIpv6": true,
            "supportCpuPassThrough": true,
            "networkLineType": "BGP",
        })
    });
    Ok(only("zoneSet", zones.collect()))
}

/// DescribeZoneInstanceConfigInfos: sold-out models are not listed.
pub(super) fn models(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let charge = fields
        .one_of("instanceChargeType", &["PREPAID", "POSTPAID"])?
        .ok_or_else(|| Problem::missing("instanceChargeType"))?;
    let (zone, kind) = (fields.text("zoneId")?, fields.text("instanceType")?);
    let mut set = Vec::new();
    let sold_here = |zone: &&Zone| zone.charge_types.contains(&charge);
    for known in seed::ZONES.iter().filter(sold_here).filter(|known| passes(zone, known.id)) {
        let models = seed::MODELS.iter().filter(|model| passes(kind, model.id) && sold(model, known.id));
        set.extend(models.map(|model| config(model, known)));
    }
    Ok(only("instanceTypeQuotaSet", Value::Array(set)))
}

fn sold(model: &Model, zone: &str) -> bool {
    model.offers.iter().any(|(offered, stock)| *offered == zone && !matches!(stock, Stock::Empty))
}

fn config(model: &Model, zone: &Zone) -> Value {
    json!({
        "zoneId": zone.id,
        "instanceType": model.id,
        "instanceTypeName": format!("{} vCPU {} GiB", model.cpu, model.memory),
        "cpuCount": model.cpu,
        "memory": model.memory,
        "internetMaxBandwidthOutLimit": model.bandwidth_limit.min(zone.bandwidth_limit),
        "frequency": "2.7GHz",
        "internetChargeTypes": zone.internet_charge_types,
    })
}

pub(super) fn images(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("imageIds", 100)?;
    let zone = fields.required("zoneId")?;
    if seed::zone(zone).is_none() {
        return Err(Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."));
    }
    let (name, category) = (fields.text("imageName")?, fields.text("category")?);
    let kind = fields.one_of("imageType", &["PUBLIC_IMAGE", "CUSTOM_IMAGE"])?;
    let os = fields.one_of("osType", &["linux", "windows"])?;
    let status = fields.one_of("imageStatus", &["CREATING", "AVAILABLE", "UNAVAILABLE"])?;
    let images = seed::IMAGES.iter().filter(|image| {
        among(&ids, &[image.id])
            && name.is_none_or(|name| image.name.contains(name))
            && passes(category, image.category)
            && passes(kind, "PUBLIC_IMAGE")
            && passes(os, image.os)
            && passes(status, "AVAILABLE")
    });
    page(fields, images.map(show).collect())
}

/// DescribeImage: the members of one image beside the request id.
pub(super) fn image(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("imageId")?;
    let image = seed::image(id).ok_or_else(|| {
        Problem::absent("INVALID_IMAGE_NOT_FOUND", format!("The image {id} does not exist."))
    })?;
    match show(image) {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// ImageInfo.
fn show(image: &Image) -> Value {
    json!({
        "imageId": image.id,
        "imageName": image.name,
        "imageType": "PUBLIC_IMAGE",
        "imageSize": image.least_disk.to_string(),
        "imageDescription": "",
        "imageVersion": image.version,
        "imageStatus": "AVAILABLE",
        "category": image.category,
        "osType": image.os,
    })
}

/// DescribeVmInventoryCapacity: by how much a zone sells of all there is.
pub(super) fn capacity(call: &mut Call<'_>) -> Reply {
    let wanted = call.fields.text("zoneId")?;
    let zones = seed::ZONES.iter().filter(|zone| passes(wanted, zone.id));
    let items = zones.map(|zone| {
        let plenty = |model: &&Model| {
            model.offers.iter().any(|(offered, stock)| *offered == zone.id && matches!(stock, Stock::Plenty))
        };
        let capacity = match seed::MODELS.iter().filter(plenty).count() {
            0 => "LIMITED",
            1..=4 => "STANDARD",
            5 => "SUFFICIENT",
            _ => "ABUNDANT",
        };
        json!({ "zoneId": zone.id, "capacity": capacity })
    });
    Ok(only("dataSet", items.collect()))
}

/// DescribeDiskCategory: zones without data disks sell none.
pub(super) fn disk_categories(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let wanted = fields.text("zoneId")?;
    let charge = fields.one_of("instanceChargeType", &["PREPAID", "POSTPAID"])?;
    let category = fields.one_of("diskCategory", &["SSD", "STANDARD"])?;
    let zones = seed::ZONES.iter().filter(|zone| {
        zone.data_disks
            && passes(wanted, zone.id)
            && charge.is_none_or(|charge| zone.charge_types.contains(&charge))
    });
    let items = zones.map(|zone| {
        let categories: Vec<&str> =
            ["SSD", "STANDARD"].into_iter().filter(|known| passes(category, known)).collect();
        json!({ "zoneId": zone.id, "categorySet": categories })
    });
    Ok(only("categoryZoneSet", items.collect()))
}
