//! A plan answers what the interpreter answers, or nothing.

use bumpalo::Bump;
use serde_json::{Value, json};

use super::builtins::Regexes;
use super::input::Source;
use super::run::{Given, Room, Run};
use super::value::{Arena, V, to_plain};
use super::*;
use crate::policy::evaluate::Allowance;

mod random;

const ALLOWANCE: Allowance = Allowance { time: std::time::Duration::from_secs(60), instructions: 1_000_000 };

/// What a rule `r` comes to.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Value(Value),
    Undefined,
    /// Of the interpreter: an error. Of the plan: ask the interpreter.
    Failed(String),
}

/// As JSON; objects with other keys than names as pairs.
fn our_words(value: V<'_>) -> Value {
    match (to_plain(value), value) {
        (Some(plain), _) => plain,
        (None, V::Array(items) | V::Set(items)) => items.iter().map(|item| our_words(*item)).collect(),
        (None, V::Object(members)) => {
            members.iter().map(|(key, value)| json!([our_words(*key), our_words(*value)])).collect()
        }
        (None, other) => json!(format!("{other:?}")),
    }
}

fn their_words(value: &regorus::Value) -> Value {
    use regorus::Value as Their;
    match (crate::policy::value::to_plain(value), value) {
        (Some(plain), _) => plain,
        (None, Their::Array(items)) => items.iter().map(their_words).collect(),
        (None, Their::Set(items)) => items.iter_sorted().map(their_words).collect(),
        (None, Their::Object(members)) => {
            members.iter_sorted().map(|(key, value)| json!([their_words(key), their_words(value)])).collect()
        }
        (None, other) => json!(format!("{other:?}")),
    }
}

fn module(body: &str) -> String {
    format!("package t\n\nimport rego.v1\n\n{body}\n")
}

fn interpreted(text: &str, data: &Value, input: &Value) -> Found {
    let mut engine = regorus::Engine::new();
    engine.add_policy("t.rego".into(), text.to_owned()).unwrap();
    engine.add_data(crate::policy::value::from_plain(data)).unwrap();
    engine.set_input(crate::policy::value::from_plain(input));
    match engine.eval_rule("data.t.r".into()) {
        Ok(regorus::Value::Undefined) => Found::Undefined,
        Ok(value) => Found::Value(their_words(&value)),
        Err(error) => Found::Failed(error.to_string()),
    }
}

