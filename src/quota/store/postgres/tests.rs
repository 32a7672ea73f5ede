//! The shared store on a real server: the common suite, several owners, and what a server can do to it.

#[path = "../../../../tests/support/postgres.rs"]
#[allow(dead_code, unreachable_pub, reason = "integration tests use the rest")]
mod server;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};

use self::server::{Server, Stop};
use super::*;
use crate::quota::store::conformance::shared::{self, Shared};
use crate::quota::store::conformance::{Place, append, conformance, is_away, is_dead, rows, texts};

/// A schema on a server.
struct Schema {
    server: Arc<Server>,
    name: String,
}

impl Schema {
    fn new() -> Self {
        Self::on(Server::shared())
    }

    fn on(server: Arc<Server>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self { server, name: format!("zengate_{}", NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    fn settings(&self) -> Settings {
        settings(&self.server, &self.name)
    }

    fn postgres(&self) -> Postgres {
        Postgres::new(self.settings())
    }

    /// SQL in this schema.
    fn sql(&self, text: &str) -> String {
        self.server.sql(&format!("SET search_path = {}; {text}", self.name))
    }

    fn filled(&self) -> Postgres {
        let mut store = self.postgres();
        store.open(Uuid::now_v7()).unwrap();
        append(&mut store, 0, &["a", "b", "c"]);
        store
    }
}

fn settings(server: &Server, schema: &str) -> Settings {
    Settings {
        host: server.socket(),
        port: server.port(),
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        schema: schema.to_owned(),
        password: None,
        encryption: Encryption::None,
    }
}

impl Place for Schema {
    fn store(&self) -> Box<dyn Store> {
        Box::new(self.postgres())
    }
}

impl Shared for Schema {
    fn age(&self, owner: Uuid) {
        self.sql(&format!("UPDATE owner SET renewed = renewed - interval '1 hour' WHERE id = '{owner}'"));
    }

    fn end_term(&self) {
        self.sql("UPDATE leader SET until = clock_timestamp() - interval '1 second'");
    }

    fn until_waiting(&self, count: usize) {
        let waiting = format!(
            "SELECT count(*) >= {count} FROM pg_locks l JOIN pg_locks h ON h.pid <> l.pid AND h.granted
                AND h.relation = '{}.head'::regclass AND h.locktype = 'relation'
             WHERE NOT l.granted AND l.locktype IN ('transactionid', 'tuple')",
            self.name
        );
        let end = Instant::now() + Duration::from_secs(60);
        while self.sql(&waiting) != "t" {
            assert!(Instant::now() < end, "nobody waits");
        }
    }
}

conformance!(
    #[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
    on Schema::new()
);

macro_rules! several_owners {
    ($($name:ident,)*) => {
        $(
            #[test]
            #[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
            fn $name() {
                shared::$name(&Schema::new());
            }
        )*
    };
}

several_owners! {
    owners_see_the_rows_of_each_other,
    all_agree_on_one_order,
    a_turn_keeps_the_others_waiting,
    an_owner_that_stops_inside_a_turn_loses_it,
    rows_dropped_by_another_mean_opening_again,
    leases_run_out_by_the_clock_of_the_store,
    one_leads,
    who_closes_leaves_no_lease,
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn replicas_that_start_at_once_migrate_once() {
    let schema = Schema::new();
    std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| schema.postgres().open(Uuid::now_v7()).unwrap())).collect();
        assert!(starts.into_iter().all(|start| start.join().unwrap() == Loaded::default()));
    });
    assert_eq!(schema.sql("SELECT version FROM zengate_version"), "1");
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn a_schema_of_something_else_or_of_a_newer_zengate_is_refused() {
    let schema = Schema::new();
    schema.server.sql(&format!("CREATE SCHEMA {0}; CREATE TABLE {0}.journal (theirs int)", schema.name));
    let what = is_dead(schema.postgres().open(Uuid::now_v7()));
    assert!(what.contains("another program") && what.contains(&schema.name), "{what}");
    let schema = Schema::new();
    schema.server.sql(&format!("CREATE SCHEMA {}", schema.name));
    drop(schema.filled());
    schema.sql("INSERT INTO zengate_version (version) VALUES (2)");
    let what = is_dead(schema.postgres().open(Uuid::now_v7()));
    assert!(what.contains("newer zengate"), "{what}");
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn a_role_with_no_more_than_its_schema_can_use_it() {
    let schema = Schema::new();
    let role = &schema.name;
    schema.server.sql(&format!("CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET synchronous_commit = off"));
    let mut store = Postgres::new(Settings { user: role.clone(), ..schema.settings() });
    let what = is_away(store.open(Uuid::now_v7()));
    assert!(what.contains("must own the schema"), "{what}");
    schema.server.sql(&format!("CREATE SCHEMA {role} AUTHORIZATION {role}"));
    store.open(Uuid::now_v7()).unwrap();
    append(&mut store, 0, &["a"]);
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn every_change_to_what_is_stored_is_found() {
    for (harm, found) in [
        ("UPDATE journal SET text = 'x' WHERE seq = 2", "row 2 was changed"),
        ("DELETE FROM journal WHERE seq = 2", "row 2 is missing"),
        ("DELETE FROM journal WHERE seq = 3", "the last row is 2"),
        ("UPDATE head SET seq = 2", "the last row is 3"),
        ("UPDATE head SET checksum = ''", "a checksum is not one"),
        ("INSERT INTO checkpoint VALUES (true, 2, 'ab', '')", "the checkpoint was changed"),
    ] {
        let schema = Schema::new();
        drop(schema.filled());
        schema.sql(harm);
        let what = is_dead(schema.postgres().open(Uuid::now_v7()));
        assert!(what.contains(found) && what.contains(&schema.name), "{harm}: {what}");
    }
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn rows_that_a_fail_over_lost_are_missed() {
    let lose = "DELETE FROM journal WHERE seq > 1;
        UPDATE head SET (seq, checksum) = (SELECT seq, checksum FROM journal)";
    let schema = Schema::new();
    let mut store = schema.filled();
    schema.sql(lose);
    is_away(store.begin(3));
    let what = is_dead(store.open(Uuid::now_v7()));
    assert!(what.contains("has lost rows"), "{what}");
    assert_eq!(schema.postgres().open(Uuid::now_v7()).unwrap().rows, rows(1, &["a"]), "a restart goes on");

    let schema = Schema::new();
    let mut store = schema.filled();
    schema.sql(lose);
    let mut other = schema.postgres();
    other.open(Uuid::now_v7()).unwrap();
    append(&mut other, 1, &["x", "y"]);
    is_dead(store.begin(3));
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn a_turn_whose_connection_ends_is_undone() {
    let schema = Schema::new();
    let mut store = schema.filled();
    store.begin(3).unwrap();
    // Only this one holds a lock on this head.
    schema.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'head'::regclass");
    is_away(store.commit(&texts(["lost"])));
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows, rows(1, &["a", "b", "c"]));
    append(&mut store, 3, &["d"]);
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn a_restart_of_the_server_however_it_ends_loses_nothing() {
    let mut server = Server::start();
    let mut store = Postgres::new(settings(&server, "zengate"));
    store.open(Uuid::now_v7()).unwrap();
    let mut known = 0;
    for how in [Stop::Fast, Stop::Immediate, Stop::Kill, Stop::Kill] {
        append(&mut store, known, &["a", "b"]);
        known += 2;
        store.begin(known).unwrap();
        server.stop(how);
        is_away(store.commit(&texts(["never"])));
        is_away(store.open(Uuid::now_v7()));
        server.go();
        let loaded = store.open(Uuid::now_v7()).unwrap();
        assert_eq!(loaded.rows.len() as u64, known, "{how:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn a_server_that_stands_still_is_given_up() {
    let server = Server::start();
    let mut store = Postgres::new(settings(&server, "zengate"));
    store.open(Uuid::now_v7()).unwrap();
    append(&mut store, 0, &["a"]);
    server.pause();
    let what = is_away(store.begin(1));
    assert!(what.contains("does not answer"), "{what}");
    is_away(store.open(Uuid::now_v7()));
    server.resume();
    assert_eq!(store.open(Uuid::now_v7()).unwrap().rows, rows(1, &["a"]));
    // A commit that was on its way when the server stopped is either there or not after opening, and stays so.
    store.begin(1).unwrap();
    server.pause();
    is_away(store.commit(&texts(["b"])));
    server.resume();
    let first = store.open(Uuid::now_v7()).unwrap();
    let mut other = Postgres::new(settings(&server, "zengate"));
    assert_eq!(other.open(Uuid::now_v7()).unwrap().rows, first.rows);
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn a_server_that_loses_what_it_commits_is_refused() {
    let server = Server::start();
    let open = |schema: &str| Postgres::new(settings(&server, schema)).open(Uuid::now_v7());
    for setting in ["fsync", "full_page_writes"] {
        // Each in a session of its own: ALTER SYSTEM runs in no transaction.
        server.sql(&format!("ALTER SYSTEM SET {setting} = off"));
        server.sql("SELECT pg_reload_conf()");
        let end = Instant::now() + Duration::from_secs(60);
        while server.sql(&format!("SHOW {setting}")) != "off" {
            assert!(Instant::now() < end, "not reloaded");
        }
        let what = is_dead(open("zengate"));
        assert!(what.contains(setting) && what.contains("switch it on"), "{what}");
        server.sql(&format!("ALTER SYSTEM RESET {setting}"));
        server.sql("SELECT pg_reload_conf()");
        while server.sql(&format!("SHOW {setting}")) != "on" {
            assert!(Instant::now() < end, "not reloaded");
        }
    }
    open("zengate").unwrap();
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn tls_takes_only_a_server_that_is_verified() {
    let made = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let (certificate, key) = made("localhost");
    let files = [("server.crt", certificate.as_str()), ("server.key", key.as_str())];
    let server = Server::start_with(&["ssl=on"], &files);
    let at = tempfile::TempDir::new().unwrap();
    let (good, bad) = (at.path().join("good.pem"), at.path().join("bad.pem"));
    std::fs::write(&good, &certificate).unwrap();
    std::fs::write(&bad, made("localhost").0).unwrap();
    let open = |host: &str, ca_file: &std::path::Path| {
        let encryption = Encryption::Tls { ca_file: Some(ca_file.to_owned()) };
        let there = Settings { host: host.to_owned(), encryption, ..settings(&server, "zengate") };
        Postgres::new(there).open(Uuid::now_v7())
    };
    open("localhost", &good).unwrap();
    is_away(open("localhost", &bad));
    is_away(open("127.0.0.1", &good));
    let plain = Server::shared();
    let encryption = Encryption::Tls { ca_file: Some(good.clone()) };
    let there = Settings { host: "localhost".to_owned(), encryption, ..settings(&plain, "zengate") };
    is_away(Postgres::new(there).open(Uuid::now_v7()));
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql)"]
fn it_works_on_a_plain_thread_beside_a_runtime() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let schema = Schema::new();
    runtime.block_on(async {
        let (done, wait) = tokio::sync::oneshot::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| done.send(schema.filled().newer(0).unwrap().len()));
        });
        assert_eq!(wait.await.unwrap(), 3);
    });
}

#[test]
fn a_server_that_is_not_there_is_away_and_named() {
    let at = tempfile::TempDir::new().unwrap();
    let there = Settings {
        host: at.path().to_str().unwrap().to_owned(),
        port: 5432,
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
        schema: "zengate".to_owned(),
        password: None,
        encryption: Encryption::None,
    };
    let mut store = Postgres::new(there);
    let what = is_away(store.open(Uuid::now_v7()));
    assert!(what.contains(at.path().to_str().unwrap()), "{what}");
    let mut shown = String::new();
    write!(shown, "{store:?}").unwrap();
    assert!(shown.contains("schema: \"zengate\""), "{shown}");
}
