//! One machine that counts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::view::Create;
use crate::quota::event::{Line, Millis};

/// A machine that counts as used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The team that it counts for.
    pub team: String,
    /// What it uses.
    pub claims: Arc<[Line]>,
    /// What it is, as a create of one.
    pub view: Option<Arc<Create>>,
    /// Since when it counts.
    pub since: Millis,
    /// The row of the journal since which it counts.
    pub row: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether a listing has shown it.
    pub seen: bool,
}

/// Where a machine comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Made through the gateway.
    Gateway {
        /// By this decision.
        decision: Uuid,
        /// With this key.
        key: String,
    },
    /// Made around it and found.
    Found {
        /// How it was attributed.
        why: String,
    },
}
