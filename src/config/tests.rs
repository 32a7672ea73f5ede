//! The loader by what operators write: examples that load, and one small file per mistake with what is said about it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::keys::KeyFile;
use crate::keys::store::Place;

const GOOD: &str = r#"[listen]
address = "127.0.0.1:8080"
[accounts.main]
access_key_id = "AK1"
secret = { file = "cloud.secret" }
[keys]
file = "keys.toml"
"#;

fn put(directory: &Path, name: &str, content: &str, mode: u32) {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A directory with everything that the examples refer to.
fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    for name in ["cloud.secret", "payments.secret", "gateway.key", "gateway.pem"] {
        put(place.path(), name, "a-secret-value\n", 0o600);
    }
    put(place.path(), "loose.secret", "a-secret-value", 0o644);
    put(place.path(), "alice.token", "a-token-of-alice-alone", 0o600);
    put(place.path(), "empty.secret", "\n", 0o600);
    let keys = include_str!("../../deploy/config/keys.toml");
    put(place.path(), "keys.toml", keys, 0o600);
    put(place.path(), "organisation.yaml", include_str!("../../deploy/config/organisation.yaml"), 0o600);
    place
}

fn load(text: &str) -> Result<Config, Mistakes> {
    let place = place();
    put(place.path(), "zengate.toml", text, 0o600);
    Config::load(&place.path().join("zengate.toml"))
}

/// What is said about a text, without the directory.
fn said(text: &str) -> Vec<String> {
    let place = place();
    put(place.path(), "zengate.toml", text, 0o600);
    let mistakes = Config::load(&place.path().join("zengate.toml")).map(|_| "no mistake").unwrap_err();
    let directory = format!("{}/", place.path().display());
    mistakes.to_string().replace(&directory, "").lines().map(str::to_owned).collect()
}

