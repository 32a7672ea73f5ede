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

/// What one flood says in one turn; `turn` counts from 0.
type Turn = fn(turn: u32, address: SocketAddr) -> Vec<u8>;
/// Its name, the settings the client opens with, and what it says.
type Flood = (&'static str, &'static [(u16, u32)], Turn);

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
    ("rapid reset", &[], rapid_reset),
    ("rapid reset of signed reads", &[], rapid_reset_of_reads),
    ("endless head", &[], endless_head),
    ("empty continuations", &[], empty_continuations),
    ("empty data", &[], empty_data),
    ("pings", &[], pings),
    ("settings", &[], settings),
    ("a growing table", &[], growing_table),
    ("a table that is pointed at", &[], pointing_at_the_table),
    ("made you reset", &[], made_you_reset),
    ("data after the end", &[], data_after_the_end),
    ("priorities", &[], priorities),
    ("windows", &[], windows),
    ("answers untaken", NO_WINDOW, answers_untaken),
    ("goaways", &[], goaways),
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
                line.heard.clear();
            }
        }
    }
    line.say(&bytes)
}

fn resident(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.gateway.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
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
    let before = resident(&world);
    for (name, settings, turn) in FLOODS {
        for listening in [true, false] {
            let (done, calls) = (AtomicBool::new(false), AtomicBool::new(false));
            let ended = std::thread::scope(|scope| {
                let flooding = scope.spawn(|| {
                    let mut line = Line::open(world.address(), &authority, settings);
                    // One that takes nothing could wait for ever to be heard; the gateway's own patience is tested elsewhere.
                    let wait = (!listening).then_some(std::time::Duration::from_millis(500));
                    line.stream.sock.set_write_timeout(wait).unwrap();
                    let ended = flood(&mut line, *turn, turns, listening);
                    // Held open until an honest caller was served beside it.
                    eventually("an honest call", || calls.load(Ordering::Relaxed).then_some(()));
                    done.store(true, Ordering::Relaxed);
                    ended.err().map(|error| error.kind())
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
            println!("{name:30} listening {listening:5} ended {ended:?} resident {} MiB", resident(&world));
        }
    }
    let grown = resident(&world).saturating_sub(before);
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

/// A flood is worth more if it makes machines: creates that are reset at once are made once each, and no more than the bounds let.
#[test]
fn creates_that_are_reset_at_once_are_booked_as_what_they_became() {
    let authority = Authority::new();
    let world = tls_world(&authority.issue(&["127.0.0.1"]));
    let mut line = Line::open(world.address(), &authority, &[]);
    for number in 0..10 {
        let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
        body["instanceName"] = format!("reset-{number}").into();
        let call = Call::new("vm", "CreateInstances").json(&body);
        let data = frame(kind::DATA, END_STREAM, stream(number), &call.body);
        let bytes = [open(number, 0, &call, world.address()), data, reset(number)].concat();
        line.say(&bytes).unwrap();
    }
    // A ping is answered after what came before it.
    line.say(&pings(0, world.address())).unwrap();
    while let Some((kind, ..)) = line.next() {
        if kind == kind::PING {
            break;
        }
    }
    drop(line);
    eventually("all have an end", || {
        let records = world.gateway.records();
        let ended = records.iter().filter(|record| record["upstream"]["fate"].is_string()).count();
        (world.emulator.instance_count() == ended).then_some(())
    });
    let mut names: Vec<String> =
        world.emulator.instances().iter().map(|machine| machine.name.clone()).collect();
    let made = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), made, "each at most once");
    assert!(made <= 10);
}
