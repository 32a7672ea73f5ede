//! The key store that replicas share: two tables in the schema of the ledger, over a connection of its own.
//!
//! A write is one transaction that moves the counter on, if it stands where the writer has read it. What the replicas have
//! in common besides is the seal key, which no database sees. The tables have a version of their own: a ledger can be older
//! or newer than the keys beside it.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::{Client, Row as Found};

use super::{News, Row, Rows};
use crate::quota::store::StoreError;
use crate::quota::store::postgres::{LOCK, Settings, Trouble, connect, migrate};

/// The version of the tables.
const VERSION: i32 = 1;
/// For one step.
const STEP: Duration = Duration::from_secs(5);
/// For connecting, making the tables and reading all.
const OPENING: Duration = Duration::from_secs(15);

const TABLES: &str = "
    CREATE TABLE key_store (
        one bool PRIMARY KEY DEFAULT true CHECK (one), version int4 NOT NULL, revision int8 NOT NULL
    );
    CREATE TABLE issued_key (id text PRIMARY KEY, revision int8 NOT NULL, sealed text NOT NULL);
    CREATE INDEX issued_key_revision ON issued_key (revision);
";

const THERE: &str = "
    SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = 'key_store')";

const NEWER: &str = "SELECT id, revision, sealed FROM issued_key WHERE revision > $1 ORDER BY revision";

const WRITE: &str = "
    WITH moved AS (UPDATE key_store SET revision = $2::int8 WHERE revision = $2::int8 - 1 RETURNING revision)
    INSERT INTO issued_key (id, revision, sealed) SELECT $1::text, revision, $3::text FROM moved
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, sealed = excluded.sealed";

/// The time limit of statements would cut the wait for a synchronous standby short, and the server would then call
/// committed what only it has.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

/// See the module.
pub(super) struct Postgres {
    settings: Settings,
    runtime: Handle,
    client: Option<Client>,
}

impl Postgres {
    /// Must be made inside a runtime; its calls come from threads that may block.
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, runtime: Handle::current(), client: None }
    }

    fn failed(&mut self, trouble: Trouble) -> StoreError {
        self.client = None;
        trouble.told("the key store", &self.settings)
    }
}

impl Rows for Postgres {
    fn read(&mut self, known: Option<u64>) -> Result<Option<News>, StoreError> {
        let (settings, runtime) = (self.settings.clone(), self.runtime.clone());
        let client = &mut self.client;
        let read = runtime.block_on(async {
            let opened = client.is_none();
            let limit = if opened { OPENING } else { STEP };
            let reading = async {
                let client = match client {
                    Some(client) => client,
                    None => client.insert(open(&settings).await?),
                };
                newer(client, known.filter(|_| !opened)).await
            };
            tokio::time::timeout(limit, reading).await.unwrap_or(Err(Trouble::Late))
        });
        read.map_err(|trouble| self.failed(trouble))
    }

    fn write(&mut self, row: &Row) -> Result<bool, StoreError> {
        let Some(client) = &self.client else { return Err(self.failed(Trouble::NotOpen)) };
        let writing =
            async { tokio::time::timeout(STEP, write(client, row)).await.unwrap_or(Err(Trouble::Late)) };
        let written = self.runtime.block_on(writing);
        written.map_err(|trouble| self.failed(trouble))
    }
}

async fn open(settings: &Settings) -> Result<Client, Trouble> {
    let client = connect(settings).await?;
    // First the ledger's: a schema with tables and without them is another program's.
    migrate(&client, &settings.schema).await?;
    let there = async || client.query_one(THERE, &[&settings.schema]).await?.try_get::<_, bool>(0);
    if !there().await? {
        client.batch_execute("BEGIN").await?;
        client.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&LOCK, &settings.schema]).await?;
        if !there().await? {
            client.batch_execute(TABLES).await?;
            client.execute("INSERT INTO key_store (version, revision) VALUES ($1, 0)", &[&VERSION]).await?;
        }
        client.batch_execute("COMMIT").await?;
    }
    let version: i32 = client.query_one("SELECT version FROM key_store", &[]).await?.try_get(0)?;
    if version > VERSION {
        return Err(Trouble::Newer { version: usize::try_from(version).unwrap_or(usize::MAX) });
    }
    Ok(client)
}

async fn newer(client: &Client, known: Option<u64>) -> Result<Option<News>, Trouble> {
    let head: i64 = client.query_one("SELECT revision FROM key_store", &[]).await?.try_get(0)?;
    let head = u64::try_from(head).unwrap_or(0);
    let known = known.filter(|known| *known <= head);
    if known == Some(head) {
        return Ok(None);
    }
    let rows = client.query(NEWER, &[&number(known.unwrap_or(0))]).await?;
    let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    // What was committed after the first question is in the rows, and everything before it too: writers take turns.
    let revision = rows.last().map_or(head, |row| row.revision.max(head));
    Ok(Some(News { revision, whole: known.is_none(), rows }))
}

async fn write(client: &Client, row: &Row) -> Result<bool, Trouble> {
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    let written = client.execute(WRITE, &[&row.id, &number(row.revision), &row.sealed]).await?;
    client.batch_execute(COMMIT).await?;
    Ok(written == 1)
}

fn row(found: &Found) -> Result<Row, tokio_postgres::Error> {
    let revision: i64 = found.try_get(1)?;
    Ok(Row {
        id: found.try_get(0)?,
        revision: u64::try_from(revision).unwrap_or(0),
        sealed: found.try_get(2)?,
    })
}

fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
