//! What the organisation has decided, in data: which rule applies where and how hard, settings, teams, exemptions.
//!
//! Read strictly: a misspelt member would otherwise be a limit that nobody enforces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::applies::Applies;
use crate::json::Pointer;

mod own;
mod read;

pub(super) use read::{end_of, read};

/// How hard a rule bites.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What it denies is refused.
    #[default]
    Enforce,
    /// What it denies passes with a warning.
    Warn,
    /// What it denies is recorded only; its patches are recorded, not applied.
    Shadow,
}

impl Mode {
    /// The word for labels and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Shadow => "shadow",
        }
    }
}

/// How one rule is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSetting {
    /// For everybody.
    pub mode: Mode,
    /// For single teams, over `mode`.
    pub modes: BTreeMap<String, Mode>,
    /// When it applies.
    pub applies: Applies,
    /// The places it may patch, and all below them.
    pub grants: Vec<Pointer>,
    /// Where people read more about it; told with each of its violations that names no link of its own.
    pub link: Option<String>,
}

/// A team's leave to break a rule, which ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The rule.
    pub rule: String,
    /// The team.
    pub team: String,
    /// The first instant at which it no longer holds.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Where it was decided.
    pub ticket: String,
    /// Who answers for it.
    pub owner: String,
}

/// Everything under `data.organisation`, settings resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    pub(super) rules: BTreeMap<String, RuleSetting>,
    pub(super) settings: Arc<Value>,
    pub(super) teams: BTreeMap<String, Arc<own::Own>>,
    pub(super) exemptions: Vec<Exemption>,
    pub(super) contact: Option<String>,
}

impl Organisation {
    /// The rules, each with its setting; a rule without one has the default.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &RuleSetting)> {
        self.rules.iter().map(|(rule, setting)| (rule.as_str(), setting))
    }

    /// The mode of `rule` for `team`. A rule that nobody knows is enforced.
    pub fn mode(&self, rule: &str, team: &str) -> Mode {
        self.rules
            .get(rule)
            .map_or(Mode::Enforce, |setting| setting.modes.get(team).copied().unwrap_or(setting.mode))
    }

    /// Where people read more about `rule`.
    pub fn link(&self, rule: &str) -> Option<&str> {
        self.rules.get(rule).and_then(|setting| setting.link.as_deref())
    }

    /// Whom to ask about a refusal.
    pub fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }

    /// The places that `rule` may patch.
    pub fn grants(&self, rule: &str) -> &[Pointer] {
        self.rules.get(rule).map_or(&[], |setting| &setting.grants)
    }

    /// The teams it names.
    pub fn teams(&self) -> impl Iterator<Item = &str> {
        self.teams.keys().map(String::as_str)
    }

    /// All exemptions, expired ones included.
    pub fn exemptions(&self) -> &[Exemption] {
        &self.exemptions
    }

    /// The exemption of `team` from `rule` that holds at `now`; of several the one that holds longest.
    pub fn exemption(&self, rule: &str, team: &str, now: Timestamp) -> Option<&Exemption> {
        self.exemptions
            .iter()
            .filter(|one| one.rule == rule && one.team == team && now < one.until)
            .max_by_key(|one| one.until)
    }

    /// Whether `rule` applies to this call.
    pub fn applies(
        &self,
        rule: &str,
        kind: crate::api::Kind,
        service: &str,
        action: &str,
        team: &str,
    ) -> bool {
        self.rules.get(rule).is_some_and(|setting| {
            let applies = &setting.applies;
            applies.to_action(kind, service, action) && applies.to_team(team, self.settings(team))
        })
    }

    /// The members of `settings`, the organisation's and every team's.
    pub(super) fn setting_names(&self) -> BTreeSet<String> {
        let names = |settings: &Value| -> BTreeSet<String> {
            settings.as_object().into_iter().flat_map(|settings| settings.keys().cloned()).collect()
        };
        let mut all = names(&self.settings);
        self.each_team(names).for_each(|(_, mut names)| all.append(&mut names));
        all
    }
}

#[cfg(test)]
mod tests;
