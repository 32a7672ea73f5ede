//! Addresses out of subnets and blocks: the lowest free ones, given back when a machine is gone.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::Order;
use crate::emulator::call::Call;
use crate::emulator::problem::Problem;
use crate::emulator::world::vm::subnet::Subnet;
use crate::emulator::world::{Machine, Product};

/// The addresses of an order, one per machine; empty where none are wanted.
pub(super) struct Addresses {
    /// The subnet's id; empty without one.
    pub(super) subnet: String,
    pub(super) private: Vec<String>,
    pub(super) public: Vec<String>,
}

/// Finds the addresses, or says which pool is too small.
pub(super) fn find(call: &Call<'_>, order: &Order) -> Result<Addresses, Problem> {
    let wanted = order.private.subnet.as_ref();
    let subnet = wanted.or_else(|| default_subnet(call, order.place.zone.id));
    let private = match (wanted, subnet) {
        (Some(subnet), _) => {
            let addresses =
                free(call, subnet.first, 0, subnet.size, order.count, |machine| &machine.private_ips);
            addresses.ok_or_else(|| {
                Problem::denied(
                    "OPERATION_DENIED_SUBNET_IP_INSUFFICIENT",
                    "Insufficient private IP addresses in the subnet.",
                )
            })?
        }
        (None, Some(subnet)) => automatic(call, subnet, order.count),
        (None, None) => Vec::new(),
    };
    let public = match order.private.cidr_block {
        Some((block, start)) => {
            let addresses =
                free(call, block.first, start, block.size, order.count, |machine| &machine.public_ips);
            addresses.ok_or_else(|| {
                Problem::denied(
                    "OPERATION_DENIED_IPV4_CIDR_IP_NOT_ENOUGH",
                    "CIDR Block IPv4 is not sufficient.",
                )
            })?
        }
        None => Vec::new(),
    };
    let subnet = subnet.map_or_else(String::new, |subnet| subnet.id.clone());
    Ok(Addresses { subnet, private, public })
}

fn default_subnet<'a>(call: &'a Call<'_>, zone: &str) -> Option<&'a Subnet> {
    call.world.vm.subnets.iter().find(|subnet| subnet.zone == zone && subnet.default)
}

/// Addresses of machines that name no subnet, by their number: no search, so that load tests stay cheap.
fn automatic(call: &Call<'_>, subnet: &Subnet, count: usize) -> Vec<String> {
    let serial = u32::try_from(call.world.machines.len()).unwrap_or(0);
    let numbers =
        (0..u32::try_from(count).unwrap_or(0)).map(|index| serial.wrapping_add(index) % subnet.size);
    numbers.map(|number| address(subnet.first, subnet.size.saturating_add(number))).collect()
}

/// The lowest addresses nobody has, from an offset on; nothing if they are too few.
fn free(
    call: &Call<'_>,
    first: Ipv4Addr,
    start: u32,
    size: u32,
    count: usize,
    of: impl Fn(&Machine) -> &[String],
) -> Option<Vec<String>> {
    let taken: HashSet<&str> = call
        .world
        .listed(Product::Vm, call.now)
        .flat_map(|machine| of(machine).iter().map(String::as_str))
        .collect();
    let all = (start..size).map(|offset| address(first, offset));
    let found: Vec<String> = all.filter(|address| !taken.contains(address.as_str())).take(count).collect();
    (found.len() == count).then_some(found)
}

fn address(first: Ipv4Addr, offset: u32) -> String {
    Ipv4Addr::from(u32::from(first).wrapping_add(offset)).to_string()
}
