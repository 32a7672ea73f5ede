use super::*;
use crate::policy::source::{Overlays, Source};

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    match check(&Source::Files(files).read(&Overlays::default()).unwrap()) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(Problem::to_string).collect(),
    }
}

fn one(body: &str) -> Vec<String> {
    problems(&[("rules/x.rego", &format!("package zengate.rules.x\n\nimport rego.v1\n\n{body}\n"))])
}

#[track_caller]
fn refused(body: &str, expected: &str) {
    let found = one(body);
    assert!(found.iter().any(|problem| problem.contains(expected)), "`{expected}` not in {found:?}");
}

#[test]
fn recursion_is_refused_with_its_line() {
    refused(
        "deny contains f(1)\n\nf(x) := f(x + 1)",
        "rules/x.rego:7: recursion is not allowed: data.zengate.rules.x.f ->",
    );
    refused(
        "deny contains 1 if a\n\na if b\n\nb if a",
        "recursion is not allowed: data.zengate.rules.x.a -> data.zengate.rules.x.b -> data.zengate.rules.x.a",
    );
    refused("deny contains x if some x in deny", "recursion");
    refused("deny contains 1 if data.zengate.rules[input.action.name]", "recursion");
    refused("deny contains 1 if data.zengate", "recursion");
    refused("a := [x | x := b]\n\nb := {y: 1 | some y in a}\n\ndeny contains 1 if a", "recursion");
    refused(
        "deny contains 1 if not a\n\na if every x in input.create.data_disks { g(x) }\n\ng(x) if { x; a }",
        "recursion",
    );
    refused(
        "deny contains 1 if a\n\ndefault a := false\n\na := true if { input.create.count > 1 } else := b\n\nb := a",
        "recursion",
    );
    let across = problems(&[
        (
            "rules/x.rego",
            "package zengate.rules.x\nimport rego.v1\nimport data.zengate.lib as l\ndeny contains 1 if l.f(1)\na := 1 if l.f(2)",
        ),
        (
            "lib.rego",
            "package zengate.lib\nimport rego.v1\nf(x) := y if { y := data.zengate.rules.x.a; y > x }",
        ),
    ]);
    assert!(across.iter().any(|problem| problem.contains("recursion")), "{across:?}");
}

#[test]
fn what_only_looks_like_recursion_passes() {
    assert_eq!(one("deny contains 1 if f(g(f(1)))\n\nf(x) := x\n\ng(x) := y if y := x"), [""; 0]);
    assert_eq!(one("deny contains zones if f(zones)\n\nf(deny) if deny == 1\n\nzones := 2"), [""; 0]);
}

#[test]
fn builtins_are_named_with_their_line() {
    refused(
        "deny contains 1 if startwith(\"a\", \"b\")",
        "rules/x.rego:5: there is no builtin `startwith` (did you mean `startswith`?)",
    );
    refused("deny contains 1 if http.send({})", "`http.send` may not be called");
    refused("deny contains 1 if time.now_ns() > 1", "the time of the call is `input.now`");
    refused(
        "deny contains 1 if { some n in numbers.range(1, input.create.count); n > 1 }",
        "argument 2 of `numbers.range` must be written out",
    );
    refused(
        "deny contains n if some n in numbers.range(1, 1000000000000000)",
        "argument 2 of `numbers.range` is too large",
    );
    refused("deny contains sprintf(\"%99999999999d\", [1])", "too large");
    refused(
        "deny contains 1 if json.unmarshal(input.request.initScript).x",
        "argument 1 of `json.unmarshal` must be written out",
    );
    refused(
        "deny contains 1 if json.is_valid(base64.decode(input.create.name))",
        "argument 1 of `json.is_valid` must be written out",
    );
    refused(
        "deny contains 1 if units.parse(input.create.name) > 1",
        "argument 1 of `units.parse` must be written out",
    );
    refused("deny contains 1 if sprintf(input.create.name, [])", "must be written out");
    refused(
        "deny contains 1 if data.zengate.lib.nothing(1)",
        "there is no function `data.zengate.lib.nothing`",
    );
    assert_eq!(one("deny contains n if some n in numbers.range(1, 3)"), [""; 0]);
}

#[test]
fn references_that_cannot_exist_are_refused() {
    refused(
        "deny contains 1 if input.create.zoneId",
        "rules/x.rego:5: `input.create` has no member `zoneId`",
    );
    refused("deny contains 1 if input.principal.taem", "(did you mean `team`?)");
    refused("deny contains 1 if input[\"creat\"].zone", "(did you mean `create`?)");
    refused("deny contains 1 if { input.create.zone; input.actoin }", "`input` has no member `actoin`");
    refused("deny contains 1 if data.fcats.zones", "there is no `data.fcats.zones`");
    refused("deny contains 1 if data.organisation.settings", "rules may not read `data.organisation`");
    refused("deny contains 1 if data[input.action.name]", "`data` as a whole");
    assert_eq!(
        problems(&[
            (
                "rules/x.rego",
                "package zengate.rules.x\nimport rego.v1\ndeny contains 1 if data.facts.zones[input.create.zone].closed\ndeny contains 2 if input.request.anything.at.all"
            ),
            ("facts/data.json", r#"{"zones": {}}"#),
        ]),
        [""; 0]
    );
}

#[test]
fn quota_rules_read_only_what_is_known_of_any_instance() {
    refused(
        "quota contains 1 if input.principal.key == who\n\nwho := 1",
        "rules/x.rego:5: a quota rule may read only",
    );
    refused("quota contains 1 if a\n\na if b(input)\n\nb(x) if x.now", "not `input`");
    assert_eq!(
        one("quota contains n if { n := input.create.count; input.principal.team; input.settings.x }"),
        [""; 0]
    );
}

#[test]
fn a_rule_must_define_answers_the_gateway_reads() {
    refused("denny contains 1", "did you mean `deny`?");
    refused("x := 1", "defines none of patches, deny, warn, quota");
    refused("deny := {1}", "`deny` must be a partial set");
    refused("deny contains 1 if {", "rules/x.rego:");
}

#[test]
fn a_variable_that_is_named_like_an_import_of_the_language_is_refused() {
    refused(
        "deny contains v1 if some v1 in input.create.data_disks",
        "a variable `v1` is taken for the import",
    );
    assert_eq!(one("deny contains v2 if some v2 in input.create.data_disks"), Vec::<String>::new());
}
