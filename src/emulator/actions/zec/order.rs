//! A zec order, field by field: what is ordered, how one logs in, its disks, its place in the network.
//!
//! Sources: CreateZecInstancesRequest and CreateInstancesRequest of the Go SDK, and the page of CreateZecInstances.

use std::net::Ipv4Addr;

use super::Edition;
use super::public::{self, Public};
use crate::emulator::actions::vm_create::name;
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, no_resource, no_security_group};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::zec::{DISK_CATEGORIES, Model, Region, TIME_ZONES};
use crate::emulator::seed::{self, Image};
use crate::emulator::world::account::Account;
use crate::emulator::world::zec::Extra;

/// Largest system disk, GiB.
const SYSTEM_LIMIT: i64 = 500;
/// Smallest and largest data disk, GiB.
const DATA_BOUNDS: (i64, i64) = (20, 32_768);
/// Data disks a machine can be ordered with.
const DATA_COUNT: i64 = 1;
/// Signs a password may have.
const SIGNS: &str = "~!@$^*-_=+";

/// A request that can be carried out, but for quota and free addresses.
pub(super) struct Order {
    pub(super) region: &'static Region,
    pub(super) model: &'static Model,
    pub(super) image: &'static Image,
    pub(super) names: Vec<String>,
    pub(super) key: Option<String>,
    pub(super) system_disk: (i64, String),
    pub(super) data_disks: Vec<(i64, String, bool)>,
    /// The subnet by its id, and the first private address asked for.
    pub(super) subnet: (String, Option<Ipv4Addr>),
    pub(super) stack: String,
    pub(super) security_group: String,
    pub(super) public: Option<Public>,
    pub(super) resource_group: String,
    pub(super) tags: Vec<(String, String)>,
    pub(super) extra: Extra,
}

impl Order {
    pub(super) fn read(call: &Call<'_>, edition: Edition) -> Result<Self, Problem> {
        let fields = call.fields;
        let newest = edition == Edition::Y2025;
        let (region, model) = place(fields)?;
        let image = image(fields)?;
        let count = simple::count(fields, "instanceCount", 100)?;
        let names = names(fields, count)?;
        let key = login(fields, &call.world.account, image)?;
        let system_disk = system(fields, image)?;
        let data_disks = data(fields)?;
        let (subnet, stack) = subnet(call, region)?;
        let security_group = security_group(call, region, &subnet.0, newest)?;
        let public = public::read(call, region, model, count)?;
        Ok(Self {
            region,
            model,
            image,
            names,
            key,
            system_disk,
            data_disks,
            subnet,
            stack,
            security_group,
            public,
            resource_group: call.resource_group()?,
            tags: if newest { tags::read(fields, 64)? } else { Vec::new() },
            extra: extra(fields, region, newest)?,
        })
    }
}

fn place(fields: Fields<'_>) -> Result<(&'static Region, &'static Model), Problem> {
    let (zone, model) = (fields.required("zoneId")?, fields.required("instanceType")?);
    let region = seed::zec::region_of_zone(zone)
        .ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))?;
    Ok((region, sold(model, region)?))
}

/// A model that a region sells and has.
pub(super) fn sold(id: &str, region: &Region) -> Result<&'static Model, Problem> {
    let model = seed::zec::find_model(id)
        .ok_or_else(|| Problem::absent("INVALID_INSTANCE_TYPE_NOT_FOUND", "Instance model not found."))?;
    if !model.sold_in(region) {
        return Err(Problem::invalid(
            "INVALID_INSTANCE_TYPE_ZONE_NO_SELL",
            "Instance model not available in the zone.",
        ));
    }
    if !model.in_stock {
        return Err(Problem::invalid("RESOURCES_SOLDOUT_INSTANCE_TYPE", "Instance models sold out."));
    }
    Ok(model)
}

fn image(fields: Fields<'_>) -> Result<&'static Image, Problem> {
    find_image(fields.required("imageId")?)
}

/// An image by its id.
pub(super) fn find_image(id: &str) -> Result<&'static Image, Problem> {
    seed::image(id)
        .filter(|image| !image.own_partitions)
        .ok_or_else(|| Problem::absent("INVALID_IMAGE_NOT_FOUND", "Image not found."))
}

