//! Configuration: one TOML file, read once at the start, checked before anything runs.
//!
//! Each section has a file of its own with what operators write (`Raw...`), the defaults and the reason for each, and
//! the checked type that the rest of the program sees. [`Config::load`] is the only loader: the server, `config check`
//! and the tests of the examples use the same one. It reports all mistakes at once ([`diagnostics`]), and secrets
//! stand in no configuration, only references to them ([`secret_ref`]).

pub mod admin;
pub mod changes;
mod check;
pub mod command;
pub mod diagnostics;
pub mod history;
pub mod judging;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod output;
pub mod quota;
pub mod remote;
pub mod schema;
pub mod secret_ref;
#[cfg(test)]
mod tests;
pub mod traces;
pub mod units;
pub mod upstream;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use admin::AdminListen;
pub(crate) use check::Checking;
pub(crate) use command::check;
use diagnostics::{At, Findings, Mistakes};
pub use judging::{AdmittedField, Policy};
pub use keys::{KeyStoreSource, KeysSource};
pub use limits::{Drain, Limits};
pub use listen::{Listen, Tls};
pub use output::{Log, LogFormat};
pub use quota::{QuotaConfig, QuotaStore};
pub use remote::Remote;
pub use secret_ref::{Referenced, SecretError, SecretRef};
pub use upstream::{Account, Credential, Origin, Scheme, Upstream};

/// The configuration file of zengate.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Where clients connect.
    pub listen: listen::RawListen,
    /// Where operators connect.
    pub admin: admin::RawAdmin,
    /// The cloud's API.
    pub upstream: upstream::RawUpstream,
    /// The accounts of the cloud, by the names that gateway keys refer to; at least one.
    pub accounts: BTreeMap<String, At<upstream::RawAccount>>,
    /// The gateway's own keys.
    pub keys: keys::RawKeys,
    /// The rules.
    pub policy: judging::RawPolicy,
    /// What is counted, where, and for how long.
    pub quota: quota::RawQuota,
    /// What the gateway takes on.
    pub limits: limits::RawLimits,
    /// What the field tables admit beyond themselves.
    pub api: judging::RawApi,
    /// The decision records.
    pub records: output::RawRecords,
    /// The decisions that can be found again.
    pub history: history::RawHistory,
    /// The log of the process.
    pub log: output::RawLog,
    /// OpenTelemetry traces.
    pub traces: traces::RawTraces,
    /// How the gateway stops.
    pub drain: limits::RawDrain,
}

/// A configuration without mistakes. Paths are joined to the directory of the file.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect.
    pub listen: Listen,
    /// Where operators connect.
    pub admin: AdminListen,
    /// The cloud's API.
    pub upstream: Upstream,
    /// The accounts by name; never empty.
    pub accounts: BTreeMap<String, Account>,
    /// The gateway's own keys.
    pub keys: KeysSource,
    /// The rules.
    pub policy: Policy,
    /// What is counted, where, and for how long.
    pub quota: QuotaConfig,
    /// What the gateway takes on.
    pub limits: Limits,
    /// Fields of creates admitted beyond the tables.
    pub admit_fields: Vec<AdmittedField>,
    /// Where decision records go.
    pub records: crate::record::Plan,
    /// Where decisions are kept to be found again.
    pub history: crate::history::Plan,
    /// The log of the process.
    pub log: Log,
    /// OpenTelemetry traces, where they are wanted.
    pub traces: Option<crate::traces::Plan>,
    /// How the gateway stops.
    pub drain: Drain,
    path: PathBuf,
    described: String,
}

impl Config {
    /// Reads and checks a file, the secrets and files it names included.
    ///
    /// # Errors
    /// Every mistake of the file, in the order of its lines.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        let source = std::fs::read_to_string(path).map_err(|error| {
            Mistakes::of_file(path, format!("cannot be read ({}); name the file with --config", error.kind()))
        })?;
        Self::read(path, &source)
    }

    fn read(path: &Path, source: &str) -> Result<Self, Mistakes> {
        let (raw, mut findings) = Findings::read::<RawConfig>(path, source);
        // A bare file name lies in the current directory, and only `.` can be asked whether it is there.
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let checked =
            raw.and_then(|raw| raw.check(path, &mut Checking { directory, findings: &mut findings }));
        findings.finish(checked)
    }

    /// The fields that are admitted beyond the tables, as the parser of requests takes them.
    ///
    /// # Errors
    /// When one is no field, which [`Config::load`] has refused.
    pub fn admitted_fields(&self) -> Result<Vec<crate::api::fields::AdmittedField>, String> {
        let parsed = self
            .admit_fields
            .iter()
            .map(|field| format!("{} {} {}", field.service, field.action, field.field).parse());
        parsed
            .collect::<Result<_, _>>()
            .map_err(|_| "api.admit_fields holds something that is no field".to_owned())
    }

    /// The accounts, as keys see them.
    pub fn key_accounts(&self) -> crate::keys::Accounts {
        self.accounts.iter().map(|(name, account)| (name.clone(), account.teams.clone())).collect()
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration in effect as TOML, defaults included. Secrets are in it as references only.
    pub fn describe(&self) -> &str {
        &self.described
    }
}

impl RawConfig {
    /// Checks every section, also after one has failed, so that all mistakes are found.
    fn check(&self, path: &Path, checking: &mut Checking<'_, '_>) -> Option<Config> {
        let listen = self.listen.check(checking);
        let admin = self.admin.check(listen.as_ref(), checking);
        let upstream = self.upstream.check(checking);
        let default = upstream.as_ref().map(|upstream| &upstream.origin);
        let accounts = upstream::accounts(&self.accounts, default, checking);
        let policy = self.policy.check(checking);
        let quota = self.quota.check(checking);
        let keys = self.keys.check(quota.as_ref().map(|quota| &quota.store), checking);
        let limits = self.limits.check(checking);
        let admit_fields = self.api.check(checking);
        let records = self.records.check(checking);
        let history = self.history.check(quota.as_ref(), checking);
        let log = self.log.check(checking);
        let traces = self.traces.check(checking);
        let drain = self.drain.check(upstream.as_ref(), &self.upstream.create_timeout, checking);
        Some(Config {
            listen: listen?,
            admin: admin?,
            upstream: upstream?,
            accounts,
            keys: keys?,
            policy,
            quota: quota?,
            limits,
            admit_fields,
            records,
            history,
            log,
            traces,
            drain,
            path: path.to_owned(),
            described: toml::to_string(self).ok()?,
        })
    }
}
