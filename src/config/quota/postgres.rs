//! `[quota.postgres]`: the server that replicas share their ledger through.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::check::Checking;
use super::super::diagnostics::At;
use super::super::secret_ref::{self, RawSecretRef};
use crate::quota::store::postgres::{Encryption, Settings};

/// The server of the shared ledger: PostgreSQL 15 or newer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPostgres {
    /// Required: a name, an address, or the directory of the server's Unix socket. A name must always lead to the one
    /// server that may be written to.
    #[schemars(with = "Option<String>")]
    pub host: Option<At<String>>,
    /// 5432: the server's own default.
    pub port: At<u16>,
    /// The role to log in as; it must own the schema or be allowed to create it. zengate.
    pub user: At<String>,
    /// The database. zengate.
    pub database: At<String>,
    /// The schema in it, created at the first start; one for each fleet of replicas. zengate.
    pub schema: At<String>,
    /// The role's password, by reference; read again at every new connection. Absent if the server asks for none.
    pub password: Option<At<RawSecretRef>>,
    /// How the connection is protected.
    pub tls: RawTls,
}

/// How the connection to the server is protected.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// "require": TLS, and the server's certificate must be for its host. "disable": in the clear. By default "require",
    /// and "disable" for a Unix socket, which never leaves the machine.
    #[schemars(with = "Option<Mode>")]
    pub mode: Option<At<Mode>>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<At<PathBuf>>,
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the clear.
    Disable,
    /// TLS with a verified server.
    Require,
}

impl Default for RawPostgres {
    fn default() -> Self {
        Self {
            host: None,
            port: 5432.into(),
            user: "zengate".to_owned().into(),
            database: "zengate".to_owned().into(),
            schema: "zengate".to_owned().into(),
            password: None,
            tls: RawTls::default(),
        }
    }
}

impl RawPostgres {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Option<Settings> {
        let password = self.password.as_ref().map(|raw| {
            let found = secret_ref::resolve(raw, checking.directory, checking.findings)?;
            secret_ref::single_line(raw, &found, checking.findings).then_some(found)
        });
        for (raw, what) in [(&self.user, "role"), (&self.database, "database")] {
            if raw.is_empty() || raw.len() > 63 || raw.contains(char::is_control) {
                checking.findings.at(raw, format!("is not the name of a {what}; write e.g. \"zengate\""));
            }
        }
        if !is_schema(&self.schema) {
            let text = "is not a name for a schema; write up to 63 small letters, digits and `_`, not beginning with a digit or pg_";
            checking.findings.at(&self.schema, text);
        }
        if *self.port == 0 {
            checking.findings.at(&self.port, "is not a port; write e.g. 5432");
        }
        let host = self.host(checking);
        let encryption = self.encryption(host.as_deref(), checking);
        Some(Settings {
            host: host?,
            port: *self.port,
            user: (*self.user).clone(),
            database: (*self.database).clone(),
            schema: (*self.schema).clone(),
            password: match password {
                None => None,
                Some(found) => Some(found?),
            },
            encryption: encryption?,
        })
    }

    fn host(&self, checking: &mut Checking<'_, '_>) -> Option<String> {
        let Some(host) = &self.host else {
            let write = "e.g. host = \"db.internal\", or the directory of a Unix socket";
            checking.findings.missing(&["quota", "postgres", "host"], write);
            return None;
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        let fine = host.starts_with('/') || (!host.is_empty() && host.bytes().all(plain));
        if !fine {
            // Not repeated: a URL could carry the password.
            let text = "is not a host alone; write e.g. \"db.internal\", and port, user, database and password each under its own key";
            checking.findings.at(host, text);
        }
        fine.then(|| (**host).clone())
    }

    fn encryption(&self, host: Option<&str>, checking: &mut Checking<'_, '_>) -> Option<Encryption> {
        let ca_file = self.tls.ca_file.as_ref().map(|path| checking.file(path));
        let socket = host.is_some_and(|host| host.starts_with('/'));
        let mode = self.tls.mode.as_deref().copied();
        if let (true, Some(Mode::Require), Some(raw)) = (socket, mode, &self.tls.mode) {
            let text =
                "asks for TLS, which a Unix socket does not speak; take it out or name the server's host";
            checking.findings.at(raw, text);
            return None;
        }
        let encrypted = mode.unwrap_or(if socket { Mode::Disable } else { Mode::Require }) == Mode::Require;
        if let (false, Some(raw)) = (encrypted, &self.tls.ca_file) {
            checking
                .findings
                .at(raw, "is named, but the connection is not encrypted; write mode = \"require\"");
        }
        Some(if encrypted { Encryption::Tls { ca_file } } else { Encryption::None })
    }
}

fn is_schema(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.len() <= 63
        && !name.starts_with("pg_")
}
