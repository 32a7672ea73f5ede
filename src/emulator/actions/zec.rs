//! zec CreateZecInstances and the older zec CreateInstances: enough of them to order machines with the SDKs.
//! Tags and the security group exist only in 2025-09-01.

use serde_json::{Map, json};

use super::vm_create::{self, misc::resource_group};
use super::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::{Disk, Product};

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = simple::zone(fields, seed::ZEC_ZONES.iter().copied())?;
    let (model, cpu, memory) = simple::model(fields, "instanceType", seed::ZEC_MODELS)?;
    let image = fields.required("imageId")?;
    let count = vm_create::count(fields)?;
    let newest = call.version != "2024-04-01";
    let tags = if newest { tags::read(fields, 64)? } else { Vec::new() };
    let security_group = if newest { fields.text("securityGroupId")? } else { None };
    let group = resource_group(fields)?;
    let name = simple::name(fields)?;
    let (subnet, key) = (fields.text("subnetId")?, fields.text("keyId")?);
    let disks = data_disks(fields)?;
    simple::check_quota(call.world, count, call.now)?;
    let (mut ids, mut with_disks) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let serial = call.world.machines.len();
        let mut machine = call.world.order(Product::Zec, call.now, call.fate);
        machine.zone = zone.to_owned();
        machine.name = name.clone();
        machine.model = model.to_owned();
        (machine.cpu, machine.memory) = (cpu, memory);
        machine.image = image.to_owned();
        machine.subnet = subnet.unwrap_or_default().to_owned();
        machine.key = key.map(str::to_owned);
        machine.security_groups = security_group.iter().map(|id| (*id).to_owned()).collect();
        machine.public_ips = vec![simple::public_ip(serial)];
        machine.resource_group = group.clone();
        machine.tags = tags.clone();
        for size in &disks {
            let id = call.world.number();
            machine.data_disks.push(Disk { id, size: *size, category: "Standard NVMe SSD".to_owned() });
        }
        let disk_ids: Vec<&str> = machine.data_disks.iter().map(|disk| disk.id.as_str()).collect();
        with_disks.push(json!({ "instanceId": machine.id, "diskIdSet": disk_ids }));
        ids.push(machine.id.clone());
        call.world.machines.push(machine);
    }
    let mut result = Map::new();
    result.insert("instanceIdSet".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    result.insert("instances".to_owned(), json!(with_disks));
    Ok(result)
}

/// The sizes of the data disks, GB.
fn data_disks(fields: crate::emulator::fields::Fields<'_>) -> Result<Vec<i64>, Problem> {
    let sizes = fields.objects("dataDisks")?.into_iter().map(|disk| {
        disk.bounded("diskSize", 1, i64::MAX)?.ok_or_else(|| Problem::missing("dataDisks.diskSize"))
    });
    sizes.collect()
}
