//! JSON Pointer (RFC 6901): how patches and violations name a place in a request.

use std::fmt;
use std::str::FromStr;

/// A place in a document, e.g. `/systemDisk/diskSize`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(Vec<String>);

/// Why a pointer cannot be read or followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// Neither empty nor beginning with a slash.
    #[error("`{0}` is not a JSON Pointer: it must begin with `/`")]
    NoSlash(String),
    /// `~` not followed by `0` or `1`.
    #[error("`{0}` is not a JSON Pointer: `~` must be written `~0`")]
    BadEscape(String),
    /// The document itself cannot be replaced.
    #[error("a pointer to the whole document cannot be used here")]
    Root,
    /// The way leads through a value that is no object.
    #[error("`{pointer}` leads through `{token}`, which is not an object")]
    NotAnObject {
        /// The whole pointer.
        pointer: String,
        /// The step that failed.
        token: String,
    },
}

impl Pointer {
    /// A pointer from unescaped steps.
    pub fn from_tokens(tokens: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(tokens.into_iter().map(Into::into).collect())
    }

    /// The unescaped steps.
    pub fn tokens(&self) -> &[String] {
        &self.0
    }

    /// This pointer with one step more.
    pub fn child(&self, token: impl Into<String>) -> Self {
        let mut tokens = self.0.clone();
        tokens.push(token.into());
        Self(tokens)
    }

    /// Whether `self` is `other` or lies above it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or_else(|| PointerError::NoSlash(text.to_owned()))?;
        rest.split('/').map(|token| unescape(token, text)).collect::<Result<_, _>>().map(Self)
    }
}

fn unescape(token: &str, whole: &str) -> Result<String, PointerError> {
    let mut plain = String::with_capacity(token.len());
    let mut letters = token.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '~' => match letters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::BadEscape(whole.to_owned())),
            },
            other => other,
        });
    }
    Ok(plain)
}

/// The array index that a step stands for: digits without a leading zero (RFC 6901, section 4).
pub(super) fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.0 {
            write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}
