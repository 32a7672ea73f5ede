//! Data disks of zec. As with machines, the first release of a disk puts it in the bin and the second one removes it.

use serde_json::{Map, Value, json};

use super::{Edition, order, shape};
use crate::emulator::actions::fleet::none_failed;
use crate::emulator::actions::paging::{among, page, passes};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply, no_resource};
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::passing::Passing;
use crate::emulator::world::zec::disk::{State, ZecDisk};
use crate::emulator::world::{Product, World};

fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_DISK_NOT_FOUND", format!("The disk {id} does not exist."))
}

fn find<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut ZecDisk, Problem> {
    let now = call.now;
    let disk = call.world.zec.disks.get_mut(id).filter(|disk| disk.state(now) != State::Gone);
    disk.ok_or_else(|| not_found(id))
}

fn denied(disk: &ZecDisk, state: State) -> Problem {
    let code = if state.in_bin() {
        "OPERATION_FAILED_FOR_RECYCLE_RESOURCE"
    } else {
        "OPERATION_DENIED_DISK_STATUS_NOT_SUPPORT"
    };
    Problem::denied(code, format!("The disk {} is {}.", disk.id, state.as_str()))
}

/// The machines that new disks go to: those of instanceIds, as many as disks, or the one of instanceId.
fn owners(call: &mut Call<'_>, zone: &str, amount: usize) -> Result<Vec<Option<String>>, Problem> {
    let single = call.fields.text("instanceId")?;
    let newest = Edition::of(call.version) == Edition::Y2025;
    let many = if newest { call.fields.texts_up_to("instanceIds", 100)? } else { Vec::new() };
    if !many.is_empty() && many.len() != amount {
        return Err(Problem::value("instanceIds", "must name as many machines as disks are ordered"));
    }
    for id in single.iter().chain(&many) {
        attachable(call, id, zone)?;
    }
    if many.is_empty() {
        return Ok(vec![single.map(str::to_owned); amount]);
    }
    Ok(many.into_iter().map(|id| Some(id.to_owned())).collect())
}

/// A machine of the zone that runs or is stopped.
fn attachable(call: &mut Call<'_>, machine: &str, zone: &str) -> Result<(), Problem> {
    let now = call.now;
    let machine = call.machine(Product::Zec, machine)?;
    if machine.zone != zone {
        return Err(Problem::denied(
            "OPERATION_DENIED_DISK_ZONE_MISMATCH",
            "Disk and instance should be in the same zone.",
        ));
    }
    match machine.life.at(now) {
        Status::Running | Status::Stopped => Ok(()),
        status => Err(Problem::denied(
            "OPERATION_DENIED_INSTANCE_STATUS",
            format!("The instance {} is {}.", machine.id, status.as_str()),
        )),
    }
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let zone = fields.required("zoneId")?;
    if seed::zec::region_of_zone(zone).is_none() {
        return Err(Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."));
    }
    let name = fields.text("diskName")?.unwrap_or("disk");
    check_name(name)?;
    let (size, category) = order::data_disk(fields, "diskSize")?;
    let amount = simple::count(fields, "diskAmount", 50)?;
    let bursting = fields.boolean("burstingEnabled")?.unwrap_or(false);
    if let Some(snapshot) = fields.text("snapshotId")? {
        // The emulated account has none.
        return Err(no_resource("snapshot", snapshot));
    }
    simple::check_rest(fields)?;
    let resource_group = call.resource_group()?;
    let newest = Edition::of(call.version) == Edition::Y2025;
    let tags = if newest { tags::read(fields, 64)? } else { Vec::new() };
    let mut ids = Vec::new();
    for machine in owners(call, zone, amount)? {
        let end = if machine.is_some() { State::InUse } else { State::Available };
        let id = call.world.number();
        let disk = ZecDisk {
            id: id.clone(),
            name: name.to_owned(),
            zone: zone.to_owned(),
            size,
            category: category.clone(),
            bursting,
            machine,
            with_machine: false,
            resource_group: resource_group.clone(),
            tags: tags.clone(),
            created: call.now,
            life: Passing::new(call.now, call.world.pace, State::Creating, end),
        };
        call.world.zec.disks.insert(id.clone(), disk);
        ids.push(id);
    }
    let mut result = Map::new();
    result.insert("diskIds".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    Ok(result)
}

/// 1 to 64 letters, digits, `-`, `_`, `/` and `.`, with a letter or digit at both ends.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/.".contains(&byte));
    if inner && name.len() <= 64 && ends(name.bytes().next()) && ends(name.bytes().next_back()) {
        return Ok(());
    }
    Err(Problem::invalid(
        "INVALID_PARAMETER_PATTERN_ERROR",
        "A name has up to 64 letters, digits, -, _, / and ., and begins and ends with a letter or a digit.",
    ))
}

/// System disks are listed with the others.
pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let (fields, world, now) = (call.fields, &*call.world, call.now);
    let edition = Edition::of(call.version);
    let filter = Filter::read(call)?;
    let data = world.zec.disks.values().filter(|disk| {
        let state = disk.state(now);
        state != State::Gone
            && filter.passes(&Facts {
                id: &disk.id,
                name: &disk.name,
                status: state.as_str(),
                kind: "DATA",
                category: &disk.category,
                machine: disk.machine.as_deref().unwrap_or_default(),
                zone: &disk.zone,
                group: &disk.resource_group,
                tags: &disk.tags,
            })
    });
    let mut items: Vec<Value> = system(world, call, &filter);
    items.extend(data.rev().map(|disk| shape::disk(world, disk, now, edition)));
    page(fields, items)
}

