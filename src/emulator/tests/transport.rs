//! Connections, framing, envelopes, TLS, and who is let in.

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::emulator::Verdict;
use crate::emulator::testing::{Client, NOW, Signed, TOKEN, emulator, sample, with};

fn zones() -> Vec<u8> {
    Signed::at(NOW).request("vm", "DescribeZones", "2026-04-01", b"{}")
}

#[tokio::test]
async fn a_connection_serves_many_requests_also_pipelined() {
    let (emulator, _) = emulator().await;
    let mut client = Client::connect(&emulator).await;
    for _ in 0..3 {
        client.call(&zones()).await.good();
    }
    client.send(&[zones(), zones()].concat()).await;
    client.reply().await.unwrap().good();
    client.reply().await.unwrap().good();
    assert_eq!((emulator.connections(), emulator.requests().len()), (1, 5));
    assert!(emulator.requests().iter().all(|seen| seen.connection == 1));
}

#[tokio::test]
async fn a_request_that_asks_for_close_gets_it() {
    let (emulator, _) = emulator().await;
    let mut client = Client::connect(&emulator).await;
    let request = String::from_utf8(zones()).unwrap().replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let reply = client.call(request.as_bytes()).await;
    assert!(reply.head.contains("Connection: close"));
    assert_eq!(client.rest().await.unwrap(), b"");
}

