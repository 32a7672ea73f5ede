//! Data files of the tree: JSON or YAML, read strictly (no key twice), merged into one document.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::problem::Problem;

/// Reads a data file; the name tells JSON from YAML.
pub(super) fn read(file: &str, text: &str) -> Result<Value, Problem> {
    if file.ends_with(".json") {
        serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| Problem {
            file: file.to_owned(),
            line: u32::try_from(error.line()).ok(),
            message: error.to_string(),
        })
    } else {
        yaml_serde::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| Problem {
            file: file.to_owned(),
            line: error.location().and_then(|place| u32::try_from(place.line()).ok()),
            message: error.to_string(),
        })
    }
}

/// Puts `over` over `under`: objects merge deeply, everything else replaces.
pub(super) fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(slot) => merge(slot, value),
                    None => {
                        under.insert(key, value);
                    }
                }
            }
        }
        (slot, value) => *slot = value,
    }
}

/// Joins two documents that may not overlap; gives back the path at which they do.
pub(super) fn join(into: &mut Value, from: Value) -> Result<(), String> {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(slot) => join(slot, value).map_err(|path| format!(".{key}{path}"))?,
                    None => {
                        into.insert(key, value);
                    }
                }
            }
            Ok(())
        }
        _ => Err(String::new()),
    }
}

/// The document with `value` at `path` and nothing else.
pub(super) fn nest(path: &[&str], value: Value) -> Value {
    path.iter().rev().fold(value, |value, key| {
        let mut map = Map::new();
        map.insert((*key).to_owned(), value);
        Value::Object(map)
    })
}

/// JSON without a key twice in one object. The usual reader takes the last one, in silence.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Strict, E> {
        Ok(Strict(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Strict, E> {
        Ok(Strict(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Strict, E> {
        let number = serde_json::Number::from_f64(number).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Strict(Value::Number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Strict, E> {
        Ok(Strict(Value::String(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Strict(Value::Array(array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice in one object")));
            }
            let Strict(value) = members.next_value()?;
            map.insert(key, value);
        }
        Ok(Strict(Value::Object(map)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_twice_is_refused_with_its_line() {
        let problem = read("a/data.json", "{\"a\": 1,\n \"b\": {\"x\": 1, \"x\": 2}}").unwrap_err();
        assert_eq!(problem.line, Some(2));
        assert!(problem.message.contains("`x` stands twice"), "{problem}");
        assert!(read("a/data.yaml", "a: 1\na: 2\n").unwrap_err().message.contains("twice"));
    }

    #[test]
    fn overlays_merge_objects_and_replace_the_rest() {
        let mut under = json!({"a": {"x": 1, "y": [1, 2]}, "b": 1});
        merge(&mut under, json!({"a": {"y": [3], "z": null}}));
        assert_eq!(under, json!({"a": {"x": 1, "y": [3], "z": null}, "b": 1}));
        assert_eq!(join(&mut under, json!({"a": {"x": 2}})), Err(".a.x".to_owned()));
    }
}
