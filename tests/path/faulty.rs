//! Rules that fail while they judge: always a refusal with its own reason, never a pass, and nothing is sent.

use serde_json::Value;

use crate::support::client::EXAMPLE;
use crate::support::world::Setup;
use crate::support::{Call, World, stock_policies_in};

/// Fails in a way that the name of the machine chooses, so that it passes every trial at load.
const FAULTY: &str = r#"package zengate.rules.faulty

deny contains violation({}) if {
	input.create.name == "divide"
	1 / (count(input.create.name) - 6) > 0
}

deny contains violation({}) if twice == 3

twice := 1 if input.create.name == "conflict"

twice := 2 if input.create.name == "conflict"

deny contains violation({}) if {
	input.create.name == "loop"
	numbers := numbers.range(1, 1000)
	count([1 | some a in numbers; some b in numbers; some c in numbers; a + b + c == 0]) > 0
}

deny contains violation({"surprise": 1}) if input.create.name == "member"

patches contains {"rule": "faulty", "op": "force", "path": "/instanceType", "value": "c.8c16g"} if {
	input.create.name == "patch"
}

violation(more) := object.union(
	{"rule": "faulty", "message": "m", "field": "/instanceName", "remedy": "r"},
	more,
)
"#;

#[test]
fn five_ways_to_fail_are_five_reasons_to_refuse() {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    std::fs::write(policies.path().join("rules/faulty.rego"), FAULTY).unwrap();
    let config =
        format!("[policy]\ndirectory = \"{}\"\ndata = [\"organisation.yaml\"]\n", policies.path().display());
    let world = World::with(Setup { config, ..Setup::default() });
    let named = |name: &str| {
        let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
        body["instanceName"] = name.into();
        world.send(&Call::new("vm", "CreateInstances").json(&body))
    };
    for (name, reason) in [
        ("divide", "error"),
        ("conflict", "conflict"),
        ("loop", "time_limit"),
        ("member", "bad_answer"),
        ("patch", "ungranted_patch"),
    ] {
        let answer = named(name);
        answer.assert_refused(403, "OPERATION_DENIED_POLICY_ERROR");
        assert!(answer.message().contains(&format!("({reason}")), "{name}: {}", answer.message());
        // A limit strikes all rules that are asked together; the engine does not say in which one it was.
        let named = answer.message().contains("in rule `faulty`");
        assert!(named || reason == "time_limit", "{name} names the rule: {}", answer.message());
    }
    assert_eq!(world.emulator.requests().len(), 0);
    assert_eq!(named("fine").status, 200, "and other requests pass");
}