fn system(world: &World, call: &Call<'_>, filter: &Filter<'_>) -> Vec<Value> {
    let edition = Edition::of(call.version);
    let shown = world.listed(Product::Zec, call.now).filter_map(|machine| {
        let info = shape::system_disk(world, machine, machine.life.at(call.now), edition);
        let facts = Facts {
            id: &machine.system_disk.id,
            name: "system-disk",
            status: info.get("diskStatus").and_then(Value::as_str).unwrap_or_default(),
            kind: "SYSTEM",
            category: &machine.system_disk.category,
            machine: &machine.id,
            zone: &machine.zone,
            group: &machine.resource_group,
            tags: &[],
        };
        filter.passes(&facts).then_some(info)
    });
    shown.collect()
}

struct Filter<'a> {
    ids: Vec<&'a str>,
    name: Option<&'a str>,
    status: Option<&'a str>,
    kind: Option<&'a str>,
    category: Option<&'a str>,
    machine: Option<&'a str>,
    zone: Option<&'a str>,
    region: Option<&'a str>,
    group: Option<&'a str>,
    snapshots: Option<bool>,
    tags: Option<tags::Filter<'a>>,
}

/// What a filter looks at.
struct Facts<'a> {
    id: &'a str,
    name: &'a str,
    status: &'a str,
    kind: &'static str,
    category: &'a str,
    machine: &'a str,
    zone: &'a str,
    group: &'a str,
    tags: &'a [(String, String)],
}

impl<'a> Filter<'a> {
    fn read(call: &Call<'a>) -> Result<Self, Problem> {
        let fields = call.fields;
        let newest = Edition::of(call.version) == Edition::Y2025;
        Ok(Self {
            ids: fields.texts_up_to("diskIds", 100)?,
            name: fields.text("diskName")?,
            status: fields.text("diskStatus")?,
            kind: fields.one_of("diskType", &["SYSTEM", "DATA"])?,
            category: fields.text("diskCategory")?,
            machine: fields.text("instanceId")?,
            zone: fields.text("zoneId")?,
            region: if newest { fields.text("regionId")? } else { None },
            group: fields.text("resourceGroupId")?,
            snapshots: fields.boolean("snapshotAbility")?,
            tags: newest.then(|| tags::Filter::read(fields)).transpose()?,
        })
    }

