//! What the README says works as it stands there.

use std::path::PathBuf;

use tempfile::TempDir;
use zengate::config::Config;
use zengate::keys::KeyFile;
use zengate::policy::{Overlays, PolicySet, Source};

use crate::support::gateway::write;
use crate::support::stock_policies_in;

/// The code blocks of the README of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_three_files_of_the_readme_load() {
    let at = TempDir::new().unwrap();
    let file = |name: &str, content: &str| write(&at.path().join(name), content);
    let toml = blocks("toml");
    file("zengate.toml", &toml[0]);
    file("keys.toml", &toml[1]);
    file("organisation.yaml", &blocks("yaml")[0]);
    for name in ["cloud.secret", "payments.secret", "gateway.key", "gateway.pem"] {
        file(name, "something");
    }
    let config =
        Config::load(&at.path().join("zengate.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    KeyFile::load(config.keys.file.as_ref().unwrap(), config.key_accounts())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    PolicySet::load(&Source::Embedded, &config.policy.overlays())
        .unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn the_first_rule_of_the_readme_loads_beside_the_stock_rules() {
    let at = TempDir::new().unwrap();
    let policies: PathBuf = at.path().join("policies");
    stock_policies_in(&policies);
    std::fs::write(policies.join("rules/nightshift.rego"), &blocks("rego")[0]).unwrap();
    let set = PolicySet::load(&Source::Directory(policies), &Overlays::default())
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(set.rules().any(|rule| rule == "nightshift"));
}

#[test]
fn a_misspelt_setting_of_the_stock_rules_does_not_load() {
    let at = TempDir::new().unwrap();
    let file = at.path().join("organisation.yaml");
    for (yaml, told) in [
        ("settings: {zonse: {allowed: [SEL-A]}}", "settings.zonse: no rule reads it (did you mean `zones`?)"),
        ("teams: {web: {settings: {instance_type: {}}}}", "settings.instance_type: no rule reads it"),
    ] {
        std::fs::write(&file, yaml).unwrap();
        let overlays = Overlays { organisation: vec![file.clone()], facts: None };
        let problems = PolicySet::load(&Source::Embedded, &overlays).unwrap_err().to_string();
        assert!(problems.contains(told), "{problems}");
    }
}

#[test]
fn the_operators_example_enforces_zones_count_and_tags_in_a_few_lines() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config/organisation.yaml"));
    let lines = std::fs::read_to_string(&path).unwrap().lines().filter(|line| !line.starts_with('#')).count();
    assert!(lines <= 16, "{lines} lines");
    let set = PolicySet::load(&Source::Embedded, &Overlays { organisation: vec![path], facts: None })
        .unwrap_or_else(|problems| panic!("{problems}"));
    let settings = set.organisation().settings("payments");
    for rule in ["zones", "count", "tags"] {
        assert!(settings[rule].is_object(), "{settings}");
    }
}

/// All text below a directory, of files with this ending.
fn sources(directory: &str, all: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(path.to_str().unwrap(), all);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                if let Some((name, _)) = line
                    .trim_start()
                    .trim_start_matches("async ")
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.split_once('('))
                {
                    all.push_str(&format!("`{module}::{name}`"));
                }
            }
        }
    }
}

#[test]
fn every_test_that_the_security_page_names_is_there() {
    let root = env!("CARGO_MANIFEST_DIR");
    let page = std::fs::read_to_string(format!("{root}/deploy/SECURITY.md")).unwrap();
    let mut there = String::new();
    for directory in ["tests", "src"] {
        sources(&format!("{root}/{directory}"), &mut there);
    }
    let named: Vec<&str> = page.split('`').filter(|text| text.contains("::")).collect();
    assert!(named.len() > 40, "{}", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !there.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
