//! Creates that pass: what the caller gets and what the cloud got.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::client::EXAMPLE;
use crate::support::random::Random;
use crate::support::world::{CLOUD_KEY, RESOURCE_GROUP, SECURITY_GROUP};
use crate::support::{Call, World, eventually};

#[test]
fn the_vendors_example_is_created_with_the_default_groups_added() {
    let world = World::new();
    let answer = world.send(&Call::example());
    let ids = answer.instance_ids();
    assert_eq!(ids.len(), 1);

    let received = world.emulator.requests();
    assert_eq!(received.len(), 1);
    let sent: Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(
        sent,
        json!({
            "zoneId": "SEL-A", "instanceType": "c.1c2g", "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
            "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth",
            "resourceGroupId": RESOURCE_GROUP, "securityGroupId": SECURITY_GROUP,
        })
    );
    let mut added = answer.headers("x-zengate-added");
    added.sort_unstable();
    assert_eq!(
        added,
        [
            format!("/resourceGroupId=\"{RESOURCE_GROUP}\"; rule=resource_group"),
            format!("/securityGroupId=\"{SECURITY_GROUP}\"; rule=security_group"),
        ]
    );
    assert_eq!(world.emulator.instance_count(), 1);
}

#[test]
fn the_body_that_is_sent_is_the_judged_document() {
    let world = World::new();
    // Key order, number text and escapes: only nulls leave and only defaults come.
    let body = r#"{ "instanceType": "c.1c2g" , "zoneId":"SEL-A", "imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8",
        "instanceChargeType":"POSTPAID","internetChargeType":"ByTrafficPackage","trafficPackageSize":0.10,
        "instanceName":"web\u002d1","password":null,"resourceGroupId":"","systemDisk":{"diskSize":40,"diskCategory":null}}"#;
    let answer = world.send(&Call::new("vm", "CreateInstances").body(body));
    answer.instance_ids();
    let received = world.emulator.requests();
    let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
    let hash = |bytes: &[u8]| Value::from(zengate::sign::PayloadHash::of(bytes).to_hex());
    assert_eq!(
        (&record["body_sha256"], &record["sent_sha256"]),
        (&hash(body.as_bytes()), &hash(&received[0].body))
    );
    assert_eq!(
        String::from_utf8(received[0].body.to_vec()).unwrap(),
        format!(
            r#"{{"instanceType":"c.1c2g","zoneId":"SEL-A","imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8","instanceChargeType":"POSTPAID","internetChargeType":"ByTrafficPackage","trafficPackageSize":0.10,"instanceName":"web-1","resourceGroupId":"{RESOURCE_GROUP}","systemDisk":{{"diskSize":40}},"securityGroupId":"{SECURITY_GROUP}"}}"#
        )
    );
}

/// From the hash of a body whose other members are known, a short password could be found by trying.
#[test]
fn no_hash_of_a_body_with_a_password_is_kept() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["password"] = "Abc123!x".into();
    let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
    answer.instance_ids();
    let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
    assert_eq!((record.get("body_sha256"), record.get("sent_sha256")), (None, None), "{record}");
}

#[test]
fn a_zone_without_security_groups_gets_none() {
    let world = World::new();
    let body = EXAMPLE.replace("SEL-A", "SAO-A");
    world.send(&Call::new("vm", "CreateInstances").body(body)).instance_ids();
    let sent: Value = serde_json::from_slice(&world.emulator.requests()[0].body).unwrap();
    assert_eq!(sent.get("securityGroupId"), None);
    assert_eq!(sent["resourceGroupId"], RESOURCE_GROUP);
}

