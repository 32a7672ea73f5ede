//! The certificate that a client has proved to hold: which names it carries, and how it is told from others.
//!
//! Whether it may be believed was settled in the handshake; here it is only read (RFC 5280, 4.1.2.6 and 4.2.1.6).

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its names: alternative names (DNS names, URIs such as SPIFFE ids, mail addresses) as they are written; where
    /// there are none, the subject's common name.
    pub names: Vec<String>,
    /// SHA-256 over its DER form, in lower-case hex.
    pub fingerprint: String,
}

impl ClientCertificate {
    /// Reads a certificate in DER form; one whose names cannot be read has none.
    pub fn read(der: &[u8]) -> Self {
        let mut fingerprint = String::with_capacity(64);
        for byte in digest(&SHA256, der).as_ref() {
            let _ = write!(fingerprint, "{byte:02x}");
        }
        Self { names: names(der).unwrap_or_default(), fingerprint }
    }
}

fn names(der: &[u8]) -> Option<Vec<String>> {
    let certificate = Certificate::from_der(der).ok()?.tbs_certificate;
    let alternative = certificate.get::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default();
    let names: Vec<String> = alternative.iter().filter_map(written).collect();
    if !names.is_empty() {
        return Some(names);
    }
    // Attribute 2.5.4.3 is the common name (RFC 5280, appendix A.1).
    let parts = certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let common = parts.filter(|part| part.oid.to_string() == "2.5.4.3");
    Some(common.filter_map(|part| text(&part.value)).collect())
}

fn written(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
        GeneralName::Rfc822Name(name) => Some(name.to_string()),
        _ => None,
    }
}

/// The string types that certificates are made with: UTF8String and PrintableString, which is a part of it.
fn text(value: &x509_cert::der::Any) -> Option<String> {
    String::from_utf8(value.value().to_vec()).ok().filter(|text| !text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn made(common: &str, names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn alternative_names_count_and_the_common_name_only_without_them() {
        let names = vec![
            SanType::DnsName("build.example".try_into().unwrap()),
            SanType::URI("spiffe://example.org/ci".try_into().unwrap()),
            SanType::Rfc822Name("ci@example.org".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
        ];
        let read = ClientCertificate::read(&made("the common name", names));
        assert_eq!(read.names, ["build.example", "spiffe://example.org/ci", "ci@example.org"]);
        assert_eq!(read.fingerprint.len(), 64);
        assert_eq!(ClientCertificate::read(&made("ci runner ä", vec![])).names, ["ci runner ä"]);
        assert_eq!(ClientCertificate::read(b"nonsense").names, [""; 0]);
    }
}
