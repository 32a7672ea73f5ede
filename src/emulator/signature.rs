//! Who calls: the emulator's own check of ZC2-HMAC-SHA256 signatures and bearer tokens.
//!
//! A second implementation beside the gateway's, with other libraries, so that one mistake cannot hide in both.
//! It follows the vendor's signature page: six canonical parts, any list of signed headers that has content-type and
//! host, header values as sent or lower-cased, five minutes of clock difference.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::http::{Repeated, Request};
use super::problem::Problem;
use crate::secret::Secret;

#[cfg(test)]
mod tests;

/// The scheme of a signed request.
const SCHEME: &str = "ZC2-HMAC-SHA256";
/// Largest difference between the client's clock and ours, in seconds.
const WINDOW: i64 = 300;

/// The access key of a good request; a bearer token has none.
pub(super) type AccessKey = Option<String>;

/// Checks the Authorization header at the given time (Unix seconds).
pub(super) fn check(
    request: &Request,
    keys: &[(String, Secret)],
    tokens: &[Secret],
    now: i64,
) -> Result<AccessKey, Problem> {
    let header = request.single("authorization").map_err(|Repeated| malformed())?.ok_or_else(malformed)?;
    let (scheme, rest) = header.split_once(' ').ok_or_else(malformed)?;
    match scheme {
        "Bearer" if tokens.iter().any(|token| same(token.expose(), rest.trim())) => Ok(None),
        SCHEME => signed(request, rest, keys, now).map(Some),
        _ => Err(malformed()),
    }
}

/// The access key a request names, whether or not it may use it.
pub(super) fn claimed_key(request: &Request) -> AccessKey {
    let header = request.single("authorization").ok().flatten()?;
    Parts::read(header.strip_prefix(SCHEME)?).map(|parts| parts.credential.to_owned())
}

fn signed(request: &Request, rest: &str, keys: &[(String, Secret)], now: i64) -> Result<String, Problem> {
    let parts = Parts::read(rest).ok_or_else(malformed)?;
    let mut names: Vec<&str> = parts.signed_headers.split(';').collect();
    names.sort_unstable();
    if !names.contains(&"content-type") || !names.contains(&"host") {
        return Err(malformed());
    }
    let timestamp =
        request.single("x-zc-timestamp").map_err(|Repeated| malformed())?.ok_or_else(malformed)?;
    let sent: i64 = timestamp.parse().map_err(|_| malformed())?;
    if now.abs_diff(sent) > WINDOW.unsigned_abs() {
        return Err(Problem::new(
            401,
            "AUTHFAILURE_SIGNATURE_EXPIRED",
            "The signature has expired: the timestamp is more than 5 minutes off.",
        ));
    }
    let signature = hex::decode(parts.signature).map_err(|_| mismatch())?;
    let (key, secret) = keys.iter().find(|(key, _)| key == parts.credential).ok_or_else(mismatch)?;
    let mut headers = Vec::with_capacity(names.len());
    for name in names {
        let value = request.single(name).map_err(|Repeated| malformed())?.ok_or_else(mismatch)?;
        headers.push((name, value.to_owned()));
    }
    let as_sent = canonical(&headers, &request.body);
    for (_, value) in &mut headers {
        *value = value.to_lowercase();
    }
    let lowered = canonical(&headers, &request.body);
    let good = [as_sent, lowered].iter().any(|text| {
        mac(secret, &to_sign(timestamp, text)).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
    });
    if good { Ok(key.clone()) } else { Err(mismatch()) }
}

/// The three parts after the scheme.
struct Parts<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in text.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return None,
            };
            if value.is_empty() || place.replace(value).is_some() {
                return None;
            }
        }
        Some(Self { credential: credential?, signed_headers: signed_headers?, signature: signature? })
    }
}

/// The canonical request; `headers` sorted by name, values trimmed.
fn canonical(headers: &[(&str, String)], body: &[u8]) -> String {
    let block: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    format!("POST\n/\n\n{block}\n{}\n{}", names.join(";"), hex::encode(Sha256::digest(body)))
}

fn to_sign(timestamp: &str, canonical: &str) -> String {
    format!("{SCHEME}\n{timestamp}\n{}", hex::encode(Sha256::digest(canonical)))
}

fn mac(secret: &Secret, text: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

/// Compares by digest, so that the time taken says nothing about where two texts differ.
fn same(left: &str, right: &str) -> bool {
    Sha256::digest(left) == Sha256::digest(right)
}

fn malformed() -> Problem {
    Problem::new(
        401,
        "AUTHFAILURE_INVALID_AUTHORIZATION",
        "The Authorization header is missing or malformed.",
    )
}

fn mismatch() -> Problem {
    Problem::new(401, "AUTHFAILURE_SIGNATURE_FAILURE", "The signature does not match.")
}
