//! Equal orders look equal, whenever they were signed: a keyed digest over who asks for what.
//!
//! The key is kept in the ledger, where all replicas find it, whatever becomes of the secrets of cloud accounts. Whoever reads
//! the ledger has it, and could try passwords and scripts until a digest fits: so of each of them only two bytes of a digest of
//! its own enter. Two orders that differ in nothing but a password are taken for equal once in 65,536 times.

use aws_lc_rs::hmac;

use crate::api::Call;
use crate::api::secrets::is_secret;
use crate::json::{Object, Value};

/// What digests are keyed with.
#[derive(Clone)]
pub struct MarkKey {
    key: hmac::Key,
    /// Whether secrets enter whole: the key is itself a secret.
    whole: bool,
}

impl MarkKey {
    /// The key that a ledger keeps.
    pub fn kept(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), whole: false }
    }

    /// Derived from the secret of a cloud account, as it was done before ledgers had a key of their own: only to know again what
    /// was booked then.
    pub fn new(secret: &crate::secret::Secret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let derived = hmac::sign(&key, b"zengate fingerprint 1");
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), whole: true }
    }

    /// The fingerprint of an order: account, team, service, action, version and document, in lower-case hex. The order of keys
    /// and members that are null do not matter.
    pub fn fingerprint(&self, account: &str, team: &str, call: &Call, document: &Object) -> String {
        let mut text = Vec::with_capacity(1024);
        for part in [account, team, call.action.service, call.action.name, call.version] {
            text.extend_from_slice(&part.len().to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        self.write_object(&mut text, document);
        data_encoding::HEXLOWER.encode(hmac::sign(&self.key, &text).as_ref())
    }

    fn write_object(&self, into: &mut Vec<u8>, object: &Object) {
        let mut members: Vec<(&str, &Value)> =
            object.iter().filter(|(_, value)| !matches!(value, Value::Null)).collect();
        members.sort_unstable_by(|one, other| one.0.cmp(other.0));
        into.push(b'{');
        for (name, value) in members {
            write_text(into, name);
            if self.whole || !is_secret(name) {
                self.write_value(into, value);
            } else {
                self.write_secret(into, value);
            }
        }
        into.push(b'}');
    }

    /// Enough to tell most secrets apart, and too little to find one by trying.
    fn write_secret(&self, into: &mut Vec<u8>, value: &Value) {
        let mut text = b"secret".to_vec();
        self.write_value(&mut text, value);
        into.push(b's');
        into.extend(hmac::sign(&self.key, &text).as_ref().iter().take(2));
    }

    fn write_value(&self, into: &mut Vec<u8>, value: &Value) {
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
                items.iter().for_each(|item| self.write_value(into, item));
                into.push(b']');
            }
            Value::Object(object) => self.write_object(into, object),
        }
    }
}

impl std::fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarkKey(..)")
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

    fn mark(key: &MarkKey, team: &str, body: &str) -> String {
        let action = catalog::lookup("vm", "CreateInstances").unwrap();
        let call = Call { action, version: action.versions.last().unwrap() };
        key.fingerprint("main", team, &call, &read_object(body.as_bytes()).unwrap())
    }

    #[test]
    fn equal_orders_are_equal_and_others_are_not() {
        for key in [MarkKey::new(&Secret::new("one")), MarkKey::kept(&[7; 32])] {
            let first = mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p1","x":null,"n":[1,"2"]}"#);
            assert_eq!(first, mark(&key, "payments", r#"{ "n":[1,"2"], "password":"p1", "zoneId":"SEL-A"}"#));
            let others = [
                mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p2","n":[1,"2"]}"#),
                mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p1","n":["1",2]}"#),
                mark(&key, "payments", r#"{"zoneId":"SEL-A","password":"p1","n":[1],"2":{}}"#),
                mark(&key, "payments", r#"{"zoneId":"SEL-A","n":[1,"2"]}"#),
                mark(&key, "search", r#"{"zoneId":"SEL-A","password":"p1","n":[1,"2"]}"#),
                mark(
                    &MarkKey::new(&Secret::new("two")),
                    "payments",
                    r#"{"zoneId":"SEL-A","password":"p1","n":[1,"2"]}"#,
                ),
                mark(
                    &MarkKey::kept(&[8; 32]),
                    "payments",
                    r#"{"zoneId":"SEL-A","password":"p1","n":[1,"2"]}"#,
                ),
            ];
            for other in others {
                assert_ne!(first, other);
            }
            assert!(format!("{key:?}") == "MarkKey(..)");
        }
    }

    /// Who holds the key of the ledger finds tens of passwords in a million that fit, and not which of them it was.
    #[test]
    fn a_password_cannot_be_found_by_trying() {
        let key = MarkKey::kept(&[7; 32]);
        let of = |password: usize| {
            mark(&key, "payments", &format!(r#"{{"zoneId":"SEL-A","password":"p{password}"}}"#))
        };
        let kept = of(0);
        assert!((1..400_000).any(|other| of(other) == kept));
    }
}
