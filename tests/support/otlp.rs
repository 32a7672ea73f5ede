//! A collector of OpenTelemetry traces on the loopback, in memory: it takes OTLP/HTTP, keeps what came, and can misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::eventually;

/// What it does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    Good,
    /// Answers with this status.
    Answers(u16),
    /// Takes the connection and says nothing.
    Silent,
}

/// See the module.
#[derive(Clone)]
pub struct Otlp {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    connections: u64,
    /// Head, lower case, and body of each request that was taken.
    taken: Vec<(Vec<String>, Vec<u8>)>,
    /// Connections that are left without an answer.
    silent: Vec<TcpStream>,
}

/// One span.
#[derive(Clone, Debug)]
pub struct Span(pub Value);

impl Otlp {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { mood, connections: 0, taken: Vec::new(), silent: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let kept = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                serve(connection, &kept);
            }
        });
        Self { address, state }
    }

    /// Lines for `zengate.toml` that send everything here at once.
    pub fn config(&self, more: &str) -> String {
        format!("[traces]\nendpoint = \"http://{}/v1/traces\"\ninterval = \"10ms\"\n{more}\n", self.address)
    }

    pub fn mood(&self, mood: Mood) {
        let mut state = self.state.lock().unwrap();
        state.mood = mood;
        state.silent.clear();
    }

    pub fn connections(&self) -> u64 {
        self.state.lock().unwrap().connections
    }

    /// Heads and bodies so far.
    pub fn taken(&self) -> Vec<(Vec<String>, Vec<u8>)> {
        self.state.lock().unwrap().taken.clone()
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (_, body) in self.taken() {
            let request: Value = serde_json::from_slice(&body).unwrap();
            for scope in request["resourceSpans"][0]["scopeSpans"].as_array().unwrap() {
                spans.extend(scope["spans"].as_array().unwrap().iter().cloned().map(Span));
            }
        }
        spans
    }

    /// The spans of a decision: its request first, then its phases.
    pub fn tree(&self, decision: &str) -> Vec<Span> {
        eventually("the trace arrives", || {
            let spans = self.spans();
            let root = spans.iter().find(|span| span.text("zengate.decision_id") == decision)?.clone();
            let below = spans.iter().filter(|span| span.parent() == root.id());
            Some(std::iter::once(root.clone()).chain(below.cloned()).collect())
        })
    }
}

impl Span {
    fn field(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_default().to_owned()
    }

    pub fn name(&self) -> String {
        self.field("name")
    }

    pub fn id(&self) -> String {
        self.field("spanId")
    }

    pub fn trace(&self) -> String {
        self.field("traceId")
    }

    pub fn parent(&self) -> String {
        self.field("parentSpanId")
    }

    /// From when to when, in nanoseconds.
    pub fn times(&self) -> (u128, u128) {
        let time = |name: &str| self.field(name).parse().unwrap();
        (time("startTimeUnixNano"), time("endTimeUnixNano"))
    }

    /// An attribute as text; empty when it is not there.
    pub fn text(&self, key: &str) -> String {
        let attributes = self.0["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key);
        let value = found.map(|attribute| &attribute["value"]);
        let text = value.and_then(|value| value["stringValue"].as_str().or(value["intValue"].as_str()));
        text.unwrap_or_default().to_owned()
    }
}

fn serve(mut connection: TcpStream, state: &Mutex<State>) {
    state.lock().unwrap().connections += 1;
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) < 3 {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let mut state = state.lock().unwrap();
    let status = match state.mood {
        Mood::Good => {
            state.taken.push((head, body));
            200
        }
        Mood::Answers(status) => status,
        Mood::Silent => {
            state.silent.push(connection);
            return;
        }
    };
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    let _ = connection.write_all(answer.as_bytes());
}
