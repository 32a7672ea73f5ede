//! bmc CreateInstances.

use std::collections::HashSet;

use serde_json::{Map, json};

use super::Edition;
use super::order::Order;
use crate::emulator::actions::simple;
use crate::emulator::call::{Call, Reply};
use crate::emulator::problem::Problem;
use crate::emulator::world::Product;
use crate::emulator::world::bmc::Extra;

pub(super) fn run(call: &mut Call<'_>) -> Reply {
    let order = Order::read(call, Edition::of(call.version))?;
    simple::check_quota(call.world, order.names.len(), call.now)?;
    let private = private(call, &order)?;
    let order_number = call.world.number();
    let mut ids = Vec::new();
    for (index, (name, hostname)) in order.names.iter().zip(&order.hostnames).enumerate() {
        let serial = call.world.machines.len();
        let mut machine = call.world.order(Product::Bmc, call.now, call.fate);
        machine.zone = order.zone.id.to_owned();
        machine.name.clone_from(name);
        machine.hostname.clone_from(hostname);
        machine.model = order.model.id.to_owned();
        (machine.cpu, machine.memory) = (order.model.cores, order.model.memory);
        if let Some(image) = order.install.image {
            machine.image = image.id.to_owned();
            machine.image_name = image.name.to_owned();
        }
        machine.charge_type = order.charge.kind.to_owned();
        machine.period = order.charge.months;
        machine.internet_charge_type.clone_from(&order.internet.kind);
        machine.bandwidth = order.internet.bandwidth;
        machine.traffic_package = order.internet.traffic_package;
        machine.subnet = order.subnet.map_or("", |subnet| subnet.id).to_owned();
        machine.private_ips = private.get(index).cloned().into_iter().collect();
        machine.public_ips = vec![simple::public_ip(serial)];
        machine.key.clone_from(&order.install.key);
        machine.nic.clone_from(&order.install.nic);
        machine.resource_group.clone_from(&order.resource_group);
        machine.tags.clone_from(&order.tags);
        let extra = Extra {
            ipxe_url: order.install.ipxe_url.clone(),
            raid: order.install.raid.clone(),
            partitions: order.install.partitions.clone(),
            primary_ipv6: order.primary_ipv6.then(|| format!("2001:db8:b::{serial:x}")),
            gateway_mode: order.gateway_mode,
            cancelled: false,
        };
        call.world.bmc.machines.insert(machine.id.clone(), extra);
        ids.push(machine.id.clone());
        call.world.machines.push(machine);
    }
    let mut result = Map::new();
    result.insert("instanceIdSet".to_owned(), json!(ids));
    result.insert("orderNumber".to_owned(), json!(order_number));
    Ok(result)
}

/// The lowest free addresses of the subnet, one per machine; none without a subnet.
fn private(call: &Call<'_>, order: &Order) -> Result<Vec<String>, Problem> {
    let Some(subnet) = order.subnet else { return Ok(Vec::new()) };
    let listed = call.world.listed(Product::Bmc, call.now);
    let taken: HashSet<&str> =
        listed.flat_map(|machine| machine.private_ips.iter().map(String::as_str)).collect();
    let all = (2..=254).map(|host| format!("{}.{host}", subnet.prefix));
    let free: Vec<String> =
        all.filter(|address| !taken.contains(address.as_str())).take(order.names.len()).collect();
    if free.len() < order.names.len() {
        return Err(Problem::invalid(
            "INVALID_SUBNET_PRIVATE_IP_INSUFFICIENT",
            "Insufficient private IPs in subnet to assign to created instances.",
        ));
    }
    Ok(free)
}