#[tokio::test]
async fn answers_carry_request_ids_of_the_vendors_shape() {
    let (emulator, _) = emulator().await;
    let mut client = Client::connect(&emulator).await;
    let good = client.call(&zones()).await;
    assert!(good.head.contains("Content-Type: application/json\r\n"));
    let bad = client.call(&Signed::at(NOW).request("vm", "Nothing", "", b"{}")).await;
    assert_eq!(bad.refusal(), (401, "AUTHFAILURE_UNAUTHORIZED_OPERATION".to_owned()));
    for id in [&good.json()["requestId"], &bad.json()["requestId"]] {
        let id = id.as_str().unwrap();
        assert!(id.starts_with('T') && id.len() == 37 && id.to_uppercase() == id, "{id}");
    }
    assert!(bad.json().get("response").is_none());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_connection_closed() {
    let (emulator, _) = with(|options| options.body_limit = 100).await;
    let head = "POST /api/v2/vm HTTP/1.1\r\nhost: x\r\n";
    let long = format!("{head}x-long: {}\r\n", "x".repeat(70_000));
    let table = [
        (411, format!("{head}transfer-encoding: chunked\r\n\r\n0\r\n\r\n")),
        (413, format!("{head}content-length: 101\r\n\r\n{}", "x".repeat(101))),
        (400, format!("{head}content-length: 1e2\r\n\r\n")),
        (400, format!("{head}content-length: 1\r\ncontent-length: 2\r\n\r\n")),
        (400, "this is not http\r\n\r\n".to_owned()),
        (431, long),
    ];
    for (status, text) in table {
        let mut client = Client::connect(&emulator).await;
        let reply = client.call(text.as_bytes()).await;
        assert_eq!(reply.status, status, "{}", reply.head);
        assert!(reply.json()["requestId"].is_string());
        assert!(reply.head.contains("Connection: close"));
    }
    assert_eq!(emulator.requests().len(), 0);
}

#[tokio::test]
async fn the_edge_refuses_other_methods_paths_and_types() {
    let (emulator, _) = emulator().await;
    let good = String::from_utf8(zones()).unwrap();
    let table = [
        (405, good.replace("POST ", "GET ")),
        (404, good.replace("/api/v2/vm", "/api/v1/vm")),
        (404, good.replace("/api/v2/vm", "/api/v2/vm?action=x")),
        (404, good.replace("/api/v2/vm", "/api/v2//vm")),
        (415, good.replace("content-type: application/json", "content-type: text/plain")),
        (400, good.replace("\r\n\r\n", "\r\nX-ZC-Service: bmc\r\n\r\n")),
        (200, good.replace("\r\n\r\n", "\r\nX-ZC-Service: vm\r\n\r\n")),
        (200, good.replace("/api/v2/vm", "/api/v2/vm/")),
        (401, good.replace("DescribeZones", "describeZones")),
        (401, good.replace("2026-04-01", "2025-01-01")),
    ];
    for (status, text) in table {
        let reply = Client::connect(&emulator).await.call(text.as_bytes()).await;
        assert_eq!(reply.status, status, "{text}");
    }
}

#[tokio::test]
async fn bodies_must_be_json_objects() {
    let (emulator, _) = emulator().await;
    for body in ["", "[]", "null", "{", "{\"a\":1,}"] {
        let request = Signed::at(NOW).request("vm", "DescribeZones", "", body.as_bytes());
        let reply = Client::connect(&emulator).await.call(&request).await;
        assert_eq!(reply.refusal(), (400, "INVALID_PARAMETER_TYPE".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn only_signed_requests_and_known_tokens_are_let_in() {
    let (emulator, _) = emulator().await;
    let mut client = Client::connect(&emulator).await;
    let wrong = Signed { secret: "other", ..Signed::at(NOW) };
    let late = Signed::at(NOW - 301);
    let table = [
        (wrong, "AUTHFAILURE_SIGNATURE_FAILURE"),
        (late, "AUTHFAILURE_SIGNATURE_EXPIRED"),
        (Signed { key: "AKother", ..Signed::at(NOW) }, "AUTHFAILURE_SIGNATURE_FAILURE"),
    ];
    for (signed, code) in table {
        let reply = client.call(&signed.request("vm", "DescribeZones", "", b"{}")).await;
        assert_eq!(reply.refusal(), (401, code.to_owned()));
    }
    let more = Signed { extra: vec![("x-zc-service", "vm")], ..Signed::at(NOW) };
    client.call(&more.request("vm", "DescribeZones", "", b"{}")).await.good();
    for (token, status) in [(TOKEN, 200), ("other", 401)] {
        let text = format!(
            "POST /api/v2/vm HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-ZC-Action: DescribeZones\r\n\
             Authorization: Bearer {token}\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(client.call(text.as_bytes()).await.status, status);
    }
}

#[tokio::test]
async fn every_request_is_recorded_as_it_came() {
    let (emulator, _) = emulator().await;
    let body = sample().to_string();
    let request = Signed::at(NOW).request("vm", "CreateInstances", "2023-03-13", body.as_bytes());
    let mut client = Client::connect(&emulator).await;
    client.call(&request).await.good();
    let wrong = Signed { key: "AKother", ..Signed::at(NOW) }.request("vm", "DescribeZones", "", b"{}");
    client.call(&wrong).await;
    emulator.arrived(2).await;
    let seen = emulator.requests();
    assert_eq!((seen[0].service.as_str(), seen[0].action.as_str()), ("vm", "CreateInstances"));
    assert_eq!(seen[0].version.as_deref(), Some("2023-03-13"));
    assert_eq!(seen[0].body, body.as_bytes());
    assert_eq!(seen[0].access_key.as_deref(), Some("AKtest"));
    let names: Vec<&str> = seen[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = [
        "host",
        "content-type",
        "content-length",
        "x-zc-action",
        "x-zc-timestamp",
        "authorization",
        "x-zc-version",
    ];
    assert_eq!(names, wanted);
    assert_eq!(seen[0].header("HOST"), Some("emulator.test:9100"));
    assert_eq!(seen[0].verdict, Verdict::Executed);
    assert_eq!((seen[1].number, seen[1].access_key.as_deref()), (2, Some("AKother")));
    let refused = Verdict::Refused { status: 401, code: "AUTHFAILURE_SIGNATURE_FAILURE".to_owned() };
    assert_eq!(seen[1].verdict, refused);
}

#[tokio::test]
async fn the_record_forgets_the_oldest() {
    let (emulator, _) = with(|options| options.keep_requests = 2).await;
    let mut client = Client::connect(&emulator).await;
    for _ in 0..3 {
        client.call(&zones()).await.good();
    }
    let numbers: Vec<u64> = emulator.requests().iter().map(|seen| seen.number).collect();
    assert_eq!(numbers, [2, 3]);
}

#[tokio::test]
async fn a_shutdown_cuts_connections_and_frees_the_port() {
    let (emulator, _) = emulator().await;
    let address = emulator.address();
    let mut client = Client::connect(&emulator).await;
    client.call(&zones()).await.good();
    emulator.shutdown().await;
    assert!(client.rest().await.unwrap_or_default().is_empty());
    let (again, _) = with(|options| options.listen = address).await;
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn the_same_over_tls_with_http_1_1_only() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (emulator, _) = with(|options| options.tls = Some(Arc::new(server))).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tcp = TcpStream::connect(emulator.address()).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let mut client = Client::over(stream);
    for _ in 0..2 {
        let reply = client.call(&zones()).await.good();
        assert_eq!(reply["zoneSet"][0]["zoneId"], json!("SEL-A"));
    }
}
