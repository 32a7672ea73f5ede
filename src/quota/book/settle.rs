//! How did it end? A booking ends once; the same end again changes nothing, another end is an error that loses no machine.

use compact_str::CompactString;
use uuid::Uuid;

use super::{Book, State};
use crate::quota::event::{ClientNews, Event, Millis, Resolver};
use crate::quota::order::{Settlement, StoredAnswer};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It ends now.
    Now,
    /// It had ended like this already.
    Already,
}

/// It had ended otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("booking {id} was settled as {was} before")]
pub struct Conflict {
    /// The booking.
    pub id: Uuid,
    /// How it had ended; `forgotten` when nothing is known of it.
    pub was: &'static str,
}

/// An outcome that leaves no more unaccounted for than was asked for beyond the instances it names.
fn within(outcome: Settlement, asked: u32) -> Settlement {
    match outcome {
        Settlement::Created { ids, missing } => {
            let named = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            Settlement::Created { missing: missing.min(asked.saturating_sub(named)), ids }
        }
        other => other,
    }
}

impl Book {
    /// Ends a booking, by the process that sent it.
    ///
    /// # Errors
    /// [`Conflict`]; the events with it still count instances that the book would miss.
    pub fn settle(
        &self,
        id: Uuid,
        outcome: Settlement,
        answer: Option<StoredAnswer>,
        now: Millis,
    ) -> (Result<Settled, Conflict>, Vec<Event>) {
        let Some(booking) = self.bookings.get(&id) else {
            return (Err(Conflict { id, was: "forgotten" }), Vec::new());
        };
        let outcome = within(outcome, booking.asked);
        let ends = |outcome| vec![Event::Settled { id, at: now, outcome, answer }];
        match (&booking.state, outcome) {
            (State::InFlight, outcome) => (Ok(Settled::Now), ends(outcome)),
            (State::Unknown { .. } | State::Escalated { .. }, Settlement::Unknown) => {
                (Ok(Settled::Already), Vec::new())
            }
            (State::Unknown { .. } | State::Escalated { .. }, outcome) => (Ok(Settled::Now), ends(outcome)),
            (State::Created, Settlement::Created { ids, .. })
                if ids.iter().all(|id| booking.ids.contains(id)) =>
            {
                (Ok(Settled::Already), Vec::new())
            }
            (State::Void, Settlement::Void) => (Ok(Settled::Already), Vec::new()),
            // Instances that exist must count, whatever was thought before.
            (state, Settlement::Created { ids, .. }) => {
                let new: Vec<CompactString> =
                    ids.into_iter().filter(|id| !booking.ids.contains(id)).collect();
                let outcome = Settlement::Created { ids: new, missing: 0 };
                (Err(Conflict { id, was: state.as_str() }), ends(outcome))
            }
            (state, _) => (Err(Conflict { id, was: state.as_str() }), Vec::new()),
        }
    }

    /// News of the client of `request`, which is the booking's own or joined it. None where it is no news.
    pub fn client(&self, id: Uuid, request: Uuid, news: ClientNews, now: Millis) -> Option<Event> {
        let booking = self.bookings.get(&id)?;
        let client = &booking.client;
        let fresh = client.request == request
            && match news {
                ClientNews::Left => !client.left && client.delivered.is_none(),
                ClientNews::Delivered => client.delivered.is_none(),
                ClientNews::Closed => client.closed.is_none(),
            };
        fresh.then_some(Event::Client { id, at: now, news })
    }

    /// What a process leaves behind when it dies: its bookings in flight are unknown.
    pub fn orphan(&self, owner: Uuid, now: Millis) -> Option<Event> {
        let any =
            self.bookings.values().any(|booking| booking.owner == owner && booking.state == State::InFlight);
        any.then_some(Event::Orphaned { owner, at: now })
    }

    /// Ends an unknown outcome by a person's word.
    ///
    /// # Errors
    /// [`Conflict`] where it is not unknown.
    pub fn release(
        &self,
        id: Uuid,
        outcome: Settlement,
        operator: &str,
        why: &str,
        now: Millis,
    ) -> Result<Event, Conflict> {
        let booking = self.bookings.get(&id).ok_or(Conflict { id, was: "forgotten" })?;
        let rest = booking.state == State::Created && booking.missing > 0;
        if booking.state.unknown_since().is_none() && !rest {
            return Err(Conflict { id, was: booking.state.as_str() });
        }
        let by = Resolver::Operator { name: operator.to_owned() };
        Ok(Event::Resolved { id, at: now, outcome, by, why: why.to_owned() })
    }
}
