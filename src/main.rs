//! The `zengate` binary: parses the command line and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    zengate::cli::main()
}
