//! vm CreateInstances, in both versions, checked field by field.
//!
//! The order in which the cloud looks at the fields is not documented; here it is: what is ordered, how it is paid,
//! how it is reached, disks, names and logins, and last what the account and the stock still allow.

use serde_json::{Map, Value, json};

use super::tags;
use crate::emulator::call::{Call, Reply};
use crate::emulator::fields::Fields;
use crate::emulator::life::Fate;
use crate::emulator::problem::Problem;
use crate::emulator::seed::Stock;
use crate::emulator::world::passing::Passing;
use crate::emulator::world::vm::disk::{DataDisk, DiskStatus};
use crate::emulator::world::{Machine, Product};

mod addresses;
pub(super) mod charge;
pub(super) mod disks;
pub(super) mod login;
pub(super) mod misc;
pub(super) mod name;
pub(super) mod network;
pub(super) mod place;

use addresses::Addresses;

#[cfg(test)]
mod tests;

/// The two models of the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    /// 2023-03-13: no diskAmount, no cidrBlockId, no instanceChargePostpaid; those are not looked at.
    Y2023,
    /// 2026-04-01.
    Y2026,
}

impl Edition {
    pub(super) fn of(version: &str) -> Self {
        if version == "2023-03-13" { Self::Y2023 } else { Self::Y2026 }
    }

    pub(super) fn tag_length(self) -> usize {
        match self {
            Self::Y2023 => 128,
            Self::Y2026 => 64,
        }
    }
}

/// A request that can be carried out, but for quota and stock.
struct Order {
    place: place::Place,
    charge: charge::Charge,
    internet: network::Internet,
    private: network::Private,
    count: usize,
    names: Vec<String>,
    key: Option<String>,
    system_disk: i64,
    system_category: String,
    data_disks: Vec<(i64, String)>,
    resource_group: String,
    nic: (String, String),
    tags: Vec<(String, String)>,
    public_ipv4: bool,
}

impl Order {
    fn read(call: &Call<'_>, edition: Edition) -> Result<Self, Problem> {
        let fields = call.fields;
        let place = place::read(call, true)?;
        let charge = charge::read(fields, place.zone, edition)?;
        let internet = network::internet(fields, &place, edition)?;
        let count = count(fields)?;
        let private = network::private(call, place.zone, edition)?;
        let (system_disk, system_category) = disks::system(fields, &place.image)?;
        let data_disks = disks::data(fields, place.zone, edition)?;
        let names = name::expand(fields.text("instanceName")?, count)?;
        let key = login::read(call, &place.image)?;
        let nic = misc::nic(fields, edition)?;
        let tags = tags::read(fields, edition.tag_length())?;
        let resource_group = call.resource_group()?;
        misc::check_rest(fields)?;
        let public_ipv4 = fields.boolean("enableIpv4")?.unwrap_or(true);
        Ok(Self {
            place,
            charge,
            internet,
            private,
            count,
            names,
            key,
            system_disk,
            system_category,
            data_disks,
            resource_group,
            nic,
            tags,
            public_ipv4,
        })
    }
}

/// How many are ordered: 1 to 100, absent is 1.
pub(super) fn count(fields: Fields<'_>) -> Result<usize, Problem> {
    let count = fields.bounded("instanceCount", 1, 100)?.unwrap_or(1);
    Ok(usize::try_from(count).unwrap_or(1))
}

pub(super) fn run(call: &mut Call<'_>) -> Reply {
    let edition = Edition::of(call.version);
    let order = Order::read(call, edition)?;
    check_account(call, &order)?;
    let addresses = addresses::find(call, &order)?;
    let order_number = call.world.number();
    let (mut ids, mut with_disks) = (Vec::new(), Vec::new());
    for (index, name) in order.names.iter().enumerate() {
        let machine = build(call, &order, &addresses, (index, name.as_str()));
        let disks = build_disks(call, &order, &machine);
        with_disks.push(json!({ "instanceId": machine.id, "diskIdSet": disks }));
        ids.push(machine.id.clone());
        call.world.machines.push(machine);
    }
    let mut result = Map::new();
    result.insert("instanceIdSet".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(order_number));
    if edition == Edition::Y2026 {
        result.insert("instances".to_owned(), Value::Array(with_disks));
    }
    Ok(result)
}

/// What the account and the zone's stock still allow.
fn check_account(call: &Call<'_>, order: &Order) -> Result<(), Problem> {
    let now = call.now;
    super::simple::check_quota(call.world, order.count, now)?;
    let sold = call
        .world
        .listed(Product::Vm, now)
        .filter(|machine| machine.zone == order.place.zone.id && machine.model == order.place.model.id);
    match order.place.stock {
        Stock::Limited(left) if sold.count().saturating_add(order.count) > left => {
            return Err(Problem::invalid(
                "RESOURCE_INSUFFICIENT_PRODUCT_SOLD_OUT",
                "Resources not for sale.",
            ));
        }
        _ => {}
    }
    Ok(())
}

fn build(call: &mut Call<'_>, order: &Order, addresses: &Addresses, (index, name): (usize, &str)) -> Machine {
    let serial = call.world.machines.len();
    let mut machine = call.world.order(Product::Vm, call.now, call.fate);
    machine.zone = order.place.zone.id.to_owned();
    machine.name = name.to_owned();
    machine.model = order.place.model.id.to_owned();
    machine.cpu = order.place.model.cpu;
    machine.memory = order.place.model.memory;
    machine.image.clone_from(&order.place.image.id);
    machine.image_name.clone_from(&order.place.image.name);
    machine.charge_type = order.charge.kind.to_owned();
    machine.period = order.charge.months;
    machine.internet_charge_type = order.internet.kind.clone();
    machine.bandwidth = order.internet.bandwidth;
    machine.traffic_package = order.internet.traffic_package;
    machine.subnet.clone_from(&addresses.subnet);
    machine.private_ips = addresses.private.get(index).cloned().into_iter().collect();
    if let Some(address) = addresses.public.get(index) {
        machine.public_ips = vec![address.clone()];
    } else if order.public_ipv4 {
        machine.public_ips = vec![super::simple::public_ip(serial)];
    }
    machine.resource_group = order.resource_group.clone();
    machine.security_groups = order.private.security_group.iter().cloned().collect();
    machine.system_disk.size = order.system_disk;
    machine.system_disk.category = order.system_category.clone();
    machine.key = order.key.clone();
    machine.nic = order.nic.clone();
    machine.tags = order.tags.clone();
    machine
}

/// The data disks of a machine. They are ready with it, and go with it when its create comes to nothing.
fn build_disks(call: &mut Call<'_>, order: &Order, machine: &Machine) -> Vec<String> {
    let end = if call.fate == Fate::Runs { DiskStatus::InUse } else { DiskStatus::Gone };
    let span = call.world.pace.run_after.max(call.world.pace.deploy_after);
    let mut ids = Vec::new();
    for (size, category) in &order.data_disks {
        let disk = DataDisk {
            id: call.world.number(),
            name: "data-disk".to_owned(),
            zone: machine.zone.clone(),
            size: *size,
            category: category.clone(),
            charge_type: machine.charge_type.clone(),
            period: machine.period,
            resource_group: machine.resource_group.clone(),
            tags: Vec::new(),
            created: call.now,
            bound: Some(machine.id.clone()),
            life: Passing::lasting(call.now, span, DiskStatus::Creating, end),
        };
        ids.push(disk.id.clone());
        call.world.vm.disks.insert(disk.id.clone(), disk);
    }
    ids
}
