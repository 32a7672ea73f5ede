//! A gate at which scripted requests wait until a test opens it.

use std::sync::Arc;

use tokio::sync::watch;

/// Holds requests. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(Inner { open: watch::Sender::new(false), waiting: watch::Sender::new(0) }))
    }

    /// Lets all through, now and later.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// Waits until `requests` have come to the gate since it was made.
    pub async fn reached(&self, requests: usize) {
        // The sender lives as long as this borrow, so waiting cannot fail.
        let _ = self.0.waiting.subscribe().wait_for(|waiting| *waiting >= requests).await;
    }

    /// Waits here until the gate is open.
    pub(in crate::emulator) async fn pass(&self) {
        self.0.waiting.send_modify(|waiting| *waiting = waiting.saturating_add(1));
        let _ = self.0.open.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
