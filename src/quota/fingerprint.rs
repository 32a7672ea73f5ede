//! Equal orders look equal, whenever they were signed: a keyed digest over who asks for what.
//!
//! Keyed, because passwords and scripts are part of what is asked for and the digest is written down. The key comes from the
//! cloud account's secret, so that replicas and restarts agree on it and nobody without that secret can try passwords.

use aws_lc_rs::hmac;

use crate::api::Call;
use crate::json::{Object, Value};

/// What the digests of an account are keyed with.
#[derive(Clone)]
pub struct MarkKey(hmac::Key);

impl MarkKey {
    /// Derived from the secret of a cloud account.
    pub fn new(secret: &crate::secret::Secret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let derived = hmac::sign(&key, b"zengate fingerprint 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The fingerprint of an order: account, team, service, action, version and document, in lower-case hex. The order of keys
    /// and members that are null do not matter.
    pub fn fingerprint(&self, account: &str, team: &str, call: &Call, document: &Object) -> String {
        let mut text = Vec::with_capacity(1024);
        for part in [account, team, call.action.service, call.action.name, call.version] {
            text.extend_from_slice(&part.len().to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        write_object(&mut text, document);
        hex::encode(hmac::sign(&self.0, &text).as_ref())
    }
}

impl std::fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarkKey(..)")
    }
}

fn write_object(into: &mut Vec<u8>, object: &Object) {
    let mut members: Vec<(&str, &Value)> =
        object.iter().filter(|(_, value)| !matches!(value, Value::Null)).collect();
    members.sort_unstable_by(|one, other| one.0.cmp(other.0));
    into.push(b'{');
    for (name, value) in members {
        write_text(into, name);
        write_value(into, value);
    }
    into.push(b'}');
}

fn write_value(into: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => into.push(b'n'),
        Value::Bool(flag) => into.push(if *flag { b't' } else { b'f' }),
        Value::Number(number) => {
            into.push(b'#');
            write_text(into, number.text());
        }
        Value::String(text) => write_text(into, text),
        Value::Array(items) => {
            into.push(b'[');
            items.iter().for_each(|item| write_value(into, item));
            into.push(b']');
        }
        Value::Object(object) => write_object(into, object),
    }
}

/// With its length before it, so that no two different documents are written alike.
fn write_text(into: &mut Vec<u8>, text: &str) {
    into.push(b'"');
    into.extend_from_slice(&text.len().to_le_bytes());
    into.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::catalog;
    use crate::json::read_object;
    use crate::secret::Secret;

    #[test]
    fn equal_orders_are_equal_and_others_are_not() {
        let key = MarkKey::new(&Secret::new("one"));
        let action = catalog::lookup("vm", "CreateInstances").unwrap();
        let call = Call { action, version: action.versions.last().unwrap() };
        let mark = |key: &MarkKey, team: &str, body: &str| {
            key.fingerprint("main", team, &call, &read_object(body.as_bytes()).unwrap())
        };
        let first = mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p1","x":null,"n":[1,"2"]}"#);
        assert_eq!(first, mark(&key, "payments", r#"{ "n":[1,"2"], "password":"p1", "zoneId":"SEL-A"}"#));
        let others = [
            mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p2","n":[1,"2"]}"#),
            mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p1","n":["1",2]}"#),
            mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p1","n":[1],"2":{}}"#),
            mark(&key, "search", r#"{"zoneId":"SEL-A","password":"p1","n":[1,"2"]}"#),
            mark(
                &MarkKey::new(&Secret::new("two")),
                "payments",
                r#"{"zoneId":"SEL-A","password":"p1","n":[1,"2"]}"#,
            ),
        ];
        for other in others {
            assert_ne!(first, other);
        }
        assert!(!format!("{key:?}").contains("one"));
    }
}
