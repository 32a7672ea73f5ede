//! Subnets of zec.

use serde_json::{Map, Value, json};

use super::{Edition, order, vpcs};
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::shape::time;
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::zec::network::Subnet;

fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_SUBNET_NOT_FOUND", format!("The subnet {id} does not exist."))
}

/// A range inside its VPC that no other subnet of it overlaps.
pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let vpc = vpcs::find(call.world, fields.required("vpcId")?)?.clone();
    let name = fields.required("name")?;
    order::check_name(name)?;
    let region = fields.required("regionId")?;
    if seed::zec::region(region).is_none() {
        return Err(Problem::absent("INVALID_REGION_NOT_FOUND", "Region not found."));
    }
    let stack = fields.one_of("stackType", &["IPv4", "IPv4_IPv6"])?.unwrap_or("IPv4");
    let ipv6_type = fields.one_of("ipv6Type", &["Private", "Public"])?;
    if stack == "IPv4_IPv6" && ipv6_type.is_none() {
        return Err(Problem::missing("ipv6Type"));
    }
    let cidr = vpcs::cidr(fields.required("cidrBlock")?)?;
    if !vpc.cidr.contains(&cidr) {
        return Err(Problem::value("cidrBlock", "must lie in the range of the VPC"));
    }
    let mut siblings = call.world.zec.subnets.iter().filter(|subnet| subnet.vpc == vpc.id);
    if siblings.any(|subnet| subnet.cidr.contains(&cidr) || cidr.contains(&subnet.cidr)) {
        return Err(Problem::value("cidrBlock", "overlaps that of another subnet"));
    }
    let id = call.world.number();
    let mut subnet = Subnet::new(id.clone(), region, &vpc.id, cidr, call.now);
    name.clone_into(&mut subnet.name);
    stack.clone_into(&mut subnet.stack);
    subnet.ipv6_type = ipv6_type.filter(|_| stack != "IPv4").map(str::to_owned);
    call.world.zec.subnets.push(subnet);
    Ok(simple::made("subnetId", id))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("subnetIds", 100)?;
    let (name, cidr) = (fields.text("name")?, fields.text("cidrBlock")?);
    let region = fields.text("regionId")?;
    let edition = Edition::of(call.version);
    let vpcs = if edition == Edition::Y2025 { fields.texts_up_to("vpcIds", 100)? } else { Vec::new() };
    let zec = &call.world.zec;
    let subnets = zec.subnets.iter().rev().filter(|subnet| {
        among(&ids, &[subnet.id.as_str()])
            && simple::holds(name, &subnet.name)
            && cidr.is_none_or(|cidr| subnet.cidr.to_string() == cidr)
            && passes(region, &subnet.region)
            && among(&vpcs, &[subnet.vpc.as_str()])
    });
    let name_of = |id: &str| zec.vpcs.iter().find(|vpc| vpc.id == id).map_or("", |vpc| vpc.name.as_str());
    let items: Vec<Value> = subnets.map(|subnet| show(subnet, name_of(&subnet.vpc), edition)).collect();
    page(fields, items)
}

/// SubnetInfo.
fn show(subnet: &Subnet, vpc: &str, edition: Edition) -> Value {
    let with_ipv6 = subnet.stack == "IPv4_IPv6";
    let mut info = json!({
        "subnetId": subnet.id,
        "regionId": subnet.region,
        "name": subnet.name,
        "cidrBlock": subnet.cidr.to_string(),
        "ipv6CidrBlock": with_ipv6.then_some("fd00:ec:1::/64"),
        "stackType": subnet.stack,
        "ipv6Type": subnet.ipv6_type,
        "vpcId": subnet.vpc,
        "vpcName": vpc,
        "usageIpv4Count": subnet.used(),
        "usageIpv6Count": 0,
        "createTime": time(subnet.created),
        "isDefault": subnet.default,
    });
    if let (Edition::Y2025, Some(members)) = (edition, info.as_object_mut()) {
        members.insert("gatewayIpAddress".to_owned(), json!(subnet.gateway()));
        members.insert("ipv6GatewayIpAddress".to_owned(), json!(with_ipv6.then_some("fd00:ec:1::1")));
        members.insert("dhcpOptionsSetId".to_owned(), Value::Null);
        members.insert("ipv6MaskLength".to_owned(), json!(with_ipv6.then_some(96)));
    }
    info
}

/// ModifySubnetsAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("subnetIds", 100)?;
    let name = call.fields.required("name")?;
    order::check_name(name)?;
    let subnets = &mut call.world.zec.subnets;
    if let Some(unknown) = ids.iter().find(|id| !subnets.iter().any(|subnet| subnet.id == **id)) {
        return Err(not_found(unknown));
    }
    for subnet in subnets.iter_mut().filter(|subnet| ids.contains(&subnet.id.as_str())) {
        name.clone_into(&mut subnet.name);
    }
    Ok(Map::new())
}

/// DeleteSubnet: not a default one, and none with interfaces.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("subnetId")?;
    let subnets = &mut call.world.zec.subnets;
    let subnet = subnets.iter().find(|subnet| subnet.id == id).ok_or_else(|| not_found(id))?;
    if subnet.default || subnet.used() > 0 {
        return Err(Problem::denied(
            "OPERATION_DENIED_SUBNET_EXIST_INSTANCE",
            "The subnet has interfaces, or is a default one.",
        ));
    }
    subnets.retain(|subnet| subnet.id != id);
    Ok(Map::new())
}
