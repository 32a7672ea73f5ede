//! Quota in the order of the records: the ledger's own book, in memory, from nothing.

use compact_str::{CompactString, format_compact};
use uuid::Uuid;

use super::past::{Judged, Word};
use crate::quota::book::{Book, Reservation, Rules};
use crate::quota::event::{Event, MachineId};
use crate::quota::{Asker, Called, Marks, Order, Settlement};
use crate::record::parse_decision_id;

/// A book and what decides by it.
#[derive(Default)]
pub(super) struct Counting {
    book: Book,
    rules: Rules,
}

impl Counting {
    /// Counts what the rules let pass; what goes over a limit is refused after all.
    pub(super) fn count(&mut self, judged: &mut Judged) {
        if judged.after != Word::Allowed {
            return;
        }
        let now = judged.at.as_millisecond();
        if judged.upstream.status == Some(200) {
            for id in judged.releases.drain(..) {
                let machine =
                    MachineId { account: judged.account.clone(), service: judged.service.clone(), id };
                if self.book.machine(&machine).is_some() {
                    self.book.apply(Event::Released { machine, at: now, why: "replayed".to_owned() });
                }
            }
        }
        let Some(id) = parse_decision_id(&judged.decision).filter(|_| judged.count > 0) else { return };
        let order = order(judged, id);
        let (reservation, events) = self.book.reserve(&order, Uuid::nil(), now, &self.rules);
        events.into_iter().for_each(|event| self.book.apply(event));
        match reservation {
            Reservation::Booked(_) => {
                let (_, events) = self.book.settle(id, settlement(judged), None, now);
                events.into_iter().for_each(|event| self.book.apply(event));
            }
            Reservation::Exceeded(exceeded) => {
                judged.after = Word::OverQuota;
                judged.reason = exceeded.first().map(ToString::to_string);
            }
            // A decision that is in the records twice is counted once.
            Reservation::Join(_) | Reservation::Repeated(_) => {}
        }
    }
}

/// What the cloud did then. What was refused then and passes now would have been made: it counts as asked for.
fn settlement(judged: &Judged) -> Settlement {
    let made = &judged.upstream.instance_ids;
    match judged.upstream.fate.as_deref() {
        Some("created") => {
            let known = u32::try_from(made.len()).unwrap_or(u32::MAX);
            Settlement::Created {
                ids: made.iter().map(Into::into).collect(),
                missing: judged.count.saturating_sub(known),
            }
        }
        Some("not_run") => Settlement::Void,
        Some(_) => Settlement::Unknown,
        None if judged.before == Word::Allowed => Settlement::Void,
        None => {
            let made = (0..judged.count).map(|number| format_compact!("{}-{number}", judged.decision));
            Settlement::Created { ids: made.collect(), missing: 0 }
        }
    }
}

fn order(judged: &Judged, id: Uuid) -> Order {
    Order {
        id,
        asker: Asker { team: judged.team.clone(), key: String::new(), address: String::new(), go_sdk: false },
        account: judged.account.clone(),
        call: Called {
            service: judged.service.as_str().into(),
            action: CompactString::default(),
            version: CompactString::default(),
        },
        instances: judged.count,
        claims: judged.claims.clone(),
        view: None,
        marks: Marks::default(),
        left: false,
    }
}
