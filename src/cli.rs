//! The command line: one binary, one subcommand per job.
//!
//! What exit codes mean stands in `paper::EXIT_CODES`, which every help shows. Data goes to standard output, everything said
//! about it to standard error (`out`).

mod admin;
mod audit;
mod check;
mod decisions;
mod demo;
mod doctor;
mod explain;
mod facts;
mod health;
mod init;
mod keys;
mod live;
mod log;
mod my;
mod out;
mod paper;
mod policies;
mod policy;
mod progress;
mod quota;
mod replay;
mod secret;
mod serve;
mod table;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::config::command::ConfigCommand;
use crate::config::{Log, LogFormat};
use crate::emulator::command::EmulatorArgs;
use crate::policy::child;
use crate::replay::shadow;
pub use log::JsonLines;
use out::{say, say_error, say_out};

/// Wrong usage or mistakes in the files.
const MISTAKEN: u8 = 2;

/// The answer is no.
const NO: u8 = 1;

/// A policy gateway for the Zenlayer Cloud API.
#[derive(Debug, Parser)]
#[command(name = "zengate", version = version(), about, max_term_width = 110, after_help = format!("Examples:\n  \
    zengate demo                                    # see it work; nothing to set up\n  \
    zengate init gate                               # files to begin with\n  \
    zengate serve --config gate/zengate.toml\n  \
    zengate check --team payments order.json        # would it pass?\n  \
    zengate quota list --output json | jq .counts\n\n{}\n\n\
    `zengate help COMMAND` says more of each.", paper::EXIT_CODES))]
struct Cli {
    /// Where colours are shown: auto is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

/// The version, and the revision where the one who built it said so in ZENGATE_REVISION.
fn version() -> String {
    let revision = option_env!("ZENGATE_REVISION").map(|revision| format!(" ({revision})"));
    format!("{}{}", env!("CARGO_PKG_VERSION"), revision.unwrap_or_default())
}

/// The tree of commands.
pub fn command() -> clap::Command {
    Cli::command()
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
    /// Look whether everything that a configuration names can be reached.
    Doctor(doctor::DoctorArgs),
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
    /// Make the keys that callers use, rotate them and take them back.
    Keys(keys::KeysCommand),
    /// What a team may ask with its own key: its rules, quota and rate; would this pass?
    My(my::MyCommand),
    /// Seal secrets, and make the keys that open them.
    Secret(secret::SecretCommand),
    /// Check a configuration or print its JSON Schema.
    Config(ConfigCommand),
    /// Write the files of a gateway that starts.
    Init(init::InitArgs),
    /// Print what completes commands and options in a shell.
    Completions(paper::CompletionsArgs),
    /// Write the man pages.
    Man(paper::ManArgs),
    /// What exit codes mean.
    #[command(hide = true, long_about = paper::EXIT_CODES)]
    ExitCodes,
}

/// How a command prints what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    #[value(alias = "table")]
    Text,
    /// For programs.
    Json,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    // Help and mistakes are coloured too, and are said while the line is read.
    let colour = said_of_colour(&arguments);
    out::colours(colour);
    let matches = Cli::command().color(colour).get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = run(cli.command);
    let outcome = match out::lost() {
        Some(why) => {
            say_error(&format!("standard output: {why}; what was printed is not complete"));
            outcome.map(|code| code.max(NO))
        }
        None => outcome,
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            say_error(&message);
            ExitCode::from(MISTAKEN)
        }
    }
}

/// The files of a command, with standard input for `-`.
fn read_from(paths: &[PathBuf]) -> Vec<PathBuf> {
    let stdin = |path: &PathBuf| if path.as_os_str() == "-" { "/dev/stdin".into() } else { path.clone() };
    paths.iter().map(stdin).collect()
}

/// `--color` before the line is read as a whole; what is wrong with it is told then.
fn said_of_colour(arguments: &[std::ffi::OsString]) -> ColorChoice {
    let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let after = texts.iter().zip(texts.iter().skip(1)).find(|(flag, _)| *flag == "--color");
    let joined = texts.iter().find_map(|text| text.strip_prefix("--color="));
    let value = joined.or(after.map(|(_, value)| &**value)).unwrap_or("auto");
    ColorChoice::from_str(value, false).unwrap_or(ColorChoice::Auto)
}

fn run(command: Command) -> Result<u8, String> {
    match command {
        Command::Serve(args) => on_runtime(serve::run(args)),
        Command::Demo(args) => on_runtime(demo::run(args)),
        Command::Emulator(args) => on_runtime(async { emulator(args).await }),
        Command::Facts(command) => on_runtime(facts::run(command)),
        Command::Health(args) => on_runtime(health::run(args)),
        Command::Doctor(args) => on_runtime(doctor::run(args)),
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
        Command::Keys(command) => on_runtime(keys::run(command)),
        Command::My(command) => on_runtime(my::run(command)),
        Command::Secret(command) => secret::run(command),
        Command::Config(command) => {
            let mut printed = Vec::new();
            let code = command.run(&mut printed, &mut std::io::stderr());
            say_out(&String::from_utf8_lossy(&printed));
            code.map_err(|error| error.to_string())
        }
        Command::Init(args) => init::run(&args),
        Command::Completions(args) => Ok(paper::completions(&args)),
        Command::Man(args) => Ok(paper::man(&args)),
        Command::ExitCodes => {
            say_out(&format!("{}\n", paper::EXIT_CODES));
            Ok(0)
        }
    }
}

async fn emulator(args: EmulatorArgs) -> Result<u8, String> {
    let _logging = log::start(&Log { level: "warn".to_owned(), format: LogFormat::Text })?;
    crate::emulator::command::run(args).await.map(|()| 0).map_err(|error| error.to_string())
}

/// Runs it to its end. Where there is one processor (or a container's share of one), one thread does all of it: a second one would
/// take turns with the first, and hand over to it what it could do itself.
fn on_runtime<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut runtime = match processors {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().map_err(|error| format!("no runtime: {error}"))?;
    let outcome = runtime.block_on(work);
    // What a hurried stop left behind does not keep the process.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }

    #[test]
    fn colours_are_known_before_the_line_is_read() {
        let said = |line: &str| super::said_of_colour(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        assert_eq!(said("zengate quota list"), ColorChoice::Auto);
        assert_eq!(said("zengate --color never quota list"), ColorChoice::Never);
        assert_eq!(said("zengate quota list --color=always"), ColorChoice::Always);
        assert_eq!(said("zengate quota list --color"), ColorChoice::Auto);
        assert_eq!(said("zengate quota list --color pink"), ColorChoice::Auto);
    }
}
