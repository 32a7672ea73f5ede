//! What each of the vendor's clients really sends, byte by byte, for those that cannot be run here: the Java, PHP and
//! Rust SDKs, the command line, curl. Header names, order, spelling and body style are theirs.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

use super::tls::tls_world;
use crate::support::client::{Answer, connect, read_answer};
use crate::support::tls::Authority;
use crate::support::world::{KEY, SECRET, TOKEN};
use crate::support::{Call, World};

/// A client: its headers in its own order and spelling. `{host}`, `{time}`, `{signature}`, `{length}` and `{token}` are
/// filled in, and the content type that stands here is the one that is signed.
struct Client {
    name: &'static str,
    /// What the record says of it.
    sdk: Option<&'static str>,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const JAVA: Client = Client {
    name: "Java",
    sdk: Some("java 0.6.8"),
    headers: &[
        ("date", "Mon, 23 Nov 2026 08:00:00 GMT"),
        ("host", "{host}"),
        ("x-zc-sdk-lang", "java"),
        ("accept", "application/json"),
        ("x-zc-version", "2026-04-01"),
        ("x-zc-sdk-version", "0.6.8"),
        ("x-zc-timestamp", "{time}"),
        ("x-zc-signature-version", "V2"),
        ("x-zc-signature-method", "ZC2-HMAC-SHA256"),
        ("authorization", "{signature}"),
        ("x-zc-service", "vm"),
        ("x-zc-action", "CreateInstances"),
        ("user-agent", "AlibabaCloud (Linux; amd64) Java/1.8.0_392-b08 tea-util/0.2.6 TeaDSL/1"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Length", "{length}"),
        ("Connection", "Keep-Alive"),
        ("Accept-Encoding", "gzip"),
    ],
    // Compact, in no order, `<` and `>` escaped, the rest of Unicode as it is.
    body: "{\"tags\":{\"tags\":[{\"value\":\"测试\\u003ca\\u003e&\",\"key\":\"note\"}]},\"zoneId\":\"SEL-A\",\
           \"instanceChargeType\":\"POSTPAID\",\"imageId\":\"img-yKK4q6XybymPgfx7ynUUqC3N8\",\"instanceType\":\"c.1c2g\",\
           \"internetChargeType\":\"ByBandwidth\",\"instanceCount\":1}",
};

const CLIENTS: [Client; 6] = [
    JAVA,
    Client {
        name: "PHP",
        sdk: Some("PHP SDK_PHP_2.0.77 shop-1_2, v3;x.y"),
        headers: &[
            ("Host", "{host}"),
            ("User-Agent", "GuzzleHttp/7"),
            ("Content-Type", "application/json"),
            ("x-zc-action", "CreateInstances"),
            ("x-zc-version", "2023-03-13"),
            ("x-zc-service", "vm"),
            ("x-zc-sdk-lang", "PHP"),
            ("x-zc-sdk-version", "SDK_PHP_2.0.77"),
            ("x-zc-request-client", "shop-1_2, v3;x.y"),
            ("x-zc-signature-method", "ZC2-HMAC-SHA256"),
            ("x-zc-timestamp", "{time}"),
            ("Authorization", "{signature}"),
            ("Content-Length", "{length}"),
        ],
        // Neither Unicode nor slashes escaped.
        body: "{\"zoneId\":\"SEL-A\",\"instanceType\":\"c.1c2g\",\"imageId\":\"img-yKK4q6XybymPgfx7ynUUqC3N8\",\
               \"instanceChargeType\":\"POSTPAID\",\"internetChargeType\":\"ByBandwidth\",\"instanceCount\":1,\
               \"tags\":{\"tags\":[{\"key\":\"note\",\"value\":\"测试/é\"}]}}",
    },
    Client {
        name: "Rust",
        sdk: Some("rust 0.0.2-alpha"),
        // No x-zc-service.
        headers: &[
            ("content-type", "application/json"),
            ("host", "{host}"),
            ("x-zc-version", "2026-04-01"),
            ("x-zc-action", "CreateInstances"),
            ("x-zc-signature-method", "ZC2-HMAC-SHA256"),
            ("x-zc-sdk-version", "0.0.2-alpha"),
            ("x-zc-sdk-lang", "rust"),
            ("x-zc-timestamp", "{time}"),
            ("authorization", "{signature}"),
            ("content-length", "{length}"),
        ],
        body: crate::support::client::EXAMPLE,
    },
    Client {
        name: "the command line",
        sdk: Some("go 0.2.44 zeno"),
        headers: &[
            ("Host", "{host}"),
            ("User-Agent", "Go-http-client/1.1"),
            ("Content-Length", "{length}"),
            ("Authorization", "{signature}"),
            ("Content-Type", "application/json"),
            ("x-zc-action", "CreateInstances"),
            ("x-zc-request-client", "zeno"),
            ("x-zc-sdk-lang", "go"),
            ("x-zc-sdk-version", "0.2.44"),
            ("x-zc-service", "vm"),
            ("x-zc-signature-method", "ZC2-HMAC-SHA256"),
            ("x-zc-timestamp", "{time}"),
            ("x-zc-version", "2026-04-01"),
            ("Accept-Encoding", "gzip"),
        ],
        body: crate::support::client::EXAMPLE,
    },
    Client {
        name: "curl with a token",
        sdk: None,
        // The vendor's sample: no version, no service, no timestamp, no method.
        headers: &[
            ("Host", "{host}"),
            ("User-Agent", "curl/8.5.0"),
            ("Accept", "*/*"),
            ("Content-Type", "application/json"),
            ("X-ZC-Action", "CreateInstances"),
            ("Authorization", "Bearer {token}"),
            ("Content-Length", "{length}"),
        ],
        body: crate::support::client::EXAMPLE,
    },
    Client {
        name: "Rust with a token",
        sdk: Some("rust 0.0.2-alpha"),
        // It sends the timestamp whatever the credential.
        headers: &[
            ("content-type", "application/json"),
            ("host", "{host}"),
            ("x-zc-version", "2026-04-01"),
            ("x-zc-action", "CreateInstances"),
            ("x-zc-sdk-version", "0.0.2-alpha"),
            ("x-zc-sdk-lang", "rust"),
            ("x-zc-timestamp", "{time}"),
            ("authorization", "Bearer {token}"),
            ("content-length", "{length}"),
        ],
        body: crate::support::client::EXAMPLE,
    },
];

impl Client {
    fn header(&self, name: &str) -> Option<&'static str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Its headers for one request to `host`.
    fn signed(&self, host: &str) -> Vec<(&'static str, String)> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let signature = authorize(
            KEY,
            &SigningKey::new(&Secret::new(SECRET)),
            self.header("content-type").unwrap(),
            host,
            i64::try_from(time).unwrap(),
            &PayloadHash::of(self.body.as_bytes()),
        );
        let fill = |text: &str| {
            text.replace("{host}", host)
                .replace("{time}", &time.to_string())
                .replace("{signature}", &signature.to_string())
                .replace("{length}", &self.body.len().to_string())
                .replace("{token}", TOKEN)
        };
        self.headers.iter().map(|(name, value)| (*name, fill(value))).collect()
    }

    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut bytes = b"POST /api/v2/vm HTTP/1.1\r\n".to_vec();
        for (name, value) in self.signed(&address.to_string()) {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
        bytes
    }

