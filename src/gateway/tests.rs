//! Panics, met by the whole gateway on a real port: each costs its own request and nothing else. No request is known that makes
//! the gateway panic, so the bugs are put in: one into the evaluation (`policy::engine::tests::panic_if_asked`), one below
//! [`respond::Respond`].

use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn};

use super::*;
use crate::config::Config;
use crate::emulator::{Emulator, Options};
use crate::lifecycle::{Lifecycle, LogControl};
use crate::secret::Secret;
use crate::server::Server;

const PASSWORD: &str = "Canary-Panic-1x";

/// A gateway in front of a cloud. Its keys `panic` and `fine` have their names as tokens.
struct House {
    emulator: Emulator,
    parts: Parts,
    address: std::net::SocketAddr,
    running: tokio::task::JoinHandle<bool>,
    stop: CancellationToken,
    files: tempfile::TempDir,
}

impl House {
    async fn start() -> Self {
        let keys = vec![("AK".to_owned(), Secret::new("the cloud's"))];
        let emulator = Emulator::start(Options { keys, ..Options::default() }).await.unwrap();
        let files = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        let mut keys = String::new();
        for id in ["panic", "fine"] {
            write(id, &format!("a-token-that-is-long-enough-{id}"));
            keys.push_str(&format!(
                "[[key]]\nid = \"{id}\"\nsecrets = [{{ file = \"cloud\" }}]\ntokens = [{{ file = \"{id}\" }}]\nteam = \"t\"\naccount = \"main\"\n"
            ));
        }
        write("cloud", "the cloud's");
        write("keys.toml", &keys);
        write(
            "zengate.toml",
            &format!(
                "[listen]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n[upstream]\nurl = \"http://{}\"\n\
                 [accounts.main]\naccess_key_id = \"AK\"\nsecret = {{ file = \"cloud\" }}\n[keys]\nfile = \"keys.toml\"\n\
                 [records]\nto = {{ file = \"records.jsonl\" }}\n[policy]\ntime_limit = \"10s\"\ndeadline = \"20s\"\n\
                 [drain]\nlame_duck = \"0s\"\n",
                emulator.address()
            ),
        );
        let config =
            Config::load(&files.path().join("zengate.toml")).unwrap_or_else(|error| panic!("{error}"));
        let server = Server::start(config, Clock::system()).await.unwrap();
        let (parts, address, stop) = (server.parts().clone(), server.address(), CancellationToken::new());
        let lifecycle = Lifecycle {
            stop: stop.clone(),
            stop_now: CancellationToken::new(),
            reload: tokio::sync::watch::Sender::new(0),
            log: LogControl::default(),
        };
        let running = tokio::spawn(server.run(lifecycle));
        Self { emulator, parts, address, running, stop, files }
    }

    /// What is answered to one request.
    async fn ask(&self, token: &str, action: &str, body: &str) -> String {
        let mut connection = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "POST /api/v2/vm HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nX-ZC-Action: {action}\r\n\
             Authorization: Bearer a-token-that-is-long-enough-{token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn metrics(&self) -> String {
        self.parts.metrics.policies().judged(self.parts.judge.stats(), 0);
        String::from_utf8(self.parts.metrics.render()).unwrap()
    }
}

fn create() -> String {
    format!(
        r#"{{"zoneId":"SEL-A","instanceType":"c.1c2g","imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8","instanceChargeType":"POSTPAID","internetChargeType":"ByBandwidth","password":"{PASSWORD}"}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_rule_refuses_what_it_was_asked_about() {
    let house = House::start().await;
    let change = r#"{"instanceId":"no-such-machine"}"#;
    for (action, body) in [("CreateInstances", create()), ("TerminateInstance", change.to_owned())] {
        let answer = house.ask("panic", action, &body).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("OPERATION_DENIED_POLICY_ERROR") && answer.contains("(panic"), "{answer}");
        assert!(!answer.contains(PASSWORD), "{answer}");
    }
    // Nothing of it went out. (The gateway itself has listed and looked, as it does at a start.)
    assert!(house.emulator.requests().iter().all(|seen| seen.action.starts_with("Describe")));
    // Reads ask no rules, and others are judged as before.
    assert!(house.ask("panic", "DescribeInstances", "{}").await.starts_with("HTTP/1.1 200 "));
    let fine = house.ask("fine", "CreateInstances", &create()).await;
    assert!(fine.starts_with("HTTP/1.1 200 "), "{fine}");
    let metrics = house.metrics();
    assert!(metrics.contains("zengate_policy_panics_total 2\n"), "{metrics}");
    assert!(metrics.contains("zengate_panics_total 0\n"), "{metrics}");
    assert!(!metrics.contains(PASSWORD));
    house.stop.cancel();
    assert!(house.running.await.unwrap(), "all is drained");
    let records = std::fs::read_to_string(house.files.path().join("records.jsonl")).unwrap();
    assert_eq!(
        records.lines().filter(|line| line.contains("\"verdict\":\"failed\"")).count(),
        2,
        "{records}"
    );
    assert!(!records.contains(PASSWORD), "{records}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_on_the_path_is_one_answer_of_500_on_a_connection_that_goes_on() {
    let house = House::start().await;
    let broken = |observed: observe::Observed| async move {
        let asked = observed.request.headers().contains_key("x-panic");
        assert!(!asked, "asked to panic about {PASSWORD}");
        Err::<answer::Answer, _>(crate::refusal::Refusal::Busy)
    };
    let path = ServiceBuilder::new()
        .layer(observe::Observe::new(&Arc::new(house.parts.clone())))
        .layer(respond::Respond)
        .service(service_fn(broken));
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let line = Line::default();
    tokio::spawn(async move {
        let service = hyper::service::service_fn(move |request| {
            let peer = Peer { address: ([127, 0, 0, 1], 40_000).into(), certificate: None };
            path.clone().oneshot(Arrival { peer, request, line: line.clone() })
        });
        let _ =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await;
    });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
    tokio::spawn(connection);
    for (header, status, code) in [
        ("x-panic", 500, "INTERNAL_SERVER_ERROR"),
        ("x-calm", 429, "REQUEST_LIMIT_EXCEEDED"),
        ("x-panic", 500, "INTERNAL_SERVER_ERROR"),
    ] {
        let request = http::Request::post("/api/v2/vm").header("host", "x").header(header, PASSWORD);
        sender.ready().await.expect("the connection goes on");
        let response =
            sender.send_request(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        let decision = response.headers().get(DECISION).unwrap().to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (body["code"].as_str(), body["requestId"].as_str()),
            (Some(code), Some(decision.as_str()))
        );
        assert!(body["message"].as_str().is_some_and(|text| !text.contains(PASSWORD)), "{body}");
    }
    let metrics = house.metrics();
    assert!(metrics.contains("zengate_panics_total 2\n"), "{metrics}");
    assert!(metrics.contains("outcome=\"internal_error\""), "{metrics}");
    assert!(house.emulator.requests().iter().all(|seen| seen.action.starts_with("Describe")));
    house.stop.cancel();
    let _ = house.running.await;
}
