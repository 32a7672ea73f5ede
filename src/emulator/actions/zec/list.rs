//! DescribeInstances and DescribeInstancesStatus of zec.

use serde_json::{Value, json};

use super::{Edition, shape};
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::world::Product;

/// Ids a filter takes.
const IDS: usize = 100;

/// Newest first.
pub(super) fn instances(call: &mut Call<'_>) -> Reply {
    let (fields, world, now) = (call.fields, &*call.world, call.now);
    let ids = fields.texts_up_to("instanceIds", IDS)?;
    let (zone, image) = (fields.text("zoneId")?, fields.text("imageId")?);
    let (status, name) = (fields.text("status")?, fields.text("name")?);
    let (ipv4, ipv6) = (fields.text("ipv4Address")?, fields.text("ipv6Address")?);
    let group = fields.text("resourceGroupId")?;
    let edition = Edition::of(call.version);
    let tags = (edition == Edition::Y2025).then(|| tags::Filter::read(fields)).transpose()?;
    let listed = world.listed(Product::Zec, now).filter(|machine| {
        among(&ids, &[machine.id.as_str()])
            && passes(zone, &machine.zone)
            && passes(image, &machine.image)
            && passes(status, shape::status(machine.life.at(now)))
            && simple::holds(name, &machine.name)
            && passes(group, &machine.resource_group)
            && ipv6.is_none()
            && ipv4.is_none_or(|asked| {
                machine.private_ips.iter().any(|own| own == asked)
                    || shape::public(world, &machine.id).iter().any(|own| own == asked)
            })
            && tags.as_ref().is_none_or(|tags| tags.passes(&machine.tags))
    });
    let mut items: Vec<Value> =
        listed.map(|machine| shape::machine(world, machine, machine.life.at(now), edition)).collect();
    items.reverse();
    page(fields, items)
}

/// Here the member is called `instanceStatus`.
pub(super) fn status(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("instanceIds", IDS)?;
    let group = call.fields.text("resourceGroupId")?;
    let now = call.now;
    let listed = call
        .world
        .listed(Product::Zec, now)
        .filter(|machine| among(&ids, &[machine.id.as_str()]) && passes(group, &machine.resource_group));
    let items = listed.map(
        |machine| json!({ "instanceId": machine.id, "instanceStatus": shape::status(machine.life.at(now)) }),
    );
    let items = items.collect();
    page(call.fields, items)
}
