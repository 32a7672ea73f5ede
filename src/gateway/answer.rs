//! What the path gives back when it does not refuse: the cloud's answer with what the gateway has to say about it.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

use crate::refusal::Outcome;

/// Bodies of answers: whole or passed on as they come.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
/// Why a streamed body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is whole.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The cloud's answer on its way to the caller.
pub(super) struct Answer {
    /// The cloud's status.
    pub(super) status: StatusCode,
    /// The cloud's body.
    pub(super) body: Body,
    /// The body's length, where it is known.
    pub(super) length: Option<u64>,
    /// How the body is packed, if it is: the cloud is asked for plain bytes, and may do otherwise.
    pub(super) encoding: Option<HeaderValue>,
    /// What rules warn of; response header `X-Zengate-Warning`.
    pub(super) warnings: Vec<String>,
    /// What rules added; response header `X-Zengate-Added`.
    pub(super) added: Vec<String>,
}

impl Answer {
    /// How a request with this answer ended.
    pub(super) fn outcome(&self) -> Outcome {
        if self.status == StatusCode::OK { Outcome::Ok } else { Outcome::CloudError }
    }
}
