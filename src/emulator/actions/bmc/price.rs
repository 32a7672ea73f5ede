//! Prices of bmc: those of the vm samples, a core counting as a vCPU.

use serde_json::{Map, Value, json};

use super::{Edition, eips, order};
use crate::emulator::actions::paging::only;
use crate::emulator::actions::price::{BANDWIDTH, CPU, Tariff, float, item};
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};

/// A price; `category` came with 2026.
fn price(tariff: &Tariff, units: i64, months: Option<i64>, edition: Edition) -> Value {
    let mut value = item(tariff, float(units), months);
    if let (Edition::Y2022, Some(members)) = (edition, value.as_object_mut()) {
        members.remove("category");
    }
    value
}

/// InquiryPriceCreateInstance: for one machine. The primary address costs nothing.
pub(super) fn instance(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let edition = Edition::of(call.version);
    let (zone, model) = order::place(fields)?;
    let charge = order::charge(fields, zone)?;
    let internet = order::internet(fields, zone, model)?;
    let mut result = Map::new();
    result.insert("instancePrice".to_owned(), price(&CPU, model.cores, charge.months, edition));
    let bandwidth = price(&BANDWIDTH, internet.bandwidth, charge.months, edition);
    result.insert("bandwidthPrice".to_owned(), json!([bandwidth]));
    result.insert("primaryIpPrice".to_owned(), Value::Null);
    Ok(result)
}

/// InquiryPriceCreateEipAddress: for all addresses together, as much as a Mbps each.
pub(super) fn eip(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    order::zone(fields)?;
    let (_, months) = eips::charge(fields)?;
    let amount = simple::count(fields, "amount", 100)?;
    let mask = fields.bounded("netmask", 0, 32)?.filter(|mask| *mask != 0).unwrap_or(32);
    let addresses = 1_i64.checked_shl(u32::try_from(32_i64.saturating_sub(mask)).unwrap_or(0)).unwrap_or(1);
    let units = i64::try_from(amount).unwrap_or(1).saturating_mul(addresses);
    Ok(only("eipPrice", price(&BANDWIDTH, units, months, Edition::of(call.version))))
}
