//! What an operator can order: a new key, another secret, an end for a while or for ever.
//!
//! An order is checked as a whole, with every mistake told at once, before the store is asked. What it means is decided on
//! what the store holds at the moment it is written, so two operators at once do not undo each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::words::{not_a_team, not_an_action, not_an_id};
use super::super::{Accounts, ActionPatterns, sources};
use super::record::{Kept, Record};
use super::{make, moments};
use crate::api::catalog;
use crate::nearest::nearest;
use crate::secret::Secret;

/// How long the old secret goes on where nothing is said.
const USUAL_GRACE: &str = "24h";
/// A rotation that takes longer is none.
const LONGEST_GRACE: Duration = Duration::from_secs(90 * 24 * 3600);
/// Of a text for people, in characters.
const LONGEST_TEXT: usize = 256;
/// Of actions, ranges, certificates and labels.
const MOST_LISTED: usize = 256;
/// An id that is taken is made again.
const ID_TRIES: usize = 100;

/// An order about one key.
#[derive(Clone, Debug)]
pub enum Order {
    /// Make one.
    Create(Box<NewKey>),
    /// Give it another secret.
    Rotate {
        /// The key.
        id: String,
        /// How long the old one goes on; "0s" is not at all. 24h.
        grace: Option<String>,
        /// Another end of the key itself, or "never".
        expires: Option<String>,
    },
    /// Take it back for ever.
    Revoke(String),
    /// Refuse it for a while.
    Disable(String),
    /// Take it again.
    Enable(String),
}

/// What a new key is to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewKey {
    /// Its id; made up where none is given.
    pub id: Option<String>,
    /// The team that calls; required.
    pub team: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// The cloud account, where the team does not decide.
    pub account: Option<String>,
    /// What it may call; empty is everything.
    pub actions: Vec<String>,
    /// Where it may be used from; empty is anywhere.
    pub sources: Vec<String>,
    /// With which client certificates; empty is with any or none.
    pub certificates: Vec<String>,
    /// For rules.
    pub labels: BTreeMap<String, String>,
    /// Whether signatures must cover action and version.
    pub strict: bool,
    /// A date, a time or a length from now; none is never.
    pub expires: Option<String>,
    /// What its holder proves itself with.
    pub credentials: Credentials,
}

/// What the holder of a key proves itself with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credentials {
    /// Id and secret.
    #[default]
    Pair,
    /// A bearer token.
    Token,
    /// Either.
    Both,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// It asks for what cannot be; everything that is wrong with it.
    #[error("{}", .0.join("\n"))]
    Mistaken(Vec<String>),
    /// There is no such key.
    #[error("there is no key {0:?}; `zengate keys list` shows those there are")]
    Unknown(String),
    /// The key, or the id, does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The store cannot be used; nothing is known to have changed.
    #[error("the key store cannot be used, so keys stay as they are: {0}")]
    Away(String),
}

