//! Rules and requests that are made to hurt the one who judges: 24 pairs of both. Each is refused before the rules come into force, or
//! stopped with a reason, or costs no more than any other; honest creates are judged meanwhile as if nothing were.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use zengate::policy::{Overlays, PolicySet, Source};

use crate::support::client::EXAMPLE;
use crate::support::world::Setup;
use crate::support::{Call, World, stock_policies_in};

/// Rules that no trial has to show to be bad: the check before it names the line.
const REFUSED: &[(&str, &str, &str)] = &[
    ("recursion", "deny contains f(1)\n\nf(x) := f(x + 1)", "recursion is not allowed"),
    ("recursion through data", "deny contains 1 if data.zengate.rules[input.action.name]", "recursion"),
    (
        "a range as long as the count",
        "deny contains n if some n in numbers.range(1, input.create.count)",
        "must be written out",
    ),
    (
        "a range of all numbers",
        "deny contains n if some n in numbers.range(1, 1000000000000000)",
        "too large",
    ),
    (
        "steps of a range",
        "deny contains n if some n in numbers.range_step(1, 9, input.create.count)",
        "must be written out",
    ),
    (
        "a shift by the count",
        "deny contains n if n := bits.lsh(1, input.create.count)",
        "must be written out",
    ),
    ("a width without end", "deny contains sprintf(\"%99999999999d\", [1])", "too large"),
    ("a format of the caller", "deny contains sprintf(input.create.name, [])", "must be written out"),
    ("a unit of the caller", "deny contains 1 if units.parse(input.create.name) > 1", "must be written out"),
    (
        "a joint of the caller",
        "deny contains concat(input.create.name, [\"a\", \"b\"])",
        "must be written out",
    ),
    (
        "a replacement of the caller",
        "deny contains replace(\"aaaa\", \"a\", input.create.name)",
        "must be written out",
    ),
    (
        "all addresses of a net",
        "deny contains n if some n in net.cidr_expand(input.create.name)",
        "may not be called",
    ),
    (
        "all paths of a graph",
        "deny contains n if some n in graph.reachable_paths({}, [])",
        "may not be called",
    ),
    (
        "a call into the world",
        "deny contains 1 if http.send({\"url\": input.create.name})",
        "may not be called",
    ),
];

/// One rule for all that is met while requests are judged; the name of the machine chooses.
const HOSTILE: &str = r#"package zengate.rules.hostile

name := input.request.instanceName

texts := [tag.value | some tag in input.request.tags.tags]

wide := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]

violation := {"rule": "hostile", "message": "m", "field": "", "remedy": "r"}

deny contains violation if {
	name == "product-of-all-tags"
	count([1 | some a in texts; some b in texts; some c in texts; some d in texts; some e in texts; a == concat("", [b, c, d, e])]) > 0
}

deny contains violation if {
	name == "product-of-constants"
	count([1 | some a in wide; some b in wide; some c in wide; some d in wide; some e in wide; some f in wide; a + b + c + d + e + f == 0]) > 0
}

deny contains violation if {
	name == "doubled-text"
	a := sprintf("%s%s%s%s%s%s%s%s", [name, name, name, name, name, name, name, name])
	b := sprintf("%s%s%s%s%s%s%s%s", [a, a, a, a, a, a, a, a])
	c := sprintf("%s%s%s%s%s%s%s%s", [b, b, b, b, b, b, b, b])
	d := sprintf("%s%s%s%s%s%s%s%s", [c, c, c, c, c, c, c, c])
	e := sprintf("%s%s%s%s%s%s%s%s", [d, d, d, d, d, d, d, d])
	f := sprintf("%s%s%s%s%s%s%s%s", [e, e, e, e, e, e, e, e])
	g := sprintf("%s%s%s%s%s%s%s%s", [f, f, f, f, f, f, f, f])
	h := sprintf("%s%s%s%s%s%s%s%s", [g, g, g, g, g, g, g, g])
	count(h) == 0
}

deny contains violation if {
	name == "doubled-list"
	a := array.concat(wide, wide)
	b := array.concat(a, a)
	c := array.concat(b, b)
	d := array.concat(c, c)
	e := array.concat(d, d)
	f := array.concat(e, e)
	g := array.concat(f, f)
	h := array.concat(g, g)
	count([1 | some x in h; some y in h; x + y == 0]) > 0
}

