use super::*;
use crate::json::read_object;
use crate::policy::answer::Plain;
use crate::policy::{data, organisation};
use proptest::prelude::*;
use serde_json::json;

fn read(yaml: &str) -> Organisation {
    let value = data::read("data.yaml", yaml).unwrap();
    let packages = ["group", "firewall", "other"].map(str::to_owned).into();
    let mut problems = Vec::new();
    let organisation = organisation::read(Some(value), "data.yaml", &packages, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    organisation
}

fn granted() -> Organisation {
    read(
        "rules: {group: {grants: [/a, /b, /nic]}, firewall: {grants: [/a, /nic]}, other: {mode: shadow, grants: [/a]}}",
    )
}

fn patch(rule: &str, op: Op, path: &str, value: serde_json::Value) -> Patch {
    Patch { rule: rule.into(), op, path: path.into(), value: Plain(value) }
}

fn object(text: &str) -> Object {
    read_object(text.as_bytes()).unwrap()
}

fn text(object: &Object) -> String {
    String::from_utf8(object.to_bytes()).unwrap()
}

#[test]
fn default_fills_and_force_replaces() {
    for (there, default, force) in [
        (r#"{}"#, r#"{"a":"x"}"#, r#"{"a":"x"}"#),
        (r#"{"a":null}"#, r#"{"a":"x"}"#, r#"{"a":"x"}"#),
        (r#"{"a":""}"#, r#"{"a":"x"}"#, r#"{"a":"x"}"#),
        (r#"{"a":"mine"}"#, r#"{"a":"mine"}"#, r#"{"a":"x"}"#),
        (r#"{"a":0}"#, r#"{"a":0}"#, r#"{"a":"x"}"#),
        (r#"{"a":false}"#, r#"{"a":false}"#, r#"{"a":"x"}"#),
        (r#"{"a":[]}"#, r#"{"a":[]}"#, r#"{"a":"x"}"#),
        (r#"{"a":"x"}"#, r#"{"a":"x"}"#, r#"{"a":"x"}"#),
    ] {
        for (op, expected) in [(Op::Default, default), (Op::Force, force)] {
            let amended =
                apply(&granted(), "t", vec![patch("group", op, "/a", json!("x"))], &object(there)).unwrap();
            assert_eq!(text(&amended.document), expected, "{op:?} on {there}");
            assert_eq!(amended.changes.is_empty(), there == expected, "{op:?} on {there}");
        }
    }
}

#[test]
fn what_is_not_granted_or_not_allowed_fails() {
    let organisation = read("rules: {group: {grants: [/a, /password, /login]}}");
    let reason = |path: &str, value: serde_json::Value| {
        let patches = vec![patch("group", Op::Force, path, value)];
        let failure = apply(&organisation, "t", patches, &object(r#"{"a":1}"#)).unwrap_err();
        assert_eq!(failure.rule.as_deref(), Some("group"));
        failure.reason
    };
    assert_eq!(reason("/b", json!(1)), Reason::UngrantedPatch);
    assert_eq!(reason("/ab", json!(1)), Reason::UngrantedPatch);
    assert_eq!(reason("/password", json!("x")), Reason::BadPatch);
    assert_eq!(reason("/login/Password", json!("x")), Reason::BadPatch);
    assert_eq!(reason("/login", json!({"userData": "x"})), Reason::BadPatch);
    assert_eq!(reason("/a", json!(null)), Reason::BadPatch);
    assert_eq!(reason("/a/b", json!(1)), Reason::BadPatch);
    assert_eq!(reason("", json!(1)), Reason::BadPatch);
    assert_eq!(reason("a", json!(1)), Reason::BadPatch);
}

#[test]
fn rules_at_odds_fail_with_both_named_and_rules_that_agree_do_not() {
    let run = |one: Patch, other: Patch| apply(&granted(), "t", vec![one, other], &object("{}"));
    for (one, other) in [
        (patch("group", Op::Force, "/a", json!(1)), patch("firewall", Op::Force, "/a", json!(2))),
        (patch("group", Op::Default, "/a", json!(1)), patch("firewall", Op::Force, "/a", json!(2))),
        (patch("group", Op::Force, "/nic", json!({})), patch("firewall", Op::Force, "/nic/x", json!(2))),
        (patch("group", Op::Force, "/nic/x", json!(1)), patch("firewall", Op::Force, "/nic", json!({}))),
    ] {
        let failure = run(one, other).unwrap_err();
        assert_eq!(failure.reason, Reason::Conflict);
        assert!(failure.detail.contains("`group`") && failure.detail.contains("`firewall`"), "{failure}");
    }
    let agreed =
        run(patch("group", Op::Default, "/a", json!(1)), patch("firewall", Op::Force, "/a", json!(1)))
            .unwrap();
    assert_eq!((agreed.changes.len(), agreed.changes[0].rule.as_str()), (1, "firewall"));
}

#[test]
fn a_rule_in_shadow_is_recorded_and_never_felt() {
    let patches = vec![
        patch("other", Op::Force, "/a", json!(7)),
        patch("other", Op::Force, "/z", json!(7)),
        patch("group", Op::Default, "/a", json!(1)),
    ];
    let amended = apply(&granted(), "t", patches, &object("{}")).unwrap();
    assert_eq!(text(&amended.document), r#"{"a":1}"#);
    assert_eq!((amended.shadowed.len(), amended.shadow_failures.len()), (1, 1));
    assert_eq!(amended.shadowed[0].after, Value::Number(7.into()));
}

fn any_there() -> impl Strategy<Value = Object> {
    let value = prop_oneof![
        Just(Value::Null),
        Just(Value::String("".into())),
        Just(Value::String("mine".into())),
        any::<i64>().prop_map(|n| Value::Number(n.into())),
        Just(Value::Object(Object::new())),
        Just(Value::Object([("x".to_owned(), Value::Null)].into_iter().collect())),
    ];
    prop::collection::btree_map(prop_oneof!["a", "b", "c", "nic"], value, 0..4)
        .prop_map(|members| members.into_iter().collect())
}

fn any_patch() -> impl Strategy<Value = Patch> {
    let path = prop_oneof![Just("/a"), Just("/b"), Just("/nic"), Just("/nic/x"), Just("/nic/x/y")];
    let value = prop_oneof![Just(json!("v")), Just(json!(1)), Just(json!({"x": 2}))];
    (prop_oneof![Just("group"), Just("firewall")], prop::bool::ANY, path, value).prop_map(
        |(rule, force, path, value)| patch(rule, if force { Op::Force } else { Op::Default }, path, value),
    )
}

proptest! {
    #[test]
    fn the_record_gives_the_amended_document_and_a_second_pass_changes_nothing(
        document in any_there(),
        patches in prop::collection::vec(any_patch(), 0..3),
    ) {
        let organisation = read("rules: {group: {grants: [/a, /b, /nic]}, firewall: {grants: [/a, /b, /nic]}}");
        if let Ok(amended) = apply(&organisation, "t", patches.clone(), &document) {
            prop_assert_eq!(replay(&document, &amended.changes).unwrap(), amended.document.clone());
            for change in &amended.changes {
                prop_assert_ne!(change.before.as_ref(), Some(&change.after));
            }
            let again = apply(&organisation, "t", patches, &amended.document).unwrap();
            prop_assert_eq!(again.changes, vec![]);
            prop_assert_eq!(again.document, amended.document);
        }
    }
}
