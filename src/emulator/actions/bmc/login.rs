//! How one logs in to bare metal: a password, a key pair, or in 2022 public keys as text.

use super::Edition;
use crate::emulator::actions::simple;
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::seed::Image;
use crate::emulator::world::account::Account;

/// Signs a password may have.
const SIGNS: &str = "~!@$^*-_=+";
/// What a public key begins with.
const KINDS: [&str; 6] = [
    "ssh-rsa",
    "ssh-dss",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
];

/// The key pair, if that is how one logs in. An order without any of the three gets a password made up by the system.
pub(super) fn read(
    fields: Fields<'_>,
    account: &Account,
    image: Option<&Image>,
    edition: Edition,
) -> Result<Option<String>, Problem> {
    let password = fields.text("password")?;
    password.map(check_password).transpose()?;
    let key = simple::key_pair(fields, account)?;
    let keys = if edition == Edition::Y2022 { fields.texts_up_to("sshKeys", 100)? } else { Vec::new() };
    check_keys(&keys)?;
    let ways = [password.is_some(), key.is_some(), !keys.is_empty()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_INSTANCE_LOGIN_CONFLICT",
            "Password login and SSH key login cannot be specified at the same time.",
        ));
    }
    let by_key = key.is_some() || !keys.is_empty();
    if by_key && image.is_some_and(|image| image.os == "windows") {
        return Err(Problem::value("keyId", "is not supported for Windows images"));
    }
    Ok(key)
}

/// 8 to 16 characters with upper-case and lower-case letters, digits and signs.
fn check_password(password: &str) -> Result<(), Problem> {
    let classes: [fn(char) -> bool; 4] = [
        |character| character.is_ascii_uppercase(),
        |character| character.is_ascii_lowercase(),
        |character| character.is_ascii_digit(),
        |character| SIGNS.contains(character),
    ];
    let known = password.chars().all(|character| classes.iter().any(|class| class(character)));
    let complete = classes.iter().all(|class| password.contains(*class));
    if known && complete && (8..=16).contains(&password.len()) {
        return Ok(());
    }
    Err(Problem::invalid(
        "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED",
        format!("Invalid password. It has 8 to 16 letters of both cases, digits and signs out of {SIGNS}."),
    ))
}

fn check_keys(keys: &[&str]) -> Result<(), Problem> {
    for (index, key) in keys.iter().enumerate() {
        let mut words = key.split_whitespace();
        let kind = words.next().is_some_and(|kind| KINDS.contains(&kind));
        let body = words.next().is_some_and(|body| {
            body.len() > 16 && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        });
        if !(kind && body) {
            return Err(Problem::invalid("INVALID_PARAMETER_SSH_KEY_MALFORMED", "Invalid SSH key format."));
        }
        if keys.iter().take(index).any(|earlier| earlier == key) {
            return Err(Problem::invalid("INVALID_PARAMETER_SSH_KEY_DUPLICATE", "Duplicated SSH key."));
        }
    }
    Ok(())
}
