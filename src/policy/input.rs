//! What a rule sees. These types are the source of `policies/schema/input.json`; a test holds the two together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::Kind;
use crate::api::view::Create;

/// The document `input` of both entry points.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Input {
    /// What is asked.
    pub action: ActionInput,
    /// Who asks; only from the credential, never from a header of the client's choice.
    pub principal: PrincipalInput,
    /// The body, secrets replaced by facts. `amend` sees it as received, `decide` as it will be sent.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub request: Arc<crate::json::Object>,
    /// The normalised view; on creates only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// The instances that a change names, with what the ledger knows of them; on changes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetInput>>,
    /// The organisation's settings with the team's own over them.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub settings: Arc<serde_json::Value>,
    /// Where the call comes from.
    pub client: ClientInput,
    /// The time of the call (RFC 3339, UTC). Rules take the time from here; clocks are not among their builtins.
    pub now: String,
}

/// What is asked.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ActionInput {
    /// `vm`, `bmc`, `zec` ...
    pub service: String,
    /// As the cloud spells it.
    pub name: String,
    /// The version of the API.
    pub version: String,
    /// `read`, `create` or `change`.
    pub kind: Kind,
}

/// Who asks.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PrincipalInput {
    /// The id of the gateway key.
    pub key: String,
    /// The team it belongs to.
    pub team: String,
    /// Labels of the key.
    pub labels: BTreeMap<String, String>,
    /// The cloud account its calls go to.
    pub account: String,
}

/// An instance that a change names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TargetInput {
    /// The id in the request.
    pub id: String,
    /// The team that owns it by the ledger; `null` when unknown.
    pub team: Option<String>,
}

/// Where a call comes from.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ClientInput {
    /// The peer's IP address.
    pub address: String,
    /// `X-ZC-Sdk-Lang` and version, where sent; the client's own word.
    pub sdk: Option<String>,
    /// `User-Agent`, where sent; the client's own word.
    pub user_agent: Option<String>,
    /// The client certificate that the connection proved, where the gateway asks for one.
    pub certificate: Option<CertificateInput>,
}

/// A client's certificate, believed because an authority of `listen.tls.clients` signed it.
#[derive(Clone, Debug, Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct CertificateInput {
    /// Its alternative names (DNS names, URIs, mail addresses); where it has none, the subject's common name.
    pub names: Vec<String>,
    /// SHA-256 over its DER form, in lower-case hex.
    pub fingerprint: String,
}
