//! Connections that rest between requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::link::Link;

/// A connection that rested longer is closed instead of used; edges commonly close after 60 s and more.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// A stack: the latest put back is the first taken.
pub(super) struct Pool {
    #[expect(clippy::vec_box, reason = "out of its box a link would be copied at each hand it goes through")]
    resting: Mutex<Vec<Box<Link>>>,
    most: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { resting: Mutex::new(Vec::new()), most }
    }

    /// A connection that rested for less than `longest` and is silent; those found unfit are closed.
    pub(super) fn take(&self, longest: Duration) -> Option<Box<Link>> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        // The top rested least: if it rested too long for this request, so did all below it.
        while resting.last().is_some_and(|link| link.rested() < longest.min(LONGEST_REST)) {
            let mut link = resting.pop()?;
            if link.is_silent() {
                return Some(link);
            }
        }
        if resting.last().is_some_and(|link| link.rested() >= LONGEST_REST) {
            resting.clear();
        }
        None
    }

    /// Puts a silent connection to rest if there is room; else closes it.
    pub(super) fn put(&self, mut link: Box<Link>) {
        link.rest();
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() < self.most {
            resting.push(link);
        }
    }
}
