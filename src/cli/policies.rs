//! Which policies a command works with, and who it pretends to be: the same for every command that judges.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Uri;

use super::live::{Live, LiveCount};
use crate::api::fields::AdmittedField;
use crate::config::Config;
use crate::keys::KeyFile;
use crate::policy::input::{ClientInput, PrincipalInput};
use crate::policy::{Overlays, PolicySet, Source};
use crate::record::Target;

/// The configuration that is used where none is named and this one is there.
const USUAL: &str = "zengate.toml";

/// Where the policies come from.
#[derive(Clone, Debug, Args)]
pub(super) struct PolicyArgs {
    /// The gateway's configuration: its policies, data, facts and keys. Default: zengate.toml, where it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A directory of policies or an OPA bundle, instead of the configuration's. Default without a configuration: the stock policies.
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Data over that of the policies, in this order; instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// Cloud facts, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// The admin listener of a running gateway: the policies it has in force, instead of all others; e.g. http://127.0.0.1:9180.
    #[arg(long, value_name = "URL", conflicts_with_all = ["policy", "data", "facts"])]
    gateway: Option<Uri>,
    #[command(flatten)]
    access: super::admin::Access,
}

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(super) struct PrincipalArgs {
    /// The gateway key to judge as; its team, labels and account come from the configuration's key file.
    #[arg(long, conflicts_with = "team")]
    key: Option<String>,
    /// The team to judge as, without a key.
    #[arg(long)]
    team: Option<String>,
}

/// What a command judges by.
pub(super) struct Policies {
    pub(super) set: PolicySet,
    pub(super) admitted: Vec<AdmittedField>,
    config: Option<Config>,
    /// What is counted at the moment, where a running gateway was asked.
    pub(super) counts: Option<Vec<LiveCount>>,
}

impl PolicyArgs {
    /// Reads, checks and tries the policies.
    pub(super) fn load(&self) -> Result<Policies, String> {
        let named = self.config.as_deref();
        let usual = Some(Path::new(USUAL)).filter(|path| self.policy.is_none() && path.exists());
        let config = match named.or(usual) {
            Some(path) => Some(Config::load(path).map_err(|mistakes| mistakes.to_string())?),
            None => None,
        };
        if let Some(gateway) = &self.gateway {
            let live = Live::ask(gateway, &self.access)?;
            return Ok(Policies {
                set: live.set,
                admitted: live.admitted,
                config,
                counts: Some(live.counts),
            });
        }
        let source = match (&self.policy, &config) {
            (Some(path), _) => source_at(path),
            (None, Some(config)) => config.policy.source(),
            (None, None) => Source::Embedded,
        };
        let mut overlays = config.as_ref().map(|config| config.policy.overlays()).unwrap_or_default();
        if !self.data.is_empty() || self.policy.is_some() {
            overlays = Overlays { organisation: self.data.clone(), ..overlays };
        }
        if self.facts.is_some() {
            overlays.facts.clone_from(&self.facts);
        }
        let set = PolicySet::load(&source, &overlays).map_err(|error| error.to_string())?;
        let admitted = config.as_ref().map(Config::admitted_fields).transpose()?.unwrap_or_default();
        Ok(Policies { set, admitted, config, counts: None })
    }
}

impl Policies {
    /// The file of the configuration's decision records.
    pub(super) fn records(&self) -> Option<PathBuf> {
        match &self.config.as_ref()?.records.target {
            Target::File(path, ..) => Some(path.clone()),
            _ => None,
        }
    }

    /// Who asks, by the command's options.
    pub(super) fn principal(&self, args: &PrincipalArgs) -> Result<PrincipalInput, String> {
        let account = self.config.as_ref().and_then(|config| config.accounts.keys().next().cloned());
        let Some(id) = &args.key else {
            return Ok(PrincipalInput {
                key: "none".to_owned(),
                team: args.team.clone().unwrap_or_else(|| "none".to_owned()),
                labels: BTreeMap::new(),
                account: account.unwrap_or_else(|| "none".to_owned()),
            });
        };
        let config = self.config.as_ref().ok_or("--key needs a configuration with a key file: --config")?;
        let file = config.keys.file.as_ref().ok_or(
            "--key reads the key file, and the configuration names none; of a key in the store name the --team",
        )?;
        let keys =
            KeyFile::load(file, config.key_accounts()).map_err(|mistakes| mistakes.to_string())?.current();
        let key = keys.by_id(id).ok_or_else(|| {
            format!("{}: no key `{id}`; of a key in the store name the --team", file.display())
        })?;
        Ok(PrincipalInput {
            key: key.id.clone(),
            team: key.team.clone(),
            labels: key.labels.clone(),
            account: key.account.clone(),
        })
    }
}

/// A directory is a tree, anything else a bundle.
pub(super) fn source_at(path: &Path) -> Source {
    if path.is_file() { Source::bundle(path) } else { Source::Directory(path.to_owned()) }
}

/// Where a call that nobody made comes from.
pub(super) fn nowhere() -> ClientInput {
    let agent = Some("zengate check".to_owned());
    ClientInput { address: "127.0.0.1".to_owned(), sdk: None, user_agent: agent, certificate: None }
}
