//! The command line as a person uses it.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::gateway::write;
use crate::support::world::{directory, keys, organisation};

fn zengate(args: &[&str], at: &TempDir) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(args)
        .current_dir(at.path())
        .env("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN)
        .output()
        .expect("the built binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_demo_shows_what_it_says_and_ends_by_itself() {
    for tls in [false, true] {
        let at = TempDir::new().unwrap();
        let mut args = vec!["demo", "--once", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        if tls {
            args.push("--tls");
        }
        let run = zengate(&args, &at);
        let said = text(&run.stdout);
        assert!(run.status.success(), "{said}\n{}", text(&run.stderr));
        for part in [
            "\"zoneId\":\"SEL-A\"",
            "-> 200 OK",
            "x-zengate-added: /resourceGroupId=",
            "x-zengate-added: /securityGroupId=",
            "-> 403 Forbidden",
            "Refused by 3 rules",
            "The cloud heard 0 of them",
            "DescribeInstances {}",
            "/metrics",
            "Python",
            "Go",
            "Terraform",
            "zeno",
        ] {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
        assert_eq!(said.contains("https://127.0.0.1"), tls);
    }
}

#[test]
fn config_check_is_quiet_when_all_is_well_and_names_every_mistake_otherwise() {
    let at = directory("http://127.0.0.1:9", &keys(""), &organisation(), "");
    let run = zengate(&["config", "check"], &at);
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert!(!text(&run.stdout).contains(crate::support::world::CLOUD_SECRET));

    let config = std::fs::read_to_string(at.path().join("zengate.toml")).unwrap();
    let broken =
        config.replace("[listen]\naddress", "[listen]\nadress").replace("http://127.0.0.1:9", "htp://x");
    write(&at.path().join("zengate.toml"), &broken);
    for command in [&["config", "check"][..], &["serve"]] {
        let run = zengate(command, &at);
        assert_eq!(run.status.code(), Some(2));
        let said = text(&run.stderr);
        assert!(said.contains("zengate.toml:2:") && said.contains("address"), "{said}");
        assert!(said.contains("upstream.url"), "{said}");
    }
}

#[test]
fn config_schema_is_json_schema() {
    let at = TempDir::new().unwrap();
    for which in ["config", "keys"] {
        let run = zengate(&["config", "schema", which], &at);
        let schema: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
        assert!(schema["properties"].is_object() && schema["$schema"].is_string(), "{schema}");
    }
}

#[test]
fn wrong_usage_is_told_with_exit_code_2() {
    let at = TempDir::new().unwrap();
    assert_eq!(zengate(&["nonsense"], &at).status.code(), Some(2));
    let run = zengate(&["serve"], &at);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("--config"), "{}", text(&run.stderr));
}
