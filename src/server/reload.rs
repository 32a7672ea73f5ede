//! What can change while the gateway runs: keys, looked at again every few seconds and on SIGHUP, and policies (see
//! [`super::policies`]).
//!
//! Good replaces good in one swap; a bad version keeps the old one, loudly: a log line with every mistake, and a metric
//! that stays 1 until the file is good again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::policies::Told;
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::Parts;
use crate::keys::{Keyring, PollOutcome};
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

async fn pause(interval: Duration, now: &Notify) {
    tokio::select! {
        () = tokio::time::sleep(interval) => {}
        () = now.notified() => {}
    }
}

/// Looks at the key file until aborted.
pub(super) async fn watch_keys(interval: Duration, parts: Parts, now: Arc<Notify>) {
    loop {
        pause(interval, &now).await;
        let keys = Arc::clone(&parts.keys);
        let Ok(outcome) = tokio::task::spawn_blocking(move || keys.poll()).await else { continue };
        match outcome {
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
}

/// The status document of the admin listener.
pub(super) fn status(parts: &Parts, told: &Told) -> Arc<dyn Fn() -> serde_json::Value + Send + Sync> {
    let (parts, told) = (parts.clone(), Arc::clone(told));
    Arc::new(move || {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let policy = parts.judge.current();
        let keys = parts.keys.status();
        serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
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
            "accounts": parts.accounts.keys().collect::<Vec<_>>(),
        })
    })
}
