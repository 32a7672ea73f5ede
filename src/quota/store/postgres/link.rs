//! One connection and what is asked on it. Statements that belong together are sent together and answered in one round
//! trip: the server works through them in order, and after a failure it refuses the rest of the transaction.

use std::time::Duration;

use futures_util::future::{join, join3};
use tokio_postgres::{Client, Row as Record, Statement};
use uuid::Uuid;

use super::super::chain::{self, Link as Place, Stored, StoredRow, Sum};
use super::super::{Checkpoint, Loaded, Row, new_mark_key};
use super::trouble::Trouble;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// The time limit of statements would cut the wait for a synchronous standby short, and the server would then call
/// committed what only it has.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

const LOCK: &str = "SELECT floor, floor_checksum, seq, checksum FROM head FOR UPDATE";

/// The rows after one, with the row itself or the floor in its place, to chain them to.
const AFTER: &str = "
    SELECT floor, ''::text, floor_checksum FROM head WHERE floor = $1
    UNION ALL SELECT seq, text, checksum FROM journal WHERE seq >= $1
    ORDER BY 1";

const RENEW: &str = "
    WITH mine AS (UPDATE owner SET renewed = clock_timestamp() WHERE id = $1::text::uuid RETURNING id)
    SELECT EXISTS (SELECT FROM mine), ARRAY(
        SELECT id::text FROM owner
        WHERE id <> $1::text::uuid AND renewed < clock_timestamp() - make_interval(secs => $2))";

