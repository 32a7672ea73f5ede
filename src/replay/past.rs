//! One record, read back and judged again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Line;
use crate::api::fields::AdmittedField;
use crate::api::secrets::is_secret;
use crate::api::{Call, catalog};
use crate::json::{self, Object};
use crate::policy::PolicySet;
use crate::policy::case::{Asked, Circumstances};
use crate::policy::input::{CertificateInput, ClientInput, PrincipalInput, TargetInput};
use crate::policy::local::Local;
use crate::policy::verdict::{Effect, JudgedClaim};
use crate::refusal::Refusal;

/// What is read of a record ([`crate::record::Record`]).
#[derive(Debug, Deserialize)]
pub(super) struct Past {
    decision_id: String,
    #[serde(alias = "time")]
    timestamp: Timestamp,
    caller: Caller,
    action: Action,
    request: Box<RawValue>,
    #[serde(default)]
    targets: Option<Vec<TargetInput>>,
    outcome: String,
    verdict: Option<String>,
    #[serde(default)]
    findings: Vec<Found>,
    #[serde(default)]
    changes: Vec<Changed>,
    #[serde(default)]
    joined: Option<String>,
    #[serde(default)]
    dry_run: bool,
    upstream: Option<Upstream>,
}

#[derive(Debug, Deserialize)]
struct Caller {
    key: Option<String>,
    team: Option<String>,
    account: Option<String>,
    address: String,
    sdk: Option<String>,
    user_agent: Option<String>,
    #[serde(default)]
    certificate: Option<CertificateInput>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    service: String,
    name: String,
    version: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    rule: String,
    effect: String,
}

/// One change of a document, as far as replays compare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Changed {
    /// The rule.
    pub rule: String,
    /// Where.
    pub path: String,
    /// What is there then, as text.
    #[serde(deserialize_with = "as_text")]
    pub after: String,
}

fn as_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| value.to_string())
}

/// What the cloud did with it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Upstream {
    #[serde(default)]
    pub(super) instance_ids: Vec<String>,
    #[serde(default)]
    pub(super) fate: Option<String>,
    #[serde(default)]
    pub(super) status: Option<u16>,
}

/// How a judgement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Rules and quota let it pass.
    Allowed,
    /// Rules refused it.
    Refused,
    /// Quota refused it.
    OverQuota,
    /// A rule failed, which refuses.
    Failed,
}

impl Word {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::OverQuota => "over_quota",
            Self::Failed => "failed",
        }
    }
}

/// A record beside its replay.
#[derive(Debug)]
pub struct Judged {
    /// The decision's id.
    pub decision: String,
    /// The team.
    pub team: String,
    /// The zone of a create, as judged now.
    pub zone: Option<String>,
    /// How it ended then.
    pub before: Word,
    /// How it ends now.
    pub after: Word,
    /// The rules that refused it then.
    pub rules_before: BTreeSet<String>,
    /// The rules that refuse it now.
    pub rules_after: BTreeSet<String>,
    /// What was changed then.
    pub changes_before: BTreeSet<Changed>,
    /// What is changed now.
    pub changes_after: BTreeSet<Changed>,
    /// Why, in one sentence, where it does not pass now.
    pub reason: Option<String>,
    /// What it claims now.
    pub(super) claims: Vec<JudgedClaim>,
    /// Machines asked for; 0 for a change.
    pub(super) count: u32,
    pub(super) account: String,
    pub(super) service: String,
    /// Machines that it gives back.
    pub(super) releases: Vec<String>,
    pub(super) at: Timestamp,
    pub(super) upstream: Upstream,
}

/// The tag that the gateway itself adds is no rule's change.
const NO_RULE: &str = "correlation_tag";

fn text(given: &Option<String>) -> String {
    given.clone().unwrap_or_default()
}

impl Past {
    fn call(&self) -> Option<Call> {
        let Action { service, name, version } = &self.action;
        catalog::lookup(service, name).and_then(|action| Call::new(action, Some(version)))
    }

    /// All that rules saw besides the body.
    fn circumstances(&self) -> Circumstances {
        Circumstances {
            principal: PrincipalInput {
                key: text(&self.caller.key),
                team: text(&self.caller.team),
                labels: self.caller.labels.clone(),
                account: text(&self.caller.account),
            },
            targets: self.targets.clone(),
            client: ClientInput {
                address: self.caller.address.clone(),
                sdk: self.caller.sdk.clone(),
                user_agent: self.caller.user_agent.clone(),
                certificate: self.caller.certificate.clone(),
            },
            now: self.timestamp,
        }
    }

