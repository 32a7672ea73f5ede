//! Texts in families, made here: what is no JSON, what is JSON, what parsers differ about. Each stands alone in a document, as a
//! member's value and in a list, so that a slip in one place of the reader shows.

use super::*;

mod texts;

use texts::{NO_NUMBERS, NO_STRUCTURES, NO_WORDS};

/// How each stands in a document: a text of its own, a member, an element, behind and before others.
fn documents(text: &str) -> [String; 5] {
    [
        format!("{{\"v\":{text}}}"),
        format!("{{\"v\":[{text}]}}"),
        format!("{{\"v\":[0, {text}, 0]}}"),
        format!("{{\"u\":0,\"v\":{text},\"w\":0}}"),
        format!("{{\"v\":{{\"w\":{text} }}}}"),
    ]
}

fn refused(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(read_object(bytes).is_err(), "taken: {text}");
    assert!(read_message(bytes).is_err(), "taken: {text}");
}

/// Texts of strings, without their quotes, that are none.
fn no_strings() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    all.extend((0..0x20_u8).map(|control| vec![b'a', control, b'b']));
    let letters = (0x20..0x7f_u8).filter(|letter| !b"\"\\/bfnrtu".contains(letter));
    all.extend(letters.map(|letter| vec![b'\\', letter]));
    let escapes = [
        "\\",
        "\\u",
        "\\u1",
        "\\u12",
        "\\u123",
        "\\u123g",
        "\\ug123",
        "\\u 123",
        "\\u-123",
        "\\u+123",
        "\\u{41}",
        "\\U0041",
        "\\x41",
        "\\é",
        "\\u0000",
        "a\\u0000b",
        "\\ud800",
        "\\udbff",
        "\\udc00",
        "\\udfff",
        "\\ud800a",
        "\\ud800\\n",
        "\\ud800\\u",
        "\\ud800\\u0041",
        "\\ud800\\ud800",
        "\\udc00\\ud800",
        "\\ud83d\\u de00",
        "\\ud83d\\\\ude00",
        "\\uD8\\u00",
        "\\ud800\\udbff",
        "\\ud83d \\ude00",
    ];
    all.extend(escapes.map(|escape| escape.as_bytes().to_vec()));
    // UTF-8: a byte alone, cut short, longer than need be, half of a pair, beyond the last letter.
    let bytes: [&[u8]; 18] = [
        b"\x80",
        b"\xbf",
        b"\xc0",
        b"\xc1\xbf",
        b"\xc0\x80",
        b"\xc3",
        b"\xc3(",
        b"\xe2\x82",
        b"\xe2(\xa1",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x9f\x98",
        b"\xf0\x80\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
    ];
    all.extend(bytes.map(<[u8]>::to_vec));
    all
}

#[test]
fn what_is_no_json_is_refused_wherever_it_stands() {
    let mut families = 0;
    for text in [NO_NUMBERS, NO_WORDS, NO_STRUCTURES].concat() {
        documents(text).iter().for_each(|document| refused(document.as_bytes()));
        refused(text.as_bytes());
        families += 1;
    }
    for text in no_strings() {
        for (before, after) in [("{\"v\":\"", "\"}"), ("{\"", "\":0}"), ("{\"v\":[\"", "\",0]}")] {
            refused(&[before.as_bytes(), &text, after.as_bytes()].concat());
        }
        families += 1;
    }
    assert!(families >= 340, "{families}");
}

#[test]
fn what_ends_too_early_or_too_late_or_is_written_otherwise_is_refused() {
    let whole = "{ \"a\" : [ 1.5e-3 , \"\\ud83d\\ude00é\" , true , null , { \"b\" : { } , \"c\" : [ ] } ] }";
    assert!(read_object(whole.as_bytes()).is_ok());
    for end in 0..whole.len() {
        refused(&whole.as_bytes()[..end]);
    }
    for tail in ["x", "}", "]", ",", "{}", "0", "\"", "\u{0}", "\u{feff}", "//", "\u{a0}", "\u{1f}"] {
        refused(format!("{whole}{tail}").as_bytes());
    }
    for top in ["[]", "[{}]", "0", "\"a\"", "null", "true", "", " ", "\n"] {
        refused(top.as_bytes());
    }
    let wide = |order: fn(u16) -> [u8; 2]| whole.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    refused(&wide(u16::to_le_bytes));
    refused(&wide(u16::to_be_bytes));
    refused(&[b"\xff\xfe".as_slice(), &wide(u16::to_le_bytes)].concat());
    refused(&[b"\xef\xbb\xbf".as_slice(), whole.as_bytes()].concat());
}

