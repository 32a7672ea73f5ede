use proptest::prelude::*;

use super::common;
use super::*;
use crate::api::mistake::{Mistake, MistakeCode};
use crate::api::{Call, Kind, catalog};
use crate::json::{Object, Value, read_object};

fn call(service: &str, name: &str, version: &str) -> Call {
    Call::new(catalog::lookup(service, name).unwrap(), Some(version)).unwrap()
}

fn vm() -> Call {
    call("vm", "CreateInstances", "2026-04-01")
}

/// Every create in every version.
fn creates() -> Vec<Call> {
    catalog::actions()
        .filter(|action| action.kind == Kind::Create)
        .flat_map(|action| {
            action.versions.iter().map(move |version| Call::new(action, Some(version)).unwrap())
        })
        .collect()
}

fn document(text: &str) -> Object {
    read_object(text.as_bytes()).unwrap()
}

/// The mistakes in a vm create that holds `members` beside the required fields, as pointer and code.
fn found(members: &str) -> Vec<(String, MistakeCode)> {
    mistakes(members).into_iter().map(|mistake| (mistake.pointer.to_string(), mistake.code)).collect()
}

fn mistakes(members: &str) -> Vec<Mistake> {
    let text = format!(r#"{{"zoneId":"SEL-A","instanceType":"c.1c2g",{members}}}"#);
    check(&vm(), &document(&text), &[])
}

#[test]
fn every_create_has_a_table_and_nothing_else_has() {
    assert_eq!(creates().len(), 7);
    for action in catalog::actions() {
        for version in action.versions {
            let call = Call::new(action, Some(version)).unwrap();
            assert_eq!(call.fields().is_some(), action.kind == Kind::Create, "{call}");
        }
    }
}

#[test]
fn the_tables_name_each_field_once_whatever_the_case() {
    fn unique(fields: &[Field], place: &str) {
        let mut folded = std::collections::HashSet::new();
        for field in fields {
            assert!(folded.insert(field.name.to_ascii_lowercase()), "{place} {}", field.name);
            shape(&field.shape, &format!("{place} {}", field.name));
        }
    }
    fn shape(of: &Shape, place: &str) {
        match of {
            Shape::Object(fields) => unique(fields, place),
            Shape::List { of, .. } => shape(of, place),
            _ => {}
        }
    }
    for call in creates() {
        unique(call.fields().unwrap().fields, &call.to_string());
    }
}

/// A field that vanishes from a table would make good requests fail: the counts were taken from the SDKs.
#[test]
fn the_tables_have_as_many_fields_as_the_structs() {
    let counts: Vec<_> =
        creates().iter().map(|call| (call.to_string(), call.fields().unwrap().fields.len())).collect();
    let counts: Vec<_> = counts.iter().map(|(call, count)| (call.as_str(), *count)).collect();
    assert_eq!(
        counts,
        [
            ("bmc CreateInstances (2022-11-20)", 26),
            ("bmc CreateInstances (2026-02-01)", 25),
            ("vm CreateInstances (2023-03-13)", 27),
            ("vm CreateInstances (2026-04-01)", 30),
            ("zec CreateInstances (2024-04-01)", 18),
            ("zec CreateZecInstances (2024-04-01)", 22),
            ("zec CreateZecInstances (2025-09-01)", 32),
        ]
    );
}

#[test]
fn only_what_judging_needs_is_required() {
    for call in creates() {
        let kind = if call.action.service == "bmc" { "instanceTypeId" } else { "instanceType" };
        let mut required: Vec<_> = call
            .fields()
            .unwrap()
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.name)
            .collect();
        required.sort_unstable();
        assert_eq!(required, [kind, "zoneId"], "{call}");
        let empty = check(&call, &Object::new(), &[]);
        assert!(empty.iter().all(|mistake| mistake.code == MistakeCode::Missing), "{call}");
        assert_eq!(empty.len(), 2, "{call}");
    }
}

