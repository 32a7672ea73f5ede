//! What a deadline covers.

use tokio::net::TcpListener;

use super::*;

/// Whoever waits for the outcome of a create counts from when it began, not from when a slow handshake was done.
#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_create_covers_connecting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Takes connections and never says a word of TLS.
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let long = Duration::from_secs(600);
    let deadlines =
        Deadlines { connect: long, tls: long, create: Duration::from_secs(2), change: long, read: long };
    let origin: Origin = format!("https://{address}").parse().unwrap();
    let upstream = Upstream::new(origin, Some(Arc::new(tls)), deadlines, 1 << 20, 1, Patience::ENDLESS);
    let request = Request::new(Bytes::new());
    let outcome = tokio::time::timeout(Duration::from_secs(5), upstream.change(Kind::Create, &request)).await;
    assert!(matches!(outcome, Ok(Err(SendError::NotSent(_)))), "{outcome:?}");
    silent.abort();
}
