//! What a replay found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::past::{Changed, Judged};

/// What a replay found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The policies it was judged by.
    pub policy_revision: String,
    /// Records judged again.
    pub judged: u64,
    /// Records that end as they did, for the same rules and with the same changes.
    pub same: u64,
    /// Lines that are no records.
    pub unreadable: u64,
    /// Records that could not be judged again, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Verdicts that flip, by `before -> after`.
    pub flips: BTreeMap<String, Flips>,
    /// Records that end the same, but for other rules.
    pub other_rules: Flips,
    /// Records whose changes are others, by the rule that makes or made them.
    pub other_changes: Flips,
    #[serde(skip)]
    samples: usize,
}

/// One kind of difference.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flips {
    /// How many.
    pub count: u64,
    /// By rule.
    pub by_rule: BTreeMap<String, u64>,
    /// By team.
    pub by_team: BTreeMap<String, u64>,
    /// By zone; creates only.
    pub by_zone: BTreeMap<String, u64>,
    /// Some of them.
    pub samples: Vec<Sample>,
}

/// One decision that is different.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Its id.
    pub decision: String,
    /// The team.
    pub team: String,
    /// What happens now.
    pub now: String,
}

impl Summary {
    pub(super) fn new(revision: &str, samples: usize) -> Self {
        Self { policy_revision: revision.to_owned(), samples, ..Self::default() }
    }

    pub(super) fn unreadable(&mut self) {
        self.unreadable = self.unreadable.saturating_add(1);
    }

    pub(super) fn skipped(&mut self, why: &'static str) {
        let times = self.skipped.entry(why).or_default();
        *times = times.saturating_add(1);
    }

    pub(super) fn add(&mut self, judged: &Judged) {
        self.judged = self.judged.saturating_add(1);
        let flipped = judged.before != judged.after;
        let rules: BTreeSet<&String> =
            judged.rules_before.symmetric_difference(&judged.rules_after).collect();
        let changed: BTreeSet<&Changed> =
            judged.changes_before.symmetric_difference(&judged.changes_after).collect();
        let samples = self.samples;
        let say = |fallback: &str| judged.reason.clone().unwrap_or_else(|| fallback.to_owned());
        if flipped {
            let kind = format!("{} -> {}", judged.before.as_str(), judged.after.as_str());
            let rules = judged.rules_before.iter().chain(&judged.rules_after);
            self.flips.entry(kind).or_default().add(judged, rules, say("passes"), samples);
        } else if !rules.is_empty() {
            self.other_rules.add(judged, rules.into_iter(), say("passes"), samples);
        }
        if !changed.is_empty() {
            let now: Vec<String> = judged
                .changes_after
                .iter()
                .map(|change| format!("{}={}", change.path, change.after))
                .collect();
            let rules: BTreeSet<&String> = changed.iter().map(|change| &change.rule).collect();
            self.other_changes.add(judged, rules.into_iter(), now.join(", "), samples);
        }
        if !flipped && judged.rules_before == judged.rules_after && changed.is_empty() {
            self.same = self.same.saturating_add(1);
        }
    }

    /// Verdicts that flip, of all kinds.
    pub fn flipped(&self) -> u64 {
        self.flips.values().map(|flips| flips.count).sum()
    }
}

impl Flips {
    fn add<'a>(
        &mut self,
        judged: &Judged,
        rules: impl Iterator<Item = &'a String>,
        now: String,
        samples: usize,
    ) {
        let more = |counts: &mut BTreeMap<String, u64>, key: &str| {
            let times = counts.entry(key.to_owned()).or_default();
            *times = times.saturating_add(1);
        };
        self.count = self.count.saturating_add(1);
        rules.collect::<BTreeSet<_>>().into_iter().for_each(|rule| more(&mut self.by_rule, rule));
        more(&mut self.by_team, &judged.team);
        if let Some(zone) = &judged.zone {
            more(&mut self.by_zone, zone);
        }
        if self.samples.len() < samples {
            self.samples.push(Sample { decision: judged.decision.clone(), team: judged.team.clone(), now });
        }
    }
}