/// What parsers may do as they like about: here it is refused.
#[test]
fn what_parsers_differ_about_is_refused() {
    let long = "1".repeat(41);
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let (fraction, exponent) = (format!("0.{}", "1".repeat(40)), format!("1e{}", "0".repeat(40)));
    for text in [
        "1e400",
        "-1e400",
        "123123e100000",
        "1e99999999999",
        &long,
        &fraction,
        &exponent,
        &deep(16),
        &deep(500),
        &deep(100_000),
    ] {
        refused(format!("{{\"v\":{text}}}").as_bytes());
    }
}

#[test]
fn what_is_json_is_taken_as_it_stands() {
    let numbers = [
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "123",
        "0.5",
        "-0.5",
        "1.0",
        "1.50",
        "0e1",
        "0e+1",
        "0E-1",
        "1e5",
        "1E5",
        "1e+5",
        "1E-5",
        "1.5e10",
        "-1.5E-10",
        "9007199254740993",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.1e1",
        "1e-400",
        "5e-324",
        "1.7976931348623157e308",
        "-9223372036854775808",
        "-9223372036854775809",
        "0.00000000000000000000000001",
        "20e1",
        "123.456e78",
    ];
    for text in numbers {
        for document in documents(text) {
            let object = read_object(document.as_bytes()).expect(&document);
            assert!(String::from_utf8(object.to_bytes()).unwrap().contains(text), "{text} is kept");
            let theirs: serde_json::Value = serde_json::from_str(&document).unwrap();
            assert_eq!(theirs, serde_json::from_slice::<serde_json::Value>(&object.to_bytes()).unwrap());
        }
    }
    let strings = [
        "",
        " ",
        "a",
        "\\\"",
        "\\\\",
        "\\/",
        "/",
        "\\b\\f\\n\\r\\t",
        "\\u0041",
        "\\u00e9",
        "\\u00E9",
        "é",
        "測試",
        "\\u6d4b",
        "\\ud83d\\ude00",
        "\\uD83D\\uDE00",
        "😀",
        "\\udbff\\udfff",
        "\u{10ffff}",
        "\u{7f}",
        "\\u007f",
        "\u{80}",
        "\u{a0}",
        "\u{2028}\u{2029}",
        "\\u2028",
        "\u{feff}",
        "\\ufeff",
        "\\uffff",
        "\u{fffd}",
        "\u{e000}",
        "\\u0001\\u001f",
        "\\\\u0000",
        "\\\\n",
        "a/*b*/c//d",
        "{}[],:",
        "null",
        "0",
        "\u{301}",
        "e\\u0301",
        "\u{202e}x",
        "\\u000a",
    ];
    for text in strings {
        for document in documents(&format!("\"{text}\"")) {
            let object = read_object(document.as_bytes()).expect(&document);
            let theirs: serde_json::Value = serde_json::from_str(&document).unwrap();
            assert_eq!(
                theirs,
                serde_json::from_slice::<serde_json::Value>(&object.to_bytes()).unwrap(),
                "{text}"
            );
        }
    }
    let structures = [
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[]]",
        "[[],[]]",
        "[{}]",
        "{\"a\":{}}",
        "{\"\":0}",
        "{\"a b\":0}",
        "{\"a\":0,\"b\":0}",
        "{\"é\":0}",
        "{\"\\u0041\":0}",
        "[null]",
        "[true,false]",
        "[ 0 ]",
        "[0\n,\t0\r]",
        "[0,[0,[0]]]",
        "{\"a\":[{\"a\":[{}]}]}",
        "{\"a\\\"b\":0}",
        "{\"a\\\\\":0}",
        "true",
        "false",
        "null",
        "\t\n\r 0 \r\n\t",
    ];
    for text in structures {
        for document in documents(text) {
            let object = read_object(document.as_bytes()).expect(&document);
            let theirs: serde_json::Value = serde_json::from_str(&document).unwrap();
            assert_eq!(
                theirs,
                serde_json::from_slice::<serde_json::Value>(&object.to_bytes()).unwrap(),
                "{text}"
            );
        }
    }
}
