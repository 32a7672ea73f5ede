//! Prices of vm, by those of the vendor's samples.
//!
//! The samples price c.1c2g; other models cost as many times more as they have vCPUs. Prices are for one machine:
//! whether the vendor multiplies by instanceCount is not documented.

use serde_json::{Map, Value, json};

use super::paging::only;
use super::simple;
use super::vm_create::{self, Edition, charge, disks, network, place};
use crate::emulator::call::{Call, Reply, not_found};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;

/// A month's price of a unit and what is left of it after the discount, and an hour's price.
pub(super) struct Tariff {
    month: (f64, f64),
    hour: f64,
}

/// One vCPU of a machine.
pub(super) const CPU: Tariff = Tariff { month: (14.0, 13.3), hour: 0.13 };
/// One Mbps.
pub(super) const BANDWIDTH: Tariff = Tariff { month: (4.0, 3.8), hour: 0.014 };
/// Ten GB of disk.
pub(super) const DISK: Tariff = Tariff { month: (0.5, 0.48), hour: 0.006_25 };
/// One TB of traffic; no sample prices it.
const TRAFFIC: Tariff = Tariff { month: (20.0, 19.0), hour: 0.03 };

/// InquiryPriceCreateInstance.
pub(super) fn run(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let edition = Edition::of(call.version);
    let place = place::read(call, false)?;
    let charge = charge::read(fields, place.zone, edition)?;
    let internet = network::internet(fields, &place, edition)?;
    vm_create::count(fields)?;
    let (system, _) = disks::system(fields, &place.image)?;
    let data = disks::data(fields, place.zone, edition)?;
    let price = |tariff: &Tariff, units: f64| item(tariff, units, charge.months);
    let data_total: i64 = data.iter().map(|(size, _)| size).sum();
    let mut result = Map::new();
    result.insert("instancePrice".to_owned(), price(&CPU, float(place.model.cpu)));
    result.insert("bandwidthPrice".to_owned(), json!([price(&BANDWIDTH, float(internet.bandwidth))]));
    result.insert("eipPrice".to_owned(), Value::Null);
    result.insert("systemDiskPrice".to_owned(), price(&DISK, float(system) / 10.0));
    let data_price = if data.is_empty() { Value::Null } else { price(&DISK, float(data_total) / 10.0) };
    result.insert("dataDiskPrice".to_owned(), data_price);
    if edition == Edition::Y2026 {
        let each = data.iter().map(|(size, category)| {
            json!({
                "diskSize": size,
                "diskAmount": 1,
                "diskCategory": category,
                "diskPrice": price(&DISK, float(*size) / 10.0),
            })
        });
        result.insert("dataDiskPrices".to_owned(), each.collect());
    }
    Ok(result)
}

/// InquiryPriceCreateDisks: for all `diskAmount` disks, since the answer has one price only.
pub(super) fn disks(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = simple::zone(fields, seed::ZONES.iter().map(|zone| zone.id))?;
    let zone = seed::zone(zone).ok_or_else(|| not_found(zone))?;
    let (size, _) = disks::one(fields, zone)?;
    let amount = fields.bounded("diskAmount", 1, 50)?.unwrap_or(1);
    let kind = charge::kind(fields, "chargeType")?.ok_or_else(|| Problem::missing("chargeType"))?;
    let months = charge::months(fields, kind, "chargePrepaid")?;
    let units = float(size.saturating_mul(amount)) / 10.0;
    Ok(only("dataDiskPrice", item(&DISK, units, months)))
}

/// InquiryPriceInstanceBandwidth.
pub(super) fn bandwidth(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let asked = fields.bounded("internetMaxBandwidthOut", 1, i64::MAX)?;
    let asked = asked.ok_or_else(|| Problem::missing("internetMaxBandwidthOut"))?;
    let period = call.machine(Product::Vm, fields.required("instanceId")?)?.period;
    Ok(only("bandwidthPrice", json!([item(&BANDWIDTH, float(asked), period)])))
}

/// InquiryPriceInstanceTrafficPackage.
pub(super) fn traffic(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let asked = fields.float("trafficPackageSize")?;
    let asked = asked.ok_or_else(|| Problem::missing("trafficPackageSize"))?;
    let machine = call.machine(Product::Vm, fields.required("instanceId")?)?;
    network::traffic_package(Some(asked), &machine.internet_charge_type)?;
    Ok(only("trafficPackagePrice", json!([item(&TRAFFIC, asked, machine.period)])))
}

pub(super) fn item(tariff: &Tariff, units: f64, months: Option<i64>) -> Value {
    match months {
        Some(months) => {
            let times = units * float(months);
            json!({
                "discount": 95.0,
                "originalPrice": round(tariff.month.0 * times),
                "discountPrice": round(tariff.month.1 * times),
                "category": "STANDARD",
            })
        }
        None => {
            let hour = round(tariff.hour * units);
            json!({
                "discount": 100.0,
                "unitPrice": hour,
                "discountUnitPrice": hour,
                "chargeUnit": "HOUR",
                "category": "STANDARD",
            })
        }
    }
}

/// Exact: every number priced here is far below 2^53.
pub(super) fn float(number: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sizes and counts are far below 2^53")]
    let float = number as f64;
    float
}

/// To five digits behind the point, so that products of decimal prices stay readable.
fn round(price: f64) -> f64 {
    (price * 100_000.0).round() / 100_000.0
}
