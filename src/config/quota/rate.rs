//! `[quota.rate]`: how many creates a team may send in a time, whatever they ask for.
//!
//! A limit on machines does not stop a loop that creates and terminates; a rate does.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::check::Checking;
use super::super::diagnostics::At;

/// Creates of each team.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRates {
    /// How many creates a team may send a minute, evenly; absent means unlimited.
    #[schemars(with = "Option<u32>")]
    pub per_minute: Option<At<u32>>,
    /// How many of them may come at once after a quiet time; absent means a minute's worth.
    #[schemars(with = "Option<u32>")]
    pub burst: Option<At<u32>>,
    /// Teams with a rate of their own.
    pub teams: BTreeMap<String, At<RawRate>>,
    /// How many creates one key may send, so that one pipeline of a team does not take the whole team's share; absent
    /// means unlimited.
    #[schemars(with = "Option<RawRate>")]
    pub per_key: Option<At<RawRate>>,
}

/// The rate of one team.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRate {
    /// Required: how many creates it may send a minute.
    #[schemars(with = "Option<u32>")]
    pub per_minute: Option<At<u32>>,
    /// How many of them may come at once; absent means a minute's worth.
    #[schemars(with = "Option<u32>")]
    pub burst: Option<At<u32>>,
}

/// So many creates a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Evenly spread.
    pub per_minute: NonZeroU32,
    /// At once after a quiet time.
    pub burst: NonZeroU32,
}

/// The checked `[quota.rate]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of every team that is not in `teams`; none means unlimited.
    pub default: Option<Rate>,
    /// Of these teams.
    pub teams: BTreeMap<String, Rate>,
    /// Of every key by itself; none means unlimited.
    pub key: Option<Rate>,
}

impl Rates {
    /// The rate of a team; none means unlimited.
    pub fn of(&self, team: &str) -> Option<Rate> {
        self.teams.get(team).copied().or(self.default)
    }
}

impl RawRates {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Rates {
        if let (None, Some(burst)) = (&self.per_minute, &self.burst) {
            checking.findings.at(burst, "stands without per_minute, so it limits nothing; write that too");
        }
        let default = rate(self.per_minute.as_ref(), self.burst.as_ref(), checking);
        let mut teams = BTreeMap::new();
        for (team, raw) in &self.teams {
            if let Some(trouble) = super::not_a_team(team) {
                checking.findings.at(raw, trouble);
            }
            if raw.per_minute.is_none() {
                let write = "e.g. per_minute = 10";
                checking.findings.missing(&["quota", "rate", "teams", team, "per_minute"], write);
            }
            if let Some(rate) = rate(raw.per_minute.as_ref(), raw.burst.as_ref(), checking) {
                teams.insert(team.clone(), rate);
            }
        }
        let key = self.per_key.as_ref().and_then(|raw| {
            if raw.per_minute.is_none() {
                let write = "e.g. per_minute = 10";
                checking.findings.missing(&["quota", "rate", "per_key", "per_minute"], write);
            }
            rate(raw.per_minute.as_ref(), raw.burst.as_ref(), checking)
        });
        Rates { default, teams, key }
    }
}

fn rate(
    per_minute: Option<&At<u32>>,
    burst: Option<&At<u32>>,
    checking: &mut Checking<'_, '_>,
) -> Option<Rate> {
    let mut number = |raw: &At<u32>| {
        let number = NonZeroU32::new(**raw);
        if number.is_none() {
            let text = "is zero, so no create would ever pass; write 1 or more (to stop creates, set a quota of 0 in the policy)";
            checking.findings.at(raw, text);
        }
        number
    };
    let burst = burst.map(&mut number);
    let per_minute = number(per_minute?)?;
    Some(Rate { per_minute, burst: burst.unwrap_or(Some(per_minute))? })
}