/// Each refusal, by the member that provokes it.
#[test]
fn each_mistake_is_named_with_its_place_and_code() {
    use MistakeCode::{ExceedLength, ExceedMaximum, LessMinimum, Missing, Type, Value as Unknown};
    let long = format!(r#""instanceName":"{}""#, "x".repeat(1025));
    let script = format!(r#""initScript":"{}""#, "x".repeat(256 * 1024 + 1));
    let many = format!(r#""dataDisks":[{}]"#, vec!["{}"; 101].join(","));
    for (members, pointer, code) in [
        (r#""instanceCount":"2""#, "/instanceCount", Type),
        (r#""instanceCount":2.0"#, "/instanceCount", Type),
        (r#""instanceCount":1e2"#, "/instanceCount", Type),
        (r#""instanceCount":-0"#, "/instanceCount", Type),
        (r#""instanceCount":true"#, "/instanceCount", Type),
        (r#""instanceCount":[1]"#, "/instanceCount", Type),
        (r#""instanceCount":0"#, "/instanceCount", LessMinimum),
        (r#""instanceCount":-1"#, "/instanceCount", LessMinimum),
        (r#""instanceCount":-99999999999999999999"#, "/instanceCount", LessMinimum),
        (r#""instanceCount":101"#, "/instanceCount", ExceedMaximum),
        (r#""instanceCount":9007199254740993"#, "/instanceCount", ExceedMaximum),
        (r#""instanceCount":99999999999999999999"#, "/instanceCount", ExceedMaximum),
        (r#""internetMaxBandwidthOut":2147483648"#, "/internetMaxBandwidthOut", ExceedMaximum),
        (r#""trafficPackageSize":"1""#, "/trafficPackageSize", Type),
        (r#""trafficPackageSize":1e3"#, "/trafficPackageSize", Type),
        (r#""trafficPackageSize":0.1234567"#, "/trafficPackageSize", Type),
        (r#""trafficPackageSize":-0.5"#, "/trafficPackageSize", LessMinimum),
        (r#""trafficPackageSize":2147483648"#, "/trafficPackageSize", ExceedMaximum),
        (r#""imageId":7"#, "/imageId", Type),
        (r#""imageId":["a"]"#, "/imageId", Type),
        (r#""enableIpv4":"true""#, "/enableIpv4", Type),
        (r#""enableIpv4":1"#, "/enableIpv4", Type),
        (r#""systemDisk":40"#, "/systemDisk", Type),
        (r#""systemDisk":{"diskSize":"40"}"#, "/systemDisk/diskSize", Type),
        (r#""systemDisk":{"disksize":40}"#, "/systemDisk/disksize", Unknown),
        (r#""dataDisks":{"diskSize":40}"#, "/dataDisks", Type),
        (r#""dataDisks":[null]"#, "/dataDisks/0", Type),
        (r#""dataDisks":[{},{"diskAmount":0}]"#, "/dataDisks/1/diskAmount", LessMinimum),
        (
            r#""dataDisks":[{"diskPrice":{"stepPrices":[{"x":1}]}}]"#,
            "/dataDisks/0/diskPrice/stepPrices/0/x",
            Unknown,
        ),
        (many.as_str(), "/dataDisks", ExceedLength),
        (long.as_str(), "/instanceName", ExceedLength),
        (script.as_str(), "/initScript", ExceedLength),
        (r#""InstanceCount":500"#, "/InstanceCount", Unknown),
        (r#""newField":1"#, "/newField", Unknown),
        (r#""a/b":1"#, "/a~1b", Unknown),
        (r#""tags":[{"key":"a","value":"b"}]"#, "/tags", Type),
        (r#""tags":{"a":"b"}"#, "/tags/a", Unknown),
        (r#""tags":{"tags":{"a":"b"}}"#, "/tags/tags", Type),
        (r#""tags":{"tags":["a"]}"#, "/tags/tags/0", Type),
        (r#""tags":{"tags":[{"value":"b"}]}"#, "/tags/tags/0/key", Missing),
        (r#""tags":{"tags":[{"key":"","value":"b"}]}"#, "/tags/tags/0/key", Missing),
        (r#""tags":{"tags":[{"key":"a","value":1}]}"#, "/tags/tags/0/value", Type),
        (r#""tags":{"tags":[{"key":"a","Value":"b"}]}"#, "/tags/tags/0/Value", Unknown),
        (r#""tags":{"tags":[{"key":"a"},{"key":"b"},{"key":"a"}]}"#, "/tags/tags/2/key", Unknown),
    ] {
        let shown: String = members.chars().take(80).collect();
        assert_eq!(found(members), [(pointer.to_owned(), code)], "{shown}");
    }
}

#[test]
fn good_values_pass() {
    for members in [
        r#""instanceCount":100,"trafficPackageSize":0.5,"enableIpv4":false"#,
        r#""trafficPackageSize":12,"internetMaxBandwidthOut":2147483647,"systemDisk":{"diskSize":0}"#,
        r#""tags":{"tags":[{"key":"a","value":""},{"key":"A","value":"b"}]}"#,
        r#""tags":{},"dataDisks":[],"systemDisk":{},"instanceName":"""#,
        r#""instanceCount":null,"systemDisk":{"diskSize":null},"tags":{"tags":null},"noSuchField":null"#,
    ] {
        assert_eq!(found(members), [], "{members}");
    }
}

#[test]
fn required_fields_are_missing_when_absent_null_or_empty() {
    for text in [
        r#"{"instanceType":"a"}"#,
        r#"{"instanceType":"a","zoneId":null}"#,
        r#"{"instanceType":"a","zoneId":""}"#,
    ] {
        let mistakes = check(&vm(), &document(text), &[]);
        assert_eq!(mistakes.len(), 1, "{text}");
        assert_eq!(mistakes[0].code, MistakeCode::Missing);
        assert_eq!(mistakes[0].pointer.to_string(), "/zoneId");
    }
    // A wrong type is one mistake, not also a missing field.
    let mistakes = check(&vm(), &document(r#"{"instanceType":"a","zoneId":7}"#), &[]);
    assert_eq!(mistakes.iter().map(|mistake| mistake.code).collect::<Vec<_>>(), [MistakeCode::Type]);
}

#[test]
fn all_mistakes_are_named_at_once() {
    let mistakes = check(&vm(), &document(r#"{"instanceCount":0,"imageId":1,"foo":2,"nic":{"bar":3}}"#), &[]);
    let places: Vec<_> = mistakes.iter().map(|mistake| mistake.pointer.to_string()).collect();
    assert_eq!(places, ["/instanceCount", "/imageId", "/foo", "/nic/bar", "/zoneId", "/instanceType"]);
}

#[test]
fn an_unknown_key_is_told_what_was_meant_and_how_to_admit_it() {
    let remedy = |members: &str| mistakes(members).remove(0).remedy;
    assert!(remedy(r#""instanceNmae":"a""#).contains("`instanceName`"));
    assert!(remedy(r#""newField":1"#).contains(r#"api.admit_fields = ["vm CreateInstances newField"]"#));
    // A known field in another case cannot be admitted, and neither can what is no plain name.
    assert!(!remedy(r#""INSTANCECOUNT":1"#).contains("admit_fields"));
    assert!(!remedy(r#""a b":1"#).contains("admit_fields"));
}

#[test]
fn admitted_fields_pass_in_their_action_alone() {
    let admitted: Vec<AdmittedField> = ["vm CreateInstances newField", "vm CreateInstances INSTANCECOUNT"]
        .map(|text| text.parse().unwrap())
        .into();
    let text = r#"{"zoneId":"a","instanceType":"b","newField":{"any":[1,"x"]},"nic":{"newField":1}}"#;
    assert_eq!(check(&vm(), &document(text), &admitted), []);
    assert_eq!(check(&call("vm", "CreateInstances", "2023-03-13"), &document(text), &admitted), []);
    let zec = call("zec", "CreateInstances", "2024-04-01");
    let text = r#"{"zoneId":"a","instanceType":"b","newField":1}"#;
    assert_eq!(check(&zec, &document(text), &admitted).len(), 1);
    // Even when admitted, another case of a known field is refused.
    let text = r#"{"zoneId":"a","instanceType":"b","INSTANCECOUNT":500}"#;
    assert_eq!(check(&vm(), &document(text), &admitted).len(), 1);
}

#[test]
fn fields_of_another_version_are_unknown() {
    let mut text = document(r#"{"zoneId":"a","instanceType":"b","securityGroupId":"sg"}"#);
    assert_eq!(check(&call("zec", "CreateZecInstances", "2025-09-01"), &text, &[]), []);
    assert_eq!(check(&call("zec", "CreateZecInstances", "2024-04-01"), &text, &[]).len(), 1);
    text.remove("securityGroupId");
    text.insert("cidrBlockId", Value::String("c".into()));
    assert_eq!(check(&vm(), &text, &[]), []);
    assert_eq!(check(&call("vm", "CreateInstances", "2023-03-13"), &text, &[]).len(), 1);
}

#[test]
fn no_value_of_a_secret_is_repeated() {
    let long = "hunter2".repeat(200);
    let members = format!(
        r#""password":{{"hunter2":1}},"keyId":["hunter2"],"initScript":7,"nic":"hunter2","imageId":"{long}""#
    );
    for mistake in mistakes(&members) {
        assert!(!format!("{mistake:?}").contains("hunter2"), "{mistake:?}");
    }
}

#[test]
fn a_hostile_document_gets_a_bounded_answer() {
    let members: Vec<String> =
        (0..5000).map(|number| format!(r#""{}{number}":1"#, "k".repeat(100))).collect();
    let mistakes = mistakes(&members.join(","));
    assert_eq!(mistakes.len(), MAX_MISTAKES);
    assert!(
        mistakes.iter().all(|mistake| mistake.message.len() < 200 && mistake.pointer.to_string().len() < 50)
    );
}

#[test]
fn codes_are_the_vendors() {
    let codes = MistakeCode::ALL.map(MistakeCode::as_str);
    assert_eq!(
        codes,
        [
            "INVALID_PARAMETER_TYPE",
            "MISSING_PARAMETER",
            "INVALID_PARAMETER_VALUE",
            "INVALID_PARAMETER_EXCEED_MAXIMUM",
            "INVALID_PARAMETER_LESS_MINIMUM",
            "INVALID_PARAMETER_EXCEED_LENGTH",
        ]
    );
    let shown = serde_json::to_value(mistakes(r#""imageId":1"#)).unwrap();
    assert_eq!(shown[0]["code"], "INVALID_PARAMETER_TYPE");
    assert_eq!(shown[0]["pointer"], "/imageId");
}

/// A value of the given shape.
fn value(shape: &'static Shape) -> BoxedStrategy<Value> {
    match shape {
        Shape::Text { max } => {
            let max = *max;
            "[a-zA-Z0-9 .-]{1,40}"
                .prop_filter("fits", move |text| text.len() <= max)
                .prop_map(|text| Value::String(text.into()))
                .boxed()
        }
        Shape::Integer { min, max } => (*min..=*max).prop_map(|number| Value::Number(number.into())).boxed(),
        Shape::Decimal => (0i64..1_000_000).prop_map(|number| Value::Number(number.into())).boxed(),
        Shape::Flag => any::<bool>().prop_map(Value::Bool).boxed(),
        Shape::Object(fields) => object(fields).prop_map(Value::Object).boxed(),
        Shape::List { of, max } => {
            prop::collection::vec(value(of), 0..=(*max).min(3)).prop_map(Value::Array).boxed()
        }
        Shape::Tags { .. } => prop::collection::btree_map("[a-z]{1,8}", "[a-z]{0,8}", 0..4)
            .prop_map(|tags| {
                let tags = tags.into_iter().map(|(key, value)| {
                    let members = [
                        ("key".to_owned(), Value::String(key.into())),
                        ("value".to_owned(), Value::String(value.into())),
                    ];
                    Value::Object(members.into_iter().collect())
                });
                Value::Object([("tags".to_owned(), Value::Array(tags.collect()))].into_iter().collect())
            })
            .boxed(),
    }
}

/// An object with all the required fields of a table and any of the others.
fn object(fields: &'static [Field]) -> BoxedStrategy<Object> {
    let members: Vec<_> = fields
        .iter()
        .map(|field| {
            let here = if field.required { Just(true).boxed() } else { any::<bool>().boxed() };
            (Just(field.name.to_owned()), value(&field.shape), here)
        })
        .collect();
    members
        .prop_map(|members| {
            members.into_iter().filter(|(_, _, here)| *here).map(|(name, value, _)| (name, value)).collect()
        })
        .boxed()
}

/// Any JSON, with the keys that the tables know and some that they do not.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        any::<f64>().prop_filter_map("finite", |number| {
            serde_json::Number::from_f64(number).map(|number| Value::from(&serde_json::Value::Number(number)))
        }),
        any::<String>().prop_map(|text| Value::String(text.into())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "zoneId",
                "instanceType",
                "instanceTypeId",
                "instanceCount",
                "amount",
                "tags",
                "key",
                "value",
                "systemDisk",
                "diskSize",
                "dataDisks",
                "diskAmount",
                "nic",
                "eipIds",
                "sshKeys",
                "raidConfig",
                "customRaids",
                "password",
                "trafficPackageSize",
                "instanceChargePrepaid",
                "period",
                "enableIpv4",
                "ipStackType",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_a_table_describes_passes(
        (place, document) in (0..creates().len())
            .prop_flat_map(|place| (Just(place), object(creates()[place].fields().unwrap().fields)))
    ) {
        let call = creates()[place];
        prop_assert_eq!(check(&call, &document, &[]), []);
        prop_assert!(crate::api::view::normalise(&call, &document).is_ok());
    }

    #[test]
    fn nothing_makes_it_panic_and_what_passes_can_be_viewed(value in anything()) {
        let Value::Object(document) = value else { return Ok(()) };
        for call in creates() {
            let mistakes = check(&call, &document, &[]);
            prop_assert!(mistakes.len() <= MAX_MISTAKES);
            let view = crate::api::view::normalise(&call, &document);
            if mistakes.is_empty() {
                prop_assert!(view.is_ok());
            }
        }
    }
}

#[test]
fn the_longest_texts_are_those_of_the_rows() {
    assert!(matches!(common::script("s").shape, Shape::Text { max: 262_144 }));
    assert!(matches!(common::text("t").shape, Shape::Text { max: 1024 }));
}
