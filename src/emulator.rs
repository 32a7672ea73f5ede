//! A faithful local stand-in for the Zenlayer Cloud API, on a real port.
//!
//! It checks signatures, validates creates field by field with the documented error codes, moves machines through
//! their states on an injected clock, and breaks on request: see [`Fault`]. It is a library for tests, the second
//! half of `zengate demo`, and `zengate emulator` for users with an SDK script.
//!
//! It shares no parsing or signing code with the gateway: a mistake in one must not be hidden by the same mistake in
//! the other.
//!
//! The files, in the order a request meets them: `serve` (connections), `http` (bytes to request), `exchange` (one
//! request, with its faults), `route`, `signature`, `actions` (the table and a small file per group of actions),
//! `world` and `seed` (what the account has), `state` (its file), `answer` (envelopes). `control` answers the emulator's own calls under
//! `/_emulator/`, listed in that file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::secret::Secret;

mod actions;
mod answer;
mod call;
pub mod command;
mod control;
mod exchange;
mod fault;
mod fields;
mod http;
mod life;
mod problem;
mod record;
mod route;
pub mod seed;
mod serve;
mod shared;
mod signature;
mod state;
mod world;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use fault::{Fault, Gate, On, Preset, Times, When};
pub use life::Status;
pub use record::{Seen, Verdict};
pub use state::StateError;
pub use world::Product;

use shared::Shared;

/// How an emulator behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Access keys and their secrets.
    pub keys: Vec<(String, Secret)>,
    /// Bearer tokens.
    pub tokens: Vec<Secret>,
    /// The time by which signatures expire and machines live.
    pub clock: Clock,
    /// From the create to DEPLOYING.
    pub deploy_after: Duration,
    /// From the create to RUNNING (or CREATE_FAILED, or gone).
    pub run_after: Duration,
    /// From a stop, start, reboot, terminate or release to its end.
    pub change_after: Duration,
    /// Machines the account may have; those in the bin do not count.
    pub instance_quota: u32,
    /// Largest request body, in bytes.
    pub body_limit: usize,
    /// Requests kept for [`Emulator::requests`]; the oldest go first.
    pub keep_requests: usize,
    /// TLS for every connection; plain HTTP without.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The file that keeps the account from run to run. Every change waits until it is written and synced.
    pub state: Option<PathBuf>,
}

/// Why an emulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours to take.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: Vec::new(),
            tokens: Vec::new(),
            clock: Clock::system(),
            deploy_after: Duration::from_secs(2),
            run_after: Duration::from_secs(6),
            change_after: Duration::from_secs(2),
            instance_quota: 500,
            body_limit: 1024 * 1024,
            keep_requests: 10_000,
            tls: None,
            state: None,
        }
    }
}

/// A machine, as tests and people want to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `vm`, `bmc` or `zec`.
    pub service: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its model; what bmc calls instanceTypeId.
    pub instance_type: String,
    /// Its image; empty when a bmc order named none.
    pub image: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// Its tags, in the order of the request.
    pub tags: Vec<(String, String)>,
    /// Its state now.
    pub status: Status,
}

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl Emulator {
    /// Binds the port and starts answering. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or the state file cannot be read or written.
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        if let Some(config) = options.tls.take() {
            let mut config = (*config).clone();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            options.tls = Some(Arc::new(config));
        }
        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let shared = Arc::new(Shared::new(options)?);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve::accept(Arc::clone(&shared), listener, stop.clone(), tasks.clone()));
        Ok(Self { address, shared, tasks, stop: stop.drop_guard() })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scripts a fault for the requests that fit.
    pub fn script(&self, fault: Fault, on: On, times: Times) {
        self.shared.lock().scripts.add(on, fault, times);
    }

    /// Forgets every script and lets held requests go.
    pub fn clear_faults(&self) {
        self.shared.lock().scripts.clear();
    }

    /// How many scripts have times left: a test can see that all it scripted has struck.
    pub fn faults_left(&self) -> usize {
        self.shared.lock().scripts.left()
    }

    /// Every request received and kept, oldest first. The emulator's own calls are not among them.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.lock().record.all()
    }

    /// Waits until this many requests have been received since the start.
    pub async fn arrived(&self, requests: u64) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.shared.arrived.subscribe().wait_for(|arrived| *arrived >= requests).await;
    }

    /// Creates that were executed since the start, whatever the client got to see.
    pub fn creates(&self) -> u64 {
        self.shared.lock().world.creates
    }

    /// Waits until this many creates have been executed since the start.
    pub async fn created(&self, creates: u64) {
        let _ = self.shared.created.subscribe().wait_for(|created| *created >= creates).await;
    }

    /// Every machine that is still listed, oldest first.
    pub fn instances(&self) -> Vec<Instance> {
        instances(&self.shared)
    }

    /// How many machines are still listed.
    pub fn instance_count(&self) -> usize {
        self.instances().len()
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Back to the seeded account: no machines, no scripts, an empty record. Counters go on. Should the state file not
    /// take it, the account stays as it was and the log says so.
    pub fn reset(&self) {
        // `State::keep` has logged it.
        let _ = self.shared.reset();
    }

    /// Stops accepting, cuts every connection and waits until all is down.
    pub async fn shutdown(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn instances(shared: &Shared) -> Vec<Instance> {
    let now = shared.options.clock.since_epoch();
    let mut state = shared.lock();
    state.world.settle(now);
    let machines = state.world.machines.iter().map(|machine| Instance {
        service: match machine.product {
            Product::Vm => "vm",
            Product::Bmc => "bmc",
            Product::Zec => "zec",
        },
        id: machine.id.clone(),
        name: machine.name.clone(),
        zone: machine.zone.clone(),
        instance_type: machine.model.clone(),
        image: machine.image.clone(),
        resource_group: machine.resource_group.clone(),
        security_groups: machine.security_groups.clone(),
        tags: machine.tags.clone(),
        status: machine.life.at(now),
    });
    machines.filter(|instance| instance.status != Status::Gone).collect()
}
