//! `[history]`: where decisions are kept so that they are found again, and for how long.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::quota::{QuotaConfig, QuotaStore};
use super::units::{Size, Time};
use crate::history::{Place, Plan};

/// Decisions that can be found again: `zengate decisions`, `zengate audit instance`, the console.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawHistory {
    /// "sqlite": a file; "postgres": the server of [quota.postgres], where every replica finds every decision; "memory": the
    /// newest thousand until the process ends; "none". By default where the ledger is, and "memory" where there is none.
    #[schemars(with = "Option<Kind>")]
    pub store: Option<At<Kind>>,
    /// The file when the store is "sqlite". zengate-history.db, beside the ledger.
    #[schemars(with = "Option<String>")]
    pub file: Option<At<PathBuf>>,
    /// How long a decision is kept. 400d: what an auditor asks about is a year old.
    pub keep: At<Time>,
    /// How much is kept, as the size of the records; the oldest go. The store is about a half larger. 4GiB: some two million decisions.
    pub max_size: At<Size>,
}

/// What keeps the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    Sqlite,
    /// The server of the ledger.
    Postgres,
    /// The memory of the process.
    Memory,
    /// Nothing.
    None,
}

impl Default for RawHistory {
    fn default() -> Self {
        Self {
            store: None,
            file: None,
            keep: Time::seconds(400 * 24 * 3600).into(),
            max_size: Size(4 << 30).into(),
        }
    }
}

impl RawHistory {
    pub(super) fn check(&self, quota: Option<&QuotaConfig>, checking: &mut Checking<'_, '_>) -> Plan {
        let ledger = quota.map(|quota| &quota.store);
        let kind = self.store.as_deref().copied().unwrap_or(match ledger {
            Some(QuotaStore::Sqlite(_)) => Kind::Sqlite,
            Some(QuotaStore::Postgres(_)) => Kind::Postgres,
            Some(QuotaStore::None) | None => Kind::Memory,
        });
        let store = match (kind, ledger) {
            (Kind::Postgres, Some(QuotaStore::Postgres(settings))) => Place::Postgres(settings.clone()),
            (Kind::Postgres, _) => {
                if let (Some(raw), true) = (&self.store, ledger.is_some()) {
                    let text = "is \"postgres\", but quota.store is not: the history uses the server of [quota.postgres]";
                    checking.findings.at(raw, text);
                }
                Place::None
            }
            (Kind::Sqlite, ledger) => Place::Sqlite(self.place(ledger, checking)),
            (Kind::Memory, _) => Place::Memory,
            (Kind::None, _) => Place::None,
        };
        let most = u64::try_from(checking.size(&self.max_size)).unwrap_or(u64::MAX);
        Plan { store, keep: checking.time(&self.keep), most }
    }

    fn place(&self, ledger: Option<&QuotaStore>, checking: &mut Checking<'_, '_>) -> PathBuf {
        const NAME: &str = "zengate-history.db";
        let Some(file) = &self.file else {
            return match ledger {
                Some(QuotaStore::Sqlite(ledger)) => ledger.with_file_name(NAME),
                _ => checking.directory.join(NAME),
            };
        };
        let path = checking.directory.join(&**file);
        let place = path.parent().is_some_and(|parent| parent.is_dir());
        let ledger = matches!(ledger, Some(QuotaStore::Sqlite(ledger)) if *ledger == path);
        if !place || path.is_dir() || file.as_os_str().is_empty() || ledger {
            let text = format!(
                "{} cannot be the history's file: create its directory, and name a file in it that is not the ledger's",
                path.display()
            );
            checking.findings.at(file, text);
        }
        path
    }
}
