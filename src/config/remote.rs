//! Other servers than the cloud's: where bundles come from and where records go.

use std::path::PathBuf;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::secret_ref::{self, RawSecretRef, SecretRef};

/// One URL, and how it is asked.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRemote {
    /// Required: an https URL. http passes on a loopback address; elsewhere without a
    /// token only, and for bundles only where they are signed.
    #[schemars(with = "Option<String>")]
    pub url: Option<At<String>>,
    /// A bearer token, by reference; read anew for each request.
    pub token: Option<At<RawSecretRef>>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<At<PathBuf>>,
}

/// A checked remote.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where.
    pub url: Uri,
    /// The bearer token.
    pub token: Option<SecretRef>,
    /// Trusted instead of the system's authorities.
    pub ca_file: Option<PathBuf>,
}

impl RawRemote {
    /// Checks it; `place` names it in messages.
    pub(super) fn check(&self, place: &[&str], checking: &mut Checking<'_, '_>) -> Option<Remote> {
        let ca_file = self.ca_file.as_ref().map(|path| checking.file(path));
        let token = match &self.token {
            None => None,
            Some(raw) => {
                let found = secret_ref::resolve(raw, checking.directory, checking.findings)?;
                if !secret_ref::single_line(raw, &found, checking.findings) {
                    return None;
                }
                Some(found.reference)
            }
        };
        let Some(raw) = &self.url else {
            let mut place = place.to_vec();
            place.push("url");
            checking.findings.missing(&place, "e.g. url = \"https://bundles.example.com/zengate.tar.gz\"");
            return None;
        };
        let url: Option<Uri> = raw.parse().ok().filter(|url: &Uri| {
            let bare = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            bare && matches!(url.scheme_str(), Some("http" | "https"))
        });
        let Some(url) = url else {
            let text = format!("{:?} is not an http or https URL; write e.g. \"https://host/path\"", **raw);
            checking.findings.at(raw, text);
            return None;
        };
        let remote = Remote { url, token, ca_file };
        if remote.is_in_the_clear() && remote.token.is_some() {
            checking.findings.at(raw, "would send the token in the clear; write https");
            return None;
        }
        Some(remote)
    }
}

impl Remote {
    /// Whether somebody on the way could read and change what is exchanged.
    pub(super) fn is_in_the_clear(&self) -> bool {
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']);
        let near = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        self.url.scheme_str() == Some("http") && !near
    }
}
