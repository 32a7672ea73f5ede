//! Keys that replicas share in PostgreSQL: made on one, used on all; revoked on one, refused by all.

use serde_json::json;

use super::{Made, SEAL, order, post, status, stored};
use crate::support::gateway::write;
use crate::support::postgres::{Server, Stop};
use crate::support::world::{self, KEY, SECRET, Setup};
use crate::support::{Gateway, World, eventually};

/// Two gateways on one database.
struct Pair {
    world: World,
    other: Gateway,
}

fn setup(server: &Server) -> Setup {
    let quota = format!(
        "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
        server.socket(),
        server.port()
    );
    let setup = stored();
    Setup { config: setup.config.clone() + &quota, ..setup }
}

impl Pair {
    fn new(server: &Server) -> Self {
        let setup = setup(server);
        let (keys, organisation, config) =
            (setup.keys.clone(), setup.organisation.clone(), setup.config.clone());
        let world = World::with(setup);
        let url = format!("http://{}", world.emulator.address());
        let files = world::directory(&url, &keys, &organisation, &config);
        write(&files.path().join("seal.key"), SEAL);
        Self { world, other: Gateway::start(files) }
    }
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn what_is_ordered_of_one_replica_counts_on_the_other_within_seconds() {
    let server = Server::start();
    let pair = Pair::new(&server);
    let one = &pair.world.gateway;
    let Made { id, secret, .. } = order(one, "/keys", &json!({ "team": "payments" }));
    assert_eq!(status(one, &id, &secret), 200);
    let soon = |what: &str, wanted: u16, secret: &str| {
        eventually(what, || (status(&pair.other, &id, secret) == wanted).then_some(()));
    };
    soon("it works on the other", 200, &secret);
    // Orders to either, without one undoing what the other did.
    let new = order(&pair.other, &format!("/keys/{id}/rotate"), &json!({ "grace": "1h" })).secret;
    order(one, &format!("/keys/{id}/disable"), &json!({}));
    assert_eq!(order(&pair.other, &format!("/keys/{id}/enable"), &json!({})).shown["state"], "rotating");
    soon("both secrets work", 200, &secret);
    eventually("on the first too", || (status(one, &id, &new) == 200).then_some(()));
    order(one, &format!("/keys/{id}/revoke"), &json!({}));
    assert_eq!(status(one, &id, &new), 401, "at once");
    soon("it is refused by the other", 401, &new);
    let dump = server.sql("SELECT string_agg(id || ' ' || sealed, ' ') FROM zengate.issued_key");
    assert!(dump.contains(&id) && !dump.contains(&secret) && !dump.contains(&new), "{dump}");
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn a_database_that_is_away_keeps_the_keys_in_use_and_takes_no_order() {
    let mut server = Server::start();
    let mut pair = Pair::new(&server);
    let Made { id, secret, .. } = order(&pair.world.gateway, "/keys", &json!({ "team": "payments" }));
    eventually("it works on the other", || (status(&pair.other, &id, &secret) == 200).then_some(()));
    server.stop(Stop::Fast);
    pair.other.logged("the key store cannot be used");
    for gateway in [&pair.world.gateway, &pair.other] {
        assert_eq!(status(gateway, &id, &secret), 200);
        assert_eq!(post(gateway, &format!("/keys/{id}/revoke"), &json!({})).status, 503);
    }
    // A replica that starts now knows only its key file, and does not say of a key that it is wrong.
    pair.other.kill_and_restart();
    assert_eq!(status(&pair.other, KEY, SECRET), 200);
    assert_eq!(status(&pair.other, &id, &secret), 503);
    assert_eq!(pair.other.admin_page("/readyz").status, 503);
    server.go();
    eventually("all is read", || (pair.other.admin_page("/readyz").status == 200).then_some(()));
    assert_eq!(status(&pair.other, &id, &secret), 200);
    eventually("orders are carried out again", || {
        (post(&pair.world.gateway, &format!("/keys/{id}/revoke"), &json!({})).status == 200).then_some(())
    });
    eventually("and known", || (status(&pair.other, &id, &secret) == 401).then_some(()));
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn tables_of_a_newer_version_and_another_seal_key_are_refused_with_what_to_do() {
    let server = Server::start();
    let world = World::with(setup(&server));
    order(&world.gateway, "/keys", &json!({ "team": "payments" }));
    let serve = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["serve", "--config"])
            .arg(world.gateway.directory().join("zengate.toml"))
            .env("ZENGATE_TEST_TOKEN", world::TOKEN)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    world.gateway.write("seal.key", &SEAL.replace("QkJC", "QUFB"));
    let said = serve();
    assert!(said.contains("keys.store.seal"), "{said}");
    server.sql("UPDATE zengate.key_store SET version = 2");
    let said = serve();
    assert!(
        said.contains("the key store in PostgreSQL") && said.contains("newer zengate (version 2)"),
        "{said}"
    );
}
