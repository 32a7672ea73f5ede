//! Planted secrets and everything that comes out: logs at their most talkative, records, metrics, pages, the ledger's files,
//! the audit log, and every answer. None of it holds any of them, in any spelling.

mod mutants;

use std::fmt::Write as _;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use serde_json::{Value, json};
use zengate::emulator::{Fault, On, Times, When};

use crate::support::browser::{Browser, hidden, word};
use crate::support::client::EXAMPLE;
use crate::support::otlp::{Mood, Otlp};
use crate::support::world::{CLOUD_SECRET, KEY, SECRET, Setup, TOKEN, keys};
use crate::support::{Answer, Call, World, eventually, stock_policies_in};

const PASSWORD: &str = "Canary-Passw0rd-of-a-machine";
const SCRIPT: &str = "#!/bin/sh\nexport CANARY=script-secret-0123456789\n";
const ADMIN: &str = "canary-token-of-an-operator";
const OLD: &str = "gateway-secret-of-the-other";
const COLLECTOR: &str = "canary-key-of-a-collector";
const SEALED: &str = "canary-sealed-secret-of-a-key";

/// A rule that says everything it is told, and prints it too.
const CHATTERBOX: &str = r#"package zengate.rules.chatterbox

deny contains violation if {
	input.create.name == "echo"
	print("the input is", input)
	violation := {
		"rule": "chatterbox",
		"message": sprintf("%v", [input]),
		"field": json.marshal(input.request),
		"remedy": concat(" ", [value | walk(input.request, [_, value]); is_string(value)]),
		"asked": input.request,
	}
}

warn contains violation if {
	print(json.marshal(input))
	violation := {"rule": "chatterbox", "message": json.marshal(input), "field": "", "remedy": base64.encode(json.marshal(input))}
}
"#;

/// The spellings in which a text could come out.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut all = vec![secret.to_owned(), secret.to_lowercase(), secret.to_uppercase()];
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    all.extend([hex.to_uppercase(), hex]);
    // In base64 a text begins at one of three places; what hangs over at its ends depends on its neighbours.
    for shift in 0..3 {
        let shifted = [&b"xxx"[..shift], bytes].concat();
        for text in [BASE64_NOPAD.encode(&shifted), BASE64URL_NOPAD.encode(&shifted)] {
            let first = (shift * 8).div_ceil(6);
            all.push(text[first..text.len() - 2].to_owned());
        }
    }
    let escaped = |how: &dyn Fn(u8) -> String| {
        bytes.iter().fold(String::new(), |text, byte| {
            if byte.is_ascii_alphanumeric() {
                text + &char::from(*byte).to_string()
            } else {
                text + &how(*byte)
            }
        })
    };
    all.push(escaped(&|byte| format!("%{byte:02X}")));
    all.push(escaped(&|byte| format!("%{byte:02x}")));
    all.push(escaped(&|byte| format!("\\u{byte:04x}")));
    all.push(bytes.iter().fold(String::new(), |text, byte| format!("{text}\\u{byte:04x}")));
    all.push(serde_json::to_string(secret).unwrap().trim_matches('"').to_owned());
    all.push(format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
    all
}

fn create(more: Value) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["password"] = PASSWORD.into();
    body["initScript"] = SCRIPT.into();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    Call::new("vm", "CreateInstances").json(&body)
}

/// Everything that a caller could send with secrets where they belong, well and badly. Who writes a secret in the place of a
/// zone or a version is told what was wrong with it, as with any other word.
fn calls() -> Vec<Call> {
    let whole = create(json!({}));
    let text = String::from_utf8(whole.body.clone()).unwrap();
    let mut all = vec![
        create(json!({"instanceName": "good"})),
        create(json!({"instanceName": "echo"})),
        create(json!({"zoneId": "MOON-A", "instanceName": "refused"})),
        create(json!({"initScript": [SCRIPT]})),
        whole.clone().body(&text[..text.len() - 1]),
        whole.clone().body(format!("{text}{text}")),
        whole.clone().body(text.replace("\"initScript\"", "\"password\"")),
        whole.clone().body(text.replace("password", "Password")),
        whole.clone().key(KEY, PASSWORD),
        whole.clone().key(SECRET, SECRET),
        whole.clone().bearer(SECRET),
        whole.clone().bearer(&format!("{TOKEN}x")),
        whole.clone().header("X-Junk", SECRET),
        Call::new("vm", "ResetInstance").json(&json!({"instanceId": "x", "password": PASSWORD})),
        Call::new("vm", "DescribeInstances").json(&json!({"instanceName": "honest", "password": PASSWORD})),
        Call::new("zec", "CreateZecInstances").json(&json!({"password": PASSWORD, "userData": SCRIPT})),
    ];
    let mut chunked = whole;
    chunked.content_length = false;
    all.push(chunked);
    all
}

