//! The loader by what operators write: examples that load, and one small file per mistake with what is said about it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::keys::KeyFile;

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
        KeyFile::load(&config.keys.file, config.accounts.keys().cloned())
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
        ("drain", "RawDrain"),
        ("keys", "RawKeys"),
        ("listen", "RawListen"),
    ];
    for (section, definition) in sections {
        let schema = Config::schema();
        let properties = schema["definitions"][definition]["properties"].as_object().expect(definition);
        for key in properties.keys() {
            assert!(text.contains(&format!("{key} = ")), "[{section}] {key} is not in the example");
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
