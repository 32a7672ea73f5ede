//! What bmc sells: zones, models, stock, images, masks of addresses; and the account's subnets.

use serde_json::{Value, json};

use super::{Edition, shape};
use crate::emulator::actions::paging::{among, only, page, passes};
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::bmc::{MODELS, Model, NETMASKS, SUBNETS};
use crate::emulator::seed::{self, Zone};
use crate::emulator::world::Product;

/// Zone, ZoneInfo.
pub(super) fn zones(call: &mut Call<'_>) -> Reply {
    call.fields.one_of("acceptLanguage", &["zh-CN", "en-US"])?;
    let routed = call.fields.boolean("isCloudRouterAvailable")?;
    let edition = Edition::of(call.version);
    let zones = seed::ZONES.iter().filter(|_| routed != Some(false)).map(|zone| {
        let city = zone.name.trim_end_matches(" A");
        let mut info = json!({
            "zoneId": zone.id,
            "zoneName": zone.name,
            "cityName": city,
            "areaName": city,
            "isCloudRouterAvailable": true,
        });
        if let (Edition::Y2026, Some(members)) = (edition, info.as_object_mut()) {
            members.insert("isByoipEnabled".to_owned(), json!(false));
        }
        info
    });
    Ok(only("zoneSet", zones.collect()))
}

/// DescribeInstanceTypes.
pub(super) fn types(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("instanceTypeIds", 100)?;
    let image = fields.text("imageId")?;
    let raids = fields.integers("supportRaids")?;
    let (subnet, ha) = (fields.boolean("supportSubnet")?, fields.boolean("isHA")?);
    let cores = range(fields, "minimumCpuCoreCount", "maximumCpuCoreCount")?;
    let memory = range(fields, "minimumMemorySize", "maximumMemorySize")?;
    let disk = range(fields, "minimumDiskSize", "maximumDiskSize")?;
    let bandwidth = fields.integer("minimumBandwidth")?.unwrap_or(0);
    let images: Vec<&str> = seed::IMAGES.iter().map(|image| image.id).collect();
    let models = MODELS.iter().filter(|model| {
        among(&ids, &[model.id])
            && image.is_none_or(|image| images.contains(&image))
            && raids.iter().all(|raid| model.raids.contains(raid))
            && subnet != Some(false)
            && ha.is_none_or(|ha| ha == model.ha)
            && inside(cores, model.sockets)
            && inside(memory, model.memory)
            && inside(disk, model.disks.0.saturating_mul(model.disks.1))
            && model.bandwidth_limit >= bandwidth
    });
    let edition = Edition::of(call.version);
    let items = models.map(|model| shape::instance_type(model, &images, edition));
    Ok(only("instanceTypes", items.collect()))
}

fn range(fields: Fields<'_>, least: &str, most: &str) -> Result<(i64, i64), Problem> {
    Ok((fields.integer(least)?.unwrap_or(0), fields.integer(most)?.unwrap_or(i64::MAX)))
}

fn inside((least, most): (i64, i64), value: i64) -> bool {
    (least..=most).contains(&value)
}

/// DescribeAvailableResources: which model is sold where, and how many are left.
pub(super) fn available(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let charge = fields.one_of("instanceChargeType", &["PREPAID", "POSTPAID"])?;
    let (model, zone) = (fields.text("instanceTypeId")?, fields.text("zoneId")?);
    let status = fields.one_of("sellStatus", &["SELL", "SELL_SHORTAGE", "SOLD_OUT"])?;
    let mut items = Vec::new();
    for sold in seed::ZONES.iter().filter(|known| passes(zone, known.id)) {
        if charge.is_some_and(|charge| !sold.charge_types.contains(&charge)) {
            continue;
        }
        let models = MODELS.iter().filter(|known| known.zones.contains(&sold.id) && passes(model, known.id));
        items.extend(
            models.filter(|model| passes(status, sell_status(model))).map(|model| stock(model, sold)),
        );
    }
    Ok(only("availableResources", Value::Array(items)))
}

fn sell_status(model: &Model) -> &'static str {
    if model.sold_out { "SOLD_OUT" } else { "SELL" }
}