#[test]
fn every_example_loads() {
    let place = place();
    for (name, text) in [
        ("zengate.toml", include_str!("../../deploy/config/zengate.toml")),
        ("minimal.toml", include_str!("../../deploy/config/minimal.toml")),
    ] {
        put(place.path(), name, text, 0o600);
        let config = Config::load(&place.path().join(name)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        KeyFile::load(config.keys.file.as_ref().unwrap(), config.key_accounts())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
}

#[test]
fn the_full_example_names_every_key() {
    // By name only; that the values shown are the defaults is for the eye.
    let text = include_str!("../../deploy/config/zengate.toml");
    let sections = [
        ("limits", "RawLimits"),
        ("upstream", "RawUpstream"),
        ("policy", "RawPolicy"),
        ("records", "RawRecords"),
        ("drain", "RawDrain"),
        ("keys", "RawKeys"),
        ("keys.store", "RawKeyStore"),
        ("listen", "RawListen"),
        ("traces", "RawTraces"),
        ("quota", "RawQuota"),
        ("quota.postgres", "RawPostgres"),
        ("quota.reconcile", "RawReconcile"),
        ("quota.rate", "RawRates"),
    ];
    for (section, definition) in sections {
        let schema = Config::schema();
        let properties = schema["definitions"][definition]["properties"].as_object().expect(definition);
        for key in properties.keys() {
            let written = text.contains(&format!("{key} = ")) || text.contains(&format!("[{section}.{key}]"));
            assert!(written, "[{section}] {key} is not in the example");
        }
    }
}

#[test]
fn each_mistake_is_told_with_file_line_key_and_remedy() {
    let cases = [
        (GOOD.replace("address =", "adress ="), "zengate.toml:2: listen.adress", "address"),
        (GOOD.replace("\"127.0.0.1:8080\"", "8080"), "zengate.toml:2: listen.address", "string"),
        (
            GOOD.replace("\"127.0.0.1:8080\"", "\"localhost\""),
            "zengate.toml:2: listen.address",
            "127.0.0.1:8080",
        ),
        (GOOD.replace("[keys]\nfile = \"keys.toml\"\n", ""), "keys.file", "required"),
        (GOOD.replace("keys.toml", "nothing.toml"), "zengate.toml:7: keys.file", "nothing.toml"),
        (format!("{GOOD}[upstream]\nurl = \"htp://x\"\n"), "zengate.toml:9: upstream.url", "https://"),
        (format!("{GOOD}[upstream]\nurl = \"https://x/api\"\n"), "zengate.toml:9: upstream.url", "host"),
        (
            format!("{GOOD}[policy.remote]\nurl = \"http://bundles.example.com/b\"\n"),
            "zengate.toml:8: policy.remote",
            "policy.verify_keys",
        ),
        (format!("{GOOD}[limits]\nbody = \"0B\"\n"), "zengate.toml:9: limits.body", "zero"),
        (format!("{GOOD}[limits]\nhead_timeout = \"soon\"\n"), "zengate.toml:9: limits.head_timeout", "45s"),
        (format!("{GOOD}[drain]\ndeadline = \"10s\"\n"), "zengate.toml:9: drain.deadline", "create_timeout"),
        (
            format!("{GOOD}[api]\nadmit_fields = [\"vm\"]\n"),
            "zengate.toml:9: api.admit_fields",
            "service Action field",
        ),
        (GOOD.replace("cloud.secret", "loose.secret"), "zengate.toml:5: accounts.main.secret", "chmod 600"),
        (GOOD.replace("cloud.secret", "empty.secret"), "zengate.toml:5: accounts.main.secret", "empty"),
        (
            GOOD.replace("file = \"cloud.secret\"", "env = \"ZENGATE_NOT_SET\""),
            "zengate.toml:5: accounts.main.secret",
            "ZENGATE_NOT_SET",
        ),
        (format!("{GOOD}[[["), "zengate.toml:8", ""),
    ];
    for (text, place, remedy) in cases {
        let said = said(&text);
        let found = said.iter().find(|line| line.starts_with(place) || line.contains(place));
        assert!(found.is_some_and(|line| line.contains(remedy)), "{place} / {remedy}: {said:#?}\n{text}");
    }
}

#[test]
fn a_secret_written_out_is_refused_and_never_echoed() {
    let text = GOOD.replace("{ file = \"cloud.secret\" }", "\"SK-plain-secret\"");
    let said = said(&text).join("\n");
    assert!(said.contains("accounts.main.secret") && said.contains("file ="), "{said}");
    assert!(!said.contains("SK-plain"), "{said}");
}

#[test]
fn a_url_that_may_carry_a_secret_is_not_echoed() {
    for url in ["https://user:SK-plain@x", "https://x?key=SK-plain", "https://x/#SK-plain"] {
        let said = said(&format!("{GOOD}[upstream]\nurl = \"{url}\"\n")).join("\n");
        assert!(said.contains("upstream.url") && !said.contains("SK-plain"), "{said}");
    }
}

#[test]
fn many_mistakes_come_at_once_in_the_order_of_their_lines() {
    let text = "[listen]\nadress = \"x\"\n[upstream]\nurl = \"htp://x\"\nread_timeout = 5\n[limits]\nbodi = \"1MiB\"\nheaders = 0\n[accounts.main]\n";
    let said = said(text);
    assert!(said.len() >= 6, "{said:#?}");
    let lines: Vec<u32> = said
        .iter()
        .filter_map(|line| line.strip_prefix("zengate.toml:")?.split(':').next()?.parse().ok())
        .collect();
    assert!(lines.is_sorted(), "{said:#?}");
}

#[test]
fn what_config_check_shows_holds_no_secret_and_loads_again() {
    let config = load(GOOD).unwrap();
    assert!(!config.describe().contains("a-secret-value"), "{}", config.describe());
    load(config.describe()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
}

#[test]
fn the_schemas_for_editors_are_those_of_the_code() {
    for (name, schema) in [("zengate.schema.json", Config::schema()), ("keys.schema.json", schema::keys())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/config").join(name);
        let text = format!("{schema:#}\n");
        if std::env::var_os("ZENGATE_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap_or_default(),
            text,
            "{name}: run with ZENGATE_BLESS=1"
        );
    }
}

#[test]
fn a_key_store_needs_its_seal_and_lies_beside_the_ledger() {
    const SEAL: &str = "zgsk1.QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";
    let store = |text: &str| format!("{GOOD}[keys.store]\n{text}\n");
    let place = place();
    put(place.path(), "seal.key", SEAL, 0o600);
    let load = |text: &str| {
        put(place.path(), "zengate.toml", text, 0o600);
        Config::load(&place.path().join("zengate.toml"))
    };
    let good = "seal = { file = \"seal.key\" }";
    let config = load(&store(good)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(!config.describe().contains("QkJC"), "{}", config.describe());
    let Some(KeyStoreSource { place: Place::File(file), .. }) = config.keys.store else { panic!() };
    assert_eq!(file, place.path().join("zengate-keys.db"));
    let alone = store(good).replace("file = \"keys.toml\"\n", "");
    assert!(load(&alone).unwrap().keys.file.is_none());
    let postgres = "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"db.internal\"\n";
    let config = load(&format!("{}{postgres}", store(good))).unwrap();
    assert!(matches!(config.keys.store, Some(KeyStoreSource { place: Place::Postgres(_), .. })));
    for (text, key, remedy) in [
        (store(""), "keys.store.seal", "zengate secret new-key seal.key"),
        (
            store("seal = { file = \"cloud.secret\" }"),
            "zengate.toml:9: keys.store.seal",
            "zengate secret new-key",
        ),
        (store("seal = { file = \"no.key\" }"), "zengate.toml:9: keys.store.seal", "cannot be read"),
        (
            store(&format!("{good}\nold_seals = [{{ file = \"cloud.secret\" }}]")),
            "keys.store.old_seals",
            "new-key",
        ),
        (
            store(&format!("{good}\nfile = \"nowhere/keys.db\"")),
            "zengate.toml:10: keys.store.file",
            "create its",
        ),
        (format!("{}\nfile = \"keys.db\"\n{postgres}", store(good)), "keys.store.file", "take it out"),
        (GOOD.replace("file = \"keys.toml\"\n", ""), "keys.file", "[keys.store]"),
        (
            format!("{GOOD}[accounts.b]\ntoken = {{ file = \"cloud.secret\" }}\nteams = [\"a/b\"]\n"),
            "accounts.b.teams",
            "is not a team",
        ),
    ] {
        let said = load(&text).map(|_| "no mistake").unwrap_err().to_string();
        let found = said.lines().find(|line| line.contains(key));
        assert!(found.is_some_and(|line| line.contains(remedy)), "{key} / {remedy}: {said}\n{text}");
    }
}

/// A table of a server, with or without lines more.
fn server(more: &str) -> String {
    format!("{GOOD}[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"db.internal\"\n{more}")
}

#[test]
fn without_a_section_quota_is_counted_beside_the_configuration() {
    let place = place();
    put(place.path(), "zengate.toml", GOOD, 0o600);
    let quota = Config::load(&place.path().join("zengate.toml")).unwrap().quota;
    let QuotaStore::Sqlite(file) = quota.store else { panic!("{:?}", quota.store) };
    assert_eq!(file, place.path().join("zengate-ledger.db"));
    assert_eq!(quota.rate, quota::Rates::default());
    assert!(quota.correlation_tag.is_empty() && !quota.unready_when_away);
}

#[test]
fn a_server_is_verified_unless_it_is_a_socket_or_said_otherwise() {
    use crate::quota::store::postgres::Encryption;
    let encryption = |text: &str| {
        let config = load(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        load(config.describe()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        match config.quota.store {
            QuotaStore::Postgres(settings) => settings.encryption,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(encryption(&server("")), Encryption::Tls { ca_file: None });
    assert_eq!(encryption(&server("tls = { mode = \"disable\" }\n")), Encryption::None);
    assert_eq!(encryption(&server("").replace("db.internal", "/run/postgresql")), Encryption::None);
    let Encryption::Tls { ca_file: Some(_) } = encryption(&server("tls = { ca_file = \"gateway.pem\" }\n"))
    else {
        panic!("no file of authorities")
    };
}

#[test]
fn a_team_has_its_own_rate_or_that_of_all() {
    let text = "[quota.rate]\nper_minute = 30\n[quota.rate.teams.payments]\nper_minute = 60\nburst = 5\n";
    let rates = load(&format!("{GOOD}{text}")).unwrap().quota.rate;
    let of = |team: &str| rates.of(team).map(|rate| (rate.per_minute.get(), rate.burst.get()));
    assert_eq!((of("web"), of("payments")), (Some((30, 30)), Some((60, 5))));
}

#[test]
fn users_have_a_name_a_role_and_something_to_show_that_is_theirs_alone() {
    let token = |name: &str| format!("token = {{ file = \"{name}\" }}");
    let user = |lines: &str| format!("{GOOD}[[admin.users]]\n{lines}\n");
    let good = format!("name = \"alice\"\nrole = \"viewer\"\n{}", token("alice.token"));
    let config = load(&user(&good)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(config.admin.is_closed() && config.admin.users[0].role == admin::Role::Viewer);
    load(config.describe()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let twice = format!("{good}\n[[admin.users]]\n{good}");
    let cases = [
        (user(&good.replace("name = \"alice\"\n", "")), "zengate.toml:8: admin.users", "has no name"),
        (user(&good.replace("alice", " ")), "zengate.toml:9: admin.users", "is no name"),
        (user(&good.replace("alice", &"a".repeat(65))), "zengate.toml:9: admin.users", "64 characters"),
        (user(&good.replace("role = \"viewer\"\n", "")), "zengate.toml:8: admin.users", "has no role"),
        (user(&good.replace("viewer", "root")), "zengate.toml:10: admin.users", "operator"),
        (user(&good.replace(&token("alice.token"), "")), "zengate.toml:8: admin.users", "nothing to show"),
        (user(&good.replace("alice.token", "loose.secret")), "zengate.toml:11: admin.users", "chmod 600"),
        (user(&good.replace(&token("alice.token"), "token = \"SK-plain\"")), "admin.users", "file ="),
        (user(&format!("{good}\ncertificate = \"a\"")), "zengate.toml:12: admin.users", "never asked for"),
        (user(&twice), "zengate.toml:13: admin.users", "an earlier user"),
        (user(&twice.replacen("alice", "bob", 1)), "zengate.toml:15: admin.users", "the same token"),
    ];
    for (text, place, remedy) in cases {
        let said = said(&text);
        let found = said.iter().find(|line| line.contains(place) && line.contains(remedy));
        assert!(found.is_some(), "{place} / {remedy}: {said:#?}\n{text}");
        assert!(!said.join("\n").contains("SK-plain"), "{said:#?}");
    }
}

#[test]
fn mistakes_about_quota_are_told_with_line_key_and_remedy() {
    let quota = |text: &str| format!("{GOOD}[quota]\n{text}\n");
    let cases = [
        (quota("store = \"redis\""), "zengate.toml:9: quota.store", "sqlite"),
        (quota("file = \"nowhere/ledger.db\""), "zengate.toml:9: quota.file", "create its directory"),
        (quota("store = \"postgres\""), "zengate.toml:8: quota.postgres", "[quota.postgres]"),
        (quota("[quota.postgres]\nhost = \"db\""), "zengate.toml:9: quota.postgres", "store = \"postgres\""),
        (server("").replace("host = \"db.internal\"\n", ""), "quota.postgres.host", "db.internal"),
        (server("port = 0\n"), "zengate.toml:12: quota.postgres.port", "5432"),
        (server("schema = \"pg_mine\"\n"), "zengate.toml:12: quota.postgres.schema", "small letters"),
        (server("password = \"SK-plain\"\n"), "zengate.toml:12: quota.postgres.password", "file ="),
        (server("password = { file = \"loose.secret\" }\n"), "quota.postgres.password", "chmod 600"),
        (server("tls = { ca_file = \"no.pem\" }\n"), "zengate.toml:12: quota.postgres.tls.ca_file", "no.pem"),
        (
            server("tls = { mode = \"disable\", ca_file = \"gateway.pem\" }\n"),
            "quota.postgres.tls.ca_file",
            "require",
        ),
        (
            server("tls = { mode = \"require\" }\n").replace("db.internal", "/run/postgresql"),
            "quota.postgres.tls.mode",
            "Unix socket",
        ),
        (
            server("").replace("db.internal", "postgres://u:SK-plain@db"),
            "zengate.toml:11: quota.postgres.host",
            "own key",
        ),
        (quota("correlation_tag = [\"a/b\"]"), "zengate.toml:9: quota.correlation_tag", "letters"),
        (quota("release_on = \"never\""), "zengate.toml:9: quota.release_on", "accepted"),
        (
            quota("[quota.reconcile]\nabsent_lists = 0"),
            "zengate.toml:10: quota.reconcile.absent_lists",
            "zero",
        ),
        (quota("[quota.rate]\nburst = 5"), "zengate.toml:10: quota.rate.burst", "per_minute"),
        (
            quota("[quota.rate.teams.web]\nburst = 5"),
            "zengate.toml:9: quota.rate.teams.web.per_minute",
            "per_minute = 10",
        ),
        (quota("[quota.rate]\nper_minute = 0"), "zengate.toml:10: quota.rate.per_minute", "zero"),
    ];
    for (text, place, remedy) in cases {
        let said = said(&text);
        let found = said.iter().find(|line| line.contains(place));
        assert!(found.is_some_and(|line| line.contains(remedy)), "{place} / {remedy}: {said:#?}\n{text}");
        assert!(!said.join("\n").contains("SK-plain"), "{said:#?}");
    }
    let all =
        server("port = 0\nschema = \"\"\n[quota.reconcile]\nabsent_over = \"0s\"\n[quota.rate]\nburst = 0\n");
    assert!(said(&all).len() >= 5, "{:#?}", said(&all));
}
