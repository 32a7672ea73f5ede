//! Files of JSON lines in which no line can be changed, taken out, put in or moved unnoticed.
//!
//! Each line ends with a member `chain`: its number, the hash of the line before it, and its own hash over every byte before that
//! hash. SHA-256 shows what was damaged or edited by hand; with a key it is HMAC-SHA256, and who can write the file but does not know
//! the key cannot make a line that fits. Cutting off the end leaves a chain that is whole, so the newest hash (the head) is told
//! elsewhere too: on `/status`, in the log, and in a small file beside the chain from which it goes on after a restart.
//!
//! What stands in a file outside of the chain (lines from before there was one, half a line left by a crash) is not passed over in
//! silence: the next line of the chain names its length and digest (`skipped`).

mod file;
#[cfg(test)]
mod tests;
pub mod verify;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{digest, hmac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use file::Chained;

use crate::secret::Secret;

/// What a chain's member begins with.
const MEMBER: &str = "\"chain\":";
/// What stands before a line's own hash.
const OWN: &str = ",\"hash\":\"";
/// What stands after it.
const END: &str = "\"}}";
/// The hash before the first line.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line's place in its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The line's number, from 1.
    pub seq: u64,
    /// The hash of the line before it; zeroes before the first.
    pub previous: String,
    /// What stands before it in its file without being of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// SHA-256, or HMAC-SHA256 with the chain's key, over the line's bytes before this member.
    pub hash: String,
}

/// Bytes between two lines of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// How many.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
}

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How many lines it has.
    pub seq: u64,
    /// The last one's hash.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: NOTHING.to_owned() }
    }
}

/// By what lines are hashed.
#[derive(Clone, Debug, Default)]
pub struct Key(Option<hmac::Key>);

impl Key {
    /// With this secret; by SHA-256 alone without one.
    pub fn new(secret: Option<&Secret>) -> Self {
        Self(secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())))
    }

    fn hash(&self, bytes: &[u8]) -> String {
        match &self.0 {
            Some(key) => hex::encode(hmac::sign(key, bytes)),
            None => sha256(bytes),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// The ends of the chains that this process writes, by the names of their files; for `/status`.
#[derive(Clone, Debug, Default)]
pub struct Heads(Arc<Mutex<BTreeMap<String, Head>>>);

impl Heads {
    fn tell(&self, file: &str, head: &Head) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), head.clone());
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes the next line of a chain of a JSON object, and moves the head to it.
fn seal(key: &Key, head: &mut Head, skipped: Option<&Skipped>, object: &str) -> String {
    let open = object.trim_end().strip_suffix('}').unwrap_or(object);
    let comma = if open.trim_end().ends_with('{') { "" } else { "," };
    let seq = head.seq.saturating_add(1);
    let skipped = skipped.and_then(|skipped| serde_json::to_string(skipped).ok());
    let skipped = skipped.map(|text| format!(",\"skipped\":{text}")).unwrap_or_default();
    let previous = &head.hash;
    let mut line = format!("{open}{comma}{MEMBER}{{\"seq\":{seq},\"previous\":\"{previous}\"{skipped}");
    let hash = key.hash(line.as_bytes());
    line.extend([OWN, &hash, END]);
    *head = Head { seq, hash };
    line
}

/// The member of a line as it was written, and the bytes that its hash is over.
fn member(line: &[u8]) -> Option<(Member, &[u8])> {
    let text = std::str::from_utf8(line).ok()?;
    let at = text.rfind(MEMBER)?;
    let member: Member =
        serde_json::from_str(text.get(at..)?.strip_prefix(MEMBER)?.strip_suffix('}')?).ok()?;
    // Nothing but what is written here: another spelling of the same is not what was written.
    let same = serde_json::to_string(&member).ok()?;
    if text.get(at..)? != format!("{MEMBER}{same}}}") {
        return None;
    }
    let own =
        text.len().checked_sub(OWN.len().saturating_add(member.hash.len()).saturating_add(END.len()))?;
    text.get(own..)?.starts_with(OWN).then_some(())?;
    Some((member, line.get(..own)?))
}
