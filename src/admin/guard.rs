//! Who may ask the admin listener.
//!
//! - `/livez` and `/readyz` answer everybody: they say nothing but well or not, and probes have no tokens.
//! - No page answers a browser that another site has sent here: a request with `Origin`, or whose `Sec-Fetch-Site` is
//!   anything but `none` (Fetch Metadata, W3C), is refused whatever it carries. The console has a door of its own (`browse`).
//! - With tokens, users or client certificates, a token (RFC 6750) or a certificate must be shown; see `people`. An address that showed ten wrong ones within a minute is not listened to until that
//!   minute is over: neither with a right one, or guessing would go on.
//! - A viewer asks, an operator also orders: whatever is neither GET nor HEAD is an order.
//! - Without any of them, only the loopback may ask, by a name of the loopback: a page that has its own name point here
//!   (DNS rebinding) still says its own name in `Host`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use super::people::{Caller, People};
use crate::config::admin::Role;
use crate::doors::network;
use crate::keys::ClientCertificate;

/// Wrong tokens of one address per [`WINDOW`] before it is not listened to.
const MOST_FAILURES: u32 = 10;
/// For how long failures count.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered; the oldest is forgotten for a new one.
const MOST_REMEMBERED: usize = 4096;

/// Who stands at the other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) peer: SocketAddr,
    /// What was proved in the handshake.
    pub(super) certificate: Option<ClientCertificate>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: &'static str,
}

/// The rules of one listener.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    people: People,
    /// Whether a token or a certificate is asked for.
    closed: bool,
    open_metrics: bool,
    failures: Arc<Mutex<HashMap<IpAddr, (Instant, u32)>>>,
}

impl Guard {
    pub(super) fn new(people: People, closed: bool, open_metrics: bool) -> Self {
        Self { people, closed, open_metrics, failures: Arc::default() }
    }

    /// Whether the caller may ask with this method.
    pub(super) fn permit(caller: &Caller, method: &Method) -> Result<(), Refused> {
        if caller.role() == Role::Operator || matches!(*method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        Err(Refused {
            status: StatusCode::FORBIDDEN,
            why: "this is an order and needs the role `operator`; yours is `viewer` (admin.users)",
        })
    }

    pub(super) fn admit(&self, asker: &Asker, path: &str, headers: &HeaderMap) -> Result<Caller, Refused> {
        let of_browser = headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() != b"none");
        if of_browser || headers.contains_key(ORIGIN) {
            return refuse(StatusCode::FORBIDDEN, "no page of a browser may ask here; use the command line");
        }
        if matches!(path, "/livez" | "/readyz") || path == "/metrics" && self.open_metrics {
            return Ok(Caller::Anybody);
        }
        if !self.closed {
            return by_machine(asker, headers);
        }
        if let Some(caller) = self.by_certificate(asker) {
            return Ok(caller);
        }
        self.listened_to(asker)?;
        match bearer(headers).map(|shown| self.people.with_token(shown)) {
            Some(Some(caller)) => Ok(caller),
            Some(None) => {
                self.fail(asker.peer.ip());
                refuse(StatusCode::UNAUTHORIZED, "this is no token of the admin listener")
            }
            None => refuse(
                StatusCode::UNAUTHORIZED,
                "send `Authorization: Bearer TOKEN` with a token of admin.tokens or admin.users, as --token-file or ZENGATE_ADMIN_TOKEN",
            ),
        }
    }

    /// Who visits the console: whom the connection proves, or the holder of the token with which a session began; nobody
    /// yet where one has to log in.
    pub(super) fn visitor(
        &self,
        asker: &Asker,
        headers: &HeaderMap,
        token: Option<&[u8]>,
    ) -> Result<Option<Caller>, Refused> {
        if !self.closed {
            return by_machine(asker, headers).map(Some);
        }
        let by_token = || token.and_then(|token| self.people.with_digest(token));
        // Who has logged in wants to be that one, also where a certificate came along.
        Ok(by_token().or_else(|| self.by_certificate(asker)))
    }

    /// Whose token this is, for a login. Wrong ones count as they do everywhere.
    pub(super) fn login(&self, asker: &Asker, token: &str) -> Result<Caller, Refused> {
        self.listened_to(asker)?;
        self.people.with_token(token).filter(|_| self.closed).ok_or_else(|| {
            self.fail(asker.peer.ip());
            Refused { status: StatusCode::UNAUTHORIZED, why: "This is no token of the admin listener." }
        })
    }

