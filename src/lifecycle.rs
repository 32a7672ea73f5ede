//! Signals and systemd: stop softly, then at once; reload; say how it goes.

pub mod hardening;
pub mod panics;
pub mod systemd;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use std::sync::Arc;

/// What the outside world asks of the process.
#[derive(Clone)]
pub struct Lifecycle {
    /// SIGTERM or SIGINT came: drain and end.
    pub stop: CancellationToken,
    /// A second one came: end now.
    pub stop_now: CancellationToken,
    /// How often SIGHUP came: look at all files again. A count, so that none is missed by who is busy.
    pub reload: watch::Sender<u64>,
    /// The log of the process.
    pub log: LogControl,
}

/// Sets what is logged; the error says what is wrong with it.
pub type SetLevel = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What can be done with the log of the process while it runs.
#[derive(Clone)]
pub struct LogControl {
    /// Sets what is logged, by a filter as in `log.level`.
    pub set_level: SetLevel,
    /// How many lines were dropped because their reader stood still.
    pub dropped: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Default for LogControl {
    fn default() -> Self {
        Self { set_level: Arc::new(|_| Ok(())), dropped: Arc::new(|| 0) }
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            stop: CancellationToken::new(),
            stop_now: CancellationToken::new(),
            reload: watch::Sender::new(0),
            log: LogControl::default(),
        }
    }
}

impl Lifecycle {
    /// News of orders to read everything again, those from before this call among them: a signal may come while what it is
    /// for is still being started.
    pub fn reloads(&self) -> watch::Receiver<u64> {
        let mut receiver = self.reload.subscribe();
        if *receiver.borrow() != 0 {
            receiver.mark_changed();
        }
        receiver
    }

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
                    _ = hang_up.recv() => {
                        systemd::reloading();
                        asked.reload.send_modify(|count| *count = count.wrapping_add(1));
                    }
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
