//! A real run, scraped by a real Prometheus: every query of the dashboard and every rule is asked there, and answers.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use zengate::emulator::{Fault, On, Times};

use super::prometheus::Prometheus;
use super::{queries, rules};
use crate::path::quota::{limited, order, reconcile};
use crate::support::client::EXAMPLE;
use crate::support::tls::Authority;
use crate::support::world::{KEY, Setup, keys};
use crate::support::{Call, Gateway, World, eventually, world};

const OTHER: (&str, &str) = ("ZGother01", "gateway-secret-of-the-other");

/// Everything happens that a panel shows: refusals, warnings, exemptions, faults, a candidate, a refused reload.
fn busy() -> World {
    let mut setup = limited(20);
    let other = format!(
        "\n[[key]]\nid = \"{}\"\nsecrets = [{{ file = \"other.secret\" }}]\nteam = \"other\"\naccount = \"main\"\n",
        OTHER.0
    );
    setup.keys = keys("expires = 2099-01-31") + &other;
    setup.organisation = format!(
        "rules:\n  count: {{modes: {{other: warn}}}}\n{}exemptions:\n\
         - {{rule: quota, team: other, until: 2099-01-01, reason: moving, ticket: OPS-1, owner: ann}}\n",
        setup.organisation
    );
    World::with(setup)
}

/// One round of traffic; `number` makes its orders new.
fn traffic(world: &World, number: u32) {
    let other = |call: Call| call.key(OTHER.0, OTHER.1);
    world.send(&Call::new("vm", "DescribeInstances"));
    world.send(&order(&format!("web-{number}"), 1));
    world.send(&Call::new("vm", "CreateInstances").body(EXAMPLE.replace("SEL-A", "FRA-A")));
    world.send(&other(order(&format!("other-{number}"), 11)));
    world.send(&Call::new("vm", "StopInstances").json(&json!({ "instanceIds": ["unknown"] })));
    world.send(&Call::example().key(KEY, "a wrong secret"));
    world.emulator.script(
        Fault::refuse(500, "INTERNAL_SERVER_ERROR"),
        On::action("vm", "DescribeInstances"),
        Times::Exactly(1),
    );
    world.send(&Call::new("vm", "DescribeInstances"));
    world.emulator.script(Fault::Cut { bytes: 20 }, On::create(), Times::Exactly(1));
    world.send(&order(&format!("cut-{number}"), 1));
}

fn filled_in(expression: &str) -> String {
    expression
        .replace("$__rate_interval", "30s")
        .replace("$__range", "10m")
        .replace("$job", "zengate")
        .replace("$instance", ".*")
        .replace("$team", ".*")
}

#[test]
#[ignore = "needs Prometheus (Debian package prometheus); .ci/run installs it"]
fn every_query_and_every_rule_is_answered_after_a_real_run() {
    let world = busy();
    // Another gateway of the job, whose listener has a certificate.
    let made = Authority::new().issue(&["127.0.0.1"]);
    let tls = "[listen.tls]\ncertificate = \"gateway.pem\"\nkey = { file = \"gateway.key\" }\n";
    let url = format!("http://{}", world.emulator.address());
    let files = world::directory(&url, &Setup::default().keys, &Setup::default().organisation, tls);
    crate::support::gateway::write(&files.path().join("gateway.pem"), &made.certificate);
    crate::support::gateway::write(&files.path().join("gateway.key"), &made.key);
    let second = Gateway::start(files);
    let prometheus = Prometheus::start(&[world.gateway.admin_address(), second.admin_address()]);
    eventually("both are scraped", || (prometheus.ask("up == 1").len() == 2).then_some(()));

    let next = world::organisation().replace("maximum: 10", "maximum: 1");
    world.gateway.write("next.yaml", &next);
    let staged = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["policy", "stage", "--data"])
        .arg(world.gateway.directory().join("next.yaml"))
        .args(["--admin", &format!("http://{}", world.gateway.admin_address())])
        .output()
        .unwrap();
    assert!(staged.status.success(), "{}", String::from_utf8_lossy(&staged.stderr));
    world.gateway.write("keys.toml", "no key file at all");

    let mut open: BTreeSet<(String, String)> = queries().into_iter().collect();
    let (mut number, started) = (0, Instant::now());
    eventually("every panel shows something", || {
        number += 1;
        traffic(&world, number);
        reconcile(&world);
        if number == 3 {
            let path = world.gateway.directory().join("organisation.yaml");
            let next = std::fs::read_to_string(path).unwrap().replace("maximum: 10", "maximum: 9");
            world.gateway.write("organisation.yaml", &next);
        }
        open.retain(|(_, expression)| prometheus.ask(&filled_in(expression)).is_empty());
        assert!(started.elapsed() < Duration::from_secs(50), "nothing is shown by {open:#?}");
        open.is_empty().then_some(())
    });

    let held = prometheus.rules();
    for rule in rules() {
        let own = held.iter().find(|held| held["name"] == rule.name.as_str());
        let own = own.unwrap_or_else(|| panic!("{} is not loaded", rule.name));
        eventually("each rule has been evaluated", || {
            let held = prometheus.rules();
            let own = held.iter().find(|held| held["name"] == rule.name.as_str())?;
            (own["health"] != "unknown").then_some(())
        });
        assert_ne!(own["health"], "err", "{}: {}", rule.name, own["lastError"]);
        let found = prometheus.ask(&rule.expression);
        if !rule.alerts {
            // A rule may have been evaluated only when there was nothing to record yet.
            let what = format!("{} records something", rule.name);
            eventually(&what, || (!prometheus.ask(&rule.name).is_empty()).then_some(()));
        } else if [
            "ZengateDown",
            "ZengateAbsent",
            "ZengateNotReady",
            "ZengatePanics",
            "ZengateLedgerConflict",
        ]
        .contains(&rule.name.as_str())
        {
            assert!(found.is_empty(), "{} fires in a run without harm: {found:?}", rule.name);
        }
    }
    eventually("the refused key file is on its way to an alert", || {
        let alert = prometheus.ask(r#"ALERTS{alertname="ZengateReloadRefused", what="keys"}"#);
        (!alert.is_empty()).then_some(())
    });
}
