//! The admin listener is the operators': who may ask, who is turned away, and what is written down of it.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::client::read_answer;
use crate::support::tls::Authority;
use crate::support::world::Setup;
use crate::support::{Answer, Call, World, eventually};

const TOKEN: &str = "token-of-an-operator-on-call";

fn setup() -> Setup {
    let config = "[admin]\naddress = \"127.0.0.1:0\"\ntokens = [{ file = \"admin.token\" }]\naudit_log = \"admin.jsonl\"\n";
    let files = vec![("admin.token".to_owned(), format!("{TOKEN}\n"))];
    Setup { config: config.to_owned(), files, ..Setup::default() }
}

fn page(method: &str, path: &str) -> Call {
    let mut call = Call::new("", "").unsigned().target(path);
    call.method = method.to_owned();
    if method == "GET" {
        call.body = Vec::new();
    }
    call
}

fn ask(world: &World, call: &Call) -> Answer {
    call.send(world.gateway.admin_address())
}

fn audit(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.gateway.directory().join("admin.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_token_is_asked_for_everything_but_probes() {
    let world = World::with(setup());
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(&world, &page("GET", path)).status, 200, "{path}");
    }
    for (method, path) in [
        ("GET", "/metrics"),
        ("GET", "/status"),
        ("GET", "/quota"),
        ("GET", "/policy"),
        ("GET", "/policy/material"),
        ("POST", "/policy/reload"),
        ("POST", "/quota/reconcile"),
        ("GET", "/no-such-page"),
        ("GET", "//status"),
    ] {
        let answer = ask(&world, &page(method, path));
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        let right = page(method, path).header("Authorization", &format!("Bearer {TOKEN}"));
        assert!(ask(&world, &right).status != 401, "{method} {path}");
    }
    let lines = audit(&world);
    let of = |stage: &str| lines.iter().filter(|line| line["stage"] == stage).count();
    assert_eq!((of("refused"), of("asked")), (9, 2), "{lines:?}");
    let order = lines.iter().find(|line| line["stage"] == "asked").unwrap();
    assert_eq!((order["by"]["token"].as_u64(), order["target"].as_str()), (Some(1), Some("/policy/reload")));
    let done = lines.iter().find(|line| line["stage"] == "answered" && line["number"] == order["number"]);
    assert_eq!(done.unwrap()["status"], 200);
    // No line holds a token, neither the right one nor what was shown instead.
    assert!(!lines.iter().any(|line| line.to_string().contains(TOKEN)));
}

#[test]
fn guessing_is_answered_ten_times_a_minute() {
    let world = World::with(setup());
    let shown = |token: &str| {
        ask(&world, &page("GET", "/status").header("Authorization", &format!("Bearer {token}")))
    };
    for number in 0..10 {
        assert_eq!(shown(&format!("guess-number-{number}-of-many")).status, 401);
    }
    let answer = shown(TOKEN);
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")));
    assert_eq!(ask(&world, &page("GET", "/livez")).status, 200);
}

#[test]
fn no_page_in_a_browser_can_give_orders() {
    let world = World::new();
    let order = || page("POST", "/policy/reload");
    assert_eq!(ask(&world, &order()).status, 200, "the machine itself may");
    for (name, value) in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        assert_eq!(ask(&world, &order().header(name, value)).status, 403, "{name}");
    }
    // A name that points here (DNS rebinding), and a form, which browsers send without asking.
    let mut rebound = order();
    rebound.host = Some("evil.example:9180".to_owned());
    assert_eq!(ask(&world, &rebound).status, 403);
    let mut form = order();
    form.content_type = "text/plain".to_owned();
    assert_eq!(ask(&world, &form).status, 415);
}

#[test]
fn an_order_that_cannot_be_written_down_is_not_carried_out() {
    let mut setup = setup();
    setup.config = setup.config.replace("admin.jsonl", "gone/admin.jsonl");
    let world = World::with(setup);
    let with = |call: Call| ask(&world, &call.header("Authorization", &format!("Bearer {TOKEN}")));
    let answer = with(page("POST", "/policy/reload"));
    assert_eq!(answer.status, 503, "{}", answer.json());
    assert!(answer.json()["error"].as_str().unwrap().contains("audit log"));
    assert_eq!(with(page("GET", "/status")).status, 200, "questions are answered");
}

fn zengate(world: &World, arguments: &[&str], scheme: &str) -> Output {
    let admin = format!("{scheme}://{}", world.gateway.admin_address());
    let mut command = Command::new(env!("CARGO_BIN_EXE_zengate"));
    command.args(arguments).args(["--admin", &admin]).current_dir(world.gateway.directory());
    command.output().unwrap()
}

#[test]
fn the_command_line_shows_its_token_and_new_ones_are_taken() {
    let world = World::with(setup());
    let list = |more: &[&str]| zengate(&world, &[&["policy", "status"], more].concat(), "http");
    let without = list(&[]);
    assert_eq!(without.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&without.stderr).contains("--token-file"), "{without:?}");
    let with = list(&["--token-file", "admin.token"]);
    assert!(with.status.success(), "{with:?}");
    world.gateway.write("admin.token", "another-token-of-that-operator");
    world.gateway.logged("the tokens of the admin listener were replaced");
    let old = page("GET", "/status").header("Authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(ask(&world, &old).status, 401);
    assert!(list(&["--token-file", "admin.token"]).status.success());
}

