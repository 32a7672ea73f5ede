//! A rolling upgrade: two gateways on one PostgreSQL behind HAProxy, one after the other ended and started again under load.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use serde_json::json;

use super::{Fleet, crowded};
use crate::path::quota::order;
use crate::support::postgres::Server;
use crate::support::world::{self, Setup};
use crate::support::{Call, Gateway, World, eventually};

/// Machines that all of them may make together.
const LIMIT: u32 = 150;

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// HAProxy with the shipped configuration, at this machine's addresses. It ends when dropped.
struct Balancer {
    process: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Balancer {
    /// Passes on to gateways, each by its addresses of clients and of operators.
    fn start(gateways: &[(SocketAddr, SocketAddr)]) -> Self {
        let shipped = include_str!("../../deploy/examples/haproxy.cfg");
        let address = free();
        let mut servers = gateways.iter().enumerate();
        let mut config = String::new();
        for line in shipped.lines() {
            let own = match line.trim_start().split(' ').next() {
                Some("server") => {
                    let Some((number, (clients, admin))) = servers.next() else { continue };
                    format!(
                        "    server n{number} {clients} check port {} inter 100ms fall 1 rise 1",
                        admin.port()
                    )
                }
                _ => line.replace(":8443", &address.to_string()),
            };
            config.push_str(&own);
            config.push('\n');
        }
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let mut haproxy = Command::new("haproxy");
        haproxy
            .arg("-db")
            .arg("-f")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = haproxy.spawn().expect("haproxy (Debian package haproxy)");
        Self { process, address, _directory: directory }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A fleet whose gateways keep their addresses when they are started again.
fn fleet(server: &Server) -> (Fleet, Vec<(SocketAddr, SocketAddr)>) {
    let setup = crowded(LIMIT);
    let places = [(free(), free()), (free(), free())];
    let configs = places.map(|(clients, admin)| {
        format!(
            "[listen]\naddress = \"{clients}\"\n[admin]\naddress = \"{admin}\"\n[drain]\nlame_duck = \"3s\"\ndeadline = \"60s\"\n\
             {}[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\ndatabase = \"postgres\"\n",
            setup.config,
            server.socket(),
            server.port()
        )
    });
    let [first, second] = configs;
    let (keys, organisation) = (setup.keys.clone(), setup.organisation.clone());
    let world = World::with(Setup { config: first, ..setup });
    let url = format!("http://{}", world.emulator.address());
    let more = vec![Gateway::start(world::directory(&url, &keys, &organisation, &second))];
    (Fleet { world, more }, places.to_vec())
}

#[test]
#[ignore = "needs PostgreSQL 15+ and HAProxy (Debian packages postgresql, haproxy); .ci/run installs them"]
fn a_rolling_restart_under_load_fails_nothing_and_loses_nothing() {
    let server = Server::start();
    let (mut fleet, places) = fleet(&server);
    let balancer = Balancer::start(&places);
    let address = balancer.address;
    eventually("the balancer finds a gateway", || {
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        use std::io::Write as _;
        stream.write_all(&Call::new("vm", "DescribeInstances").bytes(address)).ok()?;
        crate::support::client::read_answer(&mut stream).filter(|answer| answer.status == 200)
    });
    let (stop, number) = (AtomicBool::new(false), AtomicU32::new(0));
    let (made, refused, read) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let name = format!("n-{:06}", number.fetch_add(1, Ordering::SeqCst));
                    let answer = order(&name, 1).send(address);
                    match answer.status {
                        200 => made.fetch_add(1, Ordering::SeqCst),
                        403 if answer.code() == "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED" => {
                            refused.fetch_add(1, Ordering::SeqCst)
                        }
                        _ => panic!("a create failed: {} {}", answer.status, answer.message()),
                    };
                    for _ in 0..3 {
                        let answer = Call::new("vm", "DescribeInstances").json(&json!({})).send(address);
                        assert_eq!(answer.status, 200, "a read failed: {}", answer.message());
                        read.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        let more = fleet.more.iter_mut();
        for gateway in std::iter::once(&mut fleet.world.gateway).chain(more) {
            let before = number.load(Ordering::SeqCst);
            eventually("the load goes on", || (number.load(Ordering::SeqCst) > before + 20).then_some(()));
            gateway.signal("TERM");
            assert!(gateway.wait().success(), "it ends when all that it accepted is answered");
            gateway.restart();
            // The other one goes only when this one works again.
            eventually("it is sent requests again", || {
                (gateway.metric(r#"zengate_requests_total{class="read",outcome="ok",service="vm"}"#) > 10.0)
                    .then_some(())
            });
        }
        eventually("the limit is reached", || (refused.load(Ordering::SeqCst) > 0).then_some(()));
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(made.into_inner(), LIMIT, "every machine that may be was made, and no other");
    assert_eq!(fleet.world.emulator.creates(), u64::from(LIMIT), "none was sent twice");
    assert_eq!(fleet.world.emulator.instance_count(), usize::try_from(LIMIT).unwrap());
    assert!(read.into_inner() > 50);
    for gateway in fleet.gateways() {
        assert_eq!(Fleet::counted(gateway), (u64::from(LIMIT), 0, 0), "nothing is unknown");
    }
    fleet.agree();
}
