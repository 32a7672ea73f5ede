//! What one record says.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::finding::FindingRecord;
use crate::chain::Member;
use crate::policy::input::TargetInput;

/// One record. Field names are an interface.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Record {
    /// The decision's id, as the caller got it in `X-Zengate-Decision`.
    pub decision_id: String,
    /// The trace that the request belongs to, where traces are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When the request came (RFC 3339, UTC).
    pub timestamp: String,
    /// The program and its version.
    pub labels: Labels,
    /// What was asked of the policies.
    pub path: &'static str,
    /// The peer's address.
    pub requested_by: String,
    /// The policies that judged it.
    pub bundles: BTreeMap<&'static str, BundleRecord>,
    /// Whether rules let it pass; absent when it never came to a judgement.
    pub result: Option<bool>,
    /// JSON Pointers to what the operator had erased from this record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
    /// Who asked.
    pub caller: Caller,
    /// What was asked.
    pub action: ActionRecord,
    /// SHA-256 of the body as received; absent where it holds a secret, which could be guessed from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// SHA-256 of the body as it was judged and signed for the cloud; absent where nothing was to be sent, and as above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_sha256: Option<String>,
    /// The body as received, secrets replaced by facts.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub request: Arc<crate::json::Object>,
    /// The instances that a change names, with the team that each counted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetInput>>,
    /// How it ended: the outcome label of the metrics.
    pub outcome: &'static str,
    /// Whether the caller only wanted to know: nothing was sent or booked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub dry_run: bool,
    /// The policy revision that judged it.
    pub policy_revision: Option<String>,
    /// `allowed`, `refused`, `failed`; absent when it never came to a judgement.
    pub verdict: Option<&'static str>,
    /// What rules found, with the effect of each, and who granted the exemption where one let it pass.
    #[schemars(with = "Vec<FindingRecord<'static>>")]
    pub findings: Written,
    /// What rules changed: path, before, after, rule, operation.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub changes: Written,
    /// Changes of rules in shadow mode, which were not made.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub shadow_changes: Written,
    /// What was booked.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub claims: Written,
    /// The earlier create whose answer this request got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<String>,
    /// What the cloud answered.
    pub upstream: Option<UpstreamRecord>,
    /// The status that the caller got; absent when it had left.
    pub status: Option<u16>,
    /// The refusal in words, where there was one.
    pub refusal: Option<String>,
    /// Seconds by phase.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub timings_seconds: Timings,
    /// The line's place among those of its file; added when it is written to one, and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Member>,
}

/// A list that was written as JSON when it was learnt: what it was made of need not be kept, and it is one text instead of one for
/// each of its elements.
#[derive(Clone, Debug, Default)]
pub struct Written(Option<Box<RawValue>>);

impl Written {
    /// The list; an empty one if it cannot be written, which nothing in a record can be.
    pub fn of(list: &[impl Serialize]) -> Self {
        Self(if list.is_empty() { None } else { to_raw_value(list).ok() })
    }
}

impl Serialize for Written {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(list) => list.serialize(serializer),
            None => serializer.collect_seq(std::iter::empty::<()>()),
        }
    }
}

/// Seconds by phase, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct Timings(pub Vec<(&'static str, f64)>);

impl Serialize for Timings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Which program made a record.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Labels {
    /// `zengate`.
    pub app: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Which policies judged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BundleRecord {
    /// Their revision.
    pub revision: String,
}

/// Who asked.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Caller {
    /// The gateway key's id.
    pub key: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// Who answers for the key, as it said then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The cloud account.
    pub account: Option<String>,
    /// The peer's address.
    pub address: String,
    /// SDK by its own word.
    pub sdk: Option<String>,
    /// User agent by its own word.
    pub user_agent: Option<String>,
    /// The client certificate that the connection proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<crate::policy::input::CertificateInput>,
    /// Labels of the key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether the caller had left before the answer.
    pub gone: bool,
}

/// What was asked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ActionRecord {
    /// The service.
    pub service: &'static str,
    /// The action.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    /// `create` or `change`.
    pub kind: &'static str,
}

/// What the cloud answered.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct UpstreamRecord {
    /// Its status.
    pub status: Option<u16>,
    /// Its error code.
    pub code: Option<String>,
    /// Its request id.
    pub request_id: Option<String>,
    /// The instances it named.
    #[schemars(with = "Vec<String>")]
    pub instance_ids: Vec<CompactString>,
    /// Why there was no usable answer.
    pub failure: Option<&'static str>,
    /// `created`, `ran`, `not_run` or `unknown`.
    pub fate: Option<&'static str>,
}