#[test]
fn nothing_that_comes_out_holds_a_secret() {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    std::fs::write(policies.path().join("rules/chatterbox.rego"), CHATTERBOX).unwrap();
    let collector = Otlp::start(Mood::Good);
    let traces =
        collector.config("headers = { \"api-key\" = { file = \"collector.secret\" } }\npropagate = true");
    let config = format!(
        "{traces}[log]\nlevel = \"trace\"\n[admin]\naddress = \"127.0.0.1:0\"\ntokens = [{{ file = \"admin.token\" }}]\naudit_log = \"admin.jsonl\"\n\
         [keys]\nfile = \"keys.toml\"\npoll_interval = \"50ms\"\n[keys.store]\nseal = {{ file = \"seal.key\" }}\n\
         [policy]\ndirectory = \"{}\"\ndata = [\"organisation.yaml\"]\n",
        policies.path().display()
    );
    let more = "[[key]]\nid = \"ZGother01\"\nsecrets = [{ file = \"other.secret\" }, { command = [\"/bin/echo\", \"-n\", \"canary-sealed-secret-of-a-key\"] }]\nteam = \"other\"\naccount = \"main\"\n";
    let files = vec![
        ("admin.token".to_owned(), ADMIN.to_owned()),
        ("seal.key".to_owned(), crate::keys::SEAL.to_owned()),
        ("collector.secret".to_owned(), COLLECTOR.to_owned()),
    ];
    let world = World::with(Setup { config, files, keys: keys(more), ..Setup::default() });
    let mut came: Vec<(String, String)> = Vec::new();
    let mut keep = |what: &str, text: String| came.push((what.to_owned(), text));
    let admin = |method: &str, path: &str, token: &str| -> Answer {
        let mut call = Call::new("", "").unsigned().target(path);
        call.method = method.to_owned();
        call.header("Authorization", &format!("Bearer {token}")).send(world.gateway.admin_address())
    };
    // Before wrong tokens are shown: who shows too many is not listened to.
    let mut browser = Browser::logged_in(world.gateway.admin_address(), ADMIN);
    // Keys made by order: their secrets are in the answers that hand them out, and nowhere else.
    let mut issued = Vec::new();
    let mut order = |path: &str, document: Value| -> String {
        let call = Call::new("", "").unsigned().target(path).json(&document);
        let answer =
            call.header("Authorization", &format!("Bearer {ADMIN}")).send(world.gateway.admin_address());
        assert_eq!(answer.status, 200, "{path}");
        let answer = answer.json();
        issued.extend(["secret", "token"].map(|name| answer[name].as_str().unwrap().to_owned()));
        answer["key"]["id"].as_str().unwrap().to_owned()
    };
    let id = order("/keys", json!({"team": "payments", "credentials": "both"}));
    order(&format!("/keys/{id}/rotate"), json!({"grace": "1h"}));
    for [secret, token] in issued.as_chunks::<2>().0 {
        let read = || Call::new("vm", "DescribeInstances");
        assert_eq!(world.send(&read().key(&id, secret)).status, 200);
        assert_eq!(world.send(&read().bearer(token)).status, 200);
        for wrong in [read().key(secret, secret), read().bearer(&format!("{token}x")), read().key(&id, token)]
        {
            let answer = world.send(&wrong);
            keep(
                "the answer to a wrong credential",
                format!("{answer:?} {}", String::from_utf8_lossy(&answer.body)),
            );
        }
    }
    // And one by form, where the page that answers is the only one.
    let form = browser.get("/console/keys/new");
    let (word, once) = (word(&form), hidden(&form, "once").unwrap());
    let fields = [("word", word.as_str()), ("once", &once), ("team", "payments"), ("credentials", "both")];
    let page = browser.post("/console/keys/new", &fields);
    let made: [String; 3] = ["id", "secret", "token"].map(|name| crate::console::keys::handed(&page, name));
    issued.extend_from_slice(&made[1..]);
    keep("the form sent again", crate::support::browser::text(&browser.post("/console/keys/new", &fields)));
    let by_key = format!("/keys/{id}");
    for call in calls() {
        let answer = call.send(world.address());
        keep(
            &format!("the answer to {}", call.target),
            format!("{answer:?} {}", String::from_utf8_lossy(&answer.body)),
        );
    }
    // A cloud that says back what it was told: the caller hears it, and nobody else does.
    let echo = |body: String| Fault::Page {
        when: When::Before,
        status: 500,
        content_type: "application/json".into(),
        body,
    };
    for body in [
        json!({"requestId": "T", "code": "ECHO", "message": format!("{PASSWORD} {SCRIPT}")}).to_string(),
        format!("<html>{PASSWORD} {CLOUD_SECRET}</html>"),
        json!({"requestId": "T", "code": CLOUD_SECRET, "message": CLOUD_SECRET}).to_string(),
    ] {
        world.emulator.script(echo(body.clone()), On::any(), Times::Exactly(1));
        let told = world.send(&create(json!({"instanceName": format!("echo-{}", body.len())})));
        assert!(!String::from_utf8_lossy(&told.body).contains(SECRET));
        world.emulator.script(echo(body), On::any(), Times::Exactly(1));
        world.send(&Call::new("vm", "DescribeInstances"));
    }
    for (method, path) in [
        ("GET", "/metrics"),
        ("GET", "/status"),
        ("GET", "/policy"),
        ("GET", "/policy/material"),
        ("GET", "/quota"),
        ("GET", "/quota/drift"),
        ("GET", "/decisions?limit=1000"),
        ("GET", "/decisions?team=payments&text=password"),
        ("GET", "/audit/instance?id=x"),
        ("GET", "/keys"),
        ("GET", &by_key),
        ("POST", "/policy/reload"),
        ("GET", "/nothing"),
    ] {
        let answer = admin(method, path, ADMIN);
        keep(path, String::from_utf8_lossy(&answer.body).into_owned());
        keep(path, format!("{:?}", admin(method, path, SECRET)));
    }
    let decisions = world
        .gateway
        .records()
        .into_iter()
        .map(|record| format!("/console/decisions/{}", record["decision_id"].as_str().unwrap()));
    let pages = [
        "",
        "/decisions",
        "/quota",
        "/teams",
        "/teams/payments",
        "/keys",
        "/keys/new",
        "/policy",
        "/exemptions",
        "/playground",
        "/nothing",
    ];
    let keys = [&id, &made[0]].map(|id| format!("/console/keys/{id}"));
    for path in pages.map(|page| format!("/console{page}")).into_iter().chain(keys).chain(decisions) {
        let answer = browser.get(&path);
        keep(&path, format!("{answer:?} {}", String::from_utf8_lossy(&answer.body)));
    }
    // A configuration and keys with secrets where none belong.
    let written = std::fs::read_to_string(world.gateway.directory().join("keys.toml")).unwrap();
    world
        .gateway
        .write("keys.toml", &written.replace("{ file = \"payments.secret\" }", &format!("\"{SECRET}\"")));
    world.gateway.logged("the new key file is refused");
    world.gateway.write("keys.toml", &written.replace("payments.secret", SECRET));
    world.gateway.logged("the secret file cannot be read");
    world.gateway.write("keys.toml", &written);
    eventually("the records", || (world.gateway.records().len() >= 8).then_some(()));
    assert!(world.gateway.log().len() > calls().len(), "{} lines", world.gateway.log().len());
    eventually("the history", || {
        let page = String::from_utf8(admin("GET", "/metrics", ADMIN).body).unwrap();
        let kept = page
            .lines()
            .find_map(|line| line.strip_prefix("zengate_history_decisions_total{result=\"kept\"} "));
        kept.is_some_and(|kept| kept.parse::<f64>().unwrap() >= 8.0).then_some(())
    });
    keep(
        "the decisions",
        String::from_utf8_lossy(&admin("GET", "/decisions?limit=1000", ADMIN).body).into_owned(),
    );
    let here = world.gateway.directory();
    let url = format!("http://{}", world.gateway.admin_address());
    let listed = std::process::Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["decisions", "list", "--output", "json", "--token-file", "admin.token", "--admin", &url])
        .current_dir(here)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    keep("zengate decisions list", format!("{listed:?}"));
    for name in [
        "records.jsonl",
        "admin.jsonl",
        "zengate-ledger.db",
        "zengate-ledger.db-wal",
        "zengate-history.db",
        "zengate-history.db-wal",
        "admin.chain",
        "zengate-keys.db",
    ] {
        let files = walk(world.gateway.directory()).into_iter().filter(|file| file.ends_with(name));
        let files: Vec<_> = files.collect();
        assert!(!files.is_empty() || name.ends_with("-wal"), "{name} is not there");
        for file in files {
            keep(name, String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned());
        }
    }
    let traced = eventually("the traces", || {
        let taken = collector.taken();
        (collector.spans().iter().filter(|span| span.0["kind"] == 2).count() >= calls().len())
            .then_some(taken)
    });
    for (_, body) in traced {
        keep("a trace", String::from_utf8_lossy(&body).into_owned());
    }
    keep("the log", world.gateway.log().join("\n"));
    let seal = crate::keys::SEAL.strip_prefix("zgsk1.").unwrap();
    let planted = [
        SECRET,
        TOKEN,
        CLOUD_SECRET,
        PASSWORD,
        "script-secret-0123456789",
        ADMIN,
        OLD,
        SEALED,
        COLLECTOR,
        seal,
    ];
    // Who made a key is in the audit log; what it was made of is not.
    let audited =
        came.iter().any(|(what, text)| what == "admin.jsonl" && text.contains("\"order\":\"create\""));
    assert!(audited && came.iter().any(|(what, text)| what == "admin.jsonl" && text.contains(&id)));
    let issued = issued.iter().map(String::as_str);
    holds(&planted.into_iter().chain(issued).collect::<Vec<_>>(), &came);
}

