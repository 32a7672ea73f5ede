//! CreateZecInstances, and CreateInstances, the older action that speaks the words of vm.

use serde_json::{Map, Value, json};

use super::Edition;
use super::order::Order;
use super::public::{Public, Terms};
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};
use crate::emulator::life::Fate;
use crate::emulator::problem::Problem;
use crate::emulator::world::passing::Passing;
use crate::emulator::world::zec::disk::{self, ZecDisk};
use crate::emulator::world::zec::eip::{self, Binding, Eip};
use crate::emulator::world::zec::network::Nic;
use crate::emulator::world::{Machine, Product};

pub(super) fn zec(call: &mut Call<'_>) -> Reply {
    let order = Order::read(call, Edition::of(call.version))?;
    carry_out(call, &order)
}

/// It has no lanIp, no bandwidth cluster and no binding; those fields are not looked at.
pub(super) fn vm_compatible(call: &mut Call<'_>) -> Reply {
    let order = Order::read(call, Edition::Y2024)?;
    carry_out(call, &order)
}

fn carry_out(call: &mut Call<'_>, order: &Order) -> Reply {
    simple::check_quota(call.world, order.names.len(), call.now)?;
    let subnet = call.world.zec.subnets.iter_mut().find(|subnet| subnet.id == order.subnet.0);
    let (vpc, addresses) = subnet
        .and_then(|subnet| Some((subnet.vpc.clone(), subnet.take(order.names.len(), order.subnet.1)?)))
        .ok_or_else(|| {
            Problem::denied(
                "OPERATION_DENIED_SUBNET_IP_INSUFFICIENT",
                "Insufficient private IP addresses in the subnet.",
            )
        })?;
    let order_number = call.world.number();
    let (mut ids, mut with_disks) = (Vec::new(), Vec::new());
    for (index, (name, address)) in order.names.iter().zip(addresses).enumerate() {
        let machine = machine(call, order, name, &address);
        let disks = data_disks(call, order, &machine.id);
        let nic = interface(call, order, &machine, &vpc, address);
        reach(call, order, index, &nic, name);
        with_disks.push(json!({ "instanceId": machine.id, "diskIdSet": disks }));
        ids.push(machine.id.clone());
        if call.fate == Fate::Vanishes {
            call.world.zec.leave(&machine.id, true);
        }
        call.world.machines.push(machine);
    }
    let mut result = Map::new();
    result.insert("instanceIdSet".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(order_number));
    result.insert("instances".to_owned(), Value::Array(with_disks));
    Ok(result)
}

fn machine(call: &mut Call<'_>, order: &Order, name: &str, address: &str) -> Machine {
    let mut machine = call.world.order(Product::Zec, call.now, call.fate);
    machine.zone = order.region.zone.to_owned();
    machine.name = name.to_owned();
    machine.model = order.model.id.to_owned();
    (machine.cpu, machine.memory) = (order.model.cpu, order.model.memory);
    machine.image = order.image.id.to_owned();
    machine.image_name = order.image.name.to_owned();
    machine.subnet = order.subnet.0.clone();
    machine.private_ips = vec![address.to_owned()];
    machine.key = order.key.clone();
    machine.security_groups =
        Some(&order.security_group).filter(|id| !id.is_empty()).into_iter().cloned().collect();
    machine.resource_group = order.resource_group.clone();
    machine.system_disk.size = order.system_disk.0;
    machine.system_disk.category = order.system_disk.1.clone();
    machine.tags = order.tags.clone();
    call.world.zec.machines.insert(machine.id.clone(), order.extra.clone());
    machine
}

/// The ids of the data disks of a machine.
fn data_disks(call: &mut Call<'_>, order: &Order, machine: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for (size, category, bursting) in &order.data_disks {
        let id = call.world.number();
        let disk = ZecDisk {
            id: id.clone(),
            name: "data-disk".to_owned(),
            zone: order.region.zone.to_owned(),
            size: *size,
            category: category.clone(),
            bursting: *bursting,
            machine: Some(machine.to_owned()),
            with_machine: true,
            resource_group: order.resource_group.clone(),
            tags: Vec::new(),
            created: call.now,
            life: Passing::new(call.now, call.world.pace, disk::State::Creating, disk::State::InUse),
        };
        call.world.zec.disks.insert(id.clone(), disk);
        ids.push(id);
    }
    ids
}

/// The primary interface of a machine.
fn interface(call: &mut Call<'_>, order: &Order, machine: &Machine, vpc: &str, address: String) -> Nic {
    let nic = Nic {
        id: call.world.number(),
        name: machine.name.clone(),
        machine: machine.id.clone(),
        region: order.region.id.to_owned(),
        vpc: vpc.to_owned(),
        subnet: order.subnet.0.clone(),
        stack: order.stack.clone(),
        address,
        group: order.security_group.clone(),
        created: call.now,
        updated: call.now,
    };
    if let Some(extra) = call.world.zec.machines.get_mut(&machine.id) {
        extra.nic = Some(nic.id.clone());
    }
    call.world.zec.nics.insert(nic.id.clone(), nic.clone());
    nic
}

/// Gives an interface its public address.
fn reach(call: &mut Call<'_>, order: &Order, index: usize, nic: &Nic, name: &str) {
    let binding =
        |kind: &str| Binding { nic: nic.id.clone(), address: nic.address.clone(), kind: kind.to_owned() };
    match &order.public {
        None => {}
        Some(Public::New(terms)) => {
            let mut eip = new_eip(call, terms, order.region.id, name);
            eip.with_machine = true;
            eip.bound = Some(binding(&terms.bind));
            eip.resource_group.clone_from(&order.resource_group);
            eip.life = Passing::new(call.now, call.world.pace, eip::State::Ready, eip::State::Ready);
            call.world.zec.eips.insert(eip.id.clone(), eip);
        }
        Some(Public::Given { eips, bind }) => {
            if let Some(eip) = eips.get(index).and_then(|id| call.world.zec.eips.get_mut(id)) {
                eip.bound = Some(binding(bind));
            }
        }
    }
}

/// A fresh address on these terms, bound to nothing.
pub(super) fn new_eip(call: &mut Call<'_>, terms: &Terms, region: &str, name: &str) -> Eip {
    Eip {
        id: call.world.number(),
        name: name.to_owned(),
        region: region.to_owned(),
        address: call.world.zec.public_address(),
        line: terms.line.clone(),
        charge: terms.charge.clone(),
        bandwidth: terms.bandwidth,
        flow_package: terms.flow_package,
        cluster: terms.cluster.clone(),
        with_machine: false,
        bound: None,
        resource_group: String::new(),
        tags: Vec::new(),
        created: call.now,
        life: Passing::new(call.now, call.world.pace, eip::State::Creating, eip::State::Ready),
    }
}
