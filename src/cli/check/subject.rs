//! What is judged: a request body, or each machine of a plan.

use std::io::Read as _;
use std::path::Path;

use crate::api::{Call, Kind, catalog};
use crate::json::{self, Object};
use crate::terraform;

/// One thing to judge.
pub(in crate::cli) struct Subject {
    /// The file it stands in.
    pub(in crate::cli) file: String,
    /// Its address in a plan; none for a request body.
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) call: Call,
    pub(in crate::cli) document: Object,
    /// Fields that are not known before the apply.
    pub(in crate::cli) unknown: Vec<String>,
}

/// Everything to judge in a file.
pub(in crate::cli) fn read(file: &Path, action: &str) -> Result<Vec<Subject>, String> {
    let name = file.display().to_string();
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    let mut bytes = Vec::new();
    if name == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    } else {
        bytes = std::fs::read(file).map_err(|error| failed(&error))?;
    }
    parse(&name, &bytes, action)
}

/// Everything to judge in a text.
pub(in crate::cli) fn parse(name: &str, bytes: &[u8], action: &str) -> Result<Vec<Subject>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    // A plan is Terraform's word; a body is read as strictly as the gateway reads it.
    let plan = serde_json::from_slice::<serde_json::Value>(bytes).ok().filter(terraform::is_plan);
    if let Some(plan) = plan {
        let planned = terraform::planned(&plan).map_err(|error| failed(&error))?;
        let subject = |planned: terraform::Planned| Subject {
            file: name.to_owned(),
            name: Some(planned.address),
            call: planned.call,
            document: planned.request,
            unknown: planned.unknown,
        };
        return Ok(planned.into_iter().map(subject).collect());
    }
    let document = json::read_object(bytes).map_err(|error| failed(&error))?;
    Ok(vec![Subject {
        file: name.to_owned(),
        name: None,
        call: call(action)?,
        document,
        unknown: Vec::new(),
    }])
}

/// `service Action [version]`.
fn call(text: &str) -> Result<Call, String> {
    let mut words = text.split_whitespace();
    let (Some(service), Some(name), version, None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(format!(
            "--action `{text}` is not `service Action [version]`, e.g. `vm CreateInstances`"
        ));
    };
    let action = catalog::lookup(service, name).ok_or_else(|| {
        let hint = catalog::spelling(service, name)
            .map(|action| format!("; it is spelt `{} {}`", action.service, action.name))
            .unwrap_or_default();
        format!("--action: the cloud has no action `{service} {name}`{hint}")
    })?;
    if action.kind == Kind::Read {
        return Err(format!("--action: `{service} {name}` only reads; rules do not judge it"));
    }
    Call::new(action, version).ok_or_else(|| {
        format!("--action: `{service} {name}` has the versions {}", action.versions.join(", "))
    })
}
