//! A cloud account: whose key signs, where it is sent, and the requests that are made for it.
//!
//! The gateway builds every request to the cloud here, for callers and for itself (cloud facts), so there is one place
//! where a credential of the cloud is used.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;

use crate::api::{Call, catalog};
use crate::quota::fingerprint::MarkKey;
use crate::secret::Secret;
use crate::sign::{self, ALGORITHM, PayloadHash, SigningKey};
use crate::upstream::{SendError, Upstream};

const JSON: &str = "application/json";
const AGENT: &str = concat!("zengate/", env!("CARGO_PKG_VERSION"));
/// The longest answer that the gateway reads for itself, in bytes.
const LONGEST: usize = 32 << 20;

/// A cloud account: whose key signs, and where it is sent.
#[derive(Debug)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// Its credential as it is now; a request takes it once.
    pub credential: ArcSwap<AccountCredential>,
    /// What digests of its creates were keyed with before ledgers had a key of their own: those that were booked then are
    /// known by it.
    pub marks: MarkKey,
    /// Its endpoint.
    pub upstream: Arc<Upstream>,
}

/// How an account proves itself to the cloud.
#[derive(Debug)]
pub enum AccountCredential {
    /// A key pair.
    Signing {
        /// The access key id.
        access_key: String,
        /// Its secret, ready for signing.
        key: Box<SigningKey>,
    },
    /// A token.
    Bearer(Secret),
}

/// Why the gateway's own question to the cloud has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No such action in the catalogue, or a credential that no header can hold.
    #[error("the request cannot be written")]
    Unwritable,
    /// No answer.
    #[error("the cloud did not answer")]
    Silent(#[source] SendError),
    /// An answer that broke off or is too long.
    #[error("the cloud's answer broke off or is too long")]
    Broken,
    /// An answer that is not in the cloud's form.
    #[error("the cloud answered {status} in a form that is not its own")]
    Unreadable {
        /// The status.
        status: u16,
    },
    /// The cloud refused.
    #[error("the cloud refused: {status} {code}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// The cloud's code.
        code: String,
        /// What it said.
        message: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    code: Option<String>,
    message: Option<String>,
    response: Option<serde_json::Value>,
}

impl Account {
    /// A request of this account at `now` (Unix seconds), signed; more headers may follow, none is part of the signature.
    /// `hash` is that of `body`.
    ///
    /// None only for a credential or authority that no header can hold; both are refused when the configuration is read.
    pub fn request(&self, call: &Call, body: Bytes, hash: &PayloadHash, now: i64) -> Option<Request<Bytes>> {
        let authority = self.upstream.origin().authority();
        let plain = HeaderValue::from_static;
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(HOST, HeaderValue::from_str(authority).ok()?);
        headers.insert(CONTENT_TYPE, plain(JSON));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(ACCEPT, plain(JSON));
        headers.insert(ACCEPT_ENCODING, plain("identity"));
        headers.insert(USER_AGENT, plain(AGENT));
        headers.insert(HeaderName::from_static("x-zc-action"), plain(call.action.name));
        headers.insert(HeaderName::from_static("x-zc-version"), plain(call.version));
        headers.insert(HeaderName::from_static("x-zc-service"), plain(call.action.service));
        let authorization = match &**self.credential.load() {
            AccountCredential::Bearer(token) => format!("Bearer {}", token.expose()),
            AccountCredential::Signing { access_key, key } => {
                headers.insert(HeaderName::from_static("x-zc-timestamp"), HeaderValue::from(now));
                headers.insert(HeaderName::from_static("x-zc-signature-method"), plain(ALGORITHM));
                sign::authorize(access_key, key, JSON, authority, now, hash)
            }
        };
        let mut authorization = HeaderValue::from_str(&authorization).ok()?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::try_from(format!("/api/v2/{}", call.action.service)).ok()?;
        *request.headers_mut() = headers;
        Some(request)
    }

    /// Asks the cloud something for the gateway itself, in the newest version; the answer's `response`.
    ///
    /// # Errors
    /// [`AskError`]; a question of a kind that changes something is never sent.
    pub async fn ask(
        &self,
        service: &str,
        action: &str,
        question: &serde_json::Value,
        now: i64,
    ) -> Result<serde_json::Value, AskError> {
        let action = catalog::lookup(service, action)
            .filter(|action| action.kind == crate::api::Kind::Read)
            .ok_or(AskError::Unwritable)?;
        let version = action.versions.last().ok_or(AskError::Unwritable)?;
        let body = Bytes::from(question.to_string());
        let hash = PayloadHash::of(&body);
        let request =
            self.request(&Call { action, version }, body, &hash, now).ok_or(AskError::Unwritable)?;
        let (head, body) = self.upstream.read(&request).await.map_err(AskError::Silent)?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|_| AskError::Broken)?.to_bytes();
        let status = head.status.as_u16();
        let envelope: Envelope =
            serde_json::from_slice(&body).map_err(|_| AskError::Unreadable { status })?;
        match (status, envelope) {
            (200, Envelope { response: Some(response), .. }) => Ok(response),
            (_, Envelope { code: Some(code), message, .. }) => {
                Err(AskError::Refused { status, code, message: message.unwrap_or_default() })
            }
            _ => Err(AskError::Unreadable { status }),
        }
    }
}
