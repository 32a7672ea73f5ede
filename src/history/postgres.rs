//! The history on the server of the ledger, so that every replica finds every decision.
//!
//! Its tables stand beside the ledger's in the same schema, by a version of their own; they are made when the ledger's are there.
//! Writers take turns by an advisory lock, so that the order of `seq` is the order of commits and whoever follows misses none.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::filter::Bind;
use super::row::Row;
use super::store::{Find, Keep, SWEPT_AT_ONCE};
use super::{Ask, Found, HistoryAway, Size};
use crate::quota::store::postgres::{Settings, connect};

/// Ours among the advisory locks of the database: `ZenH`. The other half is the schema's name.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1516596808, hashtext(current_schema()))";
/// For one step; longer than the server's own limits.
const STEP: Duration = Duration::from_secs(6);
/// For connecting and making the tables.
const OPENING: Duration = Duration::from_secs(15);

/// Every version, oldest first. What was released is never edited: changes are appended.
const VERSIONS: &[&str] = &[r#"
    CREATE TABLE history_decision (
        seq bigserial PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, team text, key text, service text NOT NULL,
        action text NOT NULL, verdict text, outcome text NOT NULL, rules text NOT NULL, bytes int8 NOT NULL
    );
    CREATE INDEX history_decision_team ON history_decision (team, id);
    CREATE INDEX history_decision_key ON history_decision (key, id);
    CREATE TABLE history_record (seq int8 PRIMARY KEY, body text NOT NULL);
    CREATE TABLE history_touched (
        instance text NOT NULL, id text COLLATE "C" NOT NULL, how text NOT NULL, PRIMARY KEY (instance, id)
    );
    CREATE INDEX history_touched_id ON history_touched (id);
    CREATE TABLE history_total (
        one bool PRIMARY KEY DEFAULT true CHECK (one), records int8 NOT NULL, bytes int8 NOT NULL
    ) WITH (fillfactor = 10);
    INSERT INTO history_total (records, bytes) VALUES (0, 0);
"#];

const WRITE: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[])
            WITH ORDINALITY AS g (id, team, key, service, action, verdict, outcome, rules, body, place)
    ), fresh AS (
        INSERT INTO history_decision (id, team, key, service, action, verdict, outcome, rules, bytes)
        SELECT id, team, key, service, action, verdict, outcome, rules, octet_length(body) FROM given ORDER BY place
        ON CONFLICT (id) DO NOTHING RETURNING seq, id, bytes
    ), bodies AS (
        INSERT INTO history_record SELECT fresh.seq, given.body FROM fresh JOIN given USING (id)
        ON CONFLICT (seq) DO NOTHING
    ), marks AS (
        INSERT INTO history_touched SELECT m.instance, m.id, m.how
        FROM unnest($10::text[], $11::text[], $12::text[]) AS m (instance, id, how) JOIN fresh USING (id)
        ON CONFLICT DO NOTHING
    )
    UPDATE history_total SET records = records + (SELECT count(*) FROM fresh),
        bytes = bytes + (SELECT coalesce(sum(fresh.bytes), 0) FROM fresh)::int8";

/// The oldest that are too old, or too much: a running sum over the oldest says how many.
const SWEEP: &str = "
    WITH oldest AS (
        SELECT seq, id, bytes, sum(bytes) OVER (ORDER BY id) - bytes AS before
        FROM (SELECT seq, id, bytes FROM history_decision ORDER BY id LIMIT $1) o
    ), gone AS (
        DELETE FROM history_decision WHERE seq IN (
            SELECT seq FROM oldest WHERE id < $2 OR before < (SELECT bytes FROM history_total) - $3::int8
        ) RETURNING seq, id, bytes
    ), bodies AS (
        DELETE FROM history_record WHERE seq IN (SELECT seq FROM gone)
    ), marks AS (
        DELETE FROM history_touched WHERE id IN (SELECT id FROM gone)
    ), less AS (
        UPDATE history_total SET records = records - (SELECT count(*) FROM gone),
            bytes = bytes - (SELECT coalesce(sum(gone.bytes), 0) FROM gone)::int8
    )
    SELECT count(*) FROM gone";

/// A connection for one thread; both ends have one.
pub(super) struct Server {
    settings: Settings,
    open: Option<Open>,
}

