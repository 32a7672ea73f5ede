//! Prices of zec: those of the vm samples, by the hour, because zec sells nothing else. Like those they are for one
//! machine.

use serde_json::{Map, Value, json};

use super::{Edition, order, public};
use crate::emulator::actions::paging::only;
use crate::emulator::actions::price::{BANDWIDTH, CPU, DISK, Tariff, float, item};
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed;

/// A price by the hour; `category` came with 2025.
fn price(tariff: &Tariff, units: f64, edition: Edition) -> Value {
    let mut value = item(tariff, units, None);
    if let (Edition::Y2024, Some(members)) = (edition, value.as_object_mut()) {
        members.remove("category");
    }
    value
}

/// Nothing, for what is not asked or not sold.
fn optional(tariff: &Tariff, units: Option<i64>, edition: Edition) -> Value {
    units.map_or(Value::Null, |units| price(tariff, float(units), edition))
}

/// InquiryPriceCreateInstance.
pub(super) fn instance(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let edition = Edition::of(call.version);
    let zone = fields.required("zoneId")?;
    let region = seed::zec::region_of_zone(zone)
        .ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))?;
    let model = order::sold(fields.required("instanceType")?, region)?;
    simple::count(fields, "instanceCount", 100)?;
    let terms = public::terms(fields, "trafficPackageSize")?;
    let system =
        fields.object("systemDisk")?.map(|disk| disk.bounded("diskSize", 1, 500)).transpose()?.flatten();
    let data = match fields.object("dataDisk")? {
        Some(disk) => {
            let amount = disk.bounded("diskAmount", 1, i64::MAX)?.unwrap_or(1);
            Some(order::data_disk(disk, "dataDisk.diskSize")?.0.saturating_mul(amount))
        }
        None => None,
    };
    let tens = |size: Option<i64>| size.map_or(Value::Null, |size| price(&DISK, float(size) / 10.0, edition));
    let bandwidth = optional(&BANDWIDTH, terms.as_ref().map(|terms| terms.bandwidth), edition);
    let mut result = Map::new();
    result.insert("specPrice".to_owned(), price(&CPU, float(model.cpu), edition));
    result.insert("gpuPrice".to_owned(), Value::Null);
    result.insert("ipv4Price".to_owned(), Value::Null);
    result.insert("ipv6Price".to_owned(), Value::Null);
    if edition == Edition::Y2025 {
        let each = terms.is_some().then(|| json!([{ "trafficType": "OUT", "price": bandwidth }]));
        result.insert("ipv4BandwidthPrices".to_owned(), each.unwrap_or_default());
    }
    result.insert("ipv4BandwidthPrice".to_owned(), bandwidth);
    result.insert("ipv6BandwidthPrice".to_owned(), Value::Null);
    result.insert("systemDiskPrice".to_owned(), tens(system));
    result.insert("dataDiskPrice".to_owned(), tens(data));
    Ok(result)
}

/// InquiryPriceCreateDisks: for all disks together.
pub(super) fn disks(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = fields.required("zoneId")?;
    if seed::zec::region_of_zone(zone).is_none() {
        return Err(Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."));
    }
    let (size, _) = order::data_disk(fields, "diskSize")?;
    let amount = fields.bounded("diskAmount", 1, 50)?.unwrap_or(1);
    let units = float(size.saturating_mul(amount)) / 10.0;
    Ok(only("dataDiskPrice", price(&DISK, units, Edition::of(call.version))))
}

/// DescribeEipPrice.
pub(super) fn eip(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let edition = Edition::of(call.version);
    if seed::zec::region(fields.required("regionId")?).is_none() {
        return Err(Problem::absent("INVALID_REGION_NOT_FOUND", "Region not found."));
    }
    let amount = fields.bounded("amount", 1, 100)?.unwrap_or(1);
    let terms =
        public::terms(fields, "flowPackage")?.ok_or_else(|| Problem::missing("internetChargeType"))?;
    let bandwidth = price(&BANDWIDTH, float(terms.bandwidth.saturating_mul(amount)), edition);
    let mut result = Map::new();
    result.insert("eipPrice".to_owned(), Value::Null);
    if edition == Edition::Y2025 {
        result.insert("bandwidthPrices".to_owned(), json!([{ "trafficType": "OUT", "price": bandwidth }]));
        result.insert("remoteBandwidthPrice".to_owned(), Value::Null);
    }
    result.insert("bandwidthPrice".to_owned(), bandwidth);
    Ok(result)
}
