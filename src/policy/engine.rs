//! The judge: evaluates rules on threads of its own, within limits, and swaps policies without a lock on the path.
//!
//! Rules are the organisation's code. They may loop, allocate, panic or block inside one builtin; a request waits for
//! them no longer than its deadline. The async threads run them only as far as that takes next to nothing (`seat`). Each
//! thread has copies of its own, because shared reference counts would make two threads no faster than one.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::answer::{DecideAnswer, Patch};
use super::compile::Entry;
use super::evaluate::{Allowance, Answer, Asked, Tally};
use super::failure::{PolicyFailure, Reason};
use super::input::Input;
use super::set::PolicySet;
use crate::clock::Stopwatch;

mod copies;
mod queue;
mod seat;
mod worker;

use queue::{Counts, Job, Queue};
use seat::{Outcome, Seats};

/// The stack of an evaluation thread: deep, because the engine recurses over expressions and values.
pub(super) const STACK_BYTES: usize = 32 << 20;

/// The most steps of one evaluation, unless said otherwise.
pub(super) const DEFAULT_INSTRUCTIONS: usize = 5_000_000;

/// What judging may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Evaluation threads: one per core, more would only wait for one another.
    pub threads: usize,
    /// Evaluations that may wait; one more is refused as [`Reason::Busy`].
    pub queue: usize,
    /// Evaluation time of one request, `amend` and `decide` together. A typical tree takes well under 1 ms.
    pub evaluation: Duration,
    /// How long a request waits for both, the wait in the queue included. A single builtin cannot be stopped, so this is
    /// what bounds the request.
    pub deadline: Duration,
    /// Steps of one evaluation: statements, elements of collections and calls.
    pub instructions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            threads,
            queue: 64 * threads,
            evaluation: Duration::from_millis(200),
            deadline: Duration::from_millis(500),
            instructions: DEFAULT_INSTRUCTIONS,
        }
    }
}

/// Evaluates policies. Clones share threads and policies; the threads end with the last clone.
#[derive(Clone)]
pub struct Judge(Arc<Inner>);

struct Inner {
    limits: Limits,
    current: Arc<ArcSwap<PolicySet>>,
    queue: Arc<Queue>,
    seats: Seats,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What the judge has seen, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Evaluations that wait.
    pub waiting: usize,
    /// Evaluations that are running.
    pub running: u64,
    /// Evaluations refused because too many waited.
    pub busy: u64,
    /// Evaluations that panicked.
    pub panics: u64,
    /// Questions that the plan answered, all rules or some of them.
    pub planned: u64,
    /// Questions that went to the interpreter because a rule is not planned.
    pub unplanned: u64,
    /// Questions that went to the interpreter because the plan could not answer this one.
    pub elsewhere: u64,
    /// Answers of the plan that were compared with the interpreter's.
    pub compared: u64,
    /// Those that differed.
    pub differed: u64,
    /// Lines that rules printed; they were dropped.
    pub prints: u64,
}

