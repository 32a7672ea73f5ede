//! The emulator's own calls, for people and for the demo. No signature: it is a tool for the local machine.
//!
//! | call | what it does |
//! | --- | --- |
//! | `GET /_emulator/requests` | every request received, oldest first; secrets in bodies and headers hidden |
//! | `GET /_emulator/instances` | every machine with its present state |
//! | `POST /_emulator/faults` | `{"fault": {"kind": ...}, "on": {"service", "action"}, "times": 1}` or `"forever": true`; `"preset": "insufficient_balance"` instead of `fault` |
//! | `GET /_emulator/presets` | the names of the presets, with the status and code of each |
//! | `GET /_emulator/faults` | how many scripts have times left |
//! | `POST /_emulator/release` | opens every gate at which requests are held |
//! | `POST /_emulator/clock` | `{"advance": seconds}`; nothing happens unless the clock is manual |
//! | `POST /_emulator/reset` | the account as it is delivered, in the state file too; no scripts, an empty record |

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, request_id};
use super::fault::{Fault, On, Preset, Times};
use super::http::Request;
use super::problem::Problem;
use super::record::{Seen, Verdict};
use super::shared::Shared;

const PREFIX: &str = "/_emulator/";
/// Members of a body that are not shown.
const SECRETS: [&str; 4] = ["password", "initScript", "userData", "privateKey"];
const HIDDEN: &str = "[hidden]";

/// Whether a request is for the emulator itself.
pub(super) fn is_control(target: &str) -> bool {
    target.starts_with(PREFIX)
}

/// Answers such a request.
pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    match call(shared, request) {
        Ok(value) => Answer::json(200, &value),
        Err(problem) => Answer::refusal(&request_id(), &problem),
    }
}

fn call(shared: &Shared, request: &Request) -> Result<Value, Problem> {
    let name = request.target.strip_prefix(PREFIX).unwrap_or_default();
    match (request.method.as_str(), name) {
        ("GET", "requests") => Ok(json!({ "requests": requests(shared) })),
        ("GET", "instances") => Ok(json!({ "instances": instances(shared) })),
        ("GET", "faults") => Ok(json!({ "left": shared.lock().scripts.left() })),
        ("GET", "presets") => Ok(json!({ "presets": presets() })),
        ("POST", "faults") => script(shared, &request.body),
        ("POST", "release") => {
            shared.lock().scripts.open_gates();
            Ok(json!({}))
        }
        ("POST", "clock") => advance(shared, &request.body),
        ("POST", "reset") => {
            shared.reset()?;
            Ok(json!({}))
        }
        _ => Err(Problem::absent("OPERATION_FAILED_RESOURCE_NOT_FOUND", "The emulator has no such call.")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    fault: Option<Fault>,
    #[serde(default)]
    preset: Option<Preset>,
    #[serde(default)]
    on: On,
    #[serde(default)]
    times: Option<u32>,
    #[serde(default)]
    forever: bool,
}

fn script(shared: &Shared, body: &[u8]) -> Result<Value, Problem> {
    let script: Script = read(body)?;
    let fault = match (script.fault, script.preset) {
        (Some(fault), None) => fault,
        (None, Some(preset)) => preset.fault(),
        _ => return Err(Problem::value("fault", "or preset must be given, and only one of them")),
    };
    let times = if script.forever { Times::Forever } else { Times::Exactly(script.times.unwrap_or(1)) };
    let mut state = shared.lock();
    state.scripts.add(script.on, fault, times);
    Ok(json!({ "left": state.scripts.left() }))
}

fn presets() -> Vec<Value> {
    let presets = Preset::ALL.iter().map(|(name, preset)| match preset.answer() {
        Some((status, code)) => json!({ "preset": name, "status": status, "code": code }),
        None => json!({ "preset": name }),
    });
    presets.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: u64,
}

fn advance(shared: &Shared, body: &[u8]) -> Result<Value, Problem> {
    let by: Advance = read(body)?;
    shared.options.clock.advance(Duration::from_secs(by.advance));
    Ok(json!({ "now": shared.options.clock.unix_seconds() }))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::invalid("INVALID_PARAMETER_VALUE", error.to_string()))
}

fn requests(shared: &Shared) -> Vec<Value> {
    shared.lock().record.all().iter().map(show).collect()
}

fn show(seen: &Seen) -> Value {
    let headers: Vec<Value> = seen
        .headers
        .iter()
        .map(|(name, value)| {
            let hidden = name.eq_ignore_ascii_case("authorization") && value.starts_with(b"Bearer");
            let text = if hidden { HIDDEN.into() } else { String::from_utf8_lossy(value) };
            json!([name, text])
        })
        .collect();
    json!({
        "number": seen.number,
        "connection": seen.connection,
        "method": seen.method,
        "target": seen.target,
        "service": seen.service,
        "action": seen.action,
        "version": seen.version,
        "accessKey": seen.access_key,
        "received": seen.received,
        "headers": headers,
        "body": body(&seen.body),
        "verdict": verdict(&seen.verdict),
    })
}

/// The body as JSON without its secrets; what is not JSON may hide one anywhere, so only its length is shown.
fn body(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes) {
        Ok(mut value) => {
            hide(&mut value);
            value
        }
        Err(_) => json!({ "bytes": bytes.len() }),
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => hide_members(members),
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

fn hide_members(members: &mut Map<String, Value>) {
    for (name, value) in members {
        if SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) && !value.is_null() {
            *value = json!(HIDDEN);
        } else {
            hide(value);
        }
    }
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Open => json!("open"),
        Verdict::Executed => json!("executed"),
        Verdict::FaultBefore => json!("fault before executing"),
        Verdict::FaultAfter => json!("fault after executing"),
        Verdict::Refused { status, code } => json!({ "status": status, "code": code }),
    }
}

fn instances(shared: &Shared) -> Vec<Value> {
    let instances = super::instances(shared);
    let items = instances.iter().map(|instance| {
        json!({
            "service": instance.service,
            "id": instance.id,
            "name": instance.name,
            "zone": instance.zone,
            "instanceType": instance.instance_type,
            "image": instance.image,
            "resourceGroup": instance.resource_group,
            "securityGroups": instance.security_groups,
            "tags": instance.tags.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "status": instance.status.as_str(),
        })
    });
    items.collect()
}
