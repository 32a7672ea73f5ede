//! What the cloud sells: zones, models, disks.

use serde_json::{Value, json};

use super::paging::{among, only, passes};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed::{self, Model, Stock, Zone};

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
