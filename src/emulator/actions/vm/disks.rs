//! Disks: DiskInfo, CreateDisksRequest and DescribeDisksRequest of the models, and the life of a disk.
//!
//! A disk that is not in use goes to the recycle bin, and from there for good or back. Codes that begin with
//! UNSUPPORTED_OPERATION_DISK and INVALID_DISK_NOT_FOUND are those the clients know; their status is not documented.

use serde_json::{Map, Value, json};

use super::subnets::named;
use crate::emulator::actions::change::settled;
use crate::emulator::actions::paging::{among, only, page, passes};
use crate::emulator::actions::shape::{bound_tags, end, time};
use crate::emulator::actions::vm_create::{Edition, charge, disks};
use crate::emulator::actions::{simple, tags};
use crate::emulator::call::{Call, Reply, not_found};
use crate::emulator::fields::Fields;
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::passing::Passing;
use crate::emulator::world::vm::disk::{DataDisk, DiskStatus};
use crate::emulator::world::{Machine, Product};

/// Disks one call may name.
pub(super) const IDS: usize = 100;

/// With an instanceId the zone is that of the machine, and the disks are attached to it.
pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let (fields, now) = (call.fields, call.now);
    let machine = fields.text("instanceId")?;
    let zone = match machine {
        Some(id) => {
            let machine = call.machine(Product::Vm, id)?;
            settled(machine, machine.life.at(now))?;
            machine.zone.clone()
        }
        None => simple::zone(fields, seed::ZONES.iter().map(|zone| zone.id))?.to_owned(),
    };
    let place = seed::zone(&zone).ok_or_else(|| not_found(&zone))?;
    let (size, category) = disks::one(fields, place)?;
    let amount = fields.bounded("diskAmount", 1, 50)?.unwrap_or(1);
    // The models do not say that the pricing model is required.
    let kind = charge::kind(fields, "chargeType")?.unwrap_or("POSTPAID");
    let period = charge::months(fields, kind, "chargePrepaid")?;
    let name = name(fields)?.unwrap_or("data-disk");
    let resource_group = call.resource_group()?;
    let tags = tags::read(fields, Edition::of(call.version).tag_length())?;
    if let Some(id) = machine {
        let held = i64::try_from(call.world.vm.disks_on(id, now)).unwrap_or(i64::MAX);
        if held.saturating_add(amount) > disks::DATA_COUNT {
            return Err(disks::too_many());
        }
    }
    let end = if machine.is_some() { DiskStatus::InUse } else { DiskStatus::Available };
    let mut ids = Vec::new();
    for _ in 0..amount {
        let disk = DataDisk {
            id: call.world.number(),
            name: name.to_owned(),
            zone: zone.clone(),
            size,
            category: category.clone(),
            charge_type: kind.to_owned(),
            period,
            resource_group: resource_group.clone(),
            tags: tags.clone(),
            created: now,
            bound: machine.map(str::to_owned),
            life: Passing::new(now, call.world.pace, DiskStatus::Creating, end),
        };
        ids.push(disk.id.clone());
        call.world.vm.disks.insert(disk.id.clone(), disk);
    }
    let mut result = only("diskIds", json!(ids));
    result.insert("orderNumber".to_owned(), json!(call.world.number()));
    Ok(result)
}

/// 1 to 64 letters, digits, `-` and `.`, with a letter or digit at both ends.
fn name<'a>(fields: Fields<'a>) -> Result<Option<&'a str>, Problem> {
    let name = super::subnets::plain_name(fields, "diskName", (1, 64))?;
    match name {
        Some(text) if text.starts_with(['-', '.']) || text.ends_with(['-', '.']) => Err(Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            "The diskName must begin and end with a letter or digit.",
        )),
        name => Ok(name),
    }
}

/// A disk of a listing, whichever kind it is.
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    zone: &'a str,
    /// `SYSTEM` or `DATA`; only data disks are portable.
    kind: &'static str,
    category: &'a str,
    size: i64,
    status: DiskStatus,
    machine: Option<&'a Machine>,
    charge: (&'a str, Option<i64>),
    group: &'a str,
    tags: &'a [(String, String)],
    created: std::time::Duration,
}

/// Data disks and the system disks of the machines, newest first.
pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let filter = Filter::read(fields)?;
    let mut rows = rows(call);
    rows.retain(|row| filter.passes(row));
    rows.sort_by(|one, other| other.id.cmp(one.id));
    let items = rows.iter().map(show).collect();
    page(fields, items)
}

