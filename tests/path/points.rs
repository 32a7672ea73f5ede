//! The gateway is killed before and after each step that it makes durable, whatever the cloud does with the create: the ledger
//! then says what the module [`zengate::quota`] promises, and one comparison with the cloud makes it right.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use zengate::emulator::{Fault, Gate, On, Times, When};

use super::crash::agree;
use super::quota::{counted, limited, order};
use crate::support::postgres::Server;
use crate::support::world::Setup;
use crate::support::{World, client, eventually};

/// How many machines the create asks for.
const ASKED: u32 = 2;

/// Where the ledger is, and how it is kept from being written.
enum Store {
    File,
    Shared(Server),
}

/// While it lives nothing becomes durable.
enum Blocked<'a> {
    File(rusqlite::Connection),
    Shared(&'a Server),
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        match self {
            Self::File(connection) => connection.execute_batch("ROLLBACK").unwrap(),
            Self::Shared(server) => server.resume(),
        }
    }
}

impl Store {
    fn setup(&self) -> Setup {
        let mut setup = limited(9);
        if let Self::Shared(server) = self {
            setup.config = format!(
                "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
                server.socket(),
                server.port()
            );
        }
        setup
    }

    fn block(&self, world: &World) -> Blocked<'_> {
        match self {
            Self::File => {
                let file = world.gateway.directory().join("zengate-ledger.db");
                let connection = rusqlite::Connection::open(file).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                Blocked::File(connection)
            }
            Self::Shared(server) => {
                server.pause();
                Blocked::Shared(server)
            }
        }
    }

    /// The killed process is started again, and what it had under way is nobody's any more.
    fn restart(&self, world: &mut World) {
        world.gateway.restart();
        if let Self::Shared(server) = self {
            // A lease is dead when a create could not be under way any more.
            server.sql("UPDATE zengate.owner SET renewed = renewed - interval '1 hour'");
        }
    }

    /// The next cell begins with an empty ledger.
    fn clear(&self) {
        if let Self::Shared(server) = self {
            server.sql("DROP SCHEMA zengate CASCADE");
        }
    }
}

/// What the cloud does with the create.
fn behaviours() -> Vec<(&'static str, Option<Fault>)> {
    vec![
        ("runs", None),
        ("refuses", Some(Fault::refuse(400, "INVALID_PARAMETER"))),
        ("runs and fails", Some(Fault::refuse_after(500, "INTERNAL_SERVER_ERROR"))),
        ("is cut off before", Some(Fault::Reset { when: When::Before })),
        ("is cut off after", Some(Fault::Reset { when: When::After })),
        ("names fewer", Some(Fault::FewerIds { missing: 1 })),
    ]
}

/// The behaviour, once a gate is opened.
fn gated(when: When, gate: &Gate, behaviour: Option<Fault>) -> Fault {
    let faults = std::iter::once(Fault::hold(when, gate)).chain(behaviour).collect();
    Fault::All { faults }
}

fn send(world: &World) -> TcpStream {
    let mut connection = client::connect(world.address());
    connection.write_all(&order("lost", ASKED).bytes(world.address())).unwrap();
    connection
}

fn phase_ended(world: &World, phase: &str) {
    let series = format!("zengate_phase_duration_seconds_count{{phase=\"{phase}\"}}");
    eventually(phase, || (world.gateway.metric(&series) >= 1.0).then_some(()));
}

/// Held as unknown after the restart; an equal create is not sent; a comparison with the cloud makes it right.
fn unknown_then_right(store: &Store, world: &mut World, cell: &str) {
    store.restart(world);
    eventually(cell, || (counted(world) == (0, 0, u64::from(ASKED))).then_some(()));
    let before = world.emulator.creates();
    let again = world.send(&order("lost", ASKED));
    assert_eq!(again.code(), "OPERATION_DENIED_OUTCOME_UNKNOWN", "{cell}");
    assert_eq!(world.emulator.creates(), before, "{cell}: nothing is sent again");
    agree(world);
}