    fn passes(&self, disk: &Facts<'_>) -> bool {
        among(&self.ids, &[disk.id])
            && simple::holds(self.name, disk.name)
            && passes(self.status, disk.status)
            && passes(self.kind, disk.kind)
            && passes(self.category, disk.category)
            && passes(self.machine, disk.machine)
            && passes(self.zone, disk.zone)
            && passes(self.region, seed::zec::region_of_zone(disk.zone).map_or("", |region| region.id))
            && passes(self.group, disk.group)
            && self.snapshots != Some(false)
            && self.tags.as_ref().is_none_or(|tags| tags.passes(disk.tags))
    }
}

/// The disks of `diskIds`, which has at least one.
fn named<'a>(call: &Call<'a>) -> Result<Vec<&'a str>, Problem> {
    let ids = call.fields.texts_up_to("diskIds", 100)?;
    if ids.is_empty() { Err(Problem::missing("diskIds")) } else { Ok(ids) }
}

pub(super) fn attach(call: &mut Call<'_>) -> Reply {
    let (ids, machine) = (named(call)?, call.fields.required("instanceId")?);
    let (now, pace) = (call.now, call.world.pace);
    for id in &ids {
        let disk = find(call, id)?;
        let state = disk.state(now);
        if state != State::Available {
            return Err(denied(disk, state));
        }
        let zone = disk.zone.clone();
        attachable(call, machine, &zone)?;
    }
    for id in ids {
        let disk = find(call, id)?;
        disk.machine = Some(machine.to_owned());
        disk.life = Passing::new(now, pace, State::Attaching, State::InUse);
    }
    Ok(Map::new())
}

/// DetachDisks: the machine must be stopped, unless instanceCheckFlag is false.
pub(super) fn detach(call: &mut Call<'_>) -> Reply {
    let ids = named(call)?;
    let check = call.fields.boolean("instanceCheckFlag")?.unwrap_or(true);
    let (now, pace) = (call.now, call.world.pace);
    for id in &ids {
        let disk = find(call, id)?;
        let (state, machine) = (disk.state(now), disk.machine.clone());
        let (State::InUse, Some(machine)) = (state, machine) else { return Err(denied(disk, state)) };
        let machine = call.machine(Product::Zec, &machine)?;
        if check && machine.life.at(now) != Status::Stopped {
            return Err(Problem::denied(
                "OPERATION_DENIED_INSTANCE_NOT_STOPPED",
                format!("The instance {} must be stopped first.", machine.id),
            ));
        }
    }
    for id in ids {
        let disk = find(call, id)?;
        (disk.machine, disk.with_machine) = (None, false);
        disk.life = Passing::new(now, pace, State::Detaching, State::Available);
    }
    Ok(none_failed("failedDiskIds"))
}

/// ResizeDisk: a disk only grows.
pub(super) fn resize(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("diskId")?;
    let size = call.fields.integer("diskSize")?.ok_or_else(|| Problem::missing("diskSize"))?;
    order::check_size(size)?;
    let (now, pace) = (call.now, call.world.pace);
    let disk = find(call, id)?;
    let state = disk.state(now);
    if !matches!(state, State::Available | State::InUse) {
        return Err(denied(disk, state));
    }
    if size <= disk.size {
        return Err(Problem::invalid(
            "INVALID_DISK_SIZE_LESS_MINIMUM",
            "The new size must be greater than the present one.",
        ));
    }
    disk.size = size;
    disk.life = Passing::new(now, pace, State::Changing, state);
    Ok(Map::new())
}

/// ModifyDisksAttributes.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let (ids, name) = (named(call)?, call.fields.required("diskName")?);
    check_name(name)?;
    for id in &ids {
        find(call, id)?;
    }
    for id in ids {
        name.clone_into(&mut find(call, id)?.name);
    }
    Ok(Map::new())
}

pub(super) fn release(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("diskId")?;
    let (now, pace) = (call.now, call.world.pace);
    let disk = find(call, id)?;
    disk.life = match disk.state(now) {
        State::Available => Passing::new(now, pace, State::Recycling, State::Recycled),
        State::Recycled | State::Recycling => Passing::new(now, pace, State::Deleting, State::Gone),
        state => return Err(denied(disk, state)),
    };
    Ok(Map::new())
}
