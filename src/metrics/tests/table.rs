//! The page that documents the metrics (`deploy/METRICS.md`), made from the metrics themselves. `ZENGATE_BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::metrics::upkeep::{REASONS, RELOADED};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/METRICS.md");

const HEAD: &str = "\
# Metrics

`GET /metrics` on the admin listener, in the text format of Prometheus. This page is made from the code by its tests
(`ZENGATE_BLESS=1 cargo test --lib metrics` after a change); names, types and labels are an interface.

Rules and alerts for these are in [`observe`](observe), what to do when one fires in [`RUNBOOK.md`](RUNBOOK.md). Counters that
alerts wait for are there at 0 from the start. The scopes of quota, and `job` and `instance`, apart, there are as many series as
the lists below and your configuration allow: nothing that a client sends can add one.
";

/// What each label can be: a list of its values, or words where the configuration decides.
fn labels() -> Vec<(&'static str, String)> {
    let list =
        |values: &[&str]| values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    let phases = ["receive", "authenticate", "parse", "amend", "decide", "reserve", "upstream", "settle"];
    let outcomes = Outcome::ALL.map(Outcome::as_str);
    vec![
        ("account", "a name under `[accounts]`".to_owned()),
        ("class", list(&["read", "create", "change", "none"])),
        ("code", "a known error code of the cloud, `none` or `other`".to_owned()),
        (
            "effect",
            format!(
                "of findings: {}; over a limit: {}",
                list(&["refused", "warned", "shadowed", "exempted"]),
                list(&["refused", "warned", "shadowed", "exempted"])
            ),
        ),
        (
            "kind",
            format!(
                "of drift: {}; of differences: as `zengate replay` names them",
                list(&["extra", "missing", "moved", "unsettled",])
            ),
        ),
        ("key", "the id of a gateway key that ends one day".to_owned()),
        ("listener", list(&["listen", "admin"])),
        ("machine", list(&["plan", "interpreter"])),
        ("mode", list(&["enforce", "warn", "shadow"])),
        ("op", list(&["default", "force"])),
        ("outcome", list(&outcomes)),
        ("percent", list(&["80", "90", "100"])),
        ("phase", list(&phases)),
        (
            "reason",
            format!(
                "to the cloud: {}; of connections: {}",
                list(&REASONS),
                list(&["sent_off", "too_slow", "quiet", "stopped"])
            ),
        ),
        ("resource", list(&["instances", "vcpus", "memory_gb", "disk_gb", "public_ips"])),
        ("result", "what the help of the metric says".to_owned()),
        ("revision", "of the policies in force; one series at a time".to_owned()),
        ("rule", "a rule of the policies, or `other`".to_owned()),
        ("scope", "what a limit counts by, such as `team/payments/zone/SEL-A`".to_owned()),
        ("service", "a service of the cloud, or `other`".to_owned()),
        ("source", list(&["file", "store"])),
        ("stage", list(&["asked", "allowed", "created"])),
        (
            "state",
            format!(
                "of drift: {}; of keys: {}",
                list(&["open", "repaired"]),
                list(&crate::keys::State::ALL.map(crate::keys::State::as_str))
            ),
        ),
        ("status", "an HTTP status, or `other`".to_owned()),
        ("team", "a team of the keys or of the policies' data, or `other`".to_owned()),
        ("verdict", list(&["allowed", "refused", "failed"])),
        ("version", "of the binary".to_owned()),
        ("what", list(&RELOADED)),
        ("zone", "a zone of the cloud facts, `none` or `other`".to_owned()),
    ]
}

fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name {
        _ if name.ends_with("_timestamp_seconds") || name.ends_with("_start_time_seconds") => "Unix time, s",
        _ if name.ends_with("_seconds") => "s",
        _ if name.ends_with("_bytes") => "bytes",
        _ => "",
    }
}

fn page() -> String {
    let metrics = all();
    let mut page = HEAD.to_owned();
    page.push_str("\n| metric | type | unit | labels | what |\n|---|---|---|---|---|\n");
    let mut used = BTreeSet::new();
    for family in metrics.registry.gather() {
        let names: Vec<&str> = family.get_metric()[0].get_label().iter().map(|label| label.name()).collect();
        let shown = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
        used.extend(names.iter().map(|name| (*name).to_owned()));
        let kind = format!("{:?}", family.get_field_type()).to_lowercase();
        let help = family.help().replace('|', "\\|");
        writeln!(page, "| `{}` | {kind} | {} | {shown} | {help} |", family.name(), unit(family.name()))
            .unwrap();
    }
    page.push_str("\n## Labels\n\n| label | values |\n|---|---|\n");
    let labels = labels();
    for (label, values) in &labels {
        writeln!(page, "| `{label}` | {values} |").unwrap();
    }
    let explained: BTreeSet<String> = labels.iter().map(|(label, _)| (*label).to_owned()).collect();
    assert_eq!(explained, used, "each label of a metric is explained, and no other");
    page
}

#[test]
fn the_page_of_metrics_is_made_from_the_code() {
    let page = page();
    if std::env::var_os("ZENGATE_BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page,
        "deploy/METRICS.md is behind the code: ZENGATE_BLESS=1 cargo test --lib metrics"
    );
}
