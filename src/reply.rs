//! What an answer of the cloud means: what is booked and what the caller is told. Pure; knows no connections.
//!
//! The cloud has no idempotency token, so the question for each answer to a create is whether anything may have run.
//! Only answers that say for certain that nothing did give a booking back; and none of those that leave it open may
//! reach a client with a code that makes it repeat the create.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod skim;

use std::collections::HashSet;

use compact_str::CompactString;

use crate::api::Kind;
use crate::json::{self, Object, Value};

pub use skim::answers_a_read;

/// The facts of an answer that classification looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What was asked.
    pub kind: Kind,
    /// How many machines were asked for; 0 for changes.
    pub asked: u32,
    /// The status.
    pub status: u16,
    /// `cf-mitigated` was among the headers: a bot challenge of the cloud's edge.
    pub challenged: bool,
    /// The whole body.
    pub body: &'a [u8],
}

/// What an answer to a create or change means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What became of the request.
    pub fate: Fate,
    /// What the caller gets.
    pub delivery: Delivery,
    /// The cloud's error code, where it gave one.
    pub code: Option<String>,
    /// The cloud's request id, where it gave one.
    pub request_id: Option<String>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It ran; for creates these instances exist.
    Ran {
        /// The distinct ids, in order.
        ids: Vec<CompactString>,
        /// How many of those asked for are not among them.
        missing: u32,
    },
    /// Certainly nothing ran.
    NotRun,
    /// Nobody knows.
    Unknown,
}

/// What the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Status and body as they came.
    Verbatim,
    /// 504 `REQUEST_TIMED_OUT`: look before you repeat.
    OutcomeUnknown(&'static str),
    /// 503: the edge turned it away, nothing ran.
    EdgeRefused,
    /// The same status in the form that SDKs read.
    Rewritten,
}

/// Codes on which a client repeats a call by itself: the SDKs (first), Terraform (second and third).
const REPEATED_BY_CLIENTS: &[&str] =
    &["REQUEST_LIMIT_EXCEEDED", "SERVICE_TEMPORARY_UNAVAILABLE", "INVALID_OPERATION_TIMEOUT"];

/// The envelope of the cloud, success or error.
struct Envelope {
    request_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    response: Option<Object>,
}

impl Envelope {
    /// Reads an answer as strictly as a request: the client gets these bytes, and if it may take another `code` or other ids
    /// from them than stand here, there is no saying what they mean. The Go SDK matches names without regard to case and takes
    /// the last of two.
    fn read(body: &[u8]) -> Option<Self> {
        let text = |member: Option<Value>| match member {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text.into_string())),
            Some(_) => None,
        };
        let mut object = json::read_message(body).ok().filter(has_plain_names)?;
        let response = match object.remove("response") {
            Some(Value::Object(response)) => Some(response).filter(has_plain_names),
            _ => None,
        };
        Some(Self {
            request_id: text(object.remove("requestId"))?,
            code: text(object.remove("code"))?,
            message: text(object.remove("message"))?,
            response,
        })
    }

    /// In the form that every SDK reads as an error: all three, as strings.
    fn is_error(&self) -> bool {
        self.request_id.is_some() && self.code.is_some() && self.message.is_some()
    }
}

/// Whether no name has a letter that some reader folds into another.
fn has_plain_names(object: &Object) -> bool {
    object.iter().all(|(name, _)| name.is_ascii())
}

/// Reads an answer to a create or change.
pub fn classify(facts: &Facts<'_>) -> Meaning {
    let envelope = Envelope::read(facts.body);
    let (fate, delivery) = fate(facts, envelope.as_ref());
    let (code, request_id) =
        envelope.map(|envelope| (envelope.code, envelope.request_id)).unwrap_or_default();
    let (code, request_id) = (code.filter(|code| is_code(code)), request_id.filter(|id| is_id(id)));
    Meaning { fate, delivery, code, request_id }
}

/// The code of an answer that is an error in the form that SDKs read; none for anything else.
pub fn error_code(facts: &Facts<'_>) -> Option<String> {
    let envelope = Envelope::read(facts.body)?;
    if envelope.is_error() { envelope.code.filter(|code| is_code(code)) } else { None }
}

fn fate(facts: &Facts<'_>, envelope: Option<&Envelope>) -> (Fate, Delivery) {
    let error = envelope.filter(|envelope| envelope.is_error());
    let passed = |fate| match error {
        Some(_) => (fate, Delivery::Verbatim),
        None => (fate, Delivery::Rewritten),
    };
    match facts.status {
        200 => success(facts, envelope),
        429 => passed(Fate::NotRun),
        451 => (Fate::NotRun, Delivery::EdgeRefused),
        403 if facts.challenged => (Fate::NotRun, Delivery::EdgeRefused),
        // 408 and 409 do not say whether an earlier or the same attempt ran.
        408 | 409 | 500..=599 => match error.and_then(|error| error.code.as_deref()) {
            Some(code) if !REPEATED_BY_CLIENTS.contains(&code) => (Fate::Unknown, Delivery::Verbatim),
            Some(_) => (Fate::Unknown, Delivery::OutcomeUnknown("the cloud failed while working on it")),
            None => (Fate::Unknown, Delivery::OutcomeUnknown("the cloud failed without a readable answer")),
        },
        400..=499 => passed(Fate::NotRun),
        _ => (Fate::Unknown, Delivery::OutcomeUnknown("the cloud answered with a status that says nothing")),
    }
}

