//! New ids and secrets, from the system's randomness.
//!
//! Secrets are letters and digits alone: they survive shells, URLs, YAML and every SDK's configuration unquoted. What they
//! begin with lets scanners of repositories know them.

use crate::secret::Secret;

/// Letters and digits that are not taken for one another.
const READABLE: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz0";
/// Everything that needs no quotes anywhere.
const PLAIN: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^44 is more than 2^261.
const SECRET_LENGTH: usize = 44;
/// Of an id behind the team: 32^8 is 2^40; one that is taken is made again.
const ID_LENGTH: usize = 8;
/// Of the team's name in an id.
const LONGEST_TEAM: usize = 24;

/// `ZG`, the team as far as it is letters and digits, and something that nobody else has.
pub(super) fn id(team: &str) -> Result<String, String> {
    let plain = team.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_TEAM);
    Ok(format!("ZG{}_{}", plain.collect::<String>().to_lowercase(), random(READABLE, ID_LENGTH)?))
}

/// A secret to sign with.
pub(super) fn secret() -> Result<Secret, String> {
    Ok(Secret::new(format!("ZGS{}", random(PLAIN, SECRET_LENGTH)?)))
}

/// A bearer token.
pub(super) fn token() -> Result<Secret, String> {
    Ok(Secret::new(format!("ZGT{}", random(PLAIN, SECRET_LENGTH)?)))
}

/// Letters of an alphabet, each as likely as every other.
fn random(alphabet: &[u8], length: usize) -> Result<String, String> {
    let whole = (256 / alphabet.len()) * alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = zeroize::Zeroizing::new([0_u8; 64]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| "no randomness".to_owned())?;
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < whole);
        let letters = fair.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        text.extend(letters.take(length - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_the_team_and_secrets_are_long_and_plain() {
        let made = id("Pay.ments-2").unwrap();
        assert!(made.starts_with("ZGpayments2_") && made.len() == 20, "{made}");
        assert_eq!(id("---").unwrap().len(), 11);
        for (one, other) in [(secret().unwrap(), secret().unwrap()), (token().unwrap(), token().unwrap())] {
            let text = one.expose();
            assert!(text.len() == 47 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
            assert_ne!(text, other.expose());
        }
    }

    #[test]
    fn every_letter_comes_about_as_often() {
        let text = random(PLAIN, 62 * 500).unwrap();
        for letter in PLAIN {
            let count = text.bytes().filter(|byte| byte == letter).count();
            assert!((350..650).contains(&count), "{}: {count}", char::from(*letter));
        }
    }
}