deny contains violation if {
	name == "a-pattern-that-backtracks"
	some text in texts
	regex.match(`^(a+)+$`, text)
}

deny contains violation if {
	name == "everything-in-text"
	count([1 | some text in texts; contains(json.marshal(input), sprintf("%s!", [text]))]) > 0
}

deny contains violation if {
	name == "every-place"
	count([path | some text in texts; walk(input.request, [path, value]); value == sprintf("%s!", [text])]) > 0
}

deny contains violation if {
	name == "every-letter"
	count([1 | some text in texts; some letter in split(text, ""); letter == "!"]) > 0
}

deny contains violation if {
	name == "much-print"
	some text in texts
	some n in wide
	print(n, text)
	n == 0
}

deny contains violation if {
	name == "many-findings"
	count([1 | some text in texts; indexof_n(text, "a")[_] < 0]) > 0
}
"#;

/// How the requests of [`HOSTILE`] end: what the caller is told, or nothing but a pass.
const MET: &[(&str, Option<&str>)] = &[
    ("product-of-all-tags", Some("(time_limit)")),
    ("product-of-constants", Some("(time_limit)")),
    ("doubled-text", None),
    ("doubled-list", Some("(time_limit)")),
    ("a-pattern-that-backtracks", None),
    ("everything-in-text", None),
    ("every-place", None),
    ("every-letter", None),
    ("much-print", None),
    ("many-findings", None),
];

/// A create whose tags give the rules much to do.
fn heavy(name: &str) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    let tags: Vec<Value> = (0..20)
        .map(|number| json!({"key": format!("k{number}"), "value": format!("{}{number}", "a".repeat(60))}))
        .collect();
    body["instanceName"] = name.into();
    body["tags"] = json!({"tags": tags});
    Call::new("vm", "CreateInstances").version("2026-04-01").json(&body)
}

fn honest(number: usize) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body["instanceName"] = format!("honest-{number}").into();
    Call::new("vm", "CreateInstances").json(&body)
}

#[test]
fn rules_that_cannot_be_bounded_do_not_come_into_force() {
    for (name, body, why) in REFUSED {
        let text = format!("package zengate.rules.x\n\nimport rego.v1\n\n{body}\n");
        let source = Source::Files([("rules/x.rego".to_owned(), text)].into());
        let error = match PolicySet::load(&source, &Overlays::default()) {
            Ok(_) => panic!("{name} is taken"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(why) && error.contains("rules/x.rego:"), "{name}: {error}");
    }
    assert!(REFUSED.len() + MET.len() >= 24);
}

#[test]
fn what_is_met_at_work_is_stopped_and_honest_creates_pass_meanwhile() {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    std::fs::write(policies.path().join("rules/hostile.rego"), HOSTILE).unwrap();
    let config = format!(
        "[policy]\ndirectory = \"{}\"\ndata = [\"organisation.yaml\"]\nthreads = 4\ntime_limit = \"2s\"\n\
         deadline = \"60s\"\n",
        policies.path().display()
    );
    let mut setup = Setup { config, ..Setup::default() };
    setup.emulator.instance_quota = u32::MAX;
    let world = World::with(setup);
    let (done, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let before = world.gateway.resident();
    let ends: Vec<(&str, u16, String)> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                world.send(&honest(number)).instance_ids();
                number += 1;
                passed.store(number, Ordering::Relaxed);
            }
        });
        let ends = MET.iter().map(|(name, _)| {
            let answer = world.send(&heavy(name));
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            (*name, answer.status, message)
        });
        let ends = ends.collect();
        done.store(true, Ordering::Relaxed);
        ends
    });
    for ((name, status, message), (_, wanted)) in ends.iter().zip(MET) {
        match wanted {
            None => assert_eq!(*status, 200, "{name}: {message}"),
            Some(reason) => {
                assert!(*status == 403 && message.contains(reason), "{name}: {status} {message}");
            }
        }
    }
    assert!(passed.load(Ordering::Relaxed) > 0);
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
    assert_eq!(world.gateway.metric("zengate_policy_panics_total"), 0.0);
    let grown = world.gateway.resident().saturating_sub(before);
    assert!(grown <= 512, "{grown} MiB more than before");
}
