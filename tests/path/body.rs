//! Bodies that parsers could read differently, that say too much, or that are not what the action takes.

use crate::support::client::EXAMPLE;
use crate::support::{Call, World};

fn create(body: impl AsRef<[u8]>) -> Call {
    Call::new("vm", "CreateInstances").version("2026-04-01").body(body)
}

/// The example with more members.
fn with(members: &str) -> String {
    EXAMPLE.trim_end().trim_end_matches('}').to_owned() + "," + members + "}"
}

#[test]
fn ambiguous_bodies_never_reach_the_cloud() {
    let world = World::new();
    let deep = with(&format!("\"tags\":{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    for body in [
        with(r#""instanceCount":1,"instanceCount":500"#),
        with(r#""instanceCount":1,"instanceC\u006funt":500"#),
        with(r#""instanceCount":1,"InstanceCount":500"#),
        with(r#""instanceCount":"5""#),
        with(r#""instanceCount":1e2"#),
        with(r#""instanceCount":100.0"#),
        with(r#""instanceCount":5.0"#),
        with(r#""instanceCount":true"#),
        with(r#""instanceCount":NaN"#),
        with(r#""trafficPackageSize":Infinity"#),
        with(r#""instanceName":"\ud800""#),
        format!("{EXAMPLE}{EXAMPLE}"),
        format!("\u{feff}{EXAMPLE}"),
        format!("[{EXAMPLE}]"),
        deep,
        String::new(),
    ] {
        world.send(&create(&body)).assert_refused(400, "INVALID_PARAMETER_TYPE");
    }
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn values_out_of_their_range_and_unknown_keys_name_themselves() {
    let world = World::new();
    let refused = |members: &str, code: &str, said: &str| {
        let answer = world.send(&create(with(members)));
        answer.assert_refused(400, code);
        assert!(answer.message().contains(said), "{}", answer.message());
    };
    refused(r#""instanceCount":0"#, "INVALID_PARAMETER_LESS_MINIMUM", "/instanceCount");
    refused(r#""instanceCount":-1"#, "INVALID_PARAMETER_LESS_MINIMUM", "/instanceCount");
    refused(r#""instanceCount":9007199254740993"#, "INVALID_PARAMETER_EXCEED_MAXIMUM", "/instanceCount");
    refused(r#""InstanceCount":500"#, "INVALID_PARAMETER_VALUE", "instanceCount");
    refused(r#""newField":1"#, "INVALID_PARAMETER_VALUE", "admit_fields");
    let tags = r#""tags":{"tags":[{"key":"owner","value":"a"},{"key":"owner","value":"b"}]}"#;
    refused(tags, "INVALID_PARAMETER_VALUE", "owner");
    let answer = world.send(&create(r#"{"instanceType":"c.1c2g"}"#));
    answer.assert_refused(400, "MISSING_PARAMETER");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
fn a_message_never_grows_with_the_nonsense_it_is_about() {
    let world = World::new();
    let key = "k".repeat(300_000);
    for body in [format!(r#"{{"{key}":1,"{key}":2}}"#), with(&format!(r#""{key}":1"#))] {
        let answer = world.send(&create(&body));
        assert_eq!(answer.status, 400);
        assert!(answer.message().len() < 10_000, "{}", answer.message().len());
        let line = world.gateway.logged(answer.header("x-zengate-decision").unwrap());
        assert!(line.len() < 20_000, "{}", line.len());
    }
}

#[test]
fn null_counts_as_absent() {
    let world = World::new();
    let ids = world.send(&create(with(r#""instanceCount":null"#))).instance_ids();
    assert_eq!(ids.len(), 1);
    let sent = String::from_utf8(world.emulator.requests()[0].body.to_vec()).unwrap();
    assert!(!sent.contains("instanceCount"), "{sent}");
}

#[test]
fn bodies_up_to_the_limit_pass_and_one_byte_more_does_not() {
    let world = World::new();
    let padded = |size: usize| format!("{}{}", " ".repeat(size - EXAMPLE.len()), EXAMPLE);
    world.send(&create(padded(1024 * 1024))).instance_ids();
    let answer = world.send(&create(padded(1024 * 1024 + 1)));
    answer.assert_refused(413, "INVALID_PARAMETER_EXCEED_LENGTH");
    assert_eq!(world.emulator.requests().len(), 1);
}

#[test]
fn a_new_field_can_be_admitted_by_a_setting() {
    let config = "[api]\nadmit_fields = [\"vm CreateInstances newField\"]\n";
    let setup = crate::support::world::Setup { config: config.into(), ..Default::default() };
    let world = World::with(setup);
    let answer = world.send(&create(with(r#""newField":1"#)));
    // The gateway lets it pass; what the cloud makes of it is the cloud's.
    assert_eq!(world.emulator.requests().len(), 1, "{}", String::from_utf8_lossy(&answer.body));
}

/// To Go's `encoding/json` and others a long s is an s: the cloud would be told another machine than the rules were asked about.
#[test]
fn names_that_some_reader_folds_into_others_never_reach_the_cloud() {
    let world = World::new();
    let machine = world.send(&Call::example()).instance_ids().remove(0);
    let change = |action: &str, body: String| Call::new("vm", action).body(body);
    for call in [
        change("TerminateInstance", format!(r#"{{"instanceId":"{machine}","inſtanceId":"theirs"}}"#)),
        change("TerminateInstance", format!(r#"{{"instanceId":"{machine}","in\u017ftanceId":"theirs"}}"#)),
        change("TerminateInstance", format!(r#"{{"inſtanceId":"{machine}"}}"#)),
        change("StopInstances", format!(r#"{{"instanceIds":["{machine}"],"ınstanceIds":["theirs"]}}"#)),
        change(
            "ResetInstancesPassword",
            format!(r#"{{"instanceIds":["{machine}"],"paſſword":"hunter2-hunter2"}}"#),
        ),
        create(with("\"in\u{17f}tanceCount\":500")),
        create(with("\"tags\":{\"tag\u{17f}\":[]}")),
    ] {
        let answer = world.send(&call);
        answer.assert_refused(400, "INVALID_PARAMETER_VALUE");
        let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
        assert!(!record.to_string().contains("hunter2"), "{record}");
    }
    assert_eq!(world.emulator.requests().len(), 1);
    // What users name is in values, and may be in any script.
    let tagged = with(r#""tags":{"tags":[{"key":"kostenträger","value":"ſüd 测试"}]}"#);
    assert_eq!(world.send(&create(tagged)).instance_ids().len(), 1);
}

/// The engine of the rules would take it for a number with a billion digits as soon as a rule reads the text.
#[test]
fn a_number_in_the_engines_own_spelling_never_reaches_the_rules() {
    let world = World::new();
    let bomb = r#"{\"$serde_json::private::Number\":\"1e999999999\"}"#;
    for body in [
        with(&format!(r#""initScript":"{bomb}""#)),
        with(&format!(r#""initScript":"{}""#, bomb.replace('$', "\\\\u0024"))),
        with(
            r#""tags":{"tags":[{"key":"$serde_json::private::Number","value":"{\"$serde_json::private::Number\":1}"}]}"#,
        ),
    ] {
        world.send(&create(&body)).assert_refused(400, "INVALID_PARAMETER_VALUE");
    }
    let change = r#"{"instanceIds":["i-1"],"x":{"$serde_json::private::Number":"1e999999999"}}"#;
    world.send(&Call::new("vm", "StopInstances").body(change)).assert_refused(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(world.emulator.requests().len(), 0);
}

/// Two bytes of a list make fifty in memory, several times over.
#[test]
fn a_body_of_very_many_values_is_refused_before_it_is_read() {
    let world = World::new();
    let many = format!(r#"{{"instanceId":"x","a":[{}0]}}"#, "0,".repeat(500_000));
    for call in [
        Call::new("vm", "TerminateInstance").body(&many),
        Call::new("vm", "DescribeInstances").body(&many),
        create(&many),
    ] {
        let answer = world.send(&call);
        answer.assert_refused(400, "INVALID_PARAMETER_TYPE");
        assert!(answer.message().contains("values"), "{}", answer.message());
    }
    assert_eq!(world.emulator.requests().len(), 0);
}
