//! One team: what it uses of what, who holds it, its keys, from what it is exempted and until when, what was decided for it last.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::form::link;
use super::layout::Place;
use super::show::{self, Tone};
use super::{Page, Reply, Visit, decisions, exemptions, keys, quota};
use crate::admin::Admin;
use crate::history::Filter;
use crate::keys::Shown;
use crate::quota::report::{Count, Unit};

/// Decisions shown.
const LAST: usize = 10;
/// Machines and creates shown.
const HELD: usize = 25;

pub(crate) async fn page(admin: &Admin, visit: &Visit, team: &str) -> Reply {
    let team = show::unescaped(team);
    // A filter would take `pay*` for several teams.
    if let Some(why) = crate::keys::not_a_team(&team) {
        return Page::trouble(StatusCode::NOT_FOUND, "No such team", &why);
    }
    let all = admin.keys.all();
    let held: Vec<&Shown> = all.iter().filter(|key| key.team == team).collect();
    let (counts, units) = admin.quota.of_team(&team);
    let told = admin.policy.told();
    let exempt = exemptions::of_team(&told, &team, visit);
    let (records, away) = match Filter::read([("team", team.as_str())].into_iter(), admin.quota.clock()) {
        Err(why) => (Vec::new(), Some(why)),
        Ok(filter) => match admin.console.history.list(&filter, LAST).await {
            Ok(page) => (page.records, page.partial),
            Err(away) => (Vec::new(), Some(away.to_string())),
        },
    };
    let known = !held.is_empty() || !counts.is_empty() || exempt.is_some() || !records.is_empty();
    if !known && away.is_none() {
        let why = format!("No key, count, exemption or decision that is kept here names a team {team}.");
        return Page::trouble(StatusCode::NOT_FOUND, "No such team", &why);
    }
    let body = html! {
        p.crumb { a href="/console/teams" { "Teams" } }
        div.title { h1 { "Team " span.long { (team) } } (standing(&counts)) }
        (quotas(&counts, visit))
        (holders(&units, visit))
        section aria-labelledby="keys" {
            div.title { h2 #keys { "Its keys" } a href=(link(keys::PATH, [("team", team.as_str())])) { "Among all keys" } }
            @if held.is_empty() { p.empty { "It has none, so nobody can call for it." } } @else { (keys::table("Keys of the team", &held, visit)) }
        }
        section aria-labelledby="exempt" {
            h2 #exempt { "What it is exempted from" }
            @match exempt { Some(table) => { (table) } None => { p.empty { "From nothing." } } }
        }
        (rules(&(admin.console.policy_of_team)(&team), visit))
        section aria-labelledby="last" {
            div.title { h2 #last { "Last decisions" } a href=(link("/console/decisions", [("team", team.as_str())])) { "All of them" } }
            @if let Some(away) = away { p.alert role="status" { "Not everything is shown: " (away) } }
            (last(&records, visit))
        }
    };
    Page::show(format!("Team {team}"), Place::Teams, body)
}

/// What the next create of the team is judged by.
fn rules(told: &Value, visit: &Visit) -> Markup {
    let rate = |name: &str| show::plain(told.pointer("/rate").and_then(|rate| rate.get(name)));
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "What the rules hold it to" }
            @if told.get("rate").is_some_and(|rate| !rate.is_null()) {
                p { span.number { (rate("per_minute")) } " creates a minute, " span.number { (rate("burst")) } " at once." }
            }
            ul.rules {
                @for rule in show::list(told, "/rules") {
                    @let until = show::at(rule, "/exempted_until");
                    li { code { (show::at(rule, "/rule")) } " "
                        @if !until.is_empty() { (show::badge(Tone::Unsure, "exempted")) span.sub { " until " (show::moment_in(until, visit.now)) } }
                        @else { (mode(show::at(rule, "/mode"))) } }
                }
            }
            details {
                summary { "Its settings" span.sub { " the organisation's with the team's own over them" } }
                (show::document("Its settings", told.get("settings").unwrap_or(&Value::Null)))
            }
        }
    }
}