    fn by_certificate(&self, asker: &Asker) -> Option<Caller> {
        asker.certificate.as_ref().and_then(|shown| self.people.with_certificate(&shown.names))
    }

    fn listened_to(&self, asker: &Asker) -> Result<(), Refused> {
        if !self.failed_too_often(asker.peer.ip()) {
            return Ok(());
        }
        Err(Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            why: "too many wrong tokens came from this address; wait a minute",
        })
    }

    fn failed_too_often(&self, peer: IpAddr) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = failures.get(&network(peer));
        of_one.is_some_and(|(since, count)| since.elapsed() < WINDOW && *count >= MOST_FAILURES)
    }

    fn fail(&self, peer: IpAddr) {
        let peer = network(peer);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST_REMEMBERED && !failures.contains_key(&peer) {
            failures.retain(|_, (since, _)| since.elapsed() < WINDOW);
            let oldest = failures.iter().min_by_key(|(_, (since, _))| *since).map(|(peer, _)| *peer);
            if let Some(oldest) = oldest.filter(|_| failures.len() >= MOST_REMEMBERED) {
                failures.remove(&oldest);
            }
        }
        let (since, count) = failures.entry(peer).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
    }
}

fn refuse(status: StatusCode, why: &'static str) -> Result<Caller, Refused> {
    Err(Refused { status, why })
}

