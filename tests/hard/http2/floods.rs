//! Floods: each kind of frame that makes a server work for little. Whoever floods is cut or slowed; the gateway's memory
//! stays where it was, and honest callers on other connections are served while it goes on.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{END_HEADERS, END_STREAM, Line, frame, head, kind, literal};
use crate::path::tls::tls_world;
use crate::support::client::read_answer;
use crate::support::tls::Authority;
use crate::support::{Call, World, eventually};
use zengate::emulator::{Fault, Gate, On, Times, When};

/// What one flood says in one turn; `turn` counts from 0.
type Turn = fn(turn: u32, address: SocketAddr) -> Vec<u8>;
/// Its name, the settings the client opens with, what it says, and how it ends.
type Flood = (&'static str, &'static [(u16, u32)], Turn, End);

/// How a flood ends for one who listens to what the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The connection is ended. A code of RFC 9113 section 7, where one is given, is the one that is said, unless a reset of TCP
    /// overtook it.
    Cut(Option<u32>),
    /// One or the other: the client itself has said that it ends.
    Either,
    /// All of it is taken, and the connection still answers: what each frame makes the server do is bounded.
    Borne,
}

const CALM: End = End::Cut(Some(11)); // ENHANCE_YOUR_CALM

/// Streams of clients are odd.
fn stream(turn: u32) -> u32 {
    2 * turn + 1
}

fn unsigned() -> Call {
    Call::new("vm", "CreateInstances").unsigned()
}

fn open(turn: u32, flags: u8, call: &Call, address: SocketAddr) -> Vec<u8> {
    frame(kind::HEADERS, flags | END_HEADERS, stream(turn), &head(call, address))
}

fn reset(turn: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream(turn), &8_u32.to_be_bytes())
}

fn rapid_reset(turn: u32, address: SocketAddr) -> Vec<u8> {
    [open(turn, 0, &unsigned(), address), reset(turn)].concat()
}

/// Reads that are signed, so that they get as far as they can.
fn rapid_reset_of_reads(turn: u32, address: SocketAddr) -> Vec<u8> {
    let call = Call::new("vm", "DescribeInstances").body("{}");
    let data = frame(kind::DATA, END_STREAM, stream(turn), &call.body);
    [open(turn, 0, &call, address), data, reset(turn)].concat()
}

fn endless_head(turn: u32, address: SocketAddr) -> Vec<u8> {
    let mut block = Vec::new();
    literal(&mut block, 0, &format!("x-junk-{turn}"), &"j".repeat(1000));
    match turn {
        0 => frame(kind::HEADERS, 0, 1, &head(&unsigned(), address)),
        _ => frame(kind::CONTINUATION, 0, 1, &block),
    }
}

fn empty_continuations(turn: u32, address: SocketAddr) -> Vec<u8> {
    match turn {
        0 => frame(kind::HEADERS, 0, 1, &head(&unsigned(), address)),
        _ => frame(kind::CONTINUATION, 0, 1, &[]),
    }
}

fn empty_data(turn: u32, address: SocketAddr) -> Vec<u8> {
    match turn {
        0 => open(0, 0, &Call::example(), address),
        _ => frame(kind::DATA, 0, 1, &[]),
    }
}

fn pings(turn: u32, _: SocketAddr) -> Vec<u8> {
    frame(kind::PING, 0, 0, &u64::from(turn).to_be_bytes())
}

fn settings(turn: u32, _: SocketAddr) -> Vec<u8> {
    let mut payload = 4_u16.to_be_bytes().to_vec();
    payload.extend((turn % 2 * 1000).to_be_bytes());
    frame(kind::SETTINGS, 0, 0, &payload)
}

/// Fields that go into the table and out of it again, all of the table's size.
fn growing_table(turn: u32, _: SocketAddr) -> Vec<u8> {
    let mut block = Vec::new();
    for number in 0..4 {
        literal(&mut block, 0x40, &format!("x-{turn}-{number}"), &"v".repeat(900));
    }
    [frame(kind::HEADERS, END_STREAM | END_HEADERS, stream(turn), &block), reset(turn)].concat()
}

/// One field in the table, pointed at ten thousand times (a bomb of HPACK).
fn pointing_at_the_table(turn: u32, address: SocketAddr) -> Vec<u8> {
    let mut block = head(&unsigned(), address);
    literal(&mut block, 0x40, "x-bomb", &"b".repeat(3000));
    block.extend(std::iter::repeat_n(0x80 | 62, 10_000));
    frame(kind::HEADERS, END_STREAM | END_HEADERS, stream(turn), &block)
}

