//! Subnets: SubnetInfo, CreateSubnetRequest and DescribeSubnetsRequest of the models.
//!
//! A machine in the recycle bin no longer holds its subnet: no call takes it out again, and the Terraform provider
//! deletes the subnet right after the machine without waiting for its release.

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use crate::emulator::actions::paging::{among, contains, only, page_of, passes};
use crate::emulator::actions::shape::time;
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply, no_resource};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;
use crate::emulator::world::vm::subnet::Subnet;

/// Subnets one call may name.
const IDS: usize = 100;
/// Smallest block: its address count still leaves room for machines.
const LONGEST_PREFIX: u8 = 29;

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = simple::zone(fields, seed::ZONES.iter().map(|zone| zone.id))?;
    let block = block(fields.required("cidrBlock")?)?;
    let name = plain_name(fields, "subnetName", (2, 63))?.ok_or_else(|| Problem::missing("subnetName"))?;
    let description = fields.text("subnetDescription")?.unwrap_or_default();
    let overlaps = |other: &Ipv4Net| other.contains(&block) || block.contains(other);
    if call.world.vm.subnets.iter().any(|other| other.zone == zone && overlaps(&other.block)) {
        return Err(Problem::value("cidrBlock", "overlaps with another subnet of the zone"));
    }
    let (first, size) = Subnet::addresses(block);
    let subnet = Subnet {
        id: call.world.number(),
        zone: zone.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        block,
        first,
        size,
        default: false,
        made: call.now,
        ready: call.now.saturating_add(call.world.pace.change_after),
    };
    let id = subnet.id.clone();
    call.world.vm.subnets.push(subnet);
    Ok(only("subnetId", json!(id)))
}

/// A block inside one of the three private ranges that are offered.
fn block(text: &str) -> Result<Ipv4Net, Problem> {
    let offered = ["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16"];
    let block = text.parse::<Ipv4Net>().ok().filter(|block| {
        let ranges = offered.iter().filter_map(|range| range.parse::<Ipv4Net>().ok());
        block.addr() == block.network()
            && block.prefix_len() <= LONGEST_PREFIX
            && ranges.into_iter().any(|range| range.contains(block))
    });
    block.ok_or_else(|| {
        Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            format!(
                "The cidrBlock must be {} or a part of it, down to /{LONGEST_PREFIX}.",
                offered.join(", ")
            ),
        )
    })
}

pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("subnetIds", IDS)?;
    let (zone, cidr) = (fields.text("zoneId")?, fields.text("cidrBlock")?);
    let status = fields.one_of("subnetStatus", &["Creating", "Available", "Failed"])?;
    let name = fields.text("subnetName")?;
    let found = call.world.vm.subnets.iter().filter(|subnet| {
        among(&ids, &[subnet.id.as_str()])
            && passes(zone, &subnet.zone)
            && contains(cidr, &subnet.block.to_string())
            && passes(status, subnet.status(call.now))
            && contains(name, &subnet.name)
    });
    page_of(fields, found.collect(), |subnet| show(call, subnet))
}

fn show(call: &Call<'_>, subnet: &Subnet) -> Value {
    let block = subnet.block.to_string();
    let inside = machines(call, &subnet.id);
    json!({
        "subnetId": subnet.id,
        "zoneId": subnet.zone,
        "subnetName": subnet.name,
        "subnetStatus": subnet.status(call.now),
        "cidrBlock": block,
        "cidrBlockList": [block],
        "usageIpCount": inside.len(),
        "totalIpCount": subnet.size,
        "createTime": time(subnet.made),
        "instanceIdList": inside,
        "subnetDescription": subnet.description,
        "isDefault": subnet.default,
    })
}

/// The machines that hold a subnet.
fn machines<'a>(call: &'a Call<'_>, subnet: &str) -> Vec<&'a str> {
    let listed = call.world.listed(Product::Vm, call.now);
    let inside = listed.filter(|machine| machine.subnet == subnet && !machine.life.at(call.now).is_binned());
    inside.map(|machine| machine.id.as_str()).collect()
}

/// ModifySubnetsAttribute: all or none.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = named(fields, "subnetIds", IDS)?;
    let name = plain_name(fields, "subnetName", (1, 64))?.ok_or_else(|| Problem::missing("subnetName"))?;
    for id in &ids {
        call.world.vm.subnet(id).ok_or_else(|| no_resource("subnet", id))?;
    }
    for subnet in call.world.vm.subnets.iter_mut().filter(|subnet| ids.contains(&subnet.id.as_str())) {
        name.clone_into(&mut subnet.name);
    }
    Ok(Map::new())
}

/// The two codes are the emulator's own, in the words of those for security groups.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("subnetId")?;
    let subnet = call.world.vm.subnet(id).ok_or_else(|| no_resource("subnet", id))?;
    if subnet.default {
        return Err(Problem::denied(
            "OPERATION_DENIED_DEFAULT_SUBNET_NOT_SUPPORT",
            "A default subnet cannot be deleted.",
        ));
    }
    if !machines(call, id).is_empty() {
        return Err(Problem::denied(
            "OPERATION_DENIED_SUBNET_EXIST_INSTANCE",
            format!("The subnet {id} still has instances."),
        ));
    }
    call.world.vm.subnets.retain(|subnet| subnet.id != id);
    Ok(Map::new())
}

/// A list of ids that may not be empty.
pub(super) fn named<'a>(fields: Fields<'a>, name: &str, most: usize) -> Result<Vec<&'a str>, Problem> {
    let ids = fields.texts_up_to(name, most)?;
    if ids.is_empty() { Err(Problem::missing(name)) } else { Ok(ids) }
}

/// A name of letters, digits, `-` and `.` within a length.
pub(super) fn plain_name<'a>(
    fields: Fields<'a>,
    field: &str,
    (least, most): (usize, usize),
) -> Result<Option<&'a str>, Problem> {
    let good = |name: &str| {
        (least..=most).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    match fields.text(field)? {
        Some(name) if !good(name) => Err(Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            format!("The parameter {field} must have {least} to {most} letters, digits, - and periods."),
        )),
        name => Ok(name),
    }
}
