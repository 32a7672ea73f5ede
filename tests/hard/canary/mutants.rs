//! The same search in a gateway with everything switched on: TLS and HTTP/2, client certificates, sealed secrets, a collector of
//! records, signed rules from a server, an account with a token. Hundreds of requests that were written badly, by a printed seed.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;

use super::{CHATTERBOX, PASSWORD, calls, create, holds, walk};
use crate::support::bundles::{Server, sign};
use crate::support::client::read_answer;
use crate::support::collector::Collector;
use crate::support::random::Random;
use crate::support::tls::{Authority, TlsStream};
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, KEY, SECRET, Setup, TOKEN, directory};
use crate::support::{Call, Gateway, World, eventually};

const ADMIN: &str = "canary-token-of-an-operator-of-all";
const BUNDLES: &str = "canary-token-of-the-server-of-rules";
const RULES: &str = "canary-secret-that-signs-the-rules";
const COLLECTOR: &str = "canary-token-of-the-collector";
const ACCOUNT: &str = "canary-token-of-an-account-in-the-cloud";
const POSTGRES: &str = "canary-password-of-the-ledger";
const SCRIPT: &str = "script-secret-0123456789";

/// What a program prints, on both of its outputs.
fn told(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(arguments)
        .env("ZENGATE_TEST_TOKEN", TOKEN)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A request with one thing wrong, or more. What a caller writes into the place of a word is told as that word, so secrets stay in
/// the values they are in.
fn spoiled(random: &mut Random, call: &Call, address: std::net::SocketAddr) -> Vec<u8> {
    let mut bytes = call.bytes(address);
    let (head, all) = (bytes.len() - call.body.len(), bytes.len());
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len().max(1));
        match random.below(8) {
            0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at.max(head / 2)),
            3 => bytes.insert(at, *random.pick(b"\"{}[]:,\\\r\n \0\xff")),
            4 => drop(bytes.remove(at)),
            5 => {
                let piece = bytes[at..(at + random.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            6 if head < all && bytes.len() == all => {
                let at = head + random.below(all - head);
                bytes[at] = *random.pick(b"\"{}[]:,\\0n");
            }
            _ => bytes.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n"),
        }
        if bytes.is_empty() {
            bytes.push(b'P');
        }
    }
    bytes
}

/// Everything that comes back on a connection.
fn rest(stream: &mut TlsStream) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

/// `ZENGATE_CANARIES` is the number of requests (CI: 500), `ZENGATE_SEED` repeats a run.
#[test]
fn nothing_that_comes_out_of_a_gateway_with_everything_holds_a_secret() {
    let now = || u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
    let seed = std::env::var("ZENGATE_SEED").ok().map_or_else(now, |text| text.parse().unwrap());
    println!("ZENGATE_SEED={seed}");
    let mut random = Random::new(seed);
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    told(&["secret", "new-key", &at("seal.key")], "");
    let seal_key = std::fs::read_to_string(at("seal.key")).unwrap().trim().to_owned();
    let seal = |secret: &str| told(&["secret", "seal", "--with", &at("seal.key")], secret).trim().to_owned();
    let (sealed_cloud, sealed_client) = (seal(CLOUD_SECRET), seal(SECRET));
    assert!(sealed_cloud.starts_with("zgs1."), "{sealed_cloud}");
    std::fs::create_dir(at("keys")).unwrap();
    std::fs::write(at("keys/k.secret"), RULES).unwrap();
    let server = Server::start(BUNDLES);
    let rules = sign(&[("rules/chatterbox.rego", CHATTERBOX), (".manifest", r#"{"revision":"v1"}"#)], RULES);
    server.offer(rules, "a");
    let collector = Collector::start(COLLECTOR);
    let authority = Authority::new();
    let (own, client) = (authority.issue(&["127.0.0.1"]), authority.issue(&["builder.example"]));
    let tls_key: String = own.key.lines().filter(|line| !line.starts_with("---")).collect();
    let config = format!(
        "[log]\nlevel = \"trace\"\n[listen.tls]\ncertificate = \"gateway.pem\"\nkey = {{ file = \"gateway.key\" }}\nclients = \"clients.pem\"\n\
         clients_required = false\n\
         [admin]\naddress = \"127.0.0.1:0\"\ntokens = [{{ file = \"admin.token\" }}]\naudit_log = \"admin.jsonl\"\n\
         [accounts.main]\naccess_key_id = \"{CLOUD_KEY}\"\nsecret = {{ sealed = \"{sealed_cloud}\", with = \"{key}\" }}\n\
         [accounts.other]\ntoken = {{ file = \"account.token\" }}\n\
         [policy]\npoll_interval = \"200ms\"\nkeep = \"kept\"\nverify_keys = {keys:?}\n\
         [policy.remote]\nurl = \"http://{server}/b.tar.gz\"\ntoken = {{ file = \"bundles.token\" }}\n\
         [records]\nto = {{ collector = {{ url = \"http://{collector}/logs\", token = {{ file = \"collector.token\" }} }} }}\n",
        key = at("seal.key"),
        keys = at("keys"),
        server = server.address,
        collector = collector.address,
    );
    let keys = format!(
        "[[key]]\nid = \"{KEY}\"\nsecrets = [{{ sealed = \"{sealed_client}\", with = \"{}\" }}]\ntokens = [{{ env = \"ZENGATE_TEST_TOKEN\" }}]\n\
         team = \"payments\"\naccount = \"main\"\n",
        at("seal.key")
    );
    let files = [
        ("gateway.pem", own.certificate.as_str()),
        ("gateway.key", &own.key),
        ("clients.pem", &authority.pem),
        ("admin.token", ADMIN),
        ("account.token", ACCOUNT),
        ("bundles.token", BUNDLES),
        ("collector.token", COLLECTOR),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    let world = World::with(Setup { config, files, keys, ..Setup::default() });
    let (address, all) = (world.address(), calls());
    let mut came: Vec<(String, String)> = Vec::new();
    // Good ones first: the rules are there, the cloud is asked, the collector hears.
    let mut stream = authority.connect(address, Some(&client)).unwrap();
    for number in 0..4 {
        let call = create(json!({"instanceName": format!("good-{number}"), "password": null}));
        stream.write_all(&call.bytes(address)).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.json());
        came.push(("an answer".into(), format!("{answer:?}{}", String::from_utf8_lossy(&answer.body))));
    }
    let mut signature = String::new();
    let number = std::env::var("ZENGATE_CANARIES").map_or(500, |text| text.parse().unwrap());
    let mut answers = String::new();
    for number in 0..number {
        let call = random.pick(&all).clone();
        if let Some((_, value)) = call.fields(address).into_iter().find(|(name, _)| name == "Authorization") {
            signature = value.rsplit('=').next().unwrap().to_owned();
        }
        let bytes = spoiled(&mut random, &call, address);
        let own = random.chance(20).then_some(&client);
        let mut stream = authority.connect(address, own).unwrap();
        if number % 10 == 0 {
            // As frames of HTTP/2 it is nonsense from the first byte.
            stream = authority.connect_speaking(b"h2", address, own).unwrap();
            let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        }
        let _ = stream.write_all(&bytes);
        let _ = stream.flush();
        stream.conn.send_close_notify();
        let _ = stream.conn.complete_io(&mut stream.sock);
        let _ = stream.sock.shutdown(std::net::Shutdown::Write);
        answers.push_str(&rest(&mut stream));
    }
    came.push(("the answers".into(), answers));
    // Whole requests over HTTP/2, good and bad.
    came.push(("answers over HTTP/2".into(), crate::hard::http2::asked(address, &authority, &all)));
    // Operators.
    let admin = |path: &str, token: &str| {
        let mut call = Call::new("", "").unsigned().target(path);
        call.method = "GET".to_owned();
        let answer =
            call.header("Authorization", &format!("Bearer {token}")).send(world.gateway.admin_address());
        format!("{answer:?}{}", String::from_utf8_lossy(&answer.body))
    };
    for path in [
        "/metrics",
        "/status",
        "/policy",
        "/policy/material",
        "/quota",
        "/quota/drift",
        "/quota/explain?scope=team/payments&resource=instances",
    ] {
        came.push((path.into(), admin(path, ADMIN)));
        came.push((path.into(), admin(path, RULES)));
    }
    let url = format!("http://{}", world.gateway.admin_address());
    let config = world.gateway.directory().join("zengate.toml").display().to_string();
    // What people see on their terminals.
    let good = String::from_utf8(all[0].body.clone()).unwrap();
    crate::support::gateway::write(&place.path().join("operator.token"), ADMIN);
    let token = at("operator.token");
    let asking = ["--gateway", &url, "--token-file", &token];
    let offline = ["--policy", "policies", "--team", "payments"];
    for (arguments, rest) in [
        (&["policy", "status"][..], &asking[..]),
        (&["policy", "stage", "policies"], &asking),
        (&["quota", "list"], &asking),
        (&["quota", "explain", "team/payments", "instances"], &asking),
        (&["quota", "list", "--gateway", &url, "--token-file", &at("keys/k.secret")], &[]),
        (&["check", "--team", "payments", "-"], &asking),
        (&["check", "-"], &offline),
        (&["explain", "-"], &offline),
        (&["replay", "-"], &offline),
        (&["config", "check", "--config", &config], &[]),
        (&["health", "--url", &format!("{url}/readyz")], &[]),
        (&["serve", "--config", &config, "--nonsense"], &[]),
        (&["serve", "--config", &token], &[]),
        (&["secret", "seal", "--with", &at("keys/k.secret")], &[]),
    ] {
        let arguments = [arguments, rest].concat();
        came.push((arguments.join(" "), told(&arguments, &good)));
    }
    // A ledger whose server is not there, and a configuration with secrets where none belong.
    let with = |quota: &str| {
        let config =
            format!("[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"127.0.0.1\"\n{quota}");
        let keys = crate::support::world::keys("");
        let files = directory("http://127.0.0.1:1", &keys, "settings: {}\n", &config);
        crate::support::gateway::write(&files.path().join("pg.password"), POSTGRES);
        files
    };
    let files = with("port = 1\npassword = { file = \"pg.password\" }\ntls = { mode = \"disable\" }\n");
    let gateway = Gateway::start(files);
    let answer = create(json!({"instanceName": "unbooked", "password": null})).send(gateway.address());
    assert_eq!(answer.status, 503, "{}", answer.json());
    came.push(("the log beside a ledger that is away".into(), gateway.log().join("\n")));
    let files = with(&format!("port = 1\npassword = \"{POSTGRES}\"\n"));
    let file = files.path().join("zengate.toml").display().to_string();
    came.push(("a password in the configuration".into(), told(&["config", "check", "--config", &file], "")));
    eventually("the collector's records", || (!collector.records().is_empty()).then_some(()));
    came.push(("records at the collector".into(), serde_json::to_string(&collector.records()).unwrap()));
    for file in walk(world.gateway.directory()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let kept = file.components().any(|part| part.as_os_str() == "kept");
        if kept || ["admin.jsonl", "zengate-ledger.db", "zengate-ledger.db-wal"].contains(&name.as_str()) {
            came.push((name, String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()));
        }
    }
    came.push(("the log".into(), world.gateway.log().join("\n")));
    assert_eq!(world.gateway.admin_page("/readyz").status, 200);
    let tls_middle = &tls_key[40..100];
    let secrets = [
        SECRET,
        TOKEN,
        CLOUD_SECRET,
        PASSWORD,
        SCRIPT,
        ADMIN,
        BUNDLES,
        RULES,
        COLLECTOR,
        ACCOUNT,
        POSTGRES,
        seal_key.as_str(),
        tls_middle,
        signature.as_str(),
    ];
    // The ledger knows creates by their signatures, so that none counts twice; nothing else holds one.
    let (ledger, others): (Vec<_>, Vec<_>) =
        came.into_iter().partition(|(name, _)| name.starts_with("zengate-ledger.db"));
    holds(&secrets[..secrets.len() - 1], &ledger);
    holds(&secrets, &others);
}
