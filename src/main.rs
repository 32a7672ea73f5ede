//! The `zengate` binary: parses the command line and hands over to the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Here and not in the library: benchmarks count allocations with one of their own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    zengate::cli::main()
}
