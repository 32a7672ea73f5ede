//! From path and headers to a [`Call`]. All of it is claimed, none of it signed; so it must be exact and unambiguous.

use http::{HeaderMap, Method, Uri, Version, header};

use super::limit::{Bounded, Head, Payload};
use super::stage::Stage;
use super::trail::Trail;
use crate::api::{Call, Kind, catalog};
use crate::refusal::{HeadTrouble, Refusal};

const PREFIX: &str = "/api/v2/";
/// Names and versions in messages are cut to this many characters.
const LONGEST_ECHO: usize = 64;

/// Headers that may appear at most once; a second reader could take the other one.
const AT_MOST_ONCE: &[&str] = &[
    "host",
    "authorization",
    "content-type",
    "content-length",
    "expect",
    "x-zc-action",
    "x-zc-version",
    "x-zc-service",
    "x-zc-timestamp",
    "x-zc-signature-method",
    "x-zc-signature-version",
    "idempotency-key",
    "x-zengate-dry-run",
];
/// Headers whose value must be plain visible ASCII (with inner blanks) because the gateway acts on it.
const PLAIN: &[&str] = &[
    "host",
    "authorization",
    "content-type",
    "content-length",
    "x-zc-action",
    "x-zc-version",
    "x-zc-service",
    "x-zc-timestamp",
    "x-zc-signature-method",
];

/// A request whose action is known.
pub(super) struct Routed {
    pub(super) call: Call,
    /// The host as the client signed it: `Host`, or `:authority` over HTTP/2.
    pub(super) host: String,
    pub(super) head: Head,
    pub(super) body: Payload,
    pub(super) trail: Trail,
}

/// See the module.
pub(super) struct Route;

impl Stage for Route {
    type In = Bounded;
    type Out = Routed;

    async fn apply(&self, bounded: Bounded) -> Result<Routed, Refusal> {
        let Bounded { head, body, trail } = bounded;
        trail.note(|facts| {
            facts.sdk = sdk(&head.headers);
            facts.user_agent = text(&head.headers, "user-agent").map(|agent| shorten(agent, 256));
        });
        check_target(&head)?;
        check_headers(&head.headers)?;
        let service = service(head.uri.path())?;
        trail.note(|facts| facts.service = Some(service));
        check_service_header(&head.headers, service)?;
        check_media_type(&head.headers)?;
        let host = host(&head)?;
        let call = call(&head.headers, service)?;
        trail.note(|facts| facts.call = Some(call));
        Ok(Routed { call, host, head, body, trail })
    }
}

/// What kind of action the head claims, unchecked.
pub(super) fn claimed(uri: &Uri, headers: &HeaderMap) -> Option<Kind> {
    let action = text(headers, "x-zc-action")?;
    Some(catalog::lookup(service(uri.path()).ok()?, action)?.kind)
}

fn check_target(head: &Head) -> Result<(), Refusal> {
    if head.method != Method::POST {
        return Err(Refusal::Method);
    }
    if head.version < Version::HTTP_11 {
        return Err(HeadTrouble::OldProtocol.into());
    }
    if head.version == Version::HTTP_11 && head.uri.authority().is_some() {
        return Err(HeadTrouble::AbsoluteTarget.into());
    }
    if head.uri.query().is_some() {
        return Err(HeadTrouble::Query.into());
    }
    Ok(())
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.keys().any(|name| name.as_str().contains('_')) {
        return Err(HeadTrouble::Underscore.into());
    }
    // Where every name stands once, none of these is repeated.
    let repeated = headers.len() > headers.keys_len();
    for name in AT_MOST_ONCE.iter().filter(|_| repeated) {
        if headers.get_all(*name).iter().count() > 1 {
            return Err(HeadTrouble::Repeated(name).into());
        }
    }
    // What `Connection` names is gone behind a proxy that keeps to the letter (RFC 9110, 7.6.1): it would read another
    // request than this one.
    let named =
        headers.get_all(header::CONNECTION).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    for name in named.map(<[u8]>::trim_ascii) {
        let needed = AT_MOST_ONCE.iter().any(|needed| name.eq_ignore_ascii_case(needed.as_bytes()));
        if needed || name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(HeadTrouble::Value("connection").into());
        }
    }
    // Where all are plain, these are.
    let all_plain = headers.values().all(|value| value.to_str().is_ok());
    for name in PLAIN.iter().filter(|_| !all_plain) {
        if headers.contains_key(*name) && text(headers, name).is_none() {
            return Err(HeadTrouble::Value(name).into());
        }
    }
    Ok(())
}

