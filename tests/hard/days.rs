//! Bad days: the cloud is away, the disk is full, a file is wrong, nobody reads the log, the process is told to stop.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Resource;
use serde_json::Value;
use zengate::emulator::{Fault, On, Times, When};

use crate::path::crash::agree;
use crate::path::quota::{counted, limited, post};
use crate::support::client::EXAMPLE;
use crate::support::gateway::Launch;
use crate::support::world::Setup;
use crate::support::{Answer, Call, World, eventually};

/// A create of its own.
fn order(name: &str) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceName"] = name.into();
    Call::new("vm", "CreateInstances").json(&body)
}

fn change() -> Call {
    Call::new("vm", "TerminateInstance").body(r#"{"instanceId":"no-such-machine"}"#)
}

fn read() -> Call {
    Call::new("vm", "DescribeInstances")
}

fn status(world: &World) -> Value {
    world.gateway.admin_page("/status").json()
}

#[test]
fn a_cloud_that_does_not_answer_is_left_alone_and_no_create_is_the_probe() {
    let config = "[upstream]\nurl = \"{url}\"\nbreaker_failures = 3\nbreaker_pause = \"100ms\"\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    world.emulator.script(Fault::Close { when: When::Before }, On::any(), Times::Forever);
    for number in 0..3 {
        world.send(&order(&format!("lost-{number}"))).assert_refused(504, "REQUEST_TIMED_OUT");
    }
    eventually("it is left alone", || {
        (world.gateway.metric("zengate_upstream_open{account=\"main\"}") == 1.0).then_some(())
    });
    // Creates, changes and reads are answered without the cloud, and booked as never sent.
    let sent = |world: &World| {
        let seen = world.emulator.requests();
        let action = |seen: &zengate::emulator::Seen| {
            let of = seen.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-zc-action"));
            String::from_utf8_lossy(&of.unwrap().1).into_owned()
        };
        seen.iter().map(action).collect::<Vec<_>>()
    };
    for number in 0..20 {
        world.send(&order(&format!("kept-{number}"))).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        world.send(&change()).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        // A read may be the one by which the cloud is tried.
        assert!(matches!(world.send(&read()).status, 503 | 504));
    }
    // It is tried without anybody asking, too, and by reads alone.
    eventually("probes", || {
        (sent(&world).iter().filter(|action| *action == "DescribeZones").count() >= 2).then_some(())
    });
    let seen = sent(&world);
    assert_eq!(seen.iter().filter(|action| *action == "CreateInstances").count(), 3, "{seen:?}");
    assert!(!seen.contains(&"TerminateInstance".to_owned()), "{seen:?}");
    world.emulator.clear_faults();
    eventually("the cloud is asked again", || (world.send(&read()).status == 200).then_some(()));
    world.send(&order("afterwards")).instance_ids();
}

#[test]
fn what_can_change_changes_at_sighup_and_what_cannot_is_named() {
    let world = World::new();
    let file = world.gateway.directory().join("zengate.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    // Wrong: every mistake is logged with its line, and all stays as it was.
    world.gateway.write("zengate.toml", &format!("{before}\n[limits]\nbody = \"a lot\"\nnonsense = 1\n"));
    world.gateway.signal("HUP");
    let logged = world.gateway.logged("the new configuration is refused");
    assert!(logged.contains("body") && logged.contains("nonsense"), "{logged}");
    assert_eq!(world.gateway.metric("zengate_reload_failed{what=\"config\"}"), 1.0);
    let long = || {
        let mut call = order("long");
        call.body.extend(std::iter::repeat_n(b' ', 5000));
        call
    };
    world.send(&long()).instance_ids();
    // Right: a limit holds at once, an address waits for a restart and is named.
    let after = before.replace("[listen]\naddress = \"127.0.0.1:0\"", "[listen]\naddress = \"127.0.0.2:0\"");
    world
        .gateway
        .write("zengate.toml", &format!("{after}\n[limits]\nbody = \"4KiB\"\n[log]\nlevel = \"debug\"\n"));
    world.gateway.signal("HUP");
    eventually("the limit", || (world.send(&long()).status == 413).then_some(()));
    eventually("the names", || {
        let status = status(&world);
        (status["needs_restart"] == serde_json::json!(["listen.address"])).then_some(())
    });
    assert_eq!(world.gateway.metric("zengate_reload_failed{what=\"config\"}"), 0.0);
    world.gateway.write("zengate.toml", &before);
    world.gateway.signal("HUP");
    eventually("nothing waits", || (status(&world)["needs_restart"] == serde_json::json!([])).then_some(()));
    world.send(&long()).instance_ids();
}

#[test]
fn systemd_is_told_and_gives_sockets() {
    let place = tempfile::TempDir::new().unwrap();
    let path = place.path().join("notify.sock");
    let notify = UnixDatagram::bind(&path).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let env = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_FDNAMES", "listen"),
    ];
    let launch = Launch {
        // Its number is known only once it runs; it stays the same when the shell becomes the gateway.
        before: "exec 3<&0 < /dev/null\nexport LISTEN_PID=$$".to_owned(),
        stdin: Some(socket.into()),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Launch::default()
    };
    let mut world = World::with(Setup { launch, ..Setup::default() });
    assert_eq!(world.address(), address, "the socket it was given");
    let told = |word: &str| {
        let mut message = [0; 512];
        loop {
            let length =
                notify.recv(&mut message).unwrap_or_else(|error| panic!("{word} never came: {error}"));
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            if message.lines().any(|line| line.starts_with(word)) {
                return message;
            }
        }
    };
    told("READY=1");
    world.send(&order("by-its-socket")).instance_ids();
    told("WATCHDOG=1");
    world.gateway.signal("HUP");
    assert!(told("RELOADING=1").contains("MONOTONIC_USEC="));
    told("READY=1");
    world.gateway.signal("TERM");
    told("STOPPING=1");
    assert!(world.gateway.wait().success());
}

#[test]
fn a_reload_is_over_when_the_new_policies_are_in_force() {
    let place = tempfile::TempDir::new().unwrap();
    let path = place.path().join("notify.sock");
    let notify = UnixDatagram::bind(&path).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let env = vec![("NOTIFY_SOCKET".to_owned(), path.to_str().unwrap().to_owned())];
    let launch = Launch { env, ..Launch::default() };
    let config = "[policy]\ndata = [\"organisation.yaml\"]\npoll_interval = \"1h\"\n".to_owned();
    let world = World::with(Setup { launch, config, ..Setup::default() });
    let told = |word: &str| {
        let mut message = [0; 512];
        loop {
            let length = notify.recv(&mut message).unwrap_or_else(|error| panic!("{word}: {error}"));
            if String::from_utf8_lossy(&message[..length]).lines().any(|line| line.starts_with(word)) {
                return;
            }
        }
    };
    told("READY=1");
    for zones in ["[HKG-A]", "[SEL-A]", "[HKG-A]"] {
        let organisation = crate::support::world::organisation().replace("[SEL-A, HKG-A, SAO-A]", zones);
        world.gateway.write("organisation.yaml", &organisation);
        world.gateway.signal("HUP");
        told("RELOADING=1");
        told("READY=1");
        let status = if zones == "[SEL-A]" { 200 } else { 403 };
        let answer = world.send(&order("after-the-reload"));
        assert_eq!(answer.status, status, "{zones}: {}", answer.json());
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let config = "[log]\nlevel = \"trace\"\n".to_owned();
    let launch = Launch { deaf: true, ..Launch::default() };
    let world = World::with(Setup { config, launch, ..Setup::default() });
    let full = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !full.load(Ordering::Relaxed) {
                    assert_eq!(world.send(&read()).status, 200);
                }
            });
        }
        eventually("lines are dropped", || {
            (world.gateway.metric("zengate_log_lines_dropped") > 0.0).then_some(())
        });
        full.store(true, Ordering::Relaxed);
    });
    world.send(&order("all-the-same")).instance_ids();
}