/// Headers that others put on a request on its way, or that somebody hopes the cloud will believe.
const JUNK: &[(&str, &str)] = &[
    ("Connection", "keep-alive, X-Forwarded-For, TE"),
    ("Connection", "x-team, cookie"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authorization", "Basic QWxhZGRpbg=="),
    ("TE", "trailers"),
    ("Trailer", "X-ZC-Version"),
    ("Upgrade", "h2c"),
    ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ("X-Forwarded-For", "1.2.3.4"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Prefix", "/api/v2/bmc"),
    ("X-Original-URL", "/api/v2/bmc"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Real-IP", "1.2.3.4"),
    ("Forwarded", "for=1.2.3.4;host=evil.example"),
    ("Via", "1.1 proxy"),
    ("X-Team", "admins"),
    ("X-ZC-Account", "other"),
    ("Cookie", "session=1"),
    ("Origin", "https://evil.example"),
    ("Range", "bytes=0-1"),
    ("If-None-Match", "*"),
    ("Content-MD5", "x"),
    ("Content-Language", "en"),
];

#[test]
fn a_hundred_calls_with_whatever_headers_reach_the_cloud_with_its_own_only() {
    let world = World::new();
    let (mut dice, mut peers) = (Random::new(6), BTreeSet::new());
    for number in 0..100 {
        let body = EXAMPLE.replacen('{', &format!("{{\"instanceName\":\"junk-{number}\","), 1);
        let mut call = Call::new("vm", "CreateInstances").body(body);
        for (name, value) in JUNK.iter().filter(|_| dice.chance(30)) {
            call = call.header(name, value);
        }
        world.send(&call).instance_ids();
    }
    for received in world.emulator.requests() {
        let mut names: Vec<String> =
            received.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        peers.insert(names.join(" "));
    }
    // One form for all of them; the emulator has checked the signatures.
    let form = "accept accept-encoding authorization content-length content-type host user-agent x-zc-action \
                x-zc-service x-zc-signature-method x-zc-timestamp x-zc-version";
    assert_eq!(peers, BTreeSet::from([form.to_owned()]));
    let records =
        eventually("all records", || Some(world.gateway.records()).filter(|records| records.len() == 100));
    assert!(
        records.iter().all(|record| record["caller"]["address"] == "127.0.0.1"),
        "who called, not who is claimed"
    );
}

#[test]
fn the_request_to_the_cloud_is_built_new() {
    let world = World::new();
    let junk = [
        ("Connection", "keep-alive, X-Forwarded-For, te"),
        ("TE", "trailers"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "host=evil.example"),
        ("X-Team", "admins"),
        ("Cookie", "a=b"),
        ("X-ZC-Sdk-Lang", "go"),
        ("X-ZC-Sdk-Version", "0.2.45"),
        ("X-ZC-Request-Client", "Terraform-latest"),
        ("User-Agent", "Go-http-client/1.1"),
        ("Accept-Encoding", "gzip"),
    ];
    let call = junk.iter().fold(Call::example(), |call, (name, value)| call.header(name, value));
    world.send(&call).instance_ids();
    let received = &world.emulator.requests()[0];
    let mut names: Vec<String> = received.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-zc-action",
            "x-zc-request-client",
            "x-zc-sdk-lang",
            "x-zc-sdk-version",
            "x-zc-service",
            "x-zc-signature-method",
            "x-zc-timestamp",
            "x-zc-version",
        ]
    );
    let header = |wanted: &str| {
        received
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    };
    assert_eq!(header("host").unwrap(), world.emulator.address().to_string());
    assert_eq!(header("accept-encoding").unwrap(), "identity");
    assert_eq!(header("x-zc-version").unwrap(), "2026-04-01");
    assert_eq!(header("x-zc-request-client").unwrap(), "Terraform-latest");
    assert!(header("authorization").unwrap().contains(&format!("Credential={CLOUD_KEY},")));
}

#[test]
fn both_versions_of_the_vm_create_pass() {
    let world = World::new();
    for version in ["2023-03-13", "2026-04-01"] {
        world.send(&Call::example().version(version)).instance_ids();
    }
    assert_eq!(world.emulator.instance_count(), 2);
}
