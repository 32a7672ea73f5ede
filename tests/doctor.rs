//! `zengate doctor`: what a configuration names is looked at and left as it is.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::World;
use crate::support::world::{CLOUD_SECRET, TOKEN};

fn doctor(world: &World, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["doctor", "--config"])
        .arg(world.gateway.directory().join("zengate.toml"))
        .args(more)
        .env("ZENGATE_TEST_TOKEN", TOKEN)
        .output()
        .unwrap()
}

/// What it found, by what it looked at: the state and what it said.
fn found(world: &World) -> (Option<i32>, Vec<(String, String, String)>) {
    let run = doctor(world, &["--output", "json"]);
    let findings: Vec<Value> = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&run.stderr)));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = findings
        .iter()
        .map(|finding| (text(finding, "what"), text(finding, "state"), text(finding, "told")))
        .collect();
    (run.status.code(), findings)
}

fn of<'a>(all: &'a [(String, String, String)], what: &str) -> (&'a str, &'a str) {
    let found = all.iter().find(|(name, ..)| name == what).unwrap_or_else(|| panic!("{what}: {all:?}"));
    (&found.1, &found.2)
}

#[test]
fn what_can_be_reached_is_told_from_what_cannot() {
    let world = World::new();
    let asked = world.emulator.requests().len();
    let (code, all) = found(&world);
    assert_eq!(code, Some(0), "{all:?}");
    assert_eq!(of(&all, "configuration").0, "well");
    let (state, told) = of(&all, "account main");
    assert!(state == "well" && told.contains("answered DescribeZones"), "{told}");
    // The running gateway's ledger is looked at, not opened.
    assert_eq!(of(&all, "ledger").0, "well");
    let sent = world.emulator.requests();
    assert_eq!(sent.len(), asked + 1);
    assert_eq!(sent.last().unwrap().action, "DescribeZones");
    // For people, with what to do; and nothing secret.
    world.gateway.write("cloud.secret", "not-the-secret-of-the-cloud");
    let run = doctor(&world, &[]);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert_eq!(run.status.code(), Some(1), "{text}");
    assert!(text.contains("BAD   account main: ") && text.contains("401"), "{text}");
    assert!(text.contains("look at access_key_id and secret"), "{text}");
    assert!(!text.contains("not-the-secret") && !text.contains(CLOUD_SECRET), "{text}");
    // Mistakes in the files come first, all of them.
    world.gateway.write("zengate.toml", "[listn]\n");
    let run = doctor(&world, &[]);
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("zengate.toml:1"), "{run:?}");
}

#[test]
fn each_server_that_is_away_is_named() {
    let world = World::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = world.gateway.directory().join("zengate.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let config = config.replace(&format!("http://{}", world.emulator.address()), &format!("http://{nobody}"));
    world
        .gateway
        .write("zengate.toml", &format!("{config}\n[traces]\nendpoint = \"http://{nobody}/v1/traces\"\n"));
    let (code, all) = found(&world);
    assert_eq!(code, Some(1), "{all:?}");
    for what in ["account main", "collector of traces"] {
        let (state, told) = of(&all, what);
        assert!(state == "bad" && told.contains(&nobody.to_string()), "{what}: {told}");
    }
    assert_eq!(of(&all, "ledger").0, "well");
}
