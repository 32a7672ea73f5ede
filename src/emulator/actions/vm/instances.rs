//! The listings of vm machines: InstanceInfo and InstanceStatus of the models.

use serde_json::{Value, json};

use crate::emulator::actions::list::{Filter, VM};
use crate::emulator::actions::paging::{among, only, page_of};
use crate::emulator::actions::shape::{bound_tags, disk, end, time};
use crate::emulator::call::{Call, Reply};
use crate::emulator::life::Status;
use crate::emulator::world::vm::disk::DataDisk;
use crate::emulator::world::{Machine, Product};

/// DescribeInstances, newest first.
pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let filter = Filter::read(call.fields, &VM)?;
    let listed = call.world.listed(Product::Vm, call.now);
    let states = listed.map(|machine| (machine, machine.life.at(call.now)));
    let mut found: Vec<(&Machine, Status)> =
        states.filter(|(machine, status)| filter.passes(machine, *status)).collect();
    found.reverse();
    page_of(call.fields, found, |(machine, status)| show(call, machine, status))
}

/// DescribeInstancesStatus.
pub(super) fn statuses(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("instanceIds", 100)?;
    let listed = call.world.listed(Product::Vm, call.now);
    let found = listed.filter(|machine| among(&ids, &[machine.id.as_str()]));
    page_of(
        call.fields,
        found.collect(),
        |machine| json!({ "instanceId": machine.id, "instanceStatus": machine.life.at(call.now).as_str() }),
    )
}

/// DescribeVncUrl: an address that nothing answers at.
pub(super) fn console(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("instanceId")?;
    call.machine(Product::Vm, id)?;
    Ok(only("url", json!(format!("https://vnc.invalid/{id}"))))
}

fn show(call: &Call<'_>, machine: &Machine, status: Status) -> Value {
    let disks = call.world.vm.disks_at(call.now).map(|(disk, _)| disk);
    let attached = disks.filter(|disk| disk.machine(call.now) == Some(&machine.id));
    json!({
        "instanceId": machine.id,
        "zoneId": machine.zone,
        "instanceName": machine.name,
        "instanceType": machine.model,
        "cpuCount": machine.cpu,
        "memory": machine.memory,
        "imageId": machine.image,
        "imageName": machine.image_name,
        "instanceChargeType": machine.charge_type,
        "internetMaxBandwidthOut": machine.bandwidth,
        "internetChargeType": machine.internet_charge_type,
        "period": machine.period,
        "publicIpAddresses": machine.public_ips,
        "publicIpv6Addresses": [],
        "privateIpAddresses": machine.private_ips,
        "subnetId": machine.subnet,
        "createTime": time(machine.created),
        "expiredTime": end(machine.created, machine.period).map(time),
        "resourceGroupId": machine.resource_group,
        "resourceGroupName": call.world.account.group_name(&machine.resource_group),
        "instanceStatus": status.as_str(),
        "trafficPackageSize": machine.traffic_package,
        "securityGroupIds": machine.security_groups,
        "systemDisk": disk(&machine.system_disk),
        "dataDisks": attached.map(data_disk).collect::<Vec<_>>(),
        "autoRenew": machine.period.is_some(),
        "keyId": machine.key,
        "nic": { "wanName": machine.nic.0, "lanName": machine.nic.1 },
        "tags": bound_tags(&machine.tags),
    })
}

fn data_disk(disk: &DataDisk) -> Value {
    json!({
        "diskId": disk.id,
        "diskName": disk.name,
        "diskSize": disk.size,
        "diskCategory": disk.category,
        "portable": true,
    })
}
