//! Rules that fail while they judge, each in its own way.

use super::{Reads, calls, cells, failed};
use crate::support::world::Setup;
use crate::support::{World, stock_policies_in};

/// Fails as the name of the machine says; the engine's interpreter answers for it.
const FAULTY: &str = r#"package zengate.rules.faulty

name := input.request.instanceName

name := input.request.instanceId

deny contains violation({}) if {
	name == "divide"
	1 / (count(name) - 6) > 0
}

deny contains violation({}) if twice == 3

twice := 1 if name == "conflict"

twice := 2 if name == "conflict"

deny contains violation({}) if {
	name == "loop"
	numbers := numbers.range(1, 1000)
	count([1 | some a in numbers; some b in numbers; some c in numbers; a + b + c == 0]) > 0
}

deny contains violation({"surprise": 1}) if name == "member"

deny contains 7 if name == "number"

deny contains violation({"message": 5}) if name == "message"

deny contains violation({"rule": "zones"}) if name == "other-rule"

deny contains violation({}) if {
	name == "convert"
	to_number(name) > 0
}

deny contains violation({}) if {
	name == "parse"
	time.parse_rfc3339_ns(name) > 0
}

warn contains violation({"field": 1}) if name == "warning"

violation(more) := object.union(
	{"rule": "faulty", "message": "m", "field": "/instanceName", "remedy": "r"},
	more,
)
"#;

/// Works much, and needs much; the plan answers for it, which counts steps and bytes.
const BUSY: &str = r#"package zengate.rules.busy

name := input.request.instanceName

name := input.request.instanceId

wide := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]

deny contains violation if {
	name == "steps"
	some a in wide
	some b in wide
	some c in wide
	some d in wide
	some e in wide
	a + b + c + d + e == 0
	violation := {"rule": "busy", "message": "m", "field": "", "remedy": "r"}
}

deny contains violation if {
	name == "memory"
	a := sprintf("%s%s%s%s%s%s%s%s", [name, name, name, name, name, name, name, name])
	b := sprintf("%s%s%s%s%s%s%s%s", [a, a, a, a, a, a, a, a])
	c := sprintf("%s%s%s%s%s%s%s%s", [b, b, b, b, b, b, b, b])
	d := sprintf("%s%s%s%s%s%s%s%s", [c, c, c, c, c, c, c, c])
	e := sprintf("%s%s%s%s%s%s%s%s", [d, d, d, d, d, d, d, d])
	f := sprintf("%s%s%s%s%s%s%s%s", [e, e, e, e, e, e, e, e])
	g := sprintf("%s%s%s%s%s%s%s%s", [f, f, f, f, f, f, f, f])
	h := sprintf("%s%s%s%s%s%s%s%s", [g, g, g, g, g, g, g, g])
	count(h) == 0
	violation := {"rule": "busy", "message": "m", "field": "", "remedy": "r"}
}
"#;

pub(super) fn by_rules() {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    std::fs::write(policies.path().join("rules/faulty.rego"), FAULTY).unwrap();
    std::fs::write(policies.path().join("rules/busy.rego"), BUSY).unwrap();
    let config = format!(
        "[policy]\ndirectory = \"{}\"\ndata = [\"organisation.yaml\"]\ninstruction_limit = 100000\ntime_limit = \"2s\"\ndeadline = \"4s\"\n",
        policies.path().display()
    );
    let world = World::with(Setup { config, ..Setup::default() });
    for (name, reason) in [
        ("divide", "(error in rule `faulty`)"),
        ("conflict", "(conflict in rule `faulty`)"),
        ("loop", "(time_limit"),
        ("member", "(bad_answer in rule `faulty`)"),
        ("number", "(bad_answer"),
        ("message", "(bad_answer in rule `faulty`)"),
        ("other-rule", "(bad_answer in rule `faulty`)"),
        ("convert", "(error in rule `faulty`)"),
        ("parse", "(error"),
        ("warning", "(bad_answer in rule `faulty`)"),
        ("steps", "(instruction_limit"),
        ("memory", "(error"),
    ] {
        cells(&world, name, failed(reason), Reads::Pass, |call| call);
    }
    assert_eq!(world.send(&calls("fine")[0]).status, 200, "and other requests pass");
}
