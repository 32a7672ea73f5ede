//! A machine changes its model: ModifyInstanceTypeRequest and DescribeInstanceTypeStatusResponseParams of the models.
//! vm has no state for it; the change is read off DescribeInstanceTypeStatus.

use serde_json::{Map, Value, json};

use super::internet;
use crate::emulator::actions::change::settled;
use crate::emulator::actions::vm_create::place;
use crate::emulator::call::{Call, Reply, not_found};
use crate::emulator::seed;
use crate::emulator::world::Product;
use crate::emulator::world::vm::scheduled::Change;

/// ModifyInstanceType; the model is called `instanceTypeId` here.
pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let (id, wanted) = (fields.required("instanceId")?, fields.required("instanceTypeId")?);
    let machine = call.machine(Product::Vm, id)?.clone();
    settled(&machine, machine.life.at(now))?;
    let zone = seed::zone(&machine.zone).ok_or_else(|| not_found(id))?;
    let (model, _) = place::sold(wanted, zone)?;
    let shrinks = (model.cpu, model.memory) < (machine.cpu, machine.memory);
    internet::order(call, &machine, Change::Model(model.id.to_owned()), shrinks)
}

/// DescribeInstanceTypeStatus.
pub(super) fn status(call: &mut Call<'_>) -> Reply {
    let machine = call.machine(Product::Vm, call.fields.required("instanceId")?)?.clone();
    let mut of_machine = call.world.vm.scheduled.iter().filter(|change| change.machine == machine.id);
    let change = of_machine.find_map(|scheduled| match &scheduled.change {
        Change::Model(model) => Some((model.as_str(), scheduled.status())),
        _ => None,
    });
    let (modified, status) = change.unwrap_or((&machine.model, "Enable"));
    let result = json!({
        "instanceId": machine.id,
        "instanceName": machine.name,
        "instanceType": machine.model,
        "modifiedInstanceType": modified,
        "modifiedInstanceTypeStatus": status,
    });
    match result {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// CancelInstanceDowngrade.
pub(super) fn cancel(call: &mut Call<'_>) -> Reply {
    internet::cancel(call, |change| matches!(change, Change::Model(_)))
}
