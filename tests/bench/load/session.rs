//! The load generator for TLS and HTTP/2: hyper's client on one thread, with the same schedule and the same checks as
//! [`crate::generate`].

use std::cell::RefCell;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::generate::{Answers, Meter, Outcome, Pace, Plan, Prepared};
use crate::peers::Wire;

/// Requests that share a connection of HTTP/2 at a time.
const STREAMS: usize = 8;

#[derive(Clone)]
enum Sender {
    Http1(Arc<tokio::sync::Mutex<http1::SendRequest<Full<Bytes>>>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What is asked, in hyper's types.
struct Parts {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

struct Shared<'a> {
    plan: &'a Plan<'a>,
    parts: Vec<Parts>,
    end: Instant,
    next: RefCell<usize>,
    outcome: RefCell<Outcome>,
    answers: RefCell<Answers>,
    /// Requests as they become due; none when saturated.
    due: Option<tokio::sync::Mutex<UnboundedReceiver<Instant>>>,
}

/// Runs a plan. Anything that is not as it should be ends the benchmark.
pub fn run(plan: &Plan<'_>, wire: &Wire, meter: Meter<'_>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connections = if wire.h2 { plan.connections.div_ceil(STREAMS) } else { plan.connections };
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(connect(plan, wire).await);
        }
        let parts = plan.requests.iter().map(|prepared| parts(prepared, wire, plan)).collect();
        (meter.begin)();
        let start = Instant::now();
        let due = match plan.pace {
            Pace::Saturate => None,
            Pace::Rate(rate) => Some(tokio::sync::Mutex::new(schedule(start, rate, plan))),
        };
        let shared = Shared {
            plan,
            parts,
            end: start + plan.time,
            next: RefCell::new(0),
            outcome: RefCell::new(Outcome::default()),
            answers: RefCell::new(Answers::new()),
            due,
        };
        let workers = senders.iter().cycle().take(plan.connections);
        let all = join_all(workers.map(|sender| work(sender.clone(), &shared)));
        let limit = plan.time + Duration::from_secs(30);
        tokio::time::timeout(limit, all).await.expect("answers are missing");
        (meter.end)();
        let mut outcome = shared.outcome.into_inner();
        outcome.seconds = start.elapsed().as_secs_f64();
        outcome.latencies.sort_unstable();
        outcome
    })
}

/// A thread that says when requests are due: tokio's own timer is as coarse as a millisecond.
fn schedule(start: Instant, rate: f64, plan: &Plan<'_>) -> UnboundedReceiver<Instant> {
    let (sender, receiver) = unbounded_channel();
    let (step, end) = (Duration::from_secs_f64(1.0 / rate), start + plan.time);
    std::thread::spawn(move || {
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut due = start;
        while due < end {
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::park_timeout(wait);
                continue;
            }
            if sender.send(due).is_err() {
                return;
            }
            due += step;
        }
    });
    receiver
}

async fn work(mut sender: Sender, shared: &Shared<'_>) {
    loop {
        let due = match &shared.due {
            Some(queue) => queue.lock().await.recv().await,
            None => Some(Instant::now()).filter(|now| *now < shared.end),
        };
        let number = *shared.next.borrow();
        let Some(due) = due.filter(|_| shared.plan.left(number) > 0) else { return };
        *shared.next.borrow_mut() += 1;
        let number = number % shared.plan.requests.len();
        let prepared = &shared.plan.requests[number];
        shared.outcome.borrow_mut().count(prepared.ask);
        let Parts { uri, headers, body } = &shared.parts[number];
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        request.headers_mut().clone_from(headers);
        let answer = send(&mut sender, request).await;
        let status = answer.status().as_u16();
        let decision = answer.headers().get("x-zengate-decision").map(|id| id.to_str().unwrap().to_owned());
        let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        let outcome = &mut *shared.outcome.borrow_mut();
        outcome.latencies.push(due.elapsed().as_nanos() as u64);
        let mut answers = shared.answers.borrow_mut();
        answers.check(prepared, shared.plan.judge, status, decision.as_deref(), &body, &mut outcome.refusal);
    }
}

async fn send(sender: &mut Sender, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let answer = match sender {
        Sender::Http1(only) => {
            let mut only = only.lock().await;
            only.ready().await.expect("the connection stays open");
            only.send_request(request).await
        }
        Sender::Http2(stream) => {
            stream.ready().await.expect("the connection stays open");
            stream.send_request(request).await
        }
    };
    answer.expect("an answer")
}

async fn connect(plan: &Plan<'_>, wire: &Wire) -> Sender {
    let socket = TcpStream::connect(plan.address).await.expect("the proxy listens");
    socket.set_nodelay(true).unwrap();
    let Some(certificate) = &wire.certificate else { return shake(socket, wire.h2).await };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate.join("tls.crt")).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let protocol: &[u8] = if wire.h2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::from(plan.address.ip());
    let stream = connector.connect(name, socket).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol), "the protocol that was asked for");
    shake(stream, wire.h2).await
}

async fn shake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, h2: bool) -> Sender {
    if h2 {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(1 << 24)
            .handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        tokio::spawn(connection);
        return Sender::Http2(sender);
    }
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    Sender::Http1(Arc::new(tokio::sync::Mutex::new(sender)))
}

fn parts(prepared: &Prepared, wire: &Wire, plan: &Plan<'_>) -> Parts {
    let mut storage = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut storage);
    let start = head.parse(&prepared.bytes).unwrap().unwrap();
    let mut headers = HeaderMap::new();
    for header in head.headers.iter() {
        // HTTP/2 names the host in the address, and a body ends by itself.
        let skipped = ["host", "content-length"].iter().any(|name| header.name.eq_ignore_ascii_case(name));
        if !(wire.h2 && skipped) {
            let name = HeaderName::from_bytes(header.name.as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_bytes(header.value).unwrap());
        }
    }
    let path = head.path.unwrap();
    let scheme = if wire.certificate.is_some() { "https" } else { "http" };
    let uri = if wire.h2 { format!("{scheme}://{}{path}", plan.address) } else { path.to_owned() };
    Parts { uri: uri.parse().unwrap(), headers, body: Bytes::copy_from_slice(&prepared.bytes[start..]) }
}
