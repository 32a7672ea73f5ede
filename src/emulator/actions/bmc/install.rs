//! What is put on bare metal: RAID, partitions, interface names, a script; at the order and at every reinstall.

use serde_json::Map;

use super::{Edition, login, machines, order};
use crate::emulator::actions::{fleet, simple};
use crate::emulator::call::{Call, Reply};
use crate::emulator::fields::Fields;
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed::bmc::Model;
use crate::emulator::seed::{self, Image};
use crate::emulator::world::Product;
use crate::emulator::world::bmc::{Partition, Raid};

/// An installation that can be carried out.
pub(super) struct Install {
    pub(super) image: Option<&'static Image>,
    pub(super) ipxe_url: Option<String>,
    pub(super) key: Option<String>,
    pub(super) raid: Option<Raid>,
    pub(super) partitions: Vec<Partition>,
    pub(super) nic: (String, String),
}

impl Install {
    pub(super) fn read(call: &Call<'_>, model: &Model, edition: Edition) -> Result<Self, Problem> {
        let fields = call.fields;
        let image = match fields.text("imageId")? {
            Some(id) => Some(
                seed::image(id)
                    .ok_or_else(|| Problem::absent("INVALID_IMAGE_NOT_FOUND", "Image not found."))?,
            ),
            None => None,
        };
        let ipxe_url = fields.text("ipxeUrl")?;
        if ipxe_url.is_some_and(|url| {
            url != "netboot" && !url.starts_with("http://") && !url.starts_with("https://")
        }) {
            return Err(Problem::value("ipxeUrl", "must be a URL or netboot"));
        }
        simple::check_rest(fields)?;
        Ok(Self {
            image,
            ipxe_url: ipxe_url.map(str::to_owned),
            key: login::read(fields, &call.world.account, image, edition)?,
            raid: raid(fields, model)?,
            partitions: partitions(fields, image, model)?,
            nic: nic(fields, model)?,
        })
    }
}

fn raid(fields: Fields<'_>, model: &Model) -> Result<Option<Raid>, Problem> {
    let Some(config) = fields.object("raidConfig")? else { return Ok(None) };
    let (fast, custom) = (config.integer("raidType")?, config.objects("customRaids")?);
    if fast.is_some() && !custom.is_empty() {
        return Err(Problem::invalid(
            "INVALID_RAID_CONFIG_FAST_CUSTOM_CONFLICT",
            "Only one of raidType and customRaids can be specified.",
        ));
    }
    if let Some(level) = fast {
        check_level(level, model)?;
        fits(level, model.disks.1)?;
        return Ok(Some(Raid::Fast(level)));
    }
    let mut sets = Vec::new();
    let mut seen = Vec::new();
    for set in custom {
        let level = set.integer("raidType")?.ok_or_else(|| Problem::missing("customRaids.raidType"))?;
        check_level(level, model)?;
        let disks = set.integers("diskSequence")?;
        check_sequence(&disks, model.disks.1, &seen)?;
        fits(level, i64::try_from(disks.len()).unwrap_or(i64::MAX))?;
        seen.extend(&disks);
        sets.push((level, disks));
    }
    Ok(Some(sets).filter(|sets| !sets.is_empty()).map(Raid::Custom))
}

fn check_level(level: i64, model: &Model) -> Result<(), Problem> {
    if model.raids.contains(&level) {
        return Ok(());
    }
    Err(Problem::invalid(
        "INVALID_INSTANCE_TYPE_RAID_NOT_SUPPORT",
        "The RAID level is not supported by the instance model.",
    ))
}

/// Whether this many disks make this level.
fn fits(level: i64, disks: i64) -> Result<(), Problem> {
    let good = match level {
        1 => disks == 2,
        5 => disks >= 3,
        10 => disks >= 4 && disks % 2 == 0,
        _ => disks >= 1,
    };
    if good {
        return Ok(());
    }
    Err(Problem::invalid(
        "INVALID_PARAMETER_VALUE_RAID_DISK_MISMATCH",
        "Disk quantity does not meet the RAID level requirement.",
    ))
}

/// Positions from 1 on, one after the other, none of them used twice.
fn check_sequence(disks: &[i64], all: i64, seen: &[i64]) -> Result<(), Problem> {
    let refuse = |code, message| Err(Problem::invalid(code, message));
    if disks.iter().any(|disk| !(1..=all).contains(disk)) {
        return refuse(
            "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_RANGE",
            "A disk of the sequence does not exist.",
        );
    }
    if disks
        .iter()
        .enumerate()
        .any(|(at, disk)| seen.contains(disk) || disks.iter().take(at).any(|d| d == disk))
    {
        return refuse("INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_DUPLICATE", "A disk is named twice.");
    }
    let next = disks.iter().zip(disks.iter().skip(1));
    if next.into_iter().any(|(one, other)| *other != one.saturating_add(1)) {
        return refuse(
            "INVALID_PARAMETER_VALUE_RAID_DISK_DISORDER",
            "The disks of a sequence must follow each other.",
        );
    }
    Ok(())
}

