//! The bounded queue between requests and evaluation threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::seat::Seat;
use crate::policy::compile::Entry;
use crate::policy::evaluate::{Allowance, Answer, Tally};
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::input::Input;
use crate::policy::set::PolicySet;

/// One evaluation to make.
pub(super) struct Job {
    pub(super) set: Arc<PolicySet>,
    pub(super) group: usize,
    pub(super) entry: Entry,
    pub(super) input: Arc<Input>,
    pub(super) allowance: Allowance,
    /// Whether the interpreter is asked too.
    pub(super) compare: bool,
    /// Who is to be told what follows from the settings of the team.
    pub(super) seat: Option<Arc<Seat>>,
    pub(super) reply: oneshot::Sender<Done>,
}

/// One evaluation made.
pub(super) struct Done {
    pub(super) answer: Result<Answer, PolicyFailure>,
    /// The time it took, copying not counted.
    pub(super) took: Duration,
}

/// What a thread does next.
pub(super) enum Next {
    /// An evaluation.
    Job(Box<Job>),
    /// Nothing waits and the policies have changed: make copies.
    Prepare,
    /// End.
    Stop,
}

/// Numbers for metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) running: u64,
    pub(super) busy: u64,
    pub(super) panics: u64,
    pub(super) tally: Tally,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Goes up with every change of policies.
    version: u64,
    closed: bool,
}

/// A bounded queue of evaluations.
pub(super) struct Queue {
    state: Mutex<State>,
    change: Condvar,
    room: usize,
    running: AtomicU64,
    busy: AtomicU64,
    panics: AtomicU64,
    tally: Mutex<Tally>,
}

impl Queue {
    pub(super) fn new(room: usize) -> Self {
        Self {
            state: Mutex::default(),
            change: Condvar::new(),
            room,
            running: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            tally: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, if there is room.
    pub(super) fn push(&self, job: Job) -> Result<(), PolicyFailure> {
        let mut state = self.state();
        if state.jobs.len() >= self.room {
            // those whose caller has gone take no room
            state.jobs.retain(|job| !job.reply.is_closed());
        }
        if state.jobs.len() >= self.room {
            drop(state);
            self.busy.fetch_add(1, Ordering::Relaxed);
            return Err(PolicyFailure::new(Reason::Busy, format!("{} evaluations are waiting", self.room)));
        }
        state.jobs.push_back(job);
        drop(state);
        self.change.notify_one();
        Ok(())
    }

    /// Waits for something to do; `version` is what the thread has made copies of.
    pub(super) fn next(&self, version: &mut u64) -> Next {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Next::Job(Box::new(job));
            }
            if state.closed {
                return Next::Stop;
            }
            if state.version != *version {
                *version = state.version;
                return Next::Prepare;
            }
            state = self.change.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells all threads that the policies have changed.
    pub(super) fn wake(&self) {
        self.state().version += 1;
        self.change.notify_all();
    }

    /// Lets the threads end once nothing waits.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.change.notify_all();
    }

    pub(super) fn waiting(&self) -> usize {
        self.state().jobs.len()
    }

    pub(super) fn started(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add(&self, more: Tally) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally = tally.and(more);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            running: self.running.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            tally: *self.tally.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}
