//! One turn: what is waiting is decided in order, made durable at once, and only then answered.
//!
//! With an exclusive store the next turns are decided while those before are being synced, on a book in which all are folded
//! already. They become durable in the order in which they were decided. If one does not, nothing of it and of those after it
//! counts as booked, everybody in them hears so, what must be written of them is owed in its order, and the book is read anew.

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
use super::scribe::{self, Scribe, Written};
use super::{Clerk, Message, Owed};

/// How long an event's text usually is at most: it is written without moving it.
const USUAL_TEXT: usize = 1_536;

/// What becomes of an order.
type Reserved = Result<Reservation, ReserveError>;

impl Clerk {
    /// One turn. On an error nobody has heard anything good. With an exclusive store this may return before the turn is written:
    /// what came of it is seen at the beginning of a later one, or by [`Clerk::finish`].
    pub(super) fn turn(&mut self, batch: Vec<Message>) -> Result<(), StoreError> {
        if let Err(error) = self.look() {
            self.put_off(batch);
            return Err(error);
        }
        if batch.is_empty() && self.owed.is_empty() {
            return Ok(());
        }
        let mut turn = Turn::default();
        if let Err(error) = self.take(batch, &mut turn) {
            self.conclude(turn, false);
            return Err(error);
        }
        // Who is alone would only wait for another thread to wake up, and who leads is asked of the store.
        let alone = turn.messages <= 1 && !self.crowd;
        self.crowd = turn.messages > 1;
        match &self.scribe {
            Some(scribe) if turn.leads.is_empty() && (self.under_way > 0 || !alone) => {
                if let Some(turn) = scribe.write(turn) {
                    let failed = self.failed(super::gone());
                    self.conclude(turn, false);
                    return failed;
                }
                self.under_way = self.under_way.saturating_add(1);
                Ok(())
            }
            _ => self.write_here(turn),
        }
    }

