//! TLS on both sides: HTTP/2 and HTTP/1.1 for clients, verified certificates towards the cloud.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsConnector;
use zengate::emulator;
use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

use crate::support::client::EXAMPLE;
use crate::support::gateway::write;
use crate::support::world::{
    CLOUD_KEY, CLOUD_SECRET, KEY, SECRET, Setup, World, directory, keys, organisation,
};
use crate::support::{Call, Gateway};

pub(super) struct Made {
    certificate: String,
    key: String,
}

pub(super) fn certificate(name: &str) -> Made {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    Made { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

fn server_config(made: &Made) -> Arc<rustls::ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(made.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

pub(super) fn client_config(made: &Made, protocol: &[u8]) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(made.certificate.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

/// A gateway that serves https with a certificate for `127.0.0.1`, in front of an emulator in the clear.
pub(super) fn tls_world(made: &Made) -> World {
    let setup = Setup::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let emulator = runtime.block_on(emulator::Emulator::start(setup.emulator)).unwrap();
    let tls = "[listen.tls]\ncertificate = \"gateway.pem\"\nkey = { file = \"gateway.key\" }\n";
    let files = directory(&format!("http://{}", emulator.address()), &setup.keys, &setup.organisation, tls);
    write(&files.path().join("gateway.pem"), &made.certificate);
    write(&files.path().join("gateway.key"), &made.key);
    World { gateway: Gateway::start(files), emulator, runtime }
}

/// One signed create over TLS with the given protocol; over HTTP/2 the host is `:authority` only.
async fn create(world: &World, made: &Made, protocol: &[u8]) -> (http::StatusCode, Bytes) {
    let socket = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(client_config(made, protocol)).connect(name, socket).await.unwrap();
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
    let made = certificate("127.0.0.1");
    let world = tls_world(&made);
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let (status, body) = world.runtime.block_on(create(&world, &made, protocol));
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

/// A gateway whose upstream is an emulator under TLS with `made`, trusting `trusted`.
fn upstream_world(made: &Made, trusted: &Made) -> World {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = emulator::Options {
        keys: vec![(CLOUD_KEY.to_owned(), Secret::new(CLOUD_SECRET))],
        tls: Some(server_config(made)),
        ..emulator::Options::default()
    };
    let emulator = runtime.block_on(emulator::Emulator::start(options)).unwrap();
    let config = "[upstream]\nurl = \"{url}\"\nca_file = \"cloud-ca.pem\"\n";
    let url = format!("https://{}", emulator.address());
    let files = directory(&url, &keys(""), &organisation(), config);
    write(&files.path().join("cloud-ca.pem"), &trusted.certificate);
    World { gateway: Gateway::start(files), emulator, runtime }
}

#[test]
fn the_cloud_is_reached_under_tls_with_an_own_root() {
    let made = certificate("127.0.0.1");
    let world = upstream_world(&made, &made);
    // Twice: the second create finds a rested connection.
    for _ in 0..2 {
        world.send(&Call::example()).instance_ids();
    }
    assert_eq!(world.send(&Call::new("vm", "DescribeInstances")).status, 200);
}

#[test]
fn a_cloud_that_cannot_prove_itself_hears_nothing() {
    let made = certificate("127.0.0.1");
    for (presented, trusted) in [(&made, &certificate("127.0.0.1")), (&certificate("other.example"), &made)] {
        let world = upstream_world(presented, trusted);
        world.send(&Call::example()).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        world
            .send(&Call::new("vm", "DescribeInstances"))
            .assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        assert_eq!(world.emulator.requests().len(), 0);
    }
    let name_wrong = certificate("other.example");
    let world = upstream_world(&name_wrong, &name_wrong);
    world.send(&Call::example()).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    assert_eq!(world.emulator.requests().len(), 0);
}
