//! Connections: letting in, TLS, HTTP/1.1 and HTTP/2, watching over them, draining.

mod patience;
mod unread;
mod watch;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::doors::{Doors, Entry};
use patience::{Flushing, Patient};
use unread::{Worded, Words};
use watch::{Watch, Watched};

use super::caller::Line;
use super::observe::Arrival;
use super::respond::unread;
use super::trail::{Peer, Trail};
use super::{Limits, Parts, path};
use crate::keys::ClientCertificate;
use crate::metrics::{ConnectionEnd, ConnectionStart};
use crate::policy::input::CertificateInput;

/// hyper's own limits lie above the gateway's, so that the gateway gives the answer, in the form that SDKs read.
const READ_BUFFER: usize = 64 * 1024;
const MOST_HEADERS_READ: usize = 256;
/// Streams of one HTTP/2 connection at a time, and what each and all of them may send ahead.
const MOST_STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// After a failed accept (descriptors exhausted) the loop rests, instead of spinning.
const REST_AFTER_ERROR: Duration = Duration::from_millis(100);
/// What an HTTP/2 client that was told to end may still take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The server side of TLS as it is now; replaced when the certificate is.
pub type ServerTls = Arc<ArcSwap<rustls::ServerConfig>>;

/// Where and how to listen.
pub struct Listening {
    /// The bound socket.
    pub listener: TcpListener,
    /// TLS, if it is to be spoken.
    pub tls: Option<ServerTls>,
}

/// Serves connections until `stop`, then lets those that are open finish their requests, for at most `patience`, and cuts
/// the rest. Work below the path's line is waited for by its tracker, not here.
pub async fn serve(listening: Listening, parts: Parts, stop: CancellationToken, patience: Duration) {
    let (doors, shaking, open) = (Doors::default(), Doors::default(), TaskTracker::new());
    let stop = Stop { asked: stop, cut: CancellationToken::new() };
    loop {
        let accepted = tokio::select! {
            accepted = listening.listener.accept() => accepted,
            () = stop.asked.cancelled() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; one that rests is closed for it");
                parts.metrics.connections().started(ConnectionStart::Failed);
                doors.make_room();
                tokio::time::sleep(REST_AFTER_ERROR).await;
                continue;
            }
        };
        let settings = parts.settings.load_full();
        let limits = settings.limits;
        let Ok(entry) = doors.enter(peer.ip(), limits.connections, limits.connections_per_address) else {
            parts.metrics.connections().started(ConnectionStart::Shed);
            continue;
        };
        let connection = Connection {
            line: Line::of(&socket),
            watch: Watch::new(Some(entry)),
            parts: parts.clone(),
            peer,
            limits,
            stop: stop.clone(),
            certificate: None,
        };
        // The place is taken here, in the order in which they came: tasks begin in any order, and an older one that says
        // nothing would push out a younger one that speaks.
        let tls = match &listening.tls {
            None => None,
            Some(tls) => match shaking.enter(peer.ip(), limits.handshakes, limits.handshakes) {
                Ok(place) => Some((tls.load_full(), place)),
                Err(_) => {
                    parts.metrics.connections().started(ConnectionStart::Shed);
                    continue;
                }
            },
        };
        open.spawn(connection.run(socket, tls));
    }
    drop(listening.listener);
    open.close();
    if tokio::time::timeout(patience, open.wait()).await.is_err() {
        tracing::warn!(
            left = open.len(),
            "connections were still open at the end of the drain; they are cut"
        );
        stop.cut.cancel();
        open.wait().await;
    }
}

/// Serves one connection that is no socket: for tests and fuzzing, which need no listener.
pub async fn serve_stream(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, parts: &Parts) {
    let connection = Connection {
        line: Line::default(),
        watch: Watch::new(None),
        parts: parts.clone(),
        peer: SocketAddr::from(([127, 0, 0, 1], 0)),
        limits: parts.settings.load().limits,
        stop: Stop::default(),
        certificate: None,
    };
    connection.http1(stream).await;
}

/// How connections are told that the process ends.
#[derive(Clone, Default)]
struct Stop {
    /// To finish their requests and end.
    asked: CancellationToken,
    /// To end at once.
    cut: CancellationToken,
}

struct Connection {
    parts: Parts,
    peer: SocketAddr,
    limits: Limits,
    line: Line,
    watch: Watch,
    stop: Stop,
    certificate: Option<CertificateInput>,
}

impl Connection {
    async fn run(mut self, socket: TcpStream, tls: Option<(Arc<rustls::ServerConfig>, Entry)>) {
        let _closes = self.line.open();
        let _counted = self.parts.metrics.connections().open();
        let _ = socket.set_nodelay(true);
        let Some((tls, shaking)) = tls else {
            self.parts.metrics.connections().started(ConnectionStart::Accepted);
            return self.http1(socket).await;
        };
        let Some(stream) = self.shake(socket, tls, shaking).await else { return };
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        self.certificate = certificate.map(|leaf| {
            let ClientCertificate { names, fingerprint } = ClientCertificate::read(leaf);
            CertificateInput { names, fingerprint }
        });
        let h2 = session.alpn_protocol() == Some(b"h2");
        if h2 { self.http2(stream).await } else { self.http1(stream).await }
    }

