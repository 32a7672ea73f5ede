//! `[upstream]` and `[accounts.<name>]`: the cloud, and the keys the gateway calls it with.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::secret_ref::{self, RawSecretRef, Referenced};
use super::units::Time;
use crate::keys::not_a_team;

/// The cloud's API.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawUpstream {
    /// The origin of the API: scheme, host and optional port, nothing else. The vendor's public console by default.
    pub url: At<String>,
    /// A PEM file of certificate authorities to trust instead of the system's: for an emulator or an inspecting proxy.
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<At<PathBuf>>,
    /// How long a TCP connection may take. 3s: three attempts of the kernel's own retransmission start.
    pub connect_timeout: At<Time>,
    /// How long the TLS handshake may take after that. 3s: two round trips around the globe, with room.
    pub tls_timeout: At<Time>,
    /// How long a create may take from connecting to the last byte of its answer; after that its outcome is unknown
    /// and stays booked. 45s: creates of many machines take the cloud tens of seconds, and clients that wait longer
    /// than this are rare. The Java SDK gives up after 10s; its creates are finished and recorded all the same.
    pub create_timeout: At<Time>,
    /// The same for a change. 45s, as for creates: some changes run as long.
    pub change_timeout: At<Time>,
    /// How long a read may take to the head of its answer, and then between two pieces of it. 20s: nothing is lost by
    /// giving up, and the client asks again.
    pub read_timeout: At<Time>,
    /// How many idle connections are kept for each account. 100, as many as Go's own client keeps: what a burst opened serves the
    /// next one, and what has rested for 30s is closed instead of used.
    pub idle_connections: At<usize>,
    /// After how many requests in a row without an answer nothing is sent any more until a read was answered; 0 is
    /// never. 5: one lost connection is bad luck, five are not.
    pub breaker_failures: At<usize>,
    /// How long it then waits between two reads that try. 5s: a cloud that is coming back is not held down.
    pub breaker_pause: At<Time>,
}

impl Default for RawUpstream {
    fn default() -> Self {
        Self {
            url: "https://console.zenlayer.com".to_owned().into(),
            ca_file: None,
            connect_timeout: Time::seconds(3).into(),
            tls_timeout: Time::seconds(3).into(),
            create_timeout: Time::seconds(45).into(),
            change_timeout: Time::seconds(45).into(),
            read_timeout: Time::seconds(20).into(),
            idle_connections: 100.into(),
            breaker_failures: 5.into(),
            breaker_pause: Time::seconds(5).into(),
        }
    }
}

/// One account of the cloud.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAccount {
    /// The id of the cloud's access key; goes with `secret`.
    #[schemars(with = "Option<String>")]
    pub access_key_id: Option<At<String>>,
    /// The secret of that access key, by reference.
    pub secret: Option<At<RawSecretRef>>,
    /// A bearer token of the cloud instead of a key, by reference.
    pub token: Option<At<RawSecretRef>>,
    /// The origin for this account, if it is not the one of `[upstream]`.
    #[schemars(with = "Option<String>")]
    pub url: Option<At<String>>,
    /// The teams whose calls go to this account, so that their keys need not name it; no other team's key may. A team
    /// that stands nowhere goes to the account that its key names, or to the only one that lists no teams.
    pub teams: Vec<At<String>>,
}

/// How the upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text: the emulator, or a proxy on the same machine.
    Http,
    /// TLS.
    Https,
}

/// An origin: the only place that requests of an account are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// The name or address to connect to; an IPv6 address without brackets.
    pub host: String,
    /// The port to connect to.
    pub port: u16,
    /// The value of the Host header, which is signed: the port only where it is not the scheme's own.
    pub authority: String,
}

/// The checked `[upstream]`.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where accounts without an own `url` are called.
    pub origin: Origin,
    /// Trusted instead of the system's authorities.
    pub ca_file: Option<PathBuf>,
    /// For the TCP connection.
    pub connect_timeout: Duration,
    /// For the TLS handshake.
    pub tls_timeout: Duration,
    /// For a create, all in all.
    pub create_timeout: Duration,
    /// For a change, all in all.
    pub change_timeout: Duration,
    /// For a read, all in all.
    pub read_timeout: Duration,
    /// Idle connections kept per account.
    pub idle_connections: usize,
    /// Requests in a row without an answer after which nothing is sent; 0 is never.
    pub breaker_failures: usize,
    /// Between two reads that try.
    pub breaker_pause: Duration,
}

/// A checked account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in `[accounts.<name>]`, which keys refer to.
    pub name: String,
    /// What requests are signed or sent with.
    pub credential: Credential,
    /// Where they are sent.
    pub origin: Origin,
    /// The teams that it is for; empty is whoever's key names it.
    pub teams: BTreeSet<String>,
}

/// What the cloud accepts.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An access key: requests are signed.
    Key {
        /// The public part.
        id: String,
        /// The secret part.
        secret: Referenced,
    },
    /// A bearer token.
    Token(Referenced),
}

impl Scheme {
    /// The scheme as it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// Reads `http://host[:port]` or `https://host[:port]`; a slash at the end is let pass.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, usual) = match scheme {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return None,
        };
        let authority: http::uri::Authority = rest.strip_suffix('/').unwrap_or(rest).parse().ok()?;
        let host = authority.host();
        let has_port = authority.as_str().len() > host.len();
        let port = if has_port { authority.port_u16()? } else { usual };
        if host.is_empty() || port == 0 || authority.as_str().contains('@') {
            return None;
        }
        let shown = if port == usual { host.to_owned() } else { format!("{host}:{port}") };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { scheme, host, port, authority: shown })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority)
    }
}

