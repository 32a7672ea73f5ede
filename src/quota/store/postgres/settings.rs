//! Where the server is and who we are to it.

use std::path::PathBuf;

use crate::config::Referenced;

/// A server, a database in it, and a schema in that.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A name, an address, or the directory of a Unix socket.
    pub host: String,
    /// Its port; part of the socket's name too.
    pub port: u16,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The schema: small letters, digits and `_`.
    pub schema: String,
    /// The role's password; none if the server asks for none.
    pub password: Option<Referenced>,
    /// How the connection is protected.
    pub encryption: Encryption,
}

/// How the connection to the server is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// In the clear: a Unix socket, or a network that is trusted.
    None,
    /// TLS, and the certificate must be for the host.
    Tls {
        /// Trusted instead of the system's authorities.
        ca_file: Option<PathBuf>,
    },
}
