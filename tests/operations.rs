//! What operators are told to type works as it stands in `deploy/README.md`: blocks of code that have a name are run here.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use zengate::emulator::{Fault, On, Times};

use crate::path::quota::{counted, limited, order};
use crate::support::postgres::Server;
use crate::support::world::Setup;
use crate::support::{Call, World, eventually};

/// The block of code that is called so.
fn block(name: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/README.md")).unwrap();
    let fence = format!("\n```sh {name}\n");
    let (_, rest) = page.split_once(&fence).unwrap_or_else(|| panic!("no block is called {name}"));
    rest.split_once("\n```").unwrap().0.to_owned()
}

/// Runs it in a shell that stops at the first failure, with the built binary and the server's own tools in its path.
fn try_run(name: &str, variables: &[(&str, &str)]) -> Output {
    let built = Path::new(env!("CARGO_BIN_EXE_zengate")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-eu", "-c", &block(name)]).env("PATH", format!("{}:{path}", built.display()));
    shell.envs(variables.iter().copied()).output().unwrap()
}

#[track_caller]
fn run(name: &str, variables: &[(&str, &str)]) -> String {
    let done = try_run(name, variables);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{name}: {}{}", said(&done.stdout), said(&done.stderr));
    said(&done.stdout)
}

/// A world in which a machine's resource group tells the team, so that those that are found count for it.
fn grouped() -> Setup {
    let mut setup = limited(10);
    setup.organisation.push_str("teams:\n  payments: {settings: {count: {maximum: 10}}}\n");
    setup
}

fn admin(world: &World) -> String {
    format!("http://{}", world.gateway.admin_address())
}

/// Three machines are made, then a backup by `back_up`, then one more and one gone; all of the ledger is lost, restored
/// by `restore`, and after a comparison with the cloud the count is what there is.
fn a_restored_ledger_counts_right(
    mut world: World,
    back_up: impl FnOnce(&World),
    restore: impl FnOnce(&World),
) {
    let first = world.send(&order("before", 2)).instance_ids();
    world.send(&order("before-too", 1)).instance_ids();
    back_up(&world);
    world.send(&order("after", 1)).instance_ids();
    let gone = Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": first[0] }));
    assert_eq!(world.send(&gone).status, 200);
    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success());
    restore(&world);
    world.gateway.restart();
    let text = run("after-restore", &[("ADMIN", &admin(&world))]);
    assert!(text.contains("team/payments"), "{text}");
    eventually("the count is what there is", || {
        run("after-restore", &[("ADMIN", &admin(&world))]);
        (counted(&world) == (3, 0, 0)).then_some(())
    });
    assert_eq!(world.send(&order("next", 1)).status, 200);
    assert_eq!(counted(&world), (4, 0, 0));
}

