//! Evaluation by whoever asks, without a way to an evaluation thread and back.
//!
//! A plan answers in microseconds. The way to another thread takes as long: what is asked must be copied, two threads are woken, and what
//! one of them allocates the other frees. So the plan is run where the question is asked, within bounds so narrow that nobody who
//! waits for this thread notices: few steps, little time, little memory, no large document, no deep recursion. What does
//! not fit in, what the interpreter must answer and what is compared with its answer goes to the evaluation threads with the whole
//! allowance, as if nothing had been tried here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use super::copies::Copies;
use crate::clock::Stopwatch;
use crate::policy::evaluate::{Allowance, Answer, Asked, COMPARED, Tally, planned};
use crate::policy::plan::{OfTeam, PlanThread};
use crate::policy::set::PolicySet;

/// What one evaluation may use here: some twenty times what the stock rules need.
const STEPS: usize = 10_000;
const TIME: Duration = Duration::from_millis(1);
const MEMORY_BYTES: usize = 4 << 20;
/// The most bytes of a document: a builtin takes as long as what it is given.
const DOCUMENT_BYTES: usize = 32 << 10;
/// A set of rules that takes longer, several times in a row, is left to the evaluation threads for a while.
const SLOW: Duration = Duration::from_micros(500);

/// What came of a question.
pub(super) enum Outcome {
    /// An answer, and the time it took.
    Answered(Answer, Duration),
    /// It is for the evaluation threads.
    Elsewhere(Elsewhere),
    /// The evaluation panicked.
    Panicked,
}

/// What the evaluation threads do besides answering.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// They compare the answer with the interpreter's.
    pub(super) compare: bool,
    /// They work out what follows from the settings of the team, for this seat: that takes longer than a question.
    pub(super) seat: Option<Arc<Seat>>,
}

/// The seats: as many as there are evaluation threads, which prepare them. Threads that ask take turns only where there are more of
/// them than seats.
pub(super) struct Seats(Vec<Arc<Seat>>);

/// What one evaluation at a time uses.
#[derive(Default)]
pub(super) struct Seat(Mutex<State>);

#[derive(Default)]
struct State {
    copies: Copies<Kept>,
    tally: Tally,
    panics: u64,
}

struct Kept {
    plan: PlanThread,
    questions: u64,
}

thread_local! {
    /// Where this thread looks for a seat first, so that it keeps its own.
    static PLACE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

impl Seat {
    /// Makes the copy of a set, if there is none yet. It takes as long as there is data; nobody who asks waits for it.
    pub(super) fn prepare(&self, set: &PolicySet) {
        if self.state().copies.get(set).is_some() {
            return;
        }
        let compiled = &set.compiled;
        // What cannot be copied the evaluation threads say when they are asked.
        if let Ok(plan) = PlanThread::new(Arc::clone(&compiled.plan), &compiled.data, MEMORY_BYTES) {
            self.state().copies.put(set, Kept { plan, questions: 0 });
        }
    }

    /// Whether it does not know what follows from these settings.
    pub(super) fn wants(&self, set: &PolicySet, settings: &Arc<serde_json::Value>) -> bool {
        self.state().copies.get(set).is_some_and(|copy| !copy.plan.knows(settings))
    }

    /// Has at hand what follows from a team's settings.
    pub(super) fn keep(&self, set: &PolicySet, team: OfTeam) {
        if let Some(copy) = self.state().copies.get(set) {
            copy.plan.keep(team);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Arc::default()).collect())
    }

    /// The seat that an evaluation thread prepares.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Seat>> {
        self.0.iter()
    }

    /// Asks one set of rules, if it can be done here.
    pub(super) fn ask(&self, set: &PolicySet, asked: Asked<'_>, allowance: Allowance) -> Outcome {
        let small = asked.input.request.is_within(DOCUMENT_BYTES);
        if !small || !asked.settings_last || allowance.time.is_zero() || !asked.group.is_quick() {
            return Outcome::Elsewhere(Elsewhere::default());
        }
        let first = PLACE.with(|place| *place);
        for turn in 0..self.0.len() {
            let place = first.wrapping_add(turn).checked_rem(self.0.len()).unwrap_or_default();
            let Some(seat) = self.0.get(place) else { continue };
            let mut state = match seat.0.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            return state.ask(seat, set, asked, allowance);
        }
        Outcome::Elsewhere(Elsewhere::default())
    }

    /// What was done here, and how many evaluations panicked.
    pub(super) fn counts(&self) -> (Tally, u64) {
        self.0.iter().fold((Tally::default(), 0), |(tally, panics), seat| {
            let state = seat.state();
            (tally.and(state.tally), panics.saturating_add(state.panics))
        })
    }
}

impl State {
    fn ask(&mut self, seat: &Arc<Seat>, set: &PolicySet, asked: Asked<'_>, allowance: Allowance) -> Outcome {
        let Some(copy) = self.copies.get(set) else { return Outcome::Elsewhere(Elsewhere::default()) };
        let compare = copy.questions.is_multiple_of(COMPARED);
        copy.questions += 1;
        let is_new = !copy.plan.knows(&asked.input.settings);
        if compare || is_new {
            return Outcome::Elsewhere(Elsewhere { compare, seat: is_new.then(|| Arc::clone(seat)) });
        }
        let allowance =
            Allowance { time: allowance.time.min(TIME), instructions: allowance.instructions.min(STEPS) };
        let watch = Stopwatch::start();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            super::tests::panic_if_asked(asked.input);
            planned(&mut copy.plan, asked, allowance)
        }));
        let took = watch.elapsed();
        asked.group.took(took > SLOW || matches!(outcome, Ok(Err(_))));
        match outcome {
            Ok(Ok(answer)) => {
                self.tally.planned += 1;
                Outcome::Answered(answer, took)
            }
            Ok(Err(_)) => Outcome::Elsewhere(Elsewhere::default()),
            Err(_) => {
                // In what state the panic left them nobody knows; the evaluation threads make others.
                (self.copies, self.panics) = (Copies::default(), self.panics.saturating_add(1));
                Outcome::Panicked
            }
        }
    }
}
