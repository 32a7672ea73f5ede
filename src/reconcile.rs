//! The reconciler: holds the ledger against what the cloud lists, periodically and on demand.
//!
//! One replica does it at a time. For every service of every account it lists all machines, prices each like a create of one by the
//! rules of now, looks a second time at those that the ledger has and the listing has not, and lets [`crate::quota::book`] decide.
//! An account or service whose listing fails keeps its count, marked stale, and nothing is lowered.

mod price;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use serde::Serialize;
use tokio::sync::{Mutex, Notify, watch};

use crate::account::Account;
use crate::clock::{Clock, Stopwatch};
use crate::fleet::{self, Listing};
use crate::history::History;
use crate::metrics::Metrics;
use crate::policy::Judge;
use crate::quota::book::{Book, Drift, Findings, Found, Memory, ObservePolicy};
use crate::quota::event::{Event, MachineId};
use crate::quota::{Ledger, Settlement};
use crate::record::parse_decision_id;

/// Differences that one comparison writes into the log; a cloud that has lost its list must not fill a disk.
const MOST_SAID: usize = 20;

/// The tag by which a create can be found again, where a team allows it.
pub const CORRELATION_TAG: &str = "zengate-decision";

/// The team of machines that no team's group holds.
pub const UNASSIGNED: &str = "unassigned";

/// How reconciling works.
#[derive(Clone, Debug)]
pub struct Options {
    /// From the end of one run to the beginning of the next; zero runs on demand only.
    pub interval: Duration,
    /// What listings are believed, and what is done about differences.
    pub policy: ObservePolicy,
}

/// What one run found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// When it ended (RFC 3339).
    pub at: Option<jiff::Timestamp>,
    /// Each listing.
    pub listings: Vec<ListingReport>,
    /// Every difference, and what was done about it.
    pub drift: Vec<Drift>,
}

/// One listing.
#[derive(Clone, Debug, Serialize)]
pub struct ListingReport {
    /// The account.
    pub account: String,
    /// The service.
    pub service: &'static str,
    /// How many machines it showed.
    pub machines: usize,
    /// Why it is not whole: counts of this service are as they were, and stale. None if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

/// Why a run did not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRun {
    /// Another replica reconciles.
    #[error("another replica reconciles at the moment")]
    NotLeading,
    /// The ledger cannot be written.
    #[error("the ledger cannot be reached")]
    Away,
    /// Nothing is counted.
    #[error("no quota store is configured")]
    Uncounted,
    /// Without rules nobody knows what a machine counts.
    #[error("no policies have been loaded yet")]
    NoPolicies,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler(Arc<Inner>);

struct Inner {
    accounts: Arc<BTreeMap<String, Arc<Account>>>,
    judge: Judge,
    ledger: Ledger,
    metrics: Arc<Metrics>,
    clock: Clock,
    history: History,
    options: Options,
    since: Stopwatch,
    /// Held during a run: runs on demand and periodic ones do not overlap.
    memory: Mutex<Memory>,
    last: watch::Sender<Report>,
    wake: Notify,
}

impl Reconciler {
    /// Knows everything it needs; does nothing yet.
    pub fn new(
        accounts: Arc<BTreeMap<String, Arc<Account>>>,
        judge: Judge,
        ledger: Ledger,
        metrics: Arc<Metrics>,
        clock: Clock,
        history: History,
        options: Options,
    ) -> Self {
        Self(Arc::new(Inner {
            accounts,
            judge,
            ledger,
            metrics,
            clock,
            history,
            options,
            since: Stopwatch::start(),
            memory: Mutex::default(),
            last: watch::Sender::new(Report::default()),
            wake: Notify::new(),
        }))
    }

    /// Runs periodically until aborted; begins with a run.
    pub async fn work(self) {
        if !self.0.ledger.counts() || self.0.options.interval.is_zero() {
            return;
        }
        loop {
            match self.run().await {
                Ok(report) => {
                    for stale in report.listings.iter().filter(|listing| listing.stale.is_some()) {
                        tracing::warn!(
                            account = stale.account,
                            service = stale.service,
                            why = stale.stale,
                            "a listing is not whole; the counts of this service stay as they are"
                        );
                    }
                    for drift in report.drift.iter().take(MOST_SAID) {
                        tracing::info!(drift = ?drift, "ledger and cloud differ");
                    }
                    let more = report.drift.len().saturating_sub(MOST_SAID);
                    if more > 0 {
                        tracing::info!(
                            more,
                            "ledger and cloud differ in more; `zengate quota reconcile` shows all"
                        );
                    }
                }
                Err(NotRun::NotLeading) => {}
                Err(error) => tracing::warn!(%error, "reconciling was put off"),
            }
            tokio::select! {
                () = tokio::time::sleep(self.0.options.interval) => {}
                () = self.0.wake.notified() => {}
            }
        }
    }

    /// Has the next run begin now.
    pub fn soon(&self) {
        self.0.wake.notify_one();
    }

    /// What the last run found.
    pub fn last(&self) -> Report {
        self.0.last.borrow().clone()
    }

