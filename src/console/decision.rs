//! One decision in full: what was asked, what rules found and changed, what was counted, what the cloud said, how long it took.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::layout::Place;
use super::{Page, Reply, Visit, changes, decisions, findings, show};
use crate::admin::Admin;

pub(crate) async fn page(admin: &Admin, visit: &Visit, id: &str) -> Reply {
    let id = show::unescaped(id);
    let record = match admin.console.history.decision(&id).await {
        Ok(Some(record)) => record,
        Ok(None) => {
            let why = format!(
                "No decision {id} is kept here. It may be older than what is kept, or another replica's; the decision records hold it."
            );
            return Page::trouble(StatusCode::NOT_FOUND, "No such decision", &why);
        }
        Err(away) => {
            return Page::trouble(
                StatusCode::SERVICE_UNAVAILABLE,
                "The history cannot be asked",
                &away.to_string(),
            );
        }
    };
    Page::show(format!("Decision {}", show::short(&id)), Place::Decisions, whole(&record, visit))
}

/// The hashes of a decision's bodies.
const HASHES: [(&str, &str); 2] =
    [("SHA-256 as it came", "/body_sha256"), ("SHA-256 as it was sent", "/sent_sha256")];

fn whole(record: &Value, visit: &Visit) -> Markup {
    let (tone, words) = show::ending(record);
    let action = format!("{} {}", show::at(record, "/action/service"), show::at(record, "/action/name"));
    let (made, shadow) = (show::list(record, "/changes"), show::list(record, "/shadow_changes"));
    let erased = show::list(record, "/erased");
    html! {
        p.crumb { a href="/console/decisions" { "Decisions" } }
        div.title { h1 { (action) } (show::badge(tone, &words)) }
        p.lead { (decisions::order(record)) }
        @if let Some(refusal) = record.get("refusal").and_then(Value::as_str) {
            section aria-labelledby="told" { h2 #told { "What the caller was told" } p.told { (refusal) } }
        }
        (facts(record, visit))
        section aria-labelledby="rules" { h2 #rules { "What rules found" } (findings::table(show::list(record, "/findings"), visit.now)) }
        section aria-labelledby="changed" {
            h2 #changed { "What the gateway changed" }
            @if made.is_empty() { p.empty { "Nothing: it was judged as it came." } } @else { (changes::table("Changes made", made)) }
            @if !shadow.is_empty() { h3 { "Would have been changed (rules in shadow)" } (changes::table("Changes in shadow", shadow)) }
        }
        section aria-labelledby="claims" { h2 #claims { "What it counted" } (claims(show::list(record, "/claims"))) }
        section aria-labelledby="cloud" { h2 #cloud { "What the cloud said" } (upstream(record)) }
        section aria-labelledby="time" { h2 #time { "Where the time went" } (timings(record)) }
        section aria-labelledby="asked" {
            h2 #asked { "What was asked" }
            p.sub { "As it came, without secrets." @for (what, at) in HASHES { @let hash = show::at(record, at); @if !hash.is_empty() { " " (what) ": " code.long { (hash) } "." } } }
            (show::document("The request", record.get("request").unwrap_or(&Value::Null)))
            @if !erased.is_empty() {
                p.sub { "Erased from the record: " @for path in erased { code { (show::plain(Some(path))) } " " } }
            }
        }
        details { summary { "The whole record" } (show::document("The record", record)) }
    }
}

fn facts(record: &Value, visit: &Visit) -> Markup {
    let text = |pointer: &str| show::at(record, pointer);
    let labels = record.pointer("/caller/labels").and_then(Value::as_object);
    let labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", show::plain(Some(value))))
        .collect();
    let certificate: Vec<String> =
        show::list(record, "/caller/certificate/names").iter().map(|name| show::plain(Some(name))).collect();
    let status = record.get("status").and_then(Value::as_u64);
    let status = status.map_or("none: the caller had left".to_owned(), |status| status.to_string());
    html! {
        dl.facts {
            (show::fact_of("Decision", html! { code.long { (text("/decision_id")) } }))
            (show::fact_of("Asked at", show::moment_in(text("/timestamp"), visit.now)))
            (show::fact_of("Team", show::team(text("/caller/team"))))
            (show::fact_of("Key", key(text("/caller/key"))))
            (show::fact("Owner of the key", text("/caller/owner")))
            (show::fact("Cloud account", text("/caller/account")))
            (show::fact("From", text("/caller/address")))
            (show::fact("Client, by its own word", if text("/caller/user_agent").is_empty() { text("/caller/sdk") } else { text("/caller/user_agent") }))
            (show::fact("Labels of the key", &labels.join(", ")))
            (show::fact("Client certificate", &certificate.join(", ")))
            (show::fact("Version asked", text("/action/version")))
            (show::fact("Status", &status))
            @if let Some(revision) = record.get("policy_revision").and_then(Value::as_str) {
                (show::fact_of("Judged by policies", html! { code.long { (revision) } }))
            }
            @if let Some(first) = record.get("joined").and_then(Value::as_str) {
                (show::fact_of("Got the answer of", html! { a href=(show::decision_link(first)) { code { (first) } } }))
            }
            @if let Some(targets) = record.get("targets").and_then(Value::as_array) {
                (show::fact_of("Machines named", html! {
                    @for target in targets {
                        span.item { a href=(show::instance_link(show::at(target, "/id"))) { (show::at(target, "/id")) }
                            " " span.sub { @let team = show::at(target, "/team"); @if team.is_empty() { "of nobody known" } @else { "of " (show::team(team)) } } }
                    }
                }))
            }
        }
    }
}

fn key(id: &str) -> Markup {
    html! { @if id.is_empty() { "none known" } @else { a href=(show::key_link(id)) { (id) } } }
}

/// Claims with their limits.
pub(super) fn claims(claims: &[Value]) -> Markup {
    html! {
        @if claims.is_empty() {
            p.empty { "Nothing." }
        } @else {
            div.scroll tabindex="0" role="group" aria-label="What it counted" {
                table {
                    caption.unseen { "What it counted" }
                    thead { tr { th scope="col" { "Scope" } th scope="col" { "Resource" } th.number scope="col" { "Amount" } th scope="col" { "Limits" } } }
                    tbody {
                        @for claim in claims {
                            tr {
                                th scope="row" { code { (show::at(claim, "/scope")) } }
                                td { (show::at(claim, "/resource")) }
                                td.number { (show::plain(claim.get("amount"))) }
                                td {
                                    @for limit in show::list(claim, "/limits") {
                                        span.item { (show::plain(limit.get("limit"))) " by " code { (show::at(limit, "/rule")) }
                                            " " span.sub { (show::at(limit, "/effect")) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn upstream(record: &Value) -> Markup {
    let Some(said) = record.get("upstream").filter(|said| !said.is_null()) else {
        return html! { p.empty { "It was not asked: nothing was sent." } };
    };
    let ids = show::list(said, "/instance_ids");
    html! {
        dl.facts {
            (show::fact("Status", &show::plain(said.get("status"))))
            (show::fact("Code", show::at(said, "/code")))
            (show::fact("Its request id", show::at(said, "/request_id")))
            (show::fact("What became of it", show::at(said, "/fate")))
            (show::fact("No usable answer because", show::at(said, "/failure")))
            @if !ids.is_empty() {
                (show::fact_of("Machines", html! {
                    @for id in ids.iter().filter_map(Value::as_str) { span.item { a href=(show::instance_link(id)) { (id) } } }
                }))
            }
        }
    }
}

/// A bar of the phases, and the same in numbers.
fn timings(record: &Value) -> Markup {
    let phases = record.get("timings_seconds").and_then(Value::as_object);
    let phases: Vec<(&str, f64)> = phases
        .into_iter()
        .flatten()
        .filter_map(|(name, seconds)| Some((name.as_str(), seconds.as_f64()?)))
        .collect();
    let total: f64 = phases.iter().map(|(_, seconds)| seconds).sum();
    if phases.is_empty() || total <= 0.0 {
        return html! { p.empty { "Not measured." } };
    }
    let mut from = 0.0;
    let parts: Vec<(usize, &str, f64, f64, f64)> = phases
        .iter()
        .enumerate()
        .map(|(place, (name, seconds))| {
            let begin = from;
            from += seconds / total * 100.0;
            (place, *name, *seconds, begin, seconds / total * 100.0)
        })
        .collect();
    html! {
        svg.bar viewBox="0 0 100 4" preserveAspectRatio="none" width="100%" height="12" aria-hidden="true" {
            @for (place, _, _, begin, width) in &parts {
                rect class={ "phase p" (place % 8) } x=(format!("{begin:.2}")) y="0" width=(format!("{width:.2}")) height="4" {}
            }
        }
        ul.legend {
            @for (place, name, seconds, _, _) in &parts {
                li {
                    svg.key width="10" height="10" aria-hidden="true" { rect class={ "phase p" (place % 8) } width="10" height="10" rx="2" {} }
                    " " (name) " " span.number { (format!("{:.1} ms", seconds * 1000.0)) }
                }
            }
            li { strong { "together " span.number { (format!("{:.1} ms", total * 1000.0)) } } }
        }
    }
}
