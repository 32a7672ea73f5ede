//! What the creates share: the account's quota, addresses, and the plain order of bmc and zec.

use std::time::Duration;

use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::SimpleModel;
use crate::emulator::world::World;

/// Refuses more machines than the account may have.
pub(super) fn check_quota(world: &World, count: usize, now: Duration) -> Result<(), Problem> {
    let quota = usize::try_from(world.instance_quota).unwrap_or(usize::MAX);
    if world.held(now).saturating_add(count) > quota {
        return Err(Problem::denied(
            "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED",
            "You are trying to create more instances than your remaining quota allows.",
        ));
    }
    Ok(())
}

/// A public address out of 192.0.2.0/24 and 198.18.0.0/15, by the machine's number.
pub(super) fn public_ip(serial: usize) -> String {
    if serial < 250 {
        return format!("192.0.2.{}", serial.saturating_add(2));
    }
    format!("198.18.{}.{}", (serial / 250) % 256, (serial % 250).saturating_add(2))
}

/// The model a field names, if it is sold.
pub(super) fn model(fields: Fields<'_>, field: &str, models: &[SimpleModel]) -> Result<SimpleModel, Problem> {
    let id = fields.required(field)?;
    models
        .iter()
        .find(|(known, _, _)| *known == id)
        .copied()
        .ok_or_else(|| Problem::absent("INVALID_INSTANCE_TYPE_NOT_FOUND", "Instance model not found."))
}

/// The zone a request names, if it is among these.
pub(super) fn zone<'a>(fields: Fields<'a>, known: impl Iterator<Item = &'a str>) -> Result<&'a str, Problem> {
    let id = fields.required("zoneId")?;
    let mut known = known;
    known.find(|zone| *zone == id).ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))
}

/// A name without a pattern, given to all machines of the order.
pub(super) fn name(fields: Fields<'_>) -> Result<String, Problem> {
    Ok(fields.text("instanceName")?.unwrap_or("instance").to_owned())
}
