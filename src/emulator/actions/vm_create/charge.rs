//! How the machine is paid for.

use super::Edition;
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::Zone;

/// The pricing model; months only for a subscription.
pub(in crate::emulator::actions) struct Charge {
    pub(in crate::emulator::actions) kind: &'static str,
    pub(in crate::emulator::actions) months: Option<i64>,
}

/// Reads `instanceChargeType` and what belongs to it.
pub(in crate::emulator::actions) fn read(
    fields: Fields<'_>,
    zone: &Zone,
    edition: Edition,
) -> Result<Charge, Problem> {
    let kind = fields
        .one_of("instanceChargeType", &["PREPAID", "POSTPAID"])?
        .ok_or_else(|| Problem::missing("instanceChargeType"))?;
    if !zone.charge_types.contains(&kind) {
        return Err(Problem::denied(
            "OPERATION_DENIED_CHARGE_TYPE_NOT_SUPPORT",
            "Pricing model not supported in current zone.",
        ));
    }
    if edition == Edition::Y2026
        && let Some(postpaid) = fields.object("instanceChargePostpaid")?
    {
        // The page gives both a least value of 1 and a default of 0.
        postpaid.bounded("period", 0, i64::MAX)?;
    }
    let prepaid = fields.object("instanceChargePrepaid")?;
    if kind == "POSTPAID" {
        return Ok(Charge { kind: "POSTPAID", months: None });
    }
    let prepaid = prepaid.ok_or_else(|| Problem::missing("instanceChargePrepaid"))?;
    let months = prepaid
        .bounded("period", 1, i64::MAX)?
        .ok_or_else(|| Problem::missing("instanceChargePrepaid.period"))?;
    Ok(Charge { kind: "PREPAID", months: Some(months) })
}
