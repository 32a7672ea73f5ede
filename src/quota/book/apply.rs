//! The fold: what each event does to the count. Total: an event that does not fit changes nothing, because a journal that
//! is already written has to be readable. That deciding never writes such an event is what the tests and the audit check.

use std::sync::Arc;

use uuid::Uuid;

use super::tally::Part;
use super::{Book, Booking, Machine, Origin, State, Tallies};
use crate::quota::event::{ClientNews, Event, Line, MachineId, Millis};
use crate::quota::order::Settlement;

impl Book {
    /// Folds the next event in.
    pub fn apply(&mut self, event: Event) {
        self.seq = self.seq.saturating_add(1);
        match event {
            Event::Reserved(reserved) => {
                let id = reserved.id;
                if self.bookings.contains_key(&id) {
                    return;
                }
                let booking = Booking::new(*reserved, self.seq);
                count_booking(&mut self.tallies, &booking, true);
                self.index(&id, &booking);
                self.bookings.insert(id, booking);
            }
            Event::Settled { id, at, outcome, answer } => self.end(id, at, outcome, answer),
            Event::Resolved { id, at, outcome, .. } => self.end(id, at, outcome, None),
            Event::Client { id, at, news } => {
                if let Some(booking) = self.bookings.get_mut(&id) {
                    match news {
                        ClientNews::Left => booking.client.left = booking.client.delivered.is_none(),
                        ClientNews::Delivered => {
                            booking.client.delivered = Some(at);
                            booking.client.left = false;
                        }
                        ClientNews::Closed => booking.client.closed = Some(at),
                    }
                }
            }
            Event::Joined { id, by, .. } => {
                if let Some(booking) = self.bookings.get_mut(&id) {
                    booking.client =
                        super::Client { request: by, left: false, delivered: None, closed: None };
                }
            }
            Event::Orphaned { owner, at } => {
                let lost: Vec<Uuid> = self
                    .bookings
                    .iter()
                    .filter(|(_, booking)| booking.owner == owner && booking.state == State::InFlight)
                    .map(|(id, _)| *id)
                    .collect();
                for id in lost {
                    self.change(&id, at, |booking| {
                        booking.state = State::Unknown { since: at };
                        booking.client.left = true;
                    });
                }
            }
            Event::Escalated { id, at, why } => self.change(&id, at, |booking| {
                if let Some(since) = booking.state.unknown_since() {
                    booking.state = State::Escalated { since, why };
                }
            }),
            Event::Adopted { machine, at, team, claims, view, why } => {
                let origin = Origin::Found { why };
                let view = Some(view);
                let row = self.seq;
                self.add(
                    machine,
                    Machine { team, claims: claims.into(), view, since: at, row, origin, seen: true },
                );
            }
            Event::Seen { machine, .. } => {
                if let Some(machine) = self.machines.get_mut(&machine) {
                    machine.seen = true;
                }
            }
            Event::Repriced { machine, team, claims, view, .. } => {
                if let Some(mut old) = self.remove(&machine) {
                    old.team = team;
                    old.claims = claims.into();
                    old.view = view.or(old.view);
                    self.add(machine, old);
                }
            }
            Event::Reheld { id, at, claims } => {
                self.change(&id, at, |booking| booking.claims = claims.into())
            }
            Event::Released { machine, at, .. } => {
                self.remove(&machine);
                self.released.insert(machine, at);
            }
            Event::Limits { limits, .. } => {
                for seen in limits {
                    self.tallies.change(&seen.scope, seen.resource, |tally| {
                        (tally.limit, tally.until, tally.otherwise) =
                            (seen.limit, seen.until, seen.otherwise);
                    });
                }
            }
            Event::Priced { digest, .. } => self.priced = Some(digest),
        }
    }