    /// The handshake; none if it fails or takes too long, or if it is the longest one under way and one more comes.
    async fn shake(
        &self,
        socket: TcpStream,
        tls: Arc<rustls::ServerConfig>,
        place: Entry,
    ) -> Option<TlsStream<TcpStream>> {
        let connections = self.parts.metrics.connections();
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.limits.handshake_timeout, TlsAcceptor::from(tls).accept(socket)) => Ok(shaken),
            () = place.must_go().cancelled() => Err(ConnectionEnd::SentOff),
            () = self.watch.sent_off() => Err(ConnectionEnd::SentOff),
            () = self.stop.cut.cancelled() => Err(ConnectionEnd::Stopped),
        };
        match shaken {
            Ok(Ok(Ok(stream))) => {
                connections.started(ConnectionStart::Accepted);
                return Some(stream);
            }
            Ok(_) => connections.started(ConnectionStart::TlsFailed),
            Err(cut) => connections.cut(cut),
        }
        None
    }

    async fn http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let stream = Flushing::new(stream, self.line.clone(), self.limits.write_timeout);
        let stream = Patient::new(stream, self.watch.clone(), self.limits.head_timeout);
        let stream = Worded::new(stream, self.watch.clone(), self.words());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_timeout)
            .max_buf_size(READ_BUFFER)
            .max_headers(MOST_HEADERS_READ)
            .serve_connection(TokioIo::new(stream), self.service(false));
        self.see_through(connection, std::future::pending(), std::future::pending()).await;
    }

    async fn http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let stream = Flushing::new(stream, self.line.clone(), self.limits.write_timeout);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(u32::try_from(READ_BUFFER).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(READ_BUFFER)
            .keep_alive_interval(Some(self.limits.idle_timeout))
            .serve_connection(TokioIo::new(stream), self.service(true));
        let watch = self.watch.clone();
        let Limits { head_timeout, idle_timeout, write_timeout, .. } = self.limits;
        let (quiet, untaken) = (watch.quiet(head_timeout, idle_timeout), watch.untaken(write_timeout));
        self.see_through(connection, quiet, untaken).await;
    }

    /// Drives a connection to its end: the other side's, the process's, or that of the gateway's patience. `quiet` asks
    /// it to end, `untaken` cuts it.
    async fn see_through<C>(
        &self,
        connection: C,
        quiet: impl Future<Output = ()>,
        untaken: impl Future<Output = ()>,
    ) where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let (mut connection, mut quiet, mut untaken) = (pin!(connection), pin!(quiet), pin!(untaken));
        let mut asked = false;
        let last_words = tokio::time::sleep(Duration::MAX);
        let mut last_words = pin!(last_words);
        let cut = loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => match ended {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::debug!(peer = %self.peer, %error, "a connection ended with an error");
                        if took_too_long(&error) { break ConnectionEnd::TooSlow; }
                        return;
                    }
                },
                () = self.stop.asked.cancelled(), if !asked => {
                    asked = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut quiet, if !asked => {
                    asked = true;
                    connection.as_mut().graceful_shutdown();
                    last_words.as_mut().reset(tokio::time::Instant::now() + LAST_WORDS);
                }
                () = &mut last_words => break ConnectionEnd::Quiet,
                () = &mut untaken => break ConnectionEnd::TooSlow,
                () = self.watch.sent_off() => break ConnectionEnd::SentOff,
                () = self.stop.cut.cancelled() => break ConnectionEnd::Stopped,
            }
        };
        self.parts.metrics.connections().cut(cut);
    }

    fn peer(&self) -> Peer {
        Peer { address: self.peer, certificate: self.certificate.clone() }
    }

    /// What is said to what is no request.
    fn words(&self) -> Words {
        let (parts, peer, line) = (self.parts.clone(), self.peer(), self.line.clone());
        Box::new(move |status| {
            // What could not be read as a head has no fields.
            unread(status, &Trail::begin(&parts, peer.clone(), line.caller(false), &http::HeaderMap::new()))
        })
    }

    fn service(
        &self,
        http2: bool,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = http::Response<Watched>,
        Error = std::convert::Infallible,
        Future: Send,
    > + use<> {
        let path = path(&self.parts);
        let peer = self.peer();
        let (line, watch) = (self.line.clone(), self.watch.clone());
        service_fn(move |request| {
            let running = watch.begin();
            let watch = watch.clone();
            let work = path.clone().oneshot(Arrival { peer: peer.clone(), request, line: line.clone() });
            async move {
                let answer = work.await?;
                Ok(answer.map(|body| watch.answer(body, running, http2)))
            }
        })
    }
}

/// Whether one of the stream's own clocks has ended it (see [`patience`]).
fn took_too_long(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}
