//! `[traces]`: OpenTelemetry traces of requests, for a collector.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checking;
use super::diagnostics::At;
use super::remote::RawRemote;
use super::secret_ref::{self, RawSecretRef, SecretRef};
use super::units::Time;
use crate::traces::{Parent, Plan};

/// Traces over OTLP/HTTP (JSON). Off without an endpoint.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTraces {
    /// The whole URL of the collector, e.g. "http://collector:4318/v1/traces". Absent: no traces, and no cost.
    #[schemars(with = "Option<String>")]
    pub endpoint: Option<At<String>>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<At<PathBuf>>,
    /// Headers that the collector wants, by reference; read anew for each batch. https is asked for where there are any.
    #[schemars(with = "BTreeMap<String, RawSecretRef>")]
    pub headers: BTreeMap<String, At<RawSecretRef>>,
    /// `service.name` of the spans. "zengate" by default.
    #[schemars(with = "String")]
    pub service_name: At<String>,
    /// The share of requests that are traced, from 0 to 1, of those that no caller has decided for. 1 by default.
    #[schemars(with = "f64")]
    pub sample: At<f64>,
    /// What a caller's `traceparent` is worth: "follow" (its trace goes on and it says whether that is sampled), "join" (its trace
    /// goes on, `sample` decides) or "ignore". "follow" by default: callers are known by their keys.
    pub parent: RawParent,
    /// Whether the cloud is sent a `traceparent`. False by default: it cannot do anything with it, and what reaches it is a short list.
    pub propagate: bool,
    /// For one exchange with the collector. 10s by default.
    #[schemars(with = "Time")]
    pub timeout: At<Time>,
    /// How long a trace waits for others, so that they go together. 1s by default.
    #[schemars(with = "Time")]
    pub interval: At<Time>,
    /// How many traces may wait; what comes then is dropped and counted. 2048: some megabytes.
    #[schemars(with = "usize")]
    pub queue: At<usize>,
}

/// What a caller's `traceparent` is worth.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawParent {
    /// Its trace goes on, and it says whether it is sampled.
    #[default]
    Follow,
    /// Its trace goes on; `sample` decides.
    Join,
    /// Nothing.
    Ignore,
}

impl Default for RawTraces {
    fn default() -> Self {
        Self {
            endpoint: None,
            ca_file: None,
            headers: BTreeMap::new(),
            service_name: "zengate".to_owned().into(),
            sample: 1.0.into(),
            parent: RawParent::default(),
            propagate: false,
            timeout: Time::seconds(10).into(),
            interval: Time::seconds(1).into(),
            queue: 2048.into(),
        }
    }
}

impl RawTraces {
    /// Nothing where no endpoint is named, or something is wrong with it, which has been noted.
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Option<Plan> {
        let headers = self.headers(checking);
        let sample = self.sample(checking);
        let (timeout, queue) = (checking.time(&self.timeout), checking.count(&self.queue));
        let endpoint = self.endpoint.as_ref()?;
        let raw = RawRemote { url: Some(endpoint.clone()), token: None, ca_file: self.ca_file.clone() };
        let remote = raw.check(&["traces", "endpoint"], checking)?;
        if remote.url.path().trim_matches('/').is_empty() {
            let text = format!(
                "{:?} names no path; write the whole URL, which ends in /v1/traces with most collectors",
                **endpoint
            );
            checking.findings.at(endpoint, text);
        }
        if remote.is_in_the_clear() && !headers.is_empty() {
            checking.findings.at(endpoint, "would send the secrets of `headers` in the clear; write https");
        }
        Some(Plan {
            remote,
            headers,
            service_name: (*self.service_name).clone(),
            sample,
            parent: match self.parent {
                RawParent::Follow => Parent::Follow,
                RawParent::Join => Parent::Join,
                RawParent::Ignore => Parent::Ignore,
            },
            propagate: self.propagate,
            timeout,
            interval: self.interval.0,
            queue,
        })
    }

    fn headers(&self, checking: &mut Checking<'_, '_>) -> Vec<(HeaderName, SecretRef)> {
        let mut headers = Vec::new();
        for (name, raw) in &self.headers {
            let Some(found) = secret_ref::resolve(raw, checking.directory, checking.findings) else {
                continue;
            };
            if !secret_ref::single_line(raw, &found, checking.findings) {
                continue;
            }
            match name.parse::<HeaderName>() {
                Ok(name) => headers.push((name, found.reference)),
                Err(_) => {
                    checking
                        .findings
                        .at(raw, format!("{name:?} is no name of a header; write e.g. \"api-key\""));
                }
            }
        }
        headers
    }

    /// In millionths.
    fn sample(&self, checking: &mut Checking<'_, '_>) -> u64 {
        let share = *self.sample;
        if (0.0..=1.0).contains(&share) {
            return (share * 1_000_000.0).round() as u64;
        }
        checking.findings.at(&self.sample, format!("{share} is no share; write a number from 0.0 to 1.0"));
        0
    }
}
