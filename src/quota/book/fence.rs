//! The same request again: what an earlier create means for one that looks like it.
//!
//! The cloud has no idempotency token, honest twins within a second carry the same signature, and the Go SDK sends the same bytes
//! again after a failure. So what counts is the state of the earlier create and whether its client has its answer:
//!
//! | earlier create                        | same signature                          | equal order, signed anew |
//! |---------------------------------------|-----------------------------------------|--------------------------|
//! | shed, denied, void                    | pass                                    | pass                     |
//! | in flight, client waits               | pass: a twin, at most ten               | pass                     |
//! | in flight, client gone                | join                                    | join, for `join` long    |
//! | created, answer not delivered         | that answer                             | that answer, for `join` long |
//! | created, delivered                    | pass for 2 s, later refused; the Go SDK gets the answer again, where the connection that got it was closed before | pass: a new order |
//! | outcome unknown                       | refused                                 | refused                  |
//!
//! What comes here after its own client has gone, and after an equal one, is not sent: the second one is what the client wants.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Book, Booking, State};
use crate::quota::event::Millis;
use crate::quota::order::{Asker, Called, Marks, Order, Repeated};

/// How long things are remembered; the operator's choice where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// For how long after its end an equal order joins a create whose client went away, in ms.
    pub join: Millis,
    /// For how long after the first one a request with its signature is an honest twin, in ms: signatures hold the second.
    pub twins: Millis,
    /// How many twins may be in flight at a time.
    pub most_twins: usize,
}

impl Default for Fence {
    fn default() -> Self {
        Self { join: 15 * 60 * 1000, twins: 2_000, most_twins: 10 }
    }
}

/// What the past means for a create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing: it is an order of its own.
    New,
    /// It takes the place of a client that went away from this create.
    Join(Uuid),
    /// It must not be sent.
    Refused(Repeated),
}

impl Fence {
    /// Looks a create up.
    pub fn look(&self, book: &Book, order: &Order, now: Millis) -> Past {
        let (asker, marks) = (&order.asker, &order.marks);
        let named = marks.idempotency_key.as_ref().and_then(|key| {
            let id = book.by_idempotency_key.get(&(asker.team.clone(), key.clone()))?;
            Some((*id, book.bookings.get(id)?))
        });
        if let Some((id, booking)) = named {
            let same = booking.marks.fingerprint == marks.fingerprint
                || marks.fingerprints().any(|mark| booking.marks.fingerprint.as_ref() == Some(mark));
            if !same {
                return Past::Refused(Repeated::OtherOrder { first: id });
            }
            match self.named(id, booking) {
                Past::New => {}
                past => return past,
            }
        }
        let equal = Self::of(book, book.equal(marks));
        if let Some((first, _)) =
            equal.iter().find(|(_, booking)| booking.state.unknown_since().is_some() && booking.asked > 0)
        {
            return Past::Refused(Repeated::Unknown { first: *first });
        }
        let signed = marks.signature.clone().map(|signature| (asker.key.clone(), signature));
        let signed =
            Self::of(book, signed.and_then(|mark| book.by_signature.get(&mark)).into_iter().flatten());
        if order.left
            && let Some(by) = self.overtaken(&signed, &equal, now)
        {
            return Past::Refused(Repeated::Overtaken { by });
        }
        match self.signed(&signed, order, now) {
            Past::New => {}
            past => return past,
        }
        // A client that names its orders says itself which of them are the same.
        if marks.idempotency_key.is_some() {
            return Past::New;
        }
        let undelivered = equal.iter().find(|(_, booking)| self.waits(booking, now));
        undelivered.map_or(Past::New, |(id, _)| Past::Join(*id))
    }