/// Fails if one of these texts holds one of these secrets, in any spelling.
fn holds(secrets: &[&str], came: &[(String, String)]) {
    let spelt: Vec<(&str, String)> = secrets
        .iter()
        .flat_map(|secret| spellings(secret).into_iter().map(|spelling| (*secret, spelling)))
        .collect();
    let any: Vec<String> = spelt.iter().map(|(_, spelling)| regex::escape(spelling)).collect();
    let any = regex::RegexBuilder::new(&any.join("|")).size_limit(64 << 20).build().unwrap();
    for (what, text) in came {
        if let Some(found) = any.find(text) {
            let (secret, spelling) = spelt.iter().find(|(_, spelling)| spelling == found.as_str()).unwrap();
            let from = text.floor_char_boundary(found.start().saturating_sub(200));
            let to = text.ceil_char_boundary((found.end() + 200).min(text.len()));
            panic!("{what} holds {secret} as {spelling}: {}", &text[from..to]);
        }
    }
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// The process that panics, for the test below.
#[test]
#[ignore = "does nothing by itself: the next test starts it, with ZENGATE_TEST_PANIC"]
fn somebody_who_panics() {
    let Ok(secret) = std::env::var("ZENGATE_TEST_PANIC") else { return };
    let subscriber =
        tracing_subscriber::fmt().event_format(zengate::cli::JsonLines).with_max_level(tracing::Level::TRACE);
    subscriber.with_writer(std::io::stderr).init();
    zengate::lifecycle::panics::log();
    let slices = secret.clone();
    let broken: [Box<dyn FnOnce() + Send>; 4] = [
        Box::new(move || panic!("cannot work with {secret}")),
        // Its own message holds the text that is sliced.
        Box::new(move || drop(slices[..=slices.len()].to_owned())),
        Box::new(|| panic!("a literal of the program")),
        Box::new(|| std::panic::panic_any(7)),
    ];
    for broken in broken {
        assert!(std::thread::spawn(broken).join().is_err());
    }
}

#[test]
fn a_panic_is_logged_without_what_it_was_about() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hard::canary::somebody_who_panics", "--ignored", "--nocapture"])
        .env("ZENGATE_TEST_PANIC", PASSWORD)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let panics: Vec<Value> = told
        .lines()
        .filter(|line| line.contains("a panic;"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(panics.len(), 4, "{told}");
    for (panic, shown) in
        panics.iter().zip(["not shown", "not shown", "a literal of the program", "not shown"])
    {
        assert!(panic["what"].as_str().unwrap().contains(shown), "{panic}");
        assert!(!panic["place"].as_str().unwrap().is_empty(), "{panic}");
    }
    for spelling in spellings(PASSWORD) {
        assert!(!told.contains(&spelling), "{told}");
    }
}
