//! The life of policies at the front door: where they come from, what is refused, how others come into force and go again.

mod bundle;
mod candidate;
mod swap;

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Call, World, eventually};

/// `zengate policy ...` against a running gateway.
fn policy(world: &World, arguments: &[&str]) -> Output {
    let admin = format!("http://{}", world.gateway.admin_address());
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .arg("policy")
        .args(arguments)
        .args(["--admin", &admin])
        .output()
        .unwrap()
}

fn done(world: &World, arguments: &[&str]) -> String {
    let output = policy(world, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(world: &World, arguments: &[&str]) -> String {
    let output = policy(world, arguments);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

fn status(world: &World) -> Value {
    serde_json::from_str(&done(world, &["status", "--output", "json"])).unwrap()
}

/// The status, once it says what is wanted.
fn status_with(world: &World, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(status(world)).filter(|status| wanted(status)))
}

/// The count that a create of the vendor's example may have, as the gateway answers.
fn creates(world: &World, count: u32) -> u16 {
    let mut body: Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
    body["instanceCount"] = count.into();
    world.send(&Call::new("vm", "CreateInstances").json(&body)).status
}