    /// Waits until all that was decided is durable and answered.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        while self.under_way > 0
            && let Some(scribe) = &self.scribe
        {
            let written = scribe.wait();
            self.written(written)?;
        }
        Ok(())
    }

    /// Answers what has been written by now.
    fn look(&mut self) -> Result<(), StoreError> {
        while self.under_way > 0
            && let Some(scribe) = &self.scribe
        {
            match scribe.look() {
                Ok(None) => break,
                Ok(Some(written)) => self.written(Ok(written))?,
                Err(error) => return self.failed(error),
            }
        }
        Ok(())
    }

    fn written(&mut self, written: Result<Written, StoreError>) -> Result<(), StoreError> {
        let Written { turns, result } = match written {
            Ok(written) => written,
            Err(error) => return self.failed(error),
        };
        self.under_way = self.under_way.saturating_sub(turns.len());
        for turn in turns {
            self.conclude(turn, result.is_ok());
        }
        result.or_else(|error| self.failed(error))
    }

    /// What was decided on top of a turn that is not durable falls with it: the store does nothing more before it is opened again,
    /// which must not be before the scribe has given back everything that belongs to the book of before.
    fn failed(&mut self, error: StoreError) -> Result<(), StoreError> {
        while self.under_way > 0
            && let Some(Ok(Written { turns, .. })) = self.scribe.as_ref().map(Scribe::wait)
        {
            self.under_way = self.under_way.saturating_sub(turns.len());
            for turn in turns {
                self.conclude(turn, false);
            }
        }
        self.under_way = 0;
        Err(error)
    }

    /// Writes a turn after all others, and waits for it.
    fn write_here(&mut self, turn: Turn) -> Result<(), StoreError> {
        if let Err(error) = self.finish() {
            self.conclude(turn, false);
            return Err(error);
        }
        let worked = if self.exclusive {
            self.with_store(|store| scribe::write(store, turn.known, &turn.texts))
        } else {
            self.with_store(|store| store.commit(&turn.texts))
        };
        self.conclude(turn, worked.is_ok());
        worked
    }

    /// Ends a turn that is durable, or that is not; whoever has not been answered yet is.
    fn conclude(&mut self, turn: Turn, durable: bool) {
        if durable {
            self.live.extend(turn.booked);
            for id in turn.ended {
                self.live.remove(&id);
            }
            for (bucket, percent, tally) in turn.crossed {
                self.tell_crossing(bucket, percent, &tally);
            }
        } else {
            self.owed.extend(turn.owed);
        }
        turn.replies.send(durable);
        for (term, reply) in turn.leads {
            let leads = durable && self.with_store(|store| store.lead(term)).unwrap_or(false);
            let _ = reply.send(leads);
        }
        self.shared.changed();
    }

    /// Decides a batch.
    fn take(&mut self, batch: Vec<Message>, turn: &mut Turn) -> Result<(), StoreError> {
        let known = self.shared.read(Book::seq);
        // Settlements of before come first: they make room.
        let mut messages: Vec<Message> = self.owed.drain(..).map(Owed::into_message).collect();
        messages.extend(batch);
        (turn.known, turn.messages) = (known, messages.len());
        // An exclusive store has no rows of others, and its turn begins when it is written.
        let newer = if self.exclusive { Ok(Vec::new()) } else { self.with_store(|store| store.begin(known)) };
        let shared = Arc::clone(&self.shared);
        let decided = newer.and_then(|newer| {
            let mut book = shared.book.write().unwrap_or_else(PoisonError::into_inner);
            newer.iter().try_for_each(|row| apply_row(&mut book, row))?;
            let now = self.now();
            for message in messages.drain(..) {
                let seen = self.seen(&book, &message, now);
                turn.write(&mut book, seen);
                let events = self.decide(&book, message, now, turn);
                turn.write(&mut book, events);
            }
            turn.note_crossings(&book, &self.options.thresholds);
            Ok(())
        });
        turn.refuse(messages);
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
                if !order.left && self.options.witness.news(order.id).is_some() {
                    Arc::make_mut(&mut order).left = true;
                }
                let rules = self.rules();
                let (reservation, events) = book.reserve(&order, self.shared.owner, now, &rules);
                if matches!(reservation, Reservation::Booked(_)) {
                    turn.booked.push(order.id);
                }
                turn.replies.reserved.push((reply, Ok(reservation)));
                events
            }
            Message::Settle(id, outcome, answer, reply) => {
                turn.owed.push(Owed::Settle(id, outcome.clone(), answer.clone()));
                turn.ended.push(id);
                turn.replies.settled.extend(reply);
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
                turn.replies.heard.extend(heard);
                turn.owed.push(Owed::Client { id, request, news });
                book.client(id, request, news, now).into_iter().collect()
            }
            Message::Change(change, reply) => {
                turn.replies.settled.push(reply);
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

/// Who waits for a turn, and what they are told when it is durable.
#[derive(Default)]
pub(super) struct Replies {
    reserved: Vec<(oneshot::Sender<Reserved>, Reserved)>,
    settled: Vec<oneshot::Sender<Result<(), LedgerAway>>>,
    /// Dropped, and by it answered, when the turn is over.
    heard: Vec<oneshot::Sender<()>>,
}

impl Replies {
    /// Tells everybody. Whoever asked for a booking holds a guard that voids it when it goes away, so an answer that nobody hears
    /// is no leak.
    pub(super) fn send(self, durable: bool) {
        for (reply, result) in self.reserved {
            let _ = reply.send(if durable { result } else { Err(LedgerAway.into()) });
        }
        for reply in self.settled {
            let _ = reply.send(if durable { Ok(()) } else { Err(LedgerAway) });
        }
    }
}

/// What was decided in one turn: what is to be written, and what follows from it when it is durable.
#[derive(Default)]
pub(super) struct Turn {
    /// How many messages are in it.
    messages: usize,
    /// The last row before it.
    pub(super) known: u64,
    /// Its rows.
    texts: Vec<String>,
    replies: Replies,
    booked: Vec<Uuid>,
    ended: Vec<Uuid>,
    owed: Vec<Owed>,
    leads: Vec<(Duration, oneshot::Sender<bool>)>,
    /// What was counted before it of what it may raise.
    before: Tallies,
    /// The thresholds that it crossed.
    crossed: Vec<(Bucket, u8, Tally)>,
}

impl Turn {
    /// How many rows it writes.
    pub(super) fn rows(&self) -> usize {
        self.texts.len()
    }

    /// What it writes, for somebody who does.
    pub(super) fn take_texts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.texts)
    }

    /// Who waits for it, for somebody who answers them.
    pub(super) fn take_replies(&mut self) -> Replies {
        std::mem::take(&mut self.replies)
    }

    /// What is told when it is durable: by then the book may be further.
    fn note_crossings(&mut self, book: &Book, thresholds: &Thresholds) {
        let crossed = book::crossings(&self.before, book.tallies(), thresholds);
        let told = |(bucket, percent): (Bucket, u8)| {
            let tally = book.tally(&bucket.0, bucket.1);
            (bucket, percent, tally)
        };
        self.crossed = crossed.into_iter().map(told).collect();
    }

    /// Keeps what must be written, and refuses the rest.
    fn refuse(&mut self, messages: Vec<Message>) {
        for message in messages {
            match message {
                Message::Reserve(_, reply) => self.replies.reserved.push((reply, Err(LedgerAway.into()))),
                Message::Settle(id, outcome, answer, reply) => {
                    self.owed.push(Owed::Settle(id, outcome, answer));
                    self.replies.settled.extend(reply);
                }
                Message::Client { id, request, news, heard: _ } => {
                    self.owed.push(Owed::Client { id, request, news })
                }
                Message::Change(_, reply) => self.replies.settled.push(reply),
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
