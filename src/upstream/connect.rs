//! Opening a connection: name, TCP, TLS, each with its own time.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::Authority;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Deadlines;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear; for emulators and private networks.
    Http,
    /// TLS with verified certificates.
    Https,
}

/// Scheme, host and port of an endpoint: the only place that requests for an account go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https URL of only scheme, host and port")]
pub struct BadOrigin;

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let uri: http::Uri = text.parse().map_err(|_| BadOrigin)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(BadOrigin),
        };
        let authority = uri.authority().cloned().ok_or(BadOrigin)?;
        let bare =
            matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
        if bare { Ok(Self { scheme, authority }) } else { Err(BadOrigin) }
    }
}

impl Origin {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and, where written, port: what is signed and sent.
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

/// Why there is no connection. Nothing of a request has been sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Name lookup or TCP failed.
    #[error("cannot connect to {origin}")]
    Tcp {
        /// Where to.
        origin: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// TLS failed; among others a certificate that does not verify.
    #[error("TLS with {origin} failed")]
    Tls {
        /// With whom.
        origin: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The host is no name that a certificate could be for.
    #[error("{origin} is no name for TLS")]
    Name {
        /// The origin.
        origin: String,
    },
    /// A step took too long.
    #[error("{step} with {origin} took too long")]
    Deadline {
        /// `TCP`, `TLS` or both.
        step: &'static str,
        /// With whom.
        origin: String,
    },
    /// HTTP could not begin.
    #[error("HTTP could not begin on a new connection")]
    Http(#[source] hyper::Error),
}

/// A connection in the clear or under TLS.
pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// The socket below.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

pub(crate) async fn connect(
    origin: &Origin,
    tls: Option<&Arc<rustls::ClientConfig>>,
    deadlines: &Deadlines,
) -> Result<Connection, ConnectError> {
    let late = |step| ConnectError::Deadline { step, origin: origin.to_string() };
    let socket = tokio::time::timeout(deadlines.connect, TcpStream::connect((origin.host(), origin.port())))
        .await
        .map_err(|_| late("TCP"))?
        .and_then(|socket| socket.set_nodelay(true).map(|()| socket))
        .map_err(|source| ConnectError::Tcp { origin: origin.to_string(), source })?;
    let Some(tls) = tls.filter(|_| origin.scheme == Scheme::Https) else {
        return Ok(Connection::Plain(socket));
    };
    let name = ServerName::try_from(origin.host().to_owned())
        .map_err(|_| ConnectError::Name { origin: origin.to_string() })?;
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, socket);
    let stream = tokio::time::timeout(deadlines.tls, handshake)
        .await
        .map_err(|_| late("TLS"))?
        .map_err(|source| ConnectError::Tls { origin: origin.to_string(), source })?;
    Ok(Connection::Tls(Box::new(stream)))
}

/// TLS towards the cloud: the system's roots, or only those in `ca_file`. HTTP/1.1 is all that is offered.
///
/// # Errors
/// A text for the operator when no root can be loaded.
pub fn client_tls(ca_file: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, String> {
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("cannot read certificates from {}: {error}", path.display()))?;
            for certificate in certificates {
                roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        None => {
            let (_, _bad) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("no root certificate was found; name one with `ca_file`".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
