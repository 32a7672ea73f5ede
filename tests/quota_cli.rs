//! `zengate quota` against a running gateway, and a team's own look at its quota.

use std::process::{Command, Output};

use serde_json::{Value, json};
use zengate::emulator::{Fault, On, Times, When};

use crate::path::quota::{counted, limited, order, post};
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, Setup, keys};
use crate::support::{Call, World};

fn quota(world: &World, arguments: &[&str]) -> Output {
    let admin = format!("http://{}", world.gateway.admin_address());
    Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["quota", "--admin", &admin])
        .args(arguments)
        .env("USER", "ada")
        .output()
        .unwrap()
}

/// What a run printed that went well.
fn said(run: &Output) -> String {
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout.clone()).unwrap()
}

fn json_of(run: &Output) -> Value {
    serde_json::from_str(&said(run)).unwrap()
}

#[test]
fn an_operator_lists_explains_and_compares() {
    let world = World::with(limited(5));
    let made = world.send(&order("a", 2));
    let decision = made.header("x-zengate-decision").unwrap().to_owned();
    let made = made.instance_ids();
    let list = said(&quota(&world, &["list"]));
    let row: Vec<&str> =
        list.lines().find(|line| line.starts_with("team/payments ")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["team/payments", "instances", "5", "2", "0", "0", "3", "-"]);
    assert!(list.ends_with("ledger up; reconciled not yet\n"), "{list}");
    assert!(!said(&quota(&world, &["list", "--team", "nobody"])).contains("team/payments"));
    let explained = said(&quota(&world, &["explain", "team/payments"]));
    assert!(explained.starts_with("instances of team/payments: limit 5, used 2, "), "{explained}");
    for part in made.iter().map(String::as_str).chain([decision.as_str(), "ZGpayments01", "used", "SEL-A"]) {
        assert!(explained.contains(part), "{part} is not in\n{explained}");
    }
    let explained = json_of(&quota(&world, &["explain", "team/payments", "--output", "json"]));
    let amounts = explained["units"].as_array().unwrap().iter().map(|unit| unit["amount"].as_u64().unwrap());
    assert_eq!(amounts.sum::<u64>(), explained["count"]["used"].as_u64().unwrap());

    assert!(said(&quota(&world, &["drift"])).contains("has not been listed yet"));
    let end = Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": made[0] }));
    assert_eq!(end.key(CLOUD_KEY, CLOUD_SECRET).send(world.emulator.address()).status, 200);
    let drift = said(&quota(&world, &["reconcile"]));
    assert!(drift.contains("missing") && drift.contains(&made[0]), "{drift}");
    assert_eq!(said(&quota(&world, &["drift"])), drift, "it stays to be read");
    let decision = json_of(&quota(&world, &["drift", "--output", "json"]))["drift"][0]["decision"].clone();
    assert!(decision.is_null() || decision.as_str().unwrap().starts_with('T'), "{decision}");
    assert_eq!(counted(&world), (1, 0, 0));
}

#[test]
fn an_operator_settles_what_the_gateway_cannot() {
    let world = World::with(limited(5));
    world.emulator.script(Fault::Reset { when: When::Before }, On::create(), Times::Exactly(1));
    let lost = world.send(&order("a", 1));
    assert_eq!(lost.status, 504);
    let decision = lost.header("x-zengate-decision").unwrap();
    let explained = said(&quota(&world, &["explain", "team/payments"]));
    assert!(explained.contains(decision) && explained.contains("unknown"), "{explained}");
    let neither = quota(&world, &["release", decision, "--reason", "x"]);
    assert_eq!(neither.status.code(), Some(2), "say what it was");
    let settled = quota(&world, &["release", decision, "--void", "--reason", "looked at the console"]);
    assert_eq!(said(&settled), format!("settled {decision}\n"));
    assert_eq!(counted(&world), (0, 0, 0));
    let again = quota(&world, &["release", decision, "--void", "--reason", "once more"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("409"));
    let line = world.gateway.logged("an unknown create was settled by hand");
    assert!(line.contains("ada") && line.contains("looked at the console"), "{line}");
}

#[test]
fn a_form_in_a_browser_settles_nothing() {
    let world = World::with(limited(5));
    let mut call = Call::new("", "").unsigned();
    call.content_type = "text/plain".into();
    let answer = call.target("/quota/release").body(r#"{"a":1}"#).send(world.gateway.admin_address());
    assert_eq!(answer.status, 415);
    assert_eq!(post(&world, "/quota/release", &json!({})).status, 400);
}

#[test]
fn no_gateway_no_answer_and_wrong_usage_is_said() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_zengate")).arg("quota").args(arguments).output().unwrap()
    };
    let nobody = run(&["list", "--admin", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("127.0.0.1:1"));
    assert_eq!(run(&["list", "--admin", "ftp://127.0.0.1:1"]).status.code(), Some(2));
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
    let world = World::with(Setup { config: "[quota]\nstore = \"none\"\n".to_owned(), ..Setup::default() });
    let uncounted = quota(&world, &["list"]);
    assert_eq!(uncounted.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&uncounted.stderr).contains("no quota store"));
}

/// The key of another team beside the usual one, which may call one action only.
fn two_teams() -> Setup {
    let other = "[[key]]\nid = \"ZGsearch0001\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"search\"\naccount = \"main\"\n";
    Setup { keys: keys("actions = [\"vm Create*\"]") + other, ..limited(5) }
}

fn own(action: &str, body: &Value) -> Call {
    Call::new("zengate", action).version("2026-11-01").json(body)
}

#[test]
fn a_team_sees_its_own_quota_and_no_other() {
    let world = World::with(two_teams());
    let made = world.send(&order("a", 2)).instance_ids();
    let mine = world.send(&own("DescribeQuotas", &json!({})));
    assert_eq!(mine.status, 200, "{:?}", mine.json());
    let mine = mine.json();
    assert!(mine["requestId"].is_string());
    assert_eq!(mine["response"]["team"], "payments");
    let counts = mine["response"]["counts"].as_array().unwrap();
    assert!(counts.iter().all(|count| count["scope"].as_str().unwrap().starts_with("team/payments")));
    let count = counts.iter().find(|count| count["scope"] == "team/payments").unwrap();
    assert_eq!((&count["used"], &count["limit"], &count["left"]), (&json!(2), &json!(5), &json!(3)));

    let explain = json!({"scope": "team/payments", "resource": "instances"});
    let explained = world.send(&own("DescribeQuotaUnits", &explain)).json();
    let units = explained["response"]["units"].as_array().unwrap();
    let ids: Vec<&str> = units.iter().map(|unit| unit["id"].as_str().unwrap()).collect();
    assert!(made.iter().all(|id| ids.contains(&id.as_str())), "{ids:?}");

    let other = |call: Call| world.send(&call.key("ZGsearch0001", "gateway-secret-of-the-other"));
    assert_eq!(other(own("DescribeQuotas", &json!({}))).json()["response"]["counts"], json!([]));
    let refused = other(own("DescribeQuotaUnits", &explain));
    refused.assert_refused(400, "INVALID_PARAMETER_VALUE");
    assert!(refused.message().contains("scope"), "{}", refused.message());
    let odd = json!({"scope": "team/payments", "resource": "money"});
    world.send(&own("DescribeQuotaUnits", &odd)).assert_refused(400, "INVALID_PARAMETER_VALUE");
    world
        .send(&own("DescribeQuotas", &json!({})).unsigned())
        .assert_refused(401, "AUTHFAILURE_INVALID_AUTHORIZATION");
    assert_eq!(world.emulator.requests().len(), 1, "the cloud hears of none of it");
}
