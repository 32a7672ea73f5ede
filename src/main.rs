//! The `zengate` binary: parses the command line and hands over to the library.

use std::process::ExitCode;

/// Here and not in the library: benchmarks count allocations with one of their own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    zengate::cli::main()
}
