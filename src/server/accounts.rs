//! Cloud accounts from the configuration: credential, endpoint, connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::account::{Account, AccountCredential};
use crate::config::{Config, Credential, Referenced, SecretError};
use crate::quota::fingerprint::MarkKey;
use crate::secret::Secret;
use crate::sign::SigningKey;
use crate::upstream::{Deadlines, Origin, Patience, Scheme, Upstream, client_tls};

/// Opens every account. Accounts never share connections: an answer can only belong to the account that asked.
pub(crate) fn open(config: &Config) -> Result<BTreeMap<String, Arc<Account>>, String> {
    let upstream = &config.upstream;
    let deadlines = Deadlines {
        connect: upstream.connect_timeout,
        tls: upstream.tls_timeout,
        create: upstream.create_timeout,
        change: upstream.change_timeout,
        read: upstream.read_timeout,
    };
    let patience = Patience { failures: upstream.breaker_failures, pause: upstream.breaker_pause };
    let mut tls = None;
    let mut accounts = BTreeMap::new();
    for (name, account) in &config.accounts {
        let origin: Origin =
            account.origin.to_string().parse().map_err(|error| format!("account {name}: {error}"))?;
        if origin.scheme() == Scheme::Https && tls.is_none() {
            tls = Some(client_tls(upstream.ca_file.as_deref())?);
        }
        let marks = MarkKey::new(match &account.credential {
            Credential::Key { secret, .. } => &secret.secret,
            Credential::Token(token) => &token.secret,
        });
        let credential = ArcSwap::from_pointee(usable(&account.credential));
        let idle = upstream.idle_connections;
        let upstream =
            Arc::new(Upstream::new(origin, tls.clone(), deadlines, config.limits.answer, idle, patience));
        accounts.insert(name.clone(), Arc::new(Account { name: name.clone(), credential, marks, upstream }));
    }
    Ok(accounts)
}

/// A credential ready for use.
fn usable(credential: &Credential) -> AccountCredential {
    match credential {
        Credential::Key { id, secret } => AccountCredential::Signing {
            access_key: id.clone(),
            key: Box::new(SigningKey::new(&secret.secret)),
        },
        Credential::Token(token) => AccountCredential::Bearer(token.secret.clone()),
    }
}

/// Looks whether the secrets of accounts have changed, and puts new ones in use.
pub(super) struct Credentials {
    accounts: Arc<BTreeMap<String, Arc<Account>>>,
    /// As they were last seen.
    seen: BTreeMap<String, Credential>,
    refused: BTreeMap<String, SecretError>,
}

/// What a look at the secrets came to.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Accounts with a new credential in use.
    pub(super) renewed: Vec<String>,
    /// Accounts whose secret cannot be read any more, with the reason; the one before stays in use.
    pub(super) kept: Vec<(String, SecretError)>,
    /// Whether some account's secret was unreadable before and none is now.
    pub(super) mended: bool,
}

impl Credentials {
    pub(super) fn new(config: &Config, accounts: &Arc<BTreeMap<String, Arc<Account>>>) -> Self {
        let seen = config.accounts.iter().map(|(name, account)| (name.clone(), account.credential.clone()));
        Self { accounts: Arc::clone(accounts), seen: seen.collect(), refused: BTreeMap::new() }
    }

    /// Takes what a newly read configuration says of accounts that there are.
    pub(super) fn configured(&mut self, config: &Config) -> Vec<String> {
        let mut renewed = Vec::new();
        for (name, account) in &config.accounts {
            let Some(seen) = self.seen.get_mut(name) else { continue };
            if !same(seen, &account.credential) {
                *seen = account.credential.clone();
                renewed.extend(put(&self.accounts, name, seen));
            }
        }
        renewed
    }

    /// Reads all secrets again; blocks.
    pub(super) fn look(&mut self) -> Look {
        let (mut look, before) = (Look::default(), std::mem::take(&mut self.refused));
        for (name, credential) in &mut self.seen {
            match read_again(credential) {
                Ok(None) => {}
                Ok(Some(new)) => {
                    *credential = new;
                    look.renewed.extend(put(&self.accounts, name, credential));
                }
                Err(error) => {
                    if before.get(name) != Some(&error) {
                        look.kept.push((name.clone(), error.clone()));
                    }
                    self.refused.insert(name.clone(), error);
                }
            }
        }
        look.mended = !before.is_empty() && self.refused.is_empty();
        look
    }
}

/// Puts a credential in use; the account's name, if there is such an account.
fn put(accounts: &BTreeMap<String, Arc<Account>>, name: &str, credential: &Credential) -> Option<String> {
    accounts.get(name)?.credential.store(Arc::new(usable(credential)));
    Some(name.to_owned())
}

/// The credential with its secret as it is now, if that is another one.
fn read_again(credential: &Credential) -> Result<Option<Credential>, SecretError> {
    let again = |old: &Referenced| -> Result<Referenced, SecretError> {
        let secret = old.reference.resolve()?;
        // As at the start: what no header can hold is no secret.
        if secret.expose().contains(|c: char| c.is_control()) {
            return Err(SecretError::NotText);
        }
        Ok(Referenced { reference: old.reference.clone(), secret })
    };
    let new = match credential {
        Credential::Key { id, secret } => Credential::Key { id: id.clone(), secret: again(secret)? },
        Credential::Token(token) => Credential::Token(again(token)?),
    };
    Ok((!same(credential, &new)).then_some(new))
}

fn same(one: &Credential, other: &Credential) -> bool {
    let equal = |one: &Secret, other: &Secret| one.expose() == other.expose();
    match (one, other) {
        (Credential::Key { id, secret }, Credential::Key { id: other_id, secret: other }) => {
            id == other_id && equal(&secret.secret, &other.secret)
        }
        (Credential::Token(one), Credential::Token(other)) => equal(&one.secret, &other.secret),
        _ => false,
    }
}
