//! VPCs of zec.

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use super::{Edition, groups, order, shape};
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::shape::{bound_tags, time};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::world::World;
use crate::emulator::world::zec::network::{DEFAULT_GROUP, Vpc};

/// Where the range of a VPC may lie.
const PRIVATE: [&str; 4] = ["10.0.0.0/9", "10.128.0.0/9", "172.16.0.0/12", "192.168.0.0/16"];

/// The refusal of an unknown VPC.
pub(super) fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_VPC_NOT_FOUND", format!("The VPC {id} does not exist."))
}

/// A VPC by its id.
pub(super) fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Vpc, Problem> {
    world.zec.vpcs.iter_mut().find(|vpc| vpc.id == id).ok_or_else(|| not_found(id))
}

/// The range a request names: one of a network, written with its own address.
pub(super) fn cidr(text: &str) -> Result<Ipv4Net, Problem> {
    let parsed = text.parse::<Ipv4Net>().ok().filter(|net| net.trunc() == *net);
    parsed.ok_or_else(|| {
        Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            "The parameter cidrBlock must be a network range.",
        )
    })
}

fn vpc_range(text: &str) -> Result<Ipv4Net, Problem> {
    let net = cidr(text)?;
    let inside = PRIVATE.iter().filter_map(|range| range.parse::<Ipv4Net>().ok());
    if inside.clone().any(|range| range.contains(&net)) {
        return Ok(net);
    }
    Err(Problem::value("cidrBlock", &format!("must lie in one of {}", PRIVATE.join(", "))))
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let name = fields.required("name")?;
    order::check_name(name)?;
    let cidr = vpc_range(fields.required("cidrBlock")?)?;
    let mtu = fields.integer("mtu")?.filter(|mtu| *mtu != 0).unwrap_or(1500);
    if ![1300, 1500, 9000].contains(&mtu) {
        return Err(Problem::value("mtu", "must be 1300, 1500 or 9000"));
    }
    let newest = Edition::of(call.version) == Edition::Y2025;
    let vpc = Vpc {
        id: String::new(),
        name: name.to_owned(),
        cidr,
        ipv6: fields.boolean("enablePriIpv6")?.unwrap_or(false),
        mtu,
        group: DEFAULT_GROUP.to_owned(),
        resource_group: call.resource_group()?,
        tags: if newest { tags::read(fields, 64)? } else { Vec::new() },
        created: call.now,
    };
    let id = call.world.number();
    call.world.zec.vpcs.push(Vpc { id: id.clone(), ..vpc });
    Ok(simple::made("vpcId", id))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("vpcIds", 100)?;
    let (name, cidr) = (fields.text("name")?, fields.text("cidrBlock")?);
    let group = fields.text("resourceGroupId")?;
    let newest = Edition::of(call.version) == Edition::Y2025;
    let tags = newest.then(|| tags::Filter::read(fields)).transpose()?;
    let vpcs = call.world.zec.vpcs.iter().rev().filter(|vpc| {
        among(&ids, &[vpc.id.as_str()])
            && simple::holds(name, &vpc.name)
            && cidr.is_none_or(|cidr| vpc.cidr.to_string().contains(cidr))
            && passes(group, &vpc.resource_group)
            && tags.as_ref().is_none_or(|tags| tags.passes(&vpc.tags))
    });
    let items: Vec<Value> = vpcs.map(|vpc| show(call.world, vpc, newest)).collect();
    page(fields, items)
}

/// VpcInfo.
fn show(world: &World, vpc: &Vpc, newest: bool) -> Value {
    let subnets = world.zec.subnets.iter().filter(|subnet| subnet.vpc == vpc.id);
    let used: usize = subnets.map(crate::emulator::world::zec::network::Subnet::used).sum();
    let mut info = json!({
        "vpcId": vpc.id,
        "name": vpc.name,
        "cidrBlock": vpc.cidr.to_string(),
        "ipv6CidrBlock": vpc.ipv6.then_some("fd00:ec::/48"),
        "mtu": vpc.mtu,
        "isDefault": vpc.is_default(),
        "createTime": time(vpc.created),
        "usageIpv4Count": used,
        "usageIpv6Count": 0,
        "securityGroupId": vpc.group,
        "resourceGroup": shape::group(world, &vpc.resource_group),
    });
    if let (true, Some(members)) = (newest, info.as_object_mut()) {
        members.insert("dnsZoneIds".to_owned(), json!([]));
        members.insert("tags".to_owned(), bound_tags(&vpc.tags));
    }
    info
}

/// ModifyVpcAttribute: IPv6 can be switched on and not off again; the range can grow.
pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let id = fields.required("vpcId")?;
    let name = fields.text("vpcName")?;
    name.map(order::check_name).transpose()?;
    let cidr = fields.text("cidrBlock")?.map(vpc_range).transpose()?;
    let ipv6 = fields.boolean("enableIPv6")?;
    let newest = Edition::of(call.version) == Edition::Y2025;
    let group = if newest { fields.text("securityGroupId")? } else { None };
    group.map(|group| groups::known(call.world, group)).transpose()?;
    let has_subnets = call.world.zec.subnets.iter().any(|subnet| subnet.vpc == id);
    let vpc = find(call.world, id)?;
    if ipv6 == Some(false) && vpc.ipv6 {
        return Err(Problem::value("enableIPv6", "cannot be switched off again"));
    }
    if let Some(cidr) = cidr.filter(|cidr| *cidr != vpc.cidr) {
        if vpc.is_default() || (has_subnets && !cidr.contains(&vpc.cidr)) {
            return Err(Problem::value("cidrBlock", "can only grow, and not that of the default VPC"));
        }
        vpc.cidr = cidr;
    }
    vpc.ipv6 |= ipv6.unwrap_or(false);
    if let Some(name) = name {
        name.clone_into(&mut vpc.name);
    }
    if let Some(group) = group {
        group.clone_into(&mut vpc.group);
    }
    Ok(Map::new())
}

/// DeleteVpc: not the default one, and none with subnets.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("vpcId")?;
    let default = find(call.world, id)?.is_default();
    if default || call.world.zec.subnets.iter().any(|subnet| subnet.vpc == id) {
        return Err(Problem::denied(
            "OPERATION_DENIED_VPC_EXIST_SUBNET_ASSIGN",
            "The VPC has subnets, or is the default one.",
        ));
    }
    call.world.zec.vpcs.retain(|vpc| vpc.id != id);
    Ok(Map::new())
}
