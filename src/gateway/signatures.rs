//! Which action each signature was first used for. The cloud's signature does not cover the action, so `{"instanceId": ...}` signed to
//! look at a machine would do to terminate it; a captured read must not become a change.
//!
//! The Terraform provider does use one signature for two actions: on destroy it reads and deletes within the same second with the
//! same body. So another action passes from the same address for two seconds, and is counted; anything else is an attack.
//!
//! The memory is this process's own. Creates and changes are remembered by the ledger too, across restarts and replicas. It is kept in
//! two generations, of which the older is let go as a whole: when the younger has served as long as a signature can verify, or is full.
//! Only keys that sign hundreds of thousands of different requests within ten minutes can get there.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::api::Call;

/// How long after its first use a signature may be used for another action, in ms.
pub(super) const SWAP_WINDOW: i64 = 2_000;
/// As long as a signature can verify: 300 s on either side of its second, and some.
const REMEMBERED: i64 = 610_000;
const SHARDS: usize = 16;
/// Of each generation of each shard: as many as a table of 16,384 places takes before it doubles. About 60 bytes each, so 30 MB when
/// all are full.
const MOST: usize = 14_336;

/// What a signature is remembered by. Half of it will do: nobody can choose a signature that verifies.
type Mark = [u8; 16];

/// A signature's first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstUse {
    /// What for.
    pub(super) call: Call,
    /// The address, as a hash: all that is asked is whether it is the same.
    from: u64,
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
    young: HashMap<Mark, FirstUse>,
    old: HashMap<Mark, FirstUse>,
    /// When the younger generation began, in ms.
    since: i64,
}

impl Shard {
    /// Begins another generation where it is time to.
    fn turn(&mut self, now: i64) {
        let age = now.saturating_sub(self.since);
        if age > REMEMBERED || self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
            if age > REMEMBERED.saturating_mul(2) {
                self.old = HashMap::new(); // nothing came since it was due, so all of it is too old
            }
            self.since = now;
        }
    }
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
        let place = usize::try_from(self.hasher.hash_one(signature)).unwrap_or_default().checked_rem(SHARDS);
        let Some(shard) = place.and_then(|place| self.shards.get(place)) else { return Meeting::Same };
        let [mark, _] = *signature.as_chunks().0 else { return Meeting::Same };
        let from = self.hasher.hash_one(from);
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.turn(now);
        let Some(first) = shard.young.get(&mark).or_else(|| shard.old.get(&mark)).copied() else {
            shard.young.insert(mark, FirstUse { call: *call, from, at: now });
            return Meeting::Same;
        };
        let same = first.call == *call;
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
            assert_eq!(first.call.action.name, "DescribeInstances");
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
        for number in 0..600_000_u32 {
            let mut signature = [0; 32];
            signature[..4].copy_from_slice(&number.to_le_bytes());
            signatures.meet(signature, &look, here, 0);
        }
        let sizes = || -> Vec<usize> {
            let size = |shard: &Mutex<Shard>| {
                let shard = shard.lock().unwrap();
                shard.young.len() + shard.old.len()
            };
            signatures.shards.iter().map(size).collect()
        };
        assert!(sizes().iter().all(|size| (MOST..=2 * MOST).contains(size)), "{:?}", sizes());
        for shard in &signatures.shards {
            let shard = shard.lock().unwrap();
            assert!(shard.young.capacity() <= MOST && shard.old.capacity() <= MOST, "no table has doubled");
        }
        signatures.meet([9; 32], &look, here, 10_000_000);
        assert!(sizes().contains(&1), "what is too old goes when its shard is looked at: {:?}", sizes());
    }

    #[test]
    fn what_can_still_verify_is_remembered_across_generations() {
        let here: IpAddr = "10.0.0.1".parse().unwrap();
        let (look, end) = (call("DescribeInstances"), call("TerminateInstance"));
        // The first generation begins at 0.
        for (first, then, known) in [
            (0, REMEMBERED, true),
            (0, REMEMBERED + 1, true),
            (REMEMBERED, 2 * REMEMBERED, true),
            (0, 2 * REMEMBERED + 1, false),
        ] {
            let signatures = Signatures::default();
            assert_eq!(signatures.meet([1; 32], &look, here, first), Meeting::Same);
            let met = signatures.meet([1; 32], &end, here, then);
            assert_eq!(matches!(met, Meeting::Refused(_)), known, "{first} {then}: {met:?}");
        }
    }
}
