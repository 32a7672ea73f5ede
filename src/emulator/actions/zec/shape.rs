//! Machines, interfaces, disks and addresses of zec in the words of its answers: InstanceInfo, NicInfo, DiskInfo and
//! EipInfo of the Go SDK. A version gets the members that its model has, and no others.

use std::time::Duration;

use serde_json::{Value, json};

use super::Edition;
use crate::emulator::actions::shape::{bound_tags, time};
use crate::emulator::life::Status;
use crate::emulator::seed;
use crate::emulator::world::zec::disk::ZecDisk;
use crate::emulator::world::zec::eip::Eip;
use crate::emulator::world::zec::network::Nic;
use crate::emulator::world::{Machine, World};

/// Takes away what the older model does not have.
fn of_edition(mut value: Value, edition: Edition, newer: &[&str]) -> Value {
    if let (Edition::Y2024, Some(members)) = (edition, value.as_object_mut()) {
        members.retain(|name, _| !newer.contains(&name.as_str()));
    }
    value
}

/// zec knows no PENDING.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => Status::Deploying.as_str(),
        other => other.as_str(),
    }
}

/// The public addresses of a machine.
pub(super) fn public(world: &World, machine: &str) -> Vec<String> {
    let nic = world.zec.nic_of(machine);
    nic.map(|nic| world.zec.eips_of(&nic.id).map(|eip| eip.address.clone()).collect()).unwrap_or_default()
}

/// InstanceInfo.
pub(super) fn machine(world: &World, machine: &Machine, now: Status, edition: Edition) -> Value {
    let extra = world.zec.machines.get(&machine.id).cloned().unwrap_or_default();
    let nic = world.zec.nic_of(&machine.id);
    let system = json!({
        "diskId": machine.system_disk.id,
        "diskSize": machine.system_disk.size,
        "diskCategory": machine.system_disk.category,
        "burstingEnabled": false,
    });
    let disks = world.zec.disks_of(&machine.id).map(|disk| {
        let disk = json!({
            "diskId": disk.id,
            "diskName": disk.name,
            "diskSize": disk.size,
            "portable": true,
            "burstingEnabled": disk.bursting,
            "diskCategory": disk.category,
        });
        of_edition(disk, edition, &["burstingEnabled"])
    });
    let disks: Vec<Value> = disks.collect();
    let nics: Vec<Value> = nic.map(|nic| interface(world, nic, edition)).into_iter().collect();
    let info = json!({
        "instanceId": machine.id,
        "instanceName": machine.name,
        "zoneId": machine.zone,
        "instanceType": machine.model,
        "cpu": machine.cpu,
        "memory": machine.memory,
        "imageId": machine.image,
        "imageName": machine.image_name,
        "timeZone": extra.time_zone,
        "nicNetworkType": extra.nic_network_type,
        "status": status(now),
        "systemDisk": of_edition(system, edition, &["burstingEnabled"]),
        "dataDisks": disks,
        "publicIpAddresses": public(world, &machine.id),
        "privateIpAddresses": machine.private_ips,
        "keyId": machine.key,
        "subnetId": machine.subnet,
        "securityGroupId": nic.map(|nic| nic.group.clone()),
        "enableAgent": extra.agent,
        "enableAgentMonitor": extra.agent_monitor,
        "enableIpForward": extra.ip_forward,
        "createTime": time(machine.created),
        "expiredTime": null,
        "resourceGroupId": machine.resource_group,
        "resourceGroupName": world.account.group_name(&machine.resource_group),
        "nics": nics,
        "tags": bound_tags(&machine.tags),
        "loadBalancerIds": [],
        "placementGroupId": null,
        "instanceOptions": { "nestedVirtualization": extra.nested_virtualization },
    });
    let newer = ["securityGroupId", "tags", "loadBalancerIds", "placementGroupId", "instanceOptions"];
    of_edition(info, edition, &newer)
}

/// A resource group as it stands inside interfaces and VPCs.
pub(super) fn group(world: &World, id: &str) -> Value {
    json!({ "resourceGroupId": id, "resourceGroupName": world.account.group_name(id) })
}

/// NicInfo. Every interface here is the primary one of a machine.
pub(super) fn interface(world: &World, nic: &Nic, edition: Edition) -> Value {
    let owner = world.machines.iter().find(|machine| machine.id == nic.machine);
    let public: Vec<&str> = world.zec.eips_of(&nic.id).map(|eip| eip.address.as_str()).collect();
    let info = json!({
        "nicId": nic.id,
        "name": nic.name,
        "status": "USED",
        "nicType": "Primary",
        "regionId": nic.region,
        "nicSubnetType": nic.stack,
        "publicIpList": public,
        "privateIpList": [nic.address],
        "primaryIpv4": nic.address,
        "primaryIpv6": null,
        "ipv6Cidr": null,
        "secondaryIpv4s": [],
        "macAddress": nic.mac(),
        "instanceId": nic.machine,
        "vpcId": nic.vpc,
        "subnetId": nic.subnet,
        "createTime": time(nic.created),
        "updateTime": time(nic.updated),
        "resourceGroup": owner.map(|owner| group(world, &owner.resource_group)),
        "securityGroupId": Some(&nic.group).filter(|id| !id.is_empty()),
        "tags": bound_tags(&[]),
    });
    of_edition(info, edition, &["securityGroupId", "tags"])
}