    /// One run.
    ///
    /// # Errors
    /// [`NotRun`]; nothing has changed then, or not everything that should have.
    pub async fn run(&self) -> Result<Report, NotRun> {
        let inner = &self.0;
        if !inner.ledger.counts() {
            return Err(NotRun::Uncounted);
        }
        if inner.judge.current().is_absent() {
            return Err(NotRun::NoPolicies);
        }
        let mut memory = inner.memory.lock().await;
        // Longer than a listing takes; a leader that dies is replaced after it.
        let term = inner.options.interval.saturating_mul(2).max(Duration::from_secs(120));
        if !inner.ledger.lead(term).await {
            return Err(NotRun::NotLeading);
        }
        self.reprice(&inner.judge.current()).await?;
        let mut report = Report::default();
        for account in inner.accounts.values() {
            for service in fleet::SERVICES {
                self.service(account, service, &mut memory, &mut report).await?;
            }
        }
        report.at = Some(inner.clock.timestamp());
        inner.last.send_replace(report.clone());
        Ok(report)
    }

    async fn service(
        &self,
        account: &Arc<Account>,
        service: &'static str,
        memory: &mut Memory,
        report: &mut Report,
    ) -> Result<(), NotRun> {
        let inner = &self.0;
        let asked_row = inner.ledger.read(Book::seq).unwrap_or_default();
        let asked_at = i64::try_from(inner.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let mut listing = fleet::list(account, service, &inner.clock).await;
        let absent = self.absent(account, service, &mut listing).await;
        let mut found = Vec::with_capacity(listing.seen.len());
        for seen in listing.seen.values() {
            let Some((counted_for, team, claims)) = self.price(account, service, seen).await else {
                listing.incomplete = Some(format!("{} could not be priced", seen.id));
                continue;
            };
            found.push(Found {
                id: seen.id.clone(),
                name: seen.name.clone(),
                created: seen.created.map(jiff::Timestamp::as_millisecond),
                life: seen.life,
                decision: seen.tags.get(CORRELATION_TAG).and_then(|tag| parse_decision_id(tag)),
                view: seen.view.clone(),
                team,
                claims,
                counted_for,
            });
        }
        let findings = Findings {
            account: account.name.clone(),
            service: service.to_owned(),
            complete: listing.incomplete.is_none(),
            asked_at,
            asked_row,
            found,
            absent,
        };
        let (policy, mut own) = (inner.options.policy, std::mem::take(memory));
        let machines = findings.found.len();
        let decided = inner.ledger.change(move |book, now| {
            let (events, drift) = book.observe(&findings, &policy, &mut own, now);
            let made = events.iter().filter_map(|event| match event {
                Event::Resolved { id, outcome: Settlement::Created { ids, .. }, .. } => {
                    Some((*id, ids.clone()))
                }
                _ => None,
            });
            let made: Vec<(uuid::Uuid, Vec<CompactString>)> = made.collect();
            ((drift, own, made), events)
        });
        let (drift, remembered, made) = decided.await.map_err(|_| NotRun::Away)?;
        *memory = remembered;
        for (decision, ids) in made {
            inner.history.settled(&decision, &ids);
        }
        self.tell(account, service, &drift, listing.incomplete.is_none());
        report.listings.push(ListingReport {
            account: account.name.clone(),
            service,
            machines,
            stale: listing.incomplete,
        });
        report.drift.extend(drift);
        Ok(())
    }

    /// The machines of the ledger that a listing has not and that, asked for by id, are not there either.
    async fn absent(&self, account: &Account, service: &str, listing: &mut Listing) -> BTreeSet<String> {
        let own = |id: &MachineId| id.account == account.name && id.service == service;
        let missing = self.0.ledger.read(|book| {
            let ids = book.machines().map(|(id, _)| id).filter(|id| own(id));
            ids.filter(|id| !listing.seen.contains_key(&id.id)).map(|id| id.id.clone()).collect::<Vec<_>>()
        });
        let missing = missing.unwrap_or_default();
        if missing.is_empty() || listing.incomplete.is_some() {
            return BTreeSet::new();
        }
        let second = fleet::look(account, service, &missing, &self.0.clock).await;
        if second.incomplete.is_some() {
            return BTreeSet::new();
        }
        let absent = missing.into_iter().filter(|id| !second.seen.contains_key(id)).collect();
        listing.seen.extend(second.seen);
        absent
    }

    fn tell(&self, account: &Account, service: &str, drift: &[Drift], complete: bool) {
        use crate::quota::book::DriftKind::{Extra, Missing, Moved, Unsettled};
        let mut counts = Vec::new();
        for kind in [Extra, Missing, Moved, Unsettled] {
            for repaired in [true, false] {
                let number =
                    drift.iter().filter(|drift| drift.kind == kind && drift.repaired == repaired).count();
                counts.push((kind.as_str(), repaired, i64::try_from(number).unwrap_or(i64::MAX)));
            }
        }
        let at = complete.then(|| self.0.clock.since_epoch());
        self.0.metrics.quota().reconciled(&account.name, service, &counts, at);
    }
}