/// Linux begins with `/`, Windows with the drive C; each path is named once and together they fit on the disks.
fn partitions(fields: Fields<'_>, image: Option<&Image>, model: &Model) -> Result<Vec<Partition>, Problem> {
    let given = fields.objects("partitions")?;
    let Some(image) = image else {
        if given.is_empty() {
            return Ok(Vec::new());
        }
        return Err(Problem::invalid(
            "INVALID_PARTITION_IMAGE_NOT_SET",
            "Custom partitions need an operating system.",
        ));
    };
    let mut partitions: Vec<Partition> = Vec::new();
    for one in given {
        let partition = partition(one, image.os)?;
        if partitions.iter().any(|known| known.path.eq_ignore_ascii_case(&partition.path)) {
            return Err(Problem::invalid(
                "INVALID_PARTITION_DUPLICATE_FILE_PATH",
                "Duplicated file path or drive letter of a partition.",
            ));
        }
        partitions.push(partition);
    }
    check_table(&partitions, image.os, model)?;
    Ok(partitions)
}

fn partition(fields: Fields<'_>, os: &str) -> Result<Partition, Problem> {
    let malformed = || {
        Problem::invalid("INVALID_PARTITION_MALFORMED", "Invalid file type or path format of a partition.")
    };
    let path = fields.text("fsPath")?.ok_or_else(malformed)?;
    let kind = fields
        .text("fsType")?
        .ok_or_else(|| Problem::invalid("INVALID_PARTITION_NO_TYPE", "Invalid file type of a partition."))?;
    let size = fields.bounded("size", 1, i64::MAX)?.ok_or_else(|| Problem::missing("partitions.size"))?;
    let good = if os == "windows" {
        kind.eq_ignore_ascii_case("ntfs")
            && path.len() == 1
            && path.bytes().all(|drive| (b'C'..=b'H').contains(&drive.to_ascii_uppercase()))
    } else {
        (matches!(kind, "ext2" | "ext3" | "ext4" | "xfs") && path.starts_with('/')) || kind == "swap"
    };
    if !good {
        return Err(malformed());
    }
    Ok(Partition { path: path.to_owned(), kind: kind.to_owned(), size })
}

fn check_table(partitions: &[Partition], os: &str, model: &Model) -> Result<(), Problem> {
    let Some(first) = partitions.first() else { return Ok(()) };
    let root = if os == "windows" { "C" } else { "/" };
    if !partitions.iter().any(|partition| partition.path.eq_ignore_ascii_case(root)) {
        return Err(Problem::invalid(
            "INVALID_PARTITION_MISSING_REQUIRED_FILE_PATH",
            "\"c\" must be included for Windows, and \"/\" for Linux.",
        ));
    }
    let drives = partitions.iter().zip(partitions.iter().skip(1));
    let disordered = os == "windows"
        && drives
            .into_iter()
            .any(|(one, next)| one.path.to_ascii_uppercase() > next.path.to_ascii_uppercase());
    if disordered || !first.path.eq_ignore_ascii_case(root) {
        return Err(Problem::invalid(
            "INVALID_PARTITION_INVALID_ORDER",
            "The system partition comes first, and drive letters in alphabetical order.",
        ));
    }
    let total = partitions.iter().fold(0_i64, |sum, partition| sum.saturating_add(partition.size));
    if total > model.disks.0.saturating_mul(model.disks.1) {
        return Err(Problem::value("partitions", "are larger than the disks"));
    }
    Ok(())
}

/// 4 to 10 letters and digits; the two names differ and do not begin like the other one's default.
fn nic(fields: Fields<'_>, model: &Model) -> Result<(String, String), Problem> {
    let (wan, lan) = if model.ha { ("bond0", "bond1") } else { ("wan0", "lan0") };
    let given = fields.object("nic")?;
    let name = |field: &'static str, default: &'static str, not: &str| -> Result<String, Problem> {
        let name = given.map(|nic| nic.text(field)).transpose()?.flatten().unwrap_or(default);
        let good = (4..=10).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && !name.starts_with(not);
        if good {
            return Ok(name.to_owned());
        }
        Err(Problem::invalid("INVALID_PARAMETER_NIC_NAME_MALFORMED", format!("Invalid name nic.{field}.")))
    };
    let names = (name("wanName", wan, "lan")?, name("lanName", lan, "wan")?);
    if names.0 == names.1 {
        return Err(Problem::invalid("INVALID_PARAMETER_NIC_NAME_CONFLICT", "The two names must differ."));
    }
    Ok(names)
}

/// ReinstallInstance: of a machine that runs or is stopped; through INSTALLING to RUNNING.
pub(super) fn again(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let id = fields.required("instanceId")?;
    fleet::check(call, Product::Bmc, &[id], machines::at_rest)?;
    let model = order::model(&call.machine(Product::Bmc, id)?.model)?;
    let install = Install::read(call, model, Edition::of(call.version))?;
    let hostnames = order::hostnames(fields, 1)?;
    let machine = call.machine(Product::Bmc, id)?;
    machine.image = install.image.map_or("", |image| image.id).to_owned();
    machine.image_name = install.image.map_or("", |image| image.name).to_owned();
    machine.key = install.key;
    machine.nic = install.nic;
    if let Some(hostname) = hostnames.into_iter().next() {
        machine.hostname = hostname;
    }
    let extra = call.world.bmc.machines.entry(id.to_owned()).or_default();
    extra.ipxe_url = install.ipxe_url;
    extra.raid = install.raid;
    extra.partitions = install.partitions;
    machines::pass(call, id, Status::Rebuilding, Status::Running)?;
    Ok(Map::new())
}