impl RawUpstream {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Option<Upstream> {
        let ca_file = self.ca_file.as_ref().map(|path| checking.file(path));
        let connect_timeout = checking.time(&self.connect_timeout);
        let tls_timeout = checking.time(&self.tls_timeout);
        let setup = connect_timeout.saturating_add(tls_timeout);
        let mut whole = |name: &str, raw: &At<Time>| {
            let time = checking.time(raw);
            if !time.is_zero() && time <= setup {
                // The blame goes to what was written; a default is only what the other is measured by.
                let blamed = [raw, &self.connect_timeout, &self.tls_timeout];
                let blamed = blamed.into_iter().find(|raw| raw.span().is_some()).unwrap_or(raw);
                let text = format!(
                    "{name} ({raw}) must be longer than connect_timeout and tls_timeout together ({}); raise it or lower those",
                    Time(setup),
                    raw = **raw,
                );
                checking.findings.at(blamed, text);
            }
            time
        };
        let create_timeout = whole("create_timeout", &self.create_timeout);
        let change_timeout = whole("change_timeout", &self.change_timeout);
        let read_timeout = whole("read_timeout", &self.read_timeout);
        let idle_connections = *self.idle_connections; // none kept is a choice
        let origin = origin(&self.url, checking)?;
        Some(Upstream {
            origin,
            ca_file,
            connect_timeout,
            tls_timeout,
            create_timeout,
            change_timeout,
            read_timeout,
            idle_connections,
            breaker_failures: *self.breaker_failures,
            breaker_pause: checking.time(&self.breaker_pause),
        })
    }
}

/// Checks all accounts; `default` is the origin of those without one.
pub(super) fn accounts(
    raw: &BTreeMap<String, At<RawAccount>>,
    default: Option<&Origin>,
    checking: &mut Checking<'_, '_>,
) -> BTreeMap<String, Account> {
    if raw.is_empty() {
        let write = "e.g. [accounts.main] with access_key_id and secret = { file = \"main.secret\" }";
        checking.findings.missing(&["accounts"], write);
    }
    teams(raw, checking);
    let checked = raw.iter().filter_map(|(name, account)| account.check(name, default, checking));
    checked.map(|account| (account.name.clone(), account)).collect()
}

/// A team has one account.
fn teams(raw: &BTreeMap<String, At<RawAccount>>, checking: &mut Checking<'_, '_>) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (name, account) in raw {
        for team in &account.teams {
            if let Some(trouble) = not_a_team(team) {
                checking.findings.at(team, trouble);
            }
            if let Some(other) = seen.insert(team, name).filter(|other| *other != name) {
                let text = format!(
                    "the team {:?} stands under [accounts.{other}] too; a team has one account",
                    **team
                );
                checking.findings.at(team, text);
            }
        }
    }
}

impl RawAccount {
    fn check(
        &self,
        name: &str,
        default: Option<&Origin>,
        checking: &mut Checking<'_, '_>,
    ) -> Option<Account> {
        let origin = match &self.url {
            Some(url) => origin(url, checking),
            None => default.cloned(),
        };
        let credential = self.credential(name, checking)?;
        let teams = self.teams.iter().map(|team| (**team).clone()).collect();
        Some(Account { name: name.to_owned(), credential, origin: origin?, teams })
    }

    fn credential(&self, name: &str, checking: &mut Checking<'_, '_>) -> Option<Credential> {
        if let Some(token) = &self.token {
            if self.secret.is_some() || self.access_key_id.is_some() {
                checking.findings.at(token, "stands beside an access key; keep either the key or the token");
            }
            let found = secret_ref::resolve(token, checking.directory, checking.findings)?;
            return secret_ref::single_line(token, &found, checking.findings)
                .then_some(Credential::Token(found));
        }
        let id = self.access_key_id.as_ref().filter(|id| {
            let fine = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
            if !fine {
                // Not repeated: it may be the secret, in the wrong place.
                checking
                    .findings
                    .at(*id, "is not an access key id; write the id that the cloud's console shows");
            }
            fine
        });
        if self.access_key_id.is_none() {
            checking
                .findings
                .missing(&["accounts", name, "access_key_id"], "the id of the cloud's access key");
        }
        let Some(raw) = &self.secret else {
            let write = "e.g. secret = { file = \"main.secret\" } or { env = \"CLOUD_SECRET\" }";
            checking.findings.missing(&["accounts", name, "secret"], write);
            return None;
        };
        let secret = secret_ref::resolve(raw, checking.directory, checking.findings)?;
        let fine = secret_ref::single_line(raw, &secret, checking.findings);
        fine.then_some(Credential::Key { id: (**id?).clone(), secret })
    }
}

fn origin(raw: &At<String>, checking: &mut Checking<'_, '_>) -> Option<Origin> {
    let origin = Origin::parse(raw);
    if origin.is_none() {
        const WRITE: &str = "write e.g. \"https://console.zenlayer.com\"";
        let text = if raw.contains(['@', '?', '#']) {
            format!(
                "holds more than an origin (a user, a query or the like), which is not repeated here; {WRITE}"
            )
        } else if ["http://", "https://"].iter().any(|start| raw.starts_with(start)) {
            format!(
                "{:?} is not an origin (scheme, host and optional port, no path or query); {WRITE}",
                **raw
            )
        } else {
            format!("{:?} is not an http or https URL; {WRITE}", **raw)
        };
        checking.findings.at(raw, text);
    }
    origin
}
