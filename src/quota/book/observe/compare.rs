//! One comparison of a listing with the book: first what both have, then creates that have machines to be found, then machines
//! that nobody asked for, last what the listing has not.

use std::collections::BTreeSet;

use std::sync::Arc;

use uuid::Uuid;

use super::super::{Book, Booking, State};
use super::{Drift, Findings, Found, Kind, Life, Memory, Noticed, Policy, same};
use crate::quota::event::{Event, MachineId, Millis, Resolver};
use crate::quota::order::Settlement;

/// One comparison.
pub(super) struct Comparison<'a> {
    pub(super) book: &'a Book,
    pub(super) findings: &'a Findings,
    pub(super) policy: &'a Policy,
    pub(super) now: Millis,
    pub(super) events: Vec<Event>,
    pub(super) drift: Vec<Drift>,
    /// Instances that have got their booking in this comparison.
    pub(super) assigned: BTreeSet<&'a str>,
}

impl<'a> Comparison<'a> {
    fn machine(&self, id: &str) -> MachineId {
        let Findings { account, service, .. } = self.findings;
        MachineId { account: account.clone(), service: service.clone(), id: id.to_owned() }
    }

    fn mine(&self, booking: &Booking) -> bool {
        booking.asked > 0
            && booking.account == self.findings.account
            && booking.call.service == self.findings.service
    }

    /// Machines that the book has too.
    pub(super) fn known(&mut self) {
        for found in &self.findings.found {
            let machine = self.machine(&found.id);
            let Some(record) = self.book.machines.get(&machine) else { continue };
            let dropped = match found.life {
                Life::Failed => Some("its creation failed"),
                Life::Leaving if self.policy.drop_leaving => Some("it is being released"),
                Life::Live | Life::Leaving => None,
            };
            if let Some(why) = dropped {
                self.events.push(Event::Released { machine, at: self.now, why: why.to_owned() });
                self.note(Kind::Missing, Some(&found.id), None, &record.team, why, true);
                continue;
            }
            if !record.seen {
                self.events.push(Event::Seen { machine: machine.clone(), at: self.now });
            }
            let current = found.counted_for.as_deref() == Some(record.team.as_str());
            if current && (record.team != found.team || !same(&record.claims, &found.claims)) {
                let why = if record.team == found.team { "it was changed" } else { "it was moved" };
                self.events.push(Event::Repriced {
                    machine,
                    at: self.now,
                    team: found.team.clone(),
                    claims: found.claims.clone(),
                    view: Some(Arc::new(found.view.clone())),
                    why: why.to_owned(),
                });
                // What the request left to the cloud is known from the first listing on; that is no drift.
                if record.seen || record.team != found.team {
                    self.note(Kind::Moved, Some(&found.id), None, &found.team, why, true);
                }
            }
        }
    }

    /// Creates that have machines to be found.
    pub(super) fn unsettled(&mut self, memory: &mut Memory) {
        let book = self.book;
        let open = |booking: &Booking| match booking.state {
            State::Unknown { .. } | State::Escalated { .. } => true,
            State::Created => booking.missing > 0,
            State::InFlight | State::Void => false,
        };
        let waiting: Vec<(Uuid, &Booking)> = book
            .bookings
            .iter()
            .filter(|(_, booking)| self.mine(booking) && open(booking))
            .map(|(id, booking)| (*id, booking))
            .collect();
        memory.open.retain(|id, _| book.bookings.get(id).is_some_and(open));
        let mut rest = Vec::new();
        for (id, booking) in waiting {
            let tagged: Vec<&'a Found> =
                self.strangers().filter(|found| found.decision == Some(id)).collect();
            if tagged.is_empty() {
                rest.push((id, booking));
            } else {
                self.assign(id, booking, &tagged, "its correlation tag names it");
            }
        }
        // Those that look alike are settled together: which of them owns what does not matter to the count.
        let mut groups: Vec<Vec<(Uuid, &Booking)>> = Vec::new();
        for (id, booking) in rest {
            match groups
                .iter_mut()
                .find(|group| group.first().is_some_and(|(_, first)| alike(first, booking)))
            {
                Some(group) => group.push((id, booking)),
                None => groups.push(vec![(id, booking)]),
            }
        }
        for group in groups {
            self.settle_group(&group, memory);
        }
    }

