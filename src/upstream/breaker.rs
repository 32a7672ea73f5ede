//! A cloud that does not answer is not asked again and again: after some failures in a row everything is refused at
//! once, with nothing sent, and only a read now and then asks whether it is back.
//!
//! ```text
//! closed --failures in a row--> open --a read was answered--> closed
//!                                 ^---a read was not--+
//! ```
//!
//! No create and no change is ever the one that tries. What counts is whether the cloud answers, not what: an error of
//! its own is an answer, a page of its edge (502, 503, 504) is none.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::api::Kind;

/// See the module.
#[derive(Debug)]
pub(super) struct Breaker {
    /// Failures in a row that open it; 0 keeps it closed for ever.
    after: usize,
    /// Between two tries.
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed { failures: usize },
    Open { next_try: Instant, trying: bool },
}

/// It is open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened;

impl Breaker {
    pub(super) fn new(after: usize, pause: Duration) -> Self {
        Self { after, pause, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request of this kind may be sent now.
    pub(super) fn enter(&self, kind: Kind) -> Result<Attempt<'_>, Opened> {
        let tries = match &mut *self.state() {
            State::Closed { .. } => false,
            State::Open { next_try, trying } => {
                if kind != Kind::Read || *trying || Instant::now() < *next_try {
                    return Err(Opened);
                }
                *trying = true;
                true
            }
        };
        Ok(Attempt { breaker: self, tries, told: false })
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(&*self.state(), State::Open { .. })
    }

    /// Whether a read should be sent to see if the cloud is back.
    pub(super) fn wants_try(&self) -> bool {
        matches!(&*self.state(), State::Open { next_try, trying: false } if Instant::now() >= *next_try)
    }
}

/// One request; it says how it went, or is dropped when nobody can know.
pub(super) struct Attempt<'b> {
    breaker: &'b Breaker,
    tries: bool,
    told: bool,
}

impl Attempt<'_> {
    /// The cloud answered.
    pub(super) fn answered(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        if matches!(&*state, State::Open { .. }) {
            tracing::info!("the cloud answers again");
        }
        *state = State::Closed { failures: 0 };
    }

    /// It did not.
    pub(super) fn failed(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        let now = Instant::now();
        match &mut *state {
            State::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if self.breaker.after > 0 && *failures >= self.breaker.after {
                    tracing::error!(
                        failures,
                        "the cloud does not answer: requests are refused until a read is answered"
                    );
                    // The first try at once: it may have been these requests.
                    *state = State::Open { next_try: now, trying: false };
                }
            }
            // Only the try itself says when the next one is; older requests may still fail.
            State::Open { next_try, trying } if self.tries => {
                (*next_try, *trying) = (now + self.breaker.pause, false);
            }
            State::Open { .. } => {}
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.tries
            && !self.told
            && let State::Open { trying, .. } = &mut *self.breaker.state()
        {
            *trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    fn fail(breaker: &Breaker, kind: Kind) -> bool {
        breaker.enter(kind).map(Attempt::failed).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_read_at_a_time_tries() {
        let breaker = Breaker::new(3, PAUSE);
        assert!(fail(&breaker, Kind::Create) && fail(&breaker, Kind::Read));
        breaker.enter(Kind::Read).unwrap().answered();
        assert!((0..3).all(|_| fail(&breaker, Kind::Create)), "an answer in between starts the count anew");
        assert!(breaker.is_open() && !fail(&breaker, Kind::Create) && !fail(&breaker, Kind::Change));
        let first = breaker.enter(Kind::Read).unwrap();
        assert!(!fail(&breaker, Kind::Read) && !breaker.wants_try(), "one at a time");
        first.failed();
        assert!(!fail(&breaker, Kind::Read), "not before the pause");
        tokio::time::advance(PAUSE).await;
        drop(breaker.enter(Kind::Read).unwrap());
        assert!(breaker.wants_try(), "a try that was given up is none");
        breaker.enter(Kind::Read).unwrap().answered();
        assert!(!breaker.is_open());
        breaker.enter(Kind::Create).unwrap().answered();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_it_opened_neither_tries_nor_puts_the_try_off() {
        let breaker = Breaker::new(1, PAUSE);
        let (old, other) = (breaker.enter(Kind::Create).unwrap(), breaker.enter(Kind::Create).unwrap());
        assert!(fail(&breaker, Kind::Create));
        let first = breaker.enter(Kind::Read).unwrap();
        old.failed();
        assert!(!breaker.wants_try(), "the try goes on");
        first.failed();
        other.answered();
        assert!(!breaker.is_open(), "an answer is an answer");
        let never = Breaker::new(0, PAUSE);
        assert!((0..100).all(|_| fail(&never, Kind::Create)) && !never.is_open());
    }
}
