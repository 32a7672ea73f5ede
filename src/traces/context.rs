//! The W3C Trace Context of a request: which trace it belongs to, below which span, and whether it is sampled.
//!
//! A `traceparent` comes from whoever calls, so it is read as strictly as the recommendation is written, and one that does not fit
//! counts as absent. `tracestate` is not read: it is free text.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::metrics::Phase;

/// The header of W3C Trace Context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Version, trace, parent and flags, with a dash between each.
const LENGTH: usize = 55;

/// What a caller said of its own span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RemoteSpan {
    pub(super) trace: [u8; 16],
    span: [u8; 8],
    pub(super) sampled: bool,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    trace: [u8; 16],
    parent: Option<[u8; 8]>,
    span: [u8; 8],
    sampled: bool,
}

impl Context {
    /// A trace of its own. It has the decision's id, so that one is found by the other; the id's last seven bytes are
    /// random, as sampling by id wants them.
    pub(super) fn root(id: &Uuid, sample: u64) -> Self {
        let trace = id.into_bytes();
        Self { trace, parent: None, span: last(&trace), sampled: falls_in(&trace, sample) }
    }

    /// A part of somebody's trace.
    pub(super) fn below(parent: &RemoteSpan, id: &Uuid, sampled: bool) -> Self {
        Self { trace: parent.trace, parent: Some(parent.span), span: last(id.as_bytes()), sampled }
    }

    /// Whether the trace is sent.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The trace's id, in hexadecimal.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace)
    }

    /// The caller's span.
    pub(super) fn parent(&self) -> Option<String> {
        self.parent.map(hex::encode)
    }

    /// The request's span.
    pub(super) fn span(&self) -> String {
        hex::encode(self.span)
    }

    /// The span of a phase, the `nth` of its kind. Known before the phase begins, so that the cloud can be told.
    pub(super) fn phase(&self, phase: Phase, nth: u64) -> String {
        let place = 1 + phase as u64 + nth.saturating_mul(16);
        hex::encode(u64::from_be_bytes(self.span).wrapping_add(place).max(1).to_be_bytes())
    }

    /// What a server below the span of a phase is told.
    pub fn traceparent(&self, phase: Phase) -> Option<HeaderValue> {
        let (trace, span) = (self.trace_id(), self.phase(phase, 0));
        HeaderValue::from_str(&format!("00-{trace}-{span}-0{}", u8::from(self.sampled))).ok()
    }
}

/// The random end of an id; never zero, for it holds the variant.
fn last(id: &[u8; 16]) -> [u8; 8] {
    id.last_chunk().copied().unwrap_or_default()
}

/// Whether a trace is among `sample` of a million: by the last seven bytes of its id, so that all who ask decide alike.
pub(super) fn falls_in(trace: &[u8; 16], sample: u64) -> bool {
    const MILLION: u128 = 1_000_000;
    let random = u128::from_be_bytes(*trace) & ((1 << 56) - 1);
    // The greatest values are in, as OpenTelemetry's consistent sampling has it.
    random * MILLION >= (MILLION.saturating_sub(u128::from(sample))) << 56
}

/// The one valid `traceparent` of these headers.
pub(super) fn remote(headers: &HeaderMap) -> Option<RemoteSpan> {
    let mut all = headers.get_all(&TRACEPARENT).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    parse(one.as_bytes())
}

fn parse(text: &[u8]) -> Option<RemoteSpan> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let parts: Vec<&[u8]> = known.split(|byte| *byte == b'-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { return None };
    let ([version], [flags]) = (bytes::<1>(version)?, bytes::<1>(flags)?);
    // Later versions may add to the end; this one may not.
    let fits = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.is_empty() || rest.starts_with(b"-"),
    };
    let (trace, span) = (bytes::<16>(trace)?, bytes::<8>(span)?);
    (fits && trace != [0; 16] && span != [0; 8]).then_some(RemoteSpan {
        trace,
        span,
        sampled: flags & 1 == 1,
    })
}

/// So many bytes in lower-case hexadecimal.
fn bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let lower = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn what_the_recommendation_allows_is_read() {
        for (text, sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-03"), true),
            (format!("cc-{TRACE}-{SPAN}-01"), true),
            (format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings"), true),
        ] {
            let read = parse(text.as_bytes()).unwrap();
            assert_eq!(
                (hex::encode(read.trace), hex::encode(read.span), read.sampled),
                (TRACE.into(), SPAN.into(), sampled)
            );
        }
    }

    #[test]
    fn what_it_does_not_allow_is_absent() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01more"),
            format!("0-{TRACE}-{SPAN}-011"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{SPAN}-0x"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{SPAN}-{TRACE}-01"),
            format!("00-{}-{SPAN}-01", "ü".repeat(16)),
            "-".repeat(55),
            "a".repeat(100_000),
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        headers.append(TRACEPARENT, value.clone());
        assert!(remote(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert_eq!(remote(&headers), None, "two of them");
    }

    #[test]
    fn so_many_of_a_million_are_sampled_and_all_decide_alike() {
        // As the path makes them.
        let time = || uuid::Timestamp::from_unix(uuid::NoContext, 1_800_000_000, 0);
        let ids: Vec<Uuid> = (0..4000).map(|_| Uuid::new_v7(time())).collect();
        let among = |sample: u64| ids.iter().filter(|id| falls_in(id.as_bytes(), sample)).count();
        assert_eq!((among(0), among(1_000_000)), (0, 4000));
        let half = among(500_000);
        assert!((1800..2200).contains(&half), "{half}");
        let id = ids.iter().find(|id| falls_in(id.as_bytes(), 10_000)).unwrap_or(&ids[0]);
        let (rare, half) = (falls_in(id.as_bytes(), 10_000), falls_in(id.as_bytes(), 500_000));
        assert!(!rare || half, "who is among few is among many");
    }

    #[test]
    fn a_trace_has_the_decisions_id_and_every_span_its_own() {
        let id = Uuid::now_v7();
        let context = Context::root(&id, 1_000_000);
        assert_eq!(context.trace_id(), id.simple().to_string());
        let phases = [Phase::Receive, Phase::Upstream, Phase::Settle];
        let mut spans: Vec<String> =
            phases.iter().flat_map(|phase| [context.phase(*phase, 0), context.phase(*phase, 1)]).collect();
        spans.push(context.span());
        let all = spans.len();
        spans.sort();
        spans.dedup();
        assert_eq!(spans.len(), all);
        let told = context.traceparent(Phase::Upstream).unwrap();
        let told = parse(told.as_bytes()).unwrap();
        assert_eq!(hex::encode(told.span), context.phase(Phase::Upstream, 0));
    }
}
