//! Checksums that chain the rows of a journal, so that one that was changed, lost or moved is found when it is read.
//!
//! Each row carries a digest over the one before it, its number and its text. What is stored is verified from end to end
//! ([`Stored::verify`]): from the last row that was dropped in favour of a checkpoint (the floor) to the newest one (the
//! head), both of which are kept beside the rows. It guards against damage, not against someone who can compute SHA-256.

use aws_lc_rs::digest::{Context, SHA256};

use super::{Checkpoint, Loaded, Row};

/// Half a SHA-256: chance never produces it twice.
pub(super) type Sum = [u8; 16];

/// The place before a journal's first row.
pub(super) const START: Link = Link { seq: 0, sum: [0; 16] };

/// A place in the journal: after row `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The row's number.
    pub(super) seq: u64,
    /// Its checksum.
    pub(super) sum: Sum,
}

impl Link {
    /// The place after one more row.
    pub(super) fn then(self, text: &str) -> Self {
        let seq = self.seq.saturating_add(1);
        Self { seq, sum: digest(b"row", self.sum, seq, text) }
    }

    /// The checksum of a checkpoint that was taken here.
    pub(super) fn checkpoint(self, text: &str) -> Sum {
        digest(b"checkpoint", self.sum, self.seq, text)
    }
}

fn digest(kind: &[u8], previous: Sum, seq: u64, text: &str) -> Sum {
    let mut context = Context::new(&SHA256);
    context.update(kind);
    context.update(&previous);
    context.update(&seq.to_be_bytes());
    context.update(text.as_bytes());
    let mut sum = [0; 16];
    for (to, from) in sum.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    sum
}

/// A row as it is stored.
#[derive(Clone, Debug)]
pub(super) struct StoredRow {
    pub(super) seq: u64,
    pub(super) text: String,
    pub(super) sum: Vec<u8>,
}

/// Everything that a store holds.
#[derive(Debug)]
pub(super) struct Stored {
    /// The last row that was dropped.
    pub(super) floor: Link,
    /// All rows after it.
    pub(super) rows: Vec<StoredRow>,
    /// The last row.
    pub(super) head: Link,
    /// The checkpoint and its checksum.
    pub(super) checkpoint: Option<(Checkpoint, Vec<u8>)>,
}

/// What is wrong with what is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    /// A row is not the one that follows.
    #[error("row {expected} is missing")]
    Missing { expected: u64 },
    /// A row is not what was written.
    #[error("row {seq} was changed")]
    Changed { seq: u64 },
    /// The last rows are gone, or there are some that were never committed.
    #[error("the last row is {found}, but {expected} was committed")]
    Ends { found: u64, expected: u64 },
    /// What should be a checksum is none.
    #[error("a checksum is not one")]
    Checksum,
    /// The checkpoint is not what was written, or is none.
    #[error("the checkpoint was changed or is missing")]
    Checkpoint,
}

/// Verifies `rows`, which begin after `from`, and gives the place after the last one.
pub(super) fn follow(from: Link, rows: &[StoredRow]) -> Result<Link, Damage> {
    rows.iter().try_fold(from, |before, row| {
        let link = before.then(&row.text);
        if row.seq != link.seq {
            return Err(Damage::Missing { expected: link.seq });
        }
        if row.sum != link.sum {
            return Err(Damage::Changed { seq: row.seq });
        }
        Ok(link)
    })
}

impl Stored {
    /// What a fold begins with, if all of it is as it was written.
    pub(super) fn verify(self) -> Result<Loaded, Damage> {
        let end = follow(self.floor, &self.rows)?;
        if end != self.head {
            return Err(Damage::Ends { found: end.seq, expected: self.head.seq });
        }
        let Some((checkpoint, sum)) = self.checkpoint else {
            // Rows are only ever dropped in favour of a checkpoint.
            let whole = self.floor == START;
            return if whole {
                Ok(Loaded { checkpoint: None, rows: plain(self.rows, 0) })
            } else {
                Err(Damage::Checkpoint)
            };
        };
        let taken = self.rows.iter().take_while(|row| row.seq <= checkpoint.seq);
        let at = taken.fold(self.floor, |before, row| before.then(&row.text));
        if at.seq != checkpoint.seq || at.checkpoint(&checkpoint.text) != *sum {
            return Err(Damage::Checkpoint);
        }
        let rows = plain(self.rows, checkpoint.seq);
        Ok(Loaded { checkpoint: Some(checkpoint), rows })
    }
}

/// The rows after `known`, without their checksums.
pub(super) fn plain(rows: Vec<StoredRow>, known: u64) -> Vec<Row> {
    let after = rows.into_iter().filter(|row| row.seq > known);
    after.map(|row| Row { seq: row.seq, text: row.text }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(texts: &[&str]) -> Stored {
        let mut head = START;
        let mut rows = Vec::new();
        for text in texts {
            head = head.then(text);
            rows.push(StoredRow { seq: head.seq, text: (*text).to_owned(), sum: head.sum.to_vec() });
        }
        Stored { floor: START, rows, head, checkpoint: None }
    }

    #[test]
    fn what_was_written_verifies() {
        assert_eq!(stored(&["a", "b"]).verify().unwrap().rows.len(), 2);
        assert_eq!(stored(&[]).verify().unwrap(), Loaded::default());
    }

    #[test]
    fn every_kind_of_damage_is_found() {
        let damaged = |harm: fn(&mut Stored)| {
            let mut stored = stored(&["a", "b", "c"]);
            harm(&mut stored);
            stored.verify().unwrap_err()
        };
        assert_eq!(damaged(|s| s.rows[1].text.push('x')), Damage::Changed { seq: 2 });
        assert_eq!(damaged(|s| s.rows[1].sum[3] ^= 1), Damage::Changed { seq: 2 });
        assert_eq!(damaged(|s| drop(s.rows.remove(1))), Damage::Missing { expected: 2 });
        assert_eq!(damaged(|s| drop(s.rows.pop())), Damage::Ends { found: 2, expected: 3 });
        assert_eq!(damaged(|s| s.head.seq = 2), Damage::Ends { found: 3, expected: 2 });
        assert_eq!(damaged(|s| s.rows.swap(0, 2)), Damage::Missing { expected: 1 });
        assert_eq!(
            damaged(|s| {
                let text = std::mem::take(&mut s.rows[0].text);
                s.rows[0].text = std::mem::replace(&mut s.rows[1].text, text);
            }),
            Damage::Changed { seq: 1 }
        );
        assert_eq!(
            damaged(|s| {
                s.floor = START.then("a");
                s.rows.remove(0);
            }),
            Damage::Checkpoint
        );
    }

    #[test]
    fn a_checkpoint_belongs_to_its_place() {
        let taken = |text: &str, seq: u64| {
            let mut stored = stored(&["a", "b", "c"]);
            let sum = START.then("a").then("b").checkpoint("ab").to_vec();
            stored.checkpoint = Some((Checkpoint { seq, text: text.to_owned() }, sum));
            stored.verify()
        };
        assert_eq!(taken("ab", 2).unwrap().rows, [Row { seq: 3, text: "c".to_owned() }]);
        assert_eq!(taken("ax", 2), Err(Damage::Checkpoint));
        assert_eq!(taken("ab", 1), Err(Damage::Checkpoint));
        assert_eq!(taken("ab", 9), Err(Damage::Checkpoint));
    }
}