/// Errors that the server answers with a reset of its own ("made you reset", CVE-2025-8671).
fn made_you_reset(turn: u32, address: SocketAddr) -> Vec<u8> {
    let nothing = frame(kind::WINDOW_UPDATE, 0, stream(turn), &0_u32.to_be_bytes());
    [open(turn, 0, &unsigned(), address), nothing].concat()
}

fn data_after_the_end(turn: u32, address: SocketAddr) -> Vec<u8> {
    let late = frame(kind::DATA, 0, stream(turn), b"late");
    [open(turn, END_STREAM, &unsigned(), address), late].concat()
}

fn priorities(turn: u32, _: SocketAddr) -> Vec<u8> {
    frame(kind::PRIORITY, 0, stream(turn), &[0, 0, 0, 0, 1])
}

fn windows(_: u32, _: SocketAddr) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())
}

/// Answers that cannot be sent, because the client has given no window.
fn answers_untaken(turn: u32, address: SocketAddr) -> Vec<u8> {
    open(turn, END_STREAM, &unsigned(), address)
}

fn goaways(_: u32, _: SocketAddr) -> Vec<u8> {
    frame(kind::GOAWAY, 0, 0, &[0; 8])
}

const NO_WINDOW: &[(u16, u32)] = &[(4, 0)];

const FLOODS: &[Flood] = &[
    ("rapid reset", &[], rapid_reset, CALM),
    ("rapid reset of signed reads", &[], rapid_reset_of_reads, CALM),
    ("endless head", &[], endless_head, End::Cut(None)),
    ("empty continuations", &[], empty_continuations, CALM),
    ("empty data", &[], empty_data, End::Cut(None)),
    ("pings", &[], pings, End::Borne),
    ("settings", &[], settings, End::Borne),
    ("a growing table", &[], growing_table, End::Cut(None)),
    ("a table that is pointed at", &[], pointing_at_the_table, End::Cut(None)),
    ("made you reset", &[], made_you_reset, End::Cut(None)),
    ("data after the end", &[], data_after_the_end, End::Cut(None)),
    ("priorities", &[], priorities, End::Borne),
    ("windows", &[], windows, End::Borne),
    ("answers untaken", NO_WINDOW, answers_untaken, CALM),
    ("goaways", &[], goaways, End::Either),
];

