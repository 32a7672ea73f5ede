//! What each stage of the path costs: time, allocations, and what a second thread adds.
//!
//! `cargo bench -p zengate-stages [-- <part of a name>]`; `-- --test` runs every case once; `-- --count <names>` is for
//! `.ci/budget`. See `tests/bench/README.md`.
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

use measure::{Case, Effort, count, heading, line, measure};

fn main() {
    // A thread that panics would leave others waiting for it.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(path::STUB) => return path::stub(),
        Some("--count") => return counted(arguments.get(1..).unwrap_or_default()),
        _ => {}
    }
    let smoke = arguments.iter().any(|argument| argument == "--test");
    let wanted = arguments.iter().find(|argument| !argument.starts_with("--"));
    let effort = if smoke { Effort::SMOKE } else { Effort::FULL };
    let world = path::World::start();
    if !smoke {
        world.describe();
        heading();
    }
    for case in &cases(&world) {
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

fn cases(world: &path::World) -> Vec<Case> {
    pure::cases(world).into_iter().chain(path::cases(world)).collect()
}

/// Runs the cases of these names in this order, each as often as it is counted, and says what each allocates.
fn counted(names: &[String]) {
    let world = path::World::start();
    let cases = cases(&world);
    println!("{}", measure::COUNTED);
    for name in names {
        let case = cases.iter().find(|case| case.name == name).expect("a case of this name");
        println!("{:.1}\t{name}", count(case));
    }
}