/// AvailableResource.
fn stock(model: &Model, zone: &Zone) -> Value {
    json!({
        "zoneId": zone.id,
        "sellStatus": sell_status(model),
        "internetChargeTypes": zone.internet_charge_types,
        "instanceTypeId": model.id,
        "maximumBandwidthOut": model.bandwidth_limit,
        "defaultBandwidthOut": 1,
        "defaultTrafficPackageSize": 1.0,
        "qty": if model.sold_out { 0 } else { 100 },
    })
}

/// DescribeImages: one list, no pages. A catalog is the category of an image in small letters.
pub(super) fn images(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("imageIds", 100)?;
    let (name, catalog) = (fields.text("imageName")?, fields.text("catalog")?);
    let kind = fields.one_of("imageType", &["PUBLIC_IMAGE", "CUSTOM_IMAGE"])?;
    let os = fields.one_of("osType", &["windows", "linux"])?;
    let model = fields.text("instanceTypeId")?;
    let images = seed::IMAGES.iter().filter(|image| {
        among(&ids, &[image.id])
            && simple::holds(name, image.name)
            && passes(catalog, &image.category.to_lowercase())
            && passes(kind, "PUBLIC_IMAGE")
            && passes(os, image.os)
            && model.is_none_or(|model| seed::bmc::model(model).is_some())
    });
    let items = images.map(|image| {
        json!({
            "imageId": image.id,
            "imageName": image.name,
            "catalog": image.category.to_lowercase(),
            "imageType": "PUBLIC_IMAGE",
            "osType": image.os,
        })
    });
    Ok(only("images", items.collect()))
}

/// DescribeSubnets: those the account has from the start; it has no VPCs here.
pub(super) fn subnets(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("subnetIds", 100)?;
    let (name, cidr) = (fields.text("subnetName")?, fields.text("cidrBlock")?);
    let (zone, vpc) = (fields.text("zoneId")?, fields.text("vpcId")?);
    let (status, group) = (fields.text("subnetStatus")?, fields.text("resourceGroupId")?);
    let default = seed::default_resource_group();
    let edition = Edition::of(call.version);
    let subnets = SUBNETS.iter().filter(|subnet| {
        among(&ids, &[subnet.id])
            && passes(name, "main")
            && cidr.is_none_or(|cidr| cidr == format!("{}.0/24", subnet.prefix))
            && passes(zone, subnet.zone)
            && vpc.is_none()
            && passes(status, "AVAILABLE")
            && passes(group, default)
    });
    let items = subnets.map(|subnet| {
        let inside = call.world.listed(Product::Bmc, call.now).filter(|machine| machine.subnet == subnet.id);
        let inside: Vec<Value> = inside
            .map(|machine| {
                json!({
                    "instanceId": machine.id,
                    "privateIpAddress": machine.private_ips.first(),
                    "privateIpStatus": "BOUND",
                })
            })
            .collect();
        let mut info = json!({
            "subnetId": subnet.id,
            "subnetName": "main",
            "zoneId": subnet.zone,
            "cidrBlock": format!("{}.0/24", subnet.prefix),
            "subnetStatus": "AVAILABLE",
            "createTime": "2026-01-01T00:00:00Z",
            "vpcId": null,
            "vpcName": null,
            "resourceGroupId": default,
            "resourceGroupName": call.world.account.group_name(default),
        });
        if let Some(members) = info.as_object_mut() {
            if edition == Edition::Y2026 {
                members.insert("availableIpCount".to_owned(), json!(253_usize.saturating_sub(inside.len())));
                members.insert("vpcSubnetStatus".to_owned(), Value::Null);
            }
            members.insert("subnetInstanceSet".to_owned(), Value::Array(inside));
        }
        info
    });
    let items: Vec<Value> = items.collect();
    page(fields, items)
}

/// DescribeEipAvailableResources.
pub(super) fn available_eips(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let charge = fields.one_of("eipChargeType", &["PREPAID", "POSTPAID"])?;
    let zone = fields.text("zoneId")?;
    let zones = seed::ZONES.iter().filter(|known| {
        passes(zone, known.id) && charge.is_none_or(|charge| known.charge_types.contains(&charge))
    });
    let items = zones.flat_map(|zone| {
        NETMASKS.iter().map(|mask| json!({ "zoneId": zone.id, "status": "SELL", "netmask": mask }))
    });
    Ok(only("eipResources", items.collect()))
}