struct Open {
    // Before the runtime that drives it, so that it is dropped first.
    client: Client,
    runtime: Runtime,
}

type Failed = tokio_postgres::Error;

impl Server {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, open: None }
    }

    fn away(&self, why: &str) -> HistoryAway {
        let Settings { host, port, .. } = &self.settings;
        HistoryAway::because(format!("the history in PostgreSQL at {host}:{port}: {why}"))
    }

    fn connected(&mut self) -> Result<(), HistoryAway> {
        if self.open.as_ref().is_some_and(|open| !open.client.is_closed()) {
            return Ok(());
        }
        self.open = None;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| self.away(&error.to_string()))?;
        let settings = &self.settings;
        let opened = runtime.block_on(async {
            let opening = async {
                let client = connect(settings)
                    .await
                    .map_err(|trouble| trouble.told("the history", settings).to_string())?;
                prepare(&client).await?;
                Ok::<_, String>(client)
            };
            tokio::time::timeout(OPENING, opening)
                .await
                .unwrap_or_else(|_| Err("it does not answer".to_owned()))
        });
        let client = opened.map_err(|why| self.away(&why))?;
        self.open = Some(Open { client, runtime });
        Ok(())
    }

    fn with<T>(&mut self, job: impl AsyncFnOnce(&mut Client) -> Result<T, Failed>) -> Result<T, HistoryAway> {
        self.connected()?;
        let Some(Open { client, runtime }) = &mut self.open else {
            return Err(self.away("it is not connected"));
        };
        let done = runtime.block_on(async { tokio::time::timeout(STEP, job(client)).await });
        let why = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => {
                // Cancelled by its own limit: the server is well, and the question too large.
                if error.code() == Some(&tokio_postgres::error::SqlState::QUERY_CANCELED) {
                    "this takes too long to look for; narrow it (since, until, team, key or instance)"
                        .to_owned()
                } else {
                    told(&error)
                }
            }
            Err(_) => "it does not answer".to_owned(),
        };
        self.open = None;
        Err(self.away(&why))
    }
}

/// What the library says alone is "db error".
fn told(error: &Failed) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |db| format!("{} ({})", db.message(), db.code().code()))
}

/// Makes the tables where they are not, in turn with other replicas.
async fn prepare(client: &Client) -> Result<(), String> {
    let failed = |error: Failed| told(&error);
    // An index may lose the last moments of a server that dies; the sink has them.
    client.batch_execute("SET synchronous_commit = off").await.map_err(failed)?;
    let there = "SELECT count(*) FILTER (WHERE c.relname = 'zengate_version'), count(*) FILTER (WHERE c.relname = 'history_version')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema()";
    client.batch_execute("BEGIN").await.map_err(failed)?;
    client.query(LOCK, &[]).await.map_err(failed)?;
    let row = client.query_one(there, &[]).await.map_err(failed)?;
    let (ledger, history): (i64, i64) = (row.get(0), row.get(1));
    if ledger == 0 {
        return Err("the ledger's tables are not there yet".to_owned());
    }
    if history == 0 {
        let sql = "CREATE TABLE history_version (version int4 PRIMARY KEY)";
        client.batch_execute(sql).await.map_err(failed)?;
    }
    let row = client
        .query_one("SELECT coalesce(max(version), 0) FROM history_version", &[])
        .await
        .map_err(failed)?;
    let version = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    if version > VERSIONS.len() {
        return Err(format!("its tables were made by a newer zengate (version {version}); start that one"));
    }
    for (sql, number) in VERSIONS.iter().zip(1_i32..).skip(version) {
        client.batch_execute(sql).await.map_err(failed)?;
        let insert = "INSERT INTO history_version (version) VALUES ($1)";
        client.execute(insert, &[&number]).await.map_err(failed)?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)
}

