//! Key pairs: service `ccs` (2025-09-01), and the same actions in vm 2023-03-13. KeyPair and the requests are those of
//! `ccs20250901/models.go`.

use serde_json::{Map, json};

use super::paging::{among, contains, only, page_of};
use super::shape::time;
use super::{Action, action};
use crate::emulator::call::{Call, Reply, no_resource};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::account::KeyPair;

const CCS: &[&str] = &["2025-09-01"];
/// Key pairs one call may name.
const IDS: usize = 100;
/// Public keys of one pair.
const KEYS: usize = 5;

pub(super) static ACTIONS: &[Action] = &[
    action("ccs", "DescribeKeyPairs", CCS, describe),
    action("ccs", "ImportKeyPair", CCS, import),
    action("ccs", "ModifyKeyPairAttribute", CCS, modify),
    action("ccs", "DeleteKeyPairs", CCS, delete),
];

pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("keyIds", IDS)?;
    let name = call.fields.text("keyName")?;
    let pairs = call.world.account.key_pairs.iter();
    let found = pairs.filter(|pair| among(&ids, &[pair.id.as_str()]) && contains(name, &pair.name));
    page_of(call.fields, found.collect(), |pair| {
        json!({
            "keyId": pair.id,
            "keyName": pair.name,
            "publicKey": pair.public_key,
            "keyDescription": pair.description,
            "createTime": time(pair.made),
        })
    })
}

pub(super) fn import(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let name = name(fields)?;
    let public_key = public_key(fields)?;
    let description = description(fields)?.unwrap_or_default();
    if call.world.account.key_pairs.iter().any(|pair| pair.name == name) {
        return Err(Problem::value("keyName", "is the name of another key pair"));
    }
    // The sample ids have eight characters behind the dash.
    let number = call.world.number();
    let id = format!("key-{}", number.get(number.len().saturating_sub(8)..).unwrap_or(&number));
    call.world.account.key_pairs.push(KeyPair {
        id: id.clone(),
        name: name.to_owned(),
        public_key: public_key.to_owned(),
        description: description.to_owned(),
        made: call.now,
    });
    Ok(only("keyId", json!(id)))
}

/// At most 32 letters, digits and `-`; the sample has an underscore too.
fn name<'a>(fields: Fields<'a>) -> Result<&'a str, Problem> {
    let name = fields.required("keyName")?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.len() > 32 || !name.bytes().all(good) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            "The keyName has at most 32 letters, digits, - and _.",
        ));
    }
    Ok(name)
}

/// One to five keys in the OpenSSH format, a line each.
fn public_key<'a>(fields: Fields<'a>) -> Result<&'a str, Problem> {
    let text = fields.required("publicKey")?;
    let mut keys = text.lines().filter(|line| !line.trim().is_empty());
    let kinds = ["ssh-", "ecdsa-", "sk-"];
    let good = keys.clone().count() <= KEYS
        && keys.all(|key| kinds.iter().any(|kind| key.starts_with(kind)) && key.split(' ').nth(1).is_some());
    if good { Ok(text) } else { Err(Problem::value("publicKey", "must be one to five OpenSSH public keys")) }
}

fn description<'a>(fields: Fields<'a>) -> Result<Option<&'a str>, Problem> {
    match fields.text("keyDescription")? {
        Some(text) if text.chars().count() > 255 => Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            "The keyDescription has at most 255 characters.",
        )),
        text => Ok(text),
    }
}

pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("keyId")?;
    let description = description(call.fields)?.unwrap_or_default();
    let pair = call.world.account.key_pairs.iter_mut().find(|pair| pair.id == id);
    description.clone_into(&mut pair.ok_or_else(|| no_resource("key pair", id))?.description);
    Ok(Map::new())
}

/// All or none. Machines that were made with a key pair keep it.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("keyIds", IDS)?;
    if ids.is_empty() {
        return Err(Problem::missing("keyIds"));
    }
    let pairs = &mut call.world.account.key_pairs;
    if let Some(id) = ids.iter().find(|id| !pairs.iter().any(|pair| pair.id == **id)) {
        return Err(no_resource("key pair", id));
    }
    pairs.retain(|pair| !ids.contains(&pair.id.as_str()));
    Ok(Map::new())
}