#[test]
#[ignore = "needs sqlite3 (Debian package sqlite3); .ci/run installs it"]
fn a_ledger_in_a_file_is_backed_up_while_it_works_and_restored() {
    let world = World::with(grouped());
    let ledger = world.gateway.directory().join("zengate-ledger.db").display().to_string();
    let copy = format!("{ledger}.copy");
    a_restored_ledger_counts_right(
        world,
        |_| assert_eq!(run("backup-sqlite", &[("LEDGER", &ledger), ("COPY", &copy)]), "ok\n"),
        |_| {
            run("restore-sqlite", &[("LEDGER", &ledger), ("COPY", &copy)]);
        },
    );
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_ledger_in_postgresql_is_backed_up_while_it_works_and_restored() {
    let server = Server::start();
    let mut setup = grouped();
    setup.config = format!(
        "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
        server.socket(),
        server.port()
    );
    let database = format!("host={} port={} user=postgres dbname=postgres", server.socket(), server.port());
    let path = format!("{}:{}", server.tools().display(), std::env::var("PATH").unwrap());
    let copies = tempfile::TempDir::new().unwrap();
    let copy = copies.path().join("copy").display().to_string();
    let variables = [("DATABASE", database.as_str()), ("COPY", copy.as_str()), ("PATH", path.as_str())];
    a_restored_ledger_counts_right(
        World::with(setup),
        |_| {
            run("backup-postgres", &variables);
        },
        |_| {
            server.sql("TRUNCATE zengate.journal");
            run("restore-postgres", &variables);
        },
    );
}

#[test]
#[ignore = "needs curl (Debian package curl); .ci/run installs it"]
fn the_first_look_shows_what_is_to_be_seen() {
    let world = World::with(limited(10));
    world.send(&order("a", 1)).instance_ids();
    let text = run("first-look", &[("ADMIN", &admin(&world))]);
    for part in ["ready", "\"ledger\"", "team/payments"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
#[ignore = "needs curl (Debian package curl); .ci/run installs it"]
fn a_cloud_that_is_down_is_seen_and_what_it_left_is_settled() {
    let mut setup = limited(10);
    setup.config = "[upstream]\nurl = \"{url}\"\nbreaker_failures = 1\nbreaker_pause = \"50ms\"\n".to_owned();
    let world = World::with(setup);
    world.emulator.script(Fault::Cut { bytes: 0 }, On::any(), Times::Forever);
    assert_eq!(world.send(&order("lost", 1)).code(), "REQUEST_TIMED_OUT");
    assert_eq!(world.send(&order("refused", 1)).code(), "SERVICE_TEMPORARY_UNAVAILABLE");
    let variables = [("ADMIN", &*admin(&world))];
    eventually("it shows that nothing is sent", || {
        let text = String::from_utf8(try_run("cloud-is-down", &variables).stdout).unwrap();
        text.contains("zengate_upstream_open{account=\"main\"} 1").then_some(())
    });
    assert_eq!(counted(&world), (0, 0, 1));
    world.emulator.clear_faults();
    eventually("what was lost is found", || {
        try_run("cloud-is-down", &variables).status.success().then_some(())?;
        (counted(&world) == (1, 0, 0)).then_some(())
    });
}

#[test]
#[ignore = "needs curl (Debian package curl); .ci/run installs it"]
fn a_store_that_is_down_says_why() {
    let world = World::with(limited(10));
    let ledger = world.gateway.directory().join("zengate-ledger.db").display().to_string();
    let text = run("store-is-down", &[("ADMIN", &admin(&world)), ("LEDGER", &ledger)]);
    assert!(text.contains("\"ledger\":"), "{text}");
}

#[test]
#[ignore = "needs curl (Debian package curl); .ci/run installs it"]
fn a_policy_that_denies_everything_is_found_and_taken_back() {
    let config = "[policy]\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\nkeep = \"kept\"\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    assert_eq!(world.send(&Call::example()).status, 200);
    world.gateway.write("organisation.yaml", "settings: {zones: {allowed: [NOWHERE-A]}}\n");
    let refused = eventually("the new policy bites", || {
        Some(world.send(&Call::example())).filter(|answer| answer.status == 403)
    });
    let decision = refused.header("x-zengate-decision").unwrap().to_owned();
    world.gateway.record(&decision);
    let at = |name: &str| world.gateway.directory().join(name).display().to_string();
    let (records, config, admin) = (at("records.jsonl"), at("zengate.toml"), admin(&world));
    let variables =
        [("ADMIN", &*admin), ("DECISION", &*decision), ("RECORDS", &*records), ("CONFIG", &*config)];
    let mut with_token = variables.to_vec();
    with_token.push(("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN));
    let text = run("everything-is-denied", &with_token);
    assert!(text.contains("rule=\"zones\"") && text.contains("NOWHERE-A"), "{text}");
    eventually("the policy before is back", || (world.send(&Call::example()).status == 200).then_some(()));
}

#[test]
fn an_upgrade_looks_before_it_leaps() {
    let mut world = World::new();
    let config = world.gateway.directory().join("zengate.toml").display().to_string();
    let old = world.gateway.id().to_string();
    let token = ("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN);
    assert!(run("upgrade", &[("CONFIG", &config), ("OLD", &old), token]).contains("no mistakes"));
    assert!(world.gateway.wait().success());
    world.gateway.restart();
    assert_eq!(world.send(&Call::example()).status, 200);
    // A configuration that is wrong ends it before anything is stopped.
    world.gateway.write("zengate.toml", "[listn]\n");
    assert!(!try_run("upgrade", &[("CONFIG", &config), ("OLD", &old)]).status.success());
    assert_eq!(world.gateway.admin_page("/livez").status, 200);
}

#[test]
fn every_command_of_the_pages_is_one_of_the_command_line() {
    let mut asked = std::collections::BTreeSet::new();
    for page in ["README.md", "GUIDE.md", "RUNBOOK.md", "SECURITY.md"] {
        let text = std::fs::read_to_string(format!("{}/deploy/{page}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for piece in text.split(['`', '\n']).filter_map(|piece| piece.strip_prefix("zengate ")) {
            let words = piece
                .split(' ')
                .take_while(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
            let words: Vec<String> = words.map(str::to_owned).collect();
            if !words.is_empty() {
                asked.insert(words);
            }
        }
    }
    assert!(asked.len() > 8, "{asked:?}");
    for words in asked {
        let done = Command::new(env!("CARGO_BIN_EXE_zengate")).args(&words).arg("--help").output().unwrap();
        assert!(done.status.success(), "there is no `zengate {}`", words.join(" "));
    }
}