/// An order that has been checked.
pub(super) enum Made<'o> {
    New { id: Option<&'o str>, record: Box<Record> },
    Rotated { id: &'o str, grace: Duration, expires: Option<Option<Timestamp>> },
    Revoked(&'o str),
    Switched(&'o str, bool),
}

/// What an order makes of a key, and what is handed out with it.
pub(crate) struct Named {
    pub(super) id: String,
    pub(super) record: Record,
    pub(super) secret: Option<Secret>,
    pub(super) token: Option<Secret>,
}

/// A carried out order.
pub(crate) struct Handed {
    pub(crate) id: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) token: Option<Secret>,
}

impl Order {
    /// What is ordered, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Rotate { .. } => "rotate",
            Self::Revoke(_) => "revoke",
            Self::Disable(_) => "disable",
            Self::Enable(_) => "enable",
        }
    }

    /// The key that it is about, if it names one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create(new) => new.id.as_deref(),
            Self::Rotate { id, .. } | Self::Revoke(id) | Self::Disable(id) | Self::Enable(id) => Some(id),
        }
    }

    /// Checks what can be checked without the store.
    pub(super) fn make(&self, accounts: &Accounts, now: Timestamp) -> Result<Made<'_>, OrderError> {
        let mistaken = |what: String| OrderError::Mistaken(vec![what]);
        Ok(match self {
            Self::Create(new) => {
                let record = new.check(accounts, now).map_err(OrderError::Mistaken)?;
                Made::New { id: new.id.as_deref(), record: Box::new(record) }
            }
            Self::Rotate { id, grace, expires } => {
                let text = grace.as_deref().unwrap_or(USUAL_GRACE);
                let grace = moments::length(text).ok_or_else(|| {
                    mistaken(format!(
                        "grace: {text:?} is no length of time; write e.g. \"24h\", \"7d\" or \"0s\""
                    ))
                })?;
                if grace > LONGEST_GRACE {
                    return Err(mistaken(format!(
                        "grace: {text:?} is longer than 90d; a secret that long is not rotated"
                    )));
                }
                let expires = match expires.as_deref() {
                    None => None,
                    Some("never") => Some(None),
                    Some(text) => {
                        let end =
                            moments::end(text, now).map_err(|wrong| mistaken(format!("expires: {wrong}")))?;
                        Some(Some(end))
                    }
                };
                Made::Rotated { id, grace, expires }
            }
            Self::Revoke(id) => Made::Revoked(id),
            Self::Disable(id) => Made::Switched(id, false),
            Self::Enable(id) => Made::Switched(id, true),
        })
    }
}

impl Made<'_> {
    /// What becomes of the key, by what the store holds now.
    pub(super) fn apply(
        &self,
        held: &BTreeMap<String, Arc<Record>>,
        taken: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<Named, OrderError> {
        let plain = |id: &str, record| Named { id: id.to_owned(), record, secret: None, token: None };
        match self {
            Self::New { id, record } => {
                let id = match id {
                    Some(id) if taken(id) || held.contains_key(*id) => {
                        let place = if taken(id) {
                            "stands in the key file"
                        } else {
                            "is in the store, perhaps revoked"
                        };
                        return Err(OrderError::Conflict(format!(
                            "the key {id:?} {place} already; name another id, or none"
                        )));
                    }
                    Some(id) => (*id).to_owned(),
                    None => free_id(&record.team, |id| taken(id) || held.contains_key(id))?,
                };
                Ok(Named {
                    id,
                    record: Record::clone(record),
                    secret: record.secrets.first().map(|kept| kept.secret.clone()),
                    token: record.tokens.first().map(|kept| kept.secret.clone()),
                })
            }
            Self::Rotated { id, grace, expires } => {
                let mut record = known(held, &taken, id)?;
                if let (Some(until), false) = (record.rotating(now), grace.is_zero()) {
                    return Err(OrderError::Conflict(format!(
                        "the key {id:?} is being rotated until {until}; a third secret would end the first at once: wait, or rotate with grace \"0s\""
                    )));
                }
                let until = moments::after(now, *grace).filter(|_| !grace.is_zero());
                let secret = renew(&mut record.secrets, until, make::secret)?;
                let token = renew(&mut record.tokens, until, make::token)?;
                record.rotated = moments::after(now, Duration::ZERO);
                record.expires = expires.unwrap_or(record.expires);
                Ok(Named { id: (*id).to_owned(), record, secret, token })
            }
            Self::Revoked(id) => {
                let mut record = Record::clone(find(held, &taken, id)?);
                record.revoked = record.revoked.or_else(|| moments::after(now, Duration::ZERO));
                Ok(plain(id, record))
            }
            Self::Switched(id, enabled) => {
                let mut record = known(held, &taken, id)?;
                record.enabled = *enabled;
                Ok(plain(id, record))
            }
        }
    }
}

impl Record {
    /// Until when an old secret goes on beside the new one.
    pub(crate) fn rotating(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.secrets.iter().chain(&self.tokens).filter_map(|kept| kept.until);
        ends.filter(|until| *until > now).max()
    }
}

