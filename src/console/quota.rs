//! What is used of what, as bars, and who holds it. The numbers are those that enforcement reads.

use http::StatusCode;
use maud::{Markup, html};

use super::form::link;
use super::layout::{Place, word};
use super::show::{self, Tone};
use super::{Page, Reply, Visit};
use crate::admin::Admin;
use crate::policy::answer::Resource;
use crate::quota::report::{Count, Unit};

pub(crate) fn page(admin: &Admin, visit: &Visit) -> Reply {
    let Some(counted) = admin.quota.counted() else {
        let body = html! { h1 { "Quota" } p.empty { "Nothing is counted here: quota.store is \"none\"." } };
        return Page::show("Quota", Place::Quota, body);
    };
    let wanted = visit.query.word("scope").unwrap_or_default();
    let counts: Vec<&Count> = counted.counts.iter().filter(|count| count.scope.contains(&wanted)).collect();
    let mut scopes: Vec<&str> = counts.iter().map(|count| count.scope.as_str()).collect();
    scopes.dedup();
    let body = html! {
        div.title { h1 { "Quota" }
            (show::badge(if counted.ledger == "up" { Tone::Good } else { Tone::Bad }, &format!("ledger {}", counted.ledger))) }
        p.sub {
            @match counted.reconciled {
                Some(at) => { "Compared with the cloud " (show::moment(at, visit.now)) "." }
                None => { "Not yet compared with the cloud." }
            }
            @for listing in counted.stale.iter() { " " (show::badge(Tone::Careful, listing)) }
        }
        form.filters method="get" action="/console/quota" aria-label="Filter the counts" {
            div.row {
                div.field { label for="f-scope" { "Scope" } input #f-scope name="scope" value=(wanted) placeholder="team/payments" autocomplete="off" spellcheck="false"; }
                div.field.act { button type="submit" { "Filter" } @if !wanted.is_empty() { " " a href="/console/quota" { "Clear" } } }
            }
        }
        @if visit.may_order() {
            form.inline method="post" action="/console/quota/reconcile" { (word(visit)) button type="submit" { "Compare with the cloud now" } }
        }
        @if scopes.is_empty() { p.empty { "Nothing is counted" @if !wanted.is_empty() { " in such a scope" } " yet." } }
        @for scope in scopes {
            section.scope aria-label=(scope) {
                div.title { h2 { code { (scope) } }
                    @if let Some(team) = team_of(scope) { span.sub { "team " (show::team(team)) } } }
                ul.counts { @for count in counts.iter().filter(|count| count.scope == scope) { li { (line(count, visit)) } } }
            }
        }
        @if !counts.is_empty() { (legend()) }
    };
    Page::show("Quota", Place::Quota, body)
}

/// From so many percent on, a limit is nearly used up.
pub(super) const NEARLY: u64 = 80;

/// What is taken of a count's limit, whether it is certain or not.
pub(super) fn taken(count: &Count) -> u64 {
    count.used.saturating_add(count.in_flight).saturating_add(count.unknown)
}

/// The same in whole percent of the limit; 0 without one.
pub(super) fn part(count: &Count) -> u64 {
    count.limit.map_or(0, |limit| show::percent(taken(count), limit))
}

/// The team that a scope begins with.
pub(super) fn team_of(scope: &str) -> Option<&str> {
    scope.strip_prefix("team/")?.split('/').next().filter(|team| !team.is_empty())
}

/// One count: its bar, its numbers, who holds it.
pub(super) fn line(count: &Count, visit: &Visit) -> Markup {
    let resource = count.resource.as_str();
    let holders = link("/console/quota/holders", [("scope", count.scope.as_str()), ("resource", resource)]);
    let taken = taken(count);
    html! {
        div.count {
            p.what { strong { (resource.replace('_', " ")) } " "
                @if count.limit.is_some_and(|limit| taken >= limit) { (show::badge(Tone::Bad, "used up")) }
                @else if count.limit.is_some_and(|limit| show::percent(taken, limit) >= NEARLY) { (show::badge(Tone::Careful, "nearly used up")) }
            }
            @if let Some(limit) = count.limit { (bar(count, limit)) }
            p.numbers {
                span.number { (count.used) } " used"
                @if count.in_flight > 0 { ", " span.number { (count.in_flight) } " in flight" }
                @if count.unknown > 0 { ", " span.number { (count.unknown) } " unknown" }
                @match count.limit {
                    Some(limit) => { " of " span.number { (limit) } }
                    None => { ", no limit" }
                }
                @if let Some(left) = count.left { ", " span.number { (left) } " left" }
                @if let Some(until) = count.limit_until { span.sub { " this limit until " (show::moment(until, visit.now)) } }
                " " a href=(holders) { "Who holds it" span.unseen { ": " (resource) " of " (count.scope) } }
            }
        }
    }
}

/// What is taken of a limit.
fn bar(count: &Count, limit: u64) -> Markup {
    let taken = taken(count);
    let whole = limit.max(taken).max(1);
    let part = |amount: u64| show::percent(amount, whole);
    let (used, held) = (part(count.used), part(count.in_flight));
    let unknown = part(taken).saturating_sub(used).saturating_sub(held);
    let class = if taken >= limit { "bar full" } else { "bar" };
    html! {
        svg class=(class) viewBox="0 0 100 4" preserveAspectRatio="none" width="100%" height="10" aria-hidden="true" {
            rect.room width="100" height="4" {}
            rect.used width=(used) height="4" {}
            rect.held x=(used) width=(held) height="4" {}
            rect.unknown x=(used.saturating_add(held)) width=(unknown) height="4" {}
        }
    }
}

pub(super) fn legend() -> Markup {
    html! {
        ul.legend aria-label="What the bars show" {
            @for (class, words) in [("used", "machines that are there"), ("held", "creates in flight"), ("unknown", "creates of unknown outcome"), ("room", "left")] {
                li { svg.key width="10" height="10" aria-hidden="true" { rect class=(class) width="10" height="10" rx="2" {} } " " (words) }
            }
        }
    }
}

pub(crate) fn holders(admin: &Admin, visit: &Visit) -> Reply {
    let scope = visit.query.word("scope").unwrap_or_default();
    let Some(resource) = Resource::parse(visit.query.text("resource")) else {
        return Page::trouble(
            StatusCode::BAD_REQUEST,
            "No such resource",
            "Come here by way of the quota page.",
        );
    };
    let (count, units) = admin.quota.explained(&scope, resource);
    let body = html! {
        p.crumb { a href="/console/quota" { "Quota" } }
        h1 { (resource.as_str().replace('_', " ")) " of " code.long { (scope) } }
        @if let Some(team) = team_of(&scope) { p.sub { "Team " (show::team(team)) } }
        @if let Some(count) = &count { (line(count, visit)) }
        @if units.is_empty() { p.empty { "Nothing holds any of it." } } @else { (units_table(&units, visit)) }
        @if units.iter().any(|unit| unit.state == "escalated") {
            p { "What is escalated needs a person: look it up in the cloud, then settle it with " code { "zengate quota release" } "." }
        }
    };
    Page::show("Who holds it", Place::Quota, body)
}

/// What counts, as a table.
pub(super) fn units_table<'u>(units: impl IntoIterator<Item = &'u Unit>, visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Who holds it" {
            table {
                caption.unseen { "Who holds it" }
                thead { tr {
                    th scope="col" { "What" } th.number scope="col" { "Amount" } th scope="col" { "State" } th scope="col" { "Team and key" }
                    th scope="col" { "Machine" } th scope="col" { "Since" } th scope="col" { "Decision" }
                } }
                tbody {
                    @for unit in units {
                        tr {
                            th scope="row" {
                                @if unit.kind == "instance" { a href=(show::instance_link(&unit.id)) { (unit.id) } }
                                @else { "a create" }
                            }
                            td.number { (unit.amount) }
                            td { (show::badge(tone(unit.state), &unit.state.replace('_', " ")))
                                @if let Some(note) = &unit.note { span.sub { (note) } } }
                            td { (show::team(&unit.team)) @if let Some(key) = &unit.key { span.sub { a href=(show::key_link(key)) { (key) } } } }
                            td { (unit.instance_type.as_deref().unwrap_or_default()) " " span.sub { (unit.zone.as_deref().unwrap_or_default()) } }
                            td { (show::moment(unit.since, visit.now)) }
                            td { @if let Some(decision) = &unit.decision { a href=(show::decision_link(decision)) { code { (show::short(decision)) } } } }
                        }
                    }
                }
            }
        }
    }
}

fn tone(state: &str) -> Tone {
    match state {
        "used" => Tone::Good,
        "in_flight" => Tone::Plain,
        "escalated" => Tone::Bad,
        _ => Tone::Unsure,
    }
}