/// An answer with status 200: usable only with a `response` (Go callers panic without one), and on creates with ids.
fn success(facts: &Facts<'_>, envelope: Option<&Envelope>) -> (Fate, Delivery) {
    let unusable = (Fate::Unknown, Delivery::OutcomeUnknown("the cloud's answer could not be used"));
    let Some(response) = envelope.and_then(|envelope| envelope.response.as_ref()) else {
        return unusable;
    };
    if facts.kind != Kind::Create {
        return (Fate::Ran { ids: Vec::new(), missing: 0 }, Delivery::Verbatim);
    }
    let Some(listed) = response.get("instanceIdSet").and_then(Value::as_array) else {
        return unusable;
    };
    let mut known = HashSet::with_capacity(listed.len());
    let named = listed.iter().filter_map(Value::as_str).filter(|id| !id.is_empty());
    let ids: Vec<CompactString> = named.filter(|id| known.insert(*id)).map(CompactString::from).collect();
    if ids.is_empty() {
        return unusable;
    }
    let missing = facts.asked.saturating_sub(u32::try_from(ids.len()).unwrap_or(u32::MAX));
    (Fate::Ran { ids, missing }, Delivery::Verbatim)
}

/// The longest code or id that is kept.
const LONGEST_WORD: usize = 128;

/// Whether a text is a code as the vendor's are: only such ones are kept in logs and records. A cloud that says back what
/// it was told, a password among it, would otherwise write it there.
fn is_code(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.len() <= LONGEST_WORD && text.bytes().all(usual)
}

/// Whether a text is a request id: hex digits and hyphens, with the vendor's `T` in front or without.
fn is_id(text: &str) -> bool {
    let text = text.strip_prefix('T').unwrap_or(text);
    text.len() <= LONGEST_WORD && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The codes that metrics tell apart; all others count as `other`. From the vendor's common error codes and the error
/// tables of the create calls; a code that is not text from this list never becomes a label.
const KNOWN_CODES: &[&str] = &[
    "AUTHFAILURE_INVALID_AUTHORIZATION",
    "AUTHFAILURE_SIGNATURE_EXPIRED",
    "AUTHFAILURE_SIGNATURE_FAILURE",
    "AUTHFAILURE_UNAUTHORIZED_OPERATION",
    "INTERNAL_SERVER_ERROR",
    "INVALID_BANDWIDTH_VALUE_EXCEED_MAXIMUM",
    "INVALID_DISK_SIZE_EXCEED_MAXIMUM",
    "INVALID_DISK_SIZE_LESS_MINIMUM",
    "INVALID_DISK_ZONE_NO_SELL",
    "INVALID_IMAGE_NOT_FOUND",
    "INVALID_INSTANCE_NOT_FOUND",
    "INVALID_INSTANCE_TYPE_NOT_FOUND",
    "INVALID_INSTANCE_TYPE_ZONE_NO_SELL",
    "INVALID_OPERATION_TIMEOUT",
    "INVALID_PARAMETER_BANDWIDTH_EXCEED",
    "INVALID_PARAMETER_EXCEED_LENGTH",
    "INVALID_PARAMETER_EXCEED_MAXIMUM",
    "INVALID_PARAMETER_INSTANCE_NAME_EXCEED",
    "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED",
    "INVALID_PARAMETER_LESS_LENGTH",
    "INVALID_PARAMETER_LESS_MINIMUM",
    "INVALID_PARAMETER_PATTERN_ERROR",
    "INVALID_PARAMETER_TRAFFIC_PACKAGE",
    "INVALID_PARAMETER_TRAFFIC_PACKAGE_EXCEED",
    "INVALID_PARAMETER_TYPE",
    "INVALID_PARAMETER_VALUE",
    "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED",
    "INVALID_PARTITION_IMAGE_NOT_SET",
    "INVALID_PASSWORD_MALFORMED",
    "INVALID_REGION_SECURITY_GROUP_NOT_SUPPORT",
    "INVALID_SECURITY_GROUP_NOT_FOUND",
    "INVALID_SYSTEM_DISK_EXCEED_LIMIT",
    "INVALID_SYSTEM_DISK_SIZE",
    "INVALID_ZONE_NOT_FOUND",
    "MISSING_PARAMETER",
    "OPERATION_DENIED_CHARGE_TYPE_NOT_SUPPORT",
    "OPERATION_DENIED_INSTANCE_NOT_RECYCLED",
    "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED",
    "OPERATION_DENIED_INSTANCE_RECYCLED",
    "OPERATION_DENIED_INSTANCE_STATUS",
    "OPERATION_DENIED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
    "OPERATION_DENIED_IPV4_CIDR_IP_NOT_ENOUGH",
    "OPERATION_DENIED_IPV4_CIDR_NOT_FOUND",
    "OPERATION_DENIED_SUBNET_IP_INSUFFICIENT",
    "OPERATION_DENIED_SUBNET_ZONE_MISMATCH",
    "OPERATION_FAILED_FOR_RECYCLE_RESOURCE",
    "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND",
    "OPERATION_FAILED_RESOURCE_NOT_FOUND",
    "OPERATION_FILED_INTERNET_CHARGE_TYPE_NOT_SUPPORT",
    "REQUEST_LIMIT_EXCEEDED",
    "REQUEST_TIMED_OUT",
    "RESOURCES_SOLDOUT_INSTANCE_TYPE",
    "RESOURCE_INSUFFICIENT_PRODUCT_SOLD_OUT",
    "SERVICE_TEMPORARY_UNAVAILABLE",
];

/// The label of a code: itself if it is known, else `other`; `none` where there is none.
pub fn code_label(code: Option<&str>) -> &'static str {
    match code {
        None => "none",
        Some(code) => KNOWN_CODES
            .binary_search(&code)
            .ok()
            .and_then(|place| KNOWN_CODES.get(place))
            .copied()
            .unwrap_or("other"),
    }
}

#[cfg(test)]
mod tests;
