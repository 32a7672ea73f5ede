//! Opening: everything is read anew, and what was left behind is taken up, by dead processes and by this one's own failed turns.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use uuid::Uuid;

use super::super::book::{Book, State};
use super::super::event::{Event, Resolver};
use super::super::fingerprint::MarkKey;
use super::super::ledger::Status;
use super::super::order::Settlement;
use super::super::store::{Row, StoreError};
use super::Clerk;

impl Clerk {
    /// Reads everything anew and takes up what was left: by dead processes, and by this one's own failed turns.
    pub(super) fn reopen(&mut self) -> Result<(), StoreError> {
        let owner = self.shared.owner;
        let loaded = self.with_store(|store| store.open(owner))?;
        let marks = MarkKey::kept(&self.with_store(|store| store.mark_key())?);
        let mut book = match &loaded.checkpoint {
            Some(checkpoint) => {
                Book::from_text(&checkpoint.text).map_err(|error| unreadable(checkpoint.seq, error))?
            }
            None => Book::default(),
        };
        self.checkpoint = book.seq();
        for row in loaded.rows {
            apply_row(&mut book, &row)?;
        }
        book.audit().map_err(|error| StoreError::Dead {
            what: format!(
                "the ledger does not add up: {error}; restore a backup, or move it away and reconcile"
            ),
            source: None,
        })?;
        let (now, mut events) = (self.now(), Vec::new());
        if self.exclusive {
            let owners: BTreeSet<Uuid> = book.bookings().map(|(_, booking)| booking.owner).collect();
            events.extend(
                owners.into_iter().filter(|other| *other != owner).filter_map(|dead| book.orphan(dead, now)),
            );
        }
        for (id, booking) in book.bookings() {
            let forgotten =
                booking.owner == owner && booking.state == State::InFlight && !self.live.contains(id);
            if forgotten {
                let by = Resolver::Gateway;
                let why = "it was never sent: the ledger failed while it was booked".to_owned();
                events.push(Event::Resolved { id: *id, at: now, outcome: Settlement::Void, by, why });
            }
        }
        let texts = texts(&events)?;
        let newer = self.with_store(|store| store.begin(book.seq()))?;
        for row in &newer {
            apply_row(&mut book, row)?;
        }
        for event in events {
            book.apply(event);
        }
        let name = self.with_store(|store| store.commit(&texts).map(|()| store.name()))?;
        *self.shared.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        self.shared.marks.store(Some(Arc::new(marks)));
        self.open = true;
        self.failures = 0;
        self.next_tick = Instant::now();
        self.shared.say(Status::Up);
        self.shared.changed();
        tracing::info!(store = name, rows = self.shared.read(Book::seq), "the quota ledger is open");
        Ok(())
    }
}

fn texts(events: &[Event]) -> Result<Vec<String>, StoreError> {
    let text = |event| serde_json::to_string(event).map_err(|error| unreadable(0, error));
    events.iter().map(text).collect()
}

pub(super) fn apply_row(book: &mut Book, row: &Row) -> Result<(), StoreError> {
    if row.seq != book.seq().saturating_add(1) {
        let what = format!("row {} of the ledger follows row {}", row.seq, book.seq());
        return Err(StoreError::Away { what, source: None });
    }
    let event = serde_json::from_str(&row.text).map_err(|error| unreadable(row.seq, error))?;
    book.apply(event);
    Ok(())
}

fn unreadable(seq: u64, error: serde_json::Error) -> StoreError {
    let what = format!("row {seq} of the ledger cannot be read; was it written by a newer version?");
    StoreError::Dead { what, source: Some(Box::new(error)) }
}
