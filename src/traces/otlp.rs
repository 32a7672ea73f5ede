//! What is sent: an `ExportTraceServiceRequest` of OTLP 1 in the JSON form of protobuf, where ids are hexadecimal and large
//! numbers are texts.

use serde::Serialize;

use super::{PhaseTime, Trace};
use crate::metrics::Phase;

/// The span was started by a server's request, or by a call of a client.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
/// The status of a span that failed.
const FAILED: u8 = 2;
/// Flags: sampled; whether the parent is in another process is known; it is.
const SAMPLED: u32 = 1;
const KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: &'a Resource,
    scope_spans: [ScopeSpans; 1],
}

/// Who sends.
#[derive(Serialize)]
pub(super) struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    flags: u32,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute {
    key: &'static str,
    value: Value,
}

#[derive(Serialize)]
enum Value {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue")]
    Number(String),
}

impl Resource {
    pub(super) fn new(service_name: &str) -> Self {
        let mut attributes = Attributes::default();
        attributes.text("service.name", Some(service_name));
        attributes.text("service.version", Some(env!("CARGO_PKG_VERSION")));
        attributes.text("service.instance.id", Some(&uuid::Uuid::new_v4().to_string()));
        Self { attributes: attributes.0 }
    }
}

/// The body of one request to the collector.
pub(super) fn request(resource: &Resource, traces: &[Trace]) -> Vec<u8> {
    let scope = Scope { name: "zengate", version: env!("CARGO_PKG_VERSION") };
    let spans = traces.iter().flat_map(spans).collect();
    let request =
        Request { resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }] };
    serde_json::to_vec(&request).unwrap_or_default()
}

fn spans(trace: &Trace) -> Vec<Span> {
    let mut spans = vec![whole(trace)];
    for (place, phase) in trace.phases.iter().enumerate() {
        let before = trace.phases.iter().take(place).filter(|other| other.phase == phase.phase).count();
        spans.push(part(trace, phase, u64::try_from(before).unwrap_or(u64::MAX)));
    }
    spans
}

/// The span of the request.
fn whole(trace: &Trace) -> Span {
    let mut attributes = Attributes::default();
    attributes.text("zengate.decision_id", Some(&trace.decision));
    if let Some([service, action, version]) = trace.call {
        attributes.text("zengate.service", Some(service));
        attributes.text("zengate.action", Some(action));
        attributes.text("zengate.version", Some(version));
    }
    attributes.text("zengate.class", trace.class);
    attributes.text("zengate.team", trace.team.as_deref());
    attributes.text("zengate.account", trace.account.as_deref());
    attributes.text("zengate.policy_revision", trace.revision.as_deref());
    attributes.text("zengate.verdict", trace.verdict);
    attributes.text("zengate.outcome", Some(trace.outcome));
    attributes.text("zengate.code", trace.code);
    attributes.number("http.response.status_code", trace.status);
    attributes.cloud(trace);
    let parent = trace.context.parent();
    // The cloud failing is the cloud's error; a refusal is the gateway doing its work.
    let failed = trace.status.is_some_and(|status| status >= 500);
    Span {
        trace_id: trace.context.trace_id(),
        span_id: trace.context.span(),
        flags: SAMPLED | KNOWN | if parent.is_some() { REMOTE } else { 0 },
        parent_span_id: parent,
        name: trace.call.map_or("request".to_owned(), |[service, action, _]| format!("{service} {action}")),
        kind: SERVER,
        start_time_unix_nano: trace.arrived.to_string(),
        end_time_unix_nano: trace.arrived.saturating_add(trace.took.as_nanos()).to_string(),
        attributes: attributes.0,
        status: failed.then_some(Status { code: FAILED }),
    }
}

/// The span of a phase. It ends within the request's, whatever rounding does.
fn part(trace: &Trace, phase: &PhaseTime, nth: u64) -> Span {
    let began = phase.began.min(trace.took);
    let ended = began.saturating_add(phase.took).min(trace.took);
    let mut attributes = Attributes::default();
    let cloud = phase.phase == Phase::Upstream;
    if cloud {
        attributes.text("zengate.account", trace.account.as_deref());
        attributes.number(
            "http.response.status_code",
            trace.upstream.as_ref().and_then(|upstream| upstream.status),
        );
        attributes.cloud(trace);
    }
    let failed = cloud && trace.upstream.as_ref().is_none_or(|upstream| upstream.failure.is_some());
    Span {
        trace_id: trace.context.trace_id(),
        span_id: trace.context.phase(phase.phase, nth),
        parent_span_id: Some(trace.context.span()),
        flags: SAMPLED | KNOWN,
        name: phase.phase.as_str().to_owned(),
        kind: if cloud { CLIENT } else { INTERNAL },
        start_time_unix_nano: trace.arrived.saturating_add(began.as_nanos()).to_string(),
        end_time_unix_nano: trace.arrived.saturating_add(ended.as_nanos()).to_string(),
        attributes: attributes.0,
        status: failed.then_some(Status { code: FAILED }),
    }
}

#[derive(Default)]
struct Attributes(Vec<Attribute>);

impl Attributes {
    fn text(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.0.push(Attribute { key, value: Value::Text(value.to_owned()) });
        }
    }

    fn number(&mut self, key: &'static str, value: Option<u16>) {
        if let Some(value) = value {
            self.0.push(Attribute { key, value: Value::Number(value.to_string()) });
        }
    }

    /// What the cloud made of it.
    fn cloud(&mut self, trace: &Trace) {
        let Some(upstream) = &trace.upstream else { return };
        self.number("zengate.upstream.status", upstream.status);
        self.text("zengate.upstream.request_id", upstream.request_id.as_deref());
        self.text("zengate.upstream.code", upstream.code.as_deref());
        self.text("zengate.upstream.failure", upstream.failure);
        self.text("zengate.upstream.fate", upstream.fate);
    }
}
