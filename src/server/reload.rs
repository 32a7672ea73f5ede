//! What can change while the gateway runs: the configuration, on SIGHUP; keys, certificates and the credentials of
//! accounts, looked at again every few seconds and on SIGHUP; and policies (see [`super::policies`]).
//!
//! Good replaces good in one swap; a bad version keeps the old one, loudly: a log line with every mistake, and a metric
//! that stays 1 until the file is good again.

use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::accounts::Credentials;
use super::lenient;
use super::operators::Operators;
use super::policies::Told;
use super::settings;
use super::tls::{self, Certificates};
use crate::chain::Heads;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::changes::{changes, is_live};
use crate::config::secret_ref;
use crate::gateway::Parts;
use crate::history::History;
use crate::keys::{Keyring, PollOutcome};
use crate::lifecycle::{LogControl, systemd};
use crate::metrics::Metrics;
use crate::policy::{Limits, PolicySet};
use crate::quota::Status;

/// How the rules are evaluated.
pub(super) fn engine(config: &Config) -> Limits {
    Limits {
        threads: config.policy.threads,
        queue: config.policy.queue,
        evaluation: config.policy.time_limit,
        deadline: config.policy.deadline,
        instructions: config.policy.instruction_limit,
    }
}

/// Tells the metrics which teams, rules and zones may become labels, and which policy is in force.
pub(super) fn know(metrics: &Metrics, keys: &Keyring, set: &PolicySet, clock: &Clock) {
    metrics.know(|known| {
        known.teams = keys.iter().map(|key| key.team.clone()).collect();
        known.teams.extend(set.organisation().teams().map(str::to_owned));
        known.rules = set.rules().map(str::to_owned).collect();
        known.zones = set.zones().map(str::to_owned).collect();
    });
    metrics.policy(set, clock.since_epoch());
}

/// Logs what an operator should know of a policy set that is taken into use.
pub(super) fn say_notes(set: &PolicySet) {
    for note in set.notes() {
        tracing::warn!(revision = set.revision(), note, "a note on the policies");
    }
}

/// Settings that were changed in the file and wait for a restart.
pub(super) type NeedsRestart = Arc<ArcSwap<Vec<String>>>;

/// Everything besides policies that is looked at again: the configuration on SIGHUP, keys, certificates and the
/// credentials of accounts also every few seconds.
pub(super) struct Watched {
    /// What the process began with.
    pub(super) config: Config,
    /// What was last taken over of it.
    pub(super) taken: String,
    pub(super) parts: Parts,
    pub(super) tls: Option<Certificates>,
    pub(super) operators: Operators,
    pub(super) credentials: Credentials,
    pub(super) log: LogControl,
    pub(super) needs_restart: NeedsRestart,
}

impl Watched {
    /// Looks until aborted.
    pub(super) async fn work(self, mut signals: watch::Receiver<u64>) {
        let mut watched = self;
        loop {
            let interval = watched.config.keys.poll_interval;
            let signalled = matches!(tokio::time::timeout(interval, signals.changed()).await, Ok(Ok(())));
            let look = move || {
                watched.look(signalled);
                watched
            };
            // A panic in there is a bug; what is in use stays in use.
            let Ok(back) = tokio::task::spawn_blocking(look).await else {
                tracing::error!("looking at the files panicked; they are not looked at any more");
                return;
            };
            watched = back;
            if signalled {
                systemd::ready();
            }
        }
    }

    fn look(&mut self, signalled: bool) {
        if signalled {
            secret_ref::command::forget();
            self.look_at_config();
        }
        self.look_at_keys();
        self.look_at_credentials();
        self.look_at_certificates();
        self.look_at_operators();
    }

    fn look_at_keys(&self) {
        let parts = &self.parts;
        match parts.keys.poll() {
            PollOutcome::Unchanged => {}
            PollOutcome::Replaced => {
                parts.metrics.reload("keys", true);
                know(&parts.metrics, &parts.keys.current(), &parts.judge.current(), &parts.clock);
                tracing::info!(keys = parts.keys.current().len(), "the key file was replaced");
            }
            PollOutcome::Kept(mistakes) => {
                parts.metrics.reload("keys", false);
                tracing::error!(%mistakes, "the new key file is refused; the old keys stay");
            }
        }
    }

    fn look_at_credentials(&mut self) {
        let look = self.credentials.look();
        for account in &look.renewed {
            tracing::info!(account, "the account has a new credential");
        }
        for (account, error) in &look.kept {
            self.parts.metrics.reload("accounts", false);
            tracing::error!(account, %error, "the account's secret cannot be read; the one before stays in use");
        }
        if look.mended || !look.renewed.is_empty() && look.kept.is_empty() {
            self.parts.metrics.reload("accounts", true);
        }
    }

