//! The tree of commands: what every part of it must have, the page that is made from it, and how commands behave in a shell.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use zengate::emulator::{self, Emulator};
use zengate::secret::Secret;

use crate::support::Call;
use crate::support::gateway::{Gateway, Launch, write};
use crate::support::world::{directory, keys, organisation};

fn zengate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zengate"));
    command.args(args).env_remove("NO_COLOR").env_remove("ZENGATE_ADMIN_TOKEN").stdin(Stdio::null());
    command
}

fn run(args: &[&str], at: &Path) -> Output {
    zengate(args).current_dir(at).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every command that people see, with its whole name and its parents.
fn all(
    command: &clap::Command,
    name: &str,
    parents: &[clap::Command],
    found: &mut Vec<(String, Vec<clap::Command>)>,
) {
    let line = [parents, std::slice::from_ref(command)].concat();
    found.push((name.to_owned(), line.clone()));
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        all(inner, &format!("{name} {}", inner.get_name()), &line, found);
    }
}

fn tree() -> Vec<(String, Vec<clap::Command>)> {
    let mut root = zengate::cli::command();
    root.build();
    let mut found = Vec::new();
    all(&root, "zengate", &[], &mut found);
    assert!(found.len() > 20, "{}", found.len());
    found
}

#[test]
fn every_command_says_what_it_does_shows_an_example_and_its_exit_codes_and_explains_every_flag() {
    for (name, line) in tree() {
        let command = line.last().unwrap();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.len() > 10 && !about.contains('\n'), "{name}: {about:?}");
        let said = |word: &str| {
            let helps = line.iter().skip(1).filter_map(|command| command.get_after_help());
            helps.map(ToString::to_string).any(|help| help.contains(word)) || name == "zengate"
        };
        assert!(said("Example"), "{name} has no example");
        assert!(said("Exit codes:"), "{name} does not say its exit codes");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{name}: {} has no help", argument.get_id());
        }
    }
}

/// The page: the help of every command.
fn page() -> String {
    let mut page = String::from(
        "# Commands\n\nThe help of every command, as `zengate help COMMAND` shows it. This page is made from the program: after a change,\n\
         `ZENGATE_BLESS=1 cargo test --test zengate commands::`.\n",
    );
    for (name, line) in tree() {
        let help = line.last().unwrap().clone().render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    page
}

#[test]
fn the_page_of_commands_is_what_the_program_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/COMMANDS.md");
    let page = page();
    if std::env::var_os("ZENGATE_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    let first = page.lines().zip(there.lines()).find(|(new, old)| new != old);
    assert!(page == there, "run again with ZENGATE_BLESS=1; {first:?}");
}

#[test]
fn help_is_there_under_every_name_and_mistyped_commands_are_guessed() {
    let at = TempDir::new().unwrap();
    for args in [
        &["--help"][..],
        &["help"],
        &["help", "exit-codes"],
        &["quota", "--help"],
        &["help", "quota", "release"],
    ] {
        let said = run(args, at.path());
        assert!(said.status.success() && !said.stdout.is_empty(), "{args:?}");
    }
    assert!(text(&run(&["help", "exit-codes"], at.path()).stdout).contains("3  `zengate check"));
    let said = run(&["qouta", "list"], at.path());
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said.stderr).contains("'quota'"), "{}", text(&said.stderr));
    let version = text(&run(&["--version"], at.path()).stdout);
    assert!(version.starts_with(concat!("zengate ", env!("CARGO_PKG_VERSION"))), "{version}");
}