fn find<'h>(
    held: &'h BTreeMap<String, Arc<Record>>,
    taken: impl Fn(&str) -> bool,
    id: &str,
) -> Result<&'h Record, OrderError> {
    if taken(id) {
        return Err(OrderError::Conflict(format!("the key {id:?} stands in the key file; change it there")));
    }
    held.get(id).map(|record| &**record).ok_or_else(|| OrderError::Unknown(id.to_owned()))
}

/// A key that can still be changed.
fn known(
    held: &BTreeMap<String, Arc<Record>>,
    taken: impl Fn(&str) -> bool,
    id: &str,
) -> Result<Record, OrderError> {
    let record = find(held, taken, id)?;
    match record.revoked {
        Some(at) => Err(OrderError::Conflict(format!(
            "the key {id:?} was revoked at {at}, for ever; create another one"
        ))),
        None => Ok(record.clone()),
    }
}

/// A new secret before the newest one, which goes on until then or not at all; nothing where there is none.
fn renew(
    kept: &mut Vec<Kept>,
    until: Option<Timestamp>,
    make: impl Fn() -> Result<Secret, String>,
) -> Result<Option<Secret>, OrderError> {
    let Some(newest) = kept.first().cloned() else { return Ok(None) };
    let secret = make().map_err(OrderError::Away)?;
    *kept = vec![Kept { secret: secret.clone(), until: None }];
    kept.extend(until.map(|until| Kept { secret: newest.secret, until: Some(until) }));
    Ok(Some(secret))
}

fn free_id(team: &str, taken: impl Fn(&str) -> bool) -> Result<String, OrderError> {
    for _ in 0..ID_TRIES {
        let id = make::id(team).map_err(OrderError::Away)?;
        if !taken(&id) {
            return Ok(id);
        }
    }
    Err(OrderError::Conflict("no id is free; name one".to_owned()))
}

impl NewKey {
    /// The record, with its secrets, or everything that is wrong.
    fn check(&self, accounts: &Accounts, now: Timestamp) -> Result<Record, Vec<String>> {
        let mut wrong = Vec::new();
        if let Some(trouble) = self.id.as_deref().and_then(not_an_id) {
            wrong.push(format!("id: {trouble}"));
        }
        if self.team.is_empty() {
            wrong.push("team: is required; write the team that calls".to_owned());
        } else if let Some(trouble) = not_a_team(&self.team) {
            wrong.push(format!("team: {trouble}"));
        } else if let Err(trouble) = accounts.choose(&self.team, self.account.as_deref()) {
            wrong.push(format!("account: {trouble}"));
        }
        for (name, text) in [("owner", &self.owner), ("purpose", &self.purpose)] {
            wrong.extend(text.as_ref().and_then(|text| not_a_text(name, text)));
        }
        for (name, value) in &self.labels {
            wrong.extend(not_a_text("labels", name).or_else(|| not_a_text("labels", value)));
        }
        wrong.extend(self.certificates.iter().filter_map(|name| not_a_text("certificates", name)));
        wrong.extend(
            self.actions
                .iter()
                .filter_map(|text| unknown_action(text))
                .map(|text| format!("actions: {text}")),
        );
        let ranges = self.sources.iter().filter_map(|range| sources::parse(range).err());
        wrong.extend(ranges.map(|text| format!("sources: {text}")));
        for (name, count) in [
            ("actions", self.actions.len()),
            ("sources", self.sources.len()),
            ("certificates", self.certificates.len()),
            ("labels", self.labels.len()),
        ] {
            if count > MOST_LISTED {
                wrong.push(format!("{name}: {count} are too many; at most {MOST_LISTED}"));
            }
        }
        if self.strict && self.credentials != Credentials::Pair {
            wrong.push("strict: asks for signatures that cover the action, and a bearer token signs nothing; leave one of them out".to_owned());
        }
        let expires = self.expires.as_deref().filter(|text| *text != "never");
        let expires = expires.map(|text| moments::end(text, now)).transpose().unwrap_or_else(|trouble| {
            wrong.push(format!("expires: {trouble}"));
            None
        });
        let mut kept = |wanted: bool, make: fn() -> Result<Secret, String>| match wanted.then(make) {
            None => Vec::new(),
            Some(Ok(secret)) => vec![Kept { secret, until: None }],
            Some(Err(trouble)) => {
                wrong.push(trouble);
                Vec::new()
            }
        };
        let secrets = kept(self.credentials != Credentials::Token, make::secret);
        let tokens = kept(self.credentials != Credentials::Pair, make::token);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Record {
            team: self.team.clone(),
            owner: self.owner.clone(),
            purpose: self.purpose.clone(),
            account: self.account.clone(),
            actions: self.actions.clone(),
            sources: self.sources.clone(),
            certificates: self.certificates.clone(),
            labels: self.labels.clone(),
            strict: self.strict,
            expires,
            enabled: true,
            created: moments::after(now, Duration::ZERO).unwrap_or(now),
            rotated: None,
            revoked: None,
            secrets,
            tokens,
        })
    }
}