fn rows<'a>(call: &'a Call<'_>) -> Vec<Row<'a>> {
    let (world, now) = (&*call.world, call.now);
    let machines: std::collections::HashMap<&str, &Machine> =
        world.listed(Product::Vm, now).map(|machine| (machine.id.as_str(), machine)).collect();
    let data = world.vm.disks_at(now).map(|(disk, status)| Row {
        id: &disk.id,
        name: &disk.name,
        zone: &disk.zone,
        kind: "DATA",
        category: &disk.category,
        size: disk.size,
        status,
        machine: disk.machine(now).and_then(|id| machines.get(id).copied()),
        charge: (&disk.charge_type, disk.period),
        group: &disk.resource_group,
        tags: &disk.tags,
        created: disk.created,
    });
    let system = world.listed(Product::Vm, now).map(|machine| Row {
        id: &machine.system_disk.id,
        name: "system-disk",
        zone: &machine.zone,
        kind: "SYSTEM",
        category: &machine.system_disk.category,
        size: machine.system_disk.size,
        status: system_status(machine.life.at(now)),
        machine: Some(machine),
        charge: (&machine.charge_type, machine.period),
        group: &machine.resource_group,
        tags: &[],
        created: machine.created,
    });
    data.chain(system).collect()
}

/// A system disk shares the life of its machine.
fn system_status(machine: Status) -> DiskStatus {
    match machine {
        Status::Pending | Status::Deploying => DiskStatus::Creating,
        Status::Recycling => DiskStatus::Recycling,
        Status::Recycle => DiskStatus::Recycled,
        Status::Releasing | Status::CreateFailed => DiskStatus::Deleting,
        _ => DiskStatus::InUse,
    }
}

fn show(row: &Row<'_>) -> Value {
    let (charge, period) = row.charge;
    json!({
        "diskId": row.id,
        "diskName": row.name,
        "zoneId": row.zone,
        "diskType": row.kind,
        "portable": row.kind == "DATA",
        "diskCategory": row.category,
        "diskSize": row.size,
        "diskStatus": row.status.as_str(),
        "instanceId": row.machine.map(|machine| &machine.id),
        "instanceName": row.machine.map(|machine| &machine.name),
        "chargeType": charge,
        "createTime": time(row.created),
        "expiredTime": end(row.created, period).map(time),
        "period": period,
        "autoRenew": period.is_some(),
        "tags": bound_tags(row.tags),
    })
}

struct Filter<'a> {
    ids: Vec<&'a str>,
    name: Option<&'a str>,
    status: Option<&'a str>,
    kind: Option<&'a str>,
    size: Option<i64>,
    category: Option<&'a str>,
    portable: Option<bool>,
    machine: Option<&'a str>,
    zone: Option<&'a str>,
    group: Option<&'a str>,
    tag_keys: Vec<&'a str>,
    tags: Vec<(String, String)>,
}

impl<'a> Filter<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, Problem> {
        Ok(Self {
            ids: fields.texts_up_to("diskIds", IDS)?,
            name: fields.text("diskName")?,
            status: fields.text("diskStatus")?,
            kind: fields.one_of("diskType", &["SYSTEM", "DATA"])?,
            size: fields.integer("diskSize")?,
            category: fields.text("diskCategory")?,
            portable: fields.boolean("portable")?,
            machine: fields.text("instanceId")?,
            zone: fields.text("zoneId")?,
            group: fields.text("resourceGroupId")?,
            tag_keys: fields.texts_up_to("tagKeys", 20)?,
            tags: tags::list(fields, "tags", 128)?,
        })
    }

    fn passes(&self, row: &Row<'_>) -> bool {
        among(&self.ids, &[row.id])
            && passes(self.name, row.name)
            && passes(self.status, row.status.as_str())
            && passes(self.kind, row.kind)
            && self.size.is_none_or(|size| size == row.size)
            && passes(self.category, row.category)
            && self.portable.is_none_or(|portable| portable == (row.kind == "DATA"))
            && passes(self.machine, row.machine.map_or("", |machine| &machine.id))
            && passes(self.zone, row.zone)
            && passes(self.group, row.group)
            && self.tag_keys.iter().all(|key| row.tags.iter().any(|(own, _)| own == key))
            && self.tags.iter().all(|tag| row.tags.contains(tag))
    }
}

/// A data disk that is listed.
pub(super) fn disk<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut DataDisk, Problem> {
    let now = call.now;
    let disk = call.world.vm.disks.get_mut(id).filter(|disk| disk.life.at(now) != DiskStatus::Gone);
    disk.ok_or_else(|| Problem::absent("INVALID_DISK_NOT_FOUND", format!("The disk {id} does not exist.")))
}

/// Refuses a state with the code the clients know for it.
pub(super) fn wrong_state(disk: &DataDisk, status: DiskStatus) -> Problem {
    let code = match status {
        DiskStatus::Recycling | DiskStatus::Recycled | DiskStatus::Deleting => {
            "UNSUPPORTED_OPERATION_DISK_BEING_RECYCLE"
        }
        _ => "UNSUPPORTED_OPERATION_DISK_UNAVAILABLE",
    };
    Problem::denied(code, format!("The disk {} is {}.", disk.id, status.as_str()))
}