    fn of<'a>(book: &'a Book, ids: impl Iterator<Item = &'a Uuid>) -> Vec<(Uuid, &'a Booking)> {
        ids.filter_map(|id| Some((*id, book.bookings.get(id)?)))
            .filter(|(_, found)| found.asked > 0)
            .collect()
    }

    /// Whether a create's answer waits for somebody to fetch it.
    fn waits(&self, booking: &Booking, now: Millis) -> bool {
        let ended = match booking.state {
            State::InFlight => return booking.client.left,
            State::Created => booking.changed,
            State::Unknown { .. } | State::Escalated { .. } | State::Void => return false,
        };
        booking.client.left && booking.answer.is_some() && now.saturating_sub(ended) <= self.join
    }

    /// A client may give up and ask again before its first request has come this far: the second one is what it wants.
    fn overtaken(
        &self,
        signed: &[(Uuid, &Booking)],
        equal: &[(Uuid, &Booking)],
        now: Millis,
    ) -> Option<Uuid> {
        let live = |state: &State| matches!(state, State::InFlight | State::Created);
        let fresh = |booking: &Booking| now.saturating_sub(booking.at) <= self.twins;
        let signed = signed.iter().find(|(_, booking)| live(&booking.state));
        let equal = || equal.iter().find(|(_, booking)| live(&booking.state) && fresh(booking));
        signed.or_else(equal).map(|(id, _)| *id)
    }

    /// A create that the client itself calls the same.
    fn named(&self, id: Uuid, booking: &Booking) -> Past {
        match booking.state {
            State::InFlight => Past::Join(id),
            State::Created if booking.answer.is_some() => Past::Join(id),
            State::Created => Past::Refused(Repeated::AnswerLost { first: id, ids: booking.ids.clone() }),
            State::Unknown { .. } | State::Escalated { .. } => Past::Refused(Repeated::Unknown { first: id }),
            State::Void => Past::New,
        }
    }

    /// Creates with the very signature of this one.
    fn signed(&self, signed: &[(Uuid, &Booking)], order: &Order, now: Millis) -> Past {
        let live = |state: &State| *state != State::Void;
        let signed: Vec<&(Uuid, &Booking)> =
            signed.iter().filter(|(_, booking)| live(&booking.state)).collect();
        let Some((_, oldest)) = signed.iter().min_by_key(|(_, booking)| booking.at) else {
            return Past::New;
        };
        if let Some((id, _)) = signed.iter().find(|(_, booking)| self.waits(booking, now)) {
            return Past::Join(*id);
        }
        // A repetition is sent because the connection broke. What was on its way by then is an order of its own: a client that sends
        // ten equal ones at once closes the connections of those that end first.
        let closed = |booking: &Booking| {
            let before = booking.client.closed.is_some_and(|at| {
                at <= order.marks.looked || order.marks.closed_before.contains(&booking.client.request)
            });
            booking.asker.go_sdk && booking.state == State::Created && before && booking.answer.is_some()
        };
        if order.asker.go_sdk
            && let Some((id, _)) = signed.iter().find(|(_, booking)| closed(booking))
        {
            return Past::Join(*id);
        }
        let flying = signed.iter().filter(|(_, booking)| booking.state == State::InFlight).count();
        if flying >= self.most_twins {
            return Past::Refused(Repeated::Twins);
        }
        // A clock that was set back must not make an old one young again.
        let fresh = now.abs_diff(oldest.at) <= self.twins.unsigned_abs();
        let answered = signed.iter().find(|(_, booking)| booking.state == State::Created);
        match answered {
            Some((first, booking)) if !fresh => {
                Past::Refused(Repeated::Answered { first: *first, ids: booking.ids.clone() })
            }
            _ => Past::New,
        }
    }
}

impl Book {
    /// Bookings with the fingerprint of an order.
    fn equal<'a>(&'a self, marks: &'a Marks) -> impl Iterator<Item = &'a Uuid> {
        marks.fingerprints().filter_map(|mark| self.by_fingerprint.get(mark)).flatten()
    }

    /// Creates that an order could be the same as, each with the request that waits for its answer or got it.
    pub fn alike(&self, asker: &Asker, marks: &Marks) -> BTreeSet<(Uuid, Uuid)> {
        let signature = marks.signature.clone().map(|signature| (asker.key.clone(), signature));
        let signed = signature.and_then(|mark| self.by_signature.get(&mark));
        let ids = self.equal(marks).chain(signed.into_iter().flatten());
        let open = |booking: &Booking| {
            matches!(booking.state, State::InFlight | State::Created) && booking.client.closed.is_none()
        };
        ids.filter_map(|id| Some((*id, self.bookings.get(id)?)))
            .filter(|(_, booking)| open(booking))
            .map(|(id, booking)| (id, booking.client.request))
            .collect()
    }

    /// The first request that used a key's signature for another action.
    pub fn used_for_another(&self, key: &str, signature: &str, call: &Called) -> Option<&Booking> {
        let ids = self.by_signature.get(&(key.to_owned(), signature.to_owned()))?;
        let uses = ids.iter().filter_map(|id| self.bookings.get(id));
        uses.filter(|booking| booking.call != *call).min_by_key(|booking| booking.at)
    }
}
