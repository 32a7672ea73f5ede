//! The calls that the demo makes, and what it says about them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};

use super::files::{Files, GATEWAY_KEY};
use super::show;
use crate::api::Kind;
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::sign::{PayloadHash, SigningKey, authorize};
use crate::upstream::{Deadlines, Origin, Patience, Reply, Upstream, client_tls};

/// The example request of the vendor's page on CreateInstances, as it stands there.
const VENDOR_EXAMPLE: &str = r#"{
 "zoneId":"SEL-A",
 "instanceType":"c.1c2g",
 "imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8",
 "instanceChargeType":"POSTPAID",
 "internetChargeType":"ByBandwidth"
}"#;

const THREE_AT_ONCE: &str = r#"{"zoneId":"FRA-A","instanceType":"c.1c2g","imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8","instanceChargeType":"POSTPAID","internetChargeType":"ByBandwidth","instanceCount":50,"resourceGroupId":"a-group-of-my-own"}"#;

/// Signs as the SDKs do and calls the gateway.
pub(super) struct Client {
    gateway: Upstream,
    key: SigningKey,
}

impl Client {
    pub(super) fn new(address: SocketAddr, files: &Files, tls: bool) -> Result<Self, String> {
        let scheme = if tls { "https" } else { "http" };
        let origin: Origin = format!("{scheme}://{address}").parse().map_err(|error| format!("{error}"))?;
        let tls = if tls { Some(client_tls(Some(&files.certificate_path()))?) } else { None };
        let patience = Duration::from_secs(30);
        let deadlines = Deadlines {
            connect: patience,
            tls: patience,
            create: patience,
            change: patience,
            read: patience,
        };
        Ok(Self {
            gateway: Upstream::new(origin, tls, deadlines, 1 << 20, 0, Patience::ENDLESS),
            key: SigningKey::new(&files.secret),
        })
    }

    async fn call(&self, action: &'static str, body: &'static str) -> Result<Reply, String> {
        let request = self.request(action, body).ok_or("the request cannot be written")?;
        self.gateway.change(Kind::Change, &request).await.map_err(|error| error.to_string())
    }

    fn request(&self, action: &'static str, body: &'static str) -> Option<Request<Bytes>> {
        let host = self.gateway.origin().authority();
        let now = Clock::system().unix_seconds();
        let body = Bytes::from_static(body.as_bytes());
        let signed =
            authorize(GATEWAY_KEY, &self.key, "application/json", host, now, &PayloadHash::of(&body));
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).ok()?);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("content-length", HeaderValue::from(body.len()));
        headers.insert("x-zc-action", HeaderValue::from_static(action));
        headers.insert("x-zc-version", HeaderValue::from_static("2026-04-01"));
        headers.insert("x-zc-timestamp", HeaderValue::from(now));
        headers.insert("authorization", HeaderValue::from_str(&signed).ok()?);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static("/api/v2/vm");
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// Makes the calls and tells what came of them. True if all ended as announced.
pub(super) async fn tell(client: &Client, emulator: &Emulator, admin: SocketAddr) -> bool {
    let mut as_told = true;
    show("\n1. The example of the vendor's own page, as it stands there:\n\n");
    show(&indented(VENDOR_EXAMPLE));
    as_told &= told(client.call("CreateInstances", VENDOR_EXAMPLE).await, 200);
    // The gateway reads by itself too, to hold its ledger against the cloud.
    let creates = || emulator.requests().into_iter().filter(|seen| seen.action == "CreateInstances");
    if let Some(sent) = creates().next_back() {
        show("   What the cloud received: the rules had filled in the two groups.\n");
        show(&indented(&String::from_utf8_lossy(&sent.body)));
    }
    let before = creates().count();

    show("\n2. Three things wrong at once; all are named, and the cloud hears nothing:\n\n");
    show(&indented(THREE_AT_ONCE));
    as_told &= told(client.call("CreateInstances", THREE_AT_ONCE).await, 403);
    let heard = creates().count().saturating_sub(before);
    show(&format!("   The cloud heard {heard} of them.\n"));
    as_told &= heard == 0;

    show("\n3. A call that only reads passes unchanged, byte for byte:\n\n");
    show(&indented("DescribeInstances {}"));
    as_told &= told(client.call("DescribeInstances", "{}").await, 200);

    show(&format!("\n4. All of it was counted: curl http://{admin}/metrics | grep '^zengate_verdicts'\n"));
    as_told
}

fn told(outcome: Result<Reply, String>, expected: u16) -> bool {
    match outcome {
        Ok(reply) => {
            show(&format!("   -> {}\n", reply.status));
            for (name, value) in &reply.headers {
                if name.as_str().starts_with("x-zengate-") {
                    show(&format!("      {name}: {}\n", value.to_str().unwrap_or("?")));
                }
            }
            show(&indented(&readable(&reply.body)));
            reply.status.as_u16() == expected
        }
        Err(error) => {
            show(&format!("   -> {error}\n"));
            false
        }
    }
}

/// The answer for people: a long list of instances is cut.
fn readable(body: &[u8]) -> String {
    const MOST: usize = 1200;
    let text = serde_json::from_slice::<serde_json::Value>(body)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("\n... (cut here)".chars()).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}\n")).collect()
}
