//! The connections of the admin listener: few, short, and never in the way of those that work.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::{ServiceBuilder, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::audit::Audit;
use super::guard::{Asker, Guard};
use super::people::People;
use super::{Admin, PolicyAdmin};
use crate::chain::{Heads, Key};
use crate::clock::Clock;
use crate::doors::{Doors, Entry};
use crate::gateway::ServerTls;
use crate::keys::ClientCertificate;

/// Connections at once; one more and the longest resting goes.
const MOST: usize = 128;
/// Of them from one address.
const MOST_OF_ONE: usize = 64;
/// For a handshake, and for the head of each request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at which policies are in force.
const LOOK_AT_POLICIES: Duration = Duration::from_millis(250);
/// After an error of accepting, which is mostly a lack of descriptors.
const REST_AFTER_ERROR: Duration = Duration::from_millis(100);

/// A listener and what it asks of those who come.
pub struct AdminListening {
    /// Where they come in.
    pub listener: TcpListener,
    /// The certificate; none is plain HTTP.
    pub tls: Option<ServerTls>,
    /// Whether a token or a certificate is asked for.
    pub closed: bool,
    /// Who may ask.
    pub people: People,
    /// Whether /metrics is open.
    pub open_metrics: bool,
    /// Where orders are written down; none is the log.
    pub audit_log: Option<PathBuf>,
    /// By what those lines are hashed.
    pub audit_key: Key,
    /// Where the end of their chain is told.
    pub heads: Heads,
    /// For the lines of that.
    pub clock: Clock,
}

/// What every request passes.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) guard: Guard,
    pub(super) audit: Audit,
    /// Whether connections are TLS: cookies then say so.
    pub(super) tls: bool,
}

/// Serves until `stop`.
pub async fn serve(listening: AdminListening, admin: Admin, stop: CancellationToken) {
    let AdminListening { listener, tls, closed, people, open_metrics, audit_log, audit_key, heads, clock } =
        listening;
    let audit = Audit::new(audit_log, audit_key, heads, clock);
    let watching = tokio::spawn(watch_policies(audit.clone(), admin.policy.clone(), stop.clone()));
    let desk = Desk { guard: Guard::new(people, closed, open_metrics), audit, tls: tls.is_some() };
    let doors = Doors::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => {
                let _ = watching.await;
                return;
            }
        };
        let Ok((socket, peer)) = accepted else {
            doors.make_room();
            tokio::time::sleep(REST_AFTER_ERROR).await;
            continue;
        };
        let Ok(entry) = doors.enter(peer.ip(), MOST, MOST_OF_ONE) else { continue };
        let asker = Asker { peer, certificate: None };
        let connection =
            Connection { admin: admin.clone(), desk: desk.clone(), asker, entry: Arc::new(entry) };
        let tls = tls.as_ref().map(|tls| tls.load_full());
        let stop = stop.clone();
        tokio::spawn(async move {
            let entry = Arc::clone(&connection.entry);
            tokio::select! {
                () = connection.run(socket, tls) => {}
                () = entry.must_go().cancelled() => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// Writes down which policies are in force, at the start and whenever others are.
async fn watch_policies(audit: Audit, policy: PolicyAdmin, stop: CancellationToken) {
    if audit.path().is_none() {
        return; // the log of the process says it already
    }
    audit.started().await;
    let mut before: Option<String> = None;
    loop {
        let after = policy.revision();
        if before.as_ref() != Some(&after) {
            audit
                .event("policy", serde_json::json!({ "policy": { "before": before, "after": after } }))
                .await;
            before = Some(after);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AT_POLICIES) => {}
            () = stop.cancelled() => return,
        }
    }
}

struct Connection {
    admin: Admin,
    desk: Desk,
    asker: Asker,
    entry: Arc<Entry>,
}

impl Connection {
    async fn run(mut self, socket: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) {
        let _ = socket.set_nodelay(true);
        let Some(tls) = tls else { return self.http1(socket).await };
        let shaken = tokio::time::timeout(PATIENCE, TlsAcceptor::from(tls).accept(socket)).await;
        let Ok(Ok(stream)) = shaken else { return };
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        self.asker.certificate = shown.map(|leaf| ClientCertificate::read(leaf));
        self.http1(stream).await;
    }

    async fn http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { admin, desk, asker, entry } = self;
        let told = (admin, desk, asker);
        let service = service_fn(move |request: Request<Incoming>| {
            let (admin, desk, asker) = told.clone();
            let entry = Arc::clone(&entry);
            async move {
                entry.works();
                let answer = admin.answer(&desk, &asker, request).await;
                entry.rests();
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        let service = ServiceBuilder::new().layer(CatchPanicLayer::new()).service(service);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let _ = pin!(connection).await;
    }
}
