//! Names of members that two readers could take for different ones, and texts that the rules' engine could take for numbers.
//!
//! Some readers of JSON match names without regard to case, and by Unicode's rules: to Go's `encoding/json` a long s is an s, so
//! `in\u{17f}tanceId` sets `instanceId`, and Java's `equalsIgnoreCase` takes a dotless i for an i. Rules and records would have
//! seen two names. No field of the cloud's API has other letters than ASCII's, and no request of its SDKs has members that users
//! name, so on creates and changes others are refused; values, tags among them, may hold anything.

use super::mistake::{Mistake, MistakeCode};
use crate::json::{Object, Pointer, Value};

/// How the engine of the rules spells, in its own JSON, a number that no double holds. It reads an object with this one member
/// as that number wherever it reads JSON, and one with a billion digits keeps a thread for good.
const ENGINE_NUMBER: &str = "$serde_json::private::Number";

/// The first name or text in the document that must not be there.
pub fn check(document: &Object) -> Option<Mistake> {
    let mut way = Vec::new();
    in_object(document, &mut way)
}

/// A letter as the readers that fold most see it: of those outside ASCII, these four become ASCII letters.
pub(super) fn folded(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        other => other.to_ascii_lowercase(),
    }
}

fn in_object<'a>(object: &'a Object, way: &mut Vec<Step<'a>>) -> Option<Mistake> {
    for (name, value) in object.iter() {
        way.push(Step::Name(name));
        if !name.is_ascii() {
            return Some(mistake(way, "is a name with letters that no field of the cloud has", NAME_REMEDY));
        }
        if name.contains(ENGINE_NUMBER) {
            return Some(mistake(
                way,
                "is a name that the rules cannot be asked about",
                "choose another name",
            ));
        }
        let found = in_value(value, way);
        if found.is_some() {
            return found;
        }
        way.pop();
    }
    None
}

fn in_value<'a>(value: &'a Value, way: &mut Vec<Step<'a>>) -> Option<Mistake> {
    match value {
        Value::Object(object) => in_object(object, way),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                way.push(Step::Place(place));
                let found = in_value(item, way);
                if found.is_some() {
                    return found;
                }
                way.pop();
            }
            None
        }
        Value::String(text) if is_engine_number(text) => {
            let what = "holds a text that the rules cannot be asked about";
            Some(mistake(way, what, format!("write it without `{ENGINE_NUMBER}`")))
        }
        _ => None,
    }
}

/// Whether some part of a text, read as JSON, holds a member of that name.
fn is_engine_number(text: &str) -> bool {
    text.contains('{')
        && (text.contains(ENGINE_NUMBER) || (text.contains("\\u") && unescaped(text).contains(ENGINE_NUMBER)))
}

/// The text with every `\uXXXX` in it replaced, whatever stands before: a rule may cut the text anywhere.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let letter =
            part.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match letter {
            Some(letter) => {
                while whole.ends_with('\\') {
                    whole.pop();
                }
                whole.push(letter);
                whole.push_str(part.get(4..).unwrap_or_default());
            }
            None => {
                whole.push_str("\\u");
                whole.push_str(part);
            }
        }
    }
    whole
}

const NAME_REMEDY: &str = "write the field as the cloud's documentation spells it, in ASCII letters";

enum Step<'a> {
    Name(&'a str),
    Place(usize),
}

fn mistake(way: &[Step<'_>], message: &str, remedy: impl Into<String>) -> Mistake {
    let token = |step: &Step<'_>| match step {
        Step::Name(name) => name.chars().take(64).collect(),
        Step::Place(place) => place.to_string(),
    };
    let pointer = Pointer::from_tokens(way.iter().map(token));
    Mistake { pointer, code: MistakeCode::Value, message: message.to_owned(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    fn found(text: &str) -> Option<String> {
        check(&read_object(text.as_bytes()).unwrap()).map(|mistake| mistake.pointer.to_string())
    }

    #[test]
    fn names_are_ascii_at_any_depth_and_values_are_free() {
        assert_eq!(found("{\"in\u{17f}tanceId\":\"i-1\"}"), Some("/in\u{17f}tanceId".to_owned()));
        assert_eq!(found(r#"{"pa\u017f\u017fword":"x"}"#), Some("/pa\u{17f}\u{17f}word".to_owned()));
        assert_eq!(found(r#"{"disks":[{},{"\u212aeyId":"x"}]}"#), Some("/disks/1/\u{212a}eyId".to_owned()));
        assert_eq!(found(r#"{"名":"x"}"#), Some("/名".to_owned()));
        for free in [
            r#"{"instanceName":"测试","tags":{"tags":[{"key":"kostenträger","value":"ſ"}]}}"#,
            r#"{"labels":{"a-b.c/d e":"ü"},"initScript":"echo \\u00e4 {}","x":null}"#,
        ] {
            assert_eq!(found(free), None, "{free}");
        }
    }

    #[test]
    fn a_number_of_the_engines_own_spelling_is_refused_however_it_is_written() {
        for text in [
            r#"{"$serde_json::private::Number":"1e999999999"}"#,
            r#"{"name":"{\"$serde_json::private::Number\":\"1e999999999\"}"}"#,
            r#"{"name":"a {\"\\u0024serde_json::private::Number\":\"1e999999999\"}"}"#,
            r#"{"name":"{\"\\\\u0024serde_json::private::Number\":\"1e9\"}"}"#,
            r#"{"a":[{"b":"{\"$serde_\\u006as\\u006fn::private::Number\":\"1\"}"}]}"#,
        ] {
            assert!(found(text).is_some(), "{text}");
        }
    }

    /// What this module takes for the letters that fold into ASCII, by Rust's tables of simple and full case mapping.
    #[test]
    fn no_other_letter_becomes_an_ascii_letter() {
        for letter in ('\u{80}'..=char::MAX).filter(|letter| letter.is_alphabetic()) {
            let lower: String = letter.to_lowercase().collect();
            let upper: String = letter.to_uppercase().collect();
            let one = |text: &str| text.len() == 1 && text.is_ascii();
            let folds = one(&lower) || one(&upper) || letter == '\u{130}';
            assert_eq!(folds, folded(letter).is_ascii(), "{letter}");
        }
    }
}
