//! The shared store: one journal for all replicas, in PostgreSQL 15 or newer.
//!
//! The order of the journal is the order in which owners lock one row, the head. A turn locks it and reads what is new in
//! one round trip, and appends and commits in a second one. No isolation level is trusted for that: under READ COMMITTED a
//! row lock is all it takes. A replica that stops inside a turn loses the lock when the server ends its idle transaction.
//!
//! Calls block their thread, but never longer than a limit: the asynchronous client is driven by a small runtime of the
//! store's own. After any failure the connection is thrown away. What a lost commit came to is certain after
//! [`Store::open`], which takes the same lock and so waits until the server is done with the old connection.

mod connect;
mod link;
mod migrate;
mod settings;
#[cfg(test)]
mod tests;
mod trouble;

use std::fmt;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::chain::{self, Link as Place};
use super::{Checkpoint, Loaded, Row, Store, StoreError};
use link::Link;
pub use settings::{Encryption, Settings};
use trouble::Trouble;

/// For one step. Longer than the server's own limits, so that what can be told from one another is.
const STEP: Duration = Duration::from_secs(5);

/// For connecting, migrating and reading a whole journal.
const OPENING: Duration = Duration::from_secs(30);

/// For taking leave; who does not get through is taken for dead a little later.
const LEAVING: Duration = Duration::from_secs(1);

/// A journal on a server.
pub struct Postgres {
    settings: Settings,
    owner: Uuid,
    open: Option<Open>,
    /// The last row that is known to be durable, also over connections: a server that has lost it was failed over to a copy
    /// that did not have it.
    durable: Place,
    /// Why it must not be used any more.
    dead: Option<String>,
}

struct Open {
    // Before the runtime that drives it, so that it is dropped first.
    link: Link,
    runtime: Runtime,
}

/// A connection with this store's limits to the server and schema, for those who keep something beside the ledger.
///
/// # Errors
/// The server cannot be reached or must not be used.
pub(crate) async fn connect(settings: &Settings) -> Result<tokio_postgres::Client, StoreError> {
    connect::connect(settings).await.map_err(|trouble| trouble.of(settings))
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.open.is_some();
        f.debug_struct("Postgres")
            .field("settings", &self.settings)
            .field("open", &open)
            .finish_non_exhaustive()
    }
}

impl Postgres {
    /// A store in this place; nothing is connected before [`Store::open`].
    pub fn new(settings: Settings) -> Self {
        Self { settings, owner: Uuid::nil(), open: None, durable: chain::START, dead: None }
    }

    fn alive(&self) -> Result<(), StoreError> {
        match &self.dead {
            Some(what) => Err(StoreError::Dead { what: what.clone(), source: None }),
            None => Ok(()),
        }
    }

    /// Runs a job on the connection; a failure of it ends the connection, and some failures the store.
    fn with<T>(
        &mut self,
        job: impl AsyncFnOnce(&mut Link, Uuid) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.alive()?;
        let done = match &mut self.open {
            None => Err(Trouble::NotOpen),
            Some(Open { link, runtime }) => runtime
                .block_on(async { tokio::time::timeout(STEP, job(link, self.owner)).await })
                .unwrap_or(Err(Trouble::Late)),
        };
        done.map_err(|trouble| self.failed(trouble))
    }

    fn failed(&mut self, trouble: Trouble) -> StoreError {
        self.open = None;
        let error = trouble.of(&self.settings);
        if let StoreError::Dead { what, .. } = &error {
            self.dead = Some(what.clone());
        }
        error
    }

    fn connect(&mut self) -> Result<(Open, Loaded, Place), Trouble> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Trouble::Thread)?;
        let (settings, owner, durable) = (&self.settings, self.owner, self.durable);
        let opened = runtime.block_on(async {
            let opening = async {
                let client = connect::connect(settings).await?;
                migrate::migrate(&client, &settings.schema).await?;
                let mut link = Link::prepare(client).await?;
                let (loaded, head) = link.load(owner, durable).await?;
                Ok((link, loaded, head))
            };
            tokio::time::timeout(OPENING, opening).await.unwrap_or(Err(Trouble::Late))
        });
        let (link, loaded, head) = opened?;
        Ok((Open { link, runtime }, loaded, head))
    }
}

impl Store for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn exclusive(&self) -> bool {
        false
    }

    fn open(&mut self, owner: Uuid) -> Result<Loaded, StoreError> {
        self.alive()?;
        self.open = None;
        self.owner = owner;
        let (open, loaded, head) = self.connect().map_err(|trouble| self.failed(trouble))?;
        self.open = Some(open);
        self.durable = head;
        Ok(loaded)
    }

    fn begin(&mut self, known: u64) -> Result<Vec<Row>, StoreError> {
        let durable = self.durable;
        let (rows, head) = self.with(async |link, _| link.begin(known, durable).await)?;
        self.durable = head;
        Ok(rows)
    }

    fn commit(&mut self, texts: &[String]) -> Result<(), StoreError> {
        let head = self.with(async |link, _| link.commit(texts).await)?;
        self.durable = head;
        Ok(())
    }

    fn newer(&mut self, known: u64) -> Result<Vec<Row>, StoreError> {
        let durable = self.durable;
        let (rows, head) = self.with(async |link, _| link.newer(known, durable).await)?;
        self.durable = head;
        Ok(rows)
    }

    fn renew(&mut self, dead_after: Duration) -> Result<Vec<Uuid>, StoreError> {
        self.with(async |link, owner| link.renew(owner, dead_after).await)
    }

    fn forget(&mut self, owners: &[Uuid]) -> Result<(), StoreError> {
        self.with(async |link, owner| link.forget(owner, owners).await)
    }

    fn lead(&mut self, term: Duration) -> Result<bool, StoreError> {
        self.with(async |link, owner| link.lead(owner, term).await)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, keep: u64) -> Result<(), StoreError> {
        self.with(async |link, _| link.checkpoint(checkpoint, keep).await)
    }

    fn close(&mut self) {
        if let Some(Open { mut link, runtime }) = self.open.take() {
            // Best effort: the lease runs out by itself.
            let _ = runtime.block_on(async { tokio::time::timeout(LEAVING, link.leave(self.owner)).await });
        }
    }
}
