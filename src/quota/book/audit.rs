//! The invariants, as code. Checked at the start, hourly, after every step of the simulation, and by `zengate quota drift`.

use std::collections::BTreeMap;

use super::{Book, Bucket, State, Tally};
use crate::quota::event::Line;

/// What does not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// I4: a count is not the sum of what has a name.
    #[error("{scope} {resource}: counted {counted}, but the named units are {named}")]
    Count {
        /// Whose.
        scope: String,
        /// Of what.
        resource: &'static str,
        /// What the tally says.
        counted: String,
        /// What the units add up to.
        named: String,
    },
    /// A booking is in a state that it cannot be in.
    #[error("booking {id}: {what}")]
    Booking {
        /// The booking.
        id: uuid::Uuid,
        /// What is wrong.
        what: &'static str,
    },
}

impl Book {
    /// Adds everything up again and compares.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn audit(&self) -> Result<(), Broken> {
        let mut named: BTreeMap<Bucket, (u64, u64, u64)> = BTreeMap::new();
        let mut add = |lines: &[Line], pick: fn(&mut (u64, u64, u64)) -> &mut u64| {
            for line in lines {
                let slot = pick(named.entry((line.scope.clone(), line.resource)).or_default());
                *slot = slot.saturating_add(line.amount);
            }
        };
        for machine in self.machines.values() {
            add(&machine.claims, |counts| &mut counts.0);
        }
        for (id, booking) in &self.bookings {
            let pick: fn(&mut (u64, u64, u64)) -> &mut u64 = if booking.state == State::InFlight {
                |counts| &mut counts.1
            } else {
                |counts| &mut counts.2
            };
            add(&booking.held(), pick);
            let fault = match booking.state {
                State::Void if !booking.ids.is_empty() => Some("void, but it made instances"),
                State::InFlight if !booking.ids.is_empty() => Some("in flight, but it made instances"),
                _ if booking.missing > booking.asked => Some("more missing than asked for"),
                _ => None,
            };
            if let Some(what) = fault {
                return Err(Broken::Booking { id: *id, what });
            }
        }
        let empty = Tally::default();
        let kept = self.tallies.iter().map(|(scope, resource, _)| (scope.to_owned(), resource));
        let kept: Vec<Bucket> = kept.collect();
        for bucket in kept.iter().chain(named.keys()) {
            let tally = self.tallies.get(&bucket.0, bucket.1).unwrap_or(&empty);
            let counted = (tally.used, tally.in_flight, tally.unknown);
            let sum = named.get(bucket).copied().unwrap_or_default();
            if counted != sum {
                return Err(Broken::Count {
                    scope: bucket.0.clone(),
                    resource: bucket.1.as_str(),
                    counted: format!("{counted:?}"),
                    named: format!("{sum:?}"),
                });
            }
        }
        Ok(())
    }
}
