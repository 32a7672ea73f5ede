//! A client of the admin listener, for the commands that ask a running gateway.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

use super::{Output, say_error, say_out};
use crate::config::SecretRef;
use crate::fetch::Client;
use crate::upstream::client_tls;

/// The variable that may hold the token instead of a file.
const TOKEN_VARIABLE: &str = "ZENGATE_ADMIN_TOKEN";

/// What a command shows to the admin listener, and what it believes.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Access {
    /// A file with a token of `admin.tokens`, readable by its owner alone. Default: the variable ZENGATE_ADMIN_TOKEN, where it is set.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<std::path::PathBuf>,
    /// The authorities that are believed for https, as a PEM file. Default: the system's.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<std::path::PathBuf>,
}

impl Access {
    /// The header that lets in, if there is a token.
    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let reference = match &self.token_file {
            Some(file) => SecretRef::File(file.clone()),
            None if std::env::var_os(TOKEN_VARIABLE).is_some() => SecretRef::Env(TOKEN_VARIABLE.to_owned()),
            None => return Ok(None),
        };
        let token = reference.resolve().map_err(|error| error.to_string())?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| "the token cannot stand in a header; it must be one line".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// One question.
pub(super) struct Question<'a> {
    /// The page, with scheme and authority.
    pub(super) url: &'a Uri,
    /// Who asks.
    pub(super) access: &'a Access,
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
            say_error(&why);
            return 1;
        }
    };
    let answer: Value = serde_json::from_str(&page).unwrap_or(Value::Null);
    if status != 200 {
        let why = answer.get("error").and_then(Value::as_str).unwrap_or(page.trim_end());
        let break_or_space = if why.contains('\n') { "\n" } else { " " };
        say_error(&format!("{} answers {status}:{break_or_space}{why}{}", question.url, remedy(status)));
        return 1;
    }
    match output {
        Output::Json => say_out(&format!("{}\n", page.trim_end())),
        Output::Text => say_out(&text(&answer)),
    }
    0
}

/// What may help where a page of the admin listener was not had.
fn remedy(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            "\nShow a token of [admin] tokens with --token-file FILE, or put it into ZENGATE_ADMIN_TOKEN."
        }
        404 => {
            "\nIs this the admin listener? It is the `admin on` of the line that `zengate serve` begins with."
        }
        _ => "",
    }
}

/// Whether a URL can be asked.
pub(super) fn check(url: &Uri, flag: &str) -> Result<(), String> {
    if matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some() {
        Ok(())
    } else {
        Err(format!(
            "{flag} must begin with http://ADDRESS:PORT, or https:// where the configuration has [admin.tls]"
        ))
    }
}

/// Nobody was reached: the usual reasons, and what to do.
fn unreached(why: &str) -> String {
    let hint = if why.contains("refused") {
        "No gateway has its admin listener there: start one with `zengate serve`, or name the address that `admin on` of its first \
         line says."
    } else if why.contains("ertificate") {
        "Name the authority that signed its certificate with --ca-file FILE."
    } else {
        "Is the address right, and does [admin] of its configuration listen there?"
    };
    format!("{why}\n{hint}")
}

impl Question<'_> {
    /// Status and page, or what a person is told instead.
    pub(super) async fn ask(&self) -> Result<(u16, String), String> {
        let secure = self.url.scheme_str() == Some("https");
        let tls = secure.then(|| client_tls(self.access.ca_file.as_deref())).transpose()?;
        let client = Client { tls, timeout: self.timeout, longest: self.longest };
        let (method, body) = match self.document {
            None => (Method::GET, Bytes::new()),
            Some(document) => (Method::POST, Bytes::from(document.to_string())),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = self.access.authorization()? {
            headers.insert(AUTHORIZATION, authorization);
        }
        let answer = client.exchange(method, self.url, headers, body).await.map_err(|why| unreached(&why))?;
        Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
    }
}