    fn look_at_certificates(&mut self) {
        for tls in self.tls.iter_mut().chain(self.operators.certificates()) {
            match tls.look() {
                tls::Look::Unchanged => {}
                tls::Look::Replaced => {
                    self.parts.metrics.reload("certificates", true);
                    tls.measure(&self.parts.metrics);
                    tracing::info!(
                        of = tls.section(),
                        "the certificate was replaced; new connections get it"
                    );
                }
                tls::Look::Kept(why) => {
                    self.parts.metrics.reload("certificates", false);
                    tracing::error!(why, "the new certificate is refused; the old one stays");
                }
            }
        }
    }

    fn look_at_operators(&mut self) {
        match self.operators.look() {
            tls::Look::Unchanged => {}
            tls::Look::Replaced => {
                self.parts.metrics.reload("admin", true);
                tracing::info!("the tokens of the admin listener were replaced");
            }
            tls::Look::Kept(why) => {
                self.parts.metrics.reload("admin", false);
                tracing::error!(why, "the tokens of the admin listener cannot be read; the old ones stay");
            }
        }
    }

    /// Reads the configuration again and applies what may change while the process runs.
    fn look_at_config(&mut self) {
        let new = match Config::load(self.config.path()) {
            Ok(new) => new,
            Err(mistakes) => {
                self.parts.metrics.reload("config", false);
                tracing::error!(%mistakes, "the new configuration is refused; the old one stays");
                return;
            }
        };
        match settings::make(&new, Some(&self.parts.settings.load())) {
            Ok(settings) => self.parts.settings.store(Arc::new(settings)),
            Err(why) => {
                self.parts.metrics.reload("config", false);
                tracing::error!(why, "the new configuration is refused; the old one stays");
                return;
            }
        }
        for account in self.credentials.configured(&new) {
            tracing::info!(account, "the account has a new credential");
        }
        if let (Some(certificates), Some(tls)) = (&mut self.tls, &new.listen.tls) {
            certificates.configured(tls);
        }
        self.operators.configured(&new.admin);
        if let Err(why) = (self.log.set_level)(&new.log.level) {
            tracing::error!(why, "the new log level is refused; the old one stays");
        }
        let applied: Vec<_> =
            changes(&self.taken, new.describe()).into_iter().filter(|setting| is_live(setting)).collect();
        // Measured by what the process began with, so that a change that was taken back waits no longer.
        let waiting: Vec<_> = changes(self.config.describe(), new.describe())
            .into_iter()
            .filter(|setting| !is_live(setting))
            .collect();
        tracing::info!(?applied, "the configuration was read again");
        if !waiting.is_empty() {
            tracing::warn!(settings = ?waiting, "these settings were changed and need a restart");
        }
        self.needs_restart.store(Arc::new(waiting));
        self.parts.metrics.reload("config", true);
        self.taken = new.describe().to_owned();
    }
}

/// The status document of the admin listener.
pub(super) fn status(
    config: &Config,
    parts: &Parts,
    (history, heads): (&History, &Heads),
    told: &Told,
    needs_restart: &NeedsRestart,
) -> Arc<dyn Fn() -> serde_json::Value + Send + Sync> {
    let (config, parts) = (config.clone(), parts.clone());
    let (history, heads) = (history.clone(), heads.clone());
    let (told, needs_restart) = (Arc::clone(told), Arc::clone(needs_restart));
    Arc::new(move || {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let policy = parts.judge.current();
        let keys = parts.keys.status();
        serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "needs_restart": **needs_restart.load(),
            "fail_open": lenient::all(&config, &policy),
            "policy": {
                "revision": policy.revision(),
                "rules": policy.rules().collect::<Vec<_>>(),
                "notes": policy.notes(),
                "source": told.get("source"),
                "bundle_revision": told.get("bundle_revision"),
                "refused": told.get("refused"),
                "interpreted_rules": policy.fallbacks().iter()
                    .map(|left| serde_json::json!({"rule": left.rule, "reason": left.reason}))
                    .collect::<Vec<_>>(),
            },
            "keys": {
                "count": parts.keys.current().len(),
                "replaced": keys.replaced,
                "mistakes": keys.mistakes.map(|mistakes| mistakes.to_string()),
            },
            "ledger": match parts.ledger.status() {
                None => serde_json::json!("not kept"),
                Some(Status::Up) => serde_json::json!("up"),
                Some(Status::Away { why }) => serde_json::json!({"away": why}),
                Some(Status::Dead { why }) => serde_json::json!({"dead": why}),
            },
            "history": match (history.is_kept(), history.away()) {
                (false, _) => serde_json::json!("not kept"),
                (true, Some(why)) => serde_json::json!({"away": why}),
                (true, None) => serde_json::json!({"up": history.size()}),
            },
            "chains": heads.all(),
            "upstream": parts.accounts.iter()
                .map(|(name, account)| {
                    let state = if account.upstream.is_open() { "does not answer" } else { "answers" };
                    (name.clone(), state.into())
                })
                .collect::<serde_json::Map<_, _>>(),
            "accounts": parts.accounts.keys().collect::<Vec<_>>(),
        })
    })
}
