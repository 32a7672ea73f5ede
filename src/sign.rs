//! ZC2-HMAC-SHA256, both ways: checking a caller's signature and signing for the cloud.
//!
//! Three pure steps, each its own type, so that a test vector that fails says which step differs:
//! [`Canonical`] (six parts of the request) -> [`StringToSign`] (timestamp and hash of the former) -> [`Signature`]
//! (HMAC under the secret). The algorithm is the vendor's page on request signing.
//!
//! What it covers: method, content type, host, any further header in `SignedHeaders`, the body, the timestamp.
//! What it does **not** cover: path (so the service), query, `X-ZC-Action`, `X-ZC-Version`. Whoever relies on those must
//! bind them by other means (TLS, strict routing, strict keys).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod authorization;
mod canonical;

pub use authorization::{Authorization, AuthorizationError};
pub use canonical::{Canonical, PayloadHash, StringToSign};

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;

use crate::secret::Secret;

/// The only algorithm there is.
pub const ALGORITHM: &str = "ZC2-HMAC-SHA256";
/// Spelling of the algorithm in older pages; seen in `X-ZC-Signature-Method` only.
pub const ALGORITHM_OLD_SPELLING: &str = "ZC2-HMAC_SHA256";
/// How far a timestamp may lie from now, in seconds, either way (vendor's page on signing: five minutes).
pub const WINDOW_SECONDS: i64 = 300;
/// The headers that every list of signed headers must hold.
pub const MANDATORY_HEADERS: [&str; 2] = ["content-type", "host"];

/// An HMAC-SHA256 over a [`StringToSign`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads exactly 64 lower-case hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

/// A secret made ready for signing and checking.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// The secret's UTF-8 bytes are the key, without derivation.
    pub fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()))
    }

    /// Signs.
    pub fn sign(&self, text: &StringToSign) -> Signature {
        let tag = hmac::sign(&self.0, text.as_str().as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        Signature(bytes)
    }

    /// Compares in constant time.
    pub fn verifies(&self, text: &StringToSign, signature: &Signature) -> bool {
        hmac::verify(&self.0, text.as_str().as_bytes(), &signature.0).is_ok()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey([secret])")
    }
}

/// Signs a request of the gateway's own: content type and host only, as every SDK does.
pub fn authorize(
    access_key: &str,
    key: &SigningKey,
    content_type: &str,
    host: &str,
    timestamp: i64,
    payload: &PayloadHash,
) -> String {
    authorize_with(access_key, key, &[("content-type", content_type), ("host", host)], timestamp, payload)
}

/// Signs a request with these headers, names in lower case.
pub fn authorize_with(
    access_key: &str,
    key: &SigningKey,
    headers: &[(&str, &str)],
    timestamp: i64,
    payload: &PayloadHash,
) -> String {
    let mut headers = headers.to_vec();
    headers.sort_unstable();
    let canonical = Canonical::new(&headers, payload);
    let signature = key.sign(&StringToSign::new(&timestamp.to_string(), &canonical));
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    format!(
        "{ALGORITHM} Credential={access_key}, SignedHeaders={}, Signature={}",
        names.join(";"),
        signature.to_hex()
    )
}

#[cfg(test)]
mod tests;
