//! A bmc order, field by field, apart from what is installed.
//!
//! Sources: CreateInstancesRequest of the Go SDK, and the codes of its method CreateInstances.

use super::Edition;
use super::install::Install;
use crate::emulator::actions::vm_create::charge::{self, Charge};
use crate::emulator::actions::vm_create::{self, name};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::Call;
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::bmc::{CHARGE_TYPES, Model, Subnet};
use crate::emulator::seed::{self, Zone};

/// Largest traffic package, TB.
const TRAFFIC_LIMIT: f64 = 1_000.0;

/// A request that can be carried out, but for quota and free addresses.
pub(super) struct Order {
    pub(super) zone: &'static Zone,
    pub(super) model: &'static Model,
    pub(super) charge: Charge,
    pub(super) internet: Internet,
    pub(super) subnet: Option<&'static Subnet>,
    pub(super) names: Vec<String>,
    pub(super) hostnames: Vec<String>,
    pub(super) install: Install,
    pub(super) primary_ipv6: bool,
    pub(super) gateway_mode: bool,
    pub(super) resource_group: String,
    pub(super) tags: Vec<(String, String)>,
}

/// Public traffic.
pub(super) struct Internet {
    pub(super) kind: String,
    /// Mbps.
    pub(super) bandwidth: i64,
    /// TB; only with ByTrafficPackage.
    pub(super) traffic_package: Option<f64>,
}

impl Order {
    pub(super) fn read(call: &Call<'_>, edition: Edition) -> Result<Self, Problem> {
        let fields = call.fields;
        let (zone, model) = place(fields)?;
        let charge = charge(fields, zone)?;
        let internet = internet(fields, zone, model)?;
        let amount = simple::count(fields, "amount", 100)?;
        fields.text("clusterId")?;
        Ok(Self {
            zone,
            model,
            charge,
            internet,
            subnet: subnet(fields, zone)?,
            names: name::expand(fields.text("instanceName")?, amount)?,
            hostnames: hostnames(fields, amount)?,
            install: Install::read(call, model, edition)?,
            primary_ipv6: fields.boolean("enablePrimaryIPv6")?.unwrap_or(true),
            gateway_mode: fields.boolean("enableGatewayMode")?.unwrap_or(false),
            resource_group: call.resource_group()?,
            tags: tags::read(fields, 64)?,
        })
    }
}

/// Zone and model that go together.
pub(super) fn place(fields: Fields<'_>) -> Result<(&'static Zone, &'static Model), Problem> {
    let (zone, id) = (zone(fields)?, fields.required("instanceTypeId")?);
    let model = model(id)?;
    if !model.zones.contains(&zone.id) {
        return Err(Problem::invalid(
            "INVALID_INSTANCE_TYPE_ZONE_NO_SELL",
            "Instance model not available in the zone.",
        ));
    }
    if model.sold_out {
        return Err(Problem::invalid("RESOURCES_SOLDOUT_INSTANCE_TYPE", "Instance models sold out."));
    }
    Ok((zone, model))
}

/// The zone a request names.
pub(super) fn zone(fields: Fields<'_>) -> Result<&'static Zone, Problem> {
    seed::zone(fields.required("zoneId")?)
        .ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))
}

/// A model by its id.
pub(super) fn model(id: &str) -> Result<&'static Model, Problem> {
    seed::bmc::model(id)
        .ok_or_else(|| Problem::absent("INVALID_INSTANCE_TYPE_NOT_FOUND", "Instance model not found."))
}

/// Subscription or not; the fields are those of the older vm model.
pub(super) fn charge(fields: Fields<'_>, zone: &Zone) -> Result<Charge, Problem> {
    charge::read(fields, zone, vm_create::Edition::Y2023)
}

/// Billing and width of public traffic.
pub(super) fn internet(fields: Fields<'_>, zone: &Zone, model: &Model) -> Result<Internet, Problem> {
    let kind = fields
        .one_of("internetChargeType", CHARGE_TYPES)?
        .ok_or_else(|| Problem::missing("internetChargeType"))?;
    if !zone.internet_charge_types.contains(&kind) {
        return Err(Problem::denied(
            "OPERATION_FILED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
            "Network billing method not supported in current zone.",
        ));
    }
    // The Go model of 2022 leaves 0 out; it stands for the default.
    let bandwidth = fields.bounded("internetMaxBandwidthOut", 0, i64::MAX)?.unwrap_or(0).max(1);
    check_bandwidth(bandwidth, model)?;
    let asked = fields.float("trafficPackageSize")?.filter(|size| *size != 0.0);
    let by_package = kind == "ByTrafficPackage";
    match asked {
        Some(size) if size < 0.0 || !by_package => Err(Problem::invalid(
            "INVALID_PARAMETER_TRAFFIC_PACKAGE_ERROR",
            "Traffic package parameter validation error.",
        )),
        Some(size) if size > TRAFFIC_LIMIT => Err(Problem::invalid(
            "INVALID_PARAMETER_TRAFFIC_PACKAGE_EXCEED",
            "Traffic package parameter exceeds upper limit.",
        )),
        size => Ok(Internet {
            kind: kind.to_owned(),
            bandwidth,
            traffic_package: by_package.then(|| size.unwrap_or(1.0)),
        }),
    }
}

/// Whether a model can be this fast.
pub(super) fn check_bandwidth(mbps: i64, model: &Model) -> Result<(), Problem> {
    if mbps > model.bandwidth_limit {
        return Err(Problem::invalid(
            "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM",
            "Bandwidth exceeds the maximum limit.",
        ));
    }
    Ok(())
}

fn subnet(fields: Fields<'_>, zone: &Zone) -> Result<Option<&'static Subnet>, Problem> {
    let Some(id) = fields.text("subnetId")? else { return Ok(None) };
    let subnet = seed::bmc::subnet(id)
        .ok_or_else(|| Problem::absent("INVALID_SUBNET_NOT_FOUND", "Subnet not found."))?;
    if subnet.zone != zone.id {
        return Err(Problem::invalid("INVALID_SUBNET_ZONE_MISMATCH", "Subnet not in the current zone."));
    }
    Ok(Some(subnet))
}

/// `hostname` unless asked; patterns as in names, with codes of their own.
pub(super) fn hostnames(fields: Fields<'_>, amount: usize) -> Result<Vec<String>, Problem> {
    let names = name::expand(Some(fields.text("hostname")?.unwrap_or("hostname")), amount);
    names.map_err(|problem| match problem.code.as_ref() {
        "INVALID_PARAMETER_INSTANCE_NAME_EXCEED" => {
            Problem::invalid("INVALID_PARAMETER_HOSTNAME_EXCEED", "Invalid hostname length.")
        }
        _ => Problem::invalid("INVALID_PARAMETER_HOSTNAME_MALFORMED", "Invalid hostname format."),
    })
}
