//! Which action each signature was first used for. The cloud's signature does not cover the action, so `{"instanceId": ...}` signed to
//! look at a machine would do to terminate it; a captured read must not become a change.
//!
//! The Terraform provider does use one signature for two actions: on destroy it reads and deletes within the same second with the
//! same body. So another action passes from the same address for two seconds, and is counted; anything else is an attack.
//!
//! The memory is this process's own. Creates and changes are remembered by the ledger too, across restarts and replicas. When it is
//! full the oldest go first: only keys that sign millions of different requests within ten minutes can get there.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::api::Call;

/// How long after its first use a signature may be used for another action, in ms.
pub(super) const SWAP_WINDOW: i64 = 2_000;
/// As long as a signature can verify: 300 s on either side of its second, and some.
const REMEMBERED: i64 = 610_000;
const SHARDS: usize = 16;
/// Of each shard; about 120 bytes each, so 30 MB when all are full.
const MOST: usize = 16_384;

/// A signature's first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstUse {
    /// The service.
    pub(super) service: &'static str,
    /// The action.
    pub(super) action: &'static str,
    /// Its version.
    pub(super) version: &'static str,
    from: IpAddr,
    at: i64,
}

/// What it means that a signature comes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// It is new, or comes for the action of before.
    Same,
    /// It comes for another action, as the Terraform provider's do.
    Swapped,
    /// It comes for another action, as no honest client's does.
    Refused(FirstUse),
}

/// See the module.
pub struct Signatures {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    first: HashMap<[u8; 32], FirstUse>,
    oldest: VecDeque<(i64, [u8; 32])>,
}

impl Default for Signatures {
    fn default() -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Signatures {
    /// Remembers a verified signature, or says what it was before. `now` is in ms.
    pub(super) fn meet(&self, signature: [u8; 32], call: &Call, from: IpAddr, now: i64) -> Meeting {
        let action = call.action;
        let this =
            FirstUse { service: action.service, action: action.name, version: call.version, from, at: now };
        let place = usize::try_from(self.hasher.hash_one(signature)).unwrap_or_default().checked_rem(SHARDS);
        let Some(shard) = place.and_then(|place| self.shards.get(place)) else { return Meeting::Same };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((at, old)) = shard.oldest.front().copied() {
            if now.saturating_sub(at) <= REMEMBERED && shard.oldest.len() < MOST {
                break;
            }
            shard.oldest.pop_front();
            shard.first.remove(&old);
        }
        let first = match shard.first.get(&signature) {
            None => {
                shard.first.insert(signature, this);
                shard.oldest.push_back((now, signature));
                return Meeting::Same;
            }
            Some(first) => *first,
        };
        let same = (first.service, first.action, first.version) == (this.service, this.action, this.version);
        if same {
            Meeting::Same
        } else if first.from == from && now.abs_diff(first.at) <= SWAP_WINDOW.unsigned_abs() {
            Meeting::Swapped
        } else {
            Meeting::Refused(first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::catalog;

    fn call(name: &str) -> Call {
        let action = catalog::lookup("vm", name).unwrap();
        Call { action, version: action.versions.last().unwrap() }
    }

    #[test]
    fn another_action_passes_from_there_for_two_seconds() {
        let signatures = Signatures::default();
        let here: IpAddr = "10.0.0.1".parse().unwrap();
        let elsewhere: IpAddr = "10.0.0.2".parse().unwrap();
        let (look, end) = (call("DescribeInstances"), call("TerminateInstance"));
        assert_eq!(signatures.meet([1; 32], &look, here, 0), Meeting::Same);
        assert_eq!(
            signatures.meet([1; 32], &look, elsewhere, 500_000),
            Meeting::Same,
            "the same action passes"
        );
        assert_eq!(signatures.meet([1; 32], &end, here, 2_000), Meeting::Swapped);
        for (from, now) in [(elsewhere, 1), (here, 2_001), (here, 600_000)] {
            let Meeting::Refused(first) = signatures.meet([1; 32], &end, from, now) else {
                panic!("{from} {now}")
            };
            assert_eq!(first.action, "DescribeInstances");
        }
        assert_eq!(
            signatures.meet([2; 32], &end, here, 3_000),
            Meeting::Same,
            "another signature is another"
        );
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let signatures = Signatures::default();
        let here: IpAddr = "10.0.0.1".parse().unwrap();
        let look = call("DescribeInstances");
        for number in 0..300_000_u32 {
            let mut signature = [0; 32];
            signature[..4].copy_from_slice(&number.to_le_bytes());
            signatures.meet(signature, &look, here, 0);
        }
        let kept: usize = signatures.shards.iter().map(|shard| shard.lock().unwrap().first.len()).sum();
        assert!(kept <= SHARDS * MOST, "{kept}");
        signatures.meet([9; 32], &look, here, 10_000_000);
        let shard_sizes: Vec<usize> =
            signatures.shards.iter().map(|shard| shard.lock().unwrap().first.len()).collect();
        assert!(
            shard_sizes.contains(&1),
            "what is too old goes when its shard is looked at: {shard_sizes:?}"
        );
    }
}
