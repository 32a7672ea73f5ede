//! Signals: stop softly, then at once; reload.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use std::sync::Arc;

/// What the outside world asks of the process.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// SIGTERM or SIGINT came: drain and end.
    pub stop: CancellationToken,
    /// A second one came: end now.
    pub stop_now: CancellationToken,
    /// SIGHUP came: look at all files again.
    pub reload: Arc<Notify>,
}

impl Lifecycle {
    /// Listens to SIGTERM, SIGINT and SIGHUP on a task of its own.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn from_signals() -> std::io::Result<Self> {
        let lifecycle = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let asked = lifecycle.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => asked.asked_to_stop(),
                    _ = interrupt.recv() => asked.asked_to_stop(),
                    _ = hang_up.recv() => asked.reload.notify_waiters(),
                }
            }
        });
        Ok(lifecycle)
    }

    fn asked_to_stop(&self) {
        if self.stop.is_cancelled() {
            self.stop_now.cancel();
        }
        self.stop.cancel();
    }
}