fn names(fields: Fields<'_>, count: usize) -> Result<Vec<String>, Problem> {
    let names = name::expand(fields.text("instanceName")?, count)?;
    names.iter().try_for_each(|name| check_name(name))?;
    Ok(names)
}

/// 2 to 63 letters, digits, `-` and `.`, with a letter or digit at both ends.
pub(super) fn check_name(text: &str) -> Result<(), Problem> {
    name::plain(text)?;
    if !(2..=63).contains(&text.len()) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_INSTANCE_NAME_EXCEED",
            "Invalid name length. A name has 2 to 63 characters.",
        ));
    }
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !(ends(text.bytes().next()) && ends(text.bytes().next_back())) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED",
            "Invalid name format. A name begins and ends with a letter or a digit.",
        ));
    }
    Ok(())
}

/// The key pair, if that is how one logs in. The page wants a password or a key pair, the order of neither is let
/// through as with vm, whose sample sends neither. Windows takes neither.
pub(super) fn login(fields: Fields<'_>, account: &Account, image: &Image) -> Result<Option<String>, Problem> {
    let password = fields.text("password")?;
    password.map(check_password).transpose()?;
    let key = simple::key_pair(fields, account)?;
    if password.is_some() && key.is_some() {
        return Err(Problem::value("keyId", "cannot be given together with a password"));
    }
    if image.os == "windows" && (password.is_some() || key.is_some()) {
        return Err(Problem::value("imageId", "is a Windows image, which takes neither password nor keyId"));
    }
    Ok(key)
}

/// 8 to 16 characters: letters, digits and signs, and some of each.
pub(super) fn check_password(password: &str) -> Result<(), Problem> {
    if !(8..=16).contains(&password.chars().count()) {
        return Err(Problem::invalid(
            "INVALID_PASSWORD_MALFORMED",
            "Invalid password format. It must have 8 to 16 characters.",
        ));
    }
    let letter = |letter: char| letter.is_ascii_alphabetic();
    let digit = |letter: char| letter.is_ascii_digit();
    let sign = |letter: char| SIGNS.contains(letter);
    let known = password.chars().all(|character| letter(character) || digit(character) || sign(character));
    let complete = password.contains(letter) && password.contains(digit) && password.contains(sign);
    if !(known && complete) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED",
            format!("Invalid password. It must have letters, digits and signs out of {SIGNS}."),
        ));
    }
    Ok(())
}

fn system(fields: Fields<'_>, image: &Image) -> Result<(i64, String), Problem> {
    let standard = || DISK_CATEGORIES.first().copied().unwrap_or_default().to_owned();
    let Some(disk) = fields.object("systemDisk")? else { return Ok((image.least_disk, standard())) };
    disk.boolean("burstingEnabled")?;
    let category = disk.one_of("diskCategory", DISK_CATEGORIES)?.map_or_else(standard, str::to_owned);
    let size = disk.integer("diskSize")?.unwrap_or(image.least_disk);
    if size > SYSTEM_LIMIT {
        return Err(Problem::invalid(
            "INVALID_SYSTEM_DISK_EXCEED_LIMIT",
            "System disk size exceeds the maximum limit.",
        ));
    }
    if size < image.least_disk {
        return Err(Problem::invalid(
            "INVALID_SYSTEM_DISK_SIZE",
            format!("Invalid system disk size. This image needs {} GiB or more.", image.least_disk),
        ));
    }
    Ok((size, category))
}

fn data(fields: Fields<'_>) -> Result<Vec<(i64, String, bool)>, Problem> {
    let mut disks = Vec::new();
    let mut total: i64 = 0;
    for disk in fields.objects("dataDisks")? {
        let (size, category) = data_disk(disk, "dataDisks.diskSize")?;
        let bursting = disk.boolean("burstingEnabled")?.unwrap_or(false);
        let amount = disk.bounded("diskAmount", 1, i64::MAX)?.unwrap_or(1);
        total = total.saturating_add(amount);
        if total > DATA_COUNT {
            return Err(Problem::invalid(
                "INVALID_PARAMETER_EXCEED_LENGTH",
                format!("A machine can be ordered with at most {DATA_COUNT} data disk."),
            ));
        }
        disks.extend((0..amount).map(|_| (size, category.clone(), bursting)));
    }
    Ok(disks)
}

