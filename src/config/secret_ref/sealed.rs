//! Sealed secrets: encrypted where they are written, so that a configuration or a key file can be kept in a repository,
//! a backup or a ticket. `zengate secret seal` makes them; a key file, which is kept elsewhere, opens them.
//!
//! The form is `zgs1.` and, in base64, 4 bytes that name the key, a nonce of 12 bytes chosen at random, and the text under AES-256-GCM
//! (NIST SP 800-38D) with its tag of 16 bytes. The form and the name of the key are authenticated with it. A key seals far
//! fewer texts than the 2^32 that random nonces allow.
//!
//! What sealing does not do: the process opens secrets to verify signatures, which HMAC cannot do without them. Whoever
//! reads the key file and the sealed text, or the memory of the process, has the secret.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use zeroize::Zeroizing;

use super::{SecretError, read_file, trimmed};
use crate::secret::Secret;

/// What every sealed text begins with.
const FORM: &str = "zgs1.";
/// What every key begins with.
const KEY_FORM: &str = "zgsk1.";
/// Bytes of a key's name.
const NAME: usize = 4;

/// What was sealed cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// It is not of this form.
    NotSealed,
    /// Another key did it.
    OtherKey,
    /// It is not what was sealed, or not where it was sealed for.
    Damaged,
}

/// A key that seals and opens.
pub(crate) struct SealKey {
    name: [u8; NAME],
    key: LessSafeKey,
}

impl SealKey {
    /// The key in a file, which is read under the same rules as a secret.
    pub(crate) fn read(path: &Path) -> Result<Self, SecretError> {
        let text = read_file(path)?;
        let key = Self::parse(text.trim_end());
        key.ok_or_else(|| SecretError::NoSealKey { path: path.to_owned() })
    }

    /// The text of a new key.
    pub(crate) fn generate() -> Result<Secret, String> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| "no randomness".to_owned())?;
        Ok(Secret::new(format!("{KEY_FORM}{}", BASE64.encode(bytes.as_ref()))))
    }

    /// The key in a text, as [`SealKey::generate`] makes it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(text.strip_prefix(KEY_FORM)?.as_bytes()).ok()?);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?);
        let name = digest(&SHA256, &bytes).as_ref().first_chunk::<NAME>().copied()?;
        Some(Self { name, key })
    }

    /// A secret, sealed.
    pub(crate) fn seal(&self, secret: &Secret) -> Result<String, String> {
        self.seal_for(FORM, &[], secret.expose().as_bytes())
    }

    /// A text, sealed in a form of its own and for one place: elsewhere it does not open.
    pub(crate) fn seal_for(&self, form: &str, place: &[u8], text: &[u8]) -> Result<String, String> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| "no randomness".to_owned())?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(text.len() + AES_256_GCM.tag_len()));
        sealed.extend_from_slice(text);
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.bound(form, place)),
                &mut *sealed,
            )
            .map_err(|_| "too long to be sealed".to_owned())?;
        let all = [self.name.as_slice(), nonce.as_slice(), sealed.as_slice()].concat();
        Ok(format!("{form}{}", BASE64URL_NOPAD.encode(&all)))
    }

    /// What is sealed in a text.
    fn open(&self, text: &str) -> Result<Secret, SecretError> {
        let opened = self.open_for(FORM, &[], text).map_err(|why| {
            SecretError::Sealed(match why {
                Unopened::NotSealed => "is no sealed text; write what `zengate secret seal` printed",
                Unopened::OtherKey => "was sealed with another key than that in `with`",
                Unopened::Damaged => "is damaged: it does not open; seal the secret again",
            })
        })?;
        trimmed(std::str::from_utf8(&opened).map_err(|_| SecretError::NotText)?)
    }

    /// What [`SealKey::seal_for`] sealed in this form and for this place.
    pub(crate) fn open_for(
        &self,
        form: &str,
        place: &[u8],
        text: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let encoded = text.strip_prefix(form).ok_or(Unopened::NotSealed)?;
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| Unopened::NotSealed)?;
        let (name, rest) = bytes.split_first_chunk::<NAME>().ok_or(Unopened::NotSealed)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unopened::NotSealed)?;
        if *name != self.name {
            return Err(Unopened::OtherKey);
        }
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(self.bound(form, place)),
                sealed.as_mut_slice(),
            )
            .map_err(|_| Unopened::Damaged)?
            .len();
        sealed.truncate(length);
        Ok(sealed)
    }

    /// What is authenticated beside the text.
    fn bound(&self, form: &str, place: &[u8]) -> Vec<u8> {
        [form.as_bytes(), &self.name, place].concat()
    }
}

/// The secret in a sealed text, by the key in a file.
pub(super) fn open(text: &str, with: &Path) -> Result<Secret, SecretError> {
    SealKey::read(with)?.open(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealKey {
        SealKey::parse(SealKey::generate().unwrap().expose()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_alone() {
        let (key, other) = (key(), key());
        let sealed = key.seal(&Secret::new("the secret, with spaces")).unwrap();
        assert!(!sealed.contains("secret"), "{sealed}");
        assert_eq!(key.open(&sealed).unwrap().expose(), "the secret, with spaces");
        assert_ne!(sealed, key.seal(&Secret::new("the secret, with spaces")).unwrap(), "a nonce of its own");
        assert!(other.open(&sealed).unwrap_err().to_string().contains("another key"));
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let key = key();
        let sealed = key.seal(&Secret::new("secret")).unwrap();
        let bytes = BASE64URL_NOPAD.decode(sealed.strip_prefix(FORM).unwrap().as_bytes()).unwrap();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            let text = format!("{FORM}{}", BASE64URL_NOPAD.encode(&damaged));
            assert!(matches!(key.open(&text), Err(SecretError::Sealed(_))), "byte {place}");
        }
        let short = sealed.get(..sealed.len() - 1).unwrap();
        for text in ["", "zgs1.", "zgs1.AAAA", "zgs2.AAAA", "zgs1.%%%", short] {
            assert!(matches!(key.open(text), Err(SecretError::Sealed(_))), "{text}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("seal.key");
        for text in ["hello", "zgsk1.AAAA", ""] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let error = open("zgs1.AAAA", &path).unwrap_err().to_string();
            assert!(error.contains("zengate secret new-key"), "{error}");
        }
    }
}
