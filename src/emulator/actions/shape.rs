//! Machines and times in the words of each product's DescribeInstances.

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
pub(super) fn expiry(machine: &Machine) -> Option<String> {
    let months = u64::try_from(machine.period?).ok()?;
    Some(time(machine.created.saturating_add(Duration::from_secs(months.saturating_mul(30 * 86_400)))))
}

fn group_name(machine: &Machine) -> &'static str {
    seed::resource_group(&machine.resource_group).map_or("", |group| group.name)
}

fn tags(machine: &Machine) -> Value {
    tag_list(&machine.tags)
}

/// Tags as they stand in an answer.
pub(super) fn tag_list(tags: &[(String, String)]) -> Value {
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({ "tags": tags })
}

fn disk(disk: &Disk) -> Value {
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

/// InstanceInfo of vm.
pub(super) fn vm(machine: &Machine, status: Status) -> Value {
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
        "expiredTime": expiry(machine),
        "resourceGroupId": machine.resource_group,
        "resourceGroupName": group_name(machine),
        "instanceStatus": status.as_str(),
        "trafficPackageSize": machine.traffic_package,
        "securityGroupIds": machine.security_groups,
        "systemDisk": disk(&machine.system_disk),
        "dataDisks": data_disks(machine),
        "autoRenew": machine.period.is_some(),
        "keyId": machine.key,
        "nic": { "wanName": machine.nic.0, "lanName": machine.nic.1 },
        "tags": tags(machine),
    })
}