const LEAD: &str = "
    INSERT INTO leader (owner, until) VALUES ($1::text::uuid, clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (one) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE leader.owner = excluded.owner OR leader.until < clock_timestamp()";

const REGISTER: &str = "
    INSERT INTO owner (id, renewed) VALUES ($1::text::uuid, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET renewed = clock_timestamp()";

/// A connection with what is asked often prepared.
pub(super) struct Link {
    client: Client,
    lock: Statement,
    after: Statement,
    append: Statement,
    renew: Statement,
    /// The head that the open turn has locked.
    turn: Option<Place>,
    in_transaction: bool,
}

impl Link {
    pub(super) async fn prepare(client: Client) -> Result<Self, Trouble> {
        let (lock, after) = join(client.prepare(LOCK), client.prepare(AFTER)).await;
        let append = client.prepare("SELECT append($1, $2, $3, $4, $5)");
        let (append, renew) = join(append, client.prepare(RENEW)).await;
        let (lock, after, append, renew) = (lock?, after?, append?, renew?);
        Ok(Self { client, lock, after, append, renew, turn: None, in_transaction: false })
    }

    /// Everything there is, verified, and the head. Waits for transactions that are still at it, so that what they came
    /// to is certain.
    pub(super) async fn load(&mut self, owner: Uuid, durable: Place) -> Result<(Loaded, Place), Trouble> {
        // A long journal is not an idle transaction, but reading it may take longer than a step.
        let begin = format!("{BEGIN}; SET LOCAL statement_timeout = '20s'");
        let (began, head) =
            join(self.client.batch_execute(&begin), self.client.query_one(&self.lock, &[])).await;
        began?;
        let head = head?;
        let (floor, head) = (place(&head, 0)?, place(&head, 2)?);
        let rows = self.client.query("SELECT seq, text, checksum FROM journal ORDER BY seq", &[]);
        let checkpoint = self.client.query_opt("SELECT seq, text, checksum FROM checkpoint", &[]);
        let (rows, checkpoint) = join(rows, checkpoint).await;
        let rows = stored(&rows?)?;
        let checkpoint = match checkpoint? {
            None => None,
            Some(row) => Some((Checkpoint { seq: number(&row, 0)?, text: row.try_get(1)? }, row.try_get(2)?)),
        };
        still_there(floor, &rows, durable)?;
        let loaded = Stored { floor, rows, head, checkpoint }.verify()?;
        self.client.execute(REGISTER, &[&owner.to_string()]).await?;
        self.client.batch_execute(COMMIT).await?;
        Ok((loaded, head))
    }

    /// The key of the orders' digests; whoever comes first makes it.
    pub(super) async fn mark_key(&mut self) -> Result<[u8; 32], Trouble> {
        self.abandon().await?;
        let offered = new_mark_key();
        let insert = "INSERT INTO marks (key) VALUES ($1) ON CONFLICT (one) DO NOTHING";
        self.client.execute(insert, &[&offered.as_slice()]).await?;
        let kept = self.client.query_one("SELECT key FROM marks", &[]).await?;
        let kept: &[u8] = kept.try_get(0)?;
        <[u8; 32]>::try_from(kept).map_err(|_| chain::Damage::Checksum.into())
    }

    /// Locks the head and reads what is new.
    pub(super) async fn begin(&mut self, known: u64, durable: Place) -> Result<(Vec<Row>, Place), Trouble> {
        self.turn = None;
        let begin = if self.in_transaction { format!("ROLLBACK; {BEGIN}") } else { BEGIN.to_owned() };
        self.in_transaction = true;
        let from = signed(known);
        let from: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&from];
        let (began, head, rows) = join3(
            self.client.batch_execute(&begin),
            self.client.query_one(&self.lock, &[]),
            self.client.query(&self.after, &from),
        )
        .await;
        began?;
        let head = place(&head?, 2)?;
        let (rows, end) = after(known, &rows?, durable)?;
        if end != head {
            return Err(chain::Damage::Ends { found: end.seq, expected: head.seq }.into());
        }
        self.turn = Some(head);
        Ok((rows, head))
    }

    /// Appends and commits; gives the new head.
    pub(super) async fn commit(&mut self, texts: &[String]) -> Result<Place, Trouble> {
        let head = self.turn.take().ok_or(Trouble::NoTurn)?;
        if texts.is_empty() {
            self.abandon().await?;
            return Ok(head);
        }
        let mut end = head;
        let mut seqs = Vec::with_capacity(texts.len());
        let mut sums = Vec::with_capacity(texts.len());
        for text in texts {
            end = end.then(text);
            seqs.push(signed(end.seq));
            sums.push(end.sum.to_vec());
        }
        let after = signed(head.seq);
        let after_sum = head.sum.as_slice();
        let (appended, committed) = join(
            self.client.query_one(&self.append, &[&seqs, &texts, &sums, &after, &after_sum]),
            self.client.batch_execute(COMMIT),
        )
        .await;
        appended?;
        committed?;
        self.in_transaction = false;
        Ok(end)
    }

    /// Ends a transaction that is open, if there is one.
    async fn abandon(&mut self) -> Result<(), Trouble> {
        self.turn = None;
        if std::mem::take(&mut self.in_transaction) {
            self.client.batch_execute("ROLLBACK").await?;
        }
        Ok(())
    }

    /// What is new, without the lock; and the last of it.
    pub(super) async fn newer(&mut self, known: u64, durable: Place) -> Result<(Vec<Row>, Place), Trouble> {
        self.abandon().await?;
        let rows = self.client.query(&self.after, &[&signed(known)]).await?;
        let (rows, end) = after(known, &rows, durable)?;
        Ok((rows, if end.seq > durable.seq { end } else { durable }))
    }

    pub(super) async fn renew(&mut self, owner: Uuid, dead_after: Duration) -> Result<Vec<Uuid>, Trouble> {
        self.abandon().await?;
        let found =
            self.client.query_one(&self.renew, &[&owner.to_string(), &dead_after.as_secs_f64()]).await?;
        if !found.try_get::<_, bool>(0)? {
            return Err(Trouble::Forgotten);
        }
        let dead: Vec<String> = found.try_get(1)?;
        Ok(dead.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect())
    }

    pub(super) async fn forget(&mut self, owner: Uuid, owners: &[Uuid]) -> Result<(), Trouble> {
        self.abandon().await?;
        let others: Vec<String> = owners.iter().filter(|id| **id != owner).map(Uuid::to_string).collect();
        if !others.is_empty() {
            let delete = "DELETE FROM owner WHERE id = ANY ($1::text[]::uuid[])";
            self.client.execute(delete, &[&others]).await?;
        }
        Ok(())
    }

    pub(super) async fn lead(&mut self, owner: Uuid, term: Duration) -> Result<bool, Trouble> {
        self.abandon().await?;
        Ok(self.client.execute(LEAD, &[&owner.to_string(), &term.as_secs_f64()]).await? == 1)
    }

    pub(super) async fn checkpoint(&mut self, checkpoint: &Checkpoint, keep: u64) -> Result<(), Trouble> {
        self.abandon().await?;
        // Rows never change, so their checksums can be read ahead of the lock.
        let until = checkpoint.seq.saturating_sub(keep);
        let find = "SELECT seq, checksum FROM journal WHERE seq IN ($1, $2)
            UNION ALL SELECT floor, floor_checksum FROM head";
        let found = self.client.query(find, &[&signed(checkpoint.seq), &signed(until)]).await?;
        let found = found.iter().map(|row| place(row, 0)).collect::<Result<Vec<_>, _>>()?;
        let at = |seq: u64| found.iter().copied().find(|place| place.seq == seq);
        let floor = found.last().copied().unwrap_or(chain::START);
        if checkpoint.seq < floor.seq {
            return Ok(()); // another owner's is newer
        }
        let place = at(checkpoint.seq).ok_or(Trouble::Gap { known: checkpoint.seq })?;
        let until = at(until.max(floor.seq)).ok_or(Trouble::Gap { known: until })?;
        let (sum, until_sum) = (place.checkpoint(&checkpoint.text), until.sum);
        self.client
            .query_one(
                "SELECT keep_checkpoint($1, $2, $3, $4, $5)",
                &[
                    &signed(place.seq),
                    &checkpoint.text,
                    &sum.as_slice(),
                    &signed(until.seq),
                    &until_sum.as_slice(),
                ],
            )
            .await?;
        Ok(())
    }

    /// Gives up the lease and the leadership.
    pub(super) async fn leave(&mut self, owner: Uuid) -> Result<(), Trouble> {
        self.abandon().await?;
        let owner = owner.to_string();
        let lead = "DELETE FROM leader WHERE owner = $1::text::uuid";
        let lease = "DELETE FROM owner WHERE id = $1::text::uuid";
        self.client.execute(lead, &[&owner]).await?;
        self.client.execute(lease, &[&owner]).await?;
        Ok(())
    }
}

/// Verifies what [`AFTER`] gave: the row that is known, and those that follow. Gives them and the last one's place.
fn after(known: u64, records: &[Record], durable: Place) -> Result<(Vec<Row>, Place), Trouble> {
    let (first, rest) = records.split_first().ok_or(Trouble::Gap { known })?;
    let first = Place { seq: number(first, 0)?, sum: sum(first, 2)? };
    if first.seq != known {
        return Err(Trouble::Gap { known });
    }
    let rows = stored(rest)?;
    still_there(first, &rows, durable)?;
    let end = chain::follow(first, &rows)?;
    Ok((chain::plain(rows, known), end))
}

/// That the last row known to be durable is there as it was. `rows` follow `from`.
fn still_there(from: Place, rows: &[StoredRow], durable: Place) -> Result<(), Trouble> {
    let same = match durable.seq.cmp(&from.seq) {
        // Dropped since in favour of a checkpoint, or simply further back than what was asked for.
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Equal => durable == from,
        std::cmp::Ordering::Greater => {
            let row = rows.iter().find(|row| row.seq == durable.seq);
            row.is_some_and(|row| row.sum == durable.sum)
        }
    };
    if same { Ok(()) } else { Err(Trouble::Lost { seq: durable.seq }) }
}

fn stored(records: &[Record]) -> Result<Vec<StoredRow>, Trouble> {
    let row = |record: &Record| {
        Ok(StoredRow { seq: number(record, 0)?, text: record.try_get(1)?, sum: record.try_get(2)? })
    };
    records.iter().map(row).collect()
}

fn place(record: &Record, from: usize) -> Result<Place, Trouble> {
    Ok(Place { seq: number(record, from)?, sum: sum(record, from.saturating_add(1))? })
}

fn sum(record: &Record, index: usize) -> Result<Sum, Trouble> {
    let bytes: &[u8] = record.try_get(index)?;
    Sum::try_from(bytes).map_err(|_| chain::Damage::Checksum.into())
}

/// A number that was written from an unsigned one; what is negative was never written and matches no checksum.
fn number(record: &Record, index: usize) -> Result<u64, Trouble> {
    Ok(u64::try_from(record.try_get::<_, i64>(index)?).unwrap_or(u64::MAX))
}

/// A row's number as the server keeps it.
fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
