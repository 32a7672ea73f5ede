//! What the account owns besides machines: subnets, security groups, resource groups.

use serde_json::{Value, json};

use super::paging::{among, only, page, passes};
use crate::emulator::call::{Call, Reply};
use crate::emulator::seed;
use crate::emulator::world::Product;

/// When everything seeded was made.
const MADE: &str = "2026-01-01T00:00:00Z";

pub(super) fn subnets(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("subnetIds", 100)?;
    let (zone, cidr) = (fields.text("zoneId")?, fields.text("cidrBlock")?);
    let (status, name) = (fields.text("subnetStatus")?, fields.text("subnetName")?);
    let subnets = seed::SUBNETS.iter().filter(|subnet| {
        among(&ids, &[subnet.id])
            && passes(zone, subnet.zone)
            && passes(cidr, subnet.cidr)
            && passes(status, "Available")
            && passes(name, subnet.name)
    });
    let items = subnets.map(|subnet| {
        let inside = machines(call, |machine| machine.subnet == subnet.id);
        json!({
            "subnetId": subnet.id,
            "zoneId": subnet.zone,
            "subnetName": subnet.name,
            "subnetStatus": "Available",
            "cidrBlock": subnet.cidr,
            "cidrBlockList": [subnet.cidr],
            "usageIpCount": inside.len(),
            "totalIpCount": subnet.size,
            "createTime": MADE,
            "instanceIdList": inside,
            "subnetDescription": "",
            "isDefault": subnet.default,
        })
    });
    let items: Vec<Value> = items.collect();
    page(fields, items)
}

pub(super) fn security_groups(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("securityGroupIds", 100)?;
    let name = fields.text("securityGroupName")?;
    let groups =
        seed::SECURITY_GROUPS.iter().filter(|group| among(&ids, &[group.id]) && passes(name, group.name));
    let items = groups.map(|group| {
        let members = machines(call, |machine| machine.security_groups.iter().any(|id| id == group.id));
        json!({
            "securityGroupId": group.id,
            "securityGroupName": group.name,
            "securityGroupStatus": group.status,
            "createTime": MADE,
            "description": group.description,
            "instanceIds": members,
            "ruleInfos": [{
                "direction": "ingress",
                "policy": "accept",
                "priority": 1,
                "ipProtocol": "tcp",
                "portRange": group.ports,
                "cidrIp": "0.0.0.0/0",
                "description": "",
            }],
            "isDefault": group.default,
        })
    });
    let items: Vec<Value> = items.collect();
    page(fields, items)
}

/// user DescribeResourceGroups.
pub(super) fn resource_groups(_call: &mut Call<'_>) -> Reply {
    let groups = seed::RESOURCE_GROUPS.iter();
    let items =
        groups.map(|group| json!({ "resourceGroupId": group.id, "name": group.name, "createTime": MADE }));
    Ok(only("resourceGroups", items.collect()))
}

fn machines(call: &Call<'_>, fits: impl Fn(&crate::emulator::world::Machine) -> bool) -> Vec<String> {
    let listed = call.world.listed(Product::Vm, call.now);
    listed.filter(|machine| fits(machine)).map(|machine| machine.id.clone()).collect()
}
