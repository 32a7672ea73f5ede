//! A client that signs as the SDKs do and writes every byte itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

/// A request in the making. Defaults: POST, the newest version by omission, signed with [`super::world::KEY`].
#[derive(Clone)]
pub struct Call {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub key: String,
    pub secret: String,
    pub content_type: String,
    pub host: Option<String>,
    pub timestamp_offset: i64,
    pub sign: bool,
    pub content_length: bool,
}

impl Call {
    pub fn new(service: &str, action: &str) -> Self {
        Self {
            method: "POST".into(),
            target: format!("/api/v2/{service}"),
            headers: vec![("X-ZC-Action".into(), action.into())],
            body: b"{}".to_vec(),
            key: super::world::KEY.into(),
            secret: super::world::SECRET.into(),
            content_type: "application/json".into(),
            host: None,
            timestamp_offset: 0,
            sign: true,
            content_length: true,
        }
    }

    /// The vendor page's own example.
    pub fn example() -> Self {
        Self::new("vm", "CreateInstances").body(EXAMPLE)
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    pub fn json(self, body: &serde_json::Value) -> Self {
        self.body(body.to_string())
    }

    pub fn version(self, version: &str) -> Self {
        self.header("X-ZC-Version", version)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn target(mut self, target: &str) -> Self {
        self.target = target.into();
        self
    }

    pub fn key(mut self, key: &str, secret: &str) -> Self {
        self.key = key.into();
        self.secret = secret.into();
        self
    }

    /// Said, and signed, to be for another host.
    pub fn host_of(mut self, host: &str) -> Self {
        self.host = Some(host.into());
        self
    }

    pub fn unsigned(mut self) -> Self {
        self.sign = false;
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.unsigned().header("Authorization", &format!("Bearer {token}"))
    }

    /// The bytes of the request for a gateway at `address`.
    pub fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut bytes = self.head(address);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The bytes of the head.
    pub fn head(&self, address: SocketAddr) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host(address));
        if self.content_length {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in self.fields(address) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The host it is for.
    pub fn host(&self, address: SocketAddr) -> String {
        self.host.clone().unwrap_or_else(|| address.to_string())
    }

    /// The header fields but those that belong to a version of HTTP: host and length.
    pub fn fields(&self, address: SocketAddr) -> Vec<(String, String)> {
        let mut fields = vec![("Content-Type".to_owned(), self.content_type.clone())];
        if self.sign {
            let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
            let timestamp = now + self.timestamp_offset;
            let key = SigningKey::new(&Secret::new(self.secret.clone()));
            let (host, hash) = (self.host(address), PayloadHash::of(&self.body));
            let authorization = authorize(&self.key, &key, &self.content_type, &host, timestamp, &hash);
            fields.push(("X-ZC-Timestamp".to_owned(), timestamp.to_string()));
            fields.push(("X-ZC-Signature-Method".to_owned(), "ZC2-HMAC-SHA256".to_owned()));
            fields.push(("Authorization".to_owned(), authorization));
        }
        fields.extend(self.headers.iter().cloned());
        fields
    }

    /// Sends on a connection of its own and reads the answer.
    pub fn send(&self, address: SocketAddr) -> Answer {
        let mut connection = connect(address);
        // A refusal may come, and the connection close, before everything is written.
        let _ = connection.write_all(&self.bytes(address));
        read_answer(&mut connection).expect("an answer")
    }
}

pub const EXAMPLE: &str = r#"{
 "zoneId":"SEL-A",
 "instanceType":"c.1c2g",
 "imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8",
 "instanceChargeType":"POSTPAID",
 "internetChargeType":"ByBandwidth"
}"#;

pub fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).expect("the gateway listens");
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connection.set_nodelay(true).unwrap();
    connection
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Asserts the form that every SDK reads, with this status and code.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{body}");
        assert!(body["requestId"].as_str().is_some_and(|id| id.len() == 37 && id.starts_with('T')), "{body}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("x-zengate-decision"), body["requestId"].as_str());
    }

    /// The ids of a create that went well.
    #[track_caller]
    pub fn instance_ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        let body = self.json();
        let ids = body["response"]["instanceIdSet"].as_array().expect("instanceIdSet");
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }
}

/// Reads one answer; none if the connection ends before one is whole.
pub fn read_answer(connection: &mut impl Read) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16384];
    loop {
        let mut storage = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut storage);
        if let Ok(httparse::Status::Complete(length)) = head.parse(&bytes) {
            let status = head.code.unwrap();
            let headers: Vec<(String, String)> = head
                .headers
                .iter()
                .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
                .collect();
            bytes.drain(..length);
            if status == 100 {
                continue;
            }
            if status == 204 {
                return Some(Answer { status, headers, body: Vec::new() });
            }
            let find = |name: &str| {
                headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone())
            };
            let body = match find("content-length").map(|length| length.parse::<usize>().unwrap()) {
                Some(length) => {
                    while bytes.len() < length {
                        match connection.read(&mut piece) {
                            Ok(0) | Err(_) => return None,
                            Ok(count) => bytes.extend_from_slice(&piece[..count]),
                        }
                    }
                    bytes.truncate(length);
                    bytes
                }
                None => read_chunks(connection, bytes)?,
            };
            return Some(Answer { status, headers, body });
        }
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// The body of a chunked answer.
fn read_chunks(connection: &mut impl Read, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut piece = [0; 16384];
    loop {
        match httparse::parse_chunk_size(&bytes).ok()? {
            httparse::Status::Complete((start, 0)) if bytes.len() >= start + 2 => return Some(body),
            httparse::Status::Complete((start, size))
                if size > 0 && bytes.len() >= start + size as usize + 2 =>
            {
                body.extend_from_slice(&bytes[start..start + size as usize]);
                bytes.drain(..start + size as usize + 2);
                continue;
            }
            _ => {}
        }
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}
