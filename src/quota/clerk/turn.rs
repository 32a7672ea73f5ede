//! One turn: what is waiting is decided in order, made durable at once, and only then answered.
//!
//! With an exclusive store the next turn is decided while the one before is being synced, on a book in which both are folded
//! already. So a turn is written only after the one before it is durable; if that one fails, nothing of either counts as booked,
//! everybody in both hears so, what must be written of both is owed in its order, and the book is read anew.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::book::{self, Book, Bucket, Reservation, Tallies, Tally, Thresholds};
use super::super::event::{ClientNews, Event, Millis};
use super::super::order::{LedgerAway, ReserveError};
use super::super::store::StoreError;
use super::open::apply_row;
use super::scribe::{self, Written};
use super::{Clerk, MOST_IN_A_TURN, Message, Owed};

/// How long an event's text usually is at most: it is written without moving it.
const USUAL_TEXT: usize = 1_536;

/// An asker of a reservation, and what it is told when the turn is durable.
type Reserved =
    (oneshot::Sender<Result<Reservation, ReserveError>>, (Uuid, Result<Reservation, ReserveError>));

impl Clerk {
    /// Takes a batch into the next turn, and writes that if no other one is being written. On an error nobody has heard anything
    /// good.
    pub(super) fn turn(&mut self, batch: Vec<Message>) -> Result<(), StoreError> {
        if let Err(error) = self.look() {
            self.put_off(batch);
            return Err(error);
        }
        if !batch.is_empty() || !self.owed.is_empty() {
            if let Err(error) = self.take(batch) {
                self.fail();
                return Err(error);
            }
        }
        if self.next.messages >= MOST_IN_A_TURN {
            return self.finish();
        }
        self.hand_over()
    }

