//! Who created this machine, under which decision and whose policies, what the gateway changed in the order, who had allowed what
//! the rules forbid, and what was done to it since: `zengate audit instance` as a page.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::layout::Place;
use super::show::{self, Tone};
use super::{Page, Reply, Visit, changes, findings};
use crate::admin::Admin;
use crate::audit::Story;
use crate::quota::report::Unit;

pub(crate) async fn page(admin: &Admin, visit: &Visit, id: &str) -> Reply {
    let id = show::unescaped(id);
    let found = match admin.instance.dossier(&id).await {
        Ok(found) => found,
        Err(away) => {
            return Page::trouble(
                StatusCode::SERVICE_UNAVAILABLE,
                "The history cannot be asked",
                &away.to_string(),
            );
        }
    };
    let counted = admin.quota.instance(&id);
    let nothing = found.created.is_none() && found.later.is_empty() && counted.is_empty();
    let body = html! {
        p.crumb { a href="/console/decisions" { "Decisions" } }
        h1 { "Instance " code.long { (id) } }
        section aria-labelledby="who" {
            h2 #who { "Who created it" }
            @match &found.created {
                Some(story) => { (creation(story, visit)) }
                None => { p.empty { "No create that is kept here named it." } }
            }
            @for note in &found.notes { p.sub { "Note: " (note) "." } }
        }
        section aria-labelledby="counted" { h2 #counted { "How it counts" } (counts(&counted, visit)) }
        section aria-labelledby="since" {
            h2 #since { "What was done to it since" }
            @if found.later.is_empty() { p.empty { "Nothing that is kept here." } } @else { (timeline(&found.later, visit)) }
        }
    };
    match Page::show(format!("Instance {id}"), Place::Decisions, body) {
        Reply::Page(page) if nothing => Reply::Page(Page { status: StatusCode::NOT_FOUND, ..page }),
        reply => reply,
    }
}

fn creation(story: &Story, visit: &Visit) -> Markup {
    let caller = |name: &str| show::plain(story.caller.get(name));
    let id = show::plain(Some(&story.decision));
    let policy = story.policy.as_object();
    let (made, found) = (show::list(&story.changes, ""), show::list(&story.findings, ""));
    html! {
        p.lead {
            "Team " strong { (show::team(&caller("team"))) } " with the key " a href=(show::key_link(&caller("key"))) { code { (caller("key")) } }
            " from " (caller("address")) ", " (show::moment_in(&show::plain(Some(&story.time)), visit.now)) "."
        }
        dl.facts {
            (show::fact_of("Decision", html! { a href=(show::decision_link(&id)) { code.long { (id) } } }))
            (show::fact("Call", &story.action))
            (show::fact("Owner of the key", &caller("owner")))
            @for (name, value) in policy.into_iter().flatten() {
                (show::fact(&format!("Policy, {}", name.replace('_', " ")), &show::plain(Some(value))))
            }
        }
        @for leave in &story.exemptions {
            p { (show::badge(Tone::Unsure, "exempted")) " from " code { (show::at(leave, "/rule")) } " by " (show::at(leave, "/owner"))
                " (" (show::at(leave, "/ticket")) ")" @if !show::at(leave, "/reason").is_empty() { ": " (show::at(leave, "/reason")) } }
        }
        @if !found.is_empty() { h3 { "What rules found" } (findings::table(found, visit.now)) }
        @if !made.is_empty() { h3 { "What the gateway changed in the order" } (changes::table("Changes made", made)) }
    }
}

fn counts(units: &[(String, Unit)], visit: &Visit) -> Markup {
    html! {
        @if units.is_empty() {
            p.empty { "It is not counted: it is gone, or belongs to no team." }
        } @else {
            ul.plain {
                @for (scope, unit) in units {
                    li { code { (scope) } ", for the team " strong { (show::team(&unit.team)) } ", since " (show::moment(unit.since, visit.now))
                        @if let Some(note) = &unit.note { " " span.sub { (note) } } }
                }
            }
        }
    }
}

fn timeline(stories: &[Story], visit: &Visit) -> Markup {
    html! {
        ol.timeline {
            @for story in stories {
                @let (tone, words) = show::ending_of(&show::plain(Some(&story.outcome)));
                @let caller = |name: &str| show::plain(story.caller.get(name));
                li {
                    (show::moment_in(&show::plain(Some(&story.time)), visit.now)) " "
                    a href=(show::decision_link(&show::plain(Some(&story.decision)))) { (story.action) }
                    " by " strong { (show::team(&caller("team"))) } " " span.sub { (caller("key")) } " "
                    @if story.how == "tried" { (show::badge(if tone == Tone::Good { Tone::Plain } else { tone }, &words)) }
                    @if let Value::String(why) = &story.refusal { span.sub { (why) } }
                }
            }
        }
    }
}
