//! The gateway's own keys: who may call, with what, from where, until when, and on whose account.
//!
//! Identity comes from credentials only: a key names its team, and nothing a client says about itself is asked. Keys are
//! written into a file by hand ([`KeyFile`]) or made by order and kept in a [`store`]; [`Keys`] is both. A [`Keyring`] is
//! an immutable snapshot, swapped as a whole after it was read without a mistake, so a request sees one keyring from its
//! beginning to its end. A rotation is a second secret beside the first, the old one with an `until`. The secrets stay
//! readable in memory because checking an HMAC needs the secret itself.

mod accounts;
mod actions;
mod both;
mod certificate;
mod file;
mod raw;
mod ring;
mod shown;
mod sources;
pub mod store;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::secret::Secret;

pub use accounts::{Accounts, NoAccount};
pub use actions::ActionPatterns;
pub use both::{Done, Keys};
pub use certificate::ClientCertificate;
pub use file::{KeyFile, KeyStatus, PollOutcome};
pub use raw::RawKeyFile;
pub use ring::Keyring;
pub use shown::{Kept, Shown, State};
pub(crate) use words::{label, not_a_team};

/// One key that the gateway has issued.
#[derive(Clone, Debug)]
pub struct Key {
    /// The access key id that clients sign with.
    pub id: String,
    /// The live secrets; during a rotation two. See [`Key::secrets_at`].
    pub secrets: Vec<LiveSecret>,
    /// Until when each of its bearer tokens counts; none is for ever. Of the tokens themselves only digests are kept.
    pub tokens: Vec<Option<Timestamp>>,
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
    /// True refuses it for ever.
    pub revoked: bool,
    /// Where it may be used from; empty is anywhere.
    pub sources: Vec<IpNet>,
    /// Names of client certificates it may be used with; empty is with any or none.
    pub certificates: Vec<String>,
    /// Whether its signatures must cover the action and the version.
    pub strict: bool,
    /// When it was last used.
    pub used: LastUse,
}

/// The second in which something was last used since the process began. Clones share it, so that a key that is read
/// again goes on with it.
#[derive(Clone, Debug, Default)]
pub struct LastUse(Arc<AtomicI64>);

impl LastUse {
    /// It is used now.
    pub fn note(&self, now: Timestamp) {
        // Written once a second, so that threads do not take the line from one another with every request.
        if self.0.load(Ordering::Relaxed) != now.as_second() {
            self.0.store(now.as_second(), Ordering::Relaxed);
        }
    }

    /// When; none is not yet.
    pub fn at(&self) -> Option<Timestamp> {
        let second = self.0.load(Ordering::Relaxed);
        Timestamp::from_second(second).ok().filter(|_| second != 0)
    }
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
    /// Taken back for ever.
    #[error("the key has been revoked")]
    Revoked,
    /// Switched off.
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
        if self.revoked {
            return Err(KeyRefusal::Revoked);
        }
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
