//! `zengate keys` as an operator uses it.

use std::process::{Command, Output};

use serde_json::Value;

use super::{made, status, stored};
use crate::support::World;
use crate::support::world::KEY;

fn zengate(world: &World, arguments: &[&str]) -> Output {
    let admin = format!("http://{}", world.gateway.admin_address());
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["keys", "--admin", &admin])
        .args(arguments)
        .output()
        .unwrap()
}

fn said(run: &Output) -> String {
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout.clone()).unwrap()
}

/// The value of a line `name  value`.
fn line(text: &str, name: &str) -> String {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim().to_owned()
}

#[test]
fn an_operator_makes_lists_rotates_and_revokes() {
    let world = World::with(stored());
    let run = zengate(
        &world,
        &[
            "create",
            "--team",
            "payments",
            "--owner",
            "ada",
            "--purpose",
            "CI of payments",
            "--action",
            "vm *",
            "--source",
            "127.0.0.0/8",
            "--label",
            "env=prod",
            "--expires",
            "90d",
        ],
    );
    let text = said(&run);
    let (id, secret) = (line(&text, "id"), line(&text, "secret"));
    assert!(String::from_utf8_lossy(&run.stderr).contains("shown once"));
    assert_eq!(text.matches(&secret).count(), 1, "{text}");
    assert_eq!((line(&text, "labels"), line(&text, "state")), ("env=prod".to_owned(), "active".to_owned()));
    assert_eq!(status(&world.gateway, &id, &secret), 200);

    let run =
        zengate(&world, &["create", "--team", "payments", "--credentials", "token", "--output", "json"]);
    let token: Value = serde_json::from_str(&said(&run)).unwrap();
    assert!(token["secret"].is_null() && token["token"].as_str().unwrap().starts_with("ZGT"), "{token}");
    let list = said(&zengate(&world, &["list"]));
    for part in ["ID", "LAST USED", KEY, &id, &made(&token).id, "CI of payments", "file", "store"] {
        assert!(list.contains(part), "{part} is not in\n{list}");
    }
    assert!(!list.contains(&secret) && !list.contains(token["token"].as_str().unwrap()));
    assert!(!said(&zengate(&world, &["list", "--team", "nobody"])).contains(KEY));
    let shown = said(&zengate(&world, &["show", &id]));
    assert!(shown.contains("ada") && !shown.contains(&secret), "{shown}");

    let rotated = zengate(&world, &["rotate", &id, "--grace", "0s"]);
    let new = line(&said(&rotated), "secret");
    assert_eq!((status(&world.gateway, &id, &secret), status(&world.gateway, &id, &new)), (401, 200));
    assert_eq!(line(&said(&zengate(&world, &["disable", &id])), "state"), "disabled");
    assert_eq!(line(&said(&zengate(&world, &["enable", &id])), "state"), "active");
    assert_eq!(line(&said(&zengate(&world, &["revoke", &id])), "state"), "revoked");
    assert_eq!(status(&world.gateway, &id, &new), 401);
    assert_eq!(said(&zengate(&world, &["reseal"])), "sealed anew: 0\n");

    for (arguments, code, told) in [
        (&["rotate", &id][..], 1, "for ever"),
        (&["show", "ZGnobody"], 1, "no key"),
        (&["create", "--team", "a/b"], 1, "is not a team"),
        (&["create", "--team", "a", "--action", "vm Discribe*"], 1, "no action that this gateway knows"),
        (&["create"], 2, "--team"),
        (&["create", "--team", "a", "--label", "x"], 2, "NAME=VALUE"),
    ] {
        let run = zengate(&world, arguments);
        assert_eq!(run.status.code(), Some(code), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
}
