use super::*;
use proptest::prelude::*;

fn trouble(text: &str) -> Trouble {
    read_object(text.as_bytes()).expect_err(text).trouble
}

#[test]
fn keys_that_two_parsers_could_read_differently_are_refused() {
    assert_eq!(trouble(r#"{"a":1,"a":2}"#), Trouble::DuplicateKey("a".into()));
    assert_eq!(trouble(r#"{"a":1,"\u0061":2}"#), Trouble::DuplicateKey("a".into()));
    assert_eq!(trouble(r#"{"count":1,"Count":2}"#), Trouble::CaseTwins("count".into(), "Count".into()));
    let many: String = (0..40).map(|n| format!(r#""k{n}":0,"#)).collect();
    assert_eq!(trouble(&format!(r#"{{{many}"K7":1}}"#)), Trouble::CaseTwins("k7".into(), "K7".into()));
}

#[test]
fn text_that_is_not_one_plain_object_is_refused() {
    assert_eq!(trouble("[]"), Trouble::NotAnObject);
    assert_eq!(trouble(""), Trouble::Truncated);
    assert_eq!(trouble("{} {}"), Trouble::TrailingText);
    assert_eq!(trouble("\u{feff}{}"), Trouble::ByteOrderMark);
    assert_eq!(trouble(r#"{"a":NaN}"#), Trouble::Expected { expected: "a JSON value" });
    assert_eq!(trouble(r#"{"a":"\ud800"}"#), Trouble::LoneSurrogate);
    assert_eq!(trouble(r#"{"a":"\u0000"}"#), Trouble::ControlCharacter);
    assert_eq!(trouble(r#"{"a":1,}"#), Trouble::Expected { expected: "a key in quotes" });
    assert_eq!(read_object(b"{\"a\":\"\xff\"}").unwrap_err().trouble, Trouble::NotUtf8);
    for number in ["01", "+1", "1.", ".5", "1e", "0x10", "1e999", "--1", "1_0"] {
        assert!(read_object(format!(r#"{{"a":{number}}}"#).as_bytes()).is_err(), "{number}");
    }
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(trouble(&deep), Trouble::TooDeep);
}

#[test]
fn a_message_has_a_bounded_number_of_values() {
    let zeros = |count: usize| format!(r#"{{"a":[{}0]}}"#, "0,".repeat(count - 2));
    assert!(read_message(zeros(MAX_VALUES).as_bytes()).is_ok());
    let error = read_message(zeros(MAX_VALUES + 1).as_bytes()).unwrap_err();
    assert_eq!(error.trouble, Trouble::TooMany { most: MAX_VALUES });
    assert!(read_object(zeros(MAX_VALUES + 1).as_bytes()).is_ok(), "files of the operator are not messages");
}

/// G-J4: what reading the worst bodies of 1 MiB takes, in bytes.
#[test]
fn the_worst_bodies_take_at_most_eight_times_their_size() {
    const MIB: usize = 1 << 20;
    let fill = |open: &str, unit: &str, close: &str| {
        let times = (MIB - open.len() - close.len()) / unit.len();
        format!("{open}{}{close}", unit.repeat(times))
    };
    let keys = |value: &str| {
        let mut text = "{".to_owned();
        for number in 0.. {
            let member = format!("\"{number:x}\":{value},");
            if text.len() + member.len() + 8 > MIB {
                break;
            }
            text.push_str(&member);
        }
        text + "\"\":0}"
    };
    let shuffled_twins = keys("0").replace("\"\":0}", "\"A\":0}");
    let worst = [
        fill(r#"{"a":["#, "0,", "0]}"),
        fill(r#"{"a":["#, "[],", "[]]}"),
        fill(r#"{"a":["#, "{},", "{}]}"),
        fill(r#"{"a":["#, "\"\",", "0]}"),
        fill(r#"{"a":["#, "null,", "0]}"),
        fill(r#"{"a":["#, "true,", "0]}"),
        fill(r#"{"a":["#, "1e9,", "0]}"),
        fill(r#"{"a":["#, "{\"a\":0},", "0]}"),
        fill(r#"{"a":["#, "[[[0]]],", "0]}"),
        fill(r#"{"a":["#, "\"0123456789012345678901234567890123456789\",", "0]}"),
        fill(r#"{"a":["#, "1234567890123456789012345678901234567890,", "0]}"),
        fill(r#"{"a":""#, "\\u0001", "\"}"),
        fill(r#"{"a":""#, "\\uffff", "\"}"),
        fill(r#"{"a":""#, "\\ud83d\\ude00", "\"}"),
        fill(r#"{"a":""#, "\\n", "\"}"),
        fill(r#"{"a":"\n"#, "x", "\"}"),
        fill(r#"{"a":"#, "9", "}"),
        fill(r#"{"a":"#, "[", "}"),
        fill(r#"{"a":"#, r#"{"a":"#, "}"),
        fill("{\"a\":0", " ", "}"),
        keys("0"),
        keys("[]"),
        keys("{}"),
        shuffled_twins,
        fill(r#"{""#, "k", "\":0}"),
    ];
    for body in worst {
        assert!(body.len() <= MIB, "{}", body.len());
        let start: String = body.chars().take(40).collect();
        let taken = allocation_counter::measure(|| drop(read_message(body.as_bytes())));
        assert!(taken.bytes_max <= 8 * MIB as u64, "{start}: {} bytes", taken.bytes_max);
    }
}

#[test]
fn an_error_says_where() {
    let error = read_object(b"{\n  \"disks\": [{\"size\": 01}]}").unwrap_err();
    assert_eq!((error.line, error.pointer.to_string().as_str()), (2, "/disks/0/size"));
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn numbers_keep_their_text_and_nulls_leave() {
    let mut object =
        read_object(br#"{"b":1.50,"a":null,"c":[null,{"d":null}],"e":12345678901234567890}"#).unwrap();
    object.drop_nulls();
    assert_eq!(object.to_bytes(), br#"{"b":1.50,"c":[null,{}],"e":12345678901234567890}"#);
}

#[test]
fn pointers_reach_and_put() {
    let mut object = read_object(br#"{"tags":{"tags":[{"key":"a"}]}}"#).unwrap();
    let key: Pointer = "/tags/tags/0/key".parse().unwrap();
    assert_eq!(object.at(&key).and_then(Value::as_str), Some("a"));
    object.put(&"/nic/wanName".parse().unwrap(), Value::String("eth0".into())).unwrap();
    assert_eq!(object.to_bytes(), br#"{"tags":{"tags":[{"key":"a"}]},"nic":{"wanName":"eth0"}}"#);
    assert!(object.put(&"/tags/tags/0".parse().unwrap(), Value::Null).is_err());
    assert_eq!("/a~1b~0".parse::<Pointer>().unwrap().tokens(), ["a/b~"]);
    assert!("a".parse::<Pointer>().is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Number(n.into())),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| {
            let text = format!("{n:e}");
            Value::Number(if text.len() <= 40 { Number::from_checked(&text) } else { 0.into() })
        }),
        "[^\u{0}]{0,12}".prop_map(|text| Value::String(text.into())),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("[a-z0-9 \"\\\\é測]{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(value in any_value()) {
        let object: Object = [("v".to_owned(), value)].into_iter().collect();
        let bytes = object.to_bytes();
        let back = read_object(&bytes).unwrap();
        prop_assert_eq!(&back, &object);
        prop_assert_eq!(back.to_bytes(), bytes.clone());
        // and an independent parser reads the same
        let theirs: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let ours = serde_json::to_value(&object).unwrap();
        prop_assert_eq!(theirs, ours);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = read_object(&bytes);
        let mut framed = b"{\"a\":".to_vec();
        framed.extend_from_slice(&bytes);
        framed.push(b'}');
        let _ = read_object(&framed);
    }
}
