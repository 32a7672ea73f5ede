//! `[quota.reconcile]`: how the ledger is held against what the cloud lists.
//!
//! The cloud shows a machine some time after it has taken the order, and a listing can miss one. So nothing is concluded
//! from one look: an absence counts only when several listings over some minutes agree.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::check::Checking;
use super::super::diagnostics::At;
use super::super::units::Time;

/// Comparing with the cloud.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawReconcile {
    /// Between two comparisons. 60s: an unknown outcome is settled within minutes, and a listing a minute is nothing to
    /// the cloud. "0s": only when an operator asks for it.
    pub interval: At<Time>,
    /// How long after the deadline of a create its outcome is left alone. 60s: the longest that the cloud has been seen to
    /// take until a new machine is listed, with room.
    pub settle_after: At<Time>,
    /// How many complete listings in a row must agree that a machine is absent. 3: one may be stale, two may hit the same
    /// stale copy.
    pub absent_lists: At<usize>,
    /// How long these listings must be spread. 180s: longer than a fail-over of the cloud's own database.
    pub absent_over: At<Time>,
    /// What happens to a machine of a team that the ledger does not know: "adopt" counts it, "report" only shows it.
    /// "adopt" by default: it uses up what the limit is for, whoever made it.
    pub outsiders: Outsiders,
    /// What happens to a counted machine that is listed no more: "release" gives its quota back, "report" only shows it.
    /// "release" by default: machines are also terminated in the console.
    pub gone: Gone,
}

/// What is done about a machine that the ledger does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outsiders {
    /// It is counted.
    #[default]
    Adopt,
    /// It is shown.
    Report,
}

/// What is done about a counted machine that is listed no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// Its quota is given back.
    #[default]
    Release,
    /// It is shown.
    Report,
}

impl Default for RawReconcile {
    fn default() -> Self {
        Self {
            interval: Time::seconds(60).into(),
            settle_after: Time::seconds(60).into(),
            absent_lists: 3.into(),
            absent_over: Time::seconds(180).into(),
            outsiders: Outsiders::default(),
            gone: Gone::default(),
        }
    }
}

/// The checked `[quota.reconcile]`.
#[derive(Clone, Copy, Debug)]
pub struct Reconcile {
    /// Between two comparisons; zero only on demand.
    pub interval: Duration,
    /// After the deadline of a create whose outcome is unknown.
    pub settle_after: Duration,
    /// Listings in a row that must agree on an absence; at least one.
    pub absent_lists: usize,
    /// From the first of them to the last.
    pub absent_over: Duration,
    /// Machines that the ledger does not know.
    pub outsiders: Outsiders,
    /// Counted machines that are listed no more.
    pub gone: Gone,
}

impl RawReconcile {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Reconcile {
        Reconcile {
            interval: self.interval.0,
            settle_after: checking.time(&self.settle_after),
            absent_lists: checking.count(&self.absent_lists),
            absent_over: checking.time(&self.absent_over),
            outsiders: self.outsiders,
            gone: self.gone,
        }
    }
}
