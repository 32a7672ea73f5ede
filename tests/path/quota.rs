//! Quota at the front door: real sockets, the built gateway, the ledger in its file, the emulator as the cloud.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use zengate::emulator::{Fault, On, Times, When};

use crate::support::client::EXAMPLE;
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, Setup, organisation};
use crate::support::{Answer, Call, World, eventually};

/// At most `limit` machines for each team.
pub(crate) fn limited(limit: u32) -> Setup {
    let quota =
        format!("  quota:\n    limits:\n      all: {{resource: instances, per: [team], limit: {limit}}}\n");
    let mut setup = Setup { organisation: organisation() + &quota, ..Setup::default() };
    // Machines run at once, so that they can be terminated.
    setup.emulator.deploy_after = Duration::ZERO;
    setup.emulator.run_after = Duration::ZERO;
    setup.emulator.instance_quota = 1_000;
    setup
}

/// The vendor's example for `count` machines, as an order of its own.
pub(crate) fn order(name: &str, count: u32) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceCount"] = count.into();
    body["instanceName"] = name.into();
    Call::new("vm", "CreateInstances").json(&body)
}

pub(crate) fn page(world: &World, path: &str) -> Value {
    world.gateway.admin_page(path).json()
}

pub(crate) fn post(world: &World, path: &str, body: &Value) -> Answer {
    let mut call = Call::new("", "").unsigned();
    call.method = "POST".into();
    call.target(path).json(body).send(world.gateway.admin_address())
}

/// What is counted of the team's machines: used, in flight, unknown.
pub(crate) fn counted(world: &World) -> (u64, u64, u64) {
    let counts = page(world, "/quota");
    let counts = counts["counts"].as_array().unwrap();
    let own =
        counts.iter().find(|count| count["scope"] == "team/payments" && count["resource"] == "instances");
    own.map_or((0, 0, 0), |own| {
        let number = |name: &str| own[name].as_u64().unwrap();
        (number("used"), number("in_flight"), number("unknown"))
    })
}

pub(crate) fn reconcile(world: &World) -> Value {
    let answer = post(world, "/quota/reconcile", &json!({}));
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    answer.json()
}

#[test]
fn a_limit_refuses_with_its_figures_and_nothing_is_sent() {
    let world = World::with(limited(3));
    assert_eq!(world.send(&order("a", 2)).instance_ids().len(), 2);
    let refused = world.send(&order("b", 2));
    assert_eq!((refused.status, refused.code().as_str()), (403, "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED"));
    let message = refused.message();
    assert!(message.contains("instances of team/payments: 2 used, 0 held, 2 asked, limit 3"), "{message}");
    let violation = &refused.json()["violations"][0];
    assert_eq!(
        [&violation["used"], &violation["held"], &violation["asked"], &violation["limit"]]
            .map(|n| n.as_u64()),
        [Some(2), Some(0), Some(2), Some(3)]
    );
    assert_eq!(world.emulator.requests().len(), 1);
    assert_eq!(world.send(&order("c", 1)).instance_ids().len(), 1, "what fits passes");
    assert_eq!(counted(&world), (3, 0, 0));
    let own = r#"zengate_quota_used{resource="instances",scope="team/payments"}"#;
    assert_eq!(world.gateway.metric(own), 3.0);
    assert_eq!(world.gateway.metric(&own.replace("used", "limit")), 3.0);
    let crossed =
        r#"zengate_quota_thresholds_crossed_total{percent="100",resource="instances",scope="team/payments"}"#;
    assert_eq!(world.gateway.metric(crossed), 1.0);
}

