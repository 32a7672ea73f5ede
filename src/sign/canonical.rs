//! The text that is signed. Pure functions of what was received.

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

use super::ALGORITHM;

/// SHA-256 of the body exactly as it was received or will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// Hashes the raw bytes.
    pub fn of(body: &[u8]) -> Self {
        Self(sha256(body))
    }

    /// 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// The canonical request: method, path, query, headers, their names, hash of the body.
///
/// The method is always `POST`, the path always a bare slash and the query always empty, whatever was requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical(String);

impl Canonical {
    /// Builds it from the signed headers, names in lower case and ascending order, values as they count.
    pub fn new(headers: &[(&str, &str)], payload: &PayloadHash) -> Self {
        let mut text = String::with_capacity(256);
        text.push_str("POST\n/\n\n");
        for (name, value) in headers {
            text.push_str(name);
            text.push(':');
            text.push_str(value);
            text.push('\n');
        }
        text.push('\n');
        for (place, (name, _)) in headers.iter().enumerate() {
            if place > 0 {
                text.push(';');
            }
            text.push_str(name);
        }
        text.push('\n');
        HEXLOWER.encode_append(&payload.0, &mut text);
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

/// Algorithm, timestamp and hash of the canonical request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringToSign(String);

impl StringToSign {
    /// `timestamp` is the decimal text as sent.
    pub fn new(timestamp: &str, canonical: &Canonical) -> Self {
        let mut text = String::with_capacity(128);
        [ALGORITHM, "\n", timestamp, "\n"].into_iter().for_each(|part| text.push_str(part));
        HEXLOWER.encode_append(&canonical.hash(), &mut text);
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
