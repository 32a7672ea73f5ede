//! The lines that wait for their writer: bounded, and by choice either the oldest goes when there is no room, or nobody may add more
//! than there is room for.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

/// What happens when records come faster than they can be written, or cannot be written at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest that waits is dropped and counted: requests go on.
    #[default]
    Drop,
    /// Creates and changes are refused: none is made without a record.
    Block,
}

/// See the module.
pub(super) struct Queue {
    most: usize,
    when_full: WhenFull,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    /// Requests that are under way and will bring a line; only counted where they may be refused.
    promised: usize,
    /// Lines that the writer holds.
    held: usize,
    failing: bool,
    closed: bool,
    /// The writer waits for a line; where it does not, waking it would be a system call for nothing.
    idle: bool,
}

impl Queue {
    pub(super) fn new(most: usize, when_full: WhenFull) -> Self {
        Self { most, when_full, state: Mutex::default(), news: Condvar::new() }
    }

    /// Room for one line, or none.
    pub(super) fn promise(&self) -> bool {
        if self.when_full == WhenFull::Drop {
            return true;
        }
        let mut state = self.lock();
        let waiting = state.lines.len().saturating_add(state.promised).saturating_add(state.held);
        let room = !state.failing && waiting < self.most;
        state.promised = state.promised.saturating_add(usize::from(room));
        room
    }

    /// The room is not needed any more.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        state.promised = state.promised.saturating_sub(1);
    }

    /// Adds a line; the answer is how many others had to go.
    pub(super) fn push(&self, line: String) -> u64 {
        let mut state = self.lock();
        let mut dropped = 0_u64;
        if self.when_full == WhenFull::Drop {
            while state.lines.len().saturating_add(state.held) >= self.most
                && state.lines.pop_front().is_some()
            {
                dropped = dropped.saturating_add(1);
            }
        }
        state.lines.push_back(line);
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.news.notify_one();
        }
        dropped
    }

    /// The next lines, as many as there are up to `most`; none when the queue is closed and empty. The writer holds them until it
    /// says [`Queue::written`].
    pub(super) fn take(&self, most: usize) -> Vec<String> {
        let mut state = self.lock();
        while state.lines.is_empty() && !state.closed {
            state.idle = true;
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.lines.len().min(most);
        let taken: Vec<String> = state.lines.drain(..count).collect();
        state.held = taken.len();
        taken
    }

    /// What was taken is written, or given up.
    pub(super) fn written(&self) {
        let mut state = self.lock();
        (state.held, state.failing) = (0, false);
    }

    /// What was taken cannot be written at the moment.
    pub(super) fn failing(&self) {
        self.lock().failing = true;
    }

    /// No more lines come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    /// Whether so many lines can wait.
    pub(super) fn has_room_for(&self, lines: usize) -> bool {
        self.most >= lines
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_where_nobody_waits() {
        let queue = Queue::new(2, WhenFull::Drop);
        assert!(queue.promise() && queue.promise() && queue.promise());
        assert_eq!([queue.push("a".into()), queue.push("b".into()), queue.push("c".into())], [0, 0, 1]);
        queue.close();
        assert_eq!(queue.take(9), ["b", "c"]);
        queue.written();
        assert!(queue.take(9).is_empty());
    }

    #[test]
    fn nobody_gets_in_where_a_record_has_no_room() {
        let queue = Queue::new(2, WhenFull::Block);
        assert!(queue.promise() && queue.promise() && !queue.promise());
        queue.release();
        queue.push("a".into());
        assert!(!queue.promise()); // one promised, one waiting
        assert_eq!(queue.take(1), ["a"]);
        assert!(!queue.promise()); // the writer has it still
        queue.written();
        assert!(queue.promise());
        queue.release();
        queue.failing();
        assert!(!queue.promise());
    }
}