fn before_it_is_booked(store: &Store) {
    let mut world = World::with(store.setup());
    let blocked = store.block(&world);
    let connection = send(&world);
    phase_ended(&world, "decide");
    world.gateway.signal("KILL");
    drop((blocked, connection));
    store.restart(&mut world);
    assert_eq!(counted(&world), (0, 0, 0), "nothing was booked");
    assert_eq!(world.emulator.creates(), 0, "and nothing sent");
    assert_eq!(world.send(&order("lost", ASKED)).instance_ids().len(), 2, "it may be asked for again");
    agree(&world);
    store.clear();
}

fn before_it_is_sent(store: &Store) {
    // A cloud that never takes the connection: its queue is full.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut waiting = Vec::new();
    while let Ok(one) =
        TcpStream::connect_timeout(&deaf.local_addr().unwrap(), std::time::Duration::from_millis(300))
    {
        waiting.push(one);
    }
    let mut setup = store.setup();
    let upstream =
        format!("[upstream]\nurl = \"http://{}\"\nconnect_timeout = \"15s\"\n", deaf.local_addr().unwrap());
    setup.config.push_str(&upstream);
    let mut world = World::with(setup);
    let connection = send(&world);
    phase_ended(&world, "reserve");
    world.gateway.signal("KILL");
    drop((connection, waiting, deaf));
    let config = std::fs::read_to_string(world.gateway.directory().join("zengate.toml")).unwrap();
    let real =
        format!("[upstream]\nurl = \"http://{}\"\nconnect_timeout = \"15s\"\n", world.emulator.address());
    world.gateway.write("zengate.toml", &config.replace(&upstream, &real));
    unknown_then_right(store, &mut world, "booked and not sent");
    assert_eq!(counted(&world), (0, 0, 0));
    store.clear();
}

fn while_the_cloud_has_it(store: &Store, when: When) {
    for (name, behaviour) in behaviours() {
        let runs = !["refuses", "is cut off before"].contains(&name);
        if when == When::After && !runs {
            continue;
        }
        let mut world = World::with(store.setup());
        let gate = Gate::new();
        world.emulator.script(gated(when, &gate, behaviour), On::create(), Times::Exactly(1));
        let connection = send(&world);
        world.runtime.block_on(world.emulator.arrived(1));
        if when == When::After {
            eventually("the cloud has run it", || (world.emulator.creates() > 0).then_some(()));
        }
        world.gateway.signal("KILL");
        gate.open();
        drop(connection);
        unknown_then_right(store, &mut world, &format!("sent, {when:?} the cloud {name}"));
        store.clear();
    }
}

fn before_it_is_settled(store: &Store) {
    for (name, behaviour) in behaviours() {
        let mut world = World::with(store.setup());
        let gate = Gate::new();
        world.emulator.script(gated(When::Before, &gate, behaviour), On::create(), Times::Exactly(1));
        let connection = send(&world);
        world.runtime.block_on(world.emulator.arrived(1));
        let blocked = store.block(&world);
        gate.open();
        phase_ended(&world, "upstream");
        world.gateway.signal("KILL");
        drop((blocked, connection));
        unknown_then_right(store, &mut world, &format!("answered, the cloud {name}"));
        store.clear();
    }
}

fn after_it_is_settled(store: &Store) {
    for (name, behaviour) in behaviours() {
        let mut world = World::with(store.setup());
        if let Some(fault) = behaviour {
            world.emulator.script(fault, On::create(), Times::Exactly(1));
        }
        let mut connection = send(&world);
        client::read_answer(&mut connection).unwrap();
        world.gateway.signal("KILL");
        store.restart(&mut world);
        let expected = match name {
            "runs" => (2, 0, 0),
            "refuses" => (0, 0, 0),
            "names fewer" => (1, 0, 1),
            _ => (0, 0, 2),
        };
        assert_eq!(counted(&world), expected, "settled, the cloud {name}");
        agree(&world);
        store.clear();
    }
}

fn every_point(store: &Store) {
    before_it_is_booked(store);
    before_it_is_sent(store);
    while_the_cloud_has_it(store, When::Before);
    while_the_cloud_has_it(store, When::After);
    before_it_is_settled(store);
    after_it_is_settled(store);
}

#[test]
fn killed_at_every_step_on_a_file() {
    every_point(&Store::File);
}

#[test]
#[ignore = "needs PostgreSQL 15+ (Debian package postgresql); .ci/run installs it"]
fn killed_at_every_step_on_postgresql() {
    every_point(&Store::Shared(Server::start()));
}
