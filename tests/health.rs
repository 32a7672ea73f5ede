//! `zengate health` against a running gateway.

use std::process::{Command, Output};

use crate::support::World;

fn health(url: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate")).args(["health", "--url", url]).output().unwrap()
}

#[test]
fn a_probe_says_well_or_not_well() {
    let world = World::new();
    let admin = world.gateway.admin_address();
    for page in ["livez", "readyz"] {
        let run = health(&format!("http://{admin}/{page}"));
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let missing = health(&format!("http://{admin}/nothing"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("404"));
    drop(world);
    assert_eq!(health(&format!("http://{admin}/livez")).status.code(), Some(1), "nobody listens any more");
    assert_eq!(health("ftp://127.0.0.1:1/livez").status.code(), Some(2));
}