fn by_machine(asker: &Asker, headers: &HeaderMap) -> Result<Caller, Refused> {
    if !asker.peer.ip().to_canonical().is_loopback() {
        return refuse(
            StatusCode::FORBIDDEN,
            "without admin.tokens, admin.users or client certificates, only the machine itself may ask",
        );
    }
    let host = headers.get(HOST).map_or(Some(""), |host| host.to_str().ok());
    let named = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    let local = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    };
    // HTTP/1.0 knows no Host.
    if host == Some("") || named.is_some_and(|named| local(named.host())) {
        return Ok(Caller::Machine);
    }
    refuse(StatusCode::FORBIDDEN, "ask by the address or by `localhost`: other names may be somebody else's")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::admin::{AdminListen, User};
    use crate::config::{Referenced, SecretRef};
    use crate::secret::Secret;

    const TOKEN: &str = "an-admin-token-of-some-length";

    fn asker(peer: &str) -> Asker {
        Asker { peer: format!("{peer}:5").parse().unwrap(), certificate: None }
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn closed() -> Guard {
        let token =
            |text: &str| Referenced { reference: SecretRef::Env("X".to_owned()), secret: Secret::new(text) };
        let user = |name: &str, role, token, certificate: Option<&str>| User {
            name: name.to_owned(),
            role,
            token,
            certificate: certificate.map(str::to_owned),
        };
        let people = People::default();
        people.replace(&AdminListen {
            address: "127.0.0.1:0".parse().unwrap(),
            tokens: vec![token("the-other-token-of-it"), token(TOKEN)],
            users: vec![
                user("vera", Role::Viewer, Some(token("token-of-vera-who-views")), Some("vera.example")),
                user("otto", Role::Operator, None, Some("otto.example")),
            ],
            open_metrics: false,
            tls: None,
            audit_log: None,
            audit_key: None,
        });
        Guard::new(people, true, false)
    }

    #[test]
    fn the_loopback_needs_nothing_but_its_own_name() {
        let guard = Guard::new(People::default(), false, false);
        let ask = |peer, all: &[_]| guard.admit(&asker(peer), "/status", &headers(all));
        for host in ["127.0.0.1:9180", "localhost", "LOCALHOST:1", "[::1]:9180", "10.0.0.7"] {
            assert_eq!(ask("127.0.0.1", &[("host", host)]), Ok(Caller::Machine), "{host}");
        }
        assert_eq!(ask("127.0.0.1", &[]), Ok(Caller::Machine));
        for host in ["evil.example:9180", "localhost.evil.example", "", " "] {
            let answer = ask("127.0.0.1", &[("host", host)]);
            assert_eq!(answer.is_ok(), host.is_empty(), "{host}");
        }
        assert_eq!(ask("192.0.2.1", &[("host", "localhost")]).unwrap_err().status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn people_have_their_names_and_roles() {
        let guard = closed();
        let (vera, otto) =
            (Caller::User("vera".into(), Role::Viewer), Caller::User("otto".into(), Role::Operator));
        let shown = headers(&[("authorization", "Bearer token-of-vera-who-views")]);
        assert_eq!(guard.admit(&asker("192.0.2.1"), "/status", &shown), Ok(vera.clone()));
        let proved = |name: &str| {
            let names = vec!["x.example".to_owned(), name.to_owned()];
            let certificate = Some(ClientCertificate { names, fingerprint: String::new() });
            let asker = Asker { certificate, ..asker("192.0.2.1") };
            guard.admit(&asker, "/status", &HeaderMap::new())
        };
        assert_eq!(proved("otto.example"), Ok(otto.clone()));
        assert_eq!(proved("nobody.example").unwrap_err().status, StatusCode::UNAUTHORIZED);
        let all = [
            (Caller::Machine, true),
            (Caller::Token(1), true),
            (Caller::Certificate(vec![]), true),
            (otto, true),
            (vera, false),
            (Caller::Anybody, false),
        ];
        for (caller, orders) in all {
            for method in [Method::GET, Method::HEAD] {
                assert!(Guard::permit(&caller, &method).is_ok(), "{caller:?} {method}");
            }
            for method in
                [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, "BREW".parse().unwrap()]
            {
                let may = Guard::permit(&caller, &method).is_ok();
                assert_eq!(may, orders, "{caller:?} {method}");
            }
        }
    }

    #[test]
    fn no_browser_is_let_in_with_whatever_it_carries() {
        let right = format!("Bearer {TOKEN}");
        for (name, value) in
            [("origin", "null"), ("origin", "http://127.0.0.1:9180"), ("sec-fetch-site", "same-origin")]
        {
            let all = headers(&[(name, value), ("authorization", &right), ("host", "localhost")]);
            for guard in [closed(), Guard::new(People::default(), false, true)] {
                for path in ["/status", "/livez", "/metrics"] {
                    let refused = guard.admit(&asker("127.0.0.1"), path, &all).unwrap_err();
                    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{name} {value} {path}");
                }
            }
        }
        let typed = headers(&[("sec-fetch-site", "none"), ("authorization", &right)]);
        assert_eq!(closed().admit(&asker("192.0.2.1"), "/status", &typed), Ok(Caller::Token(2)));
    }

    #[test]
    fn a_token_is_asked_of_everybody_and_probes_are_open() {
        let guard = closed();
        let ask = |path, all: &[_]| guard.admit(&asker("127.0.0.1"), path, &headers(all));
        let right = format!("bearer {TOKEN}");
        assert_eq!(ask("/livez", &[]), Ok(Caller::Anybody));
        assert_eq!(ask("/readyz", &[]), Ok(Caller::Anybody));
        assert_eq!(ask("/policy", &[("authorization", &right)]), Ok(Caller::Token(2)));
        let double = [("authorization", right.as_str()), ("authorization", right.as_str())];
        let wrong = [("authorization", "Bearer "), ("authorization", TOKEN), ("authorization", "Basic eDp5")];
        for all in [&double[..], &wrong[..1], &wrong[1..2], &wrong[2..], &[]] {
            for path in ["/policy", "/metrics", "/status", "/livez/", "/nope"] {
                let refused = ask(path, all).unwrap_err();
                assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path} {all:?}");
            }
        }
        let open = Guard { open_metrics: true, ..closed() };
        assert_eq!(open.admit(&asker("192.0.2.1"), "/metrics", &HeaderMap::new()), Ok(Caller::Anybody));
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_is_not_listened_to_for_a_minute() {
        let guard = closed();
        let ask = |peer: &str, token: &str| {
            let all = headers(&[("authorization", &format!("Bearer {token}"))]);
            guard.admit(&asker(peer), "/status", &all).map_err(|refused| refused.status.as_u16())
        };
        for _ in 0..MOST_FAILURES {
            assert_eq!(ask("192.0.2.1", "wrong"), Err(401));
        }
        assert_eq!(ask("192.0.2.1", TOKEN), Err(429));
        assert_eq!(ask("192.0.2.2", TOKEN), Ok(Caller::Token(2)), "others are not touched");
        tokio::time::advance(WINDOW).await;
        assert_eq!(ask("192.0.2.1", TOKEN), Ok(Caller::Token(2)));
        for number in 0..MOST_REMEMBERED + 10 {
            let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
            assert_eq!(ask(&format!("10.0.{high}.{low}"), "wrong"), Err(401));
        }
        assert!(guard.failures.lock().unwrap().len() <= MOST_REMEMBERED);
    }
}
