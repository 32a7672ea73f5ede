//! Secrets as a type that cannot be printed by accident.
//!
//! Every secret that enters the process (keys, tokens, passwords of stores) becomes a [`Secret`] where it is read.
//! `Debug` shows nothing of it, `Display` and `Serialize` do not exist, and its memory is wiped when it is dropped.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// A secret text. The only way to its value is [`Secret::expose`], which is easy to find in a review.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for signing or comparing.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Some(Secret::new("SK-very-secret"))), "Some([secret])");
    }
}