/// DiskInfo of a data disk.
pub(super) fn disk(world: &World, disk: &ZecDisk, now: Duration, edition: Edition) -> Value {
    let owner = world.machines.iter().find(|machine| Some(&machine.id) == disk.machine.as_ref());
    let common = Common {
        id: &disk.id,
        name: &disk.name,
        zone: &disk.zone,
        kind: "DATA",
        category: &disk.category,
        size: disk.size,
        status: disk.state(now).as_str(),
        owner,
        group: &disk.resource_group,
        tags: &disk.tags,
        bursting: disk.bursting,
        created: disk.created,
    };
    common.show(world, edition)
}

/// DiskInfo of a system disk, which lives and dies with its machine.
pub(super) fn system_disk(world: &World, machine: &Machine, now: Status, edition: Edition) -> Value {
    let status = match now {
        Status::Pending | Status::Deploying => "CREATING",
        Status::Recycling => "RECYCLING",
        Status::Recycle => "RECYCLED",
        Status::Releasing => "DELETING",
        _ => "IN_USE",
    };
    let common = Common {
        id: &machine.system_disk.id,
        name: "system-disk",
        zone: &machine.zone,
        kind: "SYSTEM",
        category: &machine.system_disk.category,
        size: machine.system_disk.size,
        status,
        owner: Some(machine),
        group: &machine.resource_group,
        tags: &[],
        bursting: false,
        created: machine.created,
    };
    common.show(world, edition)
}

/// What both kinds of disks show.
struct Common<'a> {
    id: &'a str,
    name: &'a str,
    zone: &'a str,
    kind: &'static str,
    category: &'a str,
    size: i64,
    status: &'static str,
    owner: Option<&'a Machine>,
    group: &'a str,
    tags: &'a [(String, String)],
    bursting: bool,
    created: Duration,
}

impl Common<'_> {
    fn show(&self, world: &World, edition: Edition) -> Value {
        let mut info = json!({
            "diskId": self.id,
            "diskName": self.name,
            "regionId": seed::zec::region_of_zone(self.zone).map(|region| region.id),
            "zoneId": self.zone,
            "diskType": self.kind,
            "portable": self.kind == "DATA",
            "diskCategory": self.category,
            "diskSize": self.size,
            "diskStatus": self.status,
            "instanceId": self.owner.map(|owner| owner.id.as_str()),
            "instanceName": self.owner.map(|owner| owner.name.as_str()),
            "createTime": time(self.created),
            "expiredTime": null,
            "period": null,
            "resourceGroupId": self.group,
            "resourceGroupName": world.account.group_name(self.group),
            "serial": null,
            "snapshotAbility": true,
            "autoSnapshotPolicyId": null,
            "tags": bound_tags(self.tags),
            "burstingEnabled": self.bursting,
        });
        if let (Edition::Y2024, Some(members)) = (edition, info.as_object_mut()) {
            members.insert("chargeType".to_owned(), json!("POSTPAID"));
        }
        of_edition(info, edition, &["regionId", "tags", "burstingEnabled"])
    }
}

/// EipInfo.
pub(super) fn eip(world: &World, eip: &Eip, now: Duration, edition: Edition) -> Value {
    let bound = eip.bound.as_ref();
    let nic = bound.and_then(|binding| world.zec.nics.get(&binding.nic));
    let nic_id = bound.map(|binding| binding.nic.as_str());
    let cluster =
        eip.cluster.as_ref().map(|id| json!({ "bandwidthClusterId": id, "bandwidthClusterName": id }));
    let info = json!({
        "eipId": eip.id,
        "name": eip.name,
        "regionId": eip.region,
        "peerRegionId": null,
        "isDefault": eip.with_machine,
        "status": eip.status(now),
        "publicIpAddresses": [eip.address],
        "privateIpAddress": bound.map(|binding| binding.address.as_str()),
        "eipV4Type": eip.line,
        "networkLineType": eip.line,
        "internetChargeType": eip.charge,
        "cidrId": null,
        "nicId": nic_id,
        "associatedId": nic_id,
        "associatedType": nic_id.map(|_| "NIC"),
        "instanceId": nic.map(|nic| nic.machine.as_str()),
        "bindType": bound.map(|binding| binding.kind.as_str()),
        "flowPackage": eip.flow_package,
        "flowPackages": null,
        "bandwidth": eip.bandwidth,
        "rateLimitMode": "STRICT",
        "eipGeoRefs": [],
        "blockInfoList": [],
        "createTime": time(eip.created),
        "expiredTime": null,
        "resourceGroupId": eip.resource_group,
        "resourceGroupName": world.account.group_name(&eip.resource_group),
        "bandwidthCluster": cluster,
        "tags": bound_tags(&eip.tags),
    });
    let newer = ["networkLineType", "instanceId", "flowPackages", "rateLimitMode", "blockInfoList", "tags"];
    of_edition(info, edition, &newer)
}
