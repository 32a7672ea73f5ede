//! ResetInstance: a stopped machine is installed again, with another image if one is named, and then runs.

use serde_json::Map;

use crate::emulator::actions::change::stopped;
use crate::emulator::actions::vm_create::{Edition, login, misc, name, place};
use crate::emulator::call::{Call, Reply, not_found};
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;

pub(super) fn run(call: &mut Call<'_>) -> Reply {
    let (fields, now, pace) = (call.fields, call.now, call.world.pace);
    let machine = call.machine(Product::Vm, fields.required("instanceId")?)?.clone();
    stopped(&machine, machine.life.at(now))?;
    let zone = seed::zone(&machine.zone).ok_or_else(|| not_found(&machine.id))?;
    let image = place::image(call, fields.text("imageId")?.unwrap_or(&machine.image), zone)?;
    if image.least_disk > machine.system_disk.size {
        return Err(Problem::invalid(
            "INVALID_SYSTEM_DISK_SIZE",
            format!("The image needs a system disk of {} GB.", image.least_disk),
        ));
    }
    let key = login::read(call, &image)?;
    let name = fields.text("instanceName")?.map(name::plain).transpose()?;
    let edition = Edition::of(call.version);
    let nic = misc::interfaces(fields, edition, (&machine.nic.0, &machine.nic.1))?;
    misc::script(fields)?;
    let machine = call.machine(Product::Vm, &machine.id)?;
    machine.image = image.id;
    machine.image_name = image.name;
    machine.key = key;
    machine.nic = nic;
    machine.name = name.unwrap_or_else(|| machine.name.clone());
    machine.life.change(now, pace, Status::Rebuilding, Status::Running);
    Ok(Map::new())
}
