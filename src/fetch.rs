//! One HTTP exchange over a connection of its own, for what is not the cloud's API: bundles, collectors of records, the admin
//! listener of a running gateway. No redirects are followed: they would take a token to wherever the answer says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;

use crate::upstream::{Deadlines, Origin, connect};

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
            Ok(answer) => answer.map_err(|error| format!("{url}: {}", words(&*error))),
            Err(_) => Err(format!("{url} did not answer within {} s", self.timeout.as_secs())),
        }
    }

    async fn try_exchange(
        &self,
        method: Method,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Trouble> {
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let origin: Origin = format!("{}://{authority}", url.scheme_str().unwrap_or_default()).parse()?;
        let deadlines = Deadlines {
            connect: self.timeout,
            tls: self.timeout,
            create: self.timeout,
            change: self.timeout,
            read: self.timeout,
        };
        let connection = connect(&origin, self.tls.as_ref(), &deadlines).await?;
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

/// An error with its causes.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
