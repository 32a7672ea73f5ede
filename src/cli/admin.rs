//! A client of the admin listener, for the commands that ask a running gateway.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

use super::{Output, say, say_out};
use crate::fetch::Client;

/// One question.
pub(super) struct Question<'a> {
    /// The page, with scheme and authority.
    pub(super) url: &'a Uri,
    /// GET, or POST with a document.
    pub(super) document: Option<&'a Value>,
    /// For the whole answer.
    pub(super) timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub(super) longest: usize,
}

/// A page of the admin listener.
pub(super) fn page(admin: &Uri, path: &str) -> Result<Uri, String> {
    let base = admin.to_string();
    let url = format!("{}{path}", base.trim_end_matches('/'));
    url.parse().map_err(|_| format!("{base} with {path} is no URL"))
}

/// Asks a page for a JSON document and prints it, or says what came instead; the answer is the exit code.
pub(super) async fn show(question: Question<'_>, output: Output, text: impl Fn(&Value) -> String) -> u8 {
    let (status, page) = match question.ask().await {
        Ok(answer) => answer,
        Err(why) => {
            say(&why);
            return 1;
        }
    };
    let answer: Value = serde_json::from_str(&page).unwrap_or(Value::Null);
    if status != 200 {
        let why = answer.get("error").and_then(Value::as_str).unwrap_or(page.trim_end());
        let break_or_space = if why.contains('\n') { "\n" } else { " " };
        say(&format!("{} answers {status}:{break_or_space}{why}", question.url));
        return 1;
    }
    match output {
        Output::Json => say_out(&format!("{}\n", page.trim_end())),
        Output::Text => say_out(&text(&answer)),
    }
    0
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
