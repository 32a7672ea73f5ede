//! What can change while the gateway runs: keys and policy, looked at again every few seconds and on SIGHUP.
//!
//! Good replaces good in one swap; a bad version keeps the old one, loudly: a log line with every mistake, and a metric
//! that stays 1 until the file is good again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::Parts;
use crate::keys::{Keyring, PollOutcome};
use crate::metrics::Metrics;
use crate::policy::{Limits, LoadError, Overlays, PolicySet, Source};
use crate::quota::Status;
use crate::reconcile::Reconciler;

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
    metrics.policy(set.revision(), clock.since_epoch(), set.fallbacks().len());
}

/// Logs what an operator should know of a policy set that is taken into use.
pub(super) fn say_notes(set: &PolicySet) {
    for note in set.notes() {
        tracing::warn!(revision = set.revision(), note, "a note on the policies");
    }
}

/// Looks at the files until aborted.
pub(super) async fn watch(config: Config, parts: Parts, reconciler: Reconciler, now: Arc<Notify>) {
    let policy = watch_policy(config.clone(), parts.clone(), reconciler, Arc::clone(&now));
    let keys = watch_keys(config.keys.poll_interval, parts, now);
    tokio::join!(policy, keys);
}

async fn pause(interval: Duration, now: &Notify) {
    tokio::select! {
        () = tokio::time::sleep(interval) => {}
        () = now.notified() => {}
    }
}

async fn watch_keys(interval: Duration, parts: Parts, now: Arc<Notify>) {
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

async fn watch_policy(config: Config, parts: Parts, reconciler: Reconciler, now: Arc<Notify>) {
    let mut refused = String::new();
    loop {
        pause(config.policy.poll_interval, &now).await;
        let (source, overlays) = (config.policy.source(), config.policy.overlays());
        let current = parts.judge.current().revision().to_owned();
        let looked = tokio::task::spawn_blocking(move || changed_set(&source, &overlays, &current)).await;
        match looked {
            Err(_) => {}
            Ok(Ok(None)) if refused.is_empty() => {}
            Ok(Ok(None)) => {
                // What was refused has been taken back.
                refused.clear();
                parts.metrics.reload("policy", true);
            }
            Ok(Ok(Some(set))) => {
                refused.clear();
                know(&parts.metrics, &parts.keys.current(), &set, &parts.clock);
                parts.metrics.reload("policy", true);
                // What is counted is counted by the new rules before they bind. A ledger that is away lets nothing pass, and
                // prices when it is back.
                let set = Arc::new(set);
                if let Err(error) = reconciler.reprice(&set).await
                    && parts.ledger.counts()
                {
                    tracing::warn!(%error, "what is counted could not be priced by the new rules yet");
                }
                tracing::info!(revision = set.revision(), "a new policy set is in force");
                say_notes(&set);
                parts.judge.swap(set);
            }
            Ok(Err(error)) => {
                let problems = error.to_string();
                if problems != refused {
                    parts.metrics.reload("policy", false);
                    tracing::error!(%problems, "the new policy set is refused; the old one stays");
                    refused = problems;
                }
            }
        }
    }
}

/// A new set if the files have changed; reading is cheap, compiling is not.
fn changed_set(source: &Source, overlays: &Overlays, current: &str) -> Result<Option<PolicySet>, LoadError> {
    let tree = source.read(overlays)?;
    if tree.revision == current { Ok(None) } else { PolicySet::from_tree(tree).map(Some) }
}

/// The status document of the admin listener.
pub(super) fn status(parts: &Parts) -> Arc<dyn Fn() -> serde_json::Value + Send + Sync> {
    let parts = parts.clone();
    Arc::new(move || {
        let policy = parts.judge.current();
        let keys = parts.keys.status();
        serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "policy": {
                "revision": policy.revision(),
                "rules": policy.rules().collect::<Vec<_>>(),
                "notes": policy.notes(),
                "interpreted_sets": policy.fallbacks().iter()
                    .map(|set| serde_json::json!({"rules": set.rules, "reason": set.reason}))
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
