//! All keys: those of the key file and those of the store, as one keyring that is swapped as a whole.
//!
//! An id that stands in both is the file's: what somebody wrote by hand is not overruled by an order. A key of the store that
//! cannot be used as the configuration stands (its account is gone, its id is taken) is left out, shown and told of; it keeps
//! no other key from being used.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use super::shown::{Kept, Shown, State};
use super::store::{KeyStore, Look, Order, OrderError, Record};
use super::{Key, KeyFile, KeyStatus, Keyring, LiveSecret, PollOutcome};
use crate::secret::Secret;

/// See the module.
#[derive(Debug)]
pub struct Keys {
    file: Option<KeyFile>,
    store: Option<KeyStore>,
    current: ArcSwap<Keyring>,
    /// Who puts file and store together; requests never take this lock.
    merging: Mutex<()>,
}

/// What an order came to. The secrets are in here and nowhere else, this once.
#[derive(Debug)]
pub struct Done {
    /// The key as it stands now.
    pub key: Shown,
    /// The secret to sign with, if the order made one.
    pub secret: Option<Secret>,
    /// The bearer token, likewise.
    pub token: Option<Secret>,
}

impl Keys {
    /// Keys from a file, a store or both.
    pub fn new(file: Option<KeyFile>, store: Option<KeyStore>) -> Self {
        let keys = Self { file, store, current: ArcSwap::default(), merging: Mutex::new(()) };
        keys.merge();
        keys
    }

    /// The keyring in use. A request takes it once and keeps it to its end.
    pub fn current(&self) -> Arc<Keyring> {
        self.current.load_full()
    }

    /// Whether a key that is not in the keyring does not exist. It may, while the store was never read.
    pub fn are_known(&self) -> bool {
        self.store.as_ref().is_none_or(KeyStore::was_read)
    }

    /// How the key file stands.
    pub fn file_status(&self) -> KeyStatus {
        self.file.as_ref().map(KeyFile::status).unwrap_or_default()
    }

    /// Why the store cannot be used now; none where it can, or where there is none.
    pub fn store_away(&self) -> Option<String> {
        self.store.as_ref().and_then(KeyStore::away)
    }

    /// Whether there is a store.
    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Looks at the key file; reads files, so call it where blocking is fine.
    pub fn poll_file(&self) -> PollOutcome {
        let Some(file) = &self.file else { return PollOutcome::Unchanged };
        let outcome = file.poll();
        if matches!(outcome, PollOutcome::Replaced) {
            self.merge();
        }
        outcome
    }

    /// Looks at the store; blocks.
    pub fn poll_store(&self) -> Look {
        let Some(store) = &self.store else { return Look::Unchanged };
        let look = store.look();
        if look == Look::Read {
            self.merge();
        }
        look
    }

