//! The same request again, from clients that lost their answer, twins, and attackers.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream};

use serde_json::json;
use zengate::emulator::{Fault, On, Times, When};

use super::quota::{counted, limited, order};
use crate::support::{Answer, Call, World, client, eventually};

fn exchange(connection: &mut TcpStream, bytes: &[u8]) -> Answer {
    connection.write_all(bytes).unwrap();
    client::read_answer(connection).unwrap()
}

fn gone(world: &World) -> f64 {
    world.gateway.metric(r#"zengate_create_answers_total{result="client_gone"}"#)
}

fn delivered(world: &World) -> f64 {
    world.gateway.metric(r#"zengate_create_answers_total{result="delivered"}"#)
}

#[test]
fn a_client_that_left_gets_its_answer_when_it_comes_back() {
    let world = World::with(limited(10));
    let (gate, connection) = world.held_create();
    drop(connection);
    eventually("the gateway has noticed", || (gone(&world) == 1.0).then_some(()));
    // Signed anew, while the first is still in flight: it waits for the first one's answer.
    let address = world.address();
    let waiting = std::thread::spawn(move || Call::example().send(address));
    eventually("the second has joined", || {
        let requests = world.gateway.metric(r#"zengate_requests_in_flight{class="create"}"#);
        (requests >= 2.0).then_some(())
    });
    gate.open();
    let answer = waiting.join().unwrap();
    assert_eq!(answer.instance_ids().len(), 1);
    assert_eq!(world.emulator.instance_count(), 1, "one order, one machine");
    assert_eq!(world.gateway.metric("zengate_creates_joined_total"), 1.0);
    // It was handed out: an equal order is a new one.
    eventually("the answer is delivered", || (delivered(&world) == 1.0).then_some(()));
    assert_eq!(world.send(&Call::example()).instance_ids().len(), 1);
    assert_eq!(world.emulator.instance_count(), 2);
}

#[test]
fn an_answer_that_nobody_took_waits() {
    let world = World::with(limited(10));
    let (gate, connection) = world.held_create();
    drop(connection);
    eventually("the gateway has noticed", || (gone(&world) == 1.0).then_some(()));
    gate.open();
    eventually("it is booked", || (counted(&world) == (1, 0, 0)).then_some(()));
    let first = world.send(&Call::example()).instance_ids();
    assert_eq!(world.emulator.instances()[0].id, first[0]);
    assert_eq!(world.emulator.instance_count(), 1);
}

#[test]
fn ten_equal_orders_at_once_give_ten() {
    let world = World::with(limited(100));
    // Bytes that are the same to the last: one second, one signature.
    let bytes = order("twin", 1).bytes(world.address());
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let (bytes, address) = (&bytes, world.address());
                scope.spawn(move || {
                    let mut connection = client::connect(address);
                    let answer = exchange(&mut connection, bytes);
                    (answer.instance_ids().remove(0), connection)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap().0).collect()
    });
    let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!((unique.len(), world.emulator.instance_count()), (10, 10));
}

#[test]
fn the_go_sdk_that_lost_its_answer_on_the_way_gets_it_again() {
    let world = World::with(limited(10));
    let go = order("go", 1).header("X-ZC-Sdk-Lang", "go").bytes(world.address());
    let mut connection = client::connect(world.address());
    let first = exchange(&mut connection, &go).instance_ids();
    eventually("the answer is delivered", || (delivered(&world) == 1.0).then_some(()));
    drop(connection);
    let again = eventually("the same answer", || {
        let mut connection = client::connect(world.address());
        let answer = exchange(&mut connection, &go);
        // Until the gateway has seen the connection close, the same bytes are a twin.
        (answer.instance_ids() == first).then_some(first.clone())
    });
    assert_eq!(again, first);
}

#[test]
fn an_unknown_one_blocks_its_equals_and_says_which() {
    let world = World::with(limited(10));
    world.emulator.script(Fault::Reset { when: When::After }, On::create(), Times::Exactly(1));
    let lost = world.send(&order("lost", 1));
    assert_eq!(lost.status, 504);
    let decision = lost.header("x-zengate-decision").unwrap();
    let again = world.send(&order("lost", 1));
    assert_eq!((again.status, again.code().as_str()), (403, "OPERATION_DENIED_OUTCOME_UNKNOWN"));
    assert!(again.message().contains(decision), "{}", again.message());
    assert_eq!(world.send(&order("other", 1)).instance_ids().len(), 1);
}

#[test]
fn an_idempotency_key_that_is_not_signed_counts_for_nothing() {
    let world = World::with(limited(10));
    let named = |name: &str| order(name, 1).header("Idempotency-Key", "k1");
    assert_ne!(world.send(&named("a")).instance_ids(), world.send(&named("b")).instance_ids());
    // With a token nobody else can have written it.
    let token = |name: &str| named(name).bearer(crate::support::world::TOKEN);
    let first = world.send(&token("c")).instance_ids();
    assert_eq!(world.send(&token("c")).instance_ids(), first);
    let other = world.send(&token("d"));
    assert_eq!((other.status, other.code().as_str()), (400, "INVALID_PARAMETER_VALUE"));
    let odd = world
        .send(&order("e", 1).header("Idempotency-Key", "two words").bearer(crate::support::world::TOKEN));
    assert_eq!((odd.status, odd.code().as_str()), (400, "INVALID_PARAMETER_VALUE"));
    assert_eq!(world.emulator.instance_count(), 3);
}

#[test]
fn a_signature_is_good_for_its_action_only() {
    let world = World::with(limited(10));
    let id = world.send(&order("a", 1)).instance_ids().remove(0);
    let body = json!({ "instanceId": id });
    let look = Call::new("vm", "DescribeInstances").json(&json!({ "instanceIds": [id] }));
    assert_eq!(world.send(&look).status, 200);
    // The Terraform provider signs once and calls two actions.
    let bytes = Call::new("vm", "StopInstances").json(&body).bytes(world.address());
    let swapped = |action: &str| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        text.replace("StopInstances", action).into_bytes()
    };
    let mut here = client::connect(world.address());
    let _ = exchange(&mut here, &bytes);
    let swap = exchange(&mut client::connect(world.address()), &swapped("TerminateInstance"));
    assert_ne!(swap.status, 401, "from there and at once: {}", swap.message());
    // From another address it is an attack.
    let mut elsewhere = connect_from("127.0.0.9".parse().unwrap(), world.address());
    let attack = exchange(&mut elsewhere, &swapped("RebootInstances"));
    assert_eq!((attack.status, attack.code().as_str()), (401, "AUTHFAILURE_UNAUTHORIZED_OPERATION"));
    assert!(attack.message().contains("StopInstances"), "{}", attack.message());
    assert_eq!(world.gateway.metric(r#"zengate_signature_reuse_total{result="refused"}"#), 1.0);
    assert_eq!(world.gateway.metric(r#"zengate_signature_reuse_total{result="swapped"}"#), 1.0);
}

#[test]
fn a_signature_is_remembered_over_a_restart() {
    let mut world = World::with(limited(10));
    let host = format!("{}", world.address());
    let bytes = order("a", 1).bytes(world.address());
    let mut connection = client::connect(world.address());
    assert_eq!(exchange(&mut connection, &bytes).instance_ids().len(), 1);
    eventually("the answer is delivered", || (delivered(&world) == 1.0).then_some(()));
    world.gateway.kill_and_restart();
    // Another address now, but the host that was signed is still what the client sends.
    let text = String::from_utf8(bytes).unwrap().replace("CreateInstances", "DescribeInstances");
    assert!(text.contains(&host));
    let mut elsewhere = connect_from("127.0.0.9".parse().unwrap(), world.address());
    let attack = exchange(&mut elsewhere, text.as_bytes());
    assert_eq!((attack.status, attack.code().as_str()), (401, "AUTHFAILURE_UNAUTHORIZED_OPERATION"));
}

fn connect_from(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(socket.connect(to)).unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}
