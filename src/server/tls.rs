//! TLS for clients: certificate and key from files, client certificates, HTTP/2 and HTTP/1.1 by ALPN.
//!
//! The files are looked at again while the gateway runs. New connections get what was read last; connections that are
//! open keep what they began with.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context, Digest, SHA256};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_cert::der::Decode as _;

use crate::config::Tls;
use crate::gateway::ServerTls;
use crate::metrics::Metrics;
use crate::secret::Secret;

/// The certificate in use, and what it was read from.
pub(super) struct Certificates {
    tls: Tls,
    seen: Vec<u8>,
    live: ServerTls,
    /// When the certificate ends, in Unix seconds.
    expires: u64,
}

/// What a look at the files came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    Unchanged,
    Replaced,
    /// Why the one before stays.
    Kept(String),
}

/// When the certificate ends, in seconds since 1970; of a pair that could be used.
///
/// # Errors
/// What a person is told of a pair that could not.
pub(crate) fn certificate_ends(tls: &Tls) -> Result<u64, String> {
    Certificates::read(tls).map(|certificates| certificates.expires)
}

/// Everything as it lies in the files.
struct Files {
    chain: Vec<u8>,
    key: Secret,
    clients: Option<Vec<u8>>,
}

impl Certificates {
    /// Reads certificate and key and makes the server side of TLS 1.2 and 1.3.
    pub(super) fn read(tls: &Tls) -> Result<Self, String> {
        let files = Files::read(tls)?;
        let (config, expires) = files.server(tls)?;
        let live = Arc::new(ArcSwap::from_pointee(config));
        Ok(Self { tls: tls.clone(), seen: files.digest().as_ref().to_vec(), live, expires })
    }

    /// The server side as it is now and will be.
    pub(super) fn live(&self) -> ServerTls {
        Arc::clone(&self.live)
    }

    /// Shows when the certificate in use ends.
    pub(super) fn measure(&self, metrics: &Metrics) {
        metrics.connections().certificate_expires(self.tls.section, self.expires);
    }

    /// Whose certificate it is: the section of the configuration.
    pub(super) fn section(&self) -> &'static str {
        self.tls.section
    }

    /// Takes the files that a newly read configuration names.
    pub(super) fn configured(&mut self, tls: &Tls) {
        self.tls = tls.clone();
    }

    /// Reads the files again; blocks.
    pub(super) fn look(&mut self) -> Look {
        let files = match Files::read(&self.tls) {
            Ok(files) => files,
            Err(why) => return self.keep(&[], why),
        };
        let digest = files.digest();
        if self.seen == digest.as_ref() {
            return Look::Unchanged;
        }
        match files.server(&self.tls) {
            Ok((config, expires)) => {
                self.live.store(Arc::new(config));
                (self.seen, self.expires) = (digest.as_ref().to_vec(), expires);
                Look::Replaced
            }
            Err(why) => self.keep(digest.as_ref(), why),
        }
    }

    /// Says once of the same files why they are not taken.
    fn keep(&mut self, seen: &[u8], why: String) -> Look {
        if self.seen == seen {
            return Look::Unchanged;
        }
        self.seen = seen.to_vec();
        Look::Kept(why)
    }
}

impl Files {
    fn read(tls: &Tls) -> Result<Self, String> {
        let file = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("cannot read {}: {}", path.display(), error.kind()))
        };
        Ok(Self {
            chain: file(&tls.certificate)?,
            key: tls.key.reference.resolve().map_err(|error| format!("{}.tls.key: {error}", tls.section))?,
            clients: tls.clients.as_deref().map(file).transpose()?,
        })
    }

    fn digest(&self) -> Digest {
        let mut all = Context::new(&SHA256);
        for part in [&self.chain, self.key.expose().as_bytes(), self.clients.as_deref().unwrap_or_default()] {
            all.update(&(part.len() as u64).to_be_bytes());
            all.update(part);
        }
        all.finish()
    }

    fn server(&self, tls: &Tls) -> Result<(rustls::ServerConfig, u64), String> {
        let path = tls.certificate.display();
        let chain = certificates(&self.chain).ok_or(format!("{path} is no PEM file of certificates"))?;
        let expires = chain.first().and_then(expiry).ok_or(format!("{path} holds no certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.expose().as_bytes())
            .map_err(|_| format!("the private key of {}.tls.key is no PEM key", tls.section))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match (&self.clients, &tls.clients) {
            (Some(pem), Some(path)) => {
                let verifier = clients(pem, tls.clients_required, provider)
                    .map_err(|why| format!("{}.tls.clients ({}): {why}", tls.section, path.display()))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not fit together: {error}"))?;
        // Operators are served by HTTP/1.1 alone.
        let all = [b"h2".to_vec(), b"http/1.1".to_vec()];
        config.alpn_protocols = all.into_iter().skip(usize::from(tls.section == "admin")).collect();
        Ok((config, expires))
    }
}

/// Who believes client certificates: those that an authority of the PEM text has signed for clients.
fn clients(
    pem: &[u8],
    required: bool,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in certificates(pem).ok_or("is no PEM file of certificates")? {
        roots.add(authority).map_err(|error| format!("holds no authority: {error}"))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| error.to_string())
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!all.is_empty()).then_some(all)
}

/// When a certificate ends, in Unix seconds.
fn expiry(certificate: &CertificateDer<'_>) -> Option<u64> {
    let read = x509_cert::Certificate::from_der(certificate).ok()?;
    Some(read.tbs_certificate.validity.not_after.to_unix_duration().as_secs())
}
