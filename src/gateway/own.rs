//! What the gateway answers itself: a team's own rules and quota, to each of the team's keys. Called as the cloud is called, signed by any
//! SDK or with a token: `POST /api/v2/zengate`.
//!
//! - `DescribePolicy {}`: what the rules hold the team to: its settings, the mode of each rule, its exemptions, its rate.
//! - `DescribeQuotas {}`: every count of the team.
//! - `DescribeQuotaUnits {"scope": ..., "resource": ...}`: everything that makes up one of them, by name.
//!
//! The counts come from [`report`], as the operator's pages do; the rules are those that the next request is judged by.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::answer::{Answer, whole};
use super::parse::Read;
use super::{Parts, Settings};
use crate::api::catalog;
use crate::api::mistake::{Mistake, MistakeCode};
use crate::json::{Object, Pointer, Value};
use crate::policy::Judge;
use crate::policy::answer::Resource;
use crate::quota::report;
use crate::refusal::Refusal;

/// Whether the gateway answers a read itself.
pub(super) fn is_own(read: &Read) -> bool {
    catalog::is_own(read.call.action)
}

/// Answers it.
pub(super) fn answer(parts: &Parts, read: &Read) -> Result<Answer, Refusal> {
    let team = &read.principal.team;
    let now = i64::try_from(parts.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
    let counts = parts.ledger.read(|book| report::counts(book, Some(team), now)).unwrap_or_default();
    let response = match read.call.action.name {
        "DescribePolicy" => policy(&parts.judge, &parts.settings.load(), parts.clock.timestamp(), team),
        "DescribeQuotaUnits" => {
            let (scope, resource) = asked(&crate::json::read_object(&read.bytes)?, team)?;
            let count = counts.iter().find(|count| count.scope == scope && count.resource == resource);
            let units = parts.ledger.read(|book| report::units(book, &scope, resource)).unwrap_or_default();
            json!({ "count": count, "units": units })
        }
        _ => json!({ "team": team, "counted": parts.ledger.counts(), "counts": counts }),
    };
    let body = json!({ "requestId": read.trail.id(), "response": response }).to_string();
    Ok(Answer {
        status: StatusCode::OK,
        length: u64::try_from(body.len()).ok(),
        body: whole(body),
        encoding: None,
        warnings: Vec::new(),
        added: Vec::new(),
    })
}

/// What enforcement reads: of the set in force, with nothing of other teams.
pub(crate) fn policy(judge: &Judge, settings: &Settings, now: Timestamp, team: &str) -> serde_json::Value {
    let set = judge.current();
    let organisation = set.organisation();
    let rules = set.rules().map(|rule| {
        json!({
            "rule": rule,
            "mode": organisation.mode(rule, team).as_str(),
            "exempted_until": organisation.exemption(rule, team, now).map(|one| one.until),
            "link": organisation.link(rule),
        })
    });
    let exemptions = organisation.exemptions().iter().filter(|one| one.team == team && now < one.until);
    let exemptions = exemptions.map(|one| {
        json!({
            "rule": one.rule, "until": one.until, "reason": one.reason, "ticket": one.ticket, "owner": one.owner,
        })
    });
    let rate = settings.rates.of(team);
    json!({
        "team": team,
        "policy_revision": set.revision(),
        "contact": organisation.contact(),
        "rules": rules.collect::<Vec<_>>(),
        "settings": &**organisation.settings(team),
        "exemptions": exemptions.collect::<Vec<_>>(),
        "rate": rate.map(|rate| json!({ "per_minute": rate.per_minute, "burst": rate.burst })),
    })
}

fn asked(document: &Object, team: &str) -> Result<(String, Resource), Refusal> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let scope = text("scope").filter(|scope| report::belongs(scope, team));
    let resource = Resource::parse(text("resource").unwrap_or("instances"));
    match (scope, resource) {
        (Some(scope), Some(resource)) => Ok((scope.to_owned(), resource)),
        (None, _) => Err(mistaken("scope", "is none of your team's", "take one that DescribeQuotas shows")),
        (_, None) => {
            let remedy = "use instances, vcpus, memory_gb, disk_gb or public_ips";
            Err(mistaken("resource", "is not counted", remedy))
        }
    }
}

fn mistaken(field: &str, what: &str, remedy: &str) -> Refusal {
    Refusal::Fields(vec![Mistake {
        pointer: Pointer::from_tokens([field]),
        code: MistakeCode::Value,
        message: format!("{field} {what}"),
        remedy: remedy.to_owned(),
    }])
}
