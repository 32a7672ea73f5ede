//! System disk and data disks.

use super::{Edition, place::Installable};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::Zone;

/// Largest system disk, GB.
const SYSTEM_LIMIT: i64 = 500;
/// Smallest and largest data disk, GB.
const DATA_BOUNDS: (i64, i64) = (10, 16_000);
/// Data disks of one machine.
pub(in crate::emulator::actions) const DATA_COUNT: i64 = 10;

/// Size and category. The vendor writes the categories in two ways, `SSD` and `Standard`/`STANDARD`; both pass.
pub(in crate::emulator::actions) fn system(
    fields: Fields<'_>,
    image: &Installable,
) -> Result<(i64, String), Problem> {
    let Some(disk) = fields.object("systemDisk")? else { return Ok((image.least_disk, "SSD".to_owned())) };
    let category = category(disk)?;
    let Some(size) = disk.integer("diskSize")? else { return Ok((image.least_disk, category)) };
    check_system(size, image.least_disk)?;
    Ok((size, category))
}

/// Whether a system disk can have this size, GB.
pub(in crate::emulator::actions) fn check_system(size: i64, least: i64) -> Result<(), Problem> {
    if size > SYSTEM_LIMIT {
        return Err(Problem::invalid(
            "INVALID_SYSTEM_DISK_EXCEED_LIMIT",
            "System disk size exceeds the maximum limit.",
        ));
    }
    if size % 10 != 0 || size < least {
        return Err(Problem::invalid(
            "INVALID_SYSTEM_DISK_SIZE",
            format!(
                "Invalid system disk size. The size should be multiples of 10 GB, {least} GB or more for this image."
            ),
        ));
    }
    Ok(())
}

/// Size and category of every single disk: an entry of 2026 with `diskAmount` is that many disks.
pub(in crate::emulator::actions) fn data(
    fields: Fields<'_>,
    zone: &Zone,
    edition: Edition,
) -> Result<Vec<(i64, String)>, Problem> {
    let mut disks = Vec::new();
    let mut total: i64 = 0;
    for disk in fields.objects("dataDisks")? {
        let (size, category) = one(disk, zone)?;
        let amount = match edition {
            Edition::Y2023 => 1,
            Edition::Y2026 => disk.bounded("diskAmount", 1, i64::MAX)?.unwrap_or(1),
        };
        total = total.saturating_add(amount);
        if total > DATA_COUNT {
            return Err(too_many());
        }
        disks.extend((0..amount).map(|_| (size, category.clone())));
    }
    Ok(disks)
}

/// Size and category of one data disk.
pub(in crate::emulator::actions) fn one(disk: Fields<'_>, zone: &Zone) -> Result<(i64, String), Problem> {
    if !zone.data_disks {
        return Err(Problem::invalid(
            "INVALID_DISK_ZONE_NO_SELL",
            "Data disks sold out or not for sale in the current zone.",
        ));
    }
    let category = category(disk)?;
    let size = disk.integer("diskSize")?.ok_or_else(|| Problem::missing("diskSize"))?;
    check_data(size)?;
    Ok((size, category))
}

/// Whether a data disk can have this size, GB.
pub(in crate::emulator::actions) fn check_data(size: i64) -> Result<(), Problem> {
    if size < DATA_BOUNDS.0 {
        return Err(Problem::invalid(
            "INVALID_DISK_SIZE_LESS_MINIMUM",
            "Data disk size should be larger than the minimum limit.",
        ));
    }
    if size > DATA_BOUNDS.1 {
        return Err(Problem::invalid(
            "INVALID_DISK_SIZE_EXCEED_MAXIMUM",
            "Data disk size exceeds the maximum limit.",
        ));
    }
    Ok(())
}

/// The answer to more data disks than a machine can have.
pub(in crate::emulator::actions) fn too_many() -> Problem {
    Problem::invalid(
        "INVALID_PARAMETER_EXCEED_LENGTH",
        format!("At most {DATA_COUNT} data disks can be attached."),
    )
}

pub(in crate::emulator::actions) fn category(disk: Fields<'_>) -> Result<String, Problem> {
    let given = disk.one_of("diskCategory", &["SSD", "STANDARD", "Standard"])?;
    Ok(given.unwrap_or("SSD").to_owned())
}
