//! The fields that stand alone.

use super::Edition;
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;

/// Longest init script, in bytes.
const SCRIPT_LIMIT: usize = 32 * 1024;

/// The names of the two interfaces.
pub(super) fn nic(fields: Fields<'_>, edition: Edition) -> Result<(String, String), Problem> {
    match fields.object("nic")? {
        Some(nic) => interfaces(nic, edition, ("eth0", "eth1")),
        None => Ok(("eth0".to_owned(), "eth1".to_owned())),
    }
}

/// `wanName` and `lanName`, or what they are without.
pub(in crate::emulator::actions) fn interfaces(
    fields: Fields<'_>,
    edition: Edition,
    (wan, lan): (&str, &str),
) -> Result<(String, String), Problem> {
    let name = |field: &str, default: &str| -> Result<String, Problem> {
        let name = fields.text(field)?.unwrap_or(default);
        if name == default || good_interface(name, edition) {
            return Ok(name.to_owned());
        }
        Err(Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            format!("{field} must begin with a letter and have 4 to 15 letters and digits."),
        ))
    };
    Ok((name("wanName", wan)?, name("lanName", lan)?))
}

/// 2023 allows upper-case letters, 2026 does not.
fn good_interface(name: &str, edition: Edition) -> bool {
    let letter = |byte: u8| match edition {
        Edition::Y2023 => byte.is_ascii_alphabetic(),
        Edition::Y2026 => byte.is_ascii_lowercase(),
    };
    (4..=15).contains(&name.len())
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// Types and bounds of what the emulator does not use.
pub(super) fn check_rest(fields: Fields<'_>) -> Result<(), Problem> {
    for flag in ["enableIpv6", "cpuPassThrough", "diskPreAllocated"] {
        fields.boolean(flag)?;
    }
    fields.one_of("networkMode", &["Vf", "Virtio"])?;
    fields.text("clusterId")?;
    script(fields)?;
    if let Some(marketing) = fields.object("marketingOptions")? {
        marketing.text("discountCode")?;
        marketing.boolean("usePocVoucher")?;
    }
    Ok(())
}

/// `initScript`: its length is checked, it is not kept.
pub(in crate::emulator::actions) fn script(fields: Fields<'_>) -> Result<(), Problem> {
    if fields.text("initScript")?.is_some_and(|script| script.len() > SCRIPT_LIMIT) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            "The initScript must not exceed 32 KB.",
        ));
    }
    Ok(())
}
