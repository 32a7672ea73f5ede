//! Machines, models and addresses of bmc in the words of its answers: InstanceInfo, InstanceType and EipAddress of
//! the Go SDK.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Edition;
use crate::emulator::actions::shape::{bound_tags, end, time};
use crate::emulator::life::Status;
use crate::emulator::seed;
use crate::emulator::seed::bmc::Model;
use crate::emulator::world::bmc::{Bmc, Raid};
use crate::emulator::world::{Machine, World};

/// bmc says CREATING and INSTALLING where vm says DEPLOYING and REBUILDING; a machine without a system is only made.
pub(super) fn status(machine: &Machine, status: Status) -> &'static str {
    match status {
        Status::Deploying if machine.image.is_empty() => "CREATING",
        Status::Deploying | Status::Rebuilding => "INSTALLING",
        other => other.as_str(),
    }
}

/// The public addresses of a machine: its own, and the elastic ones bound to it.
pub(super) fn public(bmc: &Bmc, machine: &Machine) -> Vec<String> {
    let bound = bmc.eips.values().filter(|eip| eip.machine.as_deref() == Some(machine.id.as_str()));
    machine.public_ips.iter().cloned().chain(bound.map(|eip| eip.address.clone())).collect()
}

/// InstanceInfo.
pub(super) fn machine(world: &World, machine: &Machine, now: Status, edition: Edition) -> Value {
    let extra = world.bmc.machines.get(&machine.id).cloned().unwrap_or_default();
    let subnets: Vec<&str> = Some(machine.subnet.as_str()).filter(|id| !id.is_empty()).into_iter().collect();
    let optional = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let partitions = extra.partitions.iter();
    let partitions = partitions.map(
        |partition| json!({ "fsPath": partition.path, "fsType": partition.kind, "size": partition.size }),
    );
    let ipv6: Vec<&String> = extra.primary_ipv6.iter().collect();
    let mut info = json!({
        "instanceId": machine.id,
        "zoneId": machine.zone,
        "instanceName": machine.name,
        "hostname": machine.hostname,
        "instanceTypeId": machine.model,
        "instanceType": seed::bmc::model(&machine.model).map(|model| instance_type(model, &[], edition)),
        "imageId": optional(&machine.image),
        "imageName": optional(&machine.image_name),
        "ipxeUrl": extra.ipxe_url,
        "instanceChargeType": machine.charge_type,
        "bandwidthOutMbps": machine.bandwidth,
        "internetChargeType": machine.internet_charge_type,
        "period": machine.period,
        "primaryPublicIpAddress": machine.public_ips.first(),
        "publicIpAddresses": public(&world.bmc, machine),
        "privateIpAddresses": machine.private_ips,
        "ipv6Addresses": ipv6,
        "subnetIds": subnets,
        "createTime": time(machine.created),
        "expiredTime": end(machine.created, machine.period).map(time),
        "resourceGroupId": machine.resource_group,
        "resourceGroupName": world.account.group_name(&machine.resource_group),
        "instanceStatus": status(machine, now),
        "trafficPackageSize": machine.traffic_package,
        "raidConfig": extra.raid.as_ref().map(raid),
        "partitions": partitions.collect::<Vec<_>>(),
        "nic": { "wanName": machine.nic.0, "lanName": machine.nic.1 },
        "autoRenew": machine.period.is_some() && !extra.cancelled,
        "keyId": machine.key,
        "tags": bound_tags(&machine.tags),
        "enableGatewayMode": extra.gateway_mode,
    });
    if let (Edition::Y2026, Some(members)) = (edition, info.as_object_mut()) {
        members.insert("primaryPublicIPv6Address".to_owned(), json!(extra.primary_ipv6));
    }
    info
}

fn raid(raid: &Raid) -> Value {
    match raid {
        Raid::Fast(level) => json!({ "raidType": level, "customRaids": [] }),
        Raid::Custom(sets) => {
            let sets = sets.iter().map(|(level, disks)| json!({ "raidType": level, "diskSequence": disks }));
            json!({ "raidType": null, "customRaids": sets.collect::<Vec<_>>() })
        }
    }
}

/// InstanceType; the images are named only where models are listed.
pub(super) fn instance_type(model: &Model, images: &[&str], edition: Edition) -> Value {
    let (size, count) = model.disks;
    let mut info = Map::new();
    let mut add = |name: &str, value: Value| info.insert(name.to_owned(), value);
    add("imageIds", json!(images));
    add("instanceTypeId", json!(model.id));
    add("description", json!(format!("{} GB memory, {count} x {size} GB SSD", model.memory)));
    add("cpuCoreCount", json!(model.sockets));
    add("cpuDetail", json!(model.cpu_detail));
    add("cpuCores", json!(model.cores));
    add("cpuThreads", json!(model.cores.saturating_mul(2)));
    add("baseFrequency", json!(model.cpu_detail.rsplit("-core ").next()));
    add("memorySize", json!(model.memory));
    add("maximumBandwidth", json!(model.bandwidth_limit));
    add("supportRaids", json!(model.raids));
    add("supportSubnet", json!(true));
    add("isHA", json!(model.ha));
    add(
        "diskInfo",
        json!({
            "totalDiskSize": size.saturating_mul(count),
            "diskDescription": format!("{count} x {size} GB SSD"),
            "disks": [{ "diskSize": size, "diskCount": count }],
        }),
    );
    if edition == Edition::Y2026 {
        for none in ["vpuVendor", "vpuCard", "vpuCount"] {
            add(none, Value::Null);
        }
    }
    Value::Object(info)
}

/// EipAddress.
pub(super) fn eip(world: &World, eip: &crate::emulator::world::bmc::BmcEip, now: Duration) -> Value {
    let owner = world.machines.iter().find(|machine| Some(&machine.id) == eip.machine.as_ref());
    json!({
        "eipId": eip.id,
        "zoneId": eip.zone,
        "ipAddress": eip.address,
        "netmask": eip.netmask,
        "instanceId": owner.map(|owner| owner.id.as_str()),
        "instanceName": owner.map(|owner| owner.name.as_str()),
        "eipChargeType": eip.charge,
        "period": eip.period,
        "createTime": time(eip.created),
        "expiredTime": end(eip.created, eip.period).map(time),
        "resourceGroupId": eip.resource_group,
        "resourceGroupName": world.account.group_name(&eip.resource_group),
        "eipStatus": eip.status(now),
        "tags": bound_tags(&eip.tags),
    })
}
