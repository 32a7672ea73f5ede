//! A client of the admin listener, for the commands that ask a running gateway.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::serve::describe;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

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
        match tokio::time::timeout(self.timeout, self.exchange()).await {
            Ok(answer) => answer.map_err(|error| format!("{}: {}", self.url, describe(&*error))),
            Err(_) => Err(format!("{} did not answer within {} s", self.url, self.timeout.as_secs())),
        }
    }

    async fn exchange(&self) -> Result<(u16, String), Trouble> {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let port = self.url.port_u16().unwrap_or(80);
        // An IPv6 address stands in brackets in a URL, and without them everywhere else.
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let (method, body) = match self.document {
            None => (Method::GET, Bytes::new()),
            Some(document) => (Method::POST, Bytes::from(document.to_string())),
        };
        let request = Request::builder().method(method).uri(path).header(HOST, authority);
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::new(body))?;
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let page = Limited::new(body, self.longest).collect().await?.to_bytes();
            Ok::<_, Trouble>((head.status.as_u16(), String::from_utf8_lossy(&page).into_owned()))
        };
        // The connection is driven beside the answer and dropped with it.
        tokio::select! {
            answer = answer => answer,
            Err(error) = connection => Err(error.into()),
        }
    }
}
