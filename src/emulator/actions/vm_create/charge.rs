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
    let kind = kind(fields, "instanceChargeType")?.ok_or_else(|| Problem::missing("instanceChargeType"))?;
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
    months(fields, kind, "instanceChargePrepaid").map(|months| Charge { kind, months })
}

/// The pricing model.
pub(in crate::emulator::actions) fn kind(
    fields: Fields<'_>,
    member: &str,
) -> Result<Option<&'static str>, Problem> {
    let kind = fields.one_of(member, &["PREPAID", "POSTPAID"])?;
    Ok(kind.map(|kind| if kind == "PREPAID" { "PREPAID" } else { "POSTPAID" }))
}

/// The months of a subscription, out of the object the request calls `member`.
pub(in crate::emulator::actions) fn months<'a>(
    fields: Fields<'a>,
    kind: &str,
    member: &'a str,
) -> Result<Option<i64>, Problem> {
    let prepaid = fields.object(member)?;
    if kind == "POSTPAID" {
        return Ok(None);
    }
    let prepaid = prepaid.ok_or_else(|| Problem::missing(member))?;
    let months = prepaid.bounded("period", 1, i64::MAX)?;
    months.map(Some).ok_or_else(|| Problem::missing(&format!("{member}.period")))
}
