//! Terraform plans: every machine that a plan would create, as the request that the vendor's provider would send for it.
//!
//! The mapping follows the provider's sources (`zenlayer/terraform-provider-zenlayercloud`, the `Create` functions of
//! `resource_zc_zvm_instance.go`, `resource_zc_bmc_instance.go` and `services/zec/resource_zc_zec_instance.go`): what it sends, what
//! it leaves out when an attribute is null, zero or empty, and the versions of the API that it speaks. The plan's form is that of
//! `terraform show -json` (format versions 0.1 to 1.x).

mod resource;
mod unknown;

use serde_json::Value;

use crate::api::Call;
use crate::json;

use resource::Resource;
use unknown::Configured;

/// A machine that a plan would create.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its address, e.g. `module.web.zenlayercloud_instance.a[0]`.
    pub address: String,
    /// What the provider would call.
    pub call: Call,
    /// The request. A value that is not known before the apply has a stand-in.
    pub request: json::Object,
    /// Fields of the request (JSON Pointers) whose values are not known before the apply.
    pub unknown: Vec<String>,
}

/// Why a plan cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no plan in JSON.
    #[error("it is no Terraform plan: {0}; write one with `terraform show -json FILE`")]
    NotAPlan(&'static str),
    /// Terraform could not finish it.
    #[error("Terraform marks the plan as errored: what it would create is not known")]
    Errored,
    /// A planned resource has attributes that the provider would not accept.
    #[error("{address}: {what}")]
    Resource {
        /// The resource.
        address: String,
        /// What is wrong.
        what: String,
    },
}

/// Whether a document looks like a plan.
pub fn is_plan(document: &Value) -> bool {
    document.get("format_version").is_some()
        && (document.get("resource_changes").is_some() || document.get("planned_values").is_some())
}

/// Every machine that the plan would create; also those that it would replace.
///
/// # Errors
/// See [`PlanError`].
pub fn planned(plan: &Value) -> Result<Vec<Planned>, PlanError> {
    if plan.get("errored") == Some(&Value::Bool(true)) {
        return Err(PlanError::Errored);
    }
    let changes = match plan.get("resource_changes") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(changes)) => changes,
        Some(_) => return Err(PlanError::NotAPlan("`resource_changes` is no list")),
    };
    let configured = Configured::of(plan);
    let creates = changes.iter().filter(|change| creates(change));
    creates.filter_map(|change| request(change, &configured).transpose()).collect()
}

fn creates(change: &Value) -> bool {
    let managed = change.get("mode").and_then(Value::as_str) == Some("managed");
    let actions = change.pointer("/change/actions").and_then(Value::as_array);
    managed && actions.is_some_and(|actions| actions.iter().any(|action| action == "create"))
}

/// None for a resource that is no machine.
fn request(change: &Value, configured: &Configured<'_>) -> Result<Option<Planned>, PlanError> {
    let text = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(resource) = Resource::of(text("type")) else { return Ok(None) };
    let address = text("address").to_owned();
    let failed = |what: String| PlanError::Resource { address: address.clone(), what };
    let after = change.pointer("/change/after").unwrap_or(&Value::Null);
    let unknown = change.pointer("/change/after_unknown").unwrap_or(&Value::Null);
    let known = unknown::Attributes { after, unknown, configured: configured.resource(&address) };
    let (call, members, unknown) = resource.request(&known).map_err(failed)?;
    // Through the gateway's own reader, so that what is judged has the form of what is received.
    let bytes = Value::Object(members).to_string();
    let request = json::read_object(bytes.as_bytes()).map_err(|error| failed(error.to_string()))?;
    Ok(Some(Planned { address, call, request, unknown }))
}

#[cfg(test)]
mod tests;
