//! Dry runs and what a team may ask itself, as callers see them.

use serde_json::{Value, json};
use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize_with};

use super::quota::{counted, limited};
use crate::support::client::EXAMPLE;
use crate::support::world::{KEY, SECRET, Setup, TOKEN, organisation};
use crate::support::{Answer, Call, World};

const DRY: &str = "X-Zengate-Dry-Run";

/// A create whose signature covers the wish.
fn signed(world: &World, body: &str, value: &str) -> Call {
    let host = world.address().to_string();
    let now =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
            .unwrap();
    let key = SigningKey::new(&Secret::new(SECRET));
    let headers =
        [("content-type", "application/json"), ("host", host.as_str()), ("x-zengate-dry-run", value)];
    let authorization = authorize_with(KEY, &key, &headers, now, &PayloadHash::of(body.as_bytes()));
    Call::new("vm", "CreateInstances")
        .body(body)
        .unsigned()
        .header("Authorization", &authorization)
        .header("X-ZC-Timestamp", &now.to_string())
}

fn nothing_happened(world: &World) {
    assert!(world.emulator.requests().is_empty(), "something was sent");
    assert_eq!(
        world.gateway.metric(r#"zengate_verdicts_total{class="create",team="payments",verdict="allowed"}"#),
        0.0
    );
}

#[test]
fn a_dry_run_tells_what_would_be_sent_and_does_nothing() {
    let world = World::with(limited(3));
    let body =
        EXAMPLE.replace("\"SEL-A\"", "\"SEL-A\", \"password\": \"Secr3t-pass!\", \"instanceCount\": 2");
    for call in [
        signed(&world, &body, "true").header(DRY, "true"),
        Call::new("vm", "CreateInstances").body(&body).bearer(TOKEN).header(DRY, "true"),
    ] {
        let answer = world.send(&call);
        assert_eq!(
            (answer.status, answer.code()),
            (403, "OPERATION_DENIED_DRY_RUN".to_owned()),
            "{answer:?}"
        );
        assert_eq!(answer.header("x-zengate-dry-run"), Some("true"));
        let told = &answer.json()["dryRun"];
        assert_eq!(told["verdict"], "allowed");
        assert_eq!(told["request"]["password"], json!({"set": true, "length": 12}));
        assert!(told["request"]["resourceGroupId"].is_string(), "what rules fill in is in it: {told}");
        assert_eq!(told["claims"][0]["amount"], 2, "{told}");
        let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
        assert_eq!((&record["dry_run"], &record["outcome"]), (&json!(true), &json!("dry_run")));
        assert_eq!(record["upstream"], Value::Null);
    }
    nothing_happened(&world);
    assert_eq!(counted(&world), (0, 0, 0), "nothing is held");

    // The order itself passes afterwards, and then there is no room for it a second time.
    assert_eq!(world.send(&Call::new("vm", "CreateInstances").body(&body)).status, 200);
    let over = world.send(&signed(&world, &body, "true").header(DRY, "true"));
    assert_eq!(over.code(), "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED");
    assert_eq!(over.header("x-zengate-dry-run"), Some("true"));
    assert_eq!(world.emulator.creates(), 1);
}

#[test]
fn what_rules_refuse_is_refused_in_a_dry_run_as_well() {
    let world = World::new();
    let body = EXAMPLE.replace("SEL-A", "FRA-A");
    let answer = world.send(&signed(&world, &body, "true").header(DRY, "true"));
    assert_eq!(answer.code(), "OPERATION_DENIED_POLICY_VIOLATION");
    assert_eq!(answer.header("x-zengate-dry-run"), Some("true"));
    nothing_happened(&world);
}

#[test]
fn what_is_meant_as_a_dry_run_and_is_none_is_refused_and_never_carried_out() {
    let world = World::new();
    let refused = |answer: Answer, told: &str| {
        assert!((400..500).contains(&answer.status) && answer.status != 429, "{answer:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains(told), "{answer:?}");
    };
    // Not covered by the signature: somebody on the way could take it off as well.
    refused(world.send(&Call::example().header(DRY, "true")), "SignedHeaders");
    // Signed, and lost on its way.
    refused(world.send(&signed(&world, EXAMPLE, "true")), "SignedHeaders");
    // Another value than was signed, another value than there is, twice.
    let answer = world.send(&signed(&world, EXAMPLE, "true").header(DRY, "false"));
    assert_eq!(answer.status, 401, "{answer:?}");
    for value in ["false", "1", "TRUE", "yes", ""] {
        let answer = world.send(&Call::example().bearer(TOKEN).header(DRY, value));
        assert_eq!(answer.status, 400, "{value:?}: {answer:?}");
    }
    let twice = Call::example().bearer(TOKEN).header(DRY, "true").header(DRY, "true");
    assert_eq!(world.send(&twice).status, 400);
    nothing_happened(&world);
}

#[test]
fn a_team_is_told_what_holds_for_it_and_nothing_of_others() {
    let more = "teams:\n  payments: {settings: {count: {maximum: 4}}}\n  other: {settings: {count: {maximum: 77}}}\n\
                exemptions:\n  - {rule: zones, team: payments, until: 2099-01-01, reason: mine, ticket: T-1, owner: me}\n  \
                - {rule: zones, team: other, until: 2099-01-01, reason: theirs, ticket: T-2, owner: they}\n";
    let organisation = organisation() + more;
    let config = "[quota.rate]\nper_minute = 30\nburst = 5\n".to_owned();
    let world = World::with(Setup { organisation, config, ..Setup::default() });
    let answer = world.send(&Call::new("zengate", "DescribePolicy"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json()["response"].clone();
    assert_eq!(told["settings"]["count"]["maximum"], 4);
    assert_eq!(told["rate"], json!({"per_minute": 30, "burst": 5}));
    assert_eq!(told["exemptions"].as_array().unwrap().len(), 1);
    let zones = told["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "zones").unwrap();
    assert_eq!(zones["mode"], "enforce");
    assert!(zones["exempted_until"].as_str().unwrap().starts_with("2099"));
    let text = told.to_string();
    assert!(!text.contains("theirs") && !text.contains("77"), "{text}");

    // The same by the command line, with the key that the SDK has.
    let my = |args: &[&str]| {
        let url = format!("http://{}", world.address());
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["my", "--url", &url, "--key", KEY])
            .args(args)
            .env("ZENGATE_SECRET", SECRET)
            .env_remove("ZENGATE_TOKEN")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
    };
    let (code, said) = my(&["policy"]);
    assert!(code == 0 && said.contains("count.maximum = 4") && said.contains("zones"), "{said}");
    let order = world.gateway.directory().join("order.json");
    std::fs::write(&order, EXAMPLE).unwrap();
    let (code, said) = my(&["try", order.to_str().unwrap()]);
    assert!(code == 0 && said.starts_with("ALLOWED vm CreateInstances"), "{said}");
    std::fs::write(&order, EXAMPLE.replace("\"SEL-A\"", "\"SEL-A\", \"instanceCount\": 9")).unwrap();
    let (code, said) = my(&["try", order.to_str().unwrap(), "--output", "json"]);
    assert!(code == 1 && said.contains("OPERATION_DENIED_POLICY_VIOLATION"), "{said}");
    let (code, said) = my(&["quota"]);
    assert!(code == 0 && said.starts_with("SCOPE"), "{said}");
    assert!(world.emulator.requests().is_empty());
    assert_eq!(my(&["policy", "--url", "http://127.0.0.1:1"]).0, 1);
}