const USERS: &str = "[admin]\naddress = \"127.0.0.1:0\"\naudit_log = \"admin.jsonl\"\n\
    [[admin.users]]\nname = \"vera\"\nrole = \"viewer\"\ntoken = { file = \"vera.token\" }\n\
    [[admin.users]]\nname = \"otto\"\nrole = \"operator\"\ntoken = { file = \"otto.token\" }\n";
const VERA: &str = "token-of-vera-who-only-looks";
const OTTO: &str = "token-of-otto-who-operates";

#[test]
fn a_viewer_asks_an_operator_orders_and_the_audit_log_names_both() {
    let files =
        [("vera.token", VERA), ("otto.token", OTTO)].map(|(name, text)| (name.to_owned(), text.to_owned()));
    let world = World::with(Setup { config: USERS.to_owned(), files: files.into(), ..Setup::default() });
    let by = |method: &str, path: &str, token: &str| {
        ask(&world, &page(method, path).header("Authorization", &format!("Bearer {token}")))
    };
    assert_eq!(ask(&world, &page("GET", "/status")).status, 401);
    let asked = ["/metrics", "/status", "/quota", "/quota/drift", "/policy", "/policy/material"];
    let orders = [
        "/policy/reload",
        "/policy/unstage",
        "/policy/promote",
        "/policy/rollback",
        "/policy/stage",
        "/quota/reconcile",
        "/quota/release",
        "/no-such-page",
    ];
    for path in asked {
        assert_eq!((by("GET", path, VERA).status, by("GET", path, OTTO).status), (200, 200), "{path}");
    }
    for path in orders {
        let refused = by("POST", path, VERA);
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.json()["error"].as_str().unwrap().contains("`operator`"), "{}", refused.json());
        assert!(![401, 403].contains(&by("POST", path, OTTO).status), "{path}");
    }
    let lines = audit(&world);
    let of = |stage: &str, name: &str| {
        let of_one = lines.iter().filter(|line| line["stage"] == stage && line["by"]["user"] == name);
        of_one.count()
    };
    assert_eq!(
        (of("refused", "vera"), of("asked", "vera"), of("refused", "otto"), of("asked", "otto")),
        (8, 0, 0, 8)
    );
    assert!(lines.iter().all(|line| line["by"]["user"] != "vera" || line["by"]["role"] == "viewer"));
    // A new token in the file, and a new role in the configuration, without a restart.
    world.gateway.write("vera.token", "another-token-of-vera");
    world.gateway.logged("the tokens of the admin listener were replaced");
    assert_eq!(by("GET", "/status", VERA).status, 401);
    assert_eq!(by("POST", "/policy/reload", "another-token-of-vera").status, 403);
    let config = std::fs::read_to_string(world.gateway.directory().join("zengate.toml")).unwrap();
    world.gateway.write("zengate.toml", &config.replace("\"viewer\"", "\"operator\""));
    world.gateway.signal("HUP");
    world.gateway.logged("the configuration was read again");
    assert_eq!(by("POST", "/policy/reload", "another-token-of-vera").status, 200);
}

#[test]
fn beyond_the_loopback_somebody_must_be_asked_for_something() {
    let setup = setup();
    let files = crate::support::world::directory(
        "http://127.0.0.1:1",
        &setup.keys,
        &setup.organisation,
        "[admin]\naddress = \"0.0.0.0:0\"\n",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["serve", "--config", "zengate.toml"])
        .current_dir(files.path())
        .env("ZENGATE_TEST_TOKEN", "x")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("admin.address") && said.contains("tokens"), "{said}");
}

#[test]
fn a_certificate_lets_an_operator_in() {
    let authority = Authority::new();
    let (server, operator) = (authority.issue(&["127.0.0.1"]), authority.issue(&["operator.example"]));
    let config = "[admin]\naddress = \"127.0.0.1:0\"\naudit_log = \"admin.jsonl\"\n\
                  tls = { certificate = \"admin.pem\", key = { file = \"admin.key\" }, clients = \"operators.pem\", clients_required = false }\n";
    let files =
        [("admin.pem", &server.certificate), ("admin.key", &server.key), ("operators.pem", &authority.pem)];
    let files = files.map(|(name, content)| (name.to_owned(), content.clone())).into();
    let world = World::with(Setup { config: config.to_owned(), files, ..Setup::default() });
    let address = world.gateway.admin_address();
    for (own, status) in [(None, 401), (Some(&operator), 200)] {
        let mut stream = authority.connect(address, own).unwrap();
        std::io::Write::write_all(&mut stream, &page("GET", "/status").bytes(address)).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, status);
    }
    let line = eventually("the line", || audit(&world).into_iter().find(|line| line["stage"] == "answered"));
    assert_eq!(line["by"]["certificate"][0], "operator.example");
    // Probes find the command line well.
    let url = format!("https://{address}/livez");
    let output = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["health", "--url", &url, "--ca-file", "operators.pem"])
        .current_dir(world.gateway.directory())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
