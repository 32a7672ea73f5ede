//! The gateway's own keys: who may call, with what, from where, until when, and on whose account.
//!
//! Identity comes from credentials only: a key names its team, and nothing a client says about itself is asked. A
//! [`Keyring`] is an immutable snapshot; [`KeyFile`] swaps a whole new one in after it was read without a mistake, so
//! a request sees one keyring from its beginning to its end. A rotation is a second secret beside the first, the old
//! one with an `until`. The secrets stay readable in memory because checking an HMAC needs the secret itself.

mod actions;
mod certificate;
mod file;
mod raw;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use aws_lc_rs::{constant_time, digest};
use ipnet::IpNet;
use jiff::Timestamp;

use crate::secret::Secret;

pub use actions::ActionPatterns;
pub use certificate::ClientCertificate;
pub use file::{KeyFile, KeyStatus, PollOutcome};
pub use raw::RawKeyFile;

/// One key that the gateway has issued.
#[derive(Clone, Debug)]
pub struct Key {
    /// The access key id that clients sign with.
    pub id: String,
    /// The live secrets; during a rotation two. See [`Key::secrets_at`].
    pub secrets: Vec<LiveSecret>,
    /// The team that calls, which rules and quotas go by.
    pub team: String,
    /// Who answers for the key.
    pub owner: Option<String>,
    /// What the key is for.
    pub purpose: Option<String>,
    /// Free labels that rules may look at.
    pub labels: BTreeMap<String, String>,
    /// The account of the cloud that the calls go to.
    pub account: String,
    /// The actions that it may call.
    pub actions: ActionPatterns,
    /// The first moment at which it is refused; none is never.
    pub expires: Option<Timestamp>,
    /// False refuses it without forgetting it.
    pub enabled: bool,
    /// Where it may be used from; empty is anywhere.
    pub sources: Vec<IpNet>,
    /// Names of client certificates it may be used with; empty is with any or none.
    pub certificates: Vec<String>,
    /// Whether its signatures must cover the action and the version.
    pub strict: bool,
}

/// A secret or token of a key, and until when it counts.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// The secret.
    pub secret: Secret,
    /// The first moment at which it no longer counts; none is never.
    pub until: Option<Timestamp>,
}

/// Why a key that exists may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Switched off in the key file.
    #[error("the key is disabled")]
    Disabled,
    /// Its time is over.
    #[error("the key has expired")]
    Expired,
    /// It may not be used from this address.
    #[error("the key may not be used from this address")]
    Source,
    /// It may only be used over a connection with one of its client certificates.
    #[error("the key may only be used with its client certificate")]
    Certificate,
}

impl LiveSecret {
    fn live(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Key {
    /// The secrets that count now, in the order of the file.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |live| live.live(now)).map(|live| &live.secret)
    }

    /// Whether the key may call this action.
    pub fn permits(&self, service: &str, action: &str) -> bool {
        self.actions.permit(service, action)
    }

    /// Whether the key may be used now, from this address, over a connection that proved a client certificate with
    /// these names.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn usable(
        &self,
        now: Timestamp,
        address: IpAddr,
        certificate: Option<&[String]>,
    ) -> Result<(), KeyRefusal> {
        if !self.enabled {
            return Err(KeyRefusal::Disabled);
        }
        if self.expires.is_some_and(|expires| now >= expires) {
            return Err(KeyRefusal::Expired);
        }
        if !sources::contain(&self.sources, address) {
            return Err(KeyRefusal::Source);
        }
        let proved = certificate.unwrap_or_default().iter().any(|name| self.certificates.contains(name));
        if !self.certificates.is_empty() && !proved {
            return Err(KeyRefusal::Certificate);
        }
        Ok(())
    }
}

/// All keys as they were in one reading of the key file.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<Key>,
    by_id: HashMap<String, usize>,
    /// By the first half of the token's digest, so that finding one does not compare the whole of it byte by byte.
    by_token: HashMap<[u8; 16], Vec<Token>>,
}

#[derive(Debug)]
struct Token {
    digest: [u8; 32],
    until: Option<Timestamp>,
    key: usize,
}

impl Keyring {
    /// The key with this id.
    pub fn by_id(&self, id: &str) -> Option<&Key> {
        self.keys.get(*self.by_id.get(id)?)
    }

    /// The key that this bearer token belongs to, if the token counts now.
    pub fn by_token(&self, token: &str, now: Timestamp) -> Option<&Key> {
        let digest = sha256(token);
        let same = |entry: &&Token| constant_time::verify_slices_are_equal(&entry.digest, &digest).is_ok();
        let entry = self.by_token.get(&half(&digest))?.iter().find(same)?;
        entry.until.is_none_or(|until| now < until).then(|| self.keys.get(entry.key))?
    }

    /// The keys in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.keys.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a key; the id must be new.
    fn add(&mut self, key: Key) -> usize {
        let index = self.keys.len();
        self.by_id.insert(key.id.clone(), index);
        self.keys.push(key);
        index
    }

    /// Adds a token of a key. The answer is the id of the key that has the same token already.
    fn add_token(&mut self, token: &LiveSecret, key: usize) -> Result<(), &str> {
        let digest = sha256(token.secret.expose());
        let entries = self.by_token.entry(half(&digest)).or_default();
        if let Some(other) = entries.iter().find(|entry| entry.digest == digest) {
            return Err(self.keys.get(other.key).map_or("", |key| &key.id));
        }
        entries.push(Token { digest, until: token.until, key });
        Ok(())
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

fn half(digest: &[u8; 32]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    bytes
}
