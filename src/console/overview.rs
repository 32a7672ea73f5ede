//! The first page, for three in the morning: is it well, what is not, what happened last, what runs out.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::Place;
use super::show::{self, Tone};
use super::{Page, Reply, Visit, decisions, keys, quota};
use crate::admin::Admin;
use crate::admin::keys::Store;
use crate::history::Filter;
use crate::quota::report::Count;

/// Decisions shown.
const LAST: usize = 8;
/// Counts shown that are nearest to their limits, from this many percent on.
const NEAR: (usize, u64) = (5, 60);

pub(crate) async fn page(admin: &Admin, visit: &Visit) -> Reply {
    let status = (admin.status)();
    let reasons = admin.readiness.reasons();
    let failing = admin.metrics.failing_reloads();
    let (records, away) = match admin.console.history.list(&Filter::default(), LAST).await {
        Ok(page) => (page.records, page.partial),
        Err(away) => (Vec::new(), Some(away.to_string())),
    };
    let counted = admin.quota.counted();
    let near: Vec<&Count> = counted.as_ref().map(|counted| nearest(&counted.counts)).unwrap_or_default();
    let body = html! {
        div.title { h1 { "Overview" }
            @if reasons.is_empty() { (show::badge(Tone::Good, "ready")) } @else { (show::badge(Tone::Bad, "not ready")) } }
        @for reason in &reasons { p.alert role="alert" { "Not ready: " (reason) } }
        @for what in &failing { p.alert role="alert" { "The last reload of " strong { (what) } " was refused: what was good before stays in use. The log says why." } }
        @if let Store::Away(why) = admin.keys.store() { p.alert role="alert" { "The key store cannot be used, so no order about keys is carried out: " (why) } }
        (cards(&status, counted.as_ref().map(|counted| counted.ledger.as_str()), keys::ending_soon(&admin.keys.all(), visit)))
        @if !near.is_empty() {
            section aria-labelledby="near" {
                h2 #near { "Near its limit" }
                ul.counts { @for count in near { li { p.sub { code { (count.scope) } @if let Some(team) = quota::team_of(&count.scope) { " of " (show::team(team)) } } (quota::line(count, visit)) } } }
            }
        }
        section aria-labelledby="last" {
            div.title { h2 #last { "Last decisions" } a href="/console/decisions" { "All decisions" } }
            @if let Some(away) = away { p.alert role="status" { "Not everything is shown: " (away) } }
            (decisions::table(&records, visit))
        }
        (lenient(&status))
    };
    Page::show("Overview", Place::Overview, body)
}

fn nearest(counts: &[Count]) -> Vec<&Count> {
    let mut near: Vec<&Count> = counts.iter().filter(|count| quota::part(count) >= NEAR.1).collect();
    near.sort_by_key(|count| std::cmp::Reverse(quota::part(count)));
    near.truncate(NEAR.0);
    near
}

fn cards(status: &Value, ledger: Option<&str>, ending: usize) -> Markup {
    let refused = !show::at(status, "/policy/refused").is_empty();
    let revision = show::at(status, "/policy/revision");
    let upstream = status.get("upstream").and_then(Value::as_object);
    let restart = show::list(status, "/needs_restart");
    html! {
        ul.cards {
            li { h2 { "Policy" }
                p { @if refused { (show::badge(Tone::Bad, "new one refused")) } @else { (show::badge(Tone::Good, "in force")) } }
                p.sub { code { (revision.chars().take(19).collect::<String>()) } }
                p.sub { (show::at(status, "/policy/source")) }
                p { a href="/console/policy" { "Policy" } }
            }
            li { h2 { "Ledger" }
                p { @match ledger {
                    None => { (show::badge(Tone::Careful, "not kept")) }
                    Some("up") => { (show::badge(Tone::Good, "up")) }
                    Some(other) => { (show::badge(Tone::Bad, other)) }
                } }
                p { a href="/console/quota" { "Quota" } }
            }
            li { h2 { "Cloud" }
                @for (account, state) in upstream.into_iter().flatten() {
                    p { @if state == "answers" { (show::badge(Tone::Good, "answers")) } @else { (show::badge(Tone::Bad, "does not answer")) } " " (account) }
                }
            }
            li { h2 { "Keys" }
                p { @if show::at(status, "/keys/mistakes").is_empty() { (show::badge(Tone::Good, "in use")) } @else { (show::badge(Tone::Bad, "new file refused")) } }
                p.sub { span.number { (show::plain(status.pointer("/keys/count"))) } " keys" }
                @if ending > 0 { p { a href="/console/keys?ends=7" { span.number { (ending) } @if ending == 1 { " ends" } @else { " end" } " within 7 days" } } }
                p { a href="/console/keys" { "Keys" } }
            }
            li { h2 { "Program" }
                p { @if restart.is_empty() { (show::badge(Tone::Good, "as configured")) } @else { (show::badge(Tone::Careful, "needs a restart")) } }
                @for setting in restart { p.sub { code { (show::plain(Some(setting))) } } }
                p.sub { "version " (show::at(status, "/version")) }
            }
        }
    }
}

/// What is not enforced, or passes when something is missing.
fn lenient(status: &Value) -> Markup {
    let all = show::list(status, "/fail_open");
    html! {
        @if !all.is_empty() {
            section aria-labelledby="lenient" {
                h2 #lenient { "What passes all the same" }
                ul.plain { @for one in all { li { (show::plain(Some(one))) } } }
            }
        }
    }
}
