//! The public side of a zec order: a new address per machine, addresses the account has already, or none.

use crate::emulator::call::Call;
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::zec::{CHARGE_TYPES, LINES, Model, Region};
use crate::emulator::world::zec::eip::State;

/// How machines are reached from outside.
pub(super) enum Public {
    /// An address of its own for each machine.
    New(Terms),
    /// One of these for each machine.
    Given { eips: Vec<String>, bind: String },
}

/// How an address is billed and routed.
pub(super) struct Terms {
    pub(super) charge: String,
    /// Mbps.
    pub(super) bandwidth: i64,
    /// TB; only with ByTrafficPackage.
    pub(super) flow_package: Option<f64>,
    pub(super) line: String,
    pub(super) cluster: Option<String>,
    pub(super) bind: String,
}

/// Reads the fields; without internetChargeType and eipIds a machine has no public address.
pub(super) fn read(
    call: &Call<'_>,
    region: &Region,
    model: &Model,
    count: usize,
) -> Result<Option<Public>, Problem> {
    let fields = call.fields;
    let terms = terms(fields, "trafficPackageSize")?;
    if terms.as_ref().is_some_and(|terms| terms.bandwidth > model.bandwidth_limit) {
        return Err(Problem::invalid(
            "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM",
            "Bandwidth exceeds the maximum limit.",
        ));
    }
    fields.text("ipv6ClusterId")?;
    let newest = call.version != "2024-04-01";
    let eips = if newest { fields.texts_up_to("eipIds", 100)? } else { Vec::new() };
    if eips.is_empty() {
        return Ok(terms.map(Public::New));
    }
    if eips.len() != count {
        return Err(Problem::value("eipIds", "must name as many addresses as machines are ordered"));
    }
    for (index, id) in eips.iter().enumerate() {
        let eip = super::eips::find(call.world, id, call.now)?;
        if eip.region != region.id {
            return Err(Problem::denied(
                "OPERATION_DENIED_EIP_ZONE_NOT_SAME",
                format!("The address {id} is in another region."),
            ));
        }
        let free = eip.life.at(call.now) == State::Ready && eip.bound.is_none();
        if !free || eips.iter().take(index).any(|earlier| earlier == id) {
            return Err(super::eips::status(eip, call.now));
        }
    }
    let eips = eips.into_iter().map(str::to_owned).collect();
    Ok(Some(Public::Given { eips, bind: bind(fields, "eipBindType")? }))
}

/// How an address is bound; `FullNat` unless asked.
pub(super) fn bind(fields: Fields<'_>, field: &str) -> Result<String, Problem> {
    Ok(fields.one_of(field, &["FullNat", "Passthrough"])?.unwrap_or("FullNat").to_owned())
}

/// The terms of a new address, if the request asks for one.
pub(super) fn terms(fields: Fields<'_>, package: &str) -> Result<Option<Terms>, Problem> {
    let charge = fields.one_of("internetChargeType", CHARGE_TYPES)?;
    let bandwidth = fields.bounded("bandwidth", 1, i64::MAX)?;
    let size = fields.float(package)?;
    let old_line = fields.one_of("eipV4Type", LINES)?;
    let line = fields.one_of("networkLineType", LINES)?.or(old_line).unwrap_or("BGPLine");
    let cluster = fields.text("clusterId")?;
    let bind = bind(fields, "eipBindType")?;
    let Some(charge) = charge else { return Ok(None) };
    let bandwidth = bandwidth.ok_or_else(|| Problem::missing("bandwidth"))?;
    if charge == "BandwidthCluster" && cluster.is_none() {
        return Err(Problem::missing("clusterId"));
    }
    // The Go model of 2024 leaves 0 out, so 0 passes with every billing method.
    if size.is_some_and(|size| size < 0.0 || (size > 0.0 && charge != "ByTrafficPackage")) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_TRAFFIC_PACKAGE",
            "Invalid data transfer package size.",
        ));
    }
    Ok(Some(Terms {
        charge: charge.to_owned(),
        bandwidth,
        flow_package: (charge == "ByTrafficPackage").then(|| size.unwrap_or(0.0)),
        line: line.to_owned(),
        cluster: cluster.map(str::to_owned),
        bind,
    }))
}
