//! Who calls: signatures, tokens, clocks, hosts.

use crate::support::world::{KEY, SECRET, Setup, TOKEN, keys};
use crate::support::{Call, World};

const READ: &str = "DescribeInstances";

fn read() -> Call {
    Call::new("vm", READ)
}

#[test]
fn what_every_client_signs_is_accepted() {
    let world = World::new();
    let mut java = read();
    java.content_type = "application/json; charset=utf-8".into();
    let underscored = read().unsigned();
    for call in [
        read(),
        java,
        read().bearer(TOKEN),
        read().version("2023-03-13"),
        read().header("X-ZC-Service", "vm"),
        read().target("/api/v2/vm/"),
        read().header("X-ZC-Signature-Version", "V2"),
    ] {
        assert_eq!(world.send(&call).status, 200, "{call:?}", call = call.headers);
    }
    world.send(&underscored).assert_refused(401, "AUTHFAILURE_INVALID_AUTHORIZATION");
}

#[test]
fn unknown_key_and_wrong_secret_get_the_same_answer() {
    let world = World::new();
    let blank = |answer: &crate::support::Answer| {
        let id = answer.json()["requestId"].as_str().unwrap().to_owned();
        String::from_utf8(answer.body.clone()).unwrap().replace(&id, "ID")
    };
    let unknown = world.send(&read().key("ZGnobody", SECRET));
    let wrong = world.send(&read().key(KEY, "not the secret"));
    unknown.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    wrong.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    assert_eq!(blank(&unknown), blank(&wrong));
    let names =
        |answer: &crate::support::Answer| answer.headers.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    assert_eq!(names(&unknown), names(&wrong));
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn an_altered_body_or_host_is_refused() {
    let world = World::new();
    let mut bytes = read().body(r#"{"pageSize":10}"#).bytes(world.address());
    let place = bytes.len() - 2;
    bytes[place] = b'1';
    let mut connection = crate::support::client::connect(world.address());
    std::io::Write::write_all(&mut connection, &bytes).unwrap();
    let answer = crate::support::client::read_answer(&mut connection).unwrap();
    answer.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");

    let mut other = read();
    other.host = Some("gateway.example.internal:443".into());
    let head = String::from_utf8(other.head(world.address())).unwrap();
    let head = head.replace("Host: gateway.example.internal:443", "Host: gateway.example.internal");
    let mut connection = crate::support::client::connect(world.address());
    std::io::Write::write_all(&mut connection, format!("{head}{{}}").as_bytes()).unwrap();
    let answer = crate::support::client::read_answer(&mut connection).unwrap();
    answer.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn hosts_keep_port_and_case_and_aliases_are_tried() {
    let config = "[listen]\naddress = \"127.0.0.1:0\"\nhost_aliases = [\"gateway.example.internal\"]\n";
    let world = World::with(Setup { config: config.into(), ..Setup::default() });
    // As received, whatever it is: with case and port, and Python's URL for a host.
    for host in ["Gateway.Example.COM:8443", "http://127.0.0.1:8080", "console.zenlayer.com"] {
        let mut call = read();
        call.host = Some(host.into());
        assert_eq!(world.send(&call).status, 200, "{host}");
    }
    // Signed for the alias, but a proxy in front has rewritten Host.
    let mut call = read();
    call.host = Some("gateway.example.internal".into());
    let head = String::from_utf8(call.head(world.address())).unwrap();
    let rewritten = head.replace("Host: gateway.example.internal", "Host: 10.0.0.7:9000");
    let mut connection = crate::support::client::connect(world.address());
    std::io::Write::write_all(&mut connection, format!("{rewritten}{{}}").as_bytes()).unwrap();
    assert_eq!(crate::support::client::read_answer(&mut connection).unwrap().status, 200);
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let world = World::new();
    for (offset, accepted) in [(-280, true), (280, true), (-301, false), (320, false), (-360, false)] {
        let mut call = read();
        call.timestamp_offset = offset;
        let answer = world.send(&call);
        if accepted {
            assert_eq!(answer.status, 200, "{offset}");
        } else {
            answer.assert_refused(401, "AUTHFAILURE_SIGNATURE_EXPIRED");
        }
    }
}

#[test]
fn garbled_authorizations_are_refused_as_such() {
    let world = World::new();
    let refused = |call: Call| world.send(&call).assert_refused(401, "AUTHFAILURE_INVALID_AUTHORIZATION");
    refused(read().unsigned());
    refused(read().bearer("x"));
    refused(read().unsigned().header("Authorization", ""));
    refused(read().unsigned().header("Authorization", "Bearer "));
    refused(read().unsigned().header("Authorization", "Basic dXNlcjpwYXNz"));
    refused(read().unsigned().header("Authorization", "ZC2-HMAC-SHA256 Credential=x"));
    let with_method = |method: &str| {
        let head = String::from_utf8(read().head(world.address())).unwrap();
        let head = head.replace("Signature-Method: ZC2-HMAC-SHA256", &format!("Signature-Method: {method}"));
        let mut connection = crate::support::client::connect(world.address());
        std::io::Write::write_all(&mut connection, format!("{head}{{}}").as_bytes()).unwrap();
        crate::support::client::read_answer(&mut connection).unwrap()
    };
    assert_eq!(with_method("ZC2-HMAC_SHA256").status, 200);
    with_method("HMAC-MD5").assert_refused(401, "AUTHFAILURE_INVALID_AUTHORIZATION");
    world.send(&read().header("Authorization", "Bearer x")).assert_refused(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn each_attribute_of_a_key_can_refuse() {
    let cases = [
        ("enabled = false", read(), "disabled"),
        ("expires = 2020-01-31", read(), "expired"),
        ("sources = [\"10.0.0.0/8\"]", read(), "this address"),
        ("actions = [\"vm Create*\"]", read(), "may not call `vm DescribeInstances`"),
        ("strict = true", read(), "x-zc-action"),
    ];
    for (setting, call, said) in cases {
        let world = World::with(Setup { keys: keys(setting), ..Setup::default() });
        let answer = world.send(&call);
        answer.assert_refused(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
        assert!(answer.message().contains(said), "{setting}: {}", answer.message());
        assert_eq!(world.emulator.requests().len(), 0, "{setting}");
    }
    let good =
        "enabled = true\nexpires = 2099-01-31\nsources = [\"127.0.0.0/8\"]\nactions = [\"vm Describe*\"]";
    let world = World::with(Setup { keys: keys(good), ..Setup::default() });
    assert_eq!(world.send(&read()).status, 200);
    world.send(&Call::example()).assert_refused(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
}

#[test]
fn a_team_is_who_the_key_says_whatever_headers_say() {
    let organisation = format!(
        "{}teams:\n  other: {{settings: {{zones: {{allowed: []}}}}}}\n",
        crate::support::world::organisation()
    );
    let world = World::with(Setup { organisation, ..Setup::default() });
    world.send(&Call::example().header("X-Team", "other").header("X-Zengate-Team", "other")).instance_ids();
}