/// The service of a path that is `/api/v2/<service>` to the byte, with at most one slash behind it.
fn service(path: &str) -> Result<&'static str, Refusal> {
    let asked = path.strip_prefix(PREFIX).map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    asked.and_then(|asked| catalog::services().find(|service| *service == asked)).ok_or_else(|| {
        let hint = catalog::services()
            .find(|service| asked.is_some_and(|asked| asked.eq_ignore_ascii_case(service)))
            .map(|service| format!(" (did you mean `{PREFIX}{service}`?)"))
            .unwrap_or_default();
        Refusal::Path { services: catalog::services().collect::<Vec<_>>().join(", "), hint }
    })
}

fn check_service_header(headers: &HeaderMap, service: &str) -> Result<(), Refusal> {
    match text(headers, "x-zc-service") {
        Some(claimed) if claimed != service => Err(HeadTrouble::ServiceMismatch.into()),
        _ => Ok(()),
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::MediaType("send the body without `Content-Encoding`"));
    }
    let value = text(headers, "content-type").ok_or(HeadTrouble::Missing("content-type"))?;
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    });
    if json && utf8 {
        Ok(())
    } else {
        Err(Refusal::MediaType("`Content-Type` must be `application/json`, with `charset=utf-8` at most"))
    }
}

/// What the client signed as host. Over HTTP/2 that is `:authority`, and a `Host` beside it must say the same.
fn host(head: &Head) -> Result<String, Refusal> {
    let header = text(&head.headers, "host");
    match (head.uri.authority(), header) {
        (Some(authority), Some(host)) if authority.as_str() != host => {
            Err(HeadTrouble::Repeated("host").into())
        }
        (Some(authority), _) => Ok(authority.as_str().to_owned()),
        (None, Some(host)) => Ok(host.to_owned()),
        (None, None) => Err(HeadTrouble::Missing("host").into()),
    }
}

fn call(headers: &HeaderMap, service: &'static str) -> Result<Call, Refusal> {
    let name = text(headers, "x-zc-action").ok_or(HeadTrouble::Missing("x-zc-action"))?;
    let action = catalog::lookup(service, name).ok_or_else(|| Refusal::UnknownAction {
        service: service.to_owned(),
        action: shorten(name, LONGEST_ECHO),
        hint: catalog::spelling(service, name)
            .map(|action| format!("; it is spelt `{}`", action.name))
            .unwrap_or_default(),
    })?;
    let version = text(headers, "x-zc-version");
    Call::new(action, version).ok_or_else(|| Refusal::UnknownVersion {
        service: action.service,
        action: action.name,
        version: shorten(version.unwrap_or_default(), LONGEST_ECHO),
        known: action.versions.join(", "),
    })
}

/// A header's value if it is visible ASCII and blanks, trimmed.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The SDK by its own word: `X-ZC-Sdk-Lang` and `X-ZC-Sdk-Version`, or the client's name for itself.
fn sdk(headers: &HeaderMap) -> Option<String> {
    let said: Vec<&str> = ["x-zc-sdk-lang", "x-zc-sdk-version", "x-zc-request-client"]
        .iter()
        .filter_map(|name| text(headers, name))
        .collect();
    if said.is_empty() { None } else { Some(shorten(&said.join(" "), 128)) }
}

fn shorten(text: &str, most: usize) -> String {
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text).to_owned()
}