/// Size and category of a data disk.
pub(super) fn data_disk(fields: Fields<'_>, size: &str) -> Result<(i64, String), Problem> {
    let category = fields.one_of("diskCategory", DISK_CATEGORIES)?;
    let category = category.or(DISK_CATEGORIES.first().copied()).unwrap_or_default().to_owned();
    let size = fields.integer("diskSize")?.ok_or_else(|| Problem::missing(size))?;
    check_size(size).map(|()| (size, category))
}

/// Whether a data disk can have this size.
pub(super) fn check_size(size: i64) -> Result<(), Problem> {
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

/// The subnet a request names, or the default one of the region; and the stack of the interface.
fn subnet(call: &Call<'_>, region: &Region) -> Result<((String, Option<Ipv4Addr>), String), Problem> {
    let fields = call.fields;
    let id = fields.text("subnetId")?.unwrap_or(region.subnet);
    let subnet = call.world.zec.subnets.iter().find(|subnet| subnet.id == id).ok_or_else(|| {
        Problem::absent("INVALID_SUBNET_NOT_FOUND", format!("The subnet {id} does not exist."))
    })?;
    if subnet.region != region.id {
        return Err(Problem::denied(
            "OPERATION_DENIED_SUBNET_ZONE_MISMATCH",
            "Subnet not in the region of the zone.",
        ));
    }
    let stack = fields.one_of("ipStackType", &["IPv4", "IPv6", "IPv4_IPv6"])?.unwrap_or("IPv4");
    if stack != "IPv4" && subnet.stack != "IPv4_IPv6" {
        return Err(Problem::value("ipStackType", "is not supported by the subnet"));
    }
    let start = fields.text("lanIp")?.map(|text| text.parse::<Ipv4Addr>().ok()).map(|address| {
        address
            .filter(|address| subnet.cidr.contains(address))
            .ok_or_else(|| Problem::value("lanIp", "is no address of the subnet"))
    });
    Ok(((subnet.id.clone(), start.transpose()?), stack.to_owned()))
}

/// The group of the request, or that of the subnet's VPC.
fn security_group(call: &Call<'_>, region: &Region, subnet: &str, newest: bool) -> Result<String, Problem> {
    let zec = &call.world.zec;
    let asked = if newest { call.fields.text("securityGroupId")? } else { None };
    if let Some(id) = asked {
        if !zec.groups.iter().any(|group| group.id == id) {
            return Err(no_security_group(id));
        }
        if !region.security_groups {
            return Err(Problem::denied(
                "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
                "Security groups are not supported in the zone.",
            ));
        }
        return Ok(id.to_owned());
    }
    let vpc = zec.subnets.iter().find(|known| known.id == subnet).map_or("", |subnet| subnet.vpc.as_str());
    Ok(zec.vpcs.iter().find(|known| known.id == vpc).map(|vpc| vpc.group.clone()).unwrap_or_default())
}

fn extra(fields: Fields<'_>, region: &Region, newest: bool) -> Result<Extra, Problem> {
    simple::check_rest(fields)?;
    let time_zone = fields.one_of("timeZone", TIME_ZONES)?.unwrap_or(region.time_zone);
    let mut extra = Extra {
        time_zone: time_zone.to_owned(),
        nic_network_type: "Auto".to_owned(),
        agent: fields.boolean("enableAgent")?.unwrap_or(false),
        ip_forward: fields.boolean("enableIpForward")?.unwrap_or(false),
        ..Extra::default()
    };
    if newest {
        if let Some(kind) = fields.text("nicNetworkType")? {
            extra.nic_network_type = kind.to_owned();
        }
        if let Some(group) = fields.text("placementGroupId")? {
            // The emulated account has none.
            return Err(no_resource("placement group", group));
        }
        if let Some(options) = fields.object("instanceOptions")? {
            extra.nested_virtualization = options.boolean("nestedVirtualization")?.unwrap_or(false);
        }
    }
    Ok(extra)
}
