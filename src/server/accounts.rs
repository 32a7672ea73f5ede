//! Cloud accounts from the configuration: credential, endpoint, connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::{Account, AccountCredential};
use crate::config::{Config, Credential};
use crate::quota::fingerprint::MarkKey;
use crate::sign::SigningKey;
use crate::upstream::{Deadlines, Origin, Scheme, Upstream, client_tls};

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
        let credential = match &account.credential {
            Credential::Key { id, secret } => AccountCredential::Signing {
                access_key: id.clone(),
                key: Box::new(SigningKey::new(&secret.secret)),
            },
            Credential::Token(token) => AccountCredential::Bearer(token.secret.clone()),
        };
        let idle = upstream.idle_connections;
        let upstream = Arc::new(Upstream::new(origin, tls.clone(), deadlines, config.limits.answer, idle));
        accounts.insert(name.clone(), Arc::new(Account { name: name.clone(), credential, marks, upstream }));
    }
    Ok(accounts)
}
