//! The admin listener's own credentials, looked at again while the gateway runs: tokens and certificate.

use crate::admin::{AdminListening, People};
use crate::chain::{Heads, Key};
use crate::clock::Clock;
use crate::config::{AdminListen, Referenced};
use tokio::net::TcpListener;

use super::tls::{self, Certificates};

/// What operators prove themselves with, and what is shown to them.
pub(super) struct Operators {
    admin: AdminListen,
    people: People,
    certificates: Option<Certificates>,
    /// Why tokens were not taken, said once.
    refused: Option<String>,
}

impl Operators {
    /// As the configuration says.
    pub(super) fn read(admin: &AdminListen) -> Result<Self, String> {
        let people = People::default();
        people.replace(admin);
        let certificates = admin.tls.as_ref().map(Certificates::read).transpose()?;
        Ok(Self { admin: admin.clone(), people, certificates, refused: None })
    }

    /// The listener with what it asks.
    pub(super) fn listening(&self, listener: TcpListener, heads: Heads, clock: Clock) -> AdminListening {
        AdminListening {
            listener,
            tls: self.certificates.as_ref().map(Certificates::live),
            closed: self.admin.is_closed(),
            people: self.people.clone(),
            open_metrics: self.admin.open_metrics,
            audit_log: self.admin.audit_log.clone(),
            audit_key: Key::new(self.admin.audit_key.as_ref().map(|key| &key.secret)),
            heads,
            clock,
        }
    }

    /// The certificate, where there is one.
    pub(super) fn certificates(&mut self) -> Option<&mut Certificates> {
        self.certificates.as_mut()
    }

    /// Takes the tokens, users and files that a newly read configuration names. Whether there are any at all is settled at
    /// the start: a listener that asked for something does not stop asking.
    pub(super) fn configured(&mut self, admin: &AdminListen) {
        if admin.is_closed() == self.admin.is_closed() {
            self.admin.tokens.clone_from(&admin.tokens);
            self.admin.users.clone_from(&admin.users);
            self.people.replace(&self.admin);
        }
        if let (Some(certificates), Some(tls)) = (&mut self.certificates, &admin.tls) {
            certificates.configured(tls);
        }
    }

    /// Reads the tokens again; blocks. If one cannot be read, all stay as they were.
    pub(super) fn look(&mut self) -> tls::Look {
        let mut renewed = self.admin.clone();
        let of_users = renewed.users.iter_mut().filter_map(|user| user.token.as_mut());
        let mut differs = false;
        for token in renewed.tokens.iter_mut().chain(of_users) {
            match renew(token) {
                Ok(renewed) => differs |= renewed,
                Err(why) if self.refused.as_ref() == Some(&why) => return tls::Look::Unchanged,
                Err(why) => {
                    self.refused = Some(why.clone());
                    return tls::Look::Kept(why);
                }
            }
        }
        let mended = self.refused.take().is_some();
        if !mended && !differs {
            return tls::Look::Unchanged;
        }
        self.admin = renewed;
        self.people.replace(&self.admin);
        tls::Look::Replaced
    }
}

/// Reads a token again; whether it is another one.
fn renew(token: &mut Referenced) -> Result<bool, String> {
    let read = token.reference.resolve();
    let read = read.map_err(|error| format!("admin.tokens or admin.users: {error}"))?;
    let differs = read.expose() != token.secret.expose();
    token.secret = read;
    Ok(differs)
}
