//! What can change while the gateway runs: keys and policy, looked at again every few seconds and on SIGHUP.
//!
//! Good replaces good in one swap; a bad version keeps the old one, loudly: a log line with every mistake, a metric
//! that stays 1 until the file is good again.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::Parts;
use crate::keys::{KeyFile, PollOutcome};
use crate::metrics::Metrics;
use crate::policy::engine::EngineOptions;
use crate::policy::source::Source;
use crate::policy::{LoadLimits, PolicySet};

pub(super) fn source(config: &Config) -> Source {
    match &config.policy.directory {
        Some(directory) => Source::directory(directory.clone(), config.policy.data.clone()),
        None => Source::embedded(config.policy.data.clone()),
    }
}
