//! Certificates come and go, clients prove who they are, and a stop under TLS loses no answer.

use std::io::Write;

use crate::support::client::{connect, read_answer};
use crate::support::tls::{Authority, Made, TlsStream, shown};
use crate::support::world::{Setup, keys, organisation};
use crate::support::{Answer, Call, World, eventually, stock_policies_in};
use zengate::emulator::{Fault, Gate, On, Times, When};

const TLS: &str = "[listen.tls]\ncertificate = \"gateway.pem\"\nkey = { file = \"gateway.key\" }\n";

fn files(made: &Made) -> Vec<(String, String)> {
    vec![("gateway.pem".to_owned(), made.certificate.clone()), ("gateway.key".to_owned(), made.key.clone())]
}

fn ask(stream: &mut TlsStream, world: &World, call: &Call) -> Answer {
    stream.write_all(&call.bytes(world.address())).unwrap();
    read_answer(stream).expect("an answer")
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_drops_none() {
    let authority = Authority::new();
    let (first, second) = (authority.issue(&["127.0.0.1"]), authority.issue(&["127.0.0.1"]));
    let world = World::with(Setup { config: TLS.to_owned(), files: files(&first), ..Setup::default() });
    let read = Call::new("vm", "DescribeInstances");
    let mut old = authority.connect(world.address(), None).unwrap();
    assert_eq!(ask(&mut old, &world, &read).status, 200);
    let before = shown(&old);
    // The certificate alone fits no key: refused, and the old one stays.
    world.gateway.write("gateway.pem", &second.certificate);
    world.gateway.logged("the new certificate is refused");
    assert_eq!(shown(&authority.connect(world.address(), None).unwrap()), before);
    assert_eq!(world.gateway.metric("zengate_reload_failed{what=\"certificates\"}"), 1.0);
    world.gateway.write("gateway.key", &second.key);
    let mut new = eventually("the new certificate", || {
        let stream = authority.connect(world.address(), None).unwrap();
        (shown(&stream) != before).then_some(stream)
    });
    // The connection from before is as good as the new one.
    for stream in [&mut old, &mut new] {
        ask(stream, &world, &Call::example()).instance_ids();
    }
    assert_eq!(world.gateway.metric("zengate_reload_failed{what=\"certificates\"}"), 0.0);
    assert!(world.gateway.metric("zengate_certificate_expiry_timestamp_seconds{listener=\"listen\"}") > 0.0);
}

#[test]
fn a_key_can_be_bound_to_a_certificate() {
    let authority = Authority::new();
    let (builder, other) = (authority.issue(&["builder.example"]), authority.issue(&["other.example"]));
    let stranger = Authority::new().issue(&["builder.example"]);
    let mut files = files(&authority.issue(&["127.0.0.1"]));
    files.push(("clients.pem".to_owned(), authority.pem.clone()));
    let config = format!("{TLS}clients = \"clients.pem\"\n");
    let setup =
        Setup { keys: keys("certificates = [\"builder.example\"]"), config, files, ..Setup::default() };
    let world = World::with(setup);
    let connect = |own: Option<&Made>| authority.connect(world.address(), own);
    // Without a certificate, or with one that nobody here has signed, not even a request is read.
    for own in [None, Some(&stranger)] {
        let turned_away = connect(own).and_then(|mut stream| {
            stream.write_all(&Call::example().bytes(world.address()))?;
            read_answer(&mut stream).ok_or(std::io::ErrorKind::UnexpectedEof.into())
        });
        assert!(turned_away.is_err());
    }
    let refused = ask(&mut connect(Some(&other)).unwrap(), &world, &Call::example());
    assert_eq!(refused.status, 401, "{}", refused.json());
    let passed = ask(&mut connect(Some(&builder)).unwrap(), &world, &Call::example());
    passed.instance_ids();
    let record = world.gateway.record(passed.header("x-zengate-decision").unwrap());
    assert_eq!(record["caller"]["certificate"]["names"][0], "builder.example", "{record}");
    assert_eq!(world.emulator.requests().len(), 1);
}

#[test]
fn rules_see_the_names_of_a_certificate() {
    let authority = Authority::new();
    let (builder, other) = (authority.issue(&["builder.example"]), authority.issue(&["other.example"]));
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    let rule = "package zengate.rules.certificate\n\ndeny contains violation if {\n\tinput.action.kind == \"create\"\n\t\
                not named\n\tviolation := {\n\t\t\"rule\": \"certificate\",\n\t\t\"message\": \"only builders may\",\n\t\t\
                \"field\": \"\",\n\t\t\"remedy\": \"Ask from a builder.\",\n\t}\n}\n\nnamed if \"builder.example\" in \
                input.client.certificate.names\n";
    std::fs::write(policies.path().join("rules/certificate.rego"), rule).unwrap();
    let mut files = files(&authority.issue(&["127.0.0.1"]));
    files.push(("clients.pem".to_owned(), authority.pem.clone()));
    let config = format!(
        "{TLS}clients = \"clients.pem\"\nclients_required = false\n[policy]\ndata = [\"organisation.yaml\"]\ndirectory = \"{}\"\n",
        policies.path().display()
    );
    let world = World::with(Setup { config, files, organisation: organisation(), ..Setup::default() });
    for (own, status) in [(None, 403), (Some(&other), 403), (Some(&builder), 200)] {
        let mut stream = authority.connect(world.address(), own).unwrap();
        let answer = ask(&mut stream, &world, &Call::example());
        assert_eq!(answer.status, status, "{}", answer.json());
    }
}

#[test]
fn a_stop_under_tls_loses_no_answer() {
    let authority = Authority::new();
    let files = files(&authority.issue(&["127.0.0.1"]));
    let mut world = World::with(Setup { config: TLS.to_owned(), files, ..Setup::default() });
    let gate = Gate::new();
    world.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(4));
    let mut streams: Vec<TlsStream> =
        (0..4).map(|_| authority.connect(world.address(), None).unwrap()).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        let mut body: serde_json::Value = serde_json::from_str(crate::support::client::EXAMPLE).unwrap();
        body["instanceName"] = format!("machine-{number}").into();
        let call = Call::new("vm", "CreateInstances").json(&body);
        stream.write_all(&call.bytes(world.address())).unwrap();
    }
    world.runtime.block_on(world.emulator.arrived(4));
    world.gateway.signal("TERM");
    world.gateway.logged("draining");
    gate.open();
    for stream in &mut streams {
        read_answer(stream).expect("the answer of a create that was on its way").instance_ids();
    }
    assert!(world.gateway.wait().success());
    assert_eq!(world.emulator.instance_count(), 4);
}

