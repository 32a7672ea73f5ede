//! Who may ask the admin listener, and as what: tokens without a name, and people by name with a role.
//!
//! Tokens are kept and compared by their SHA-256, each of them, in constant time. What is known is replaced as a whole when
//! files or the configuration change, and whoever was let in before is looked up again by what they showed: a role that
//! is taken away is gone at the next request.

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};

use crate::config::admin::{AdminListen, Role};

/// As whom a request was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// A page that is open to everybody.
    Anybody,
    /// Somebody on this machine.
    Machine,
    /// The holder of a token without a name, by its place in the configuration.
    Token(usize),
    /// The holder of a certificate, by its names.
    Certificate(Vec<String>),
    /// Somebody by name.
    User(Arc<str>, Role),
}

impl Caller {
    /// What they are called on a page.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Anybody => "anybody".to_owned(),
            Self::Machine => "this machine".to_owned(),
            Self::Token(number) => format!("token {number}"),
            Self::Certificate(names) => names.first().cloned().unwrap_or_else(|| "a certificate".to_owned()),
            Self::User(name, _) => name.to_string(),
        }
    }

    /// What they may do. Where nobody is told from anybody, everybody is an operator.
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Anybody => Role::Viewer,
            Self::Machine | Self::Token(_) | Self::Certificate(_) => Role::Operator,
            Self::User(_, role) => *role,
        }
    }
}

/// Everybody who may ask; replaced when the files change.
#[derive(Clone, Debug, Default)]
pub struct People(Arc<ArcSwap<Known>>);

#[derive(Debug, Default)]
struct Known {
    tokens: Vec<(Digest, Caller)>,
    certificates: Vec<(String, Caller)>,
}

impl People {
    /// From now on, these.
    pub fn replace(&self, admin: &AdminListen) {
        let hashed = |secret: &crate::secret::Secret| digest(&SHA256, secret.expose().as_bytes());
        let mut known = Known::default();
        for (number, token) in (1..).zip(&admin.tokens) {
            known.tokens.push((hashed(&token.secret), Caller::Token(number)));
        }
        for user in &admin.users {
            let caller = Caller::User(user.name.as_str().into(), user.role);
            if let Some(token) = &user.token {
                known.tokens.push((hashed(&token.secret), caller.clone()));
            }
            if let Some(name) = &user.certificate {
                known.certificates.push((name.clone(), caller));
            }
        }
        self.0.store(Arc::new(known));
    }

    /// Whose token it is. All are looked at, whichever it is.
    pub(super) fn with_token(&self, shown: &str) -> Option<Caller> {
        self.with_digest(digest(&SHA256, shown.as_bytes()).as_ref())
    }

    /// The same by the token's SHA-256.
    pub(super) fn with_digest(&self, shown: &[u8]) -> Option<Caller> {
        let known = self.0.load();
        let mut found = None;
        for (token, caller) in &known.tokens {
            if verify_slices_are_equal(token.as_ref(), shown).is_ok() {
                found = Some(caller.clone());
            }
        }
        found
    }

    /// Whose certificate it is. Where people are named by theirs, one that names nobody is nobody's.
    pub(super) fn with_certificate(&self, names: &[String]) -> Option<Caller> {
        let known = self.0.load();
        if known.certificates.is_empty() {
            return Some(Caller::Certificate(names.to_vec()));
        }
        let of = known.certificates.iter().find(|(name, _)| names.contains(name));
        of.map(|(_, caller)| caller.clone())
    }
}
