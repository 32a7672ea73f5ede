//! What all connections share: the account, the scripts and the record, behind one lock that no await crosses.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::Options;
use super::actions;
use super::call::{Call, Reply};
use super::fault::Scripts;
use super::fields::Fields;
use super::life::{Fate, Pace};
use super::problem::Problem;
use super::record::{Record, Seen, Verdict};
use super::route::Routed;
use super::state::{StateError, StateFile};
use super::world::World;

/// Everything that changes.
pub(super) struct State {
    pub(super) world: World,
    pub(super) scripts: Scripts,
    pub(super) record: Record,
    file: Option<StateFile>,
}

impl State {
    /// Writes the account to its file, if it has one. What cannot be kept is taken back.
    fn keep(&mut self) -> Result<(), Problem> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let Err(error) = file.keep(&self.world) else { return Ok(()) };
        tracing::error!(%error, "the change is taken back and refused");
        match file.last() {
            Ok(last) => self.world = last.resumed(&self.world),
            Err(error) => tracing::error!(%error, "the change could not be taken back"),
        }
        Err(Problem::new(500, "INTERNAL_SERVER_ERROR", format!("Nothing was changed: {error}.")))
    }
}

/// One emulator, seen from its connections.
pub(super) struct Shared {
    pub(super) options: Options,
    state: Mutex<State>,
    /// Requests received so far.
    pub(super) arrived: watch::Sender<u64>,
    /// Creates executed so far.
    pub(super) created: watch::Sender<u64>,
    /// Connections accepted so far.
    pub(super) accepted: AtomicU64,
    /// Connections open now.
    pub(super) open: AtomicUsize,
}

impl Shared {
    /// # Errors
    /// When there is a state file and it cannot be used.
    pub(super) fn new(options: Options) -> Result<Self, StateError> {
        let seed = World::new(pace(&options), options.instance_quota);
        let (file, world) = match options.state.clone() {
            Some(path) => StateFile::open(path, seed).map(|(file, world)| (Some(file), world))?,
            None => (None, seed),
        };
        let record = Record::new(options.keep_requests);
        let state = State { world, scripts: Scripts::default(), record, file };
        Ok(Self {
            options,
            state: Mutex::new(state),
            arrived: watch::Sender::new(0),
            created: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        })
    }

    /// The state. A panic in another holder cannot leave it half changed in a way that matters to a stand-in.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and wakes who waits for it.
    pub(super) fn arrive(&self, seen: Seen) -> u64 {
        let number = self.lock().record.push(seen);
        self.arrived.send_modify(|arrived| *arrived = number.max(*arrived));
        number
    }

    pub(super) fn settle(&self, number: u64, verdict: Verdict) {
        self.lock().record.settle(number, verdict);
    }

    /// Runs an action and keeps what it changed. Creates are counted when they made machines.
    pub(super) fn execute(&self, routed: &Routed, body: &Map<String, Value>, fate: Fate) -> Reply {
        let mut state = self.lock();
        state.world.settle(self.options.clock.since_epoch());
        let mut call = Call {
            world: &mut state.world,
            fields: Fields::body(body),
            version: routed.version,
            now: self.options.clock.since_epoch(),
            fate,
        };
        let mut reply = (routed.action.run)(&mut call);
        if reply.is_ok() && actions::is_change(routed.action.name) {
            reply = state.keep().and(reply);
        }
        if reply.is_ok() && actions::is_create(routed.action.service, routed.action.name) {
            state.world.creates = state.world.creates.saturating_add(1);
            let creates = state.world.creates;
            drop(state);
            self.created.send_modify(|created| *created = creates.max(*created));
        }
        reply
    }

    /// Back to the seeded account: no machines, no scripts, an empty record. Counters go on.
    ///
    /// # Errors
    /// When the state file cannot be written; the account is as it was then.
    pub(super) fn reset(&self) -> Result<(), Problem> {
        let mut state = self.lock();
        state.world.reset();
        state.scripts.clear();
        state.record.clear();
        state.keep()
    }

    pub(super) fn accept(&self) -> u64 {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.accepted.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    pub(super) fn close(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn pace(options: &Options) -> Pace {
    Pace {
        deploy_after: options.deploy_after,
        run_after: options.run_after,
        change_after: options.change_after,
    }
}
