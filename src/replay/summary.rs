//! What a replay found.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::past::{Changed, Judged, Word};

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
    /// Of nothing yet; `samples` decisions will be shown of each kind of difference.
    pub fn new(revision: &str, samples: usize) -> Self {
        Self { policy_revision: revision.to_owned(), samples, ..Self::default() }
    }

    pub(super) fn unreadable(&mut self) {
        self.unreadable = self.unreadable.saturating_add(1);
    }

    pub(super) fn skipped(&mut self, why: &'static str) {
        let times = self.skipped.entry(why).or_default();
        *times = times.saturating_add(1);
    }

    /// Counts one record that was judged again.
    pub fn add(&mut self, found: &[Difference]) {
        self.judged = self.judged.saturating_add(1);
        if found.is_empty() {
            self.same = self.same.saturating_add(1);
        }
        for difference in found {
            let flips = match &difference.kind {
                Kind::Flip { before, after } => {
                    let kind = format!("{} -> {}", before.as_str(), after.as_str());
                    self.flips.entry(kind).or_default()
                }
                Kind::OtherRules => &mut self.other_rules,
                Kind::OtherChanges => &mut self.other_changes,
            };
            flips.add(difference, self.samples);
        }
    }

    /// Verdicts that flip, of all kinds.
    pub fn flipped(&self) -> u64 {
        self.flips.values().map(|flips| flips.count).sum()
    }
}

impl Flips {
    fn add(&mut self, difference: &Difference, samples: usize) {
        let more = |counts: &mut BTreeMap<String, u64>, key: &str| {
            let times = counts.entry(key.to_owned()).or_default();
            *times = times.saturating_add(1);
        };
        self.count = self.count.saturating_add(1);
        difference.rules.iter().for_each(|rule| more(&mut self.by_rule, rule));
        more(&mut self.by_team, &difference.team);
        if let Some(zone) = &difference.zone {
            more(&mut self.by_zone, zone);
        }
        if self.samples.len() < samples {
            let Difference { decision, team, now, .. } = difference.clone();
            self.samples.push(Sample { decision, team, now });
        }
    }
}

/// One way in which a decision would be another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The decision's id.
    pub decision: String,
    /// The team.
    pub team: String,
    /// The zone of a create.
    pub zone: Option<String>,
    /// What is different.
    pub kind: Kind,
    /// The rules that make the difference.
    pub rules: BTreeSet<String>,
    /// What happens now.
    pub now: String,
}

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The verdict.
    Flip {
        /// Then.
        before: Word,
        /// Now.
        after: Word,
    },
    /// The rules that refuse.
    OtherRules,
    /// What is changed in the request.
    OtherChanges,
}

impl Kind {
    /// The word for metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Flip { after: Word::Allowed, .. } => "would_pass",
            Self::Flip { .. } => "would_be_refused",
            Self::OtherRules => "other_rules",
            Self::OtherChanges => "other_changes",
        }
    }
}

impl Judged {
    /// In what the replay differs from the record; nothing where they agree.
    pub fn differences(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differs = |kind, rules: BTreeSet<&String>, now: String| {
            let rules = rules.into_iter().cloned().collect();
            let (decision, team, zone) = (self.decision.clone(), self.team.clone(), self.zone.clone());
            found.push(Difference { decision, team, zone, kind, rules, now });
        };
        let reason = || self.reason.clone().unwrap_or_else(|| "passes".to_owned());
        if self.before != self.after {
            let rules = self.rules_before.iter().chain(&self.rules_after).collect();
            differs(Kind::Flip { before: self.before, after: self.after }, rules, reason());
        } else if self.rules_before != self.rules_after {
            let rules = self.rules_before.symmetric_difference(&self.rules_after).collect();
            differs(Kind::OtherRules, rules, reason());
        }
        let changed: BTreeSet<&Changed> =
            self.changes_before.symmetric_difference(&self.changes_after).collect();
        if !changed.is_empty() {
            let now: Vec<String> =
                self.changes_after.iter().map(|change| format!("{}={}", change.path, change.after)).collect();
            let rules = changed.iter().map(|change| &change.rule).collect();
            differs(Kind::OtherChanges, rules, now.join(", "));
        }
        found
    }
}
