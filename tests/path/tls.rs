//! TLS on both sides: HTTP/2 and HTTP/1.1 for clients, verified certificates towards the cloud.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use zengate::emulator;
use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

use crate::support::Call;
use crate::support::client::EXAMPLE;
use crate::support::tls::{Authority, Made};
use crate::support::world::{KEY, SECRET, Setup, World};

/// A gateway that serves https with a certificate for `127.0.0.1`, in front of an emulator in the clear.
pub(crate) fn tls_world(made: &Made) -> World {
    let config = "[listen.tls]\ncertificate = \"gateway.pem\"\nkey = { file = \"gateway.key\" }\n";
    let files = vec![
        ("gateway.pem".to_owned(), made.certificate.clone()),
        ("gateway.key".to_owned(), made.key.clone()),
    ];
    World::with(Setup { config: config.to_owned(), files, ..Setup::default() })
}

/// One signed create over TLS with the given protocol; over HTTP/2 the host is `:authority` only.
async fn create(world: &World, authority: &Authority, protocol: &[u8]) -> (http::StatusCode, Bytes) {
    let socket = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(authority.client(None, protocol)).connect(name, socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    let host = world.address().to_string();
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let key = SigningKey::new(&Secret::new(SECRET));
    let signed = authorize(KEY, &key, "application/json", &host, now, &PayloadHash::of(EXAMPLE.as_bytes()));
    let mut request = http::Request::post(format!("https://{host}/api/v2/vm"))
        .header("content-type", "application/json")
        .header("x-zc-action", "CreateInstances")
        .header("x-zc-timestamp", now)
        .header("authorization", signed);
    let h2 = protocol == b"h2";
    if !h2 {
        request = request.header("host", &host).uri("/api/v2/vm");
    }
    let request = request.body(Full::new(Bytes::from(EXAMPLE))).unwrap();
    let io = TokioIo::new(stream);
    let response = if h2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

#[test]
fn clients_speak_http2_or_http1_by_alpn() {
    let authority = Authority::new();
    let world = tls_world(&authority.issue(&["127.0.0.1"]));
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let (status, body) = world.runtime.block_on(create(&world, &authority, protocol));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    }
    assert_eq!(world.emulator.instance_count(), 2);
}

#[test]
fn http2_in_the_clear_is_not_spoken() {
    let world = World::new();
    let mut connection = crate::support::client::connect(world.address());
    std::io::Write::write_all(&mut connection, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut connection, &mut rest);
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&rest));
}

/// A gateway whose upstream is an emulator under TLS that shows `made`, trusting `trusted`.
fn upstream_world(made: &Made, trusted: &Authority) -> World {
    let emulator = emulator::Options { tls: Some(made.server()), ..Setup::default().emulator };
    let config = "[upstream]\nurl = \"{url}\"\nca_file = \"cloud-ca.pem\"\n".to_owned();
    let files = vec![("cloud-ca.pem".to_owned(), trusted.pem.clone())];
    World::with(Setup { config, emulator, files, ..Setup::default() })
}

#[test]
fn the_cloud_is_reached_under_tls_with_an_own_root() {
    let authority = Authority::new();
    let world = upstream_world(&authority.issue(&["127.0.0.1"]), &authority);
    // Twice: the second create finds a rested connection.
    for _ in 0..2 {
        world.send(&Call::example()).instance_ids();
    }
    assert_eq!(world.send(&Call::new("vm", "DescribeInstances")).status, 200);
}

#[test]
fn a_cloud_that_cannot_prove_itself_hears_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (what, shown) in [
        ("another authority", other.issue(&["127.0.0.1"])),
        ("another name", authority.issue(&["other.example"])),
        ("no name", authority.issue(&[])),
        ("expired", authority.issue_expired(&["127.0.0.1"])),
    ] {
        let world = upstream_world(&shown, &authority);
        for call in [
            Call::example(),
            Call::new("vm", "TerminateInstance").body(r#"{"instanceId":"x"}"#),
            Call::new("vm", "DescribeInstances"),
        ] {
            world.send(&call).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        }
        assert_eq!(world.emulator.requests().len(), 0, "{what}");
        world.gateway.logged("certificate");
    }
}
