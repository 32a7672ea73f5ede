//! Which policies are in force, what was refused, what a candidate would decide differently, and the orders about them.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Place, word};
use super::show::{self, Tone};
use super::{Page, Reply, Visit};
use crate::admin::Admin;

pub(crate) fn page(admin: &Admin, visit: &Visit) -> Reply {
    Page::show("Policy", Place::Policy, whole(&admin.policy.told(), visit, visit.query.text("done")))
}

fn whole(told: &Value, visit: &Visit, done: &str) -> Markup {
    let text = |pointer: &str| show::at(told, pointer);
    html! {
        h1 { "Policy" }
        @if let Some(words) = super::order::done(done) { p.notice role="status" { (show::badge(Tone::Good, "done")) " " (words) } }
        section aria-labelledby="force" {
            h2 #force { "In force" }
            dl.facts {
                (show::fact_of("Revision", html! { code.long { (text("/revision")) } }))
                (show::fact("Bundle revision", text("/bundle_revision")))
                (show::fact("Source", text("/source")))
                (show::fact("Before it", text("/previous")))
                (show::fact("Set aside until the source holds something else", text("/set_aside")))
            }
            @if visit.may_order() {
                div.orders {
                    (order(visit, "reload", "Look at the source now", None, None))
                    @if !text("/previous").is_empty() {
                        (order(visit, "rollback", "Roll back", Some("The set before this one judges every create and change from then on, until the source holds something else than now."), None))
                    }
                }
            }
        }
        @if !text("/refused").is_empty() {
            section aria-labelledby="refused" {
                h2 #refused { "Refused " (show::badge(Tone::Bad, "the source holds mistakes")) }
                p { "What the source holds now is not in force; the set above stays. Mend this:" }
                pre.document tabindex="0" role="group" aria-label="What is wrong" { code { (text("/refused")) } }
            }
        }
        section aria-labelledby="candidate" {
            h2 #candidate { "Candidate in shadow" }
            @match told.get("candidate").filter(|candidate| !candidate.is_null()) {
                Some(candidate) => { (shadow(candidate, visit)) }
                None => {
                    p.empty { "None is staged. A candidate judges what really comes, beside the set in force, and nobody feels it. Stage one with " }
                    p { code { "zengate policy stage --policy DIRECTORY --admin URL" } }
                }
            }
        }
    }
}

fn shadow(candidate: &Value, visit: &Visit) -> Markup {
    let number = |pointer: &str| candidate.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let revision = show::at(candidate, "/revision");
    let flips = candidate.pointer("/compared/flips").and_then(Value::as_object);
    let mut kinds: Vec<(String, &Value)> =
        flips.into_iter().flatten().map(|(kind, flips)| (kind.replace("->", "→"), flips)).collect();
    for (pointer, words) in [
        ("/compared/other_rules", "same end, other rules"),
        ("/compared/other_changes", "other changes in the request"),
    ] {
        let found = candidate.pointer(pointer).filter(|found| show::plain(found.get("count")) != "0");
        kinds.extend(found.map(|found| (words.to_owned(), found)));
    }
    html! {
        dl.facts {
            (show::fact_of("Revision", html! { code.long { (revision) } }))
            (show::fact("Judged beside the set in force", &number("/compared/judged").to_string()))
            (show::fact("Of them the same", &number("/compared/same").to_string()))
            @if number("/deaths") > 0 {
                (show::fact_of("Its process ended", html! { (show::badge(Tone::Bad, &format!("{} times", number("/deaths")))) " " (show::at(candidate, "/last_death")) }))
            }
        }
        @if kinds.is_empty() { p.empty { "It has decided nothing differently so far." } }
        @for (kind, flips) in &kinds { (difference(kind, flips)) }
        @if visit.may_order() {
            div.orders {
                (order(visit, "promote", "Promote", Some("The candidate judges every create and change from then on. It can be rolled back."), Some(revision)))
                (order(visit, "unstage", "Take it back", Some("The candidate and what it has shown so far are gone."), Some(revision)))
            }
        }
    }
}

fn difference(kind: &str, flips: &Value) -> Markup {
    let counts = |pointer: &str| {
        let counts = flips.pointer(pointer).and_then(Value::as_object);
        let counts: Vec<String> = counts
            .into_iter()
            .flatten()
            .map(|(name, count)| format!("{name} ({})", show::plain(Some(count))))
            .collect();
        counts.join(", ")
    };
    html! {
        div.difference {
            h3 { span.number { (show::plain(flips.get("count"))) } " " (kind) }
            dl.facts {
                (show::fact("By rule", &counts("/by_rule")))
                @if !counts("/by_team").is_empty() { (show::fact_of("By team", by_team(flips))) }
                (show::fact("By zone", &counts("/by_zone")))
            }
            details {
                summary { "Some of these decisions" span.unseen { ": " (kind) } }
                ul.plain {
                    @for sample in show::list(flips, "/samples") {
                        @let id = show::at(sample, "/decision");
                        li { a href=(show::decision_link(id)) { code { (show::short(id)) } } " " (show::team(show::at(sample, "/team"))) ": " (show::at(sample, "/now")) }
                    }
                }
            }
        }
    }
}

fn by_team(flips: &Value) -> Markup {
    let counts = flips.get("by_team").and_then(Value::as_object);
    html! {
        @for (place, (team, count)) in counts.into_iter().flatten().enumerate() {
            @if place > 0 { ", " }
            (show::team(team)) " (" (show::plain(Some(count))) ")"
        }
    }
}

/// A button for an order; one that changes what is judged asks once more, and says of which candidate it speaks.
fn order(visit: &Visit, name: &str, words: &str, really: Option<&str>, revision: Option<&str>) -> Markup {
    let form = html! {
        form method="post" action={ "/console/policy/" (name) } {
            (word(visit))
            @if let Some(revision) = revision { input type="hidden" name="revision" value=(revision); }
            @if let Some(really) = really { p { (really) } button.strong type="submit" { "Yes: " (words.to_lowercase()) } }
            @else { button type="submit" { (words) } }
        }
    };
    html! {
        @if really.is_some() { details.sure { summary.button { (words) } (form) } } @else { (form) }
    }
}
