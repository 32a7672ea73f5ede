//! What each stage of the path costs: time, allocations, and what a second thread adds.
//!
//! `cargo bench --bench stages [-- <part of a name>]`; `-- --test` runs every case once. See `tests/bench/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a benchmark stops at the first thing that is not as it should be, and prints"
)]

#[path = "../common/answers.rs"]
mod answers;
#[path = "../common/fixture.rs"]
mod fixture;
mod measure;
mod path;
mod pure;
#[path = "../common/stub.rs"]
mod stub;

use measure::{Effort, heading, line, measure};

fn main() {
    // A thread that panics would leave others waiting for it.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let smoke = arguments.iter().any(|argument| argument == "--test");
    let wanted = arguments.iter().find(|argument| !argument.starts_with("--"));
    let effort = if smoke { Effort::SMOKE } else { Effort::FULL };
    let world = path::World::start();
    if !smoke {
        world.describe();
        heading();
    }
    for case in pure::cases(&world).iter().chain(&path::cases(&world)) {
        if wanted.is_none_or(|part| case.name.contains(part.as_str())) {
            let figures = measure(case, effort);
            if smoke {
                println!("{}: ok", case.name);
            } else {
                line(case.name, &figures);
            }
        }
    }
}