#[test]
fn two_thousand_at_once_never_exceed_and_nearly_fill_the_limit() {
    let world = World::with(Setup {
        organisation: organisation().replace("maximum: 10", "maximum: 100")
            + "  quota:\n    limits:\n      all: {resource: instances, per: [team], limit: 100}\n",
        config: "[limits]\nin_flight = 4000\nconnections = 4000\n[policy]\ndata = [\"organisation.yaml\"]\nqueue = 4000\n\
                 time_limit = \"60s\"\ndeadline = \"120s\"\n"
            .into(),
        ..limited(100)
    });
    let (workers, each) = (16, 125);
    let gate = Barrier::new(workers);
    let made: Vec<(u32, u16)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let (world, gate) = (&world, &gate);
                scope.spawn(move || {
                    gate.wait();
                    let ask = |number: usize| {
                        let count = 1 + u32::try_from((worker * 7 + number * 3) % 5).unwrap();
                        let answer = world.send(&order(&format!("w{worker}-{number}"), count));
                        (count, answer.status)
                    };
                    (0..each).map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 2_000);
    assert!(made.iter().all(|(_, status)| [200, 403].contains(status)), "{made:?}");
    let forwarded: u32 = made.iter().filter(|(_, status)| *status == 200).map(|(count, _)| count).sum();
    assert!((96..=100).contains(&forwarded), "{forwarded} machines");
    assert_eq!(world.emulator.instance_count(), usize::try_from(forwarded).unwrap());
    assert_eq!(counted(&world), (u64::from(forwarded), 0, 0));
    let drift = reconcile(&world);
    assert_eq!(drift["drift"], json!([]), "ledger and cloud agree");
}

#[test]
fn what_the_cloud_refuses_is_given_back_and_what_nobody_knows_is_not() {
    let world = World::with(limited(4));
    world.emulator.script(Fault::refuse(400, "INVALID_PARAMETER_VALUE"), On::create(), Times::Exactly(1));
    assert_eq!(world.send(&order("refused", 3)).status, 400);
    assert_eq!(counted(&world), (0, 0, 0));

    world.emulator.script(Fault::Reset { when: When::After }, On::create(), Times::Exactly(1));
    assert_eq!(world.send(&order("lost", 3)).status, 504);
    assert_eq!(counted(&world), (0, 0, 3));
    let refused = world.send(&order("more", 2));
    assert!(refused.message().contains("0 used, 3 held, 2 asked, limit 4"), "{}", refused.message());
    let equal = world.send(&order("lost", 3));
    assert_eq!((equal.status, equal.code().as_str()), (403, "OPERATION_DENIED_OUTCOME_UNKNOWN"));

    // It ran: the listing shows exactly as many machines like it as were asked for.
    reconcile(&world);
    eventually("the lost create is settled", || {
        reconcile(&world);
        (counted(&world) == (3, 0, 0)).then_some(())
    });
    assert_eq!(world.emulator.instance_count(), 3);
    let explained = page(&world, "/quota/explain?scope=team/payments&resource=instances");
    assert_eq!(explained["units"].as_array().unwrap().len(), 3);
    assert!(explained["units"][0]["decision"].as_str().unwrap().starts_with('T'));
    assert_eq!(explained["units"][0]["key"], "ZGpayments01");
}

#[test]
fn a_create_that_never_ran_is_void_after_enough_listings() {
    let world = World::with(limited(4));
    world.emulator.script(Fault::Reset { when: When::Before }, On::create(), Times::Exactly(1));
    assert_eq!(world.send(&order("lost", 3)).status, 504);
    assert_eq!(counted(&world), (0, 0, 3));
    eventually("the create is void", || {
        reconcile(&world);
        (counted(&world) == (0, 0, 0)).then_some(())
    });
}

#[test]
fn fewer_than_asked_are_settled_by_one_listing() {
    let world = World::with(limited(9));
    world.emulator.script(Fault::FewerIds { missing: 2 }, On::create(), Times::Exactly(1));
    let answer = world.send(&order("some", 5));
    assert_eq!(answer.instance_ids().len(), 3);
    assert_eq!(counted(&world), (3, 0, 2));
    reconcile(&world);
    let (used, in_flight, unknown) = counted(&world);
    assert_eq!((in_flight, unknown), (0, 0));
    assert_eq!(usize::try_from(used).unwrap(), world.emulator.instance_count());
}

#[test]
fn machines_that_fail_to_be_made_or_vanish_give_their_quota_back() {
    for fault in [Fault::CreateFails, Fault::Vanishes] {
        let world = World::with(limited(3));
        world.emulator.script(fault, On::create(), Times::Exactly(1));
        assert_eq!(world.send(&order("a", 3)).instance_ids().len(), 3);
        assert_eq!(counted(&world).0, 3);
        eventually("they do not count", || {
            reconcile(&world);
            (counted(&world) == (0, 0, 0)).then_some(())
        });
        assert_eq!(world.send(&order("b", 3)).instance_ids().len(), 3);
    }
}

#[test]
fn released_machines_give_their_quota_back_at_once() {
    let world = World::with(limited(3));
    let ids = world.send(&order("a", 3)).instance_ids();
    assert_eq!(counted(&world), (3, 0, 0));
    assert_eq!(world.send(&order("b", 1)).status, 403);
    for id in &ids {
        let end = Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": id }));
        assert_eq!(world.send(&end).status, 200);
    }
    assert_eq!(counted(&world), (0, 0, 0));
    reconcile(&world);
    assert_eq!(counted(&world), (0, 0, 0), "machines in the recycle bin do not count again");
    assert_eq!(world.send(&order("b", 3)).instance_ids().len(), 3);
}

#[test]
fn what_happens_around_the_gateway_is_found_explained_and_repaired() {
    let world = World::with(limited(9));
    let ids = world.send(&order("a", 3)).instance_ids();
    let cloud = |call: Call| call.key(CLOUD_KEY, CLOUD_SECRET).send(world.emulator.address());
    for id in &ids[..2] {
        let end = Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": id }));
        assert_eq!(cloud(end).status, 200);
    }
    assert_eq!(cloud(order("outside", 3)).status, 200);
    let report = reconcile(&world);
    let drift = report["drift"].as_array().unwrap();
    let of =
        |kind: &str| drift.iter().filter(|drift| drift["kind"] == kind && drift["repaired"] == true).count();
    assert_eq!((of("missing"), of("extra")), (2, 3), "{report}");
    let everything = page(&world, "/quota/explain?scope=organisation");
    assert_eq!(everything["units"].as_array().unwrap().len(), 4, "{everything}");
    assert_eq!(page(&world, "/quota/drift")["drift"].as_array().unwrap().len(), 5);
    let extra = r#"zengate_quota_drift{account="main",kind="extra",service="vm",state="repaired"}"#;
    assert_eq!(world.gateway.metric(extra), 3.0);
    assert_eq!(reconcile(&world)["drift"], json!([]));
}

#[test]
fn a_listing_that_fails_lowers_nothing_and_is_told() {
    let world = World::with(limited(9));
    let ids = world.send(&order("a", 2)).instance_ids();
    let end = Call::new("vm", "TerminateInstance").json(&json!({ "instanceId": ids[0] }));
    assert_eq!(end.key(CLOUD_KEY, CLOUD_SECRET).send(world.emulator.address()).status, 200);
    world.emulator.script(
        Fault::refuse(500, "INTERNAL_SERVER_ERROR"),
        On::action("vm", "DescribeInstances"),
        Times::Forever,
    );
    let report = reconcile(&world);
    assert!(report["listings"][0]["stale"].is_string(), "{report}");
    assert_eq!(counted(&world), (2, 0, 0));
    world.emulator.clear_faults();
    reconcile(&world);
    assert_eq!(counted(&world), (1, 0, 0));
}

#[test]
fn a_person_settles_what_nobody_can_know_and_it_is_logged() {
    let world = World::with(limited(9));
    world.emulator.script(Fault::Reset { when: When::Before }, On::create(), Times::Exactly(1));
    let lost = world.send(&order("lost", 2));
    let decision = lost.header("x-zengate-decision").unwrap().to_owned();
    let wrong = post(&world, "/quota/release", &json!({"decision": decision, "outcome": "void"}));
    assert_eq!(wrong.status, 400);
    let word = json!({"decision": decision, "outcome": "void", "operator": "ann", "reason": "the console shows nothing"});
    assert_eq!(post(&world, "/quota/release", &word).status, 200);
    assert_eq!(counted(&world), (0, 0, 0));
    assert_eq!(post(&world, "/quota/release", &word).status, 409, "it is settled");
    world.gateway.logged("settled by hand");
}

#[test]
fn a_shadow_limit_counts_and_tells_and_lets_pass() {
    let quota =
        "  quota:\n    limits:\n      soft: {resource: instances, per: [team], limit: 1, mode: warn}\n";
    let world = World::with(Setup { organisation: organisation() + quota, ..Setup::default() });
    let answer = world.send(&order("a", 2));
    assert_eq!(answer.instance_ids().len(), 2);
    let warnings = answer.headers("x-zengate-warning").join("\n");
    assert!(warnings.contains("instances of team/payments: 0 used, 0 held, 2 asked, limit 1"), "{warnings}");
    assert_eq!(counted(&world), (2, 0, 0));
    assert_eq!(world.gateway.metric(r#"zengate_quota_over_limit_total{effect="warned",rule="quota"}"#), 1.0);
}

#[test]
fn a_new_limit_binds_for_what_is_there_already() {
    let world = World::with(limited(9));
    assert_eq!(world.send(&order("a", 3)).instance_ids().len(), 3);
    let by_zone = organisation()
        + "  quota:\n    limits:\n      seoul: {resource: instances, zones: [SEL-A], limit: 4}\n";
    let before = page(&world, "/status")["policy"]["revision"].clone();
    world.gateway.write("organisation.yaml", &by_zone);
    eventually("the new limit is in force", || {
        (page(&world, "/status")["policy"]["revision"] != before).then_some(())
    });
    let refused = world.send(&order("b", 2));
    assert!(
        refused.message().contains("instances of zone/SEL-A: 3 used, 0 held, 2 asked, limit 4"),
        "{}",
        refused.message()
    );
}

#[test]
fn a_correlation_tag_settles_a_lost_create_among_its_likes() {
    let mut setup = limited(20);
    setup.config = "[quota]\ncorrelation_tag = [\"payments\"]\n".to_owned();
    let world = World::with(setup);
    let tagged = world.send(&order("same", 1));
    let tags = world.emulator.requests()[0].body.clone();
    let sent: Value = serde_json::from_slice(&tags).unwrap();
    let decision = tagged.header("x-zengate-decision").unwrap();
    assert_eq!(sent["tags"]["tags"], json!([{ "key": "zengate-decision", "value": decision }]));
    // Two that look the same are lost; one of them ran. Looks could not tell which.
    for when in [When::Before, When::After] {
        world.emulator.script(Fault::Reset { when }, On::create(), Times::Exactly(1));
        let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
        body["instanceName"] = "same".into();
        // Another order to the gateway, though the machine looks the same.
        body["systemDisk"] = json!({ "diskSize": if when == When::Before { 50 } else { 60 } });
        assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&body)).status, 504);
    }
    assert_eq!(counted(&world), (1, 0, 2));
    eventually("both are settled", || {
        reconcile(&world);
        (counted(&world) == (2, 0, 0)).then_some(())
    });
    assert_eq!(world.emulator.instance_count(), 2);
}
