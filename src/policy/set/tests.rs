use super::*;
use std::collections::BTreeMap;

const HEADER: &str = "import rego.v1\n\n";

fn load(files: &[(&str, &str)]) -> Result<PolicySet, LoadError> {
    let files: BTreeMap<String, String> = files
        .iter()
        .map(|(path, text)| {
            let text = match path.strip_suffix(".rego") {
                Some(rule) => format!("package zengate.rules[\"{rule}\"]\n\n{HEADER}{text}\n"),
                None => (*text).to_owned(),
            };
            ((*path).to_owned(), text)
        })
        .collect();
    PolicySet::load(&Source::Files(files), &Overlays::default())
}

#[track_caller]
fn refused(files: &[(&str, &str)], expected: &str) {
    let error = load(files).unwrap_err().to_string();
    assert!(error.contains(expected), "`{expected}` not in {error}");
}

const VIOLATION: &str = r#"{"rule": "zones", "message": "m", "field": "f", "remedy": "r"}"#;

#[test]
fn rules_that_cannot_be_planned_are_left_to_the_interpreter() {
    let zones = format!("deny contains {VIOLATION} if not input.create.zone in input.settings.zones.allowed");
    let organisation = "rules: {own-names: {applies: {kinds: [create], actions: ['bmc *']}}}\nsettings: {zones: {allowed: [A]}}";
    let with = |names: &str| {
        load(&[("zones.rego", &zones), ("own-names.rego", names), ("organisation/data.yaml", organisation)])
    };
    // this one fails on a create without a name
    let error = with("warn contains 1 if startswith(input.create.name, input.create.zone) == 7")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("rule `own-names` fails on a typical call: own-names.rego:5: `startswith`"),
        "{error}"
    );
    let set = with(
        "warn contains 1 if { is_string(input.create.name); base64.is_valid(input.create.name); false }",
    )
    .unwrap();
    let fallbacks = set.fallbacks();
    assert_eq!(fallbacks.len(), 1, "{fallbacks:?}");
    assert_eq!(fallbacks[0].rule, "own-names");
    assert!(fallbacks[0].reason.contains("own-names.rego:5: `base64.is_valid`"), "{fallbacks:?}");
    assert_eq!(set.applying(Kind::Create, "vm", "CreateInstances", "t"), ["zones"]);
    assert_eq!(set.applying(Kind::Create, "bmc", "CreateInstances", "t"), ["own-names", "zones"]);
}

#[test]
fn what_fails_on_a_typical_call_is_refused_at_load() {
    refused(
        &[("zones.rego", "deny contains 1 if a == 2\n\na := 1 if input.now\n\na := 2 if input.action")],
        "rule `zones` fails on a typical call: zones.rego:9: ",
    );
    refused(
        &[("zones.rego", "deny contains {\"rule\": \"zones\", \"colour\": 1} if input.create.count > 50")],
        "unknown field `colour`",
    );
    refused(&[("zones.rego", "deny contains 1 / 0")], "divide by zero");
}

#[test]
fn data_that_does_nothing_is_refused() {
    let zones = format!("deny contains {VIOLATION} if not input.create.zone in input.settings.zones.allowed");
    let with = |yaml: &str| {
        [("zones.rego", zones.as_str()), ("organisation/data.yaml", yaml)]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    for (yaml, expected) in [
        (
            "settings: {zone: {allowed: []}}",
            "organisation/data.yaml: settings.zone: no rule reads it (did you mean `zones`?)",
        ),
        ("rules: {zoned: {}}", "there is no rule `zoned`"),
        (
            "rules: {zones: {applies: {settings: [zone]}}}",
            "rules.zones.applies.settings: no rule has settings `zone` (did you mean `zones`?)",
        ),
        ("setings: {}", "unknown field `setings`"),
    ] {
        let files = with(yaml);
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        refused(&files, expected);
    }
    refused(&[("organisation/data.yaml", "{}")], "the tree holds no rule");
}

#[test]
fn recursion_is_never_evaluated() {
    // with the check gone, loading these would end the test process
    refused(&[("zones.rego", "deny contains f(1)\n\nf(x) := f(x + 1)")], "recursion is not allowed");
    refused(&[("zones.rego", "deny contains 1 if a\n\na if b\n\nb if a")], "recursion is not allowed");
}

#[test]
fn limits_without_a_word_on_the_rest_are_noted() {
    let notes = |data: &str| {
        let rule = "quota contains x if { some x in input.settings.quota.limits; false }";
        load(&[("quota.rego", rule), ("organisation/data.yaml", data)]).unwrap().notes()
    };
    let noted = notes("settings: {quota: {limits: {a: {limit: 1}}}}");
    assert!(noted.len() == 1 && noted[0].contains("of the organisation"), "{noted:?}");
    let noted = notes("teams: {pay: {settings: {quota: {limits: {a: {limit: 1}}}}}}");
    assert!(noted.len() == 1 && noted[0].contains("of team `pay`"), "{noted:?}");
    for said in [
        "settings: {quota: {limits: {a: {limit: 1}}, unset: unlimited}}",
        "settings: {quota: {limits: {}}}",
        "settings: {}",
    ] {
        assert_eq!(notes(said), [""; 0], "{said}");
    }
}
