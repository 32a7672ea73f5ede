//! What the operator does not want in records is taken out of them before a line is made.

/// Takes what is at the path out of the value, and notes where it was.
pub(super) fn erase(
    value: &mut serde_json::Value,
    path: &[String],
    here: &mut String,
    erased: &mut Vec<String>,
) {
    let Some((step, rest)) = path.split_first() else { return };
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let mut inside = |key: &str, inner: &mut serde_json::Value| {
        let length = here.len();
        here.push('/');
        here.push_str(&escaped(key));
        if rest.is_empty() {
            *inner = serde_json::Value::Null;
            erased.push(here.clone());
        } else {
            erase(inner, rest, here, erased);
        }
        here.truncate(length);
    };
    match value {
        serde_json::Value::Object(members) => {
            for (key, inner) in members.iter_mut().filter(|(key, _)| step == "*" || step == *key) {
                inside(key, inner);
            }
        }
        serde_json::Value::Array(items) => {
            for (place, inner) in items.iter_mut().enumerate() {
                let place = place.to_string();
                if *step == "*" || *step == place {
                    inside(&place, inner);
                }
            }
        }
        _ => {}
    }
}
