//! One request in the book, from before it was sent until it is forgotten.

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::view::Create;
use crate::quota::event::{Line, MachineId, Millis, Reserved};
use crate::quota::order::{Asker, Called, Marks, StoredAnswer};

/// A booking. See [`super::Book`] for its states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// The process that sends it.
    pub owner: Uuid,
    /// When it was booked.
    pub at: Millis,
    /// When its state changed last.
    pub changed: Millis,
    /// The row of the journal that changed its state last.
    pub changed_by: u64,
    /// Who asks.
    pub asker: Asker,
    /// The cloud account.
    pub account: String,
    /// What is called.
    pub call: Called,
    /// How many machines were asked for; 0 for a change.
    pub asked: u32,
    /// How many of them are not accounted for; they are held.
    pub missing: u32,
    /// What all that was asked for uses; shared with its machine, where it asked for one.
    pub claims: Arc<[Line]>,
    /// What was asked for; creates only. Shared with its machine, where it asked for one.
    pub view: Option<Arc<Create>>,
    /// By what it is known again.
    pub marks: Marks,
    /// Where it stands.
    pub state: State,
    /// The instances that it made.
    pub ids: Vec<CompactString>,
    /// The cloud's answer, while somebody may still ask for it.
    pub answer: Option<StoredAnswer>,
    /// Who waits for the answer, or has it.
    pub client: Client,
}

/// Where a booking stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Written down, perhaps being sent.
    InFlight,
    /// Nobody knows how it ended.
    Unknown {
        /// Since when.
        since: Millis,
    },
    /// The reconciler cannot decide.
    Escalated {
        /// Since when its outcome is unknown.
        since: Millis,
        /// Why it cannot.
        why: String,
    },
    /// The cloud named instances.
    Created,
    /// Certainly nothing ran.
    Void,
}

/// Who waits for an answer, or has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The request that waits: the booking's own, or one that joined it.
    pub request: Uuid,
    /// It went away before it had the answer.
    pub left: bool,
    /// It has the answer, since.
    pub delivered: Option<Millis>,
    /// The connection on which it got the answer is closed, since.
    pub closed: Option<Millis>,
}

impl State {
    /// The word for people and labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Unknown { .. } => "unknown",
            Self::Escalated { .. } => "escalated",
            Self::Created => "created",
            Self::Void => "void",
        }
    }

    /// Since when nobody knows, if nobody does.
    pub fn unknown_since(&self) -> Option<Millis> {
        match self {
            Self::Unknown { since } | Self::Escalated { since, .. } => Some(*since),
            Self::InFlight | Self::Created | Self::Void => None,
        }
    }
}

impl Booking {
    pub(super) fn new(reserved: Reserved, row: u64) -> Self {
        let Reserved { id, at, owner, asker, account, call, instances, claims, view, marks } = reserved;
        Self {
            owner,
            at,
            changed: at,
            changed_by: row,
            asker,
            account,
            call,
            asked: instances,
            missing: instances,
            claims: claims.into(),
            view,
            marks,
            state: State::InFlight,
            ids: Vec::new(),
            answer: None,
            client: Client { request: id, left: false, delivered: None, closed: None },
        }
    }

    /// Whether nothing of it is held and nothing more is expected.
    pub fn is_over(&self) -> bool {
        match self.state {
            State::Created => self.missing == 0,
            State::Void => true,
            // A change holds nothing: what it did is seen in the next listing.
            State::Unknown { .. } => self.asked == 0,
            State::InFlight | State::Escalated { .. } => false,
        }
    }

    /// What it holds: the shares of the machines that are not accounted for.
    pub fn held(&self) -> Vec<Line> {
        self.holding().map(|(line, amount)| Line { amount, ..line.clone() }).collect()
    }

    /// The lines of its claims with what it holds of each; none where it holds nothing.
    pub(super) fn holding(&self) -> impl Iterator<Item = (&Line, u64)> {
        let missing = match self.state {
            State::Void => 0,
            State::Created | State::InFlight | State::Unknown { .. } | State::Escalated { .. } => {
                self.missing
            }
        };
        let first = self.asked.saturating_sub(missing);
        let share = move |line: &Line| {
            (first..self.asked).map(|unit| share(line.amount, self.asked, unit)).sum::<u64>()
        };
        let holds = if missing > 0 { self.claims.as_ref() } else { &[] };
        holds.iter().map(move |line| (line, share(line)))
    }

    /// What the machine uses that is the `unit`th of those asked for. One beyond them counts like the first.
    pub fn unit(&self, unit: u32) -> Arc<[Line]> {
        if self.asked == 1 {
            return Arc::clone(&self.claims);
        }
        let unit = if unit < self.asked { unit } else { 0 };
        let share = |line: &Line| Line { amount: share(line.amount, self.asked, unit), ..line.clone() };
        self.claims.iter().map(share).collect()
    }

    /// Its machines' names in the book.
    pub fn machine(&self, id: &str) -> MachineId {
        MachineId { account: self.account.clone(), service: self.call.service.to_string(), id: id.to_owned() }
    }
}

/// The share of the `unit`th of `units` machines; all shares together are `amount`.
fn share(amount: u64, units: u32, unit: u32) -> u64 {
    let (units, unit) = (u64::from(units.max(1)), u64::from(unit));
    let rest = u64::from(unit < amount.checked_rem(units).unwrap_or(0));
    amount.checked_div(units).unwrap_or(0).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up() {
        for amount in 0..40_u64 {
            for units in 1..9_u32 {
                let shares: Vec<u64> = (0..units).map(|unit| share(amount, units, unit)).collect();
                assert_eq!(shares.iter().sum::<u64>(), amount, "{amount} over {units}: {shares:?}");
                assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
            }
        }
    }
}
