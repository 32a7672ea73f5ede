//! The whole path in process: a client at one end of a pipe in memory, hyper and the gateway's service at the other.
//!
//! Requests that are refused early show what the path costs up to that stage, with all that is between the stages.
//! Reads and allowed creates go to the stub over loopback, so their figures hold two system calls and a thread switch.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use zengate::account::{Account, AccountCredential};
use zengate::cli::JsonLines;
use zengate::clock::Clock;
use zengate::config::Config;
use zengate::gateway::{self, Arrival, Parts, Peer};
use zengate::policy::PolicySet;
use zengate::quota::Ledger;
use zengate::quota::fingerprint::MarkKey;
use zengate::secret::Secret;
use zengate::server::Server;
use zengate::sign::SigningKey;
use zengate::upstream::{Deadlines, Patience, Upstream};

use crate::fixture::{self, Ask, CLOUD_KEY, CLOUD_SECRET, write_gateway};
use crate::measure::Case;

const HOST: &str = "127.0.0.1:8080";
const PIPE: usize = 256 * 1024;

/// A gateway that was started as `serve` starts it, and a stub behind it.
pub struct World {
    parts: Parts,
    upstream: SocketAddr,
    _files: TempDir,
    _stub: Child,
}

/// The argument that makes this program the stub.
pub const STUB: &str = "--stub";

/// The stub, in a process of its own so that nobody counts what it does: says where it is, and serves until its input ends.
pub fn stub() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::thread::spawn(move || crate::stub::serve(listener).unwrap());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Starts the stub; it ends with this process, which holds its input.
fn start_stub() -> (Child, SocketAddr) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = command.arg(STUB).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    (child, said.trim().parse().unwrap())
}

impl World {
    pub fn start() -> Self {
        let (stub, upstream) = start_stub();
        let files = TempDir::new().unwrap();
        let any = "127.0.0.1:0";
        // Decisions are recorded, and not found again: who looks for them would be a thread with a database of its own.
        let records = "[records]\nto = { file = \"/dev/null\" }\n[history]\nstore = \"none\"\n";
        write_gateway(files.path(), any, any, &upstream.to_string(), records);
        let config = Config::load(&files.path().join("zengate.toml")).unwrap();
        let server = runtime().block_on(Server::start(config, Clock::system())).unwrap();
        // Lines are written as `serve` writes them, to nowhere.
        tracing_subscriber::fmt()
            .with_env_filter("info")
            .with_writer(std::io::sink)
            .event_format(JsonLines)
            .init();
        Self { parts: server.parts().clone(), upstream, _files: files, _stub: stub }
    }

    pub fn policy(&self) -> Arc<PolicySet> {
        self.parts.judge.current()
    }

