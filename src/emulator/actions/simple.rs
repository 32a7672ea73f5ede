//! What the actions of all products share: the account's quota, addresses, small checks.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::World;
use crate::emulator::world::account::Account;

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

/// The zone a request names, if it is among these.
pub(super) fn zone<'a>(fields: Fields<'a>, known: impl Iterator<Item = &'a str>) -> Result<&'a str, Problem> {
    let id = fields.required("zoneId")?;
    let mut known = known;
    known.find(|zone| *zone == id).ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))
}

/// How many a field orders: 1 to `most`, absent is 1.
pub(super) fn count(fields: Fields<'_>, field: &str, most: i64) -> Result<usize, Problem> {
    let count = fields.bounded(field, 1, most)?.unwrap_or(1);
    Ok(usize::try_from(count).unwrap_or(1))
}

/// Longest script a machine runs at its first start, in bytes.
const SCRIPT: usize = 32 * 1024;

/// `userData` and `marketingOptions`: checked, not kept.
pub(super) fn check_rest(fields: Fields<'_>) -> Result<(), Problem> {
    if fields.text("userData")?.is_some_and(|script| script.len() > SCRIPT) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            "The userData must not exceed 32 KB.",
        ));
    }
    if let Some(marketing) = fields.object("marketingOptions")? {
        marketing.text("discountCode")?;
        marketing.boolean("usePocVoucher")?;
    }
    Ok(())
}

/// The key pair a request names.
pub(super) fn key_pair(fields: Fields<'_>, account: &Account) -> Result<Option<String>, Problem> {
    match fields.text("keyId")? {
        Some(key) if !account.key_pairs.iter().any(|known| known.id == key) => {
            Err(Problem::value("keyId", "names no key pair of the account"))
        }
        key => Ok(key.map(str::to_owned)),
    }
}

/// A result that holds the id of something new.
pub(super) fn made(field: &str, id: String) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert(field.to_owned(), Value::String(id));
    result
}

/// A name a filter asks for, anywhere in the name.
pub(super) fn holds(wanted: Option<&str>, name: &str) -> bool {
    wanted.is_none_or(|wanted| name.contains(wanted.trim_end_matches('*')))
}
