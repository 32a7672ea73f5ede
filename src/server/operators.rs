//! The admin listener's own credentials, looked at again while the gateway runs: tokens and certificate.

use crate::admin::{AdminListening, Tokens};
use crate::clock::Clock;
use crate::config::AdminListen;
use crate::secret::Secret;
use tokio::net::TcpListener;

use super::tls::{self, Certificates};

/// What operators prove themselves with, and what is shown to them.
pub(super) struct Operators {
    admin: AdminListen,
    tokens: Tokens,
    certificates: Option<Certificates>,
    /// Why tokens were not taken, said once.
    refused: Option<String>,
}

impl Operators {
    /// As the configuration says.
    pub(super) fn read(admin: &AdminListen) -> Result<Self, String> {
        let tokens = Tokens::default();
        tokens.replace(admin.tokens.iter().map(|token| &token.secret));
        let certificates = admin.tls.as_ref().map(Certificates::read).transpose()?;
        Ok(Self { admin: admin.clone(), tokens, certificates, refused: None })
    }

    /// The listener with what it asks.
    pub(super) fn listening(&self, listener: TcpListener, clock: Clock) -> AdminListening {
        AdminListening {
            listener,
            tls: self.certificates.as_ref().map(Certificates::live),
            certificates: self.admin.tls.as_ref().is_some_and(|tls| tls.clients.is_some()),
            tokens: self.tokens.clone(),
            open_metrics: self.admin.open_metrics,
            audit_log: self.admin.audit_log.clone(),
            clock,
        }
    }

    /// The certificate, where there is one.
    pub(super) fn certificates(&mut self) -> Option<&mut Certificates> {
        self.certificates.as_mut()
    }

    /// Takes the tokens and files that a newly read configuration names. Whether there are any at all is settled at the
    /// start: a listener that asked for a token does not stop asking.
    pub(super) fn configured(&mut self, admin: &AdminListen) {
        if admin.tokens.is_empty() == self.admin.tokens.is_empty() {
            self.admin.tokens.clone_from(&admin.tokens);
            self.tokens.replace(admin.tokens.iter().map(|token| &token.secret));
        }
        if let (Some(certificates), Some(tls)) = (&mut self.certificates, &admin.tls) {
            certificates.configured(tls);
        }
    }

    /// Reads the tokens again; blocks. If one cannot be read, all stay as they were.
    pub(super) fn look(&mut self) -> tls::Look {
        let read: Result<Vec<Secret>, String> = self
            .admin
            .tokens
            .iter()
            .map(|token| token.reference.resolve().map_err(|error| format!("admin.tokens: {error}")))
            .collect();
        let tokens = match read {
            Ok(tokens) => tokens,
            Err(why) if self.refused.as_ref() == Some(&why) => return tls::Look::Unchanged,
            Err(why) => {
                self.refused = Some(why.clone());
                return tls::Look::Kept(why);
            }
        };
        let mended = self.refused.take().is_some();
        let differs = |(new, old): (&Secret, &crate::config::Referenced)| new.expose() != old.secret.expose();
        if !mended && !tokens.iter().zip(&self.admin.tokens).any(differs) {
            return tls::Look::Unchanged;
        }
        self.tokens.replace(tokens.iter());
        for (new, old) in tokens.into_iter().zip(&mut self.admin.tokens) {
            old.secret = new;
        }
        tls::Look::Replaced
    }
}
