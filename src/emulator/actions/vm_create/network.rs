//! How the machine is reached: billing and width of its traffic, subnet, security group, address block.

use std::net::Ipv4Addr;

use super::{Edition, place::Place};
use crate::emulator::call::{Call, no_resource, no_security_group};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::{self, CidrBlock, Model, Zone};
use crate::emulator::world::vm::subnet::Subnet;

/// Largest traffic package, TB.
const TRAFFIC_LIMIT: f64 = 1_000.0;

/// Public traffic.
pub(in crate::emulator::actions) struct Internet {
    pub(in crate::emulator::actions) kind: String,
    /// Mbps.
    pub(in crate::emulator::actions) bandwidth: i64,
    /// TB; only with ByTrafficPackage.
    pub(in crate::emulator::actions) traffic_package: Option<f64>,
}

/// Private addresses and the guard in front.
pub(in crate::emulator::actions) struct Private {
    pub(in crate::emulator::actions) subnet: Option<Subnet>,
    pub(in crate::emulator::actions) security_group: Option<String>,
    /// The block and the offset of the first address asked for.
    pub(in crate::emulator::actions) cidr_block: Option<(&'static CidrBlock, u32)>,
}

fn charge_types(edition: Edition) -> &'static [&'static str] {
    match edition {
        Edition::Y2023 => {
            &["ByBandwidth", "ByTrafficPackage", "ByInstanceBandwidth95", "ByClusterBandwidth95"]
        }
        Edition::Y2026 => &["ByBandwidth", "ByTrafficPackage", "ByClusterBandwidth95", "BandwidthCluster"],
    }
}

/// Reads internetChargeType, internetMaxBandwidthOut and trafficPackageSize.
///
/// Two codes exist for too much bandwidth: the model's limit gives INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM, the
/// zone's INVALID_PARAMETER_BANDWIDTH_EXCEED.
pub(in crate::emulator::actions) fn internet(
    fields: Fields<'_>,
    place: &Place,
    edition: Edition,
) -> Result<Internet, Problem> {
    let kind = fields
        .one_of("internetChargeType", charge_types(edition))?
        .ok_or_else(|| Problem::missing("internetChargeType"))?;
    if !place.zone.internet_charge_types.contains(&kind) {
        return Err(Problem::denied(
            "OPERATION_FILED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
            "Network billing method not supported in current zone.",
        ));
    }
    let bandwidth = bandwidth(fields, place.zone, place.model)?.unwrap_or(1);
    let asked = fields.float("trafficPackageSize")?;
    let traffic_package = traffic_package(asked, kind)?;
    Ok(Internet { kind: kind.to_owned(), bandwidth, traffic_package })
}

/// Reads internetMaxBandwidthOut.
pub(in crate::emulator::actions) fn bandwidth(
    fields: Fields<'_>,
    zone: &Zone,
    model: &Model,
) -> Result<Option<i64>, Problem> {
    let asked = fields.bounded("internetMaxBandwidthOut", 1, i64::MAX)?;
    let bandwidth = asked.unwrap_or(1);
    if bandwidth > model.bandwidth_limit {
        return Err(Problem::invalid(
            "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM",
            "Bandwidth exceeds the maximum limit.",
        ));
    }
    if bandwidth > zone.bandwidth_limit {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_BANDWIDTH_EXCEED",
            "Bandwidth size exceeds the maximum limit.",
        ));
    }
    Ok(asked)
}

/// The free package is 1 TB. The Go model of 2023 leaves 0 out, so 0 passes with every billing method.
pub(in crate::emulator::actions) fn traffic_package(
    asked: Option<f64>,
    kind: &str,
) -> Result<Option<f64>, Problem> {
    let by_package = kind == "ByTrafficPackage";
    match asked {
        Some(size) if size < 0.0 => {
            Err(Problem::invalid("INVALID_PARAMETER_TRAFFIC_PACKAGE", "Invalid data transfer package size."))
        }
        Some(size) if !by_package && size > 0.0 => Err(Problem::denied(
            "OPERATION_DENIED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
            "Only operations on instance whose internetChargeType is ByTrafficPackage are supported.",
        )),
        Some(size) if size > TRAFFIC_LIMIT => Err(Problem::invalid(
            "INVALID_PARAMETER_TRAFFIC_PACKAGE_EXCEED",
            "Data transfer package size exceeds the upper limit.",
        )),
        _ if by_package => Ok(Some(asked.unwrap_or(1.0))),
        _ => Ok(None),
    }
}

/// Reads subnetId, securityGroupId, cidrBlockId and startCidrIpv4.
pub(in crate::emulator::actions) fn private(
    call: &Call<'_>,
    zone: &Zone,
    edition: Edition,
) -> Result<Private, Problem> {
    let fields = call.fields;
    let subnet = fields.text("subnetId")?.map(|id| subnet(call, id, zone)).transpose()?;
    let security_group =
        fields.text("securityGroupId")?.map(|id| security_group(call, id, zone)).transpose()?;
    let cidr_block = if edition == Edition::Y2026 { cidr_block(fields, zone)? } else { None };
    Ok(Private { subnet, security_group, cidr_block })
}

fn subnet(call: &Call<'_>, id: &str, zone: &Zone) -> Result<Subnet, Problem> {
    let subnet = call.world.vm.subnet(id).ok_or_else(|| no_resource("subnet", id))?;
    if subnet.zone != zone.id {
        return Err(Problem::denied(
            "OPERATION_DENIED_SUBNET_ZONE_MISMATCH",
            "Subnet the instance added in is not in the current zone.",
        ));
    }
    if !subnet.available(call.now) {
        // No code is documented for a subnet that is still being made.
        return Err(Problem::denied(
            "OPERATION_DENIED_SUBNET_STATUS_NOT_AVAILABLE",
            format!("The subnet {id} is not available."),
        ));
    }
    Ok(subnet.clone())
}

/// A security group that machines of a zone can join.
pub(in crate::emulator::actions) fn security_group(
    call: &Call<'_>,
    id: &str,
    zone: &Zone,
) -> Result<String, Problem> {
    if !zone.security_groups {
        return Err(Problem::denied(
            "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
            "Security groups not supported in the zone.",
        ));
    }
    let group = call.world.vm.security_group(id).ok_or_else(|| no_security_group(id))?;
    if !group.available {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_AVAILABLE",
            format!("The security group {id} is not available."),
        ));
    }
    Ok(id.to_owned())
}

fn cidr_block(fields: Fields<'_>, zone: &Zone) -> Result<Option<(&'static CidrBlock, u32)>, Problem> {
    let start = fields.text("startCidrIpv4")?;
    let Some(id) = fields.text("cidrBlockId")? else {
        return if start.is_some() { Err(Problem::missing("cidrBlockId")) } else { Ok(None) };
    };
    let block = seed::cidr_block(id)
        .filter(|block| block.zone == zone.id)
        .ok_or_else(|| Problem::absent("OPERATION_DENIED_IPV4_CIDR_NOT_FOUND", "CIDR Block not found."))?;
    let Some(start) = start else { return Ok(Some((block, 0))) };
    let offset = start
        .parse::<Ipv4Addr>()
        .ok()
        .and_then(|start| u32::from(start).checked_sub(u32::from(block.first)))
        .filter(|offset| *offset < block.size)
        .ok_or_else(|| Problem::value("startCidrIpv4", "must be an address of the block"))?;
    Ok(Some((block, offset)))
}
