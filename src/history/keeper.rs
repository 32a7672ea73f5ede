//! The thread that keeps decisions: in memory at once, in the store in batches, and the oldest not for ever.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::filter::first_id;
use super::row::Row;
use super::store::Keep;
use super::{HistoryAway, Item, Plan, State};
use crate::clock::{Clock, Stopwatch};
use crate::metrics::Metrics;

/// Decisions that are written at once.
const BATCH: usize = 256;
/// Decisions that wait for a store that is away; beyond them the oldest go.
const MOST_PENDING: usize = 4_096;
/// Between two tries of a store that is away.
const PAUSE: Duration = Duration::from_secs(3);
/// Between two looks at how much is kept, and for how long.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long it waits for news, so that time is noticed.
const TICK: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Keeper {
    store: Option<Box<dyn Keep>>,
    keep: Duration,
    most: u64,
    state: Arc<State>,
    metrics: Arc<Metrics>,
    clock: Clock,
    pending: VecDeque<Row>,
    settled: VecDeque<(String, Vec<String>)>,
    is_open: bool,
    tried: Option<Stopwatch>,
    swept: Option<Stopwatch>,
    sweeping: bool,
}

impl Keeper {
    pub(super) fn new(
        store: Option<Box<dyn Keep>>,
        plan: &Plan,
        state: Arc<State>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        Self {
            store,
            keep: plan.keep,
            most: plan.most,
            state,
            metrics,
            clock,
            pending: VecDeque::new(),
            settled: VecDeque::new(),
            is_open: false,
            tried: None,
            swept: None,
            sweeping: false,
        }
    }

    /// Keeps what comes until nobody can send any more, and then what is left.
    pub(super) fn work(mut self, lines: &Receiver<Item>) {
        self.metrics.history().up(self.store.is_none());
        loop {
            self.store_what_waits(false);
            let wait = if self.sweeping || self.has_work() && self.is_open { Duration::ZERO } else { TICK };
            match lines.recv_timeout(wait) {
                Ok(item) => {
                    self.take(item);
                    lines.try_iter().take(BATCH.saturating_sub(1)).for_each(|item| self.take(item));
                }
                Err(RecvTimeoutError::Timeout) if self.state.closing.load(Ordering::SeqCst) => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while self.has_work() && self.store_what_waits(true) {}
        self.metrics.history().dropped(u64::try_from(self.pending.len()).unwrap_or(u64::MAX));
    }

    fn has_work(&self) -> bool {
        !self.pending.is_empty() || !self.settled.is_empty()
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Line(line) => {
                self.state.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                let Some(row) = Row::of(line) else {
                    self.metrics.history().dropped(1); // masked down to nothing it could be found by
                    return;
                };
                self.state.recent.add(row.clone());
                if self.store.is_none() {
                    self.metrics.history().kept(1);
                    return;
                }
                if self.pending.len() >= MOST_PENDING {
                    self.pending.pop_front();
                    self.metrics.history().dropped(1);
                }
                self.pending.push_back(row);
            }
            Item::Settled { decision, ids } => {
                self.state.recent.settled(&decision, &ids);
                if self.store.is_some() && self.settled.len() < MOST_PENDING {
                    self.settled.push_back((decision, ids));
                }
            }
        }
    }

    /// One step: opening, a batch, or some sweeping. False where the store is away.
    fn store_what_waits(&mut self, last: bool) -> bool {
        let Some(mut store) = self.store.take() else { return false };
        let done = self.step(&mut *store, last);
        self.store = Some(store);
        match done {
            Ok(opened) => opened,
            Err(away) => {
                self.is_open = false;
                self.tell(Some(away.why));
                false
            }
        }
    }

    fn step(&mut self, store: &mut dyn Keep, last: bool) -> Result<bool, HistoryAway> {
        if !self.is_open {
            let rests = self.tried.is_some_and(|tried| tried.elapsed() < PAUSE);
            if rests && !last {
                return Ok(false);
            }
            self.tried = Some(Stopwatch::start());
            let size = store.open()?;
            self.is_open = true;
            self.measured(size);
            self.tell(None);
        }
        let rows: Vec<Row> = self.pending.iter().take(BATCH).cloned().collect();
        if !rows.is_empty() {
            store.write(&rows)?;
            self.pending.drain(..rows.len());
            self.metrics.history().kept(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        }
        while let Some((decision, ids)) = self.settled.front() {
            store.settled(decision, ids)?;
            self.settled.pop_front();
        }
        if !last && (self.sweeping || self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP_EVERY)) {
            let kept = self.clock.since_epoch().saturating_sub(self.keep).as_millis();
            let kept = jiff::Timestamp::from_millisecond(i64::try_from(kept).unwrap_or(i64::MAX));
            let gone = store.sweep(&first_id(kept.unwrap_or_default()), self.most)?;
            self.sweeping = gone > 0;
            self.swept = Some(Stopwatch::start());
            self.measured(store.size()?);
        }
        Ok(true)
    }

    fn measured(&self, size: super::Size) {
        *self.state.size.lock().unwrap_or_else(PoisonError::into_inner) = size;
        self.metrics.history().size(size.records, size.bytes);
    }

    /// Says what is new about the store, once.
    fn tell(&self, away: Option<String>) {
        let mut told = self.state.away.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.history().up(away.is_none());
        if *told == away {
            return;
        }
        match &away {
            Some(why) => tracing::error!(
                why,
                "the history of decisions is away: requests go on, decisions are recorded but not found by it"
            ),
            None if told.as_deref() == Some(super::OPENING) => {}
            None => tracing::info!("the history of decisions is back"),
        }
        *told = away;
    }
}
