//! What the tests stand on: a world of one emulator and one gateway process, and clients that speak to it in bytes.

pub mod browser;
pub mod bundles;
pub mod chrome;
pub mod client;
pub mod collector;
pub mod gateway;
pub mod house;
#[allow(dead_code, reason = "unit tests use the rest of it")]
pub mod postgres;
pub mod random;
pub mod tls;
pub mod world;

pub use client::{Answer, Call};
pub use gateway::Gateway;
pub use world::World;

use std::path::Path;
use std::time::{Duration, Instant};

/// Waits until `condition` gives something, for at most a minute. The bound is for tests that fail, not a guess.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Copies the stock policies, for tests that add a rule to them.
pub fn stock_policies_in(directory: &Path) {
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/policies")), directory);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
