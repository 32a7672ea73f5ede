//! The `zengate` binary: parses the command line and hands over to the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Small documents are made and dropped all the time, many of them on another thread than the one they were made on.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    zengate::cli::main()
}
