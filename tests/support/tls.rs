//! TLS for tests: an authority, what it signs, and a client that speaks over a blocking socket.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, StreamOwned};

use super::client::connect;

/// A certificate and its key, as PEM.
pub struct Made {
    pub certificate: String,
    pub key: String,
}

/// Somebody whose signature is believed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

pub type TlsStream = StreamOwned<ClientConnection, TcpStream>;

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `names`, good for servers and clients.
    pub fn issue(&self, names: &[&str]) -> Made {
        self.sign(params(names))
    }

    /// One that ended in 2021.
    pub fn issue_expired(&self, names: &[&str]) -> Made {
        let mut params = params(names);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Made {
        let key = KeyPair::generate().unwrap();
        Made { certificate: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// What a client believes that trusts this authority and shows `own`.
    pub fn client(&self, own: Option<&Made>, protocol: &[u8]) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(roots);
        let mut config = match own {
            Some(own) => builder.with_client_auth_cert(own.chain(), own.private_key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    }

    /// A connection under TLS, shaken hands; an error where the other side does not want it.
    pub fn connect(&self, address: SocketAddr, own: Option<&Made>) -> std::io::Result<TlsStream> {
        self.connect_speaking(b"http/1.1", address, own)
    }

    /// The same, for another protocol.
    pub fn connect_speaking(
        &self,
        protocol: &[u8],
        address: SocketAddr,
        own: Option<&Made>,
    ) -> std::io::Result<TlsStream> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(self.client(own, protocol), name).unwrap();
        let mut stream = StreamOwned::new(client, connect(address));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Made {
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.certificate.as_bytes()).map(Result::unwrap).collect()
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    /// The side of a server that shows it.
    pub fn server(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(
            builder
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(self.chain(), self.private_key())
                .unwrap(),
        )
    }
}

/// The certificate that the other side has shown.
pub fn shown(stream: &TlsStream) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}
