//! Password or key pair. The sample of the page gives neither and gets a password made up by the system.

use super::place::Installable;
use crate::emulator::call::Call;
use crate::emulator::problem::Problem;

const SPECIAL: &str = "!@#$%^&*`~()-+=";

/// The key pair, if that is how one logs in. Passwords are checked and forgotten. No code is documented for a key
/// pair the account does not have; it is refused all the same, since nobody could log in.
pub(in crate::emulator::actions) fn read(
    call: &Call<'_>,
    image: &Installable,
) -> Result<Option<String>, Problem> {
    let fields = call.fields;
    let (password, key) = (fields.text("password")?, fields.text("keyId")?);
    if let Some(password) = password {
        check(password)?;
    }
    let Some(key) = key else { return Ok(None) };
    if password.is_some() {
        return Err(Problem::value("keyId", "cannot be given together with a password"));
    }
    if image.os == "windows" {
        return Err(Problem::value("keyId", "is not supported for Windows images"));
    }
    if !call.world.account.key_pairs.iter().any(|known| known.id == key) {
        return Err(Problem::value("keyId", "names no key pair of the account"));
    }
    Ok(Some(key.to_owned()))
}

/// The page has two codes for a bad password and says when to use neither: here a wrong length gives
/// INVALID_PASSWORD_MALFORMED, a character outside the set INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED. Whether all
/// four classes are required is not said either, so none is.
pub(in crate::emulator::actions) fn check(password: &str) -> Result<(), Problem> {
    if !(8..=16).contains(&password.chars().count()) {
        return Err(Problem::invalid(
            "INVALID_PASSWORD_MALFORMED",
            "Invalid password format. It must have 8 to 16 characters.",
        ));
    }
    if !password.chars().all(|letter| letter.is_ascii_alphanumeric() || SPECIAL.contains(letter)) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED",
            format!("Invalid password. Letters, digits and {SPECIAL} are allowed."),
        ));
    }
    Ok(())
}
