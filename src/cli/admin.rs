//! A client of the admin listener, for the commands that ask a running gateway.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::fetch::Client;

/// One question.
pub(super) struct Question<'a> {
    /// The page, with scheme and authority.
    pub(super) url: &'a Uri,
    /// GET, or POST with a document.
    pub(super) document: Option<&'a serde_json::Value>,
    /// For the whole answer.
    pub(super) timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub(super) longest: usize,
}

/// Whether a URL can be asked.
pub(super) fn check(url: &Uri, flag: &str) -> Result<(), String> {
    if url.scheme_str() == Some("http") && url.authority().is_some() {
        Ok(())
    } else {
        Err(format!(
            "{flag} must begin with http://ADDRESS:PORT: the admin listener speaks HTTP in the clear"
        ))
    }
}

impl Question<'_> {
    /// Status and page, or what a person is told instead.
    pub(super) async fn ask(&self) -> Result<(u16, String), String> {
        let client = Client { tls: None, timeout: self.timeout, longest: self.longest };
        let (method, body) = match self.document {
            None => (Method::GET, Bytes::new()),
            Some(document) => (Method::POST, Bytes::from(document.to_string())),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = client.exchange(method, self.url, headers, body).await?;
        Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
    }
}