/// Files of the gateway can grow to this many blocks of 512 bytes, as on a disk that has no more room.
fn small_disk(blocks: u32) -> Launch {
    Launch { before: format!("trap '' XFSZ\nulimit -f {blocks}"), ..Launch::default() }
}

#[test]
fn a_full_disk_refuses_creates_loses_none_and_mends() {
    let mut world = World::with(Setup {
        launch: small_disk(1024),
        organisation: crate::support::world::organisation().replace("maximum: 10", "maximum: 10000"),
        emulator: zengate::emulator::Options { instance_quota: 100_000, ..Setup::default().emulator },
        ..Setup::default()
    });
    let mut made = Vec::new();
    let mut refused: Option<Answer> = None;
    for number in 0..2_000 {
        let answer = world.send(&order(&format!("machine-{number}")));
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
        made.extend(answer.instance_ids());
    }
    let refused = refused.expect("the disk is never full");
    refused.assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    // What was told is what was made: nothing was sent that could not be booked.
    assert_eq!(made.len(), world.emulator.instance_count());
    assert_eq!(world.send(&read()).status, 200, "reads need no disk");
    for number in 0..5 {
        let again = world.send(&order(&format!("another-{number}")));
        assert_eq!(again.status, 503, "{}", again.json());
    }
    assert_eq!(made.len(), world.emulator.instance_count());
    // With room again, all of it is still there. What was made while its end could not be written is held until the
    // cloud has been asked.
    world.gateway.kill_and_restart();
    let (used, in_flight, unknown) = counted(&world);
    assert_eq!((used + unknown, in_flight), (u64::try_from(made.len()).unwrap(), 0));
    assert!(unknown <= 1, "{unknown}");
    world.send(&order("with-room-again")).instance_ids();
    agree(&world);
}