    /// What was asked, for judging it again.
    pub(super) fn reopen(&self, admitted: &[AdmittedField]) -> Result<(Asked, Circumstances), String> {
        let (Some(call), Some(document)) = (self.call(), restored(&self.request)) else {
            return Err("its action or body is not known any more".to_owned());
        };
        let asked = Asked::read(call, document, admitted)
            .map_err(|mistakes| Refusal::Fields(mistakes).to_string())?;
        Ok((asked, self.circumstances()))
    }

    pub(super) fn judge_again(self, local: &mut Local, set: &PolicySet, admitted: &[AdmittedField]) -> Line {
        let before = match self.verdict.as_deref() {
            Some("allowed") if self.outcome == "denied_quota" => Word::OverQuota,
            Some("allowed") => Word::Allowed,
            Some("refused") => Word::Refused,
            Some("failed") => Word::Failed,
            _ => return Line::Skipped("it was refused before rules were asked"),
        };
        if self.dry_run {
            return Line::Skipped("it was a dry run");
        }
        if self.joined.is_some() {
            return Line::Skipped("it was the same request again");
        }
        let (Some(call), Some(document)) = (self.call(), restored(&self.request)) else {
            return Line::Skipped("its action or body is not known any more");
        };
        let releases = if crate::api::targets::releases(call.action) {
            crate::api::targets::named_in(&document)
        } else {
            Vec::new()
        };
        let circumstances = self.circumstances();
        let mut judged = Judged {
            decision: self.decision_id.clone(),
            team: text(&self.caller.team),
            zone: None,
            before,
            after: Word::Failed,
            rules_before: refusing(&self.findings),
            rules_after: BTreeSet::new(),
            changes_before: self.changes.into_iter().filter(|change| change.rule != NO_RULE).collect(),
            changes_after: BTreeSet::new(),
            reason: None,
            claims: Vec::new(),
            count: 0,
            account: text(&self.caller.account),
            service: self.action.service.clone(),
            releases,
            at: self.timestamp,
            upstream: self.upstream.unwrap_or_default(),
        };
        let asked = match Asked::read(call, document, admitted) {
            Ok(asked) => asked,
            Err(mistakes) => {
                judged.reason = Some(Refusal::Fields(mistakes).to_string());
                return Line::Judged(Box::new(judged));
            }
        };
        match local.judge(set, asked, circumstances, admitted) {
            Ok((case, verdict)) => {
                judged.after = if verdict.passes() { Word::Allowed } else { Word::Refused };
                judged.rules_after =
                    verdict.refused.iter().map(|finding| finding.violation.rule.clone()).collect();
                judged.reason = verdict
                    .refused
                    .first()
                    .map(|finding| format!("{}: {}", finding.violation.rule, finding.violation.message));
                let changes = case.changes.iter().map(|change| Changed {
                    rule: change.rule.clone(),
                    path: change.path.clone(),
                    after: serde_json::to_value(&change.after).unwrap_or_default().to_string(),
                });
                judged.changes_after = changes.collect();
                judged.zone =
                    case.input.create.as_ref().and_then(|create| create.zone.as_deref().map(str::to_owned));
                judged.count = case.input.create.as_ref().map_or(0, |create| create.count);
                judged.claims = verdict.claims;
            }
            Err(failure) => judged.reason = Some(failure.to_string()),
        }
        Line::Judged(Box::new(judged))
    }
}

fn refusing(findings: &[Found]) -> BTreeSet<String> {
    let refused = serde_json::to_value(Effect::Refused).unwrap_or_default();
    let refused = refused.as_str().unwrap_or("refused").to_owned();
    findings.iter().filter(|found| found.effect == refused).map(|found| found.rule.clone()).collect()
}

/// The body as it was, with stand-ins for secrets.
fn restored(request: &RawValue) -> Option<Object> {
    let mut request = json::read_object(request.get().as_bytes()).ok()?;
    stand_in(&mut request);
    Some(request)
}

fn stand_in(object: &mut Object) {
    for (key, inner) in object.iter_mut() {
        let fact = inner.as_object().filter(|fact| is_secret(key) && fact.get("set").is_some());
        let length = fact.and_then(|fact| fact.get("length")).and_then(json::Value::as_i64);
        match length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) => *inner = json::Value::String("x".repeat(length.min(1 << 20)).into()),
            None => stand_in_inside(inner),
        }
    }
}

fn stand_in_inside(value: &mut json::Value) {
    match value {
        json::Value::Object(members) => stand_in(members),
        json::Value::Array(items) => items.iter_mut().for_each(stand_in_inside),
        _ => {}
    }
}