fn plan(text: &str) -> Plan {
    let mut engine = regorus::Engine::new();
    engine.add_policy("t.rego".into(), text.to_owned()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let tree: Value = serde_json::from_str(&engine.get_ast_as_json().unwrap()).unwrap();
    lower(&[("t.rego".to_owned(), tree)])
}

fn planned(plan: &Plan, data: &Value, input: &Value) -> Result<Found, Unplanned> {
    let place = plan.rule(&["data", "t", "r"].map(str::to_owned))?;
    let bump = Bump::new();
    let arena = Arena(&bump);
    let constants: Vec<V<'_>> =
        plan.constants.iter().map(|constant| arena.constant(constant).unwrap()).collect();
    let given = Given {
        plan,
        constants: &constants,
        data: arena.plain(data).unwrap(),
        input: Source::Value(arena.plain(input).unwrap()),
        settled: &[],
        arena,
        regexes: &Regexes::default(),
    };
    Ok(match Run::new(given, ALLOWANCE, Room::default()).rule(place) {
        Ok(Some(value)) => Found::Value(our_words(value)),
        Ok(None) => Found::Undefined,
        Err(stop) => Found::Failed(format!("{:?}", stop.0)),
    })
}

fn data() -> Value {
    json!({"facts": {"types": {"a": {"vcpus": 2, "memory_gb": 0.5}}, "zones": ["A", "B"]}})
}

fn inputs() -> Vec<Value> {
    vec![
        json!({}),
        json!({
            "n": 3, "f": 2.5, "big": 9_007_199_254_740_993_i64, "neg": -7, "s": "web-12", "empty": "", "none": null, "yes": true,
            "list": [3, 1, 2, 3], "words": ["b", "a", "c"], "mixed": [1, "1", null, [1], {"a": 1}, true, 1.5],
            "map": {"x": 1, "y": {"z": [1, 2]}, "a b": "c"}, "pairs": [["k", 1], ["l", 2]],
            "disks": [{"size": 10, "amount": 2}, {"size": null, "amount": 1}, {"amount": 4}],
            "tags": {"owner": "web", "env": "prod"},
        }),
        json!({"n": 0, "s": "*", "list": [], "words": [], "map": {}, "pairs": [], "disks": [], "tags": {}, "mixed": []}),
        json!({"n": "3", "s": 5, "list": "abc", "words": {"b": "a"}, "map": [1, 2], "pairs": {"a": ["b", "c"]}, "disks": {}, "tags": null}),
    ]
}

/// Bodies of modules that define `r`; all of them can be planned.
const PLANNED: &[&str] = &[
    "r := input.n",
    "r := input[\"map\"].y.z[1]",
    "r := input.list[0]",
    "r := 1 + 2 * 3 - 4",
    "r := input.n * 2 - input.neg",
    "r := input.n / 3",
    "r := input.n % 2",
    "r := input.f + input.f",
    "r := input.f * input.n",
    "r if input.n > 2",
    "r if { input.n >= 3; input.n <= 3; input.n != 4; input.n == 3 }",
    "default r := 7\nr := input.n if input.n > 100",
    "default r := \"no\"\nr := \"yes\" if input.yes",
    "r if not input.yes",
    "r if not input.missing.deeper",
    "r if input.none",
    "r := x if { some x in input.list; x > 2 }",
    "r contains x if some x in input.list",
    "r contains [k, v] if some k, v in input.map",
    "r contains [i, v] if some i, v in input.list",
    "r contains v if some k, v in input.tags",
    "r contains \"const\"",
    "r contains 1\nr contains 2 if input.n == 3\nr contains input.n",
    "r[k] := v if some k, v in input.tags",
    "r[v] := k if some k, v in input.words",
    "r := {k: v | some k, v in input.tags}",
    "r := [x | some x in input.list; x > 1]",
    "r := {x | some x in input.list}",
    "r := [x | x := input.list[_]]",
    "r := [[i, x] | x := input.list[i]]",
    "r := {i | input.list[i] == 3}",
    "r := {i | some i; input.list[i] > 1}",
    "r := count(input.list)",
    "r := count(input.s)",
    "r := [count([1, 2]), count({1, 1}), count({\"a\": 1}), count(\"äö𝄞\")]",
    "r := sum(input.list)",
    "r := sum([1.5, 2, 0.5])",
    "r := [max(input.list), min(input.list)]",
    "r := sort(input.list)",
    "r := sort(input.mixed)",
    "r := sort({3, 1, 2})",
    "r := concat(\"-\", input.words)",
    "r := concat(\", \", {\"b\", \"a\"})",
    "r := sprintf(\"%s has %d and %v of %v%%\", [input.s, input.n, input.list, input.map])",
    "r := sprintf(\"%v %v %v %v\", [input.none, input.yes, input.f, {\"b\", \"a\"}])",
    "r := sprintf(\"%s\", [input.list])",
    "r := sprintf(\"%d\", [input.s])",
    "r := sprintf(\"no verbs\", [])",
    "r := startswith(input.s, \"web\")",
    "r := [endswith(input.s, \"12\"), contains(input.s, \"-\"), upper(input.s), lower(\"ABÄ\")]",
    "r := [trim(\"xxaxx\", \"x\"), trim_left(\"xxaxx\", \"x\"), trim_right(\"xxaxx\", \"x\")]",
    "r := [trim_space(\" a\\t\"), trim_prefix(input.s, \"web\"), trim_suffix(input.s, \"12\"), trim_suffix(input.s, \"x\")]",
    "r := split(input.s, \"-\")",
    "r := replace(input.s, \"e\", \"EE\")",
    "r := [substring(\"häuser\", 1, 2), substring(\"abc\", 1, -1), substring(\"abc\", 5, 1)]",
    "r := [indexof(\"häuser\", \"u\"), indexof(\"abc\", \"z\")]",
    "r := [format_int(input.n, 10), to_number(\"12\"), to_number(\"-3\"), to_number(null), to_number(true)]",
    "r := [floor(2.5), ceil(2.5), floor(-2.5), ceil(input.n), abs(input.neg)]",
    "r := [is_array(input.list), is_string(input.s), is_number(input.f), is_object(input.map), is_null(input.none), is_boolean(input.yes), is_set({1})]",
    "r := type_name(input.mixed)",
    "r contains type_name(x) if some x in input.mixed",
    "r := array.concat(input.list, input.words)",
    "r := [array.slice(input.list, 1, 3), array.slice(input.list, -1, 99), array.slice(input.list, 3, 1), array.reverse(input.list)]",
    "r := object.get(input.map, \"x\", 9)",
    "r := [object.get(input.map, [\"y\", \"z\", 0], 9), object.get(input.map, [\"y\", \"q\"], 9), object.get(input.map, [], 9)]",
    "r := object.keys(input.map)",
    "r := object.union(input.map, {\"y\": {\"w\": 1}, \"n\": null})",
    "r := object.union({\"a\": {\"b\": 1}}, {\"a\": 2})",
    "r := object.remove(input.map, [\"x\"])",
    "r := regex.match(\"^web-[0-9]+$\", input.s)",
    "r := [regex.is_valid(\"[\"), regex.is_valid(\"a+\"), regex.is_valid(1)]",
    "r := regex.split(\"-\", input.s)",
    "r := regex.find_all_string_submatch_n(\"([a-z]+)-([0-9])?\", input.s, -1)",
    "r := input.n in {1, 3}",
    "r := [input.n in input.list, \"x\" in input.list, 1 in input.map]",
    "r if \"prod\" in input.tags",
    "r := \"env\", \"prod\" in input.tags",
    "r if not input.missing in [1]",
    "r := input.missing in [1]",
    "r := 1 in input.missing",
    "r if every x in input.list { x > 0 }",
    "r if every k, v in input.tags { is_string(k); v != \"\" }",
    "r if every x in input.missing { x }",
    "r if every d in input.disks { positive(d.amount) }\npositive(n) if n > 0",
    "r := f(input.n)\nf(x) := \"small\" if x < 2\nf(x) := \"large\" if x >= 2",
    "r := f(input.n, input.s)\nf(x, _) := x if x == 3\nf(_, s) := s if s == \"*\"",
    "r := f(\"a\")\nf(\"a\") := 1\nf(\"b\") := 2",
    "r := f([1, input.n])\nf([1, y]) := y",
    "r := [f(\"n\"), f(\"f\"), f(\"none\")]\nf(name) := g(name, 1)\ng(name, more) := [input[name], more]",
    "r := [x | some x in input.list; f(x, \"n\")]\nf(x, name) if x < input[name]",
    "r := [f(1, 3), f(1, 1), f(2, input.n)]\nf(x, y) := g(y, x) if x == 1 else := 7\ng(1, y) := y\ng(y, 1) := 1 if y > 1",
    "r := f(input.n)\nf(x) := 1 if { x > 2 } else := 2 if { x > 1 } else := 3",
    "r := f(\"b\")\nf(\"a\") := 1 if { input.n > 100 } else := 2",
    "r := f(\"a\")\nf(\"a\") := 1 if { input.n > 100 } else := 2",
    "r := {\"b\": input.n, \"a\": input.s, \"c\": {\"z\": 1, \"y\": input.f}}",
    "r := 1 if { input.n > 2 } else := 2 if { input.s } else := 3",
    "r if f(input.n)\nf(x) if x > 2",
    "r if not f(input.n)\nf(x) if x > 2",
    "r := [f(x) | some x in input.list]\nf(x) := x * 2 if x > 1",
    "r := {\"a\": input.n, \"b\": [input.s, {input.n}]}",
    "r := {\"a\": input.missing}",
    "r := [1, input.missing]",
    "r := {1, input.missing}",
    "r := {1, 2} | {2, 3}",
    "r := {1, 2, 3} - {2}",
    "r := {1, 2} & {2, 3}",
    "r := {x | some x in input.list} - {3}",
    "r := v if { [_, v] := input.pairs[_]; v == 2 }",
    "r contains v if { some [k, v] in input.pairs; k != \"l\" }",
    "r contains k if some [k, 1] in input.pairs",
    "r := x if { [x, y] = input.pairs[0]; y == 1 }",
    "r := x if x = input.n",
    "r if { x := input.n; y := x + 1; y == 4 }",
    "r if { x := input.n; y == 4; y = x + 1 }",
    "r := [d.size | some d in input.disks]",
    "r := sum([x | some d in input.disks; is_number(d.size); x := d.size * d.amount])",
    "r := a\na := b\nb := input.n",
    "r := s\ns contains x if some x in input.list",
    "r if s[3]\ns contains x if some x in input.list",
    "r contains x if s[x]\ns contains y if some y in input.list",
    "r := o.owner\no[k] := v if some k, v in input.tags",
    "r contains [k, o[k]] if some k in [\"owner\", \"env\"]\no[k] := v if some k, v in input.tags",
    "r := data.facts.types.a.memory_gb * input.n",
    "r := data.facts.types[input.s]",
    "r contains z if some z in data.facts.zones",
    "r := ceil(data.facts.types.a.memory_gb)",
    "r := [1 == 1.0, 2.5 > 2, 1 < 1.5, \"a\" < \"b\", null < false, [1] < [1, 2], {\"a\": 1} == {\"a\": 1}]",
    "r := input.big + 0",
    "r := {\"x\": 1}[input.missing]",
    "r := input.list[input.n]",
    "r := [x | some x in [1, 2, 3]; not x in {2}]",
    "r := count([x | some x in input.list; some y in input.list; x < y])",
    "r := [z | some x in input.pairs; z := [y | some y in x]]",
    "r := {x: y | some x in input.words; y := count([z | some z in input.words; z <= x])}",
    "r if { some x in input.list; some y in input.words; x == 1; y == \"c\" }",
    "r := true if input.tags.owner == \"web\"\nr := true if input.tags.env == \"prod\"",
    "r := 1 if input.n == 3\nr := 1 if input.s == \"web-12\"",
    "r := x if { not input.none == 1; x := object.get(input, \"n\", 0) }",
    "r := [y | y := input.pairs[_][1]]",
    "r if input.pairs[_][_] == 2",
    "r := input.list[-1]",
    "r := walked if walked := {x | x := input.map[_]}",
];

#[test]
fn a_plan_answers_what_the_interpreter_answers() {
    let (mut answered, mut different) = (0, Vec::new());
    for body in PLANNED {
        let text = module(body);
        let made = plan(&text);
        for input in inputs() {
            let found = planned(&made, &data(), &input).unwrap_or_else(|why| panic!("{body}: {why}"));
            if let Found::Failed(_) = found {
                continue; // the interpreter has the last word
            }
            answered += 1;
            let expected = interpreted(&text, &data(), &input);
            if found != expected {
                different
                    .push(format!("{body}\n  of {input}\n  plan: {found:?}\n  interpreter: {expected:?}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(answered > PLANNED.len() * 3, "{answered} answers of {}", PLANNED.len());
}

#[test]
fn what_fails_is_the_interpreters_to_say() {
    for (body, input) in [
        ("r := startswith(input.x, \"a\")", json!({"x": null})),
        ("r := 1 / input.x", json!({"x": 0})),
        ("r := 1 + input.x", json!({"x": "1"})),
        ("r := 9223372036854775807 + input.x", json!({"x": 1})),
        ("r := 1 if input.x\nr := 2 if input.x", json!({"x": 1})),
        ("r := x if some x in input.x", json!({"x": [1, 2]})),
        ("r := regex.match(\"[\", input.x)", json!({"x": "a"})),
        ("r := {x: y | some y in input.x; x := 1}", json!({"x": [1, 2]})),
        ("r := f(input.x)\nf(x) := 1 if x > 0\nf(x) := 2 if x > 1", json!({"x": 5})),
    ] {
        let found = planned(&plan(&module(body)), &data(), &input).unwrap();
        assert!(matches!(found, Found::Failed(ref why) if why.starts_with("Elsewhere")), "{body}: {found:?}");
    }
}

#[test]
fn what_is_not_planned_is_said_with_its_place() {
    for (body, expected) in [
        ("r := json.marshal(input.x)", "t.rego:5: `json.marshal`"),
        ("r := x if {\n\tprint(input.x)\n\tx := 1\n}", "t.rego:6: `print`"),
        ("r if s with input as {}\ns if input.x", "t.rego:5: `with`"),
        ("r := data.t.p\np.a.b := 1", "such a head"),
        ("r := s\ns := data.t", "a package as a value"),
        ("r := s(1)\ns(x) := y if y := upper(x, 1)", "`upper` with other arguments"),
        ("r := -input.x", "such an expression"),
        ("r contains input.list[_]", "a loop in a head"),
        ("r := f(1, 2)\nf(x, x) := 1", "`x` twice among the parameters"),
        ("r := f(1, [2])\nf(x, [x]) := 1", "`x` twice among the parameters"),
    ] {
        let why = planned(&plan(&module(body)), &data(), &json!({})).unwrap_err().to_string();
        assert!(why.contains(expected), "{body}: {why}");
    }
}

#[test]
fn runs_are_limited() {
    let text = module("r := count([1 | some a in input.l; some b in input.l; some c in input.l])");
    let made = plan(&text);
    let list: Vec<usize> = (0..200).collect();
    let found = planned(&made, &data(), &json!({"l": list})).unwrap();
    assert_eq!(found, Found::Failed(format!("{:?}", Cause::Steps)));
}

#[test]
fn rules_that_lean_on_one_another_twice_are_worked_out_once() {
    let chain: String = (1..60).map(|n| format!("a{n} := a{} + a{}\n", n - 1, n - 1)).collect();
    for start in ["input.settings.x", "input.x"] {
        let text = module(&format!("{chain}a0 := {start}\nr := a40"));
        let input = json!({"settings": {"x": 1}, "x": 1});
        assert_eq!(planned(&plan(&text), &data(), &input), Ok(Found::Value(json!(1_u64 << 40))), "{start}");
    }
}

#[test]
fn what_depends_on_settings_alone_is_taken_out() {
    let settled = |body: &str| {
        let made = plan(&module(&format!("{body}\nf(x) := x\na := input.settings.x")));
        let rule = &made.rules[made.rule(&["data", "t", "r"].map(str::to_owned)).unwrap()];
        (rule.definitions[0].body.len(), made.settled.len())
    };
    // a rule that is settled as a whole stays as it is, and what is taken out twice is there once
    assert_eq!(settled("r := input.settings.x"), (0, 0));
    assert_eq!(settled("r := f(input.now)"), (0, 0));
    assert_eq!(settled("r if { input.now; input.settings.x.y }"), (2, 1));
    assert_eq!(settled("r if { input.now == a; input.now != a; f(a) == 1 }"), (3, 2));
    assert_eq!(settled("r if { input.now; count([x | some x in input.settings.y]) > 0 }"), (2, 1));
    assert_eq!(
        settled("r if { y := input.now; count([x | some x in input.settings.y; x == y]) > 0 }"),
        (2, 1)
    );
    // what a function does with a constant is settled where it is called with that
    let called = "r if { input.now; g(\"x\", input.now) }\ng(name, now) if input.settings[name] == now";
    assert_eq!(settled(called), (2, 1));
    assert_eq!(settled("r if { input; input[a]; data.facts.zones[input.now] }"), (3, 2));
}
