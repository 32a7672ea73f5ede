//! Stores of other versions: those of every version that was released are opened, those of a newer one refused.
//!
//! `tests/stores` holds a ledger as each version wrote it, as SQL. It is added to with every change of the form, never edited.

use std::path::Path;
use std::process::Command;

use crate::path::quota::{counted, limited, order};
use crate::support::postgres::Server;
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, Setup, TOKEN};
use crate::support::{World, eventually};

/// What each file holds: machines that count, and machines of a create whose outcome is unknown.
const HELD: (u64, u64, u64) = (3, 0, 3);

/// A gateway works on with what it finds: counts it, adds to it, and keeps both.
fn goes_on_with_what_is_there(world: &mut World) {
    assert_eq!(counted(world), HELD);
    let units = world.gateway.admin_page("/quota/explain?scope=team/payments&resource=instances");
    let units = String::from_utf8(units.body).unwrap();
    assert!(units.contains("1310000000000000007"), "{units}");
    let refused = world.send(&order("too-many", 5));
    assert_eq!(refused.code(), "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED", "{}", refused.message());
    world.send(&order("fits", 4)).instance_ids();
    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success());
    world.gateway.restart();
    assert_eq!(counted(world), (7, 0, 3));
}

/// What a gateway says that does not start on these files.
fn refusal(directory: &Path) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["serve", "--config"])
        .arg(directory.join("zengate.toml"))
        .env("ZENGATE_TEST_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    String::from_utf8(done.stderr).unwrap()
}

#[test]
fn a_file_of_an_older_version_is_opened_and_one_of_a_newer_refused() {
    let mut world = World::with(limited(10));
    let cloud = order("ids-of-its-own", 6).key(CLOUD_KEY, CLOUD_SECRET);
    assert_eq!(cloud.send(world.emulator.address()).status, 200);
    let file = world.gateway.directory().join("zengate-ledger.db");
    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success());
    std::fs::remove_file(&file).unwrap();
    let written = rusqlite::Connection::open(&file).unwrap();
    written.execute_batch(include_str!("stores/sqlite-0.1.0.sql")).unwrap();
    written.close().unwrap();
    world.gateway.restart();
    goes_on_with_what_is_there(&mut world);

    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success());
    let newer = rusqlite::Connection::open(&file).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    newer.close().unwrap();
    let before = std::fs::read(&file).unwrap();
    let said = refusal(world.gateway.directory());
    assert!(
        said.contains("was written by a newer zengate (version 99 of its form); start that one"),
        "{said}"
    );
    assert!(std::fs::read(&file).unwrap() == before, "it was not touched");
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_schema_of_an_older_version_is_opened_and_one_of_a_newer_refused() {
    let server = Server::start();
    server.sql(include_str!("stores/postgres-0.1.0.sql"));
    let config = format!(
        "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
        server.socket(),
        server.port()
    );
    let mut world = World::with(Setup { config, ..limited(10) });
    // The cloud gives out the ids of the file first.
    let cloud = order("ids-of-its-own", 6).key(CLOUD_KEY, CLOUD_SECRET);
    assert_eq!(cloud.send(world.emulator.address()).status, 200);
    eventually("the ledger is read", || (counted(&world) == HELD).then_some(()));
    goes_on_with_what_is_there(&mut world);

    world.gateway.signal("TERM");
    assert!(world.gateway.wait().success());
    server.sql("INSERT INTO zengate.zengate_version (version) VALUES (99)");
    let said = refusal(world.gateway.directory());
    assert!(said.contains("was migrated by a newer zengate (version 99); start that one"), "{said}");
}
