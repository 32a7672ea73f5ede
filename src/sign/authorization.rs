//! The `Authorization` header of a signed request.

use super::{ALGORITHM, MANDATORY_HEADERS, Signature};

/// A header is at most this long; longer ones are noise or an attack.
const MAX_LENGTH: usize = 4096;
/// More signed headers than any client sends.
const MAX_SIGNED_HEADERS: usize = 32;

/// A parsed `Authorization: ZC2-HMAC-SHA256 ...` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The access key id.
    pub credential: String,
    /// The signed headers: lower case, ascending, each once, `content-type` and `host` among them.
    pub signed_headers: Vec<String>,
    /// The signature.
    pub signature: Signature,
}

/// Why a header is not one that can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// Another scheme, or none.
    #[error("the scheme must be `{ALGORITHM}` or `Bearer`")]
    Scheme,
    /// A part is missing, repeated, unknown or empty.
    #[error(
        "it must hold `Credential=...`, `SignedHeaders=...` and `Signature=...`, each once, separated by `, `"
    )]
    Parts,
    /// The list of signed headers is not usable.
    #[error("`SignedHeaders` must list `content-type` and `host`, names separated by `;`, each once")]
    SignedHeaders,
    /// Not a SHA-256 HMAC in lower-case hex.
    #[error("`Signature` must be 64 lower-case hex digits")]
    Signature,
}

impl Authorization {
    /// Reads the header's value.
    ///
    /// # Errors
    /// [`AuthorizationError`] with the first thing wrong.
    pub fn parse(value: &str) -> Result<Self, AuthorizationError> {
        if value.len() > MAX_LENGTH {
            return Err(AuthorizationError::Parts);
        }
        let rest = value.strip_prefix(ALGORITHM).ok_or(AuthorizationError::Scheme)?;
        let parts = rest.strip_prefix(' ').ok_or(AuthorizationError::Scheme)?;
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for part in parts.split(',') {
            let (name, value) = part.trim_matches(' ').split_once('=').ok_or(AuthorizationError::Parts)?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut headers,
                "Signature" => &mut signature,
                _ => return Err(AuthorizationError::Parts),
            };
            if value.is_empty() || slot.replace(value).is_some() {
                return Err(AuthorizationError::Parts);
            }
        }
        let (Some(credential), Some(headers), Some(signature)) = (credential, headers, signature) else {
            return Err(AuthorizationError::Parts);
        };
        Ok(Self {
            credential: credential.to_owned(),
            signed_headers: signed_headers(headers)?,
            signature: Signature::from_hex(signature).ok_or(AuthorizationError::Signature)?,
        })
    }
}

fn signed_headers(list: &str) -> Result<Vec<String>, AuthorizationError> {
    let mut names: Vec<String> = list.split(';').map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    let total = names.len();
    names.dedup();
    let usable = total == names.len()
        && total <= MAX_SIGNED_HEADERS
        && names.iter().all(|name| http::HeaderName::from_bytes(name.as_bytes()).is_ok())
        && MANDATORY_HEADERS.iter().all(|name| names.iter().any(|listed| listed == name));
    if usable { Ok(names) } else { Err(AuthorizationError::SignedHeaders) }
}
