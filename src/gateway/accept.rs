//! Connections: accepting, TLS, HTTP/1.1 and HTTP/2, draining.

mod patience;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use patience::{Busy, Patient};

use super::caller::Line;
use super::observe::Arrival;
use super::{Limits, Parts, path};
use crate::metrics::ConnectionResult;

/// hyper's own limits lie above the gateway's, so that the gateway gives the answer, in the form that SDKs read.
const READ_BUFFER: usize = 64 * 1024;
const MOST_HEADERS_READ: usize = 256;
/// Streams of one HTTP/2 connection at a time.
const MOST_STREAMS: u32 = 100;
/// After a failed accept (descriptors exhausted) the loop rests, instead of spinning.
const REST_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Where and how to listen.
pub struct Listening {
    /// The bound socket.
    pub listener: TcpListener,
    /// TLS, if it is to be spoken.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// Serves connections until `stop`, then lets those that are open finish their requests, for at most `patience`.
/// Work below the path's line is waited for by its tracker, not here.
pub async fn serve(listening: Listening, parts: Parts, stop: CancellationToken, patience: Duration) {
    let limits = parts.settings.limits;
    let connections = Arc::new(Semaphore::new(limits.connections));
    let acceptor = listening.tls.map(TlsAcceptor::from);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listening.listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST_AFTER_ERROR).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
            parts.metrics.connection(ConnectionResult::Shed);
            continue;
        };
        let line = Line::of(&socket);
        let connection = Connection { parts: parts.clone(), peer, limits, line, watcher: graceful.watcher() };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _held = permit;
            connection.parts.metrics.connections().inc();
            let metrics = Arc::clone(&connection.parts.metrics);
            connection.run(socket, acceptor).await;
            metrics.connections().dec();
        });
    }
    drop(listening.listener);
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still open at the end of the drain");
    }
}

struct Connection {
    parts: Parts,
    peer: SocketAddr,
    limits: Limits,
    line: Line,
    watcher: Watcher,
}

impl Connection {
    async fn run(self, socket: TcpStream, acceptor: Option<TlsAcceptor>) {
        let _open = self.line.open();
        let _ = socket.set_nodelay(true);
        let Some(acceptor) = acceptor else {
            self.parts.metrics.connection(ConnectionResult::Accepted);
            return self.http1(socket).await;
        };
        match tokio::time::timeout(self.limits.handshake_timeout, acceptor.accept(socket)).await {
            Ok(Ok(stream)) => {
                self.parts.metrics.connection(ConnectionResult::Accepted);
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                if h2 { self.http2(stream).await } else { self.http1(stream).await }
            }
            Ok(Err(_)) | Err(_) => self.parts.metrics.connection(ConnectionResult::TlsFailed),
        }
    }

    async fn http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let busy = Busy::default();
        let service = self.service(busy.clone());
        let stream = Patient::new(stream, busy, self.limits.head_timeout, self.line.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_timeout)
            .max_buf_size(READ_BUFFER)
            .max_headers(MOST_HEADERS_READ)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(peer = %self.peer, %error, "a connection ended with an error");
        }
    }

    async fn http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = self.service(Busy::default());
        let stream = patience::Flushing::new(stream, self.line.clone());
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(u32::try_from(READ_BUFFER).unwrap_or(u32::MAX))
            .keep_alive_interval(Some(self.limits.idle_timeout))
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(peer = %self.peer, %error, "a connection ended with an error");
        }
    }

    fn service(
        &self,
        busy: Busy,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = http::Response<super::Body>,
        Error = std::convert::Infallible,
        Future: Send,
    > + use<> {
        let (path, peer, line) = (path(&self.parts), self.peer, self.line.clone());
        service_fn(move |request| {
            let (work, busy) =
                (path.clone().oneshot(Arrival { peer, request, line: line.clone() }), busy.begin());
            async move {
                let answer = work.await;
                drop(busy);
                answer
            }
        })
    }
}
