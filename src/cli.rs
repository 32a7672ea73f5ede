//! The command line: one binary, one subcommand per job.
//!
//! Exit codes: 0 done, 1 the job ran and failed (a drain that had to be cut short, a refused check), 2 wrong usage or
//! mistakes in the files it was given. Data goes to standard output, everything said about it to standard error.

mod admin;
mod audit;
mod check;
mod decisions;
mod demo;
mod explain;
mod facts;
mod health;
mod live;
mod log;
mod policies;
mod policy;
mod quota;
mod replay;
mod secret;
mod serve;
mod test;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::command::ConfigCommand;
use crate::config::{Log, LogFormat};
use crate::emulator::command::EmulatorArgs;
use crate::policy::child;
use crate::replay::shadow;

/// Wrong usage or mistakes in the files.
const MISTAKEN: u8 = 2;

/// A policy gateway for the Zenlayer Cloud API.
#[derive(Debug, Parser)]
#[command(name = "zengate", version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::ServeArgs),
    /// Run emulator and gateway together on this machine and show what they do; nothing to set up.
    Demo(demo::DemoArgs),
    /// Run a local stand-in for the cloud's API.
    Emulator(EmulatorArgs),
    /// Ask the cloud for its zones and instance types, as data for the rules.
    Facts(facts::FactsCommand),
    /// Ask a running gateway whether it is alive or ready.
    Health(health::HealthArgs),
    /// Judge request bodies and Terraform plans before anything is sent.
    Check(check::CheckArgs),
    /// Judge recorded decisions by other policies, and show what would be different.
    Replay(replay::ReplayArgs),
    /// Say why a decision was made: which rules ran, which lines decided, what they read.
    Explain(explain::ExplainArgs),
    /// Run the tests of a directory of policies.
    Test(test::TestArgs),
    /// Ask a running gateway about its policies; try, promote and take back others.
    Policy(policy::PolicyCommand),
    /// The trial of a set of policies in a process of its own; the gateway starts it.
    #[command(name = child::TRIAL, hide = true)]
    PolicyTrial,
    /// A candidate in shadow; the gateway starts it.
    #[command(name = child::SHADOW, hide = true)]
    PolicyShadow,
    /// The console's playground; the gateway starts it.
    #[command(name = crate::console::SUBCOMMAND, hide = true)]
    PolicyJudge,
    /// Ask a running gateway about quota, reconcile it, settle what it cannot decide.
    Quota(quota::QuotaCommand),
    /// Answer what an auditor asks: who made an instance, and whether the logs are as they were written.
    Audit(audit::AuditCommand),
    /// Find decisions of a running gateway again, or watch them come.
    Decisions(decisions::DecisionsCommand),
    /// Seal secrets, and make the keys that open them.
    Secret(secret::SecretCommand),
    /// Check a configuration or print its JSON Schema.
    Config(ConfigCommand),
}

/// How a command prints what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => on_runtime(serve::run(args)),
        Command::Demo(args) => on_runtime(demo::run(args)),
        Command::Emulator(args) => on_runtime(async { emulator(args).await }),
        Command::Facts(command) => on_runtime(facts::run(command)),
        Command::Health(args) => on_runtime(health::run(args)),
        Command::Check(args) => check::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Test(args) => test::run(args),
        Command::Policy(command) => on_runtime(policy::run(command)),
        Command::PolicyTrial => child::trial(std::io::stdin(), std::io::stdout()).map(|()| 0),
        Command::PolicyShadow => {
            let input = std::io::BufReader::new(std::io::stdin());
            shadow::run(input, std::io::stdout()).map(|()| 0)
        }
        Command::PolicyJudge => check::judge_one(std::io::stdin(), std::io::stdout()).map(|()| 0),
        Command::Quota(command) => on_runtime(quota::run(command)),
        Command::Audit(command) => audit::run(command),
        Command::Decisions(command) => on_runtime(decisions::run(command)),
        Command::Secret(command) => secret::run(command),
        Command::Config(command) => {
            command.run(&mut std::io::stdout(), &mut std::io::stderr()).map_err(|error| error.to_string())
        }
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::from(MISTAKEN)
        }
    }
}

async fn emulator(args: EmulatorArgs) -> Result<u8, String> {
    let _logging = log::start(&Log { level: "warn".to_owned(), format: LogFormat::Text })?;
    crate::emulator::command::run(args).await.map(|()| 0).map_err(|error| error.to_string())
}

fn on_runtime<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let outcome = runtime.block_on(work);
    // What a hurried stop left behind does not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Says something to a person, on standard error.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Hands out what a command was asked for, on standard output.
fn say_out(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
