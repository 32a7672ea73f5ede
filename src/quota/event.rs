//! What the journal says: everything that ever changed the count, in order.
//!
//! The count is always a fold of these events ([`super::book::Book`]); nothing is counted that is not written here first. Times are
//! milliseconds since 1970 by the writer's clock; nothing but how long something is remembered is decided by them.

mod sparse;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::order::{Asker, Called, Marks, Settlement, StoredAnswer};
use crate::api::view::Create;
use crate::policy::answer::Resource;

/// Milliseconds since 1970.
pub type Millis = i64;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A request is about to be sent; what it claims is held.
    Reserved(Box<Reserved>),
    /// How it ended, by the process that sent it.
    Settled {
        /// The booking.
        id: Uuid,
        /// When.
        at: Millis,
        /// How.
        outcome: Settlement,
        /// The cloud's answer, kept for a client that did not get it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<StoredAnswer>,
    },
    /// What is known of the client of a create.
    Client {
        /// The booking.
        id: Uuid,
        /// When.
        at: Millis,
        /// What.
        news: ClientNews,
    },
    /// Another request has taken the place of a client that went away.
    Joined {
        /// The booking.
        id: Uuid,
        /// The request that waits for its answer now.
        by: Uuid,
        /// When.
        at: Millis,
    },
    /// The process that held these bookings is dead: what was in flight is unknown.
    Orphaned {
        /// The process.
        owner: Uuid,
        /// When.
        at: Millis,
    },
    /// An unknown outcome is known now.
    Resolved {
        /// The booking.
        id: Uuid,
        /// When.
        at: Millis,
        /// How it had ended.
        outcome: Settlement,
        /// Who found out.
        by: Resolver,
        /// What it was decided by, for people.
        why: String,
    },
    /// An unknown outcome that the reconciler cannot decide; people have to.
    Escalated {
        /// The booking.
        id: Uuid,
        /// When.
        at: Millis,
        /// Why.
        why: String,
    },
    /// A machine that was made around the gateway is counted from now on.
    Adopted {
        /// The machine.
        machine: MachineId,
        /// When.
        at: Millis,
        /// The team that it counts for.
        team: String,
        /// What it uses.
        claims: Vec<Line>,
        /// What it is, for pricing it again.
        #[serde(serialize_with = "sparse::view")]
        view: Arc<Create>,
        /// What it was decided by, for people.
        why: String,
    },
    /// A machine was seen in a listing for the first time.
    Seen {
        /// The machine.
        machine: MachineId,
        /// When.
        at: Millis,
    },
    /// A machine counts differently now: it was moved or changed, or the quota rules were.
    Repriced {
        /// The machine.
        machine: MachineId,
        /// When.
        at: Millis,
        /// The team that it counts for.
        team: String,
        /// What it uses.
        claims: Vec<Line>,
        /// What it is now, where that was seen.
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "sparse::optional")]
        view: Option<Arc<Create>>,
        /// Why.
        why: String,
    },
    /// A booking counts differently now, because the quota rules were changed.
    Reheld {
        /// The booking.
        id: Uuid,
        /// When.
        at: Millis,
        /// What all that it asked for uses.
        claims: Vec<Line>,
    },
    /// A machine is counted no more.
    Released {
        /// The machine.
        machine: MachineId,
        /// When.
        at: Millis,
        /// Why.
        why: String,
    },
    /// The limits that the rules set, as last seen.
    Limits {
        /// When.
        at: Millis,
        /// The limits of these scopes; those of others stay.
        limits: Vec<ScopeLimit>,
    },
    /// Everything is counted by these rules now.
    Priced {
        /// The digest of the rules.
        digest: String,
        /// When.
        at: Millis,
    },
}

/// A request before it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reserved {
    /// The decision's id.
    pub id: Uuid,
    /// When.
    pub at: Millis,
    /// The process that sends it.
    pub owner: Uuid,
    /// Who asks.
    pub asker: Asker,
    /// The cloud account.
    pub account: String,
    /// What is called.
    pub call: Called,
    /// How many machines are asked for; 0 for a change.
    pub instances: u32,
    /// What all of them use.
    pub claims: Vec<Line>,
    /// What is asked for; creates only.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "sparse::optional")]
    pub view: Option<Arc<Create>>,
    /// By what it is known again.
    pub marks: Marks,
}

/// What is known of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientNews {
    /// It went away before it had the answer.
    Left,
    /// It has the answer.
    Delivered,
    /// The connection on which it got the answer is closed.
    Closed,
}

/// Who found out how something had ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolver {
    /// The reconciler, from listings.
    Reconciler,
    /// The gateway itself: it knows that nothing was sent.
    Gateway,
    /// A person.
    Operator {
        /// Who.
        name: String,
    },
}

/// An amount of a resource that counts in a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// Whose, e.g. `team/payments/zone/SEL-A`.
    pub scope: String,
    /// Of what.
    pub resource: Resource,
    /// How much.
    pub amount: u64,
}

/// The limits of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeLimit {
    /// Whose.
    pub scope: String,
    /// Of what.
    pub resource: Resource,
    /// The least that refuses; none where nothing does.
    pub limit: Option<u64>,
    /// Until when a temporary limit holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// What holds after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<u64>,
}

/// A machine of the cloud.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId {
    /// The cloud account.
    pub account: String,
    /// The service: `vm`, `bmc` or `zec`.
    pub service: String,
    /// The cloud's id.
    pub id: String,
}
