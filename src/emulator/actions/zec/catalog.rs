//! What zec sells: zones, models, capacity, images, time zones; and the account's key pairs.

use serde_json::{Map, Value, json};

use super::Edition;
use crate::emulator::actions::paging::{among, only, page, passes};
use crate::emulator::actions::shape::{bound_tags, time};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::seed::zec::{CHARGE_TYPES, MODELS, REGIONS, Region, TIME_ZONES};

/// ZoneInfo. The Go model of 2024 has zoneId and zoneName, the Python one regionId too.
pub(super) fn zones(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("zoneIds", 100)?;
    let edition = Edition::of(call.version);
    let zones = REGIONS.iter().filter(|region| among(&ids, &[region.zone])).map(|region| match edition {
        Edition::Y2024 => {
            json!({ "zoneId": region.zone, "regionId": region.id, "zoneName": region.city })
        }
        Edition::Y2025 => json!({
            "zoneId": region.zone,
            "regionId": region.id,
            "zoneName": region.city,
            "supportSecurityGroup": region.security_groups,
            "timeZone": region.time_zone,
            "cityName": region.city,
            "cityCode": region.city_code,
            "countryCode": region.country_code,
            "countryName": region.country,
            "supportHaVip": true,
        }),
    });
    Ok(only("zoneSet", zones.collect()))
}

/// DescribeZoneInstanceConfigInfos: sold-out models are listed, with `withStock` false.
pub(super) fn models(call: &mut Call<'_>) -> Reply {
    let (zone, kind) = (call.fields.text("zoneId")?, call.fields.text("instanceType")?);
    let edition = Edition::of(call.version);
    let mut set = Vec::new();
    for region in REGIONS.iter().filter(|region| passes(zone, region.zone)) {
        for model in MODELS.iter().filter(|model| model.sold_in(region) && passes(kind, model.id)) {
            let mut item = json!({
                "zoneId": region.zone,
                "instanceType": model.id,
                "instanceTypeName": format!("{} vCPU {} GiB", model.cpu, model.memory),
                "cpuCount": model.cpu,
                "memory": model.memory,
                "withStock": model.in_stock,
                "internetMaxBandwidthOutLimit": model.bandwidth_limit,
                "internetChargeTypes": CHARGE_TYPES,
            });
            if let Some(members) = item.as_object_mut() {
                members.extend(network(edition, model.bandwidth_limit));
            }
            set.push(item);
        }
    }
    Ok(only("instanceTypeQuotaSet", Value::Array(set)))
}

/// What the two models say of the speed of a machine.
fn network(edition: Edition, mbps: i64) -> Vec<(String, Value)> {
    match edition {
        Edition::Y2024 => vec![("frequency".to_owned(), json!("2.7GHz"))],
        Edition::Y2025 => vec![
            ("bps".to_owned(), json!(mbps.saturating_mul(1_000_000))),
            ("pps".to_owned(), json!(mbps.saturating_mul(1_000))),
        ],
    }
}

/// DescribeVmInventoryCapacity: what is sold out is not listed.
pub(super) fn capacity(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("regionIds", 100)?;
    let item = |region: &Region| {
        let kinds = [json!({ "instanceType": "z2a", "gpuSpec": null, "capacity": "SUFFICIENT" })];
        json!({ "regionId": region.id, "capacity": "SUFFICIENT", "instanceTypes": kinds })
    };
    let items = REGIONS.iter().filter(|region| among(&ids, &[region.id])).map(item);
    let mut result = Map::new();
    result.insert("remark".to_owned(), Value::Null);
    result.insert("dataSet".to_owned(), items.collect());
    Ok(result)
}

pub(super) fn images(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("imageIds", 100)?;
    let zone = fields.required("zoneId")?;
    if seed::zec::region_of_zone(zone).is_none() {
        return Err(Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."));
    }
    let (name, category) = (fields.text("imageName")?, fields.text("category")?);
    let kind = fields.one_of("imageType", &["PUBLIC_IMAGE", "CUSTOM_IMAGE"])?;
    let os = fields.text("osType")?;
    let status = fields.one_of("imageStatus", &["CREATING", "AVAILABLE", "UNAVAILABLE"])?;
    let edition = Edition::of(call.version);
    let tags = (edition == Edition::Y2025).then(|| tags::Filter::read(fields)).transpose()?;
    let images = seed::IMAGES.iter().filter(|image| {
        !image.own_partitions
            && among(&ids, &[image.id])
            && simple::holds(name, image.name)
            && passes(category, image.category)
            && passes(kind, "PUBLIC_IMAGE")
            && passes(os, image.os)
            && passes(status, "AVAILABLE")
            && tags.as_ref().is_none_or(|tags| tags.passes(&[]))
    });
    let items = images.map(|image| {
        let mut item = json!({
            "imageId": image.id,
            "imageName": image.name,
            "imageType": "PUBLIC_IMAGE",
            "imageSize": image.least_disk.to_string(),
            "imageDescription": "",
            "imageVersion": image.version,
            "imageStatus": "AVAILABLE",
            "nicNetworkType": ["Auto"],
            "category": image.category,
            "osType": image.os,
        });
        if let (Edition::Y2025, Some(members)) = (edition, item.as_object_mut()) {
            members.insert("imageSource".to_owned(), json!("SYSTEM"));
            members.insert("tags".to_owned(), bound_tags(&[]));
        }
        item
    });
    page(fields, items.collect())
}

pub(super) fn time_zones(_call: &mut Call<'_>) -> Reply {
    Ok(only("timeZones", json!(TIME_ZONES)))
}

/// DescribeKeyPairs; 2025 leaves this to the service `ccs`.
pub(super) fn key_pairs(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("keyIds", 100)?;
    let name = fields.text("keyName")?;
    let keys = call.world.account.key_pairs.iter();
    let keys = keys.filter(|key| among(&ids, &[key.id.as_str()]) && simple::holds(name, &key.name));
    let items = keys.map(|key| {
        json!({
            "keyId": key.id,
            "keyName": key.name,
            "publicKey": key.public_key,
            "keyDescription": key.description,
            "createTime": time(key.made),
        })
    });
    page(fields, items.collect())
}
