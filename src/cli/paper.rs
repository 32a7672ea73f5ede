//! What is written from the tree of commands: completions for shells, man pages, the table of exit codes.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;

use super::out::{say, say_out};

/// What exit codes mean, for all commands; each command's help says what is its own.
pub(in crate::cli) const EXIT_CODES: &str = "\
Exit codes:
  0  done; what was asked about is well
  1  the work was done and the answer is no: refused, not ready, flipped, failed, not verified; or nobody answered
  2  wrong usage, or mistakes in the files that were given
  3  `zengate check --fail-on-warn`: nothing was refused, and rules warned";

/// Print what completes commands and options in a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    zengate completions bash > /etc/bash_completion.d/zengate\n  \
    zengate completions zsh > ~/.zfunc/_zengate      # with fpath=(~/.zfunc $fpath) before compinit\n  \
    zengate completions fish > ~/.config/fish/completions/zengate.fish\n\n\
    The package brings them. Exit codes: 0 printed, 2 wrong usage")]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Write the man pages: one for each command.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zengate man --output /usr/local/share/man/man1\n\n\
    The package brings them. Exit codes: 0 written, 1 the directory cannot be written to, 2 wrong usage")]
pub(in crate::cli) struct ManArgs {
    /// The directory that they are written to; it is made where it is not there.
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
}

/// Runs the command; the answer is the exit code.
pub(in crate::cli) fn completions(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "zengate", &mut script);
    say_out(&String::from_utf8_lossy(&script));
    0
}

/// Runs the command; the answer is the exit code.
pub(in crate::cli) fn man(args: &ManArgs) -> u8 {
    let written = std::fs::create_dir_all(&args.output).and_then(|()| pages(super::command(), &args.output));
    match written {
        Ok(()) => 0,
        Err(error) => {
            say(&format!("{} cannot be written to: {error}", args.output.display()));
            1
        }
    }
}

/// `zengate.1`, `zengate-quota.1`, `zengate-quota-list.1` and so on.
fn pages(command: clap::Command, directory: &Path) -> std::io::Result<()> {
    clap_mangen::generate_to(command, directory)
}