/// Floods until the other side ends, or `turns` are through. `listening`: whether answers are taken.
fn flood(line: &mut Line, turn: Turn, turns: u32, listening: bool) -> io::Result<()> {
    let address = line.stream.sock.peer_addr()?;
    let mut bytes = Vec::new();
    for number in 0..turns {
        bytes.extend(turn(number, address));
        if number % 32 == 31 {
            line.say(&bytes)?;
            bytes.clear();
            if listening {
                line.take()?;
                while line.frame().is_some() {}
                if line.goaway.is_some() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
    }
    line.say(&bytes)
}

/// What became of a flood: asked by a ping, which is answered after all that came before it.
fn end(line: &mut Line) -> End {
    const QUESTION: &[u8] = b"the end?";
    let _ = line.say(&frame(kind::PING, 0, 0, QUESTION));
    loop {
        match line.next() {
            _ if line.goaway.is_some() => return End::Cut(line.goaway),
            None => return End::Cut(None),
            Some((kind::PING, 1, _, payload)) if payload == QUESTION => return End::Borne,
            Some(_) => {}
        }
    }
}

/// `ZENGATE_FLOOD` is the number of turns of each (CI: 4,000).
#[test]
fn a_flood_is_cut_or_slowed_and_hurts_nobody_else() {
    let turns = std::env::var("ZENGATE_FLOOD").map_or(4_000, |text| text.parse().unwrap());
    let authority = Authority::new();
    let world = tls_world(&authority.issue(&["127.0.0.1"]));
    // What the process takes when it has worked for a while.
    for _ in 0..50 {
        honest(&world, &authority);
    }
    let (before, mut otherwise) = (world.gateway.resident(), Vec::new());
    for (name, settings, turn, wanted) in FLOODS {
        for listening in [true, false] {
            let (done, calls) = (AtomicBool::new(false), AtomicBool::new(false));
            let (said, ended) = std::thread::scope(|scope| {
                let flooding = scope.spawn(|| {
                    let mut line = Line::open(world.address(), &authority, settings);
                    // One that takes nothing could wait for ever to be heard; the gateway's own patience is tested elsewhere.
                    let wait = (!listening).then_some(std::time::Duration::from_millis(500));
                    line.stream.sock.set_write_timeout(wait).unwrap();
                    let said = flood(&mut line, *turn, turns, listening);
                    let ended = listening.then(|| end(&mut line));
                    // Held open until an honest caller was served beside it.
                    eventually("an honest call", || calls.load(Ordering::Relaxed).then_some(()));
                    done.store(true, Ordering::Relaxed);
                    (said.err().map(|error| error.kind()), ended)
                });
                loop {
                    let last = done.load(Ordering::Relaxed);
                    honest(&world, &authority);
                    calls.store(true, Ordering::Relaxed);
                    if last {
                        break;
                    }
                }
                flooding.join().unwrap()
            });
            println!(
                "{name:30} listening {listening:5} said {said:?} ended {ended:?} resident {} MiB",
                world.gateway.resident()
            );
            match (ended, wanted) {
                (None, _) => {}
                (Some(End::Cut(None)), End::Cut(_)) | (Some(End::Cut(_)), End::Cut(None)) => {}
                (Some(_), End::Either) => {}
                (Some(ended), wanted) if ended == *wanted => {}
                (Some(ended), wanted) => otherwise.push(format!("{name}: {ended:?}, not {wanted:?}")),
            }
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    let grown = world.gateway.resident().saturating_sub(before);
    assert!(grown <= 64, "{grown} MiB more than before");
    eventually("all are gone", || (world.gateway.metric("zengate_connections") == 0.0).then_some(()));
    eventually("nothing is in flight", || {
        let page = world.gateway.metric("zengate_buffered_bytes");
        (page == 0.0).then_some(())
    });
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
    assert_eq!(world.emulator.instance_count(), 0);
}

/// A caller who does as all do.
fn honest(world: &World, authority: &Authority) {
    let mut stream = authority.connect(world.address(), None).unwrap();
    let call = Call::new("vm", "DescribeInstances").header("Connection", "close");
    io::Write::write_all(&mut stream, &call.bytes(world.address())).unwrap();
    let answer = read_answer(&mut stream).unwrap();
    assert!(matches!(answer.status, 200 | 429), "{}", answer.json());
}

/// A create over HTTP/2, in the frames of one stream, all but its reset.
fn order(number: u32, name: &str, address: SocketAddr) -> Vec<u8> {
    let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
    body["instanceName"] = format!("{name}-{number}").into();
    let call = Call::new("vm", "CreateInstances").json(&body);
    [open(number, 0, &call, address), frame(kind::DATA, END_STREAM, stream(number), &call.body)].concat()
}

/// Names of the machines that were made, each once.
fn made(world: &World) -> usize {
    let mut names: Vec<String> =
        world.emulator.instances().iter().map(|machine| machine.name.clone()).collect();
    let made = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), made, "each at most once");
    made
}

fn ended_as_ran(world: &World) -> usize {
    let records = world.gateway.records();
    records.iter().filter(|record| record["upstream"]["fate"] == "ran").count()
}

/// A flood is worth more if it makes machines. Whatever a reset overtakes, what was sent is booked as what it became.
#[test]
fn creates_that_are_reset_at_once_are_booked_as_what_they_became() {
    let authority = Authority::new();
    let world = tls_world(&authority.issue(&["127.0.0.1"]));
    let mut line = Line::open(world.address(), &authority, &[]);
    for number in 0..10 {
        line.say(&[order(number, "reset", world.address()), reset(number)].concat()).unwrap();
    }
    // A ping is answered after what came before it: each stream has begun by then, or never will.
    assert_eq!(end(&mut line), End::Borne);
    drop(line);
    let idle = || {
        let classes = ["create", "unknown", "other"];
        classes.iter().all(|class| {
            world.gateway.metric(&format!("zengate_requests_in_flight{{class=\"{class}\"}}")) == 0.0
        })
    };
    eventually("nothing is worked on", || {
        (idle() && world.gateway.metric("zengate_connections") == 0.0).then_some(())
    });
    eventually("all have an end", || (made(&world) == ended_as_ran(&world)).then_some(()));
    assert!(made(&world) <= 10);
}

/// The same, where the reset comes after the cloud has heard: all ten are made, each once, and booked.
#[test]
fn creates_that_are_reset_while_the_cloud_works_are_made_and_booked() {
    let authority = Authority::new();
    let world = tls_world(&authority.issue(&["127.0.0.1"]));
    let gate = Gate::new();
    world.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Forever);
    let mut line = Line::open(world.address(), &authority, &[]);
    for number in 0..10 {
        line.say(&order(number, "held", world.address())).unwrap();
    }
    world.runtime.block_on(world.emulator.arrived(10));
    for number in 0..10 {
        line.say(&reset(number)).unwrap();
    }
    assert_eq!(end(&mut line), End::Borne);
    drop(line);
    gate.open();
    eventually("ten records", || (ended_as_ran(&world) == 10).then_some(()));
    assert_eq!(made(&world), 10);
}
