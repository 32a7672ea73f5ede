//! Which members of a request are secrets, wherever they stand.
//!
//! Records, logs and policy inputs never hold them; policies see facts about them instead, so a rule such as "no
//! password login" still works and a rule that prints its input gives nothing away.

use crate::json::{Object, Value};

/// Members whose value is a secret, compared without case. From the request structs of the Go SDK (0.2.x) that carry
/// credentials, keys or scripts: vm and bmc `password`, `initScript`, `userData`; zec `password`, `userData`; ccs and zls
/// `privateKey`, `secretKey`; zos `content` (a command to run); certificate uploads.
const SECRET_KEYS: &[&str] = &[
    "accesskeysecret",
    "accesskeypassword",
    "authkey",
    "certificatecontent",
    "certificatekey",
    "content",
    "cookie",
    "credential",
    "credentials",
    "initscript",
    "oldpassword",
    "newpassword",
    "passphrase",
    "password",
    "privatekey",
    "psk",
    "presharedkey",
    "secret",
    "secretaccesskey",
    "secretkey",
    "token",
    "userdata",
    "apikey",
    "commandcontent",
];

/// Whether the member `key` holds a secret.
pub fn is_secret(key: &str) -> bool {
    SECRET_KEYS.iter().any(|secret| secret.eq_ignore_ascii_case(key))
}

/// The request as policies and records see it: each secret replaced by `{"set": true, "length": <bytes>}`.
pub fn without_secrets(document: &Object) -> Object {
    document
        .iter()
        .map(|(key, value)| (key.to_owned(), if is_secret(key) { fact(value) } else { inside(value) }))
        .collect()
}

fn inside(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(without_secrets(object)),
        Value::Array(items) => Value::Array(items.iter().map(inside).collect()),
        other => other.clone(),
    }
}

fn fact(value: &Value) -> Value {
    let length = match value {
        Value::String(text) => text.len(),
        other => other.to_text().len(),
    };
    let set = !matches!(value, Value::Null) && value.as_str() != Some("");
    Value::Object(
        [
            ("set".to_owned(), Value::Bool(set)),
            ("length".to_owned(), Value::Number(i64::try_from(length).unwrap_or(i64::MAX).into())),
        ]
        .into_iter()
        .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    #[test]
    fn secrets_become_facts_at_any_depth() {
        let document =
            read_object(br##"{"password":"Abc123!x","disks":[{"userData":"#!/bin/sh"}],"zoneId":"SEL-A","InitScript":""}"##)
                .unwrap();
        assert_eq!(
            String::from_utf8(without_secrets(&document).to_bytes()).unwrap(),
            r##"{"password":{"set":true,"length":8},"disks":[{"userData":{"set":true,"length":9}}],"zoneId":"SEL-A","InitScript":{"set":false,"length":0}}"##
        );
    }
}