    /// What was measured, above the table.
    pub fn describe(&self) {
        let set = self.policy();
        println!("stock rules, revision {}: {}", set.revision(), set.rules().collect::<Vec<_>>().join(", "));
        for fallback in set.fallbacks() {
            println!("on the interpreter ({}): {}", fallback.reason, fallback.rule);
        }
        println!();
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// An account with connections of its own: a connection belongs to the runtime that opened it.
fn account(upstream: SocketAddr) -> BTreeMap<String, Arc<Account>> {
    let limit = Duration::from_secs(30);
    let deadlines = Deadlines { connect: limit, tls: limit, create: limit, change: limit, read: limit };
    let origin = format!("http://{upstream}").parse().unwrap();
    let key = Box::new(SigningKey::new(&Secret::new(CLOUD_SECRET)));
    let account = Account {
        name: "main".to_owned(),
        credential: Arc::new(AccountCredential::Signing { access_key: CLOUD_KEY.to_owned(), key }).into(),
        marks: MarkKey::new(&Secret::new("the cloud's")),
        upstream: Arc::new(Upstream::new(origin, None, deadlines, 8 << 20, 32, Patience::ENDLESS)),
    };
    [("main".to_owned(), Arc::new(account))].into()
}

/// A connection into the gateway.
struct Client {
    runtime: Runtime,
    pipe: DuplexStream,
    answer: Vec<u8>,
}

impl Client {
    fn connect(parts: &Parts, upstream: SocketAddr) -> Self {
        let runtime = runtime();
        let (pipe, other) = tokio::io::duplex(PIPE);
        let path = gateway::path(&Parts { accounts: Arc::new(account(upstream)), ..parts.clone() });
        let peer = Peer { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)), certificate: None };
        let line = gateway::Line::default();
        runtime.spawn(async move {
            let service = service_fn(move |request| {
                path.clone().oneshot(Arrival { peer: peer.clone(), request, line: line.clone() })
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(other), service).await;
        });
        Self { runtime, pipe, answer: vec![0; PIPE] }
    }

    /// Sends a request and gives the status and length of its answer.
    fn exchange(&mut self, request: &[u8]) -> (u16, usize) {
        let Self { runtime, pipe, answer } = self;
        runtime.block_on(async {
            pipe.write_all(request).await.unwrap();
            let mut have = 0;
            loop {
                have += pipe.read(&mut answer[have..]).await.unwrap();
                let mut storage = [httparse::EMPTY_HEADER; 32];
                let mut head = httparse::Response::new(&mut storage);
                if let httparse::Status::Complete(start) = head.parse(&answer[..have]).unwrap() {
                    let length = head
                        .headers
                        .iter()
                        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
                        .map(|header| std::str::from_utf8(header.value).unwrap().parse::<usize>().unwrap());
                    let length = length.expect("every answer says its length");
                    if have >= start + length {
                        return (head.code.unwrap(), length);
                    }
                }
            }
        })
    }
}

/// A request by its number.
type Request = Box<dyn Fn(u32) -> String + Sync>;

/// How many different requests a client sends in turn.
const DIFFERENT: u32 = 128;

pub fn cases(world: &World) -> Vec<Case> {
    let text = |ask: Ask, number: u32| String::from_utf8(ask.request(number, HOST, fixture::now())).unwrap();
    let create = move |number| text(Ask::Create, number);
    let case = |name, status, quiet, ledger: Ledger, request: Request| {
        let (parts, upstream) = (Parts { ledger, ..world.parts.clone() }, world.upstream);
        let make = Box::new(move || -> Box<dyn FnMut()> {
            let mut client = Client::connect(&parts, upstream);
            // One signature again and again would be told from a new order by the clock.
            let requests: Vec<Vec<u8>> = (0..DIFFERENT).map(|number| request(number).into_bytes()).collect();
            let mut turn = 0;
            let mut run = move || {
                turn = (turn + 1) % requests.len();
                assert_eq!(client.exchange(&requests[turn]).0, status);
            };
            if quiet {
                let nobody = tracing::Dispatch::none();
                return Box::new(move || tracing::dispatcher::with_default(&nobody, &mut run));
            }
            Box::new(run)
        });
        Case { name, make }
    };
    let unknown =
        move |number| create(number).replace("X-Zc-Action: CreateInstances", "X-Zc-Action: CreateInstancesX");
    let forged = move |number| create(number).replace(r#""instanceCount":30"#, r#""instanceCount":31"#);
    let (refused, read) = (move |number| text(Ask::Refused, number), move |number| text(Ask::Read, number));
    let ledger = || world.parts.ledger.clone();
    vec![
        case("path: refused by route (401)", 401, false, ledger(), Box::new(unknown)),
        case("path: refused by authenticate (401)", 401, false, ledger(), Box::new(forged)),
        case("path: create refused by rules (403)", 403, false, ledger(), Box::new(refused)),
        case("path: read, answer of 50 KB", 200, false, ledger(), Box::new(read)),
        case("path: create, allowed", 200, false, ledger(), Box::new(create)),
        case("path: create, allowed, nothing counted", 200, false, Ledger::uncounted(), Box::new(create)),
        case(
            "path: create, allowed, nothing counted, no log lines",
            200,
            true,
            Ledger::uncounted(),
            Box::new(create),
        ),
    ]
}
