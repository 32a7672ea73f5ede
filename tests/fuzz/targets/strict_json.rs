//! The strict reader: what it takes, another reader takes too and understands in the same way; writing it and reading it again
//! changes nothing.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zengate::json::{Object, Value, read_object};

fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(one), serde_json::Value::Bool(other)) => one == other,
        (Value::String(one), serde_json::Value::String(other)) => &**one == other.as_str(),
        (Value::Number(one), serde_json::Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one == other,
            _ => one.as_f64() == other.as_f64(),
        },
        (Value::Array(one), serde_json::Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), serde_json::Value::Object(other)) => members(one, other),
        _ => false,
    }
}

fn members(ours: &Object, theirs: &serde_json::Map<String, serde_json::Value>) -> bool {
    // No member was dropped as a duplicate: the numbers agree, so every key is there once.
    ours.len() == theirs.len()
        && ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|other| same(value, other)))
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(object) = read_object(bytes) else { return };
    let written = object.to_bytes();
    assert_eq!(read_object(&written).expect("what was written is read"), object);
    assert_eq!(read_object(&written).unwrap().to_bytes(), written);
    // A number that no double holds is refused by the other reader.
    let Ok(theirs) = serde_json::from_slice::<serde_json::Map<_, _>>(&written) else { return };
    assert!(members(&object, &theirs), "{}", String::from_utf8_lossy(&written));
});
