//! From a configuration to a running gateway, and from a running gateway to a clean end.
//!
//! [`Server::start`] builds everything in order (accounts, keys, policy, listeners) and fails before the first
//! connection if anything is wrong. [`Server::run`] serves until it is told to stop and then drains: readiness goes
//! first, connections second, work whose callers have left third, the records last. Each has an end of its own within
//! `drain.deadline`, so that one that does not come to an end takes nothing from the next.

pub(crate) mod accounts;
mod candidate;
mod drain;
mod keys;
mod lenient;
mod operators;
pub(crate) mod policies;
mod prober;
mod reload;
mod settings;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin, HistoryAdmin, InstanceAdmin, KeysAdmin, PolicyAdmin, QuotaAdmin, Readiness};
use crate::chain::Heads;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::diagnostics::Mistakes;
use crate::config::quota::{Gone, Outsiders, QuotaStore, ReleaseOn};
use crate::console::Console;
use crate::gateway::{self, Callers, Listening, Parts};
use crate::history::{self, History};
use crate::lifecycle::Lifecycle;
use crate::lifecycle::systemd::{self, Sockets};
use crate::metrics::Metrics;
use crate::policy::{Judge, LoadError};
use crate::quota::book::{Fence, ObservePolicy, Rules, Thresholds};
use crate::quota::store::postgres::Postgres;
use crate::quota::store::sqlite::Sqlite;
use crate::quota::store::{Store, StoreError};
use crate::quota::{Ledger, Options, Status, Witness};
use crate::reconcile::{self, Reconciler};
use crate::record::{Records, Writer};
use crate::traces::{Exporter, Traces};
use accounts::Credentials;
use drain::{LAST_RECORDS, drain, write_records};
use operators::Operators;
use policies::Supply;
use tls::Certificates;
pub(crate) use tls::certificate_ends;

