//! bmc CreateInstances: enough of it to order bare metal with the SDKs. It counts in `amount` and calls the model
//! `instanceTypeId`.

use serde_json::{Map, json};

use super::vm_create::misc::resource_group;
use super::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = simple::zone(fields, seed::ZONES.iter().map(|zone| zone.id))?;
    let (model, cpu, memory) = simple::model(fields, "instanceTypeId", seed::BMC_MODELS)?;
    let charge = fields
        .one_of("instanceChargeType", &["PREPAID", "POSTPAID"])?
        .ok_or_else(|| Problem::missing("instanceChargeType"))?;
    let prepaid = fields.object("instanceChargePrepaid")?;
    let months = prepaid.map(|prepaid| prepaid.bounded("period", 1, i64::MAX)).transpose()?.flatten();
    if charge == "PREPAID" && months.is_none() {
        return Err(Problem::missing("instanceChargePrepaid"));
    }
    let internet = fields.required("internetChargeType")?;
    let amount = fields.bounded("amount", 1, 100)?.unwrap_or(1);
    let bandwidth = fields.bounded("internetMaxBandwidthOut", 0, i64::MAX)?.unwrap_or(1);
    let group = resource_group(fields)?;
    let tags = tags::read(fields, 64)?;
    let name = simple::name(fields)?;
    let (image, hostname) = (fields.text("imageId")?, fields.text("hostname")?);
    let subnet = fields.text("subnetId")?;
    simple::check_quota(call.world, usize::try_from(amount).unwrap_or(1), call.now)?;
    let mut ids = Vec::new();
    for _ in 0..amount {
        let serial = call.world.machines.len();
        let mut machine = call.world.order(Product::Bmc, call.now, call.fate);
        machine.zone = zone.to_owned();
        machine.name = name.clone();
        machine.hostname = hostname.unwrap_or(&name).to_owned();
        machine.model = model.to_owned();
        (machine.cpu, machine.memory) = (cpu, memory);
        machine.image = image.unwrap_or_default().to_owned();
        machine.charge_type = charge.to_owned();
        machine.period = months.filter(|_| charge == "PREPAID");
        machine.internet_charge_type = internet.to_owned();
        machine.bandwidth = bandwidth;
        machine.subnet = subnet.unwrap_or_default().to_owned();
        machine.public_ips = vec![simple::public_ip(serial)];
        machine.resource_group = group.clone();
        machine.tags = tags.clone();
        ids.push(machine.id.clone());
        call.world.machines.push(machine);
    }
    let mut result = Map::new();
    result.insert("instanceIdSet".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    Ok(result)
}
