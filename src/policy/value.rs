//! Between the gateway's documents and the engine's values.
//!
//! The input is built from our own tree, never from the client's text: the engine's JSON reader takes the last of two
//! equal keys, in silence.

use regorus::Value;

use super::input::Input;
use crate::json;

/// The input, as the interpreter is given it.
pub(super) fn input(input: &Input) -> Value {
    let plain = |part: Result<serde_json::Value, serde_json::Error>| {
        part.map_or(Value::Null, |part| from_plain(&part))
    };
    let mut members = vec![
        (key("action"), plain(serde_json::to_value(&input.action))),
        (key("principal"), plain(serde_json::to_value(&input.principal))),
        (key("request"), object(&input.request)),
        (key("client"), plain(serde_json::to_value(&input.client))),
        (key("now"), Value::from(input.now.as_str())),
        (key("settings"), from_plain(&input.settings)),
    ];
    if let Some(create) = &input.create {
        members.push((key("create"), plain(serde_json::to_value(create))));
    }
    if let Some(targets) = &input.targets {
        members.push((key("targets"), plain(serde_json::to_value(targets))));
    }
    from_members(members)
}

fn key(text: &str) -> Value {
    Value::from(text)
}

fn from_members(members: impl IntoIterator<Item = (Value, Value)>) -> Value {
    Value::from(members.into_iter().collect::<std::collections::BTreeMap<_, _>>())
}

fn object(object: &json::Object) -> Value {
    from_members(object.iter().map(|(name, value)| (key(name), from_json(value))))
}

fn from_json(value: &json::Value) -> Value {
    match value {
        json::Value::Null => Value::Null,
        json::Value::Bool(flag) => Value::from(*flag),
        json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(exact), _) => Value::from(exact),
            (None, Some(near)) => Value::from(near),
            (None, None) => Value::from(number.text()),
        },
        json::Value::String(text) => Value::from(text.as_str()),
        json::Value::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        json::Value::Object(members) => object(members),
    }
}

/// The engine's value of a plain document.
pub(super) fn from_plain(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(exact), ..) => Value::from(exact),
            (None, Some(exact), _) => Value::from(exact),
            (None, None, near) => Value::from(near.unwrap_or(f64::MAX)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::from(items.iter().map(from_plain).collect::<Vec<_>>()),
        serde_json::Value::Object(members) => {
            from_members(members.iter().map(|(name, value)| (key(name), from_plain(value))))
        }
    }
}

/// A plain document from the engine's value, sets as arrays; none where it holds what JSON cannot say.
pub(super) fn to_plain(value: &Value) -> Option<serde_json::Value> {
    Some(match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(exact), _) => exact.into(),
            (None, Some(exact)) => exact.into(),
            (None, None) => serde_json::Number::from_f64(number.as_f64()?)?.into(),
        },
        Value::String(text) => serde_json::Value::String(text.to_string()),
        Value::Array(items) => items.iter().map(to_plain).collect::<Option<Vec<_>>>()?.into(),
        Value::Set(items) => items.iter_sorted().map(to_plain).collect::<Option<Vec<_>>>()?.into(),
        Value::Object(members) => {
            let mut map = serde_json::Map::new();
            for (name, inner) in members.iter_sorted() {
                let Value::String(name) = name else { return None };
                map.insert(name.to_string(), to_plain(inner)?);
            }
            map.into()
        }
        Value::Undefined => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    #[test]
    fn integers_stay_exact_and_the_rest_is_near() {
        let document =
            read_object(br#"{"a":9007199254740993,"b":1.5,"c":12345678901234567890123,"d":[null,true]}"#)
                .unwrap();
        let value = object(&document);
        let text = value.to_json_str().unwrap();
        assert!(text.contains("9007199254740993") && text.contains("1.5"), "{text}");
        let plain = serde_json::json!({"x": [1, -2, 2.5, "s", null, {"y": u64::MAX}]});
        assert_eq!(to_plain(&from_plain(&plain)), Some(plain));
        assert_eq!(to_plain(&Value::Undefined), None);
    }
}
