//! One turn: what is waiting is decided in order, made durable at once, and only then answered.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::book::{self, Book, Bucket, Reservation, Tally};
use super::super::event::{ClientNews, Event, Millis};
use super::super::order::{LedgerAway, ReserveError};
use super::super::store::StoreError;
use super::open::apply_row;
use super::{Clerk, Message, Owed};

/// An asker of a reservation, and what it is told when the turn is durable.
type Reserved =
    (oneshot::Sender<Result<Reservation, ReserveError>>, (Uuid, Result<Reservation, ReserveError>));

impl Clerk {
    /// One turn. On an error nobody has heard anything good.
    pub(super) fn turn(&mut self, batch: Vec<Message>) -> Result<(), StoreError> {
        if batch.is_empty() && self.owed.is_empty() {
            return Ok(());
        }
        let mut turn = Turn::default();
        let worked = self.work(batch, &mut turn);
        for (reply, result) in turn.reserved {
            let id = result.0;
            let answer = match (&worked, result.1) {
                (Ok(()), Ok(reservation)) => {
                    if matches!(reservation, Reservation::Booked(_)) {
                        self.live.insert(id);
                    }
                    Ok(reservation)
                }
                (Ok(()), Err(error)) => Err(error),
                (Err(_), _) => Err(ReserveError::Away(LedgerAway)),
            };
            // Whoever asked holds a guard that voids the booking when it goes away, so an answer that nobody hears is no leak.
            let _ = reply.send(answer);
        }
        for reply in turn.settled {
            let _ = reply.send(if worked.is_ok() { Ok(()) } else { Err(LedgerAway) });
        }
        if worked.is_ok() {
            for id in turn.ended {
                self.live.remove(&id);
            }
            self.tell_crossings(&turn.before);
        } else {
            self.owed.extend(turn.owed);
        }
        for (term, reply) in turn.leads {
            let leads = worked.is_ok() && self.store.lead(term).unwrap_or(false);
            let _ = reply.send(leads);
        }
        self.shared.changed();
        worked
    }

    fn work(&mut self, batch: Vec<Message>, turn: &mut Turn) -> Result<(), StoreError> {
        let known = self.shared.read(Book::seq);
        // Settlements of before come first: they make room.
        let mut messages: Vec<Message> = self.owed.drain(..).map(Owed::into_message).collect();
        messages.extend(batch);
        let began = self.store.begin(known);
        let newer = match began {
            Ok(newer) => newer,
            Err(error) => {
                turn.refuse(messages);
                return Err(error);
            }
        };
        let mut texts = Vec::new();
        let now = self.now();
        let decided = {
            let shared = Arc::clone(&self.shared);
            let mut book = shared.book.write().unwrap_or_else(PoisonError::into_inner);
            let folded = newer.iter().try_for_each(|row| apply_row(&mut book, row));
            if folded.is_ok() {
                for message in messages {
                    let seen = self.seen(&book, &message, now);
                    turn.write(&mut book, seen, &mut texts);
                    let events = self.decide(&book, message, now, turn);
                    turn.write(&mut book, events, &mut texts);
                }
                Ok(())
            } else {
                turn.refuse(messages);
                folded
            }
        };
        decided?;
        self.store.commit(&texts)
    }

    /// What can be seen of the clients of creates that an order could be the same as.
    fn seen(&self, book: &Book, message: &Message, now: Millis) -> Vec<Event> {
        let Message::Reserve(order, _) = message else { return Vec::new() };
        book.alike(&order.asker, &order.marks)
            .into_iter()
            .filter_map(|(id, request)| {
                let before = order.marks.closed_before.contains(&request);
                let news = self.options.witness.news(request).or(before.then_some(ClientNews::Closed))?;
                let at = if before { order.marks.looked.min(now) } else { now };
                book.client(id, request, news, at)
            })
            .collect()
    }