impl Keep for Server {
    fn open(&mut self) -> Result<Size, HistoryAway> {
        self.size()
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), HistoryAway> {
        fn all<'a, T>(rows: &'a [Row], pick: impl Fn(&'a Row) -> T) -> Vec<T> {
            rows.iter().map(pick).collect()
        }
        let ids = all(rows, |row| row.id.as_str());
        let (teams, keys) = (all(rows, |row| row.team.as_deref()), all(rows, |row| row.key.as_deref()));
        let services = all(rows, |row| row.service.as_str());
        let actions = all(rows, |row| row.action.as_str());
        let verdicts = all(rows, |row| row.verdict.as_deref());
        let outcomes = all(rows, |row| row.outcome.as_str());
        let rules = all(rows, |row| row.rules.as_str());
        let bodies = all(rows, |row| row.body.as_str());
        let marks = || {
            rows.iter().flat_map(|row| row.touched.iter().map(move |(instance, how)| (row, instance, *how)))
        };
        let instances: Vec<&str> = marks().map(|(_, instance, _)| instance.as_str()).collect();
        let of: Vec<&str> = marks().map(|(row, ..)| row.id.as_str()).collect();
        let hows: Vec<&str> = marks().map(|(.., how)| how).collect();
        self.with(async |client| {
            let transaction = client.transaction().await?;
            transaction.query(LOCK, &[]).await?;
            let values: [&(dyn ToSql + Sync); 12] = [
                &ids, &teams, &keys, &services, &actions, &verdicts, &outcomes, &rules, &bodies, &instances,
                &of, &hows,
            ];
            transaction.execute(WRITE, &values).await?;
            transaction.commit().await
        })
    }

    fn settled(&mut self, decision: &str, ids: &[String]) -> Result<(), HistoryAway> {
        let sql = "INSERT INTO history_touched SELECT i.instance, d.id, 'created'
            FROM history_decision d, unnest($1::text[]) AS i (instance) WHERE d.id = $2 ON CONFLICT DO NOTHING";
        self.with(async |client| client.execute(sql, &[&ids, &decision]).await.map(drop))
    }

    fn size(&mut self) -> Result<Size, HistoryAway> {
        let row = self
            .with(async |client| client.query_one("SELECT records, bytes FROM history_total", &[]).await)?;
        let number = |column: usize| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
        Ok(Size { records: number(0), bytes: number(1) })
    }

    fn sweep(&mut self, before: &str, most: u64) -> Result<u64, HistoryAway> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let gone = self.with(async |client| {
            let transaction = client.transaction().await?;
            transaction.query(LOCK, &[]).await?;
            let gone = transaction.query_one(SWEEP, &[&SWEPT_AT_ONCE, &before, &most]).await?;
            transaction.commit().await?;
            Ok(gone.get::<_, i64>(0))
        })?;
        Ok(u64::try_from(gone).unwrap_or(0))
    }
}

impl Find for Server {
    fn find(&mut self, ask: &Ask) -> Result<Vec<Found>, HistoryAway> {
        let (text, binds) = question(ask);
        let rows = self.with(async |client| {
            let values: Vec<&(dyn ToSql + Sync)> = binds
                .iter()
                .map(|bind| match bind {
                    Bind::Text(text) => text as &(dyn ToSql + Sync),
                    Bind::Number(number) => number,
                })
                .collect();
            client.query(&text, &values).await
        })?;
        Ok(rows.iter().map(|row| Found { seq: row.get(0), how: row.get(1), body: row.get(2) }).collect())
    }
}

fn question(ask: &Ask) -> (String, Vec<Bind>) {
    let join = "history_decision d JOIN history_record r USING (seq)";
    match ask {
        Ask::One(id) => {
            let sql = format!("SELECT d.seq, NULL::text, r.body FROM {join} WHERE d.id = $1");
            (sql, vec![Bind::Text(id.clone())])
        }
        Ask::Instance(instance) => {
            let sql =
                "SELECT d.seq, t.how, r.body FROM history_touched t JOIN history_decision d ON d.id = t.id
                JOIN history_record r ON r.seq = d.seq WHERE t.instance = $1 ORDER BY t.id LIMIT 10000";
            (sql.to_owned(), vec![Bind::Text(instance.clone())])
        }
        Ask::List(filter, limit) => {
            let mut sql = filter.sql("history_", "ILIKE", '$');
            let limit = sql.bind(Bind::Number(i64::try_from(*limit).unwrap_or(i64::MAX)));
            let text = format!(
                "SELECT d.seq, NULL::text, r.body FROM {join} WHERE {} ORDER BY {} LIMIT {limit}",
                sql.condition,
                filter.order()
            );
            (text, sql.binds)
        }
    }
}
