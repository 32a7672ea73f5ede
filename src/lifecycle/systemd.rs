//! What systemd is told (sd_notify(3)) and gives (sd_listen_fds(3)). Without systemd none of it does anything.

use std::net::TcpListener;
use std::time::Duration;

use sd_notify::NotifyState;

/// Sockets that were opened for the process: with `FileDescriptorName=`, `listen` and `admin`; without names the first
/// is for clients and the second for operators.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Where clients connect.
    pub listen: Option<TcpListener>,
    /// Where operators connect.
    pub admin: Option<TcpListener>,
}

impl Sockets {
    /// Takes the sockets over; call it once, before there are threads.
    ///
    /// # Errors
    /// When what was handed over are not listening TCP sockets.
    pub fn from_environment() -> std::io::Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        let mut handed = listenfd::ListenFd::from_env();
        let mut sockets = Self::default();
        for place in 0..handed.len() {
            let Some(socket) = handed.take_tcp_listener(place)? else { continue };
            match (names.get(place).copied(), place) {
                (Some("admin"), _) => sockets.admin = Some(socket),
                (Some("listen"), _) | (_, 0) => sockets.listen = Some(socket),
                (_, 1) => sockets.admin = Some(socket),
                _ => {}
            }
        }
        Ok(sockets)
    }
}

/// The gateway serves.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// The files are being looked at again; [`ready`] ends it.
pub(super) fn reloading() {
    let Ok(now) = NotifyState::monotonic_usec_now() else { return };
    tell(&[NotifyState::Reloading, now, NotifyState::Status("reloading")]);
}

/// The gateway drains; systemd waits for it so long.
pub fn stopping(at_most: Duration) {
    let micros = u32::try_from(at_most.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::Status("draining"), NotifyState::ExtendTimeoutUsec(micros)]);
}

/// Tells systemd, twice in its interval, that the process is alive: as long as the runtime runs tasks.
pub async fn watchdog() {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(interval / 2);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
