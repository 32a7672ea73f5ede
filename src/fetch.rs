//! One HTTP exchange over a connection of its own, for what is not the cloud's API: bundles, collectors of records, the admin
//! listener of a running gateway. No redirects are followed: they would take a token to wherever the answer says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;

use crate::causes::with_causes;
use crate::config::Remote;
use crate::upstream::{Connection, Deadlines, Origin, client_tls, connect};

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// How exchanges are made.
#[derive(Clone)]
pub struct Client {
    /// For `https` URLs.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// For a whole exchange.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub longest: usize,
}

/// The headers that a server of the configuration wants: its bearer token, read anew.
///
/// # Errors
/// A token that cannot be read, or cannot stand in a header.
pub fn credentials(remote: &Remote) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &remote.token {
        let token = token.resolve().map_err(|error| error.to_string())?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| "the token cannot stand in a header".to_owned())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Client {
    /// For a server that the configuration names.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub fn of(remote: &Remote, timeout: Duration, longest: usize) -> Result<Self, String> {
        let secure = remote.url.scheme_str() == Some("https");
        let tls = secure.then(|| client_tls(remote.ca_file.as_deref())).transpose()?;
        Ok(Self { tls, timeout, longest })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// What a person is told instead of an answer.
    pub async fn exchange(
        &self,
        method: Method,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, String> {
        match tokio::time::timeout(self.timeout, self.try_exchange(method, url, headers, body)).await {
            Ok(answer) => answer.map_err(|error| format!("{}: {}", shown(url), with_causes(&*error))),
            Err(_) => Err(format!("{} did not answer within {} s", shown(url), self.timeout.as_secs())),
        }
    }

    /// Connects, with the handshake of TLS where the URL wants it, and says nothing.
    ///
    /// # Errors
    /// What a person is told.
    pub async fn reach(&self, url: &Uri) -> Result<(), String> {
        let connected = self.connect(url).await.map(drop);
        connected.map_err(|error| format!("{}: {}", shown(url), with_causes(&*error)))
    }

    async fn connect(&self, url: &Uri) -> Result<Connection, Trouble> {
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let origin: Origin = format!("{}://{authority}", url.scheme_str().unwrap_or_default()).parse()?;
        let deadlines = Deadlines {
            connect: self.timeout,
            tls: self.timeout,
            create: self.timeout,
            change: self.timeout,
            read: self.timeout,
        };
        Ok(connect(&origin, self.tls.as_ref(), &deadlines).await?)
    }

    async fn try_exchange(
        &self,
        method: Method,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Trouble> {
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let connection = self.connect(url).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(connection)).await?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(method).uri(path).body(Full::new(body))?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, authority.parse()?);
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, self.longest).collect().await?.to_bytes();
            Ok::<_, Trouble>(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::pin!(answer);
        // The connection is driven beside the answer and dropped with it. One that ends well may have brought all of it.
        tokio::select! {
            answer = &mut answer => answer,
            ended = connection => {
                ended?;
                answer.await
            }
        }
    }
}

/// A URL as people may see it: without its query, which holds the secret of a signed URL.
pub fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let authority = url.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}{}", url.path())
}
