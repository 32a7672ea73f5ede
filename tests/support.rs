//! What the tests stand on: a world of one emulator and one gateway process, and clients that speak to it in bytes.

pub mod client;
pub mod gateway;
pub mod world;

pub use client::{Answer, Call};
pub use gateway::Gateway;
pub use world::World;

use std::time::{Duration, Instant};

/// Waits until `condition` gives something, for at most ten seconds. The bound is for tests that fail, not a guess.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