#[test]
fn completions_complete_and_man_pages_are_written() {
    let at = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell], at.path());
        assert!(script.status.success() && text(&script.stdout).contains("reconcile"), "{shell}");
    }
    std::fs::write(at.path().join("c"), run(&["completions", "bash"], at.path()).stdout).unwrap();
    let ask = "set -u; . ./c; COMP_WORDS=(zengate quota re); COMP_CWORD=2; _zengate zengate re quota; echo \"${COMPREPLY[*]}\"";
    let completed = Command::new("bash").args(["-c", ask]).current_dir(at.path()).output().unwrap();
    assert_eq!(text(&completed.stdout), "reconcile release\n", "{}", text(&completed.stderr));

    assert!(run(&["man", "--output", "man/man1"], at.path()).status.success());
    for (name, line) in tree() {
        let page = at.path().join(format!("man/man1/{}.1", name.replace(' ', "-")));
        let page =
            std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let example = line.last().unwrap().get_after_help().is_some();
        assert!(page.contains(".SH NAME") && (page.contains("Example") || !example), "{name}");
    }
    let said = run(&["man", "--output", "c"], at.path());
    assert_eq!(said.status.code(), Some(1), "a file is no directory");
}

#[test]
fn a_reader_that_has_gone_is_no_mistake_and_a_full_disk_is_one() {
    let at = directory("http://127.0.0.1:9", &keys(""), &organisation(), "");
    for args in [&["config", "schema"][..], &["config", "check"], &["completions", "zsh"], &["help", "quota"]]
    {
        let mut command = zengate(args);
        let mut child = command
            .current_dir(at.path())
            .env("ZENGATE_TEST_TOKEN", "some-token")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{args:?}: {} {}", done.status, text(&done.stderr));
        assert_eq!(text(&done.stderr), "", "{args:?}");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = zengate(&["config", "schema"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("standard output"), "{}", text(&done.stderr));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let at = TempDir::new().unwrap();
    std::fs::write(at.path().join("order.json"), crate::support::client::EXAMPLE).unwrap();
    let coloured = |args: &[&str], no_color: bool| {
        let mut command = zengate(args);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let done = command.current_dir(at.path()).output().unwrap();
        assert!(!done.stdout.is_empty(), "{}", text(&done.stderr));
        done.stdout.contains(&0x1b)
    };
    assert!(!coloured(&["check", "order.json"], false), "no terminal");
    assert!(coloured(&["check", "order.json", "--color", "always"], false));
    assert!(coloured(&["--color=always", "check", "order.json"], true), "asked for by name");
    assert!(!coloured(&["check", "order.json", "--color", "never"], false));
    assert!(!coloured(&["check", "order.json", "--output", "json", "--color", "always"], false));
    assert!(coloured(&["--help", "--color", "always"], false));
    assert!(!coloured(&["--help"], false));
    // On a terminal, as `script` makes one; it is in the package bsdutils of every Debian.
    let line = format!("{} check order.json", env!("CARGO_BIN_EXE_zengate"));
    for (no_color, expected) in [(false, true), (true, false)] {
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .current_dir(at.path())
            .stdin(Stdio::null())
            .env("TERM", "xterm");
        if no_color {
            script.env("NO_COLOR", "1");
        }
        let Ok(done) = script.output() else { return };
        assert_eq!(text(&done.stdout).contains("\u{1b}["), expected, "{}", text(&done.stdout));
    }
}

#[test]
fn what_went_wrong_says_what_to_do() {
    let at = TempDir::new().unwrap();
    for (args, code, told) in [
        (&["quota", "list", "--admin", "http://127.0.0.1:1"][..], 1, "zengate serve"),
        (&["quota", "list", "--admin", "127.0.0.1:1"], 2, "--admin must begin with http://"),
        (&["health", "--url", "http://127.0.0.1:1/readyz"], 1, "zengate serve"),
        (&["check", "nothing.json"], 2, "`-` for standard input"),
        (&["config", "check"], 2, "--config"),
        (&["replay", "."], 2, "hold no file"),
    ] {
        let done = run(args, at.path());
        assert_eq!(done.status.code(), Some(code), "{args:?}");
        let said = text(&done.stderr);
        assert!(said.starts_with("error: ") || said.contains("zengate.toml"), "{said}");
        assert!(said.contains(told), "{args:?}: {said}");
    }
}

#[test]
fn files_are_read_from_standard_input_and_tables_by_either_name() {
    let at = TempDir::new().unwrap();
    for output in ["text", "table", "json", "markdown"] {
        let mut command = zengate(&["check", "-", "--output", output]);
        let mut child =
            command.current_dir(at.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(crate::support::client::EXAMPLE.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        let said = text(&done.stdout);
        assert!(done.status.success() && said.contains("vm CreateInstances"), "{output}: {said}");
        assert_eq!(output == "markdown", said.contains("| allowed | vm CreateInstances"), "{said}");
    }
    let mut child = zengate(&["replay", "-", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"no record\n").unwrap();
    let done = child.wait_with_output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(summary["unreadable"], 1, "{summary}");
}

#[test]
fn warnings_may_end_with_a_code_of_their_own() {
    let at = TempDir::new().unwrap();
    std::fs::write(at.path().join("order.json"), crate::support::client::EXAMPLE).unwrap();
    std::fs::write(
        at.path().join("data.yaml"),
        "settings: {zones: {allowed: [HKG-A]}}\nrules: {zones: {mode: warn}}\n",
    )
    .unwrap();
    let check = |more: &[&str]| {
        let args = [&["check", "order.json", "--data", "data.yaml"], more].concat();
        run(&args, at.path()).status.code()
    };
    assert_eq!(check(&[]), Some(0));
    assert_eq!(check(&["--fail-on-warn"]), Some(3));
    std::fs::write(at.path().join("data.yaml"), "settings: {zones: {allowed: [HKG-A]}}\n").unwrap();
    assert_eq!(check(&["--fail-on-warn"]), Some(1));
}

#[test]
fn what_init_writes_is_a_gateway_that_works() {
    let at = TempDir::new().unwrap();
    let made = run(&["init", "."], at.path());
    assert!(made.status.success(), "{}", text(&made.stderr));
    for name in ["cloud.secret", "first.secret", "first.token"] {
        let mode = std::fs::metadata(at.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let secret = std::fs::read_to_string(at.path().join(name)).unwrap();
        assert!(!text(&made.stdout).contains(&secret), "{name} is shown");
    }
    // What it says to do next, in its order.
    let checked = run(&["config", "check"], at.path());
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    let allowed = run(&["check", "--key", "ZGfirst01", "order.json"], at.path());
    assert!(
        text(&allowed.stdout).starts_with("ALLOWED"),
        "{} {}",
        text(&allowed.stdout),
        text(&allowed.stderr)
    );
    let again = run(&["init", "."], at.path());
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("nothing was written"));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let keys = vec![("AKEMULATOR".to_owned(), Secret::new("SKEMULATOR-not-a-secret"))];
    let emulator = runtime
        .block_on(Emulator::start(emulator::Options { keys, ..emulator::Options::default() }))
        .unwrap();
    let path = at.path().join("zengate.toml");
    let mut config = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("http://127.0.0.1:9100", format!("http://{}", emulator.address())),
        ("127.0.0.1:8080", "127.0.0.1:0".to_owned()),
        ("127.0.0.1:9180", "127.0.0.1:0".to_owned()),
        // A debug build on a loaded machine is no measure of time.
        ("[policy]\n", "[policy]\ntime_limit = \"2s\"\ndeadline = \"4s\"\n".to_owned()),
    ] {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, &to);
    }
    write(&path, &config);
    let token = std::fs::read_to_string(at.path().join("first.token")).unwrap();
    let order = std::fs::read(at.path().join("order.json")).unwrap();
    let gateway = Gateway::launch(at, Launch::default());
    let answer = Call::new("vm", "CreateInstances").bearer(&token).body(order).send(gateway.address());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(emulator.creates(), 1);
    let admin = format!("http://{}", gateway.admin_address());
    let quota = zengate(&["quota", "list", "--admin", &admin]).output().unwrap();
    assert!(text(&quota.stdout).contains("team/first"), "{}", text(&quota.stdout));
}