    fn settle_group(&mut self, group: &[(Uuid, &'a Booking)], memory: &mut Memory) {
        let Some((_, first)) = group.first() else { return };
        let flying = self
            .book
            .bookings
            .values()
            .any(|other| other.state == State::InFlight && self.mine(other) && alike(other, first));
        let (asked_at, asked_row) = (self.findings.asked_at, self.findings.asked_row);
        let mut early = false;
        for (id, booking) in group {
            let noticed =
                memory.open.entry(*id).or_insert(Noticed { first: asked_at, absent: Vec::new() }).first;
            early |= match booking.state.unknown_since() {
                Some(_) => asked_at.saturating_sub(noticed) < self.policy.settle_after,
                // The cloud itself has said how many it made; the next listing is the word on the rest.
                None => booking.changed_by > asked_row,
            };
        }
        let sent = group.iter().map(|(_, booking)| booking.at).min().unwrap_or_default();
        let candidates: Vec<&'a Found> = self
            .strangers()
            .filter(|found| resembles(first, found))
            .filter(|found| {
                found.created.is_none_or(|created| created >= sent.saturating_sub(self.policy.skew))
            })
            .collect();
        let missing: usize =
            group.iter().map(|(_, booking)| usize::try_from(booking.missing).unwrap_or(usize::MAX)).sum();
        let wait = match (self.findings.complete, flying, early) {
            (false, ..) => Some("the listing is not complete"),
            (_, true, _) => Some("a create that looks the same is in flight"),
            (.., true) => Some("it is too early to believe a listing"),
            _ => None,
        };
        if let Some(why) = wait {
            for (id, booking) in group {
                self.note(Kind::Unsettled, None, Some(*id), &booking.asker.team, why, false);
            }
            return;
        }
        if !candidates.is_empty() && candidates.len() == missing {
            let mut candidates = candidates.into_iter();
            for (id, booking) in group {
                let count = usize::try_from(booking.missing).unwrap_or(usize::MAX);
                let own: Vec<&'a Found> = candidates.by_ref().take(count).collect();
                self.assign(
                    *id,
                    booking,
                    &own,
                    "exactly as many machines like it were found as were asked for",
                );
            }
            return;
        }
        for (id, booking) in group {
            let answered = booking.state == State::Created;
            if candidates.is_empty() {
                let Some(noticed) = memory.open.get_mut(id) else { continue };
                let times = &mut noticed.absent;
                times.push(asked_at);
                let spread = times.last().unwrap_or(&0).saturating_sub(*times.first().unwrap_or(&0));
                let lists = u32::try_from(times.len()).unwrap_or(u32::MAX);
                if answered || (lists >= self.policy.absent_lists && spread >= self.policy.absent_over) {
                    let why = if answered {
                        "the cloud named fewer, and a complete listing shows no more".to_owned()
                    } else {
                        format!("{lists} complete listings over {} s do not show it", spread / 1000)
                    };
                    self.resolve(*id, Settlement::Void, &why);
                    self.note(Kind::Unsettled, None, Some(*id), &booking.asker.team, &why, true);
                } else {
                    let why = format!("{lists} of {} listings do not show it", self.policy.absent_lists);
                    self.note(Kind::Unsettled, None, Some(*id), &booking.asker.team, &why, false);
                }
                continue;
            }
            let why = format!("{} machines look like it, {missing} were asked for", candidates.len());
            if matches!(booking.state, State::Unknown { .. }) {
                let noticed = memory.open.get(id).map_or(asked_at, |noticed| noticed.first);
                // The cloud makes the machines of one order one after the other: give it the time that absences get.
                let patience = self.policy.settle_after.saturating_add(self.policy.absent_over);
                if asked_at.saturating_sub(noticed) >= patience {
                    self.events.push(Event::Escalated { id: *id, at: self.now, why: why.clone() });
                }
            }
            self.note(Kind::Unsettled, None, Some(*id), &booking.asker.team, &why, false);
        }
    }

    /// Gives machines to a booking.
    fn assign(&mut self, id: Uuid, booking: &Booking, found: &[&'a Found], why: &str) {
        self.assigned.extend(found.iter().map(|found| found.id.as_str()));
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let missing = booking.missing.saturating_sub(count);
        let ids = found.iter().map(|found| found.id.as_str().into()).collect();
        self.resolve(id, Settlement::Created { ids, missing }, why);
        for found in found {
            self.note(Kind::Unsettled, Some(&found.id), Some(id), &booking.asker.team, why, true);
            let dead =
                found.life == Life::Failed || (found.life == Life::Leaving && self.policy.drop_leaving);
            if dead {
                let machine = self.machine(&found.id);
                let why = "it was found dead".to_owned();
                self.events.push(Event::Released { machine, at: self.now, why });
            }
        }
    }

    fn resolve(&mut self, id: Uuid, outcome: Settlement, why: &str) {
        let by = Resolver::Reconciler;
        self.events.push(Event::Resolved { id, at: self.now, outcome, by, why: why.to_owned() });
    }

    /// Machines that neither the book nor this comparison knows whose they are.
    fn strangers(&self) -> impl Iterator<Item = &'a Found> {
        let (book, findings) = (self.book, self.findings);
        let assigned = self.assigned.clone();
        findings.found.iter().filter(move |found| {
            let id = MachineId {
                account: findings.account.clone(),
                service: findings.service.clone(),
                id: found.id.clone(),
            };
            !book.machines.contains_key(&id)
                && book.released_at(&id).is_none()
                && !assigned.contains(found.id.as_str())
        })
    }

    /// Machines that were made around the gateway.
    pub(super) fn outsiders(&mut self) {
        let owners: Vec<&Booking> =
            self.book
                .bookings
                .iter()
                .filter(|(id, booking)| {
                    let resolved = self.events.iter().any(
                        |event| matches!(event, Event::Resolved { id: resolved, .. } if resolved == *id),
                    );
                    self.mine(booking) && !booking.held().is_empty() && !resolved
                })
                .map(|(_, booking)| booking)
                .collect();
        let mut strangers: Vec<&'a Found> = self.strangers().collect();
        // Long enough after its release a machine that is still there is there again.
        let lingering = |found: &&'a Found| {
            let released = self.book.released_at(&self.machine(&found.id));
            released.is_some_and(|at| self.now.saturating_sub(at) > self.policy.linger)
        };
        strangers.extend(self.findings.found.iter().filter(lingering));
        for found in strangers.into_iter().filter(|found| found.life == Life::Live) {
            let recent = |booking: &Booking| {
                let earliest = booking.at.saturating_sub(self.policy.skew);
                found.created.is_none_or(|created| created >= earliest)
            };
            if owners.iter().any(|booking| resembles(booking, found) && recent(booking)) {
                let why = "it may belong to a create whose outcome is open";
                self.note(Kind::Extra, Some(&found.id), None, &found.team, why, false);
                continue;
            }
            if !self.policy.adopt {
                let why = "made around the gateway; machines of others are only reported";
                self.note(Kind::Extra, Some(&found.id), None, &found.team, why, false);
                continue;
            }
            let why = if self.book.released_at(&self.machine(&found.id)).is_some() {
                "it is still there long after its release"
            } else {
                "made around the gateway"
            };
            self.events.push(Event::Adopted {
                machine: self.machine(&found.id),
                at: self.now,
                team: found.team.clone(),
                claims: found.claims.clone(),
                view: Arc::new(found.view.clone()),
                why: why.to_owned(),
            });
            self.note(Kind::Extra, Some(&found.id), None, &found.team, why, true);
        }
    }

    /// Machines of the book that a complete listing does not show.
    pub(super) fn missing(&mut self, memory: &mut Memory) {
        let shown: BTreeSet<&str> = self.findings.found.iter().map(|found| found.id.as_str()).collect();
        let own = self.book.machines.iter().filter(|(id, _)| {
            id.account == self.findings.account
                && id.service == self.findings.service
                && !shown.contains(id.id.as_str())
        });
        let own: Vec<_> = own.collect();
        memory.unseen.retain(|id, _| self.book.machines.get(id).is_some_and(|machine| !machine.seen));
        for (id, machine) in own {
            let asked_at = self.findings.asked_at;
            let young = machine.row > self.findings.asked_row
                || (!machine.seen && {
                    let first = *memory.unseen.entry(id.clone()).or_insert(asked_at);
                    asked_at.saturating_sub(first) < self.policy.absent_over
                });
            let (why, gone) = if young {
                ("it was made just now and may not be listed yet", false)
            } else if !self.findings.absent.contains(&id.id) {
                ("a second look has not confirmed it", false)
            } else if !self.policy.drop_gone {
                ("gone; only reported", false)
            } else {
                ("gone", true)
            };
            if gone {
                self.events.push(Event::Released { machine: id.clone(), at: self.now, why: why.to_owned() });
            }
            self.note(Kind::Missing, Some(&id.id), None, &machine.team, why, gone);
        }
    }

    fn note(
        &mut self,
        kind: Kind,
        instance: Option<&str>,
        decision: Option<Uuid>,
        team: &str,
        why: &str,
        repaired: bool,
    ) {
        self.drift.push(Drift {
            kind,
            account: self.findings.account.clone(),
            service: self.findings.service.clone(),
            instance: instance.map(str::to_owned),
            decision,
            team: team.to_owned(),
            why: why.to_owned(),
            repaired,
        });
    }
}

/// Whether both are known, and not the same.
fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// Whether the machines of two bookings could be taken for each other's.
fn alike(one: &Booking, other: &Booking) -> bool {
    let (Some(one), Some(other)) = (&one.view, &other.view) else { return true };
    !(differ(&one.zone, &other.zone)
        || differ(&one.instance_type, &other.instance_type)
        || differ(&one.resource_group, &other.resource_group)
        || differ(&one.name, &other.name))
}

/// Whether a machine could be one that the booking asked for. The names of several are compared by their beginning: the cloud
/// appends numbers to them, and names may hold patterns.
fn resembles(booking: &Booking, found: &Found) -> bool {
    let Some(asked) = &booking.view else { return true };
    let named = match (&asked.name, &found.name) {
        (Some(name), Some(is)) => {
            let stem = name.split(['{', '[', '$']).next().unwrap_or_default();
            let exact = asked.count == 1 && stem == name;
            if exact { is == name } else { is.starts_with(stem) }
        }
        _ => true,
    };
    named
        && !differ(&asked.zone, &found.view.zone)
        && !differ(&asked.instance_type, &found.view.instance_type)
        && !differ(&asked.resource_group, &found.view.resource_group)
}
