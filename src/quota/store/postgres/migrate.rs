//! The schema and its versions. Replicas that start at once take turns by an advisory lock; whoever comes second finds it
//! done.

use tokio_postgres::Client;

use super::trouble::Trouble;

/// Ours among the advisory locks of the database: `ZenG`. The other half is the schema's name.
pub(crate) const LOCK: i32 = i32::from_be_bytes(*b"ZenG");

/// Every version, oldest first. What was released is never edited: changes are appended.
const VERSIONS: &[&str] = &["
    CREATE TABLE journal (seq int8 PRIMARY KEY, text text NOT NULL, checksum bytea NOT NULL);

    -- One row, updated by every commit; the room is for its old versions.
    CREATE TABLE head (
        one bool PRIMARY KEY DEFAULT true CHECK (one),
        floor int8 NOT NULL, floor_checksum bytea NOT NULL,
        seq int8 NOT NULL, checksum bytea NOT NULL
    ) WITH (fillfactor = 10);
    INSERT INTO head (floor, floor_checksum, seq, checksum)
        VALUES (0, decode(repeat('00', 16), 'hex'), 0, decode(repeat('00', 16), 'hex'));

    CREATE TABLE checkpoint (
        one bool PRIMARY KEY DEFAULT true CHECK (one),
        seq int8 NOT NULL, text text NOT NULL, checksum bytea NOT NULL
    );
    CREATE TABLE owner (id uuid PRIMARY KEY, renewed timestamptz NOT NULL);
    CREATE TABLE leader (
        one bool PRIMARY KEY DEFAULT true CHECK (one), owner uuid NOT NULL, until timestamptz NOT NULL
    );

    -- Appends rows after the head that the caller has locked and read.
    CREATE FUNCTION append(seqs int8[], texts text[], checksums bytea[], after int8, after_checksum bytea)
    RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        INSERT INTO journal SELECT * FROM unnest(seqs, texts, checksums);
        UPDATE head SET seq = seqs[cardinality(seqs)], checksum = checksums[cardinality(seqs)]
            WHERE head.seq = after AND head.checksum = after_checksum;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the head was moved under its lock' USING ERRCODE = 'ZG001';
        END IF;
    END $$;

    -- Replaces an older checkpoint and drops the rows up to the new floor.
    CREATE FUNCTION keep_checkpoint(at int8, state text, sum bytea, until int8, until_checksum bytea)
    RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        PERFORM FROM head FOR UPDATE;
        INSERT INTO checkpoint (seq, text, checksum) VALUES (at, state, sum)
            ON CONFLICT (one) DO UPDATE SET seq = at, text = state, checksum = sum
            WHERE checkpoint.seq < at;
        IF FOUND THEN
            DELETE FROM journal WHERE seq <= until;
            UPDATE head SET floor = until, floor_checksum = until_checksum WHERE floor < until;
        END IF;
    END $$;
"];

/// The key of the orders' digests. Not a version: replicas of before, which take a newer version for a reason to stop, go on
/// beside those that use it while a fleet is being upgraded.
const MARKS: &str = "CREATE TABLE IF NOT EXISTS marks (
    one bool PRIMARY KEY DEFAULT true CHECK (one), key bytea NOT NULL CHECK (length(key) = 32))";

/// Brings the schema to the newest version.
pub(crate) async fn migrate(client: &Client, schema: &str) -> Result<(), Trouble> {
    if version(client, schema).await? == Some(VERSIONS.len()) && has(client, schema, "marks").await? {
        return Ok(());
    }
    client.batch_execute("BEGIN").await?;
    client.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&LOCK, &schema]).await?;
    let version = match version(client, schema).await? {
        Some(version) => version,
        None => {
            create(client, schema).await?;
            0
        }
    };
    for (sql, number) in VERSIONS.iter().zip(1_i32..).skip(version) {
        client.batch_execute(sql).await?;
        client.execute("INSERT INTO zengate_version (version) VALUES ($1)", &[&number]).await?;
    }
    client.batch_execute(MARKS).await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

async fn create(client: &Client, schema: &str) -> Result<(), Trouble> {
    let found = "SELECT n.oid IS NOT NULL, EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid)
        FROM (VALUES (1)) one LEFT JOIN pg_namespace n ON n.nspname = $1";
    let row = client.query_one(found, &[&schema]).await?;
    let (there, used): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if used {
        return Err(Trouble::Foreign);
    }
    if !there {
        // Not IF NOT EXISTS: that asks for the right to create also where there is nothing to do.
        client.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    let table = "CREATE TABLE zengate_version (
        version int4 PRIMARY KEY, applied timestamptz NOT NULL DEFAULT clock_timestamp())";
    Ok(client.batch_execute(table).await?)
}

/// How many versions were applied; none if there is no ledger yet.
async fn version(client: &Client, schema: &str) -> Result<Option<usize>, Trouble> {
    if !has(client, schema, "zengate_version").await? {
        return Ok(None);
    }
    let newest = format!("SELECT coalesce(max(version), 0) FROM \"{schema}\".zengate_version");
    let newest = client.query_one(&newest, &[]).await?;
    let newest: i32 = newest.try_get(0)?;
    let version = usize::try_from(newest).unwrap_or(0);
    if version > VERSIONS.len() {
        return Err(Trouble::Newer { version });
    }
    Ok(Some(version))
}

/// Whether the schema has a table of this name.
async fn has(client: &Client, schema: &str, table: &str) -> Result<bool, Trouble> {
    // Not to_regclass: it answers from a cache that does not see what was created while this session waited for the lock.
    let there = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2)";
    Ok(client.query_one(there, &[&schema, &table]).await?.try_get(0)?)
}
