//! The key file by what operators write, and keys at their edges.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;

fn put(directory: &Path, name: &str, content: &str) {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn key(id: &str, more: &str) -> String {
    format!(
        "[[key]]\nid = \"{id}\"\nsecrets = [{{ file = \"a.secret\" }}]\nteam = \"web\"\naccount = \"main\"\n{more}\n"
    )
}

fn place(text: &str) -> TempDir {
    let place = TempDir::new().unwrap();
    for name in ["a.secret", "b.secret", "token"] {
        put(place.path(), name, &format!("secret-in-{name}"));
    }
    put(place.path(), "keys.toml", text);
    place
}

fn load(place: &TempDir) -> Result<KeyFile, crate::config::diagnostics::Mistakes> {
    let accounts = [("main".to_owned(), std::collections::BTreeSet::new())].into_iter().collect();
    KeyFile::load(&place.path().join("keys.toml"), accounts)
}

fn one(more: &str) -> Key {
    let place = place(&key("ZGkey1", more));
    load(&place).unwrap_or_else(|mistakes| panic!("{mistakes}")).current().by_id("ZGkey1").unwrap().clone()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));

#[test]
fn a_key_ends_with_its_day_or_at_its_moment() {
    let day = one("expires = 2027-01-31");
    assert_eq!(day.usable(at("2027-01-31T23:59:59Z"), HERE, None), Ok(()));
    assert_eq!(day.usable(at("2027-02-01T00:00:00Z"), HERE, None), Err(KeyRefusal::Expired));
    let moment = one("expires = 2027-01-31T12:00:00+02:00");
    assert_eq!(moment.usable(at("2027-01-31T09:59:59Z"), HERE, None), Ok(()));
    assert_eq!(moment.usable(at("2027-01-31T10:00:00Z"), HERE, None), Err(KeyRefusal::Expired));
    assert_eq!(
        one("enabled = false").usable(at("2027-01-01T00:00:00Z"), HERE, None),
        Err(KeyRefusal::Disabled)
    );
}

#[test]
fn source_ranges_know_mapped_addresses() {
    let ranged = one("sources = [\"10.0.0.0/8\", \"2001:db8::/32\"]");
    let now = at("2027-01-01T00:00:00Z");
    for (address, inside) in [
        ("10.9.9.9", true),
        ("::ffff:10.9.9.9", true),
        ("2001:db8::1", true),
        ("11.0.0.1", false),
        ("::ffff:11.0.0.1", false),
        ("::1", false),
    ] {
        assert_eq!(ranged.usable(now, address.parse().unwrap(), None).is_ok(), inside, "{address}");
    }
}

#[test]
fn patterns_end_with_a_star_in_either_part() {
    let some = one("actions = [\"vm *\", \"zec Describe*\", \"bmc StartInstances\"]");
    for (service, action, permitted) in [
        ("vm", "CreateInstances", true),
        ("zec", "DescribeInstances", true),
        ("zec", "CreateZecInstances", false),
        ("bmc", "StartInstances", true),
        ("bmc", "StartInstancesNow", false),
        ("vmx", "CreateInstances", false),
    ] {
        assert_eq!(some.permits(service, action), permitted, "{service} {action}");
    }
    assert!(one("").permits("any", "Thing"), "all actions when absent");
}

#[test]
fn a_secret_with_an_end_counts_until_then() {
    let place = place(&key("ZGkey1", "").replace(
        "[{ file = \"a.secret\" }]",
        "[{ file = \"a.secret\", until = 2027-01-01T00:00:00Z }, { file = \"b.secret\" }]",
    ));
    let ring = load(&place).unwrap().current();
    let live = |now: &str| -> Vec<String> {
        ring.by_id("ZGkey1").unwrap().secrets_at(at(now)).map(|secret| secret.expose().to_owned()).collect()
    };
    assert_eq!(live("2026-12-31T23:59:59Z"), ["secret-in-a.secret", "secret-in-b.secret"]);
    assert_eq!(live("2027-01-01T00:00:00Z"), ["secret-in-b.secret"]);
}

#[test]
fn mistakes_name_the_key_and_never_a_secret() {
    let token = "tokens = [{ file = \"token\" }]";
    for (text, part) in [
        (format!("{}{}", key("ZGkey1", ""), key("ZGkey1", "")), "ZGkey1"),
        (key("ZGkey1", "").replace("\"main\"", "\"other\""), "other"),
        (format!("{}{}", key("ZGkey1", token), key("ZGkey2", token)), "token"),
        (key("ZGkey1", "sources = [\"10.0.0.0/99\"]"), "10.0.0.0/99"),
        (key("ZGkey1", "actions = [\"vm\"]"), "actions"),
        (key("ZGkey1", "teem = \"x\""), "teem"),
        (key("ZGkey1", "").replace("[{ file = \"a.secret\" }]", "[\"SK-plain\"]"), "secrets"),
        (key("ZGkey1", "").replace("team = \"web\"\n", ""), "team"),
    ] {
        let place = place(&text);
        let said = load(&place).map(|_| "no mistake").unwrap_err().to_string();
        assert!(said.contains("keys.toml:") && said.contains(part), "{part}: {said}");
        assert!(!said.contains("secret-in-") && !said.contains("SK-plain"), "{said}");
    }
}

#[test]
fn polling_replaces_good_with_good_and_keeps_it_before_bad() {
    let place = place(&key("ZGkey1", ""));
    let file = load(&place).unwrap();
    assert!(matches!(file.poll(), PollOutcome::Unchanged));
    put(place.path(), "a.secret", "another");
    assert!(matches!(file.poll(), PollOutcome::Replaced), "the secrets belong to the file");
    put(place.path(), "keys.toml", "[[key]]\nid = 5\n");
    assert!(matches!(file.poll(), PollOutcome::Kept(_)));
    assert!(matches!(file.poll(), PollOutcome::Unchanged), "told once");
    assert!(file.current().by_id("ZGkey1").is_some() && file.status().mistakes.is_some());
    put(place.path(), "keys.toml", &key("ZGkey2", ""));
    assert!(matches!(file.poll(), PollOutcome::Replaced));
    assert!(file.current().by_id("ZGkey1").is_none() && file.status().mistakes.is_none());
}
