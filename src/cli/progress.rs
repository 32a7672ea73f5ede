//! A line on standard error that says how far long work is: only on a terminal, and gone when the work is done.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::clock::Stopwatch;

/// Between two changes of the line.
const TICK: Duration = Duration::from_millis(200);
/// Work that is done sooner shows nothing.
const QUIET: Duration = Duration::from_millis(600);

/// See the module.
pub(in crate::cli) struct Progress {
    shown: bool,
    watch: Stopwatch,
    last: std::cell::Cell<Duration>,
}

impl Progress {
    pub(in crate::cli) fn new() -> Self {
        let shown = std::io::stderr().is_terminal();
        Self { shown, watch: Stopwatch::start(), last: std::cell::Cell::default() }
    }

    /// Says what has been done so far.
    pub(in crate::cli) fn tell(&self, what: &str) {
        let elapsed = self.watch.elapsed();
        if self.shown && elapsed >= QUIET && elapsed.saturating_sub(self.last.get()) >= TICK {
            self.last.set(elapsed);
            let line = format!("\r\u{1b}[K{what}, {} s", elapsed.as_secs());
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && !self.last.get().is_zero() {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// Does some work, and says meanwhile that it goes on.
pub(in crate::cli) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
    let progress = Progress::new();
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(TICK) => progress.tell(what),
        }
    }
}