fn mode(mode: &str) -> Markup {
    match mode {
        "enforce" => show::badge(Tone::Good, "enforced"),
        "warn" => show::badge(Tone::Careful, "warns"),
        "shadow" => show::badge(Tone::Plain, "in shadow"),
        other => show::badge(Tone::Plain, other),
    }
}

fn last(records: &[Value], visit: &Visit) -> Markup {
    html! {
        @if records.is_empty() { p.empty { "None that is kept here." } } @else { (decisions::table(records, visit)) }
    }
}

/// The worst of its counts, in a word.
fn standing(counts: &[Count]) -> Markup {
    let part = |count: &Count| count.limit.map(|limit| (quota::taken(count) >= limit, quota::part(count)));
    let worst = counts.iter().filter_map(part).max();
    html! {
        @match worst {
            Some((true, _)) => { (show::badge(Tone::Bad, "a quota is used up")) }
            Some((false, part)) if part >= quota::NEARLY => { (show::badge(Tone::Careful, "a quota is nearly used up")) }
            _ => {}
        }
    }
}

fn quotas(counts: &[Count], visit: &Visit) -> Markup {
    let mut scopes: Vec<&str> = counts.iter().map(|count| count.scope.as_str()).collect();
    scopes.dedup();
    html! {
        section aria-labelledby="quota" {
            h2 #quota { "What it uses" }
            @if counts.is_empty() { p.empty { "Nothing is counted for it." } }
            @for scope in scopes {
                h3 { code { (scope) } }
                ul.counts { @for count in counts.iter().filter(|count| count.scope == scope) { li { (quota::line(count, visit)) } } }
            }
            @if !counts.is_empty() { (quota::legend()) }
        }
    }
}

fn holders(units: &[Unit], visit: &Visit) -> Markup {
    html! {
        @if !units.is_empty() {
            section aria-labelledby="holders" {
                h2 #holders { "Who holds it" }
                @if units.len() > HELD { p.sub { "The newest " (HELD) " of " (units.len()) "; the rest stands behind the bars above." } }
                (quota::units_table(units.iter().rev().take(HELD), visit))
            }
        }
    }
}

/// Every team that anything here names.
pub(crate) fn list(admin: &Admin) -> Reply {
    let all = admin.keys.all();
    let told = admin.policy.told();
    let counts = admin.quota.counted().map(|counted| counted.counts).unwrap_or_default();
    let exempted = show::list(&told, "/exemptions").iter().map(|one| show::at(one, "/team"));
    let mut teams: Vec<&str> = all.iter().map(|key| key.team.as_str()).chain(exempted).collect();
    teams.extend(counts.iter().filter_map(|count| quota::team_of(&count.scope)));
    teams.sort_unstable();
    teams.dedup();
    let body = html! {
        h1 { "Teams" }
        p.sub { "Every team that a key, a count or an exemption names." }
        @if teams.is_empty() { p.empty { "There is none yet: " a href="/console/keys" { "a key" } " names its team." } }
        @else { (table(&teams, &all, &counts)) }
    };
    Page::show("Teams", Place::Teams, body)
}

fn table(teams: &[&str], all: &[Shown], counts: &[Count]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Teams" {
            table {
                caption.unseen { "Teams, by name" }
                thead { tr {
                    th scope="col" { "Team" } th.number scope="col" { "Keys" } th scope="col" { "Quota" }
                } }
                tbody {
                    @for team in teams {
                        @let own: Vec<Count> = counts.iter().filter(|count| quota::team_of(&count.scope) == Some(team)).cloned().collect();
                        tr {
                            th scope="row" { (show::team(team)) }
                            td.number { (all.iter().filter(|key| key.team == *team).count()) }
                            td {
                                @match own.iter().filter(|count| count.limit.is_some()).max_by_key(|count| quota::part(count)) {
                                    Some(count) => { (quota::part(count)) " % of " (count.resource.as_str().replace('_', " ")) " " (standing(&own))
                                        span.sub { code { (count.scope) } } }
                                    None => { span.sub { "no limit" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