    /// Carries out an order about one key, and puts it in use; blocks.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn order(&self, order: &Order, now: Timestamp) -> Result<Done, OrderError> {
        let store = self.orderable()?;
        let handed = store.carry_out(order, |id| self.in_file(id));
        // Also after a failure: something else may have been read on the way.
        self.merge();
        let handed = handed?;
        let key = self.show(&handed.id, now).ok_or_else(|| OrderError::Unknown(handed.id.clone()))?;
        Ok(Done { key, secret: handed.secret, token: handed.token })
    }

    /// Seals everything in the store with its newest key; blocks. How many rows were sealed by an older one.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn reseal(&self) -> Result<usize, OrderError> {
        self.orderable()?.reseal()
    }

    /// Every key, those of the file first, each by id.
    pub fn list(&self, now: Timestamp) -> Vec<Shown> {
        let ring = self.current();
        let mut all: Vec<Shown> = self.of_file().map(|key| shown_in(&ring, &key, Kept::File, now)).collect();
        if let Some(store) = &self.store {
            let held = store.held();
            all.extend(
                held.records.iter().map(|(id, record)| self.show_record(store, &ring, id, record, now)),
            );
        }
        all.sort_by(|one, other| (one.kept_in, &one.id).cmp(&(other.kept_in, &other.id)));
        all
    }

    /// One key; of two with one id that of the file.
    pub fn show(&self, id: &str, now: Timestamp) -> Option<Shown> {
        let ring = self.current();
        if let Some(key) = self.of_file().find(|key| key.id == id) {
            return Some(shown_in(&ring, &key, Kept::File, now));
        }
        let store = self.store.as_ref()?;
        let record = Arc::clone(store.held().records.get(id)?);
        Some(self.show_record(store, &ring, id, &record, now))
    }

    fn orderable(&self) -> Result<&KeyStore, OrderError> {
        self.store.as_ref().ok_or_else(|| {
            OrderError::Conflict(
                "no key store is configured; add [keys.store] to the configuration".to_owned(),
            )
        })
    }

    fn in_file(&self, id: &str) -> bool {
        self.file.as_ref().is_some_and(|file| file.current().by_id(id).is_some())
    }

    fn of_file(&self) -> impl Iterator<Item = Key> {
        let ring = self.file.as_ref().map(|file| file.current().iter().cloned().collect::<Vec<_>>());
        ring.unwrap_or_default().into_iter()
    }

    fn show_record(
        &self,
        store: &KeyStore,
        ring: &Keyring,
        id: &str,
        record: &Record,
        now: Timestamp,
    ) -> Shown {
        let usable = self.usable(store, id, record);
        let mut shown = match &usable {
            Ok((key, _)) => shown_in(ring, key, Kept::Store, now),
            Err(why) => unusable(id, record, why),
        };
        shown.created = Some(record.created);
        (shown.rotated, shown.revoked) = (record.rotated, record.revoked);
        shown
    }

    /// The key of a record, unless something stands against it.
    fn usable(&self, store: &KeyStore, id: &str, record: &Record) -> Result<(Key, Vec<LiveSecret>), String> {
        if self.in_file(id) {
            return Err("a key in the key file has the same id; that one is used".to_owned());
        }
        store.key(id, record)
    }

    /// Puts file and store together, and the result in use.
    fn merge(&self) {
        let _one_at_a_time = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        let mut ring = self.file.as_ref().map(|file| Keyring::clone(&file.current())).unwrap_or_default();
        if let Some(store) = &self.store {
            for (id, record) in &store.held().records {
                match self.usable(store, id, record) {
                    Ok((key, tokens)) => {
                        let at = ring.add(key);
                        for token in &tokens {
                            // Made at random: the same one twice is no accident, and then belongs to whoever had it first.
                            if ring.add_token(token, at).is_err() {
                                tracing::error!(
                                    key = id,
                                    "the key's token belongs to another key; it is not taken"
                                );
                            }
                        }
                    }
                    Err(why) if record.revoked.is_none() && before.by_id(id).is_some() => {
                        tracing::error!(key = id, why, "a key of the store can no longer be used");
                    }
                    Err(why) => tracing::warn!(key = id, why, "a key of the store cannot be used"),
                }
            }
        }
        ring.remember(&before);
        self.current.store(Arc::new(ring));
    }
}

/// The key as the keyring in use has seen it used.
fn shown_in(ring: &Keyring, key: &Key, kept: Kept, now: Timestamp) -> Shown {
    let mut shown = key.shown(kept, now);
    shown.last_used = ring.by_id(&key.id).and_then(|key| key.used.at());
    shown
}

fn unusable(id: &str, record: &Record, why: &str) -> Shown {
    Shown {
        id: id.to_owned(),
        kept_in: Kept::Store,
        state: if record.revoked.is_some() { State::Revoked } else { State::Unusable },
        why: Some(why.to_owned()),
        rotating_until: None,
        team: record.team.clone(),
        owner: record.owner.clone(),
        purpose: record.purpose.clone(),
        account: record.account.clone(),
        actions: record.actions.clone(),
        sources: record.sources.clone(),
        certificates: record.certificates.clone(),
        labels: record.labels.clone(),
        strict: record.strict,
        credentials: match (record.secrets.is_empty(), record.tokens.is_empty()) {
            (false, true) => "pair",
            (true, false) => "token",
            _ => "both",
        },
        expires: record.expires,
        created: None,
        rotated: None,
        revoked: None,
        last_used: None,
    }
}
