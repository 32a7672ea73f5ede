//! May this be sent? All claims at once, or none.

use uuid::Uuid;

use super::{Book, Fence, Past, State};
use crate::policy::verdict::{Effect, JudgedClaim};
use crate::quota::event::{Event, Line, Millis, Reserved, ScopeLimit};
use crate::quota::order::{Exceeded, Order, Over, Repeated};

/// What is decided by, beside the book.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// The same request again.
    pub fence: Fence,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It is booked once the events are durable.
    Booked(Vec<Over>),
    /// It waits for the answer of this create.
    Join(Uuid),
    /// These limits would be exceeded.
    Exceeded(Vec<Exceeded>),
    /// It was here before.
    Repeated(Repeated),
}

impl Book {
    /// Decides an order of the process `owner`, and gives the events that make it so.
    pub fn reserve(
        &self,
        order: &Order,
        owner: Uuid,
        now: Millis,
        rules: &Rules,
    ) -> (Reservation, Vec<Event>) {
        if let Some(booking) = self.bookings.get(&order.id) {
            // An id has one outcome for ever. Its own process asks again when it does not know whether its words arrived.
            let same = booking.owner == owner && booking.state == State::InFlight;
            let first = order.id;
            return if same {
                (Reservation::Booked(Vec::new()), Vec::new())
            } else {
                (Reservation::Repeated(Repeated::Unknown { first }), Vec::new())
            };
        }
        if order.instances > 0 {
            match rules.fence.look(self, order, now) {
                Past::New => {}
                Past::Join(first) => {
                    let joined = Event::Joined { id: first, by: order.id, at: now };
                    return (Reservation::Join(first), vec![joined]);
                }
                Past::Refused(repeated) => return (Reservation::Repeated(repeated), Vec::new()),
            }
        }
        let mut events: Vec<Event> = self.limits(order, now).into_iter().collect();
        let (refused, over) = self.exceeded(&order.claims);
        if !refused.is_empty() {
            return (Reservation::Exceeded(refused), events);
        }
        events.push(Event::Reserved(Box::new(Reserved {
            id: order.id,
            at: now,
            owner,
            asker: order.asker.clone(),
            account: order.account.clone(),
            call: order.call.clone(),
            instances: order.instances,
            claims: lines(&order.claims),
            view: order.view.clone(),
            marks: order.marks.lasting(),
        })));
        (Reservation::Booked(over), events)
    }

    /// Every limit that an order with these claims would exceed: those that refuse it, and those that only tell.
    pub fn exceeded(&self, claims: &[JudgedClaim]) -> (Vec<Exceeded>, Vec<Over>) {
        let (mut refused, mut over) = (Vec::new(), Vec::new());
        for claim in claims.iter().filter(|claim| claim.amount > 0) {
            let tally = self.tally(&claim.scope, claim.resource);
            let mut strictest: Option<u64> = None;
            for limit in &claim.limits {
                if tally.total().saturating_add(claim.amount) <= limit.limit {
                    continue;
                }
                if limit.effect == Effect::Refused {
                    strictest = Some(strictest.map_or(limit.limit, |least| least.min(limit.limit)));
                    continue;
                }
                let exceeded = Exceeded {
                    scope: claim.scope.to_string(),
                    resource: claim.resource,
                    used: tally.used,
                    held: tally.held(),
                    asked: claim.amount,
                    limit: limit.limit,
                };
                over.push(Over { rule: limit.rule.to_string(), effect: limit.effect, exceeded });
            }
            if let Some(limit) = strictest {
                refused.push(Exceeded {
                    scope: claim.scope.to_string(),
                    resource: claim.resource,
                    used: tally.used,
                    held: tally.held(),
                    asked: claim.amount,
                    limit,
                });
            }
        }
        (refused, over)
    }

    /// What the rules say of limits now, where the book says something else.
    fn limits(&self, order: &Order, now: Millis) -> Option<Event> {
        let news = |claim: &&JudgedClaim| {
            let known = self.tallies.get(&claim.scope, claim.resource);
            known.map(|tally| (tally.limit, tally.until, tally.otherwise)).unwrap_or_default() != least(claim)
        };
        let limits: Vec<ScopeLimit> = order.claims.iter().filter(news).map(scope_limit).collect();
        (!limits.is_empty()).then_some(Event::Limits { at: now, limits })
    }
}

/// What claims count, where they count anything.
pub fn lines(claims: &[JudgedClaim]) -> Vec<Line> {
    let claims = claims.iter().filter(|claim| claim.amount > 0);
    let line = |claim: &JudgedClaim| Line {
        scope: claim.scope.to_string(),
        resource: claim.resource,
        amount: claim.amount,
    };
    claims.map(line).collect()
}

/// The least limit of a claim that refuses.
pub fn scope_limit(claim: &JudgedClaim) -> ScopeLimit {
    let (limit, until, otherwise) = least(claim);
    ScopeLimit { scope: claim.scope.to_string(), resource: claim.resource, limit, until, otherwise }
}

/// The least limit of a claim that refuses, until when, and what holds after that.
fn least(claim: &JudgedClaim) -> (Option<u64>, Option<Millis>, Option<u64>) {
    let refusing = claim.limits.iter().filter(|limit| limit.effect == Effect::Refused);
    let least = refusing.min_by_key(|limit| limit.limit);
    (
        least.map(|limit| limit.limit),
        least.and_then(|limit| limit.temporary_until).map(jiff::Timestamp::as_millisecond),
        least.and_then(|limit| limit.otherwise),
    )
}
