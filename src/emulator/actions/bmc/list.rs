//! DescribeInstances of bmc, and how far a change of bandwidth has got.

use serde_json::{Map, Value, json};

use super::{Edition, shape};
use crate::emulator::actions::list::name_fits;
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::tags;
use crate::emulator::call::{Call, Reply};
use crate::emulator::world::Product;

/// Ids a filter takes.
const IDS: usize = 100;

/// Newest first.
pub(super) fn instances(call: &mut Call<'_>) -> Reply {
    let (fields, world, now) = (call.fields, &*call.world, call.now);
    let ids = fields.texts_up_to("instanceIds", IDS)?;
    let (zone, group) = (fields.text("zoneId")?, fields.text("resourceGroupId")?);
    let (model, internet) = (fields.text("instanceTypeId")?, fields.text("internetChargeType")?);
    let (image, subnet) = (fields.text("imageId")?, fields.text("subnetId")?);
    let status = fields.text("instanceStatus")?;
    let (name, hostname) = (fields.text("instanceName")?, fields.text("hostname")?);
    let public = fields.texts_up_to("publicIpAddresses", IDS)?;
    let private = fields.texts_up_to("privateIpAddresses", IDS)?;
    let tags = tags::Filter::read(fields)?;
    let edition = Edition::of(call.version);
    let texts = |list: &[String], wanted: &[&str]| {
        among(wanted, &list.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let listed = world.listed(Product::Bmc, now).filter(|machine| {
        among(&ids, &[machine.id.as_str()])
            && passes(zone, &machine.zone)
            && passes(group, &machine.resource_group)
            && passes(model, &machine.model)
            && passes(internet, &machine.internet_charge_type)
            && passes(image, &machine.image)
            && passes(subnet, &machine.subnet)
            && passes(status, shape::status(machine, machine.life.at(now)))
            && name.is_none_or(|name| name_fits(name, &machine.name))
            && hostname.is_none_or(|hostname| name_fits(hostname, &machine.hostname))
            && texts(&shape::public(&world.bmc, machine), &public)
            && texts(&machine.private_ips, &private)
            && tags.passes(&machine.tags)
    });
    let mut items: Vec<Value> =
        listed.map(|machine| shape::machine(world, machine, machine.life.at(now), edition)).collect();
    items.reverse();
    page(fields, items)
}

/// DescribeInstanceInternetStatus: changes take effect at once, so none is ever under way.
pub(super) fn internet(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    let machine = call.machine(Product::Bmc, id)?;
    let mut result = Map::new();
    let mut add = |name: &str, value: Value| result.insert(name.to_owned(), value);
    add("instanceId", json!(machine.id));
    add("instanceName", json!(machine.name));
    add("internetMaxBandwidthOut", json!(machine.bandwidth));
    add("modifiedInternetMaxBandwidthOut", json!(machine.bandwidth));
    add("modifiedBandwidthStatus", json!("Enable"));
    add("trafficPackageSize", json!(machine.traffic_package));
    add("modifiedTrafficPackageSize", json!(machine.traffic_package));
    add("modifiedTrafficPackageStatus", json!("Enable"));
    Ok(result)
}