    fn send(&self, connection: &mut TcpStream, address: SocketAddr) -> Answer {
        connection.write_all(&self.bytes(address)).unwrap();
        read_answer(connection).unwrap_or_else(|| panic!("{}: no answer", self.name))
    }
}

#[test]
fn every_client_orders_a_machine_and_keeps_its_connection() {
    let world = World::new();
    // Open to the end: clients that sign the same bytes in one second would else look like one that asks again.
    let mut connections = Vec::new();
    for client in &CLIENTS {
        let mut connection = connect(world.address());
        for _ in 0..2 {
            let answer = client.send(&mut connection, world.address());
            assert_eq!(answer.instance_ids().len(), 1, "{}", client.name);
            let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
            assert_eq!(record["caller"]["sdk"].as_str(), client.sdk, "{}", client.name);
            assert_eq!(record["action"]["version"], client.header("x-zc-version").unwrap_or("2026-04-01"));
        }
        let received = world.emulator.requests();
        let last = received.last().unwrap();
        let (asked, sent): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(client.body).unwrap(), serde_json::from_slice(&last.body).unwrap());
        // The same texts however they were escaped; the cloud is told the service in any case.
        assert_eq!(sent["tags"], asked["tags"], "{}", client.name);
        assert_eq!(last.header("x-zc-service"), Some("vm"), "{}", client.name);
        assert_eq!(
            last.header("x-zc-request-client"),
            client.header("x-zc-request-client"),
            "{}",
            client.name
        );
        assert_eq!(last.header("date"), None, "{}", client.name);
        connections.push(connection);
    }
    assert_eq!(world.emulator.instance_count(), 2 * CLIENTS.len());
}