/// Looks at every disk named, then changes every one.
fn each(call: &mut Call<'_>, change: impl Fn(&mut DataDisk)) -> Reply {
    let ids = named(call.fields, "diskIds", IDS)?;
    for id in &ids {
        disk(call, id)?;
    }
    for id in ids {
        change(disk(call, id)?);
    }
    Ok(Map::new())
}

/// ModifyDisksAttributes.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let name = name(call.fields)?.ok_or_else(|| Problem::missing("diskName"))?;
    each(call, |disk| name.clone_into(&mut disk.name))
}

/// ModifyDisksResourceGroup.
pub(super) fn regroup(call: &mut Call<'_>) -> Reply {
    call.fields.required("resourceGroupId")?;
    let group = call.resource_group()?;
    each(call, |disk| disk.resource_group.clone_from(&group))
}

/// ResizeDisk: only larger. A data disk is CHANGING for a while; a system disk shows the state of its machine.
pub(super) fn resize(call: &mut Call<'_>) -> Reply {
    let (fields, now, pace) = (call.fields, call.now, call.world.pace);
    let id = fields.required("diskId")?;
    let size = fields.integer("diskSize")?.ok_or_else(|| Problem::missing("diskSize"))?;
    let grows = |old: i64| {
        let message = "Data disk size should be larger than the minimum limit.";
        if size > old { Ok(()) } else { Err(Problem::invalid("INVALID_DISK_SIZE_LESS_MINIMUM", message)) }
    };
    let machines = call.world.machines.iter_mut();
    let mut of_vm = machines.filter(|machine| machine.product == Product::Vm);
    if let Some(machine) = of_vm.find(|machine| machine.system_disk.id == id) {
        settled(machine, machine.life.at(now))?;
        grows(machine.system_disk.size)?;
        disks::check_system(size, 0)?;
        machine.system_disk.size = size;
        return Ok(Map::new());
    }
    let disk = disk(call, id)?;
    let status = disk.life.at(now);
    if !matches!(status, DiskStatus::Available | DiskStatus::InUse) {
        return Err(wrong_state(disk, status));
    }
    grows(disk.size)?;
    disks::check_data(size)?;
    disk.size = size;
    if status == DiskStatus::Available {
        disk.bound = None;
    }
    disk.life = Passing::new(now, pace, DiskStatus::Changing, status);
    Ok(Map::new())
}

/// One disk named by `diskId` goes from one state through another into a third.
fn pass(
    call: &mut Call<'_>,
    from: &[DiskStatus],
    through: DiskStatus,
    to: DiskStatus,
    refuse: fn(&DataDisk, DiskStatus) -> Problem,
) -> Result<(), Problem> {
    let (now, pace) = (call.now, call.world.pace);
    let disk = disk(call, call.fields.required("diskId")?)?;
    let status = disk.life.at(now);
    if !from.contains(&status) {
        return Err(refuse(disk, status));
    }
    disk.bound = None;
    disk.life = Passing::new(now, pace, through, to);
    Ok(())
}

/// Into the recycle bin; a disk must be detached first.
pub(super) fn terminate(call: &mut Call<'_>) -> Reply {
    pass(call, &[DiskStatus::Available], DiskStatus::Recycling, DiskStatus::Recycled, wrong_state)?;
    Ok(Map::new())
}

/// Out of the bin for good. The code is the emulator's own, after the one for instances.
pub(super) fn release(call: &mut Call<'_>) -> Reply {
    fn not_in_bin(disk: &DataDisk, status: DiskStatus) -> Problem {
        let message = format!("The disk {} is {}.", disk.id, status.as_str());
        Problem::denied("OPERATION_DENIED_DISK_NOT_RECYCLED", message)
    }
    let bin = [DiskStatus::Recycled, DiskStatus::Recycling];
    pass(call, &bin, DiskStatus::Deleting, DiskStatus::Gone, not_in_bin)?;
    Ok(Map::new())
}

/// Out of the bin again.
pub(super) fn renew(call: &mut Call<'_>) -> Reply {
    fn not_in_bin(disk: &DataDisk, status: DiskStatus) -> Problem {
        Problem { code: "UNSUPPORTED_OPERATION_DISK_UNAVAILABLE".into(), ..wrong_state(disk, status) }
    }
    pass(call, &[DiskStatus::Recycled], DiskStatus::Changing, DiskStatus::Available, not_in_bin)?;
    Ok(only("orderNumber", json!(call.world.number())))
}