    /// Waits until all that is decided is durable and answered.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        if self.under_way.is_some() {
            let written = self.scribe.as_ref().map(|scribe| scribe.wait());
            match written {
                Some(Ok(written)) => self.written(written)?,
                Some(Err(_)) | None => return Err(self.lost()),
            }
            return self.finish();
        }
        self.write_here()
    }

    /// Answers the turn that was being written, if it has been.
    fn look(&mut self) -> Result<(), StoreError> {
        if self.under_way.is_none() {
            return Ok(());
        }
        match self.scribe.as_ref().map(|scribe| scribe.look()) {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(written))) => self.written(written),
            Some(Err(_)) | None => Err(self.lost()),
        }
    }

    /// The store is back from the scribe.
    fn written(&mut self, Written { store, result }: Written) -> Result<(), StoreError> {
        self.store = Some(store);
        let Some(turn) = self.under_way.take() else { return result };
        match result {
            Ok(()) => {
                // The disk first, so that it has something to do while people are answered.
                let passed = if self.alone() { Ok(()) } else { self.pass_on() };
                self.conclude(turn, true);
                passed
            }
            Err(error) => {
                self.conclude(turn, false);
                self.fail();
                Err(error)
            }
        }
    }

    /// The scribe has died, and the store with it.
    fn lost(&mut self) -> StoreError {
        if let Some(turn) = self.under_way.take() {
            self.conclude(turn, false);
        }
        self.fail();
        super::gone()
    }

    /// Writes the next turn, unless one is being written.
    fn hand_over(&mut self) -> Result<(), StoreError> {
        if self.under_way.is_some() {
            return Ok(());
        }
        if self.alone() { self.write_here() } else { self.pass_on() }
    }

    /// Whether the next turn is for this thread to write. A single message would only wait for another thread to wake up, and
    /// who leads is asked of the store.
    fn alone(&self) -> bool {
        self.scribe.is_none() || self.next.messages <= 1 || !self.next.leads.is_empty()
    }

    /// Gives the next turn to the scribe, who has nothing to do.
    fn pass_on(&mut self) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return self.write_here() };
        let Some(store) = self.store.take() else { return Err(self.lost()) };
        let mut turn = std::mem::take(&mut self.next);
        turn.close(
            &self.shared.book.read().unwrap_or_else(PoisonError::into_inner),
            &self.options.thresholds,
        );
        let texts = std::mem::take(&mut turn.texts);
        let begun = scribe.begin(store, turn.known, texts);
        self.under_way = Some(turn);
        match begun {
            Ok(()) => Ok(()),
            Err(store) => {
                self.store = Some(store);
                Err(self.lost())
            }
        }
    }

    /// Writes the next turn, and waits for it.
    fn write_here(&mut self) -> Result<(), StoreError> {
        if self.next.is_empty() {
            return Ok(());
        }
        let mut turn = std::mem::take(&mut self.next);
        turn.close(
            &self.shared.book.read().unwrap_or_else(PoisonError::into_inner),
            &self.options.thresholds,
        );
        let exclusive = self.exclusive;
        let worked = self.store().and_then(|store| {
            if exclusive { scribe::write(store, turn.known, &turn.texts) } else { store.commit(&turn.texts) }
        });
        self.conclude(turn, worked.is_ok());
        worked
    }

    /// What was decided and cannot be written any more.
    fn fail(&mut self) {
        let turn = std::mem::take(&mut self.next);
        if !turn.is_empty() {
            self.conclude(turn, false);
        }
    }

    /// Answers everybody in a turn that is durable, or that is not.
    fn conclude(&mut self, turn: Turn, durable: bool) {
        for (reply, (id, result)) in turn.reserved {
            let answer = if durable { result } else { Err(ReserveError::Away(LedgerAway)) };
            if matches!(answer, Ok(Reservation::Booked(_))) {
                self.live.insert(id);
            }
            // Whoever asked holds a guard that voids the booking when it goes away, so an answer that nobody hears is no leak.
            let _ = reply.send(answer);
        }
        for reply in turn.settled {
            let _ = reply.send(if durable { Ok(()) } else { Err(LedgerAway) });
        }
        if durable {
            for id in turn.ended {
                self.live.remove(&id);
            }
            for (bucket, percent, tally) in turn.crossed {
                self.tell_crossing(bucket, percent, &tally);
            }
        } else {
            self.owed.extend(turn.owed);
        }
        for (term, reply) in turn.leads {
            let leads = durable && self.store().and_then(|store| store.lead(term)).unwrap_or(false);
            let _ = reply.send(leads);
        }
        self.shared.changed();
    }

    /// Decides a batch, as a part of the next turn.
    fn take(&mut self, batch: Vec<Message>) -> Result<(), StoreError> {
        let known = self.shared.read(Book::seq);
        // Settlements of before come first: they make room.
        let mut messages: Vec<Message> = self.owed.drain(..).map(Owed::into_message).collect();
        messages.extend(batch);
        let mut turn = std::mem::take(&mut self.next);
        if turn.is_empty() {
            turn.known = known;
        }
        // An exclusive store has no rows of others, and its turn begins when it is written.
        let newer =
            if self.exclusive { Ok(Vec::new()) } else { self.store().and_then(|store| store.begin(known)) };
        let shared = Arc::clone(&self.shared);
        let decided = newer.and_then(|newer| {
            let mut book = shared.book.write().unwrap_or_else(PoisonError::into_inner);
            newer.iter().try_for_each(|row| apply_row(&mut book, row))?;
            let now = self.now();
            for message in messages.drain(..) {
                turn.messages = turn.messages.saturating_add(1);
                let seen = self.seen(&book, &message, now);
                turn.write(&mut book, seen);
                let events = self.decide(&book, message, now, &mut turn);
                turn.write(&mut book, events);
            }
            Ok(())
        });
        turn.refuse(messages);
        self.next = turn;
        decided
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
            Message::Written => Vec::new(),
        }
    }

    fn tell_crossing(&self, (scope, resource): Bucket, percent: u8, tally: &Tally) {
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

/// What was decided in one turn: what is to be written, and the replies that are sent when it is durable.
#[derive(Default)]
pub(super) struct Turn {
    /// How many messages are in it.
    messages: usize,
    /// The last row before it.
    known: u64,
    /// Its rows.
    texts: Vec<String>,
    reserved: Vec<Reserved>,
    settled: Vec<oneshot::Sender<Result<(), LedgerAway>>>,
    ended: Vec<Uuid>,
    owed: Vec<Owed>,
    leads: Vec<(Duration, oneshot::Sender<bool>)>,
    /// Dropped, and by it answered, when the turn is over.
    heard: Vec<oneshot::Sender<()>>,
    /// What was counted before it of what it may raise.
    before: Tallies,
    /// The thresholds that it crossed.
    crossed: Vec<(Bucket, u8, Tally)>,
}

impl Turn {
    fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Nothing more is decided in it: the book is what it makes of it, and not yet what the next one does.
    fn close(&mut self, book: &Book, thresholds: &Thresholds) {
        let crossed = book::crossings(&self.before, book.tallies(), thresholds);
        let told = |(bucket, percent): (Bucket, u8)| {
            let tally = book.tally(&bucket.0, bucket.1);
            (bucket, percent, tally)
        };
        self.crossed = crossed.into_iter().map(told).collect();
    }

    /// Keeps what must be written, and refuses the rest.
    fn refuse(&mut self, messages: Vec<Message>) {
        self.messages = self.messages.saturating_add(messages.len());
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
                Message::Stop | Message::Written => {}
            }
        }
    }

    /// Applies events to the book, and keeps their texts for the store.
    fn write(&mut self, book: &mut Book, events: Vec<Event>) {
        for event in events {
            self.note_before(book, &event);
            match text(&event) {
                Ok(text) => self.texts.push(text),
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
            self.before.note(&line.scope, line.resource, || book.tally(&line.scope, line.resource));
        }
    }
}

/// An event as it is written.
fn text(event: &Event) -> Result<String, serde_json::Error> {
    let mut text = Vec::with_capacity(USUAL_TEXT);
    serde_json::to_writer(&mut text, event)?;
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}