    /// A booking ends, or a part of it does.
    fn end(
        &mut self,
        id: Uuid,
        at: Millis,
        outcome: Settlement,
        answer: Option<crate::quota::order::StoredAnswer>,
    ) {
        let Some(booking) = self.bookings.get(&id) else { return };
        let team = booking.asker.team.clone();
        match outcome {
            Settlement::Unknown => self.change(&id, at, |booking| {
                if booking.state == State::InFlight {
                    booking.state = State::Unknown { since: at };
                }
            }),
            Settlement::Void => self.change(&id, at, |booking| {
                booking.missing = 0;
                if booking.ids.is_empty() {
                    booking.state = State::Void;
                }
            }),
            Settlement::Created { ids, missing } => {
                let mut made = Vec::new();
                for machine in &ids {
                    let unit =
                        u32::try_from(booking.ids.len().saturating_add(made.len())).unwrap_or(u32::MAX);
                    let view = booking.view.clone().map(|mut view| {
                        if view.count != 1 {
                            Arc::make_mut(&mut view).count = 1;
                        }
                        view
                    });
                    let origin = Origin::Gateway { decision: id, key: booking.asker.key.clone() };
                    let claims = booking.unit(unit);
                    let machine_id = booking.machine(machine);
                    let team = team.clone();
                    let row = self.seq;
                    made.push((
                        machine_id,
                        Machine { team, claims, view, since: at, row, origin, seen: false },
                    ));
                }
                for (machine, record) in made {
                    // It may have been taken for an outsider before.
                    let seen = self.machines.get(&machine).is_some_and(|old| old.seen);
                    self.add(machine, Machine { seen, ..record });
                }
                self.change(&id, at, |booking| {
                    booking.state = State::Created;
                    booking.ids.extend(ids);
                    booking.missing = missing;
                    booking.answer = answer;
                });
            }
        }
    }

    /// Changes a booking and what it holds.
    fn change(&mut self, id: &Uuid, at: Millis, change: impl FnOnce(&mut Booking)) {
        let Some(booking) = self.bookings.get_mut(id) else { return };
        count_booking(&mut self.tallies, booking, false);
        change(booking);
        booking.changed = at;
        booking.changed_by = self.seq;
        count_booking(&mut self.tallies, booking, true);
    }

    fn add(&mut self, id: MachineId, machine: Machine) {
        self.released.remove(&id);
        let claims = Arc::clone(&machine.claims);
        if let Some(old) = self.machines.insert(id, machine) {
            count_used(&mut self.tallies, &old.claims, false);
        }
        count_used(&mut self.tallies, &claims, true);
    }

    fn remove(&mut self, id: &MachineId) -> Option<Machine> {
        let machine = self.machines.remove(id)?;
        count_used(&mut self.tallies, &machine.claims, false);
        Some(machine)
    }

    pub(super) fn index_all(&mut self) {
        let all: Vec<(Uuid, Booking)> =
            self.bookings.iter().map(|(id, booking)| (*id, booking.clone())).collect();
        for (id, booking) in all {
            self.index(&id, &booking);
        }
    }

    fn index(&mut self, id: &Uuid, booking: &Booking) {
        if let Some(fingerprint) = &booking.marks.fingerprint {
            self.by_fingerprint.entry(fingerprint.clone()).or_default().insert(*id);
        }
        if let Some(signature) = &booking.marks.signature {
            let signed = (booking.asker.key.clone(), signature.clone());
            self.by_signature.entry(signed).or_default().insert(*id);
        }
        if let Some(key) = &booking.marks.idempotency_key {
            self.by_idempotency_key.insert((booking.asker.team.clone(), key.clone()), *id);
        }
    }

    pub(super) fn unindex(&mut self, id: &Uuid, booking: &Booking) {
        fn drop_from<K: Eq + std::hash::Hash>(
            map: &mut std::collections::HashMap<K, std::collections::BTreeSet<Uuid>>,
            key: &K,
            id: &Uuid,
        ) {
            if let Some(ids) = map.get_mut(key) {
                ids.remove(id);
                if ids.is_empty() {
                    map.remove(key);
                }
            }
        }
        if let Some(fingerprint) = &booking.marks.fingerprint {
            drop_from(&mut self.by_fingerprint, fingerprint, id);
        }
        if let Some(signature) = &booking.marks.signature {
            drop_from(&mut self.by_signature, &(booking.asker.key.clone(), signature.clone()), id);
        }
        if let Some(key) = &booking.marks.idempotency_key {
            let named = (booking.asker.team.clone(), key.clone());
            if self.by_idempotency_key.get(&named) == Some(id) {
                self.by_idempotency_key.remove(&named);
            }
        }
    }
}

fn count_booking(tallies: &mut Tallies, booking: &Booking, more: bool) {
    // The rest of a partly created one is as unknown as that of a lost one.
    let part = if booking.state == State::InFlight { Part::InFlight } else { Part::Unknown };
    for (line, amount) in booking.holding() {
        tallies.count(line, amount, part, more);
    }
}

fn count_used(tallies: &mut Tallies, claims: &[Line], more: bool) {
    for line in claims {
        tallies.count(line, line.amount, Part::Used, more);
    }
}
