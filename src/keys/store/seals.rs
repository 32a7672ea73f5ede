//! The keys that the store is sealed with: one that seals, and those before it, which still open.
//!
//! What is sealed is bound to its place, the id of the key and the revision of the row: copied into another row, or put
//! back as it was under a newer revision, it does not open.

use super::Row;
use super::record::Record;
use crate::config::secret_ref::sealed::{SealKey, Unopened};
use crate::secret::Secret;

/// What every row begins with.
const FORM: &str = "zgk1.";

/// See the module.
pub(super) struct Seals {
    seal: SealKey,
    older: Vec<SealKey>,
}

impl Seals {
    /// From the texts of the keys; none if one is no key.
    pub(super) fn new<'a>(seal: &Secret, older: impl Iterator<Item = &'a Secret>) -> Option<Self> {
        let older: Option<_> = older.map(|key| SealKey::parse(key.expose())).collect();
        Some(Self { seal: SealKey::parse(seal.expose())?, older: older? })
    }

    pub(super) fn seal(&self, id: &str, revision: u64, record: &Record) -> Result<Row, String> {
        let sealed = self.seal.seal_for(FORM, &place(id, revision), &record.write()?)?;
        Ok(Row { id: id.to_owned(), revision, sealed })
    }

    /// The record in a row; the error names the row and what to do, and quotes nothing.
    pub(super) fn open(&self, row: &Row) -> Result<Record, String> {
        let place = place(&row.id, row.revision);
        let mut worst = Unopened::OtherKey;
        for key in std::iter::once(&self.seal).chain(&self.older) {
            match key.open_for(FORM, &place, &row.sealed) {
                Ok(text) => return Record::read(&text).map_err(|why| format!("the key {} {why}", row.id)),
                Err(Unopened::OtherKey) => {}
                Err(other) => worst = other,
            }
        }
        Err(match worst {
            Unopened::OtherKey => format!(
                "the key {} was sealed with another key than keys.store.seal; name that one there, or add it to keys.store.old_seals",
                row.id
            ),
            Unopened::Damaged | Unopened::NotSealed => format!(
                "the key {} is damaged or was put there by something else; restore the store from a backup",
                row.id
            ),
        })
    }

    /// Whether a row was sealed by an older key.
    pub(super) fn is_older(&self, row: &Row) -> bool {
        self.seal.open_for(FORM, &place(&row.id, row.revision), &row.sealed) == Err(Unopened::OtherKey)
    }
}

impl std::fmt::Debug for Seals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seals").field("older", &self.older.len()).finish_non_exhaustive()
    }
}

/// Ids hold no zero byte.
fn place(id: &str, revision: u64) -> Vec<u8> {
    [id.as_bytes(), &[0], &revision.to_be_bytes()].concat()
}
