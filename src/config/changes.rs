//! What differs between two configurations, and which of it a running gateway can take over.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// Settings that are taken over on SIGHUP, by how their names begin. All else waits for a restart.
const LIVE: &[&str] = &[
    "limits.",
    "listen.host_aliases",
    "listen.tls.",
    "admin.tokens",
    "admin.users",
    "admin.tls.",
    "quota.rate.",
    "quota.correlation_tag",
    "quota.release_on",
    "api.admit_fields",
    "log.level",
];
/// Of an account, what it proves itself with.
const LIVE_OF_ACCOUNTS: &[&str] = &["access_key_id", "secret", "token"];
/// What begins like a live setting and is none.
const FIXED: &[&str] = &["limits.answer"];

/// The settings that differ, by their dotted names.
pub fn changes(before: &str, after: &str) -> BTreeSet<String> {
    let read = |text: &str| toml::from_str::<Table>(text).unwrap_or_default();
    let mut found = BTreeSet::new();
    compare(&read(before), &read(after), "", &mut found);
    found
}

/// Whether a running gateway takes the setting over.
pub fn is_live(setting: &str) -> bool {
    let account = setting.strip_prefix("accounts.").and_then(|rest| rest.split_once('.'));
    let of_account = account.is_some_and(|(_, rest)| {
        let first = rest.split('.').next().unwrap_or(rest);
        LIVE_OF_ACCOUNTS.contains(&first)
    });
    let live = LIVE.iter().any(|start| setting.starts_with(start)) && !FIXED.contains(&setting);
    live || of_account
}

fn compare(before: &Table, after: &Table, path: &str, found: &mut BTreeSet<String>) {
    for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(Value::Table(before)), Some(Value::Table(after))) => compare(before, after, &path, found),
            (before, after) if before != after => {
                found.insert(path);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_differs_and_knows_what_waits() {
        let before = "[limits]\nbody = '1MiB'\nanswer = '8MiB'\n[listen]\naddress = 'a'\n[accounts.main]\naccess_key_id = 'A'\nurl = 'u'\n";
        let after = "[limits]\nbody = '2MiB'\nanswer = '9MiB'\n[listen]\naddress = 'b'\nhost_aliases = ['c']\n[accounts.main]\naccess_key_id = 'B'\nurl = 'v'\n[accounts.other]\naccess_key_id = 'C'\n";
        let found = changes(before, after);
        let (live, waiting): (Vec<&str>, Vec<&str>) =
            found.iter().map(String::as_str).partition(|name| is_live(name));
        assert_eq!(live, ["accounts.main.access_key_id", "limits.body", "listen.host_aliases"]);
        assert_eq!(waiting, ["accounts.main.url", "accounts.other", "limits.answer", "listen.address"]);
        assert!(changes(before, before).is_empty());
    }
}