#[test]
fn half_open_handshakes_keep_nobody_out_and_end() {
    let authority = Authority::new();
    let files = files(&authority.issue(&["127.0.0.1"]));
    let config = format!("{TLS}[limits]\nhandshakes = 3\nhandshake_timeout = \"3s\"\n");
    let world = World::with(Setup { config, files, ..Setup::default() });
    // Ten times as many as may be under way, and more all the time, none of which ever says a thing.
    let mut silent: Vec<_> = (0..30).map(|_| connect(world.address())).collect();
    for number in 0..20 {
        silent.push(connect(world.address()));
        let mut honest = authority
            .connect(world.address(), None)
            .unwrap_or_else(|error| panic!("handshake {number}: {error}"));
        assert_eq!(ask(&mut honest, &world, &Call::new("vm", "DescribeInstances")).status, 200);
    }
    let cut = world.gateway.metric("zengate_connections_cut_total{reason=\"sent_off\"}");
    assert!(cut >= 47.0, "{cut} of 50 were sent off for the 3 that may stay");
    assert_eq!(world.gateway.metric("zengate_connections_total{result=\"shed\"}"), 0.0);
    // The last ones end by themselves.
    eventually("they have ended", || {
        (world.gateway.metric("zengate_connections_total{result=\"tls_failed\"}") >= 1.0).then_some(())
    });
    drop(silent);
}
