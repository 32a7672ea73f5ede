//! A snapshot of all keys, found by id or by token.

use std::collections::HashMap;

use aws_lc_rs::{constant_time, digest};
use jiff::Timestamp;

use super::{Key, LiveSecret};

/// All keys as they were in one reading of file and store.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<Key>,
    by_id: HashMap<String, usize>,
    /// By the first half of the token's digest, so that finding one does not compare the whole of it byte by byte.
    by_token: HashMap<[u8; 16], Vec<Token>>,
}

#[derive(Clone, Debug)]
struct Token {
    digest: [u8; 32],
    until: Option<Timestamp>,
    key: usize,
}

impl Keyring {
    /// The key with this id.
    pub fn by_id(&self, id: &str) -> Option<&Key> {
        self.keys.get(*self.by_id.get(id)?)
    }

    /// The key that this bearer token belongs to, if the token counts now.
    pub fn by_token(&self, token: &str, now: Timestamp) -> Option<&Key> {
        let digest = sha256(token);
        let same = |entry: &&Token| constant_time::verify_slices_are_equal(&entry.digest, &digest).is_ok();
        let entry = self.by_token.get(&half(&digest))?.iter().find(same)?;
        entry.until.is_none_or(|until| now < until).then(|| self.keys.get(entry.key))?
    }

    /// The keys in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.keys.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a key; the id must be new.
    pub(super) fn add(&mut self, key: Key) -> usize {
        let index = self.keys.len();
        self.by_id.insert(key.id.clone(), index);
        self.keys.push(key);
        index
    }

    /// Lets keys that were here before go on with when they were last used.
    pub(super) fn remember(&mut self, before: &Self) {
        for key in &mut self.keys {
            if let Some(old) = before.by_id(&key.id) {
                key.used = old.used.clone();
            }
        }
    }

    /// Adds a token of a key. The answer is the id of the key that has the same token already.
    pub(super) fn add_token(&mut self, token: &LiveSecret, key: usize) -> Result<(), &str> {
        let digest = sha256(token.secret.expose());
        let entries = self.by_token.entry(half(&digest)).or_default();
        if let Some(other) = entries.iter().find(|entry| entry.digest == digest) {
            return Err(self.keys.get(other.key).map_or("", |key| &key.id));
        }
        entries.push(Token { digest, until: token.until, key });
        Ok(())
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

fn half(digest: &[u8; 32]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    bytes
}
