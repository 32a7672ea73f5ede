//! What a word must look like to be an id of a key or a team, wherever it is written.

/// What is wrong with the name of a team, which is part of quota scopes such as `team/payments/zone/SEL-A` and a label.
pub(crate) fn not_a_team(team: &str) -> Option<String> {
    let plain = team.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (!plain || !(1..=64).contains(&team.len()))
        .then(|| format!("{team:?} is not a team; write 1 to 64 letters, digits, `_`, `-` and `.`"))
}

/// What is wrong with an access key id. It is not repeated: it may be the secret, in the wrong place.
pub(super) fn not_an_id(id: &str) -> Option<&'static str> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (!plain || !(4..=128).contains(&id.len()))
        .then_some("is not an access key id; write 4 to 128 letters, digits, `_` and `-`")
}

/// What is wrong with an action that a key may call.
pub(super) fn not_an_action(text: &str) -> String {
    format!(
        "{text:?} is not an action; write \"service Action\" with `*` only at the end of either part, e.g. \"zec Describe*\""
    )
}

/// A label as it is written in orders; what is wrong where it is none.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
