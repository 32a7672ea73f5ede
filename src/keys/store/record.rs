//! A key as the store keeps it: everything about it in one document, sealed as a whole.
//!
//! Sealed with its secrets are its team, its account and its limits, so whoever can write to the store but has no seal key
//! can neither make a key nor move one to another team. A member that this version does not know is an error: it could be
//! a limit, and a limit that is overlooked is none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::words::{not_a_team, not_an_action};
use super::super::{Accounts, ActionPatterns, Key, LastUse, LiveSecret, sources};
use crate::secret::Secret;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) team: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    /// As it was named; none is by the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Empty is everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sources: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificates: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) strict: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
    pub(crate) enabled: bool,
    pub(crate) created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotated: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<Timestamp>,
    /// The newest first; the one before it while a rotation lasts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<Kept>,
    /// Bearer tokens, the same way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<Kept>,
}

/// A secret or a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    #[serde(with = "in_the_clear")]
    pub(crate) secret: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.secret.expose() == other.secret.expose() && self.until == other.until
    }
}

impl Eq for Kept {}

/// Only what is sealed next is written this way.
mod in_the_clear {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// Room for a whole document, so that writing it leaves no halves behind that nobody wipes.
const ROOM: usize = 64 << 10;

impl Record {
    /// The document, to be sealed.
    pub(super) fn write(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        serde_json::to_writer(&mut *text, self).map_err(|error| error.to_string())?;
        Ok(text)
    }

    /// The document, from what was opened. The error quotes nothing of it but names.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data if error.to_string().starts_with("unknown field") => {
                "holds what a newer zengate wrote; start that one".to_owned()
            }
            _ => "holds no key".to_owned(),
        })
    }

    /// The key for requests, and its tokens. The error is why it cannot be used.
    pub(super) fn key(&self, id: &str, accounts: &Accounts) -> Result<(Key, Vec<LiveSecret>), String> {
        if let Some(trouble) = not_a_team(&self.team) {
            return Err(trouble);
        }
        let named = self.account.as_deref();
        let account = accounts.choose(&self.team, named).map_err(|wrong| match named {
            Some(named) => format!("account {named:?}: {wrong}"),
            None => wrong.to_string(),
        })?;
        let mut actions = ActionPatterns::none();
        for text in &self.actions {
            if !actions.add(text) {
                return Err(not_an_action(text));
            }
        }
        let ranges: Result<_, String> = self.sources.iter().map(|range| sources::parse(range)).collect();
        let live = |all: &[Kept]| -> Vec<LiveSecret> {
            let one = |kept: &Kept| LiveSecret { secret: kept.secret.clone(), until: kept.until };
            all.iter().map(one).collect()
        };
        let key = Key {
            id: id.to_owned(),
            secrets: live(&self.secrets),
            tokens: self.tokens.iter().map(|token| token.until).collect(),
            team: self.team.clone(),
            owner: self.owner.clone(),
            purpose: self.purpose.clone(),
            labels: self.labels.clone(),
            account,
            actions: if self.actions.is_empty() { ActionPatterns::default() } else { actions },
            expires: self.expires,
            enabled: self.enabled,
            revoked: self.revoked.is_some(),
            sources: ranges?,
            certificates: self.certificates.clone(),
            strict: self.strict,
            used: LastUse::default(),
        };
        Ok((key, live(&self.tokens)))
    }
}
