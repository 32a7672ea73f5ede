//! `[admin]`: where operators connect, and who may.

mod users;

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::listen::{Listen, RawTls, Tls};
use super::secret_ref::{self, RawSecretRef, Referenced};

pub use users::{RawUser, Role, User};

/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Where operators and their tools connect: metrics, health, quota, policies.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdmin {
    /// The IP address and port of the second listener. Loopback by default: beyond it, `tokens` or client certificates
    /// (`tls.clients`) must say who may ask.
    pub address: At<String>,
    /// Bearer tokens that let their holders in as operators without a name, by reference; read again when they change. Where there is
    /// one, it is asked of everybody, except for /livez and /readyz.
    pub tokens: Vec<At<RawSecretRef>>,
    /// People by name, each with a role and a token or a certificate of their own. The audit log then says who it was.
    pub users: Vec<At<RawUser>>,
    /// Whether /metrics is open to whoever can connect, as scrapers without a token need it. False by default.
    pub open_metrics: bool,
    /// Serves TLS with this certificate. With `clients`, a certificate of theirs lets its holder in.
    pub tls: Option<At<RawTls>>,
    /// A file to which every order, every question about quota and policies and every refusal is appended as a line of
    /// JSON. An order that cannot be written down is not carried out. Absent: these lines go to the log.
    #[schemars(with = "Option<String>")]
    pub audit_log: Option<At<PathBuf>>,
    /// The key by which the lines of that file are chained, by reference: who can write the file but does not know it cannot
    /// make a line that fits. Absent: by SHA-256 alone, which shows damage and edits by hand.
    pub audit_key: Option<At<RawSecretRef>>,
}

impl Default for RawAdmin {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9180".to_owned().into(),
            tokens: Vec::new(),
            users: Vec::new(),
            open_metrics: false,
            tls: None,
            audit_log: None,
            audit_key: None,
        }
    }
}

/// The checked `[admin]`.
#[derive(Clone, Debug)]
pub struct AdminListen {
    /// Where operators are served.
    pub address: SocketAddr,
    /// Whose holders may ask and order, without a name.
    pub tokens: Vec<Referenced>,
    /// Who may by name.
    pub users: Vec<User>,
    /// Whether /metrics asks for nothing.
    pub open_metrics: bool,
    /// The certificate; none is plain HTTP.
    pub tls: Option<Tls>,
    /// Where orders are written down; none is the log.
    pub audit_log: Option<PathBuf>,
    /// By what those lines are hashed; SHA-256 alone without one.
    pub audit_key: Option<Referenced>,
}

impl AdminListen {
    /// Whether something must be shown; otherwise everybody on the machine may ask and order.
    pub fn is_closed(&self) -> bool {
        !self.tokens.is_empty()
            || !self.users.is_empty()
            || self.tls.as_ref().is_some_and(|tls| tls.clients.is_some())
    }
}

impl RawAdmin {
    /// The second listener, which must not be the first one's address.
    pub(super) fn check(
        &self,
        listen: Option<&Listen>,
        checking: &mut Checking<'_, '_>,
    ) -> Option<AdminListen> {
        let tokens: Vec<Referenced> = self.tokens.iter().filter_map(|raw| token(raw, checking)).collect();
        let users = self.users(&tokens, checking);
        let tls = match &self.tls {
            Some(tls) => tls.check("admin", checking).map(Some), // what is wrong with it has been noted
            None => Some(None),
        };
        let address = checking.address(&self.address)?;
        if address.port() != 0 && listen.is_some_and(|listen| listen.address == address) {
            let text = format!("{address} is the address of [listen] too; give [admin] a port of its own");
            checking.findings.at(&self.address, text);
        }
        let certificates = self.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        if !address.ip().is_loopback() && self.tokens.is_empty() && self.users.is_empty() && !certificates {
            let text = format!(
                "{address} can be reached from elsewhere, and nothing says who may ask; write tokens = [{{ file = \"admin.token\" }}], \
                 or tls with clients, or an address of the loopback such as \"127.0.0.1:9180\""
            );
            checking.findings.at(&self.address, text);
        }
        let audit_log = self.audit_log.as_ref().map(|path| checking.directory.join(&**path));
        let audit_key = self.audit_key.as_ref().and_then(|raw| secret_ref::key(raw, checking));
        if let (Some(raw), None) = (&self.audit_key, &audit_log) {
            checking.findings.at(raw, "is for the lines of admin.audit_log, which is not set");
        }
        Some(AdminListen {
            address,
            tokens,
            users,
            open_metrics: self.open_metrics,
            tls: tls?,
            audit_log,
            audit_key,
        })
    }
}

/// A token that can be shown in a header and not be guessed.
fn token(raw: &At<RawSecretRef>, checking: &mut Checking<'_, '_>) -> Option<Referenced> {
    let found = secret_ref::resolve(raw, checking.directory, checking.findings)?;
    if !secret_ref::single_line(raw, &found, checking.findings) {
        return None;
    }
    if found.secret.expose().len() < SHORTEST_TOKEN {
        let text = "is shorter than 16 characters and could be guessed; make one with: openssl rand -hex 32";
        checking.findings.at(raw, text);
    }
    Some(found)
}
