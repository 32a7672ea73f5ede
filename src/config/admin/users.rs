//! `[[admin.users]]`: people by name, and what each may do.
//!
//! A token or certificate that fits two people would make the audit log guess, so that is a mistake.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::check::Checking;
use super::super::diagnostics::At;
use super::super::secret_ref::{RawSecretRef, Referenced};
use super::{RawAdmin, token};

/// The longest name, in characters: it stands in every line of the audit log.
const LONGEST_NAME: usize = 64;

/// Somebody who may ask the admin listener.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawUser {
    /// Required: who it is, as the audit log names them.
    #[schemars(with = "Option<String>")]
    pub name: Option<At<String>>,
    /// Required: "viewer" sees everything and changes nothing, "operator" also gives orders.
    pub role: Option<Role>,
    /// A bearer token of theirs, by reference; read again when it changes.
    pub token: Option<At<RawSecretRef>>,
    /// A name in their client certificate, which `tls.clients` must vouch for. Once one user has this, a certificate that names nobody
    /// lets nobody in.
    #[schemars(with = "Option<String>")]
    pub certificate: Option<At<String>>,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees, and changes nothing.
    Viewer,
    /// Gives orders too.
    Operator,
}

/// A checked user.
#[derive(Clone, Debug)]
pub struct User {
    /// As the audit log names them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they may show.
    pub token: Option<Referenced>,
    /// What their certificate is called.
    pub certificate: Option<String>,
}

impl RawAdmin {
    /// Every user without a mistake; `tokens` are those without a name.
    pub(super) fn users(&self, tokens: &[Referenced], checking: &mut Checking<'_, '_>) -> Vec<User> {
        let mut users: Vec<User> = Vec::new();
        for raw in &self.users {
            let Some(user) = self.user(raw, checking) else { continue };
            if users.iter().any(|other| other.name == user.name) {
                let text = format!("{:?} is the name of an earlier user too; give each their own", user.name);
                checking.findings.at(raw.name.as_ref().unwrap_or(&raw.with(String::new())), text);
            }
            let mut others = tokens.iter().chain(users.iter().filter_map(|other| other.token.as_ref()));
            if let (Some(own), Some(place)) = (&user.token, &raw.token)
                && others.any(|other| other.secret.expose() == own.secret.expose())
            {
                checking
                    .findings
                    .at(place, "is the same token as an earlier one; who shows it could be either of them");
            }
            if let (Some(own), Some(place)) = (&user.certificate, &raw.certificate)
                && users.iter().any(|other| other.certificate.as_ref() == Some(own))
            {
                checking.findings.at(place, "names the certificate of an earlier user too");
            }
            users.push(user);
        }
        users
    }

    fn user(&self, raw: &At<RawUser>, checking: &mut Checking<'_, '_>) -> Option<User> {
        let name = match &raw.name {
            None => {
                checking.findings.at(raw, "has no name; write e.g. name = \"alice\"");
                None
            }
            Some(name) if name.trim().is_empty() || name.contains(char::is_control) => {
                checking.findings.at(name, "is no name; write e.g. name = \"alice\"");
                None
            }
            Some(name) if name.chars().count() > LONGEST_NAME => {
                checking.findings.at(name, "is longer than 64 characters; write a shorter name");
                None
            }
            Some(name) => Some((**name).clone()),
        };
        if raw.role.is_none() {
            checking.findings.at(raw, "has no role; write role = \"viewer\" or role = \"operator\"");
        }
        if raw.token.is_none() && raw.certificate.is_none() {
            let text = "has nothing to show; write token = { file = \"name.token\" }, or certificate = \"a name in it\"";
            checking.findings.at(raw, text);
        }
        if let Some(certificate) = &raw.certificate
            && self.tls.as_ref().is_none_or(|tls| tls.clients.is_none())
        {
            let text =
                "is never asked for; write the authorities of such certificates as clients in [admin.tls]";
            checking.findings.at(certificate, text);
        }
        let token = match &raw.token {
            Some(reference) => Some(token(reference, checking)?),
            None => None,
        };
        let certificate = raw.certificate.as_ref().map(|name| (**name).clone());
        Some(User { name: name?, role: raw.role?, token, certificate })
    }
}
