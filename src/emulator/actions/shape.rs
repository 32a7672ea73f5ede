//! Times, tags, and the machines of bmc and zec in the words of their DescribeInstances.

use std::time::Duration;

use serde_json::{Value, json};

use crate::emulator::life::Status;
use crate::emulator::seed;
use crate::emulator::world::{Disk, Machine};

/// `YYYY-MM-DDThh:mm:ssZ`.
pub(super) fn time(at: Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The end of a subscription; a month counts 30 days.
pub(super) fn end(created: Duration, period: Option<i64>) -> Option<Duration> {
    let months = u64::try_from(period?).ok()?;
    Some(created.saturating_add(Duration::from_secs(months.saturating_mul(30 * 86_400))))
}

fn expiry(machine: &Machine) -> Option<String> {
    end(machine.created, machine.period).map(time)
}

fn group_name(machine: &Machine) -> &'static str {
    seed::resource_group(&machine.resource_group).map_or("", |group| group.name)
}

fn tags(machine: &Machine) -> Value {
    bound_tags(&machine.tags)
}

/// The tags of a thing, as every product nests them.
pub(super) fn bound_tags(tags: &[(String, String)]) -> Value {
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({ "tags": tags })
}

pub(super) fn disk(disk: &Disk) -> Value {
    json!({ "diskId": disk.id, "diskSize": disk.size, "diskCategory": disk.category })
}

fn data_disks(machine: &Machine) -> Vec<Value> {
    let disks = machine.data_disks.iter().map(|disk| {
        json!({
            "diskId": disk.id,
            "diskName": "data-disk",
            "diskSize": disk.size,
            "diskCategory": disk.category,
            "portable": true,
        })
    });
    disks.collect()
}

/// InstanceInfo of bmc.
pub(super) fn bmc(machine: &Machine, status: Status) -> Value {
    let subnets: Vec<&str> = Some(machine.subnet.as_str()).filter(|id| !id.is_empty()).into_iter().collect();
    json!({
        "instanceId": machine.id,
        "zoneId": machine.zone,
        "instanceName": machine.name,
        "hostname": machine.hostname,
        "instanceTypeId": machine.model,
        "imageId": machine.image,
        "imageName": machine.image_name,
        "instanceChargeType": machine.charge_type,
        "bandwidthOutMbps": machine.bandwidth,
        "trafficPackageSize": machine.traffic_package,
        "internetChargeType": machine.internet_charge_type,
        "period": machine.period,
        "primaryPublicIpAddress": machine.public_ips.first(),
        "publicIpAddresses": machine.public_ips,
        "privateIpAddresses": machine.private_ips,
        "ipv6Addresses": [],
        "subnetIds": subnets,
        "createTime": time(machine.created),
        "expiredTime": expiry(machine),
        "resourceGroupId": machine.resource_group,
        "resourceGroupName": group_name(machine),
        "instanceStatus": status.as_str(),
        "autoRenew": machine.period.is_some(),
        "keyId": machine.key,
        "tags": tags(machine),
    })
}

/// InstanceInfo of zec; it has no PENDING and calls the state `status`.
pub(super) fn zec(machine: &Machine, status: Status) -> Value {
    let status = if status == Status::Pending { Status::Deploying } else { status };
    json!({
        "instanceId": machine.id,
        "instanceName": machine.name,
        "zoneId": machine.zone,
        "instanceType": machine.model,
        "cpu": machine.cpu,
        "memory": machine.memory,
        "imageId": machine.image,
        "imageName": machine.image_name,
        "nicNetworkType": "Auto",
        "status": status.as_str(),
        "systemDisk": disk(&machine.system_disk),
        "dataDisks": data_disks(machine),
        "publicIpAddresses": machine.public_ips,
        "privateIpAddresses": machine.private_ips,
        "keyId": machine.key.as_deref().unwrap_or_default(),
        "subnetId": machine.subnet,
        "securityGroupId": machine.security_groups.first(),
        "createTime": time(machine.created),
        "expiredTime": "",
        "resourceGroupId": machine.resource_group,
        "resourceGroupName": group_name(machine),
        "nics": [],
        "tags": tags(machine),
    })
}