impl Judge {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread.
    pub fn start(set: PolicySet, limits: Limits) -> std::io::Result<Self> {
        let current = Arc::new(ArcSwap::from_pointee(set));
        let queue = Arc::new(Queue::new(limits.queue));
        let seats = Seats::new(limits.threads.max(1));
        let prepared: Vec<_> = seats.iter().cloned().collect();
        // made first, so that an error below closes the queue and ends the threads that have started
        let inner = Inner { limits, current: Arc::clone(&current), queue: Arc::clone(&queue), seats };
        let judge = Self(Arc::new(inner));
        for (number, seat) in prepared.into_iter().enumerate() {
            let (queue, current) = (Arc::clone(&queue), Arc::clone(&current));
            std::thread::Builder::new()
                .name(format!("policy-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || worker::run(&queue, &current, &seat))?;
        }
        Ok(judge)
    }

    /// The policies in force.
    pub fn current(&self) -> Arc<PolicySet> {
        self.0.current.load_full()
    }

    /// Puts other policies in force and gives back those before. Requests under way finish with the set they began with.
    pub fn swap(&self, set: impl Into<Arc<PolicySet>>) -> Arc<PolicySet> {
        let before = self.0.current.swap(set.into());
        self.0.queue.wake(); // threads that have nothing to do make their copies now
        before
    }

    /// Begins the judgement of one request, with the policies in force and the whole time budget.
    pub fn open(&self) -> Sitting {
        self.open_with(self.current())
    }

    /// As [`Judge::open`], with other policies.
    pub fn open_with(&self, set: Arc<PolicySet>) -> Sitting {
        Sitting {
            set,
            evaluation_left: self.0.limits.evaluation,
            deadline_left: self.0.limits.deadline,
            judge: self.clone(),
        }
    }

    /// What it has seen.
    pub fn stats(&self) -> Stats {
        let Counts { running, busy, panics, tally } = self.0.queue.counts();
        let (here, panics_here) = self.0.seats.counts();
        let (tally, panics) = (tally.and(here), panics.saturating_add(panics_here));
        let Tally { planned, unplanned, elsewhere, compared, differed, prints } = tally;
        let waiting = self.0.queue.waiting();
        Stats { waiting, running, busy, panics, planned, unplanned, elsewhere, compared, differed, prints }
    }
}

/// The judgement of one request: one set of policies, one time budget for both questions.
pub struct Sitting {
    judge: Judge,
    set: Arc<PolicySet>,
    evaluation_left: Duration,
    deadline_left: Duration,
}

impl Sitting {
    /// The policies of this judgement.
    pub fn set(&self) -> &Arc<PolicySet> {
        &self.set
    }

    /// What the rules want added to a create. No thread is asked where no rule that applies can want anything.
    ///
    /// # Errors
    /// Any failure refuses the request.
    pub async fn amend(&mut self, input: &Input) -> Result<Vec<Patch>, PolicyFailure> {
        match self.ask(Entry::Amend, input).await? {
            Some(Answer::Patches(patches)) => Ok(patches),
            None => Ok(Vec::new()),
            Some(Answer::Decision(_)) => {
                Err(PolicyFailure::new(Reason::Error, "an answer to another question"))
            }
        }
    }

    /// What the rules say to the amended request.
    ///
    /// # Errors
    /// Any failure refuses the request.
    pub async fn decide(&mut self, input: &Input) -> Result<DecideAnswer, PolicyFailure> {
        match self.ask(Entry::Decide, input).await? {
            Some(Answer::Decision(decision)) => Ok(decision),
            // Nothing was found because nobody looked: no rule allowed this.
            None => Err(PolicyFailure::new(Reason::Undefined, "no rule that judges applies to this call")),
            Some(Answer::Patches(_)) => {
                Err(PolicyFailure::new(Reason::Error, "an answer to another question"))
            }
        }
    }

    async fn ask(&mut self, entry: Entry, input: &Input) -> Result<Option<Answer>, PolicyFailure> {
        let action = &input.action;
        let found = self.set.group(action.kind, &action.service, &action.name, &input.principal.team);
        let Some((group, rules)) = found else {
            // reads have no rules; a change or create always has a place in the table
            return Err(PolicyFailure::new(Reason::Error, "asked about a call that rules do not judge"));
        };
        let asked = match entry {
            Entry::Amend => rules.amends,
            Entry::Decide => rules.decides,
        };
        if !asked {
            return Ok(None);
        }
        let mut allowance = Allowance {
            time: self.evaluation_left.min(self.deadline_left),
            instructions: self.judge.0.limits.instructions,
        };
        let settings_last = self.set.is_settings(input);
        let asked = Asked { group: rules, number: group, entry, input, settings_last };
        let watch = Stopwatch::start();
        let elsewhere = match self.judge.0.seats.ask(&self.set, asked, allowance) {
            Outcome::Answered(answer, took) => {
                self.evaluation_left = self.evaluation_left.saturating_sub(took);
                self.deadline_left = self.deadline_left.saturating_sub(took);
                return Ok(Some(answer));
            }
            Outcome::Panicked => {
                self.judge.0.queue.wake(); // the copies have gone with it; others are made
                return Err(PolicyFailure::new(Reason::Panic, "the evaluation panicked"));
            }
            Outcome::Elsewhere(elsewhere) => elsewhere,
        };
        allowance.time = self.evaluation_left;
        let (reply, answer) = oneshot::channel();
        self.judge.0.queue.push(Job {
            set: Arc::clone(&self.set),
            group,
            entry,
            input: Arc::new(input.clone()),
            allowance,
            compare: elsewhere.compare,
            seat: elsewhere.seat,
            reply,
        })?;
        let answered = tokio::time::timeout(self.deadline_left, answer).await;
        self.deadline_left = self.deadline_left.saturating_sub(watch.elapsed());
        match answered {
            Ok(Ok(done)) => {
                self.evaluation_left = self.evaluation_left.saturating_sub(done.took);
                done.answer.map(Some)
            }
            Ok(Err(_)) => Err(PolicyFailure::new(Reason::Panic, "the evaluation thread ended")),
            Err(_) => {
                let detail = format!("no answer within {:?}", self.judge.0.limits.deadline);
                Err(PolicyFailure::new(Reason::TimeLimit, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests;
