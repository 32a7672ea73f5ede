//! `[keys]`: the gateway's own keys, written into a file by hand or made by order and kept in a store.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::quota::QuotaStore;
use super::secret_ref::sealed::SealKey;
use super::secret_ref::{self, RawSecretRef, Referenced};
use super::units::Time;
use crate::keys::store::Place;

/// The gateway's own keys.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKeys {
    /// The key file; required where there is no `store`.
    #[schemars(with = "Option<String>")]
    pub file: Option<At<PathBuf>>,
    /// How often the key file and the secrets it names are looked at. 2s: a revoked key must be refused within five.
    pub poll_interval: At<Time>,
    /// Keys that `zengate keys create` makes, beside those of the file. Absent: keys are made by hand alone.
    pub store: Option<At<RawKeyStore>>,
}

/// Where keys that are made by order are kept. With `quota.store = "postgres"` that is the same database, and every replica
/// knows of a change within seconds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKeyStore {
    /// Required: the key that everything in the store is sealed with, by reference; `zengate secret new-key FILE` makes it.
    /// The same for all replicas. Without it the store cannot be read, so keep a copy.
    pub seal: Option<At<RawSecretRef>>,
    /// Keys that it was sealed with before: they still open it, until `zengate keys reseal` has sealed all anew.
    pub old_seals: Vec<At<RawSecretRef>>,
    /// The store's file, unless it is in the database of `[quota.postgres]`. zengate-keys.db, beside this file. It belongs
    /// on a local disk that outlives the process.
    #[schemars(with = "Option<String>")]
    pub file: Option<At<PathBuf>>,
}

impl Default for RawKeys {
    fn default() -> Self {
        Self { file: None, poll_interval: Time::seconds(2).into(), store: None }
    }
}

/// The checked `[keys]`; a file, a store or both.
#[derive(Clone, Debug)]
pub struct KeysSource {
    /// The key file; it was there when it was checked.
    pub file: Option<PathBuf>,
    /// Between two looks at it.
    pub poll_interval: Duration,
    /// Keys that are made by order.
    pub store: Option<KeyStoreSource>,
}

/// The checked `[keys.store]`.
#[derive(Clone, Debug)]
pub struct KeyStoreSource {
    /// Where it is.
    pub place: Place,
    /// What seals it.
    pub seal: Referenced,
    /// What sealed it before.
    pub old_seals: Vec<Referenced>,
}

/// The store's file where none is named.
const USUAL: &str = "zengate-keys.db";

impl RawKeys {
    /// `quota` is where the ledger is kept, if that could be read.
    pub(super) fn check(
        &self,
        quota: Option<&QuotaStore>,
        checking: &mut Checking<'_, '_>,
    ) -> Option<KeysSource> {
        let poll_interval = checking.time(&self.poll_interval);
        let store = self.store.as_ref().map(|store| store.check(store, quota, checking));
        if self.file.is_none() && self.store.is_none() {
            let write = "e.g. file = \"keys.toml\" under [keys]; or [keys.store], for keys that `zengate keys create` makes";
            checking.findings.missing(&["keys", "file"], write);
            return None;
        }
        let file = self.file.as_ref().map(|file| checking.file(file));
        let store = match store {
            Some(store) => Some(store?),
            None => None,
        };
        Some(KeysSource { file, poll_interval, store })
    }
}

impl RawKeyStore {
    fn check(
        &self,
        at: &At<Self>,
        quota: Option<&QuotaStore>,
        checking: &mut Checking<'_, '_>,
    ) -> Option<KeyStoreSource> {
        let seal = match &self.seal {
            Some(raw) => sealing(raw, checking),
            None => {
                let write = "seal = { file = \"seal.key\" } there, and make that file with: zengate secret new-key seal.key";
                checking.findings.missing(&["keys", "store", "seal"], write);
                None
            }
        };
        let old_seals: Vec<_> = self.old_seals.iter().map(|raw| sealing(raw, checking)).collect();
        let place = match (quota, &self.file) {
            (Some(QuotaStore::Postgres(_)), Some(file)) => {
                let text = "is named, but quota.store is \"postgres\" and the keys are in that database, for all replicas; take it out";
                checking.findings.at(file, text);
                None
            }
            (Some(QuotaStore::Postgres(settings)), None) => Some(Place::Postgres(settings.clone())),
            (_, file) => Some(Place::File(place(at, file.as_ref(), checking))),
        };
        Some(KeyStoreSource {
            place: place?,
            seal: seal?,
            old_seals: old_seals.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// A reference to a sealing key.
fn sealing(raw: &At<RawSecretRef>, checking: &mut Checking<'_, '_>) -> Option<Referenced> {
    let found = secret_ref::resolve(raw, checking.directory, checking.findings)?;
    if SealKey::parse(found.secret.expose()).is_none() {
        let text = "holds no sealing key; make one with: zengate secret new-key FILE";
        checking.findings.at(raw, text);
        return None;
    }
    Some(found)
}

fn place(at: &At<RawKeyStore>, file: Option<&At<PathBuf>>, checking: &mut Checking<'_, '_>) -> PathBuf {
    let named = file.map_or_else(|| PathBuf::from(USUAL), |file| (**file).clone());
    let path = checking.directory.join(&named);
    let there = path.parent().is_some_and(std::path::Path::is_dir);
    if !there || path.is_dir() || named.as_os_str().is_empty() {
        let text = format!(
            "{} cannot be the key store's file: create its directory, and name a file in it with keys.store.file",
            path.display()
        );
        match file {
            Some(file) => checking.findings.at(file, text),
            None => checking.findings.at(at, text),
        }
    }
    path
}
