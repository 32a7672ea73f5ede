//! What the path says to the ledger and hears from it.

use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::Millis;
use crate::api::view::Create;
use crate::policy::answer::Resource;
use crate::policy::verdict::{Effect, JudgedClaim};

/// What is to be booked before it is sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// The decision's id; one booking per id.
    pub id: Uuid,
    /// Who asks.
    pub asker: Asker,
    /// The cloud account.
    pub account: String,
    /// What is called.
    pub call: Called,
    /// How many machines are asked for; 0 for a change.
    pub instances: u32,
    /// What it would use up.
    pub claims: Vec<JudgedClaim>,
    /// The view of a create, by which its machines are recognised and priced again; none for a change.
    pub view: Option<Arc<Create>>,
    /// By what it is known again.
    pub marks: Marks,
    /// Whether its client was seen to have gone before it could be booked.
    pub left: bool,
}

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The team, whose quota it is.
    pub team: String,
    /// The gateway's key.
    pub key: String,
    /// The address it came from.
    pub address: String,
    /// Whether it is the Go SDK, which resends the bytes that it signed once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub go_sdk: bool,
}

/// An action of the cloud, by its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The service.
    pub service: CompactString,
    /// The action.
    pub action: CompactString,
    /// Its version.
    pub version: CompactString,
}

impl Called {
    /// The names of a call.
    pub fn of(call: &crate::api::Call) -> Self {
        Self {
            service: CompactString::const_new(call.action.service),
            action: CompactString::const_new(call.action.name),
            version: CompactString::const_new(call.version),
        }
    }
}

/// By what a request is known again when it comes a second time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Its signature, in hex; none where a token proved who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// A keyed digest over account, team, call and document: equal for equal orders, whenever they were signed. Creates only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The same as it was made before ledgers had a key of their own: creates that were booked by then are known by it.
    #[serde(skip)]
    pub former: Option<String>,
    /// What the client calls it, where it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Requests with the same signature whose connections were closed when this one came: it may repeat one of them.
    #[serde(skip)]
    pub closed_before: Vec<Uuid>,
    /// When that was looked at, in ms of the gateway's clock: right after the look, so that what is written with an earlier time and
    /// was not seen any more is not missed.
    #[serde(skip)]
    pub looked: Millis,
}

impl Marks {
    /// Those that mean something after the request.
    pub fn lasting(&self) -> Self {
        Self { closed_before: Vec::new(), looked: 0, former: None, ..self.clone() }
    }

    /// All fingerprints that an equal order may have been booked under.
    pub fn fingerprints(&self) -> impl Iterator<Item = &String> {
        self.fingerprint.iter().chain(&self.former)
    }
}

/// What the ledger says to an order.
#[derive(Debug)]
pub enum Admission {
    /// It is booked and may be sent.
    Booked {
        /// The booking.
        hold: super::Hold,
        /// Limits that it exceeds without being refused for it, because they only warn, shadow or are exempted from.
        over: Vec<Over>,
    },
    /// It is the same as an earlier create whose client has gone: that one's answer is this one's.
    Joined {
        /// The earlier create.
        first: Uuid,
        /// Its answer.
        answer: StoredAnswer,
    },
}

/// An answer of the cloud that may have to be given a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The status.
    pub status: u16,
    /// The body, byte for byte; answers of creates hold no secrets.
    pub body: String,
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// These instances were made; `missing` of those asked for are unaccounted for and stay held.
    Created {
        /// The cloud's ids.
        ids: Vec<CompactString>,
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
    /// The same request was here before, and sending it again could make twice what was asked for once.
    #[error(transparent)]
    Repeated(#[from] Repeated),
    /// The store cannot be reached.
    #[error(transparent)]
    Away(#[from] LedgerAway),
    /// More wait to be booked than the ledger takes.
    #[error("the ledger's queue is full")]
    Busy,
}

/// Why a request that was here before is not sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Repeated {
    /// An equal create ended with an outcome that nobody knows yet.
    #[error("an equal create has an unknown outcome")]
    Unknown {
        /// The earlier one.
        first: Uuid,
    },
    /// The same signed request was answered some time ago.
    #[error("the same signed request was answered before")]
    Answered {
        /// The earlier one.
        first: Uuid,
        /// What it made.
        ids: Vec<CompactString>,
    },
    /// Too many equal signed requests are on their way.
    #[error("too many equal requests at once")]
    Twins,
    /// Its client had gone before it was booked, and what looks the same and came later is on its way or done.
    #[error("its client has gone, and an equal request took its place")]
    Overtaken {
        /// The one that came later.
        by: Uuid,
    },
    /// The idempotency key was used for another order.
    #[error("the idempotency key was used for another request")]
    OtherOrder {
        /// The earlier one.
        first: Uuid,
    },
    /// The earlier create ran, but its answer is not kept any more.
    #[error("the answer of the earlier request is not kept any more")]
    AnswerLost {
        /// The earlier one.
        first: Uuid,
        /// What it made.
        ids: Vec<CompactString>,
    },
}

/// The store cannot be reached or refuses to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the quota ledger cannot be reached")]
pub struct LedgerAway;

/// A limit that an order would exceed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// Whose.
    pub scope: String,
    /// Of what.
    pub resource: Resource,
    /// Counted as used.
    pub used: u64,
    /// Held for creates on their way or of unknown outcome.
    pub held: u64,
    /// Asked for.
    pub asked: u64,
    /// The limit.
    pub limit: u64,
}

/// A limit that an order exceeds without being refused for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The rule.
    pub rule: String,
    /// What becomes of it.
    pub effect: Effect,
    /// The figures.
    pub exceeded: Exceeded,
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
