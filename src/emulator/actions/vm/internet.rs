//! Bandwidth and traffic package of a machine: DescribeInstanceInternetStatusResponseParams of the models.
//!
//! A change is Processing for a while; a subscription that shrinks waits for its next cycle (WaitToEnable) and can be
//! taken back until then. The Terraform provider polls until the state is Enable and the value the one it asked for.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::emulator::actions::change::settled;
use crate::emulator::actions::paging::only;
use crate::emulator::actions::shape::end;
use crate::emulator::actions::vm_create::network;
use crate::emulator::call::{Call, Reply, no_resource, not_found};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::vm::scheduled::{Change, Scheduled};
use crate::emulator::world::{Machine, Product};

/// ModifyInstanceBandwidth.
pub(super) fn bandwidth(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let machine = call.machine(Product::Vm, fields.required("instanceId")?)?.clone();
    settled(&machine, machine.life.at(now))?;
    let (zone, model) = (seed::zone(&machine.zone), seed::model(&machine.model));
    let (zone, model) = zone.zip(model).ok_or_else(|| not_found(&machine.id))?;
    let asked = network::bandwidth(fields, zone, model)?;
    let asked = asked.ok_or_else(|| Problem::missing("internetMaxBandwidthOut"))?;
    order(call, &machine, Change::Bandwidth(asked), asked < machine.bandwidth)
}

/// ModifyInstanceTrafficPackage: only where traffic is paid by the package.
pub(super) fn traffic(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let machine = call.machine(Product::Vm, fields.required("instanceId")?)?.clone();
    settled(&machine, machine.life.at(now))?;
    let asked = fields.float("trafficPackageSize")?;
    let asked = asked.ok_or_else(|| Problem::missing("trafficPackageSize"))?;
    let asked = network::traffic_package(Some(asked), &machine.internet_charge_type)?.unwrap_or(asked);
    let shrinks = machine.traffic_package.is_some_and(|old| asked < old);
    order(call, &machine, Change::Traffic(asked), shrinks)
}

/// Orders a change of a machine. What shrinks a subscription waits for its end.
pub(super) fn order(call: &mut Call<'_>, machine: &Machine, change: Change, shrinks: bool) -> Reply {
    let cycle = end(machine.created, machine.period).filter(|end| shrinks && *end > call.now);
    let soon = call.now.saturating_add(call.world.pace.change_after);
    call.world.schedule(Scheduled {
        machine: machine.id.clone(),
        change,
        at: cycle.unwrap_or(soon),
        next_cycle: cycle.is_some(),
    });
    // Without a wait it is done with the call that orders it.
    if call.world.pace.change_after == Duration::ZERO {
        call.world.settle(call.now);
    }
    Ok(only("orderNumber", json!(call.world.number())))
}

/// DescribeInstanceInternetStatus. Without a change on its way the modified values are the present ones.
pub(super) fn status(call: &mut Call<'_>) -> Reply {
    let machine = call.machine(Product::Vm, call.fields.required("instanceId")?)?.clone();
    let (mut bandwidth, mut traffic) = (machine.bandwidth, machine.traffic_package);
    let (mut bandwidth_status, mut traffic_status) = ("Enable", "Enable");
    for scheduled in call.world.vm.scheduled.iter().filter(|change| change.machine == machine.id) {
        match scheduled.change {
            Change::Bandwidth(mbps) => (bandwidth, bandwidth_status) = (mbps, scheduled.status()),
            Change::Traffic(size) => (traffic, traffic_status) = (Some(size), scheduled.status()),
            Change::Model(_) => {}
        }
    }
    let result = json!({
        "instanceId": machine.id,
        "instanceName": machine.name,
        "internetMaxBandwidthOut": machine.bandwidth,
        "modifiedInternetMaxBandwidthOut": bandwidth,
        "modifiedBandwidthStatus": bandwidth_status,
        "trafficPackageSize": machine.traffic_package,
        "modifiedTrafficPackageSize": traffic,
        "modifiedTrafficPackageStatus": traffic_status,
    });
    match result {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// CancelInstanceBandwidthDowngrade.
pub(super) fn cancel_bandwidth(call: &mut Call<'_>) -> Reply {
    cancel(call, |change| matches!(change, Change::Bandwidth(_)))
}

/// CancelInstanceTrafficPackageDowngrade.
pub(super) fn cancel_traffic(call: &mut Call<'_>) -> Reply {
    cancel(call, |change| matches!(change, Change::Traffic(_)))
}

/// Takes back a change that waits for the next cycle. No code is documented for there being none.
pub(super) fn cancel(call: &mut Call<'_>, kind: fn(&Change) -> bool) -> Reply {
    let id = call.fields.required("instanceId")?;
    call.machine(Product::Vm, id)?;
    let before = call.world.vm.scheduled.len();
    call.world
        .vm
        .scheduled
        .retain(|scheduled| scheduled.machine != id || !scheduled.next_cycle || !kind(&scheduled.change));
    if call.world.vm.scheduled.len() == before {
        return Err(no_resource("downgrade of", id));
    }
    Ok(Map::new())
}
