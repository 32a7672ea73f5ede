//! A cloud that says what it is told to, byte by byte, with or without TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// What is sent in place of an answer; afterwards the connection is closed unless `keeps`.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) does: Does,
}

pub(super) enum Does {
    /// These bytes, `{ok}` in them a good answer's body for the action; the connection is kept open.
    Says(Vec<u8>),
    /// The same, and then the end.
    SaysAndCloses(Vec<u8>),
    /// The end, before a byte of the request is read.
    ClosesUnread,
    /// Nothing, until the gateway gives up.
    KeepsSilent,
    /// The head of a good answer and then a byte at a time, never all of it.
    Drips,
    /// A reset, before a byte of the request is read, ...
    ResetsUnread,
    /// ... or after these bytes.
    SaysAndResets(Vec<u8>),
    /// Bytes past TLS: what stands there is no record of this connection.
    SaysInTheClear(Vec<u8>),
    /// An alert in place of a handshake.
    RefusesTheHandshake,
}

/// Somewhere that a redirect points at. Nobody may ever call there.
pub(super) static ELSEWHERE: LazyLock<TcpListener> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
});

/// A connection to the cloud, with or without TLS.
trait Pipe: Read + Write {
    fn socket(&self) -> &TcpStream;
}

impl Pipe for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Pipe for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

/// The next close is a reset.
fn resets(stream: &TcpStream) {
    set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

/// A fatal alert: handshake_failure.
pub(super) const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 40];

/// A cloud that says what it is told to.
#[derive(Clone)]
pub(super) struct Cloud {
    pub(super) next: Arc<Mutex<Option<Arc<Fault>>>>,
    pub(super) seen: Arc<Mutex<Vec<(String, String)>>>,
    pub(super) address: SocketAddr,
}

impl Cloud {
    pub(super) fn start() -> Self {
        Self::start_under(None)
    }

    /// One that speaks TLS.
    pub(super) fn start_under(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cloud =
            Self { next: Arc::default(), seen: Arc::default(), address: listener.local_addr().unwrap() };
        let serving = cloud.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (cloud, tls) = (serving.clone(), tls.clone());
                std::thread::spawn(move || {
                    let Some(tls) = tls else { return cloud.serve(&mut stream) };
                    if cloud.takes(|does| matches!(does, Does::RefusesTheHandshake)) {
                        let _ = stream.read(&mut [0; 1024]);
                        let _ = stream.write_all(ALERT);
                        return;
                    }
                    cloud.serve(&mut StreamOwned::new(ServerConnection::new(tls).unwrap(), stream));
                });
            }
        });
        cloud
    }

    /// Whether the next fault is one of these, which is then no longer the next.
    fn takes(&self, those: impl FnOnce(&Does) -> bool) -> bool {
        let mut next = self.next.lock().unwrap();
        let taken = next.as_ref().is_some_and(|fault| those(&fault.does));
        if taken {
            next.take();
        }
        taken
    }

    fn serve(&self, stream: &mut impl Pipe) {
        loop {
            if stream.socket().peek(&mut [0]).is_ok_and(|count| count > 0) {
                if self.takes(|does| matches!(does, Does::ClosesUnread)) {
                    return;
                }
                if self.takes(|does| matches!(does, Does::ResetsUnread)) {
                    return resets(stream.socket());
                }
            }
            let Some((action, body)) = request(stream) else { return };
            self.seen.lock().unwrap().push((action.clone(), body.clone()));
            let ok = good(&action, &body);
            let fault = self.next.lock().unwrap().take();
            match fault.as_deref().map(|fault| &fault.does) {
                None => {
                    let answer =
                        framed("HTTP/1.1 200 OK", "Content-Type: application/json\r\n", ok.as_bytes());
                    if said(stream, &answer).is_err() {
                        return;
                    }
                }
                Some(Does::Says(bytes)) => {
                    let _ = said(stream, &filled(bytes, &ok));
                }
                Some(Does::SaysAndCloses(bytes)) => {
                    let _ = said(stream, &filled(bytes, &ok));
                    return;
                }
                Some(Does::SaysAndResets(bytes)) => {
                    let _ = said(stream, &filled(bytes, &ok));
                    // What was said is taken first: a reset overtakes what lies in between.
                    stream.socket().set_read_timeout(Some(Duration::from_millis(400))).unwrap();
                    let _ = stream.read(&mut [0]);
                    return resets(stream.socket());
                }
                Some(Does::SaysInTheClear(bytes)) => {
                    let mut socket = stream.socket();
                    let _ = socket.write_all(bytes);
                    // Until the gateway has closed.
                    let _ = socket.read(&mut [0]);
                    return;
                }
                Some(Does::ClosesUnread | Does::ResetsUnread | Does::RefusesTheHandshake) => return,
                Some(Does::KeepsSilent) => {
                    // Until the gateway has closed.
                    let _ = stream.read(&mut [0]);
                    return;
                }
                Some(Does::Drips) => {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                        ok.len()
                    );
                    let _ = said(stream, head.as_bytes());
                    stream.socket().set_read_timeout(Some(Duration::from_millis(400))).unwrap();
                    for byte in ok.as_bytes().iter().take(ok.len() - 1) {
                        // Waiting for the other side to close is what paces it.
                        let gone = matches!(stream.read(&mut [0]), Ok(0));
                        if gone || said(stream, &[*byte]).is_err() {
                            return;
                        }
                    }
                    return;
                }
            }
        }
    }
}

fn said(stream: &mut impl Pipe, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// One request's action and body; none at the end of the connection.
fn request(stream: &mut impl Read) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let mut storage = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut storage);
        if let Ok(httparse::Status::Complete(length)) = head.parse(&bytes) {
            let of = |name: &str| {
                let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
                String::from_utf8(header.unwrap().value.to_vec()).unwrap()
            };
            let (action, size) = (of("x-zc-action"), of("content-length").parse::<usize>().unwrap());
            if bytes.len() >= length + size {
                return Some((action, String::from_utf8(bytes[length..length + size].to_vec()).unwrap()));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// A good answer; it holds the machine's name that was asked for, so that it can be told from others.
fn good(action: &str, body: &str) -> String {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let name = asked["instanceName"].as_str().unwrap_or("nameless");
    let response = match action {
        "CreateInstances" => {
            json!({"requestId": "T1", "orderNumber": "1", "instanceIdSet": [format!("id-of-{name}")]})
        }
        _ => json!({"requestId": "T1", "totalCount": 1, "dataSet": [{"instanceName": name}]}),
    };
    json!({"requestId": "T1", "response": response}).to_string()
}

fn filled(bytes: &[u8], ok: &str) -> Vec<u8> {
    let length = ok.len().to_string();
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\x01' || *byte == b'\x02') {
        all.extend_from_slice(&rest[..at]);
        all.extend_from_slice(if rest[at] == 1 { ok.as_bytes() } else { length.as_bytes() });
        rest = &rest[at + 1..];
    }
    all.extend_from_slice(rest);
    all
}

pub(super) fn framed(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut all = format!("{line}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    all.extend_from_slice(body);
    all
}
