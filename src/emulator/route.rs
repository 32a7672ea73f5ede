//! From path and headers to an action, as the cloud's edge does it before it looks at the body.

use serde_json::{Map, Value};

use super::actions::{self, Action};
use super::http::{Repeated, Request};
use super::problem::Problem;

/// Where the API lives.
const PREFIX: &str = "/api/v2/";

/// The action a request asks for, in the version it asks for.
pub(super) struct Routed {
    pub(super) action: &'static Action,
    pub(super) version: &'static str,
}

/// The service of a path; one slash may follow it, a query may not.
pub(super) fn service(target: &str) -> Option<&str> {
    let rest = target.strip_prefix(PREFIX)?;
    let name = rest.strip_suffix('/').unwrap_or(rest);
    let good =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    good.then_some(name)
}

/// Method, path and content type, which come before the signature.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    if service(&request.target).is_none() {
        return Err(Problem::absent(
            "AUTHFAILURE_UNAUTHORIZED_OPERATION",
            "The API lives at /api/v2/<service>, without a query.",
        ));
    }
    if request.method != "POST" {
        return Err(Problem::new(405, "AUTHFAILURE_UNAUTHORIZED_OPERATION", "The method must be POST."));
    }
    let kind = request.single("content-type").map_err(repeated)?.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            415,
            "INVALID_PARAMETER_VALUE",
            "The Content-Type must be application/json.",
        ));
    }
    Ok(())
}

/// The action; unknown ones are refused as the cloud does, with 401.
pub(super) fn action(request: &Request) -> Result<Routed, Problem> {
    let service = service(&request.target).unwrap_or_default();
    let named = request.single("x-zc-service").map_err(repeated)?;
    if named.is_some_and(|named| named != service) {
        return Err(Problem::value("X-ZC-Service", "differs from the service of the path"));
    }
    let name = request.single("x-zc-action").map_err(repeated)?.unwrap_or_default();
    let version = request.single("x-zc-version").map_err(repeated)?;
    let (action, version) = actions::find(service, name, version).ok_or_else(|| {
        Problem::new(
            401,
            "AUTHFAILURE_UNAUTHORIZED_OPERATION",
            format!("The action {name} of {service} does not exist in this version, or you may not call it."),
        )
    })?;
    Ok(Routed { action, version })
}

/// The body, which must be a JSON object.
pub(super) fn body(request: &Request) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Problem::invalid("INVALID_PARAMETER_TYPE", "The body must be a JSON object.")),
    }
}

fn repeated(_: Repeated) -> Problem {
    Problem::invalid("INVALID_PARAMETER_VALUE", "A header came twice or is not text.")
}