/// What is signed is the content type as it was sent, not its media type (the vendor allows lower case besides).
#[test]
fn the_content_type_is_signed_to_the_letter() {
    let world = World::new();
    let text = String::from_utf8(JAVA.bytes(world.address())).unwrap();
    for other in ["application/json", "application/json;charset=utf-8"] {
        let mut connection = connect(world.address());
        connection.write_all(text.replace("application/json; charset=utf-8", other).as_bytes()).unwrap();
        let answer = read_answer(&mut connection).unwrap();
        answer.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    }
    assert_eq!(world.emulator.requests().len(), 0);
}

/// OkHttp may repeat a request on its own when a kept connection died; the body is used up by then.
#[test]
fn a_repeat_that_lost_its_body_orders_nothing() {
    let world = World::new();
    let whole = String::from_utf8(JAVA.bytes(world.address())).unwrap();
    let (head, _) = whole.split_once("\r\n\r\n").unwrap();
    let bare = head.replace(&format!("Content-Length: {}", JAVA.body.len()), "Content-Length: 0");
    let mut connection = connect(world.address());
    connection.write_all(format!("{bare}\r\n\r\n").as_bytes()).unwrap();
    read_answer(&mut connection).unwrap().assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    assert_eq!(world.emulator.requests().len(), 0);
}

/// Each client signs the host that it was configured with, and sends the same.
#[test]
fn hosts_are_signed_as_they_are_written() {
    let world = World::new();
    for host in [
        "gateway.example.internal",
        "gateway.example.internal:443",
        "Gateway.Example.Internal:8443",
        "[::1]:8080",
        "http://127.0.0.1:8080",
    ] {
        let mut call = Call::new("vm", "DescribeInstances");
        call.host = Some(host.to_owned());
        assert_eq!(world.send(&call).status, 200, "{host}");
    }
}

/// Java speaks HTTP/2 where it is offered; its `host` is then the authority alone, and its names are lower case.
#[test]
fn java_orders_over_http2() {
    let authority = Authority::new();
    let world = tls_world(&authority.issue(&["127.0.0.1"]));
    let (status, body) = world.runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(world.address()).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = tokio_rustls::TlsConnector::from(authority.client(None, b"h2"));
        let stream = connector.connect(name, socket).await.unwrap();
        let host = world.address().to_string();
        let mut request = http::Request::post(format!("https://{host}/api/v2/vm"));
        for (name, value) in JAVA.signed(&host) {
            // OkHttp leaves out what HTTP/2 forbids or says otherwise.
            if !["host", "connection"].contains(&name.to_lowercase().as_str()) {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::new(Bytes::from(JAVA.body))).unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        (response.status(), response.into_body().collect().await.unwrap().to_bytes())
    });
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    assert_eq!(world.emulator.instance_count(), 1);
}
