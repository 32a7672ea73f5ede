//! The other end of the wire for tests: a raw client and a signer that shares nothing with the check under test but
//! the two hash libraries.

use std::time::Duration;

use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Emulator, Options};
use crate::clock::Clock;
use crate::secret::Secret;

pub(super) const KEY: &str = "AKtest";
pub(super) const SECRET: &str = "SKtest-secret";
pub(super) const TOKEN: &str = "token-for-tests";
pub(super) const NOW: u64 = 1_750_000_000;

/// An emulator on a free port whose clock stands at [`NOW`].
pub(super) async fn emulator() -> (Emulator, Clock) {
    with(|_| {}).await
}

/// The same with other options.
pub(super) async fn with(change: impl FnOnce(&mut Options)) -> (Emulator, Clock) {
    let clock = Clock::manual(NOW);
    let mut options = Options {
        keys: vec![(KEY.to_owned(), Secret::new(SECRET))],
        tokens: vec![Secret::new(TOKEN)],
        clock: clock.clone(),
        deploy_after: Duration::from_secs(2),
        run_after: Duration::from_secs(6),
        change_after: Duration::from_secs(2),
        ..Options::default()
    };
    change(&mut options);
    (Emulator::start(options).await.unwrap(), clock)
}

/// The answer as it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `response` of a good answer.
    #[track_caller]
    pub(super) fn good(&self) -> Map<String, Value> {
        let json = self.json();
        assert_eq!(self.status, 200, "{json}");
        assert_eq!(json["requestId"], json["response"]["requestId"]);
        json["response"].as_object().unwrap().clone()
    }

    /// Status and code of a refusal.
    pub(super) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// One way to sign; tests bend its parts.
pub(super) struct Signed {
    pub(super) key: &'static str,
    pub(super) secret: &'static str,
    pub(super) timestamp: u64,
    pub(super) host: String,
    pub(super) content_type: &'static str,
    pub(super) extra: Vec<(&'static str, &'static str)>,
}

impl Signed {
    pub(super) fn at(timestamp: u64) -> Self {
        Self {
            key: KEY,
            secret: SECRET,
            timestamp,
            host: "emulator.test:9100".to_owned(),
            content_type: "application/json",
            extra: Vec::new(),
        }
    }

    /// The Authorization header, following the vendor's page word by word.
    pub(super) fn authorization(&self, body: &[u8]) -> String {
        let mut signed = vec![("content-type", self.content_type), ("host", self.host.as_str())];
        signed.extend(self.extra.iter().copied());
        signed.sort_unstable();
        let mut text = String::from("POST\n/\n\n");
        for (name, value) in &signed {
            text += &format!("{name}:{value}\n");
        }
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        text += &format!("\n{names}\n{:x}", Sha256::digest(body));
        let to_sign = format!("ZC2-HMAC-SHA256\n{}\n{:x}", self.timestamp, Sha256::digest(text));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        format!("ZC2-HMAC-SHA256 Credential={}, SignedHeaders={names}, Signature={signature}", self.key)
    }

    /// A whole request.
    pub(super) fn request(&self, service: &str, action: &str, version: &str, body: &[u8]) -> Vec<u8> {
        let mut head = format!(
            "POST /api/v2/{service} HTTP/1.1\r\nhost: {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\
             x-zc-action: {action}\r\nx-zc-timestamp: {}\r\nauthorization: {}\r\n",
            self.host,
            self.content_type,
            body.len(),
            self.timestamp,
            self.authorization(body),
        );
        if !version.is_empty() {
            head += &format!("x-zc-version: {version}\r\n");
        }
        for (name, value) in &self.extra {
            head += &format!("{name}: {value}\r\n");
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

/// A connection.
pub(super) struct Client<S = TcpStream> {
    pub(super) stream: S,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) async fn connect(emulator: &Emulator) -> Self {
        Self::over(TcpStream::connect(emulator.address()).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends and reads the answer.
    pub(super) async fn call(&mut self, bytes: &[u8]) -> Reply {
        self.send(bytes).await;
        self.reply().await.unwrap()
    }

    /// Reads one answer by its Content-Length.
    pub(super) async fn reply(&mut self) -> std::io::Result<Reply> {
        let end = loop {
            let found = self.buffer.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(at) = found {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or(0);
        while self.buffer.len() < length {
            self.more().await?;
        }
        let body = self.buffer.drain(..length).collect();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Reply { status, head, body })
    }

    async fn more(&mut self) -> std::io::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Everything until the other side closes.
    pub(super) async fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.buffer);
        self.stream.read_to_end(&mut rest).await?;
        Ok(rest)
    }
}

/// A call of any action, signed now by the emulator's clock, on a connection of its own.
pub(super) async fn call(
    emulator: &Emulator,
    service: &str,
    action: &str,
    version: &str,
    body: &Value,
) -> Reply {
    let body = body.to_string();
    let now = emulator.shared.options.clock.since_epoch().as_secs();
    let request = Signed::at(now).request(service, action, version, body.as_bytes());
    Client::connect(emulator).await.call(&request).await
}

/// A signed call of a vm action in the newest version.
pub(super) async fn vm(emulator: &Emulator, action: &str, body: &Value) -> Reply {
    call(emulator, "vm", action, "2026-04-01", body).await
}

/// The sample request of the vendor's CreateInstances page.
pub(super) fn sample() -> Value {
    json!({
        "zoneId": "SEL-A",
        "instanceType": "c.1c2g",
        "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
        "instanceChargeType": "POSTPAID",
        "internetChargeType": "ByBandwidth"
    })
}

/// The sample with members added or replaced.
pub(super) fn sample_with(members: Value) -> Value {
    let mut body = sample();
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// Creates a machine by the sample with these members and gives its id.
pub(super) async fn created(emulator: &Emulator, members: Value) -> String {
    let reply = vm(emulator, "CreateInstances", &sample_with(members)).await.good();
    reply["instanceIdSet"][0].as_str().unwrap().to_owned()
}

/// The names of an object's members, sorted, so that a shape can be compared with a list.
pub(super) fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The words of a text, sorted.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words
}
