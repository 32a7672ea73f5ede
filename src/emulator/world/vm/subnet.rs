//! A private network of vm.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::emulator::seed;

/// A subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Subnet {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) zone: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) description: String,
    pub(in crate::emulator) block: Ipv4Net,
    /// The first address a machine can have.
    pub(in crate::emulator) first: Ipv4Addr,
    /// Addresses machines can ask for.
    pub(in crate::emulator) size: u32,
    /// It takes machines that name no subnet; their addresses come from above `size`.
    pub(in crate::emulator) default: bool,
    pub(in crate::emulator) made: Duration,
    /// From when on it is available.
    pub(in crate::emulator) ready: Duration,
}

impl Subnet {
    pub(in crate::emulator) fn seeded(seed: &seed::Subnet) -> Self {
        Self {
            id: seed.id.to_owned(),
            zone: seed.zone.to_owned(),
            name: seed.name.to_owned(),
            description: String::new(),
            block: seed.cidr.parse().unwrap_or_default(),
            first: seed.first,
            size: seed.size,
            default: seed.default,
            made: seed::MADE,
            ready: Duration::ZERO,
        }
    }

    /// The addresses of a block that machines can have: without its own, the gateway's and the broadcast one.
    pub(in crate::emulator) fn addresses(block: Ipv4Net) -> (Ipv4Addr, u32) {
        let all = 1_u32.checked_shl(u32::from(32_u8.saturating_sub(block.prefix_len()))).unwrap_or(u32::MAX);
        let first = u32::from(block.network()).wrapping_add(2);
        (Ipv4Addr::from(first), all.saturating_sub(3))
    }

    /// Whether machines can be put in.
    pub(in crate::emulator) fn available(&self, now: Duration) -> bool {
        self.ready <= now
    }

    /// The word of the API; no emulated subnet ends in `Failed`.
    pub(in crate::emulator) fn status(&self, now: Duration) -> &'static str {
        if self.available(now) { "Available" } else { "Creating" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_all_but_three_of_its_addresses() {
        let addresses = |block: &str| Subnet::addresses(block.parse().unwrap());
        assert_eq!(addresses("10.0.0.0/29"), (Ipv4Addr::new(10, 0, 0, 2), 5));
        assert_eq!(addresses("192.168.0.0/16"), (Ipv4Addr::new(192, 168, 0, 2), 65_533));
    }

    #[test]
    fn every_seeded_block_can_be_read() {
        for seed in seed::SUBNETS {
            assert_eq!(Subnet::seeded(seed).block.to_string(), seed.cidr);
        }
    }
}
