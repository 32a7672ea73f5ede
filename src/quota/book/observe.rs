//! What a listing of the cloud says, held against the book. The only way in which a count changes without the gateway
//! having sent anything.
//!
//! Nothing is ever lowered on a listing that is not complete. A create in flight owns whatever looks like it, so nothing that
//! could be its is given to another or taken for an outsider. The gateway deletes nothing in the cloud.
//!
//! What is older than a listing is decided by rows of the journal, how long something lasts by one monotonic clock. The one
//! comparison with the cloud's clock is when a machine was made, and there more than the 300 s are allowed by which the cloud lets
//! a signature's time be off.

mod compare;

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use serde::Serialize;
use uuid::Uuid;

use compare::Comparison;

use super::Book;
use crate::api::view::Create;
use crate::quota::event::{Event, Line, MachineId, Millis};

/// What a listing of one service of one account showed.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The account.
    pub account: String,
    /// The service.
    pub service: String,
    /// Whether the listing is whole.
    pub complete: bool,
    /// When it was begun, in ms by the reconciler's monotonic clock: wall clocks step, and differ between replicas.
    pub asked_at: Millis,
    /// The last row of the book when it was begun: what is younger cannot be expected in it.
    pub asked_row: u64,
    /// What it showed.
    pub found: Vec<Found>,
    /// Machines of the book that it did not show and that, asked for by id, are not there either.
    pub absent: BTreeSet<String>,
}

/// A machine in a listing.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<CompactString>,
    /// When it was made.
    pub created: Option<Millis>,
    /// Whether it counts.
    pub life: Life,
    /// The decision that its correlation tag names.
    pub decision: Option<Uuid>,
    /// What it is, as a create of one.
    pub view: Create,
    /// The team that it counts for and what it uses, by the rules of now.
    pub team: String,
    /// What it uses.
    pub claims: Vec<Line>,
    /// The team that the book counted it for when that was worked out; none where the book did not know it. Meanwhile a create may
    /// have been settled, and what was worked out for a stranger is no word on a machine that has its owner.
    pub counted_for: Option<String>,
}

/// Where a machine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It exists.
    Live,
    /// Its creation failed.
    Failed,
    /// It is being released, or in the recycle bin.
    Leaving,
}

/// The operator's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long after an unknown outcome was first noticed listings are believed about it, in ms: the create's deadline and the
    /// time until a machine is listed lie within.
    pub settle_after: Millis,
    /// How many complete listings must not show a create before it is void.
    pub absent_lists: u32,
    /// Over how long these must be spread, in ms.
    pub absent_over: Millis,
    /// How far the cloud's clock may be behind, in ms; more than the 300 s that its signatures allow.
    pub skew: Millis,
    /// Whether machines made around the gateway are counted.
    pub adopt: bool,
    /// Whether machines that are gone are counted no more.
    pub drop_gone: bool,
    /// Whether a machine that is leaving is counted no more; otherwise only when it is gone.
    pub drop_leaving: bool,
    /// For how long after its release a machine may still be listed, in ms.
    pub linger: Millis,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            settle_after: 60_000,
            absent_lists: 3,
            absent_over: 180_000,
            skew: 360_000,
            adopt: true,
            drop_gone: true,
            drop_leaving: true,
            linger: 15 * 60_000,
        }
    }
}

/// A difference between the book and the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What is different.
    pub kind: Kind,
    /// The account.
    pub account: String,
    /// The service.
    pub service: String,
    /// The instance, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The booking, where it is about one.
    #[serde(serialize_with = "as_decision_id", skip_serializing_if = "Option::is_none")]
    pub decision: Option<Uuid>,
    /// The team.
    pub team: String,
    /// What was done about it, or why nothing was.
    pub why: String,
    /// Whether the book says what the cloud says now.
    pub repaired: bool,
}

fn as_decision_id<S: serde::Serializer>(id: &Option<Uuid>, serializer: S) -> Result<S::Ok, S::Error> {
    id.as_ref().map(crate::record::decision_id).serialize(serializer)
}

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The cloud has a machine that the book does not have.
    Extra,
    /// The book has a machine that the cloud does not have.
    Missing,
    /// A machine counts for another team or amount.
    Moved,
    /// The outcome of a create is not known yet.
    Unsettled,
}

impl Kind {
    /// The word for people and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Extra => "extra",
            Self::Missing => "missing",
            Self::Moved => "moved",
            Self::Unsettled => "unsettled",
        }
    }
}

/// What the reconciler remembers between listings, by its monotonic clock. A restart begins anew, which only takes longer.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    open: BTreeMap<Uuid, Noticed>,
    /// Machines that no listing has shown yet: since when they are looked for.
    unseen: BTreeMap<MachineId, Millis>,
}

/// A create whose outcome is open.
#[derive(Clone, Debug)]
struct Noticed {
    first: Millis,
    /// The complete listings, believed, that did not show it.
    absent: Vec<Millis>,
}

impl Book {
    /// Holds a listing against the book.
    pub fn observe(
        &self,
        findings: &Findings,
        policy: &Policy,
        memory: &mut Memory,
        now: Millis,
    ) -> (Vec<Event>, Vec<Drift>) {
        let (events, drift, assigned) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut comparison = Comparison { book: self, findings, policy, now, events, drift, assigned };
        comparison.known();
        comparison.unsettled(memory);
        comparison.outsiders();
        if findings.complete {
            comparison.missing(memory);
        }
        (comparison.events, comparison.drift)
    }
}

/// Whether two lists of lines count the same.
pub fn same(one: &[Line], other: &[Line]) -> bool {
    let set = |lines: &[Line]| lines.iter().filter(|line| line.amount > 0).cloned().collect::<BTreeSet<_>>();
    set(one) == set(other)
}