fn not_a_text(name: &str, text: &str) -> Option<String> {
    let fine = text.chars().count() <= LONGEST_TEXT && !text.is_empty() && !text.contains(char::is_control);
    (!fine).then(|| format!("{name}: must be 1 to {LONGEST_TEXT} characters on one line"))
}

/// What is wrong with an action, if nothing that the gateway knows goes by it.
fn unknown_action(text: &str) -> Option<String> {
    let mut patterns = ActionPatterns::none();
    if !patterns.add(text) {
        return Some(not_an_action(text));
    }
    if catalog::actions().any(|action| patterns.permit(action.service, action.name)) {
        return None;
    }
    let (service, action) = text.split_once(' ').unwrap_or((text, ""));
    let near = match nearest(service, catalog::services())
        .filter(|_| !catalog::services().any(|known| known == service))
    {
        Some(near) => Some(format!("{near} {action}")),
        None => {
            let star = if action.ends_with('*') { "*" } else { "" };
            let names = catalog::actions().filter(|known| known.service == service).map(|known| known.name);
            nearest(action.trim_end_matches('*'), names).map(|near| format!("{service} {near}{star}"))
        }
    };
    let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    Some(format!("{text:?} is no action that this gateway knows{near}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_that_nobody_knows_are_named_with_the_nearest() {
        for known in ["vm *", "* Describe*", "vm CreateInstances", "zec Create*"] {
            assert_eq!(unknown_action(known), None, "{known}");
        }
        for (text, near) in [
            ("vm CreateInstance", "vm CreateInstances"),
            ("vmm CreateInstances", "vm CreateInstances"),
            ("vm Discribe*", ""),
            ("vm createInstances", "vm CreateInstances"),
        ] {
            let said = unknown_action(text).unwrap();
            assert!(said.contains("no action") && said.contains(near), "{said}");
        }
        assert!(unknown_action("vm").unwrap().contains("service Action"));
    }

    #[test]
    fn every_mistake_of_a_new_key_is_told_at_once() {
        let accounts: Accounts = [("main".to_owned(), Default::default())].into_iter().collect();
        let new = NewKey {
            id: Some("x".to_owned()),
            team: "a/b".to_owned(),
            owner: Some("two\nlines".to_owned()),
            actions: vec!["vm Nothing".to_owned()],
            sources: vec!["10.0.0.1".to_owned()],
            expires: Some("yesterday".to_owned()),
            strict: true,
            credentials: Credentials::Both,
            ..NewKey::default()
        };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let wrong = new.check(&accounts, now).unwrap_err();
        for name in ["id:", "team:", "owner:", "actions:", "sources:", "expires:", "strict:"] {
            assert!(wrong.iter().any(|line| line.starts_with(name)), "{name}: {wrong:#?}");
        }
    }
}
