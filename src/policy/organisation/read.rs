//! Reading `data.organisation`: every mistake is told, none stops the reading of the rest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::own::Gathered;
use super::{Exemption, Mode, Organisation, RuleSetting};
use crate::api::Kind;
use crate::json::Pointer;
use crate::policy::applies::{ActionPattern, Applies};
use crate::policy::problem::{Problem, hint};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOrganisation {
    #[serde(default)]
    rules: Map<String, Value>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    teams: Map<String, Value>,
    #[serde(default)]
    exemptions: Vec<Value>,
    #[serde(default)]
    contact: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRule {
    mode: Mode,
    modes: BTreeMap<String, Mode>,
    applies: RawApplies,
    grants: Vec<String>,
    link: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawApplies {
    kinds: Option<Vec<RawKind>>,
    actions: Option<Vec<String>>,
    teams: Option<Vec<String>>,
    except_teams: Vec<String>,
    settings: Option<Vec<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Create,
    Change,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTeam {
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExemption {
    rule: String,
    team: String,
    until: String,
    reason: String,
    ticket: String,
    owner: String,
}

/// Reads `data.organisation`, of a tree whose rules are `packages`. Messages name `file`.
pub(in crate::policy) fn read(
    value: Option<Value>,
    file: &str,
    packages: &BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Organisation {
    let value = value.unwrap_or_else(|| Value::Object(Map::new()));
    let mut reader = Reader { file, packages, problems };
    let raw: RawOrganisation = reader.shape("organisation", value).unwrap_or(RawOrganisation {
        rules: Map::new(),
        settings: Map::new(),
        teams: Map::new(),
        exemptions: Vec::new(),
        contact: None,
    });
    let mut organisation = Organisation {
        rules: packages.iter().map(|rule| (rule.clone(), RuleSetting::default())).collect(),
        teams: BTreeMap::new(),
        exemptions: Vec::new(),
        settings: Value::Object(raw.settings).into(),
        contact: raw.contact.filter(|contact| !contact.trim().is_empty()),
    };
    let mut gathered = Gathered::default();
    for (team, value) in raw.teams {
        let own: Option<RawTeam> = reader.shape(&format!("teams.{team}"), value);
        gathered.add(team, &Value::Object(own.unwrap_or_default().settings));
    }
    let teams: BTreeSet<&str> = gathered.teams.keys().map(String::as_str).collect();
    for (rule, value) in raw.rules {
        let place = format!("rules.{rule}");
        reader.known_rule(&place, &rule);
        if let Some(raw) = reader.shape::<RawRule>(&place, value) {
            let setting = reader.rule(&place, raw, &teams);
            organisation.rules.insert(rule, setting);
        }
    }
    for (number, value) in raw.exemptions.into_iter().enumerate() {
        let place = format!("exemptions[{number}]");
        if let Some(raw) = reader.shape::<RawExemption>(&place, value) {
            organisation.exemptions.extend(reader.exemption(&place, raw, &teams));
        }
    }
    organisation.teams = gathered.teams;
    organisation
}

struct Reader<'a> {
    file: &'a str,
    packages: &'a BTreeSet<String>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn trouble(&mut self, place: &str, message: &str) {
        self.problems.push(Problem::of(self.file, format!("{place}: {message}")));
    }

    fn shape<T: DeserializeOwned>(&mut self, place: &str, value: Value) -> Option<T> {
        match T::deserialize(value) {
            Ok(read) => Some(read),
            Err(error) => {
                let message = error.to_string();
                self.trouble(place, &format!("{message}{}", unknown_hint(&message)));
                None
            }
        }
    }

    fn known_rule(&mut self, place: &str, rule: &str) {
        if !self.packages.contains(rule) {
            let near = hint(rule, self.packages.iter().map(String::as_str));
            self.trouble(place, &format!("there is no rule `{rule}`{near}"));
        }
    }

    /// Teams must be named under `teams`, where there are any: a misspelt one would be exempt or unguarded in silence.
    fn known_team(&mut self, place: &str, team: &str, teams: &BTreeSet<&str>) {
        if !teams.is_empty() && !teams.contains(team) {
            let near = hint(team, teams.iter().copied());
            self.trouble(place, &format!("there is no team `{team}` under `teams`{near}"));
        }
    }

    fn rule(&mut self, place: &str, raw: RawRule, teams: &BTreeSet<&str>) -> RuleSetting {
        for team in raw.modes.keys() {
            self.known_team(&format!("{place}.modes"), team, teams);
        }
        for team in raw.applies.teams.iter().flatten().chain(&raw.applies.except_teams) {
            self.known_team(&format!("{place}.applies"), team, teams);
        }
        let mut grants = Vec::new();
        for text in &raw.grants {
            match text.parse::<Pointer>() {
                Ok(pointer) if pointer.tokens().is_empty() => {
                    self.trouble(&format!("{place}.grants"), "the whole document cannot be granted");
                }
                Ok(pointer) => grants.push(pointer),
                Err(error) => self.trouble(&format!("{place}.grants"), &error.to_string()),
            }
        }
        let link = raw.link.filter(|link| !link.trim().is_empty());
        RuleSetting {
            mode: raw.mode,
            modes: raw.modes,
            applies: self.applies(place, raw.applies),
            grants,
            link,
        }
    }

    fn applies(&mut self, place: &str, raw: RawApplies) -> Applies {
        let kinds = raw.kinds.map(|kinds| {
            kinds
                .iter()
                .map(|kind| match kind {
                    RawKind::Create => Kind::Create,
                    RawKind::Change => Kind::Change,
                })
                .collect()
        });
        let actions = raw.actions.map(|texts| {
            let mut patterns = Vec::new();
            for text in texts {
                match ActionPattern::parse(&text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(message) => self.trouble(&format!("{place}.applies.actions"), &message),
                }
            }
            patterns
        });
        Applies {
            kinds: kinds.unwrap_or_else(|| Applies::default().kinds),
            actions,
            teams: raw.teams,
            except_teams: raw.except_teams,
            settings: raw.settings,
        }
    }

    fn exemption(&mut self, place: &str, raw: RawExemption, teams: &BTreeSet<&str>) -> Option<Exemption> {
        self.known_rule(place, &raw.rule);
        self.known_team(place, &raw.team, teams);
        for (member, text) in [("reason", &raw.reason), ("ticket", &raw.ticket), ("owner", &raw.owner)] {
            if text.trim().is_empty() {
                self.trouble(place, &format!("`{member}` is empty"));
            }
        }
        let Some(until) = end_of(&raw.until) else {
            let message =
                format!("`until`: `{}` is neither a date (2026-12-31) nor an RFC 3339 time", raw.until);
            self.trouble(place, &message);
            return None;
        };
        Some(Exemption {
            rule: raw.rule,
            team: raw.team,
            until,
            reason: raw.reason,
            ticket: raw.ticket,
            owner: raw.owner,
        })
    }
}

/// The first instant after `until`: a bare date ends with that day, UTC.
pub(in crate::policy) fn end_of(until: &str) -> Option<Timestamp> {
    let bare = until.len() == 10;
    if bare {
        let day: civil::Date = until.parse().ok()?;
        Some(day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
    } else {
        until.parse().ok()
    }
}

/// The nearest of the members that serde says it expected.
fn unknown_hint(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown"), quoted.next()) {
        (true, Some(word)) => hint(word, quoted),
        _ => String::new(),
    }
}
