//! What makes it safe to show pages in a browser: where a request came from, the cookie, and what the answer forbids.
//!
//! A page of somebody else can make a browser send requests here, so only what a page of ours sent, or a person typed, is
//! answered (Fetch Metadata, Origin), and forms repeat a word that only our pages know. What callers wrote stands in our
//! pages, so these run no script but the one file, take nothing from elsewhere and cannot be framed.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::session::{BrowserId, LONGEST};

/// The cookie's name.
const NAME: &str = "zengate-console";

/// What pages may do: their own style, script and forms, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where a request comes from, by the browser's word; other programs say nothing and are no danger to a person's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// One of our own pages, or a person.
    Here,
    /// A page of somebody else.
    Elsewhere,
}

/// Where it comes from.
pub(crate) fn from(headers: &HeaderMap) -> From {
    let one = |name: &HeaderName| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => one.to_str().map(Some).map_err(|_| ()),
            (Some(_), Some(_)) => Err(()),
        }
    };
    let told = (one(&HeaderName::from_static("sec-fetch-site")), one(&ORIGIN), one(&HOST));
    let (Ok(site), Ok(origin), Ok(host)) = told else { return From::Elsewhere };
    let near = site.is_none_or(|site| matches!(site, "none" | "same-origin"));
    let own = origin.is_none_or(|origin| {
        let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        named.is_some_and(|named| host.is_some_and(|host| named.eq_ignore_ascii_case(host)))
    });
    if near && own { From::Here } else { From::Elsewhere }
}

/// The browser that sent this, if it has been here before. Two cookies of one name are somebody's trick.
pub(crate) fn known(headers: &HeaderMap) -> Option<BrowserId> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(name, _)| *name == NAME).map(|(_, value)| value);
    match (ours.next(), ours.next()) {
        (Some(value), None) => BrowserId::parse(value),
        _ => None,
    }
}

/// The cookie that a browser is to keep.
pub(crate) fn cookie(browser: &BrowserId, tls: bool) -> Option<HeaderValue> {
    set(browser.as_str(), LONGEST.as_secs(), tls)
}

/// The cookie that makes it forget.
pub(crate) fn forget(tls: bool) -> Option<HeaderValue> {
    set("", 0, tls)
}

fn set(value: &str, age: u64, tls: bool) -> Option<HeaderValue> {
    let secure = if tls { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/console; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).ok()
}

/// An answer with everything that a browser must be told.
pub(crate) fn answer(
    status: StatusCode,
    media: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, media),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: forms of such pages say `Origin: null`, which is what a stranger's sandbox says too.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Sends the browser to another page of ours; `to` is one of the program's own paths.
pub(crate) fn redirect(to: &str) -> Response<Full<Bytes>> {
    let mut response = answer(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// Adds a cookie to an answer.
pub(crate) fn with_cookie(
    mut response: Response<Full<Bytes>>,
    cookie: Option<HeaderValue>,
) -> Response<Full<Bytes>> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_our_pages_and_people_are_from_here() {
        let host = ("host", "gateway.example:9180");
        for here in [
            &[host][..],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "http://gateway.example:9180")],
            &[host, ("origin", "https://GATEWAY.example:9180")],
        ] {
            assert_eq!(from(&headers(here)), From::Here, "{here:?}");
        }
        for elsewhere in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[host, ("origin", "http://gateway.example")],
            &[host, ("origin", "http://gateway.example:9180.evil.example")],
            &[host, ("origin", "gateway.example:9180")],
            &[("origin", "http://gateway.example:9180")],
            &[host, ("origin", "http://gateway.example:9180"), ("origin", "http://gateway.example:9180")],
            &[host, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(from(&headers(elsewhere)), From::Elsewhere, "{elsewhere:?}");
        }
    }

    #[test]
    fn a_cookie_is_read_once_and_hard_to_steal() {
        let browser = BrowserId::new().unwrap();
        let shown = format!("a=b; {NAME}={}; c=d", browser.as_str());
        assert!(known(&headers(&[("cookie", &shown)])).is_some_and(|known| known == browser));
        let twice = format!("{shown}; {NAME}={}", browser.as_str());
        for odd in [twice.as_str(), "", "zengate-console=", "zengate-console", "x=1"] {
            assert!(known(&headers(&[("cookie", odd)])).is_none(), "{odd}");
        }
        for (tls, secure) in [(true, true), (false, false)] {
            let text = cookie(&browser, tls).unwrap().to_str().unwrap().to_owned();
            for word in ["HttpOnly", "SameSite=Strict", "Path=/console;"] {
                assert!(text.contains(word), "{text}");
            }
            assert_eq!(text.contains("; Secure"), secure);
            assert!(forget(tls).unwrap().to_str().unwrap().contains("Max-Age=0"));
        }
    }
}