/// A gateway that is ready to run.
pub struct Server {
    address: SocketAddr,
    admin_address: SocketAddr,
    config: Config,
    parts: Parts,
    listening: Listening,
    certificates: Option<Certificates>,
    operators: Operators,
    admin_listener: TcpListener,
    readiness: Readiness,
    writer: Writer,
    heads: Heads,
    history: History,
    history_writer: history::Writer,
    exporter: Option<Exporter>,
    supply: policies::Found,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Mistakes in the configuration or the key file.
    #[error("{0}")]
    Config(#[from] Mistakes),
    /// A policy set that does not load.
    #[error("{0}")]
    Policy(#[from] LoadError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address} ({what})")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Certificates that cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// A key store that must not be used.
    #[error("the keys cannot be used")]
    Keys(#[source] StoreError),
    /// A ledger that must not be used.
    #[error("the quota ledger cannot be used")]
    Ledger(#[source] StoreError),
    /// Records that cannot be written.
    #[error("decision records cannot be written")]
    Records(#[source] std::io::Error),
    /// Traces that cannot be sent.
    #[error("traces: {0}")]
    Traces(String),
    /// Threads or metrics that cannot be made.
    #[error("the process cannot be set up: {0}")]
    Setup(String),
}

impl Server {
    /// Builds everything and binds both listeners.
    ///
    /// # Errors
    /// The first thing that is wrong, with all its mistakes.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, StartError> {
        Self::start_on(Sockets::default(), config, clock).await
    }

    /// The same on sockets that are open already, where there are such.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(sockets: Sockets, config: Config, clock: Clock) -> Result<Self, StartError> {
        let metrics = Metrics::new().map_err(|error| StartError::Setup(error.to_string()))?;
        let accounts = accounts::open(&config).map_err(StartError::Tls)?;
        let keys = keys::open(&config, &clock).await?;
        let (set, supply) = policies::first(&config).await?.split();
        let readiness = Readiness::default();
        policies::hold_without(&set, &readiness);
        reload::know(&metrics, &keys.current(), &set, &clock);
        reload::say_notes(&set);
        for what in lenient::all(&config, &set) {
            tracing::warn!(what, "fail-open");
        }
        let judge = Judge::start(set, reload::engine(&config))
            .map_err(|error| StartError::Setup(error.to_string()))?;
        let heads = Heads::default();
        let (history, feed, history_writer) =
            history::open(&config.history, Arc::clone(&metrics), clock.clone())
                .map_err(|error| StartError::Setup(error.to_string()))?;
        let (records, writer) = Records::open(&config.records, feed, &heads, Arc::clone(&metrics), &clock)
            .map_err(StartError::Records)?;
        let traces = config.traces.as_ref().map(|plan| Traces::start(plan, &metrics));
        let (traces, exporter) = traces.transpose().map_err(StartError::Traces)?.unzip();
        settings::open_files(&config);
        let certificates =
            config.listen.tls.as_ref().map(Certificates::read).transpose().map_err(StartError::Tls)?;
        let mut operators = Operators::read(&config.admin).map_err(StartError::Tls)?;
        for certificates in certificates.iter().chain(operators.certificates().map(|found| &*found)) {
            certificates.measure(&metrics);
        }
        let listener = bind(sockets.listen, config.listen.address, "listen.address")?;
        let admin_listener = bind(sockets.admin, config.admin.address, "admin.address")?;
        let callers = Callers::default();
        let ledger = ledger(&config, &clock, &callers)?;
        let settings = settings::make(&config, None).map_err(StartError::Setup)?;
        let parts = Parts {
            settings: Arc::new(ArcSwap::from_pointee(settings)),
            clock,
            keys: Arc::new(keys),
            accounts: Arc::new(accounts),
            judge,
            ledger,
            callers,
            signatures: Arc::default(),
            metrics,
            records,
            traces: traces.unwrap_or_default(),
            work: TaskTracker::new(),
            closing: CancellationToken::new(),
        };
        Ok(Self {
            address: local(&listener, config.listen.address),
            admin_address: local(&admin_listener, config.admin.address),
            config,
            parts,
            listening: Listening { listener, tls: certificates.as_ref().map(Certificates::live) },
            certificates,
            operators,
            admin_listener,
            readiness,
            writer,
            heads,
            history,
            history_writer,
            exporter,
            supply,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics and probes are.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// What the path works with.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Serves until `lifecycle` says stop, then drains. True if everything ended by itself in time.
    pub async fn run(self, lifecycle: Lifecycle) -> bool {
        let Self {
            config,
            parts,
            listening,
            certificates,
            operators,
            admin_listener,
            readiness,
            writer,
            heads,
            history,
            history_writer,
            exporter,
            supply,
            ..
        } = self;
        let admin_stop = CancellationToken::new();
        let told = policies::Told::default();
        let needs_restart = reload::NeedsRestart::default();
        let status = reload::status(&config, &parts, (&history, &heads), &told, &needs_restart);
        let reconciler = reconciler(&config, &parts, history.clone());
        let quota =
            QuotaAdmin::new(parts.ledger.clone(), reconciler.clone(), history.clone(), parts.clock.clone());
        let (orders, ordered) = mpsc::channel(1);
        let policy = PolicyAdmin::new(orders, Arc::clone(&told), parts.judge.clone());
        let supply =
            Supply::new(supply, config.clone(), parts.clone(), reconciler.clone(), readiness.clone(), told);
        supply.tell(); // before the first who asks
        let of_keys = parts.clone();
        let keys = KeysAdmin::new(&parts, Arc::new(move || keys::changed(&of_keys)));
        let shown = Admin {
            measure: measure(&parts, &lifecycle),
            metrics: Arc::clone(&parts.metrics),
            readiness: readiness.clone(),
            status,
            quota,
            policy,
            console: Console::new(history.clone(), &parts),
            instance: InstanceAdmin::new(
                history.clone(),
                parts.ledger.clone(),
                config.admin.audit_log.clone(),
            ),
            history: HistoryAdmin::new(history, parts.clock.clone()),
            keys,
        };
        let admin_listening = operators.listening(admin_listener, heads, parts.clock.clone());
        let admin_task = tokio::spawn(admin::serve(admin_listening, shown, admin_stop.clone()));
        let reconciling = tokio::spawn(reconciler.clone().work());
        let following = tokio::spawn(follow_ledger(
            parts.ledger.clone(),
            readiness.clone(),
            config.quota.unready_when_away,
            reconciler.clone(),
        ));
        let following_keys =
            tokio::spawn(keys::follow(parts.clone(), config.keys.poll_interval, readiness.clone()));
        let looked_at_policies = watch::Sender::new(0);
        let policies_looked_at = looked_at_policies.subscribe();
        let supplying = tokio::spawn(supply.work(lifecycle.reloads(), looked_at_policies, ordered));
        let watched = reload::Watched {
            taken: config.describe().to_owned(),
            credentials: Credentials::new(&config, &parts.accounts),
            config: config.clone(),
            parts: parts.clone(),
            tls: certificates,
            operators,
            log: lifecycle.log.clone(),
            needs_restart,
            policies: policies_looked_at,
        };
        let watching = tokio::spawn(watched.work(lifecycle.reloads()));
        let probing = tokio::spawn(prober::work(
            Arc::clone(&parts.accounts),
            parts.clock.clone(),
            Arc::clone(&parts.metrics),
        ));
        let stop_accepting = CancellationToken::new();
        let serving = tokio::spawn(gateway::serve(
            listening,
            parts.clone(),
            stop_accepting.clone(),
            config.drain.last_answer(config.upstream.create_timeout),
        ));

        systemd::ready();
        let watchdog = tokio::spawn(systemd::watchdog());

        lifecycle.stop.cancelled().await;
        tracing::info!("draining");
        systemd::stopping(
            config.drain.lame_duck.saturating_add(config.drain.deadline).saturating_add(LAST_RECORDS),
        );
        readiness.hold("drain", "shutting down");
        let drained = tokio::select! {
            drained = drain(&config, &parts, &stop_accepting, serving) => drained,
            () = lifecycle.stop_now.cancelled() => false,
        };
        watching.abort();
        probing.abort();
        supplying.abort();
        reconciling.abort();
        following.abort();
        following_keys.abort();
        admin_stop.cancel();
        watchdog.abort();
        let _ = admin_task.await;
        let _ = watching.await;
        let _ = supplying.await;
        let (ledger, records) = (parts.ledger.clone(), parts.records.clone());
        drop(parts);
        let _ = tokio::task::spawn_blocking(move || ledger.close()).await;
        let written = write_records(&records, writer, history_writer).await;
        if let Some(exporter) = exporter {
            exporter.finish().await;
        }
        drained && written
    }
}

/// Opens the ledger that the configuration names.
fn ledger(config: &Config, clock: &Clock, callers: &Callers) -> Result<Ledger, StartError> {
    let quota = &config.quota;
    let store: Box<dyn Store> = match &quota.store {
        QuotaStore::Sqlite(file) => Box::new(Sqlite::new(file)),
        QuotaStore::Postgres(settings) => Box::new(Postgres::new((**settings).clone())),
        QuotaStore::None => return Ok(Ledger::uncounted()),
    };
    let join = i64::try_from(quota.join_window.as_millis()).unwrap_or(i64::MAX);
    let callers = callers.clone();
    let options = Options {
        rules: Rules { fence: Fence { join, ..Fence::default() } },
        // A create that was booked is sent within 10 s and answered within its deadline; the rest is for slow machines.
        dead_after: config.upstream.create_timeout.saturating_add(Duration::from_secs(25)),
        named_for: NAMED_FOR,
        thresholds: Thresholds::default(),
        witness: Witness::new(move |request| callers.news(request)),
    };
    Ledger::open(store, clock.clone(), options).map_err(StartError::Ledger)
}

fn reconciler(config: &Config, parts: &Parts, history: History) -> Reconciler {
    let quota = &config.quota;
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let policy = ObservePolicy {
        // Counted from when a listing first notices it; the deadline of the create has passed for its sender by then.
        settle_after: millis(quota.reconcile.settle_after),
        absent_lists: u32::try_from(quota.reconcile.absent_lists).unwrap_or(u32::MAX),
        absent_over: millis(quota.reconcile.absent_over),
        adopt: quota.reconcile.outsiders == Outsiders::Adopt,
        drop_gone: quota.reconcile.gone == Gone::Release,
        drop_leaving: quota.release_on == ReleaseOn::Accepted,
        ..ObservePolicy::default()
    };
    Reconciler::new(
        Arc::clone(&parts.accounts),
        parts.judge.clone(),
        parts.ledger.clone(),
        Arc::clone(&parts.metrics),
        parts.clock.clone(),
        history,
        reconcile::Options { interval: quota.reconcile.interval, policy },
    )
}

/// Brings up to date what is only known when it is asked for.
fn measure(parts: &Parts, lifecycle: &Lifecycle) -> Arc<dyn Fn() + Send + Sync> {
    let (metrics, settings) = (Arc::clone(&parts.metrics), Arc::clone(&parts.settings));
    let dropped = Arc::clone(&lifecycle.log.dropped);
    let (keys, clock) = (Arc::clone(&parts.keys), parts.clock.clone());
    Arc::new(move || {
        metrics.connections().buffered(settings.load().room.buffered());
        metrics.log_lines_dropped(dropped());
        metrics.keys().read(&keys, clock.timestamp());
        metrics.connections().tasks(tokio::runtime::Handle::current().metrics().num_alive_tasks());
    })
}

/// Tells readiness of the ledger, where the operator wants it told, and has the cloud listed when the ledger is back.
async fn follow_ledger(ledger: Ledger, readiness: Readiness, tell: bool, reconciler: Reconciler) {
    let Some(mut statuses) = ledger.statuses() else { return };
    loop {
        let status = statuses.borrow_and_update().clone();
        match status {
            Status::Up => {
                readiness.release("ledger");
                reconciler.soon();
            }
            Status::Away { why } | Status::Dead { why } if tell => readiness.hold("ledger", why),
            Status::Away { .. } | Status::Dead { .. } => {}
        }
        if statuses.changed().await.is_err() {
            return;
        }
    }
}

/// How long creates with an `Idempotency-Key` are remembered.
const NAMED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Connections that may wait to be accepted; the kernel takes `net.core.somaxconn` if that is less (listen(2)). When the
/// queue is full a caller's first packet is dropped and asked again after a second: a crowd that comes back at once, as
/// after a restart, should not meet that.
const ACCEPT_QUEUE: u32 = 4096;

fn bind(
    opened: Option<std::net::TcpListener>,
    address: SocketAddr,
    what: &'static str,
) -> Result<TcpListener, StartError> {
    let listener = match opened {
        Some(socket) => socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)),
        None => open(address),
    };
    listener.map_err(|source| StartError::Listen { address, what, source })
}

fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A gateway that comes back takes its port although old connections still linger, as std's and tokio's `bind` do.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

fn local(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}
