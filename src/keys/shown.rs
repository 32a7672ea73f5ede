//! A key as operators see it: everything about it but its secrets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Key, LiveSecret};

/// Where a key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// In the key file, written by hand.
    File,
    /// In the store, made by order.
    Store,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It can be used.
    Active,
    /// It can be used with two secrets, for a while.
    Rotating,
    /// Refused until it is enabled.
    Disabled,
    /// Its time is over.
    Expired,
    /// Refused for ever.
    Revoked,
    /// It is in the store, but the configuration or the key file stand against it.
    Unusable,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The access key id.
    pub id: String,
    /// Where it is kept.
    pub kept_in: Kept,
    /// How it stands.
    pub state: State,
    /// Why it is unusable.
    pub why: Option<String>,
    /// Until when the old secret goes on.
    pub rotating_until: Option<Timestamp>,
    /// The team that calls.
    pub team: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// The cloud account; none where it is unusable for that.
    pub account: Option<String>,
    /// What it may call.
    pub actions: Vec<String>,
    /// Where it may be used from; empty is anywhere.
    pub sources: Vec<String>,
    /// With which client certificates; empty is with any or none.
    pub certificates: Vec<String>,
    /// For rules.
    pub labels: BTreeMap<String, String>,
    /// Whether signatures must cover action and version.
    pub strict: bool,
    /// What its holder proves itself with: "pair", "token" or "both".
    pub credentials: &'static str,
    /// The first moment at which it is refused.
    pub expires: Option<Timestamp>,
    /// When it was made; not known of keys in the file.
    pub created: Option<Timestamp>,
    /// When it last got another secret, likewise.
    pub rotated: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When this process last saw it used.
    pub last_used: Option<Timestamp>,
}

impl State {
    /// Every state, for metrics.
    pub const ALL: [Self; 6] =
        [Self::Active, Self::Rotating, Self::Disabled, Self::Expired, Self::Revoked, Self::Unusable];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Rotating => "rotating",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unusable => "unusable",
        }
    }
}

impl Kept {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Store => "store",
        }
    }
}

impl Key {
    /// The key as it stands now.
    pub(super) fn shown(&self, kept_in: Kept, now: Timestamp) -> Shown {
        let ends =
            self.secrets.iter().map(|secret: &LiveSecret| secret.until).chain(self.tokens.iter().copied());
        // One secret with an end is no rotation.
        let several = self.secrets.len() > 1 || self.tokens.len() > 1;
        let rotating_until = ends.flatten().filter(|until| several && *until > now).max();
        let state = match () {
            () if self.revoked => State::Revoked,
            () if !self.enabled => State::Disabled,
            () if self.expires.is_some_and(|expires| now >= expires) => State::Expired,
            () if rotating_until.is_some() => State::Rotating,
            () => State::Active,
        };
        Shown {
            id: self.id.clone(),
            kept_in,
            state,
            why: None,
            rotating_until,
            team: self.team.clone(),
            owner: self.owner.clone(),
            purpose: self.purpose.clone(),
            account: Some(self.account.clone()),
            actions: self.actions.texts(),
            sources: self.sources.iter().map(ToString::to_string).collect(),
            certificates: self.certificates.clone(),
            labels: self.labels.clone(),
            strict: self.strict,
            credentials: match (self.secrets.is_empty(), self.tokens.is_empty()) {
                (false, true) => "pair",
                (true, false) => "token",
                _ => "both",
            },
            expires: self.expires,
            created: None,
            rotated: None,
            revoked: None,
            last_used: self.used.at(),
        }
    }
}
