//! The gateway's own keys: opened at the start, and the store followed while the gateway runs.

use std::sync::Arc;
use std::time::Duration;

use super::{StartError, reload};
use crate::admin::Readiness;
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::Parts;
use crate::keys::store::{KeyStore, Look};
use crate::keys::{KeyFile, Keys};

/// Between two looks at the store: a key that was revoked through one replica is refused by all of them within seconds.
const MOST_BETWEEN: Duration = Duration::from_secs(1);

/// Reads the key file and opens the store. A store that is only away now is taken, and read when it is there.
pub(super) async fn open(config: &Config, clock: &Clock) -> Result<Keys, StartError> {
    let accounts = config.key_accounts();
    let file = config.keys.file.as_ref().map(|file| KeyFile::load(file, accounts.clone())).transpose()?;
    let Some(source) = config.keys.store.clone() else { return Ok(Keys::new(file, None)) };
    let clock = clock.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let older = source.old_seals.iter().map(|seal| &seal.secret);
        KeyStore::open(&source.place, (&source.seal.secret, older), accounts, clock)
    });
    let opened = opening.await.map_err(|error| StartError::Setup(error.to_string()))?;
    let keys = Keys::new(file, Some(opened.map_err(StartError::Keys)?));
    match keys.store_away() {
        Some(why) => {
            tracing::error!(why, "the key store cannot be read yet; its keys are not known until it can")
        }
        None if keys.current().is_empty() => {
            tracing::warn!("there is no key yet, so nobody can call; make one with `zengate keys create`");
        }
        None => {}
    }
    Ok(keys)
}

/// Looks at the store until aborted.
pub(super) async fn follow(parts: Parts, poll_interval: Duration, readiness: Readiness) {
    if !parts.keys.has_store() {
        return;
    }
    let mut told = None;
    loop {
        tell(&parts, &readiness, &mut told);
        tokio::time::sleep(poll_interval.min(MOST_BETWEEN)).await;
        let keys = Arc::clone(&parts.keys);
        let look = tokio::task::spawn_blocking(move || keys.poll_store()).await;
        if let Ok(Look::Read) = look {
            changed(&parts);
            tracing::info!(keys = parts.keys.current().len(), "the key store was read");
        }
    }
}

/// What is to be done when other keys are in use.
pub(super) fn changed(parts: &Parts) {
    reload::know(&parts.metrics, &parts.keys.current(), &parts.judge.current(), &parts.clock);
}

/// Tells of a store that is away, and of one that is back; once each.
fn tell(parts: &Parts, readiness: &Readiness, told: &mut Option<String>) {
    let away = parts.keys.store_away();
    match &away {
        Some(why) if told.as_ref() != Some(why) => {
            parts.metrics.reload("key_store", false);
            tracing::error!(
                why,
                "the key store cannot be used; keys stay as they are, and no order about them is carried out"
            );
        }
        None if told.is_some() => {
            parts.metrics.reload("key_store", true);
            tracing::info!("the key store can be used again");
        }
        _ => {}
    }
    match &away {
        // A caller would be told that its key does not exist; another replica may know better.
        Some(why) if !parts.keys.are_known() => readiness.hold("keys", why),
        _ => readiness.release("keys"),
    }
    *told = away;
}
