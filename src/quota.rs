//! Booking what is handed out. Knows no HTTP.
//!
//! The gateway talks to one interface, [`Ledger`]: reserve all claims of a create in one step before its first byte
//! leaves, settle them when the outcome is known. Until the store arrives, [`Uncounted`] stands behind it: it admits
//! what has no limit and refuses any claim that has one, because a limit that nobody keeps must not look kept.

pub mod store;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use uuid::Uuid;

use crate::policy::answer::Resource;
use crate::policy::verdict::{Effect, JudgedClaim};

/// What the ledger's methods give back.
pub type Booking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps count of what has been handed out.
pub trait Ledger: Send + Sync + 'static {
    /// Books all claims of an order, durably, or none of them.
    fn reserve(&self, order: Order) -> Booking<'_, Result<Hold, ReserveError>>;

    /// Records how an order ended. An error leaves the hold counted.
    fn settle(&self, hold: Hold, settlement: Settlement) -> Booking<'_, Result<(), LedgerAway>>;
}

/// What is to be booked.
#[derive(Clone, Debug)]
pub struct Order {
    /// The decision's id; one booking per id.
    pub id: Uuid,
    /// The caller's team.
    pub team: String,
    /// The caller's key.
    pub key: String,
    /// The cloud account.
    pub account: String,
    /// How many machines are asked for; 0 for a change.
    pub instances: u32,
    /// What it would use up.
    pub claims: Vec<JudgedClaim>,
}

/// A booking that waits for its outcome. Dropping it without [`Ledger::settle`] leaves it counted.
#[must_use = "a hold that is never settled stays counted"]
#[derive(Debug)]
pub struct Hold {
    /// The order's id.
    pub id: Uuid,
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// These instances were made; `missing` of those asked for are unaccounted for and stay held.
    Created {
        /// The cloud's ids.
        ids: Vec<String>,
        /// How many were asked for beyond the ids.
        missing: u32,
    },
    /// Certainly nothing ran.
    Void,
    /// Nobody knows; stays held until it is reconciled.
    Unknown,
}

/// Why nothing was booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    /// Limits would be exceeded: all of them.
    #[error("quota exceeded")]
    Exceeded(Vec<Exceeded>),
    /// The claims carry a limit and there is no store to keep it.
    #[error("a quota rule sets a limit, but no quota store is configured")]
    NoStore,
    /// The store cannot be reached.
    #[error(transparent)]
    Away(#[from] LedgerAway),
}

/// The store cannot be reached or refuses to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the quota ledger cannot be reached")]
pub struct LedgerAway;

/// A limit that an order would exceed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exceeded {
    /// Whose.
    pub scope: String,
    /// Of what.
    pub resource: Resource,
    /// Counted as used.
    pub used: u64,
    /// Held for creates on their way.
    pub held: u64,
    /// Asked for.
    pub asked: u64,
    /// The limit.
    pub limit: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {}: {} used, {} held, {} asked, limit {}",
            self.resource.as_str(),
            self.scope,
            self.used,
            self.held,
            self.asked,
            self.limit
        )
    }
}

/// Books nothing and admits only what needs no booking.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uncounted;

impl Ledger for Uncounted {
    fn reserve(&self, order: Order) -> Booking<'_, Result<Hold, ReserveError>> {
        Box::pin(async move {
            let binding =
                |judged: &JudgedClaim| judged.claim.limit.is_some() && judged.over_limit == Effect::Refused;
            if order.claims.iter().any(binding) {
                return Err(ReserveError::NoStore);
            }
            Ok(Hold { id: order.id })
        })
    }

    fn settle(&self, _hold: Hold, _settlement: Settlement) -> Booking<'_, Result<(), LedgerAway>> {
        Box::pin(async { Ok(()) })
    }
}
