//! Which members of a request are secrets, wherever they stand.
//!
//! Records, logs and policy inputs never hold them; policies see facts about them instead, so a rule such as "no
//! password login" still works and a rule that prints its input gives nothing away.

use std::fmt;
use std::sync::LazyLock;

use super::names::folded;
use crate::json::{Object, Value};

/// Members whose value is a secret, compared without case, and where the request structs of the SDKs hold them.
///
/// A name stands for every action: no struct uses one of these for something harmless. Not among them, because rules may
/// judge them and they open nothing: public keys (`publicKey`, `sshKeys`), ids of keys and certificates (`keyId`,
/// `certificateId`), `clientToken` (bmc, an order number of the client's choice) and `tokenLimit` (aigw, a number).
const SECRET_KEYS: &[&str] = &[
    // Passwords.
    "password", // vm, bmc, zec: creates and resets; ipt bgp; sdn bgpConnection, ipSecBgpConnection, backupIpSec
    "psk",      // sdn CreateCloudRouter, AddCloudRouterEdgePoints: edgePoints[], backupIpSec
    // What a machine runs.
    "initScript", // vm CreateInstances, ResetInstance
    "userData", // bmc CreateInstances, ReinstallInstance; zec CreateZecInstances, ResetInstance, ResetInstances
    "ipxeUrl",  // bmc CreateInstances, ReinstallInstance: such addresses often carry credentials
    "content",  // zos CreateCommand, ModifyCommand
    // Keys.
    "certificateContent", // zga, cdn CreateCertificate, ModifyCertificate
    "certificateKey",     // zga, cdn CreateCertificate, ModifyCertificate: the private key
    "pairingKey",         // sdn Describe...Regions, Describe...VlanUsage: a key of another cloud
    // In no request so far. Names that mean a secret wherever they are met, for requests that the vendor adds.
    "accessKeyPassword",
    "accessKeySecret",
    "apiKey",
    "authKey",
    "commandContent",
    "cookie",
    "credential",
    "credentials",
    "newPassword",
    "oldPassword",
    "passphrase",
    "preSharedKey",
    "privateKey",
    "secret",
    "secretAccessKey",
    "secretKey",
    "token",
];

/// Whether the member `key` holds a secret.
pub fn is_secret(key: &str) -> bool {
    if key.is_ascii() {
        return may_be_one(key) && SECRET_KEYS.iter().any(|secret| secret.eq_ignore_ascii_case(key));
    }
    // No such name passes, but what is refused is recorded too.
    let key: String = key.chars().map(folded).collect();
    SECRET_KEYS.iter().any(|secret| secret.eq_ignore_ascii_case(&key))
}

/// Whether a secret's name begins as this one and is as long: nearly every key of every document is told by that to be none.
fn may_be_one(key: &str) -> bool {
    /// The lengths of names, a bit each, by their first letter.
    static LENGTHS: LazyLock<[u32; 256]> = LazyLock::new(|| {
        let mut lengths = [0; 256];
        for name in SECRET_KEYS {
            let first = name.bytes().next().map(|first| first.to_ascii_lowercase());
            if let Some(known) = first.and_then(|first| lengths.get_mut(usize::from(first))) {
                *known |= length_bit(name);
            }
        }
        lengths
    });
    let first = key.bytes().next().unwrap_or_default().to_ascii_lowercase();
    LENGTHS.get(usize::from(first)).is_some_and(|known| known & length_bit(key) != 0)
}

/// Lengths from 31 on share a bit.
fn length_bit(name: &str) -> u32 {
    1 << name.len().min(31)
}

/// Whether there is a secret in it that says anything.
pub fn has_any(document: &Object) -> bool {
    document.iter().any(|(key, value)| if is_secret(key) { is_set(value) } else { has_any_inside(value) })
}

fn has_any_inside(value: &Value) -> bool {
    match value {
        Value::Object(object) => has_any(object),
        Value::Array(items) => items.iter().any(has_any_inside),
        _ => false,
    }
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null) && value.as_str() != Some("")
}

/// The request as policies and records see it: each secret replaced by `{"set": true, "length": <bytes>}`.
pub fn without_secrets(document: &Object) -> Object {
    document.with_values(|key, value| if is_secret(key) { fact(value) } else { inside(value) })
}

// Here and not derived, so that no `{:?}` of whatever holds a request ever shows what is in one.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&without_secrets(self).to_bytes()))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&inside(self).to_text())
    }
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
    Value::Object(
        [
            ("set".to_owned(), Value::Bool(is_set(value))),
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

    #[test]
    fn ordinary_names_stay_visible() {
        for name in [
            "zoneId",
            "keyId",
            "sshKeys",
            "publicKey",
            "certificateId",
            "clientToken",
            "tokenLimit",
            "instanceName",
            "resourceGroupId",
            "tags",
            "key",
            "value",
            "commandId",
            "description",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn debug_shows_no_secret_of_a_document_nor_of_what_holds_one() {
        use crate::api::{Call, catalog};
        use crate::policy::case::Asked;
        let action = catalog::lookup("vm", "ResetInstancesPassword").unwrap();
        let call = Call { action, version: action.versions.last().unwrap() };
        let text = br#"{"instanceIds":["i-1"],"password":"hunter2","x":{"initScript":"hunter2"}}"#;
        let document = read_object(text).unwrap();
        let value = Value::Array(vec![Value::Object(document.clone())]);
        let asked = Asked::read(call, document.clone(), &[]).unwrap();
        for shown in [format!("{document:?}"), format!("{value:#?}"), format!("{asked:?}")] {
            assert!(shown.contains("i-1") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_name_that_some_reader_folds_into_a_secrets_is_one() {
        for name in
            ["pa\u{17f}\u{17f}word", "PA\u{17f}SWORD", "to\u{212a}en", "\u{131}nitScript", "ap\u{130}Key"]
        {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("pässword"));
    }

    #[test]
    fn nothing_of_a_secret_remains_whatever_its_type() {
        let document = read_object(
            br##"{"PASSWORD":{"value":"hunter2"},"psk":["hunter2"],"content":72623859790382856}"##,
        )
        .unwrap();
        let text = String::from_utf8(without_secrets(&document).to_bytes()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("72623859790382856"), "{text}");
    }

    /// Every name is given once: the list is compared without case.
    #[test]
    fn the_list_has_no_twins() {
        let folded: std::collections::HashSet<_> =
            SECRET_KEYS.iter().map(|key| key.to_ascii_lowercase()).collect();
        assert_eq!(folded.len(), SECRET_KEYS.len());
        assert!(SECRET_KEYS.iter().all(|key| is_secret(key) && is_secret(&key.to_uppercase())));
    }
}