#[test]
fn files_that_cannot_be_written_any_more_refuse_creates_until_a_restart() {
    let mut world = World::with(Setup {
        config: "[admin]\naddress = \"127.0.0.1:0\"\naudit_log = \"audit.jsonl\"\n".to_owned(),
        launch: Launch { before: "trap '' XFSZ".to_owned(), ..Launch::default() },
        ..limited(100)
    });
    for number in 0..3 {
        world.send(&order(&format!("before-{number}"))).instance_ids();
    }
    assert_eq!(post(&world, "/quota/reconcile", &serde_json::json!({})).status, 200);
    // Not a byte more goes into the ledger, the records or the audit log.
    let limit = world.gateway.limit(Resource::Fsize, 0);
    for number in 0..5 {
        world
            .send(&order(&format!("meanwhile-{number}")))
            .assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        world.send(&change()).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
        assert_eq!(world.send(&read()).status, 200, "reads need no disk");
    }
    assert_eq!(post(&world, "/quota/reconcile", &serde_json::json!({})).status, 503);
    assert_eq!(world.emulator.creates(), 3);
    // It could be written again, but what the last try has left of it is not certain: it is said, and not used.
    world.gateway.limit(Resource::Fsize, limit);
    world.send(&order("afterwards")).assert_refused(503, "SERVICE_TEMPORARY_UNAVAILABLE");
    assert!(status(&world)["ledger"]["dead"].is_string(), "{}", status(&world)["ledger"]);
    assert_eq!(world.send(&read()).status, 200);
    // A restart reads it anew, and finds all of it.
    world.gateway.kill_and_restart();
    assert_eq!(counted(&world), (3, 0, 0));
    world.send(&order("after-the-restart")).instance_ids();
    assert_eq!((counted(&world), world.emulator.creates()), ((4, 0, 0), 4));
    assert_eq!(post(&world, "/quota/reconcile", &serde_json::json!({})).status, 200);
    agree(&world);
}

#[test]
fn a_directory_that_cannot_be_written_is_said_at_the_start() {
    let setup = Setup::default();
    let files = crate::support::world::directory(
        "http://127.0.0.1:1",
        &setup.keys,
        &setup.organisation,
        "[quota]\nfile = \"ledger/ledger.db\"\n",
    );
    let ledger = files.path().join("ledger");
    std::fs::create_dir(&ledger).unwrap();
    std::fs::set_permissions(&ledger, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    // root may write everywhere unless it has given that up.
    let script = "if [ \"$(id -u)\" = 0 ]; then exec setpriv --bounding-set -all \"$0\" \"$@\"; fi; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_zengate"), "serve", "--config", "zengate.toml"])
        .current_dir(files.path())
        .env("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN)
        .output()
        .unwrap();
    std::fs::set_permissions(&ledger, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("ledger.db"), "{said}");
}

#[test]
fn a_second_gateway_on_the_same_files_is_refused() {
    let world = World::new();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["serve", "--config", "zengate.toml"])
        .current_dir(world.gateway.directory())
        .env("ZENGATE_TEST_TOKEN", crate::support::world::TOKEN)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    world.send(&order("by-the-first")).instance_ids();
}

#[test]
fn memory_is_closed_to_others_and_leaves_no_core() {
    let world = World::new();
    let id = world.gateway.id();
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    // What belongs to a process that may not be dumped belongs to root, whoever runs it; for root itself the file is
    // readable, so what is asked here is the gateway's own word.
    assert!(world.gateway.log().iter().all(|line| !line.contains("could not close its memory")));
}
