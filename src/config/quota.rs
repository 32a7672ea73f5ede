//! `[quota]`: where the ledger is kept, how it is held against the cloud, and how fast a team may create.
//!
//! Without the section the ledger is a file beside the configuration: limits bind from the first start, with nothing to
//! set up. Replicas share a ledger through PostgreSQL ([`postgres`]).

pub mod postgres;
pub mod rate;
pub mod reconcile;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::postgres::RawPostgres;
pub use self::rate::{Rate, Rates};
pub use self::reconcile::{Gone, Outsiders, Reconcile};
use super::check::Checking;
use super::diagnostics::At;
use super::units::Time;
use crate::keys::not_a_team;
use crate::quota::store::postgres::Settings;

/// What is counted, where, and for how long.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawQuota {
    /// "sqlite": a file of this gateway alone, the default, with nothing to set up. "postgres": shared by replicas.
    /// "none": nothing is counted, and whatever a quota rule limits is refused.
    pub store: At<StoreKind>,
    /// The ledger's file when the store is "sqlite". zengate-ledger.db, beside this file. It belongs on a local disk
    /// that outlives the process.
    #[schemars(with = "String")]
    pub file: At<PathBuf>,
    /// The server when the store is "postgres"; required then.
    pub postgres: Option<At<RawPostgres>>,
    /// Whether the gateway says "not ready" while the ledger cannot be reached. false: reads are served without it, and
    /// if every replica left the load balancer at once, nobody would hear why creates are refused.
    pub unready_when_away: bool,
    /// When a machine that is terminated through the gateway gives its quota back: "accepted", when the cloud has taken
    /// the order, or "gone", when it is no longer listed. "accepted" by default: the order cannot be taken back, and a
    /// pipeline that replaces machines would else wait for the cloud to clean up.
    pub release_on: ReleaseOn,
    /// How long the same create from the same key joins one whose answer its client never got, instead of being a new
    /// order. 15m: the longest that Terraform and CI jobs take to come back. "0s": only the very same signature joins.
    pub join_window: At<Time>,
    /// Teams whose creates get a tag that names the decision, so that a machine nobody answered for is found surely.
    /// None by default: the tag shows up as a difference in Terraform plans.
    pub correlation_tag: Vec<At<String>>,
    /// How the ledger is held against what the cloud lists.
    pub reconcile: reconcile::RawReconcile,
    /// How many creates a team may send; unlimited by default.
    pub rate: rate::RawRates,
}

/// What keeps the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// A file.
    #[default]
    Sqlite,
    /// A server.
    Postgres,
    /// Nothing.
    None,
}

/// When a terminated machine stops to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseOn {
    /// When the cloud has accepted the order.
    #[default]
    Accepted,
    /// When it is no longer listed.
    Gone,
}

impl Default for RawQuota {
    fn default() -> Self {
        Self {
            store: StoreKind::default().into(),
            file: PathBuf::from("zengate-ledger.db").into(),
            postgres: None,
            unready_when_away: false,
            release_on: ReleaseOn::default(),
            join_window: Time::seconds(15 * 60).into(),
            correlation_tag: Vec::new(),
            reconcile: reconcile::RawReconcile::default(),
            rate: rate::RawRates::default(),
        }
    }
}

/// The checked `[quota]`.
#[derive(Clone, Debug)]
pub struct QuotaConfig {
    /// Where the ledger is kept.
    pub store: QuotaStore,
    /// Whether readiness follows the store.
    pub unready_when_away: bool,
    /// When a terminated machine stops to count.
    pub release_on: ReleaseOn,
    /// For a create to join an unanswered one; zero means only by signature.
    pub join_window: Duration,
    /// Teams whose creates carry a tag of ours.
    pub correlation_tag: BTreeSet<String>,
    /// Against the cloud's lists.
    pub reconcile: Reconcile,
    /// Creates by team and time.
    pub rate: Rates,
}

/// The checked store.
#[derive(Clone, Debug)]
pub enum QuotaStore {
    /// This file; its directory was there when it was checked.
    Sqlite(PathBuf),
    /// This server.
    Postgres(Box<Settings>),
    /// Nothing is counted.
    None,
}

impl RawQuota {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Option<QuotaConfig> {
        let store = self.store(checking);
        let reconcile = self.reconcile.check(checking);
        let rate = self.rate.check(checking);
        let mut correlation_tag = BTreeSet::new();
        for team in &self.correlation_tag {
            if let Some(trouble) = not_a_team(team) {
                checking.findings.at(team, trouble);
            }
            correlation_tag.insert((**team).clone());
        }
        Some(QuotaConfig {
            store: store?,
            unready_when_away: self.unready_when_away,
            release_on: self.release_on,
            join_window: self.join_window.0,
            correlation_tag,
            reconcile,
            rate,
        })
    }

    fn store(&self, checking: &mut Checking<'_, '_>) -> Option<QuotaStore> {
        // Checked whichever the store is: all mistakes at once.
        let server = self.postgres.as_ref().map(|raw| (raw, raw.check(checking)));
        match (*self.store, server) {
            (StoreKind::Postgres, Some((_, settings))) => Some(QuotaStore::Postgres(Box::new(settings?))),
            (StoreKind::Postgres, None) => {
                let write = "e.g. [quota.postgres] with host = \"db.internal\" and password = { file = \"db.secret\" }";
                checking.findings.missing(&["quota", "postgres"], write);
                None
            }
            (kind, Some((raw, _))) => {
                // Replicas that each count for themselves would all hand the whole quota out.
                let kind = if kind == StoreKind::None { "none" } else { "sqlite" };
                let text = format!(
                    "a server is named, but quota.store is {kind:?}, so it would not be used; write store = \"postgres\" or take this section out"
                );
                checking.findings.at(raw, text);
                None
            }
            (StoreKind::Sqlite, None) => Some(QuotaStore::Sqlite(self.place(checking))),
            (StoreKind::None, None) => Some(QuotaStore::None),
        }
    }

    fn place(&self, checking: &mut Checking<'_, '_>) -> PathBuf {
        let path = checking.directory.join(&*self.file);
        let place = path.parent().is_some_and(|parent| parent.is_dir());
        if !place || path.is_dir() || self.file.as_os_str().is_empty() {
            let text = format!(
                "{} cannot be the ledger's file: create its directory, and name a file in it",
                path.display()
            );
            checking.findings.at(&self.file, text);
        }
        path
    }
}