    fn decide(&mut self, book: &Book, message: Message, now: Millis, turn: &mut Turn) -> Vec<Event> {
        match message {
            Message::Reserve(mut order, reply) => {
                order.left |= self.options.witness.news(order.id).is_some();
                let rules = self.rules();
                let (reservation, events) = book.reserve(&order, self.shared.owner, now, &rules);
                turn.reserved.push((reply, (order.id, Ok(reservation))));
                events
            }
            Message::Settle(id, outcome, answer, reply) => {
                turn.owed.push(Owed::Settle(id, outcome.clone(), answer.clone()));
                turn.ended.push(id);
                turn.settled.extend(reply);
                let (settled, events) = book.settle(id, outcome, answer, now);
                if let Err(conflict) = settled
                    && (self.live.contains(&id) || !events.is_empty())
                {
                    tracing::error!(%conflict, "a booking ended in two ways");
                    self.shared.conflicts.fetch_add(1, Ordering::Relaxed);
                }
                events
            }
            Message::Client { id, request, news, heard } => {
                turn.heard.extend(heard);
                turn.owed.push(Owed::Client { id, request, news });
                book.client(id, request, news, now).into_iter().collect()
            }
            Message::Change(change, reply) => {
                turn.settled.push(reply);
                change(book, now)
            }
            Message::Lead(term, reply) => {
                turn.leads.push((term, reply));
                Vec::new()
            }
            Message::Stop => {
                self.stopping = true;
                Vec::new()
            }
        }
    }

    fn tell_crossings(&self, before: &BTreeMap<Bucket, Tally>) {
        if before.is_empty() {
            return;
        }
        let book = self.shared.book.read().unwrap_or_else(PoisonError::into_inner);
        let touched = book.tallies().filter(|(bucket, _)| before.contains_key(*bucket));
        for ((scope, resource), percent) in book::crossings(before, touched, &self.options.thresholds) {
            let tally = book.tally(&scope, resource);
            tracing::warn!(
                scope,
                resource = resource.as_str(),
                percent,
                used = tally.used,
                held = tally.held(),
                limit = tally.limit,
                left = tally.left(self.now()),
                "a quota has reached a threshold"
            );
            self.shared.crossed(scope, resource, percent);
        }
    }
}

/// One turn's replies, sent when it is durable.
#[derive(Default)]
struct Turn {
    reserved: Vec<Reserved>,
    settled: Vec<oneshot::Sender<Result<(), LedgerAway>>>,
    ended: Vec<Uuid>,
    owed: Vec<Owed>,
    leads: Vec<(Duration, oneshot::Sender<bool>)>,
    /// Dropped, and by it answered, when the turn is over.
    heard: Vec<oneshot::Sender<()>>,
    before: BTreeMap<Bucket, Tally>,
}

impl Turn {
    /// Keeps what must be written, and refuses the rest.
    fn refuse(&mut self, messages: Vec<Message>) {
        for message in messages {
            match message {
                Message::Reserve(order, reply) => {
                    self.reserved.push((reply, (order.id, Err(LedgerAway.into()))));
                }
                Message::Settle(id, outcome, answer, reply) => {
                    self.owed.push(Owed::Settle(id, outcome, answer));
                    self.settled.extend(reply);
                }
                Message::Client { id, request, news, heard: _ } => {
                    self.owed.push(Owed::Client { id, request, news })
                }
                Message::Change(_, reply) => self.settled.push(reply),
                Message::Lead(term, reply) => self.leads.push((term, reply)),
                Message::Stop => {}
            }
        }
    }

    /// Applies events to the book, and keeps their texts for the store.
    fn write(&mut self, book: &mut Book, events: Vec<Event>, texts: &mut Vec<String>) {
        for event in events {
            self.note_before(book, &event);
            match serde_json::to_string(&event) {
                Ok(text) => texts.push(text),
                Err(error) => tracing::error!(%error, "an event cannot be written"),
            }
            book.apply(event);
        }
    }

    /// Remembers the counts that an event can raise.
    fn note_before(&mut self, book: &Book, event: &Event) {
        let lines = match event {
            Event::Reserved(reserved) => &reserved.claims,
            Event::Adopted { claims, .. } | Event::Repriced { claims, .. } | Event::Reheld { claims, .. } => {
                claims
            }
            _ => return,
        };
        for line in lines {
            let bucket = (line.scope.clone(), line.resource);
            self.before.entry(bucket).or_insert_with(|| book.tally(&line.scope, line.resource));
        }
    }
}
