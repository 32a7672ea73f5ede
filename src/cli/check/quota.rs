//! Whether what would pass the rules would pass the quota too, by the counts of a running gateway.

use std::collections::BTreeMap;

use super::report::{Item, Word};
use crate::cli::live::LiveCount;
use crate::policy::answer::Resource;
use crate::policy::verdict::Effect;
use crate::quota::Exceeded;

/// The counts, and what was judged on top of them.
pub(super) struct Quota {
    /// Used, and held besides.
    counts: BTreeMap<(String, Resource), (u64, u64)>,
}

impl Quota {
    pub(super) fn new(counts: &[LiveCount]) -> Self {
        let held = |count: &LiveCount| count.in_flight.saturating_add(count.unknown);
        let counts = counts
            .iter()
            .map(|count| ((count.scope.clone(), count.resource), (count.used, held(count))))
            .collect();
        Self { counts }
    }

    /// Counts one thing; one that would exceed a limit is refused, and takes nothing.
    pub(super) fn count(&mut self, item: &mut Item) {
        if !matches!(item.word, Word::Allowed | Word::Unknown) {
            return;
        }
        let mut exceeded = Vec::new();
        for claim in item.claims.iter().filter(|claim| claim.amount > 0) {
            let key = (claim.scope.to_string(), claim.resource);
            let (used, held) = self.counts.get(&key).copied().unwrap_or_default();
            let total = used.saturating_add(held).saturating_add(claim.amount);
            let refusing = claim.limits.iter().filter(|limit| limit.effect == Effect::Refused);
            if let Some(limit) = refusing.map(|limit| limit.limit).filter(|limit| total > *limit).min() {
                let (scope, resource, asked) = (claim.scope.to_string(), claim.resource, claim.amount);
                exceeded.push(Exceeded { scope, resource, used, held, asked, limit }.to_string());
            }
        }
        if !exceeded.is_empty() {
            item.word = Word::Refused;
            item.problem = Some(format!("Quota is used up. {}", exceeded.join("; ")));
            return;
        }
        for claim in &item.claims {
            let count = self.counts.entry((claim.scope.to_string(), claim.resource)).or_default();
            count.1 = count.1.saturating_add(claim.amount);
        }
    }
}
