//! `[listen]`: where clients connect, and the certificates of both listeners.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::secret_ref::{self, RawSecretRef, Referenced};

/// Where clients connect.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawListen {
    /// Required: the IP address and port on which clients are served. No default: whether the gateway is reachable
    /// from elsewhere is a decision.
    #[schemars(with = "Option<String>")]
    pub address: Option<At<String>>,
    /// Names, with the port if it is not the scheme's own, that clients sign although another one arrives: for a
    /// proxy before the gateway that rewrites Host. None by default: the name received is the name signed.
    pub host_aliases: Vec<At<String>>,
    /// Serves TLS with this certificate; absent means plain HTTP, for loopback or behind a proxy that ends TLS.
    pub tls: Option<At<RawTls>>,
}

/// The certificate that a listener shows.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// Required: a PEM file with the certificate and its chain, the leaf first.
    #[schemars(with = "Option<String>")]
    pub certificate: Option<At<PathBuf>>,
    /// Required: the PEM text of the private key, by reference.
    pub key: Option<At<RawSecretRef>>,
    /// A PEM file with the authorities whose client certificates are believed; absent means that none is asked for.
    /// Keys may be bound to the names of a certificate (`certificates` in the key file), and rules see them.
    #[schemars(with = "Option<String>")]
    pub clients: Option<At<PathBuf>>,
    /// Whether a client without such a certificate is turned away in the handshake. True by default; without effect
    /// where `clients` is absent.
    #[schemars(with = "Option<bool>")]
    pub clients_required: Option<At<bool>>,
}

/// The checked `[listen]`.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where clients are served.
    pub address: SocketAddr,
    /// Further authorities that a client may have signed.
    pub host_aliases: Vec<String>,
    /// The certificate; none is plain HTTP.
    pub tls: Option<Tls>,
}

/// The checked `[listen.tls]` or `[admin.tls]`.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Which section it belongs to, for messages.
    pub section: &'static str,
    /// The PEM file of the chain; it was there when it was checked.
    pub certificate: PathBuf,
    /// The PEM text of the private key.
    pub key: Referenced,
    /// The PEM file of the authorities whose client certificates are believed.
    pub clients: Option<PathBuf>,
    /// Whether every client must have one.
    pub clients_required: bool,
}

impl RawListen {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Option<Listen> {
        for alias in &self.host_aliases {
            if !is_authority(alias) {
                let text = format!(
                    "{:?} is not a host with an optional port; write e.g. \"gateway.example.internal:8080\"",
                    **alias
                );
                checking.findings.at(alias, text);
            }
        }
        let tls = match &self.tls {
            Some(tls) => tls.check("listen", checking).map(Some), // what is wrong with it has been noted
            None => Some(None),
        };
        let Some(address) = &self.address else {
            checking
                .findings
                .missing(&["listen", "address"], "e.g. address = \"127.0.0.1:8080\" under [listen]");
            return None;
        };
        let address = checking.address(address)?;
        let host_aliases = self.host_aliases.iter().map(|alias| (**alias).clone()).collect();
        Some(Listen { address, host_aliases, tls: tls? })
    }
}

impl RawTls {
    /// Checks the certificate of a listener, `[listen]` or `[admin]`.
    pub(super) fn check(&self, section: &'static str, checking: &mut Checking<'_, '_>) -> Option<Tls> {
        let certificate = self.certificate.as_ref().map(|path| checking.file(path));
        if certificate.is_none() {
            checking.findings.missing(&[section, "tls", "certificate"], "e.g. certificate = \"chain.pem\"");
        }
        let Some(key) = &self.key else {
            checking.findings.missing(&[section, "tls", "key"], "e.g. key = { file = \"key.pem\" }");
            return None;
        };
        let key = secret_ref::resolve(key, checking.directory, checking.findings)?;
        let clients = self.clients.as_ref().map(|path| checking.file(path));
        if let (None, Some(required)) = (&clients, &self.clients_required) {
            checking
                .findings
                .at(required, "stands without clients, so no certificate is asked for; write that too");
        }
        let clients_required = self.clients_required.as_ref().is_none_or(|required| **required);
        Some(Tls { section, certificate: certificate?, key, clients, clients_required })
    }
}

/// Whether the text is a host with an optional port, as it stands in a Host header.
fn is_authority(text: &str) -> bool {
    text.parse::<http::uri::Authority>().is_ok_and(|parsed| !parsed.host().is_empty() && !text.contains('@'))
}
