//! Who is exempted from which rule, until when, and who granted it: the one that ends next comes first.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::Place;
use super::show::{self, Tone};
use super::{Page, Reply, Visit};
use crate::admin::Admin;

/// What ends within this many days is marked.
const SOON_DAYS: i64 = 7;

pub(crate) fn page(admin: &Admin, visit: &Visit) -> Reply {
    Page::show("Exemptions", Place::Exemptions, whole(&admin.policy.told(), visit))
}

fn whole(told: &Value, visit: &Visit) -> Markup {
    let (over, held) = parted(show::list(told, "/exemptions").iter().collect(), visit);
    html! {
        h1 { "Exemptions" }
        p.sub { "They stand in the organisation's data, under " code { "exemptions" } ", and end by themselves." }
        @if held.is_empty() { p.empty { "Nobody is exempted from anything." } }
        @else { (table("In force, the next to end first", &held, visit, false)) }
        @if !over.is_empty() {
            h2 { "Ended" }
            p.sub { "These do nothing any more and can be taken out of the data." }
            (table("Ended, the last one first", &over, visit, true))
        }
    }
}

/// What one team is exempted from, the next to end first; none where it never was.
pub(super) fn of_team(told: &Value, team: &str, visit: &Visit) -> Option<Markup> {
    let all = show::list(told, "/exemptions").iter().filter(|one| show::at(one, "/team") == team);
    let (over, held) = parted(all.collect(), visit);
    (!over.is_empty() || !held.is_empty()).then(|| {
        html! {
            @if !held.is_empty() { (table("In force, the next to end first", &held, visit, false)) }
            @if !over.is_empty() { (table("Ended, the last one first", &over, visit, true)) }
        }
    })
}

/// Those that have ended, the last one first, and those in force, the next to end first.
fn parted<'v>(mut all: Vec<&'v Value>, visit: &Visit) -> (Vec<&'v Value>, Vec<&'v Value>) {
    all.sort_by_key(|one| show::at(one, "/until").parse::<jiff::Timestamp>().ok());
    // By this page's own time: what was told may be a minute old.
    let (mut over, held): (Vec<&Value>, Vec<&Value>) = all.into_iter().partition(|one| {
        show::at(one, "/until").parse::<jiff::Timestamp>().is_ok_and(|until| until <= visit.now)
    });
    over.reverse();
    (over, held)
}

fn table(caption: &str, all: &[&Value], visit: &Visit, over: bool) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Team" } th scope="col" { "Rule" } th scope="col" { "Ends" } th scope="col" { "Why" }
                    th scope="col" { "Ticket" } th scope="col" { "Owner" }
                } }
                tbody {
                    @for one in all {
                        tr {
                            th scope="row" { (show::team(show::at(one, "/team"))) }
                            td { code { (show::at(one, "/rule")) } }
                            td { (show::moment_in(show::at(one, "/until"), visit.now)) " "
                                @if over { (show::badge(Tone::Plain, "ended")) }
                                @else if ends_soon(one, visit) { (show::badge(Tone::Careful, "soon")) }
                                @else { (show::badge(Tone::Good, "in force")) } }
                            td { (show::at(one, "/reason")) }
                            td { (show::at(one, "/ticket")) }
                            td { (show::at(one, "/owner")) }
                        }
                    }
                }
            }
        }
    }
}

fn ends_soon(one: &Value, visit: &Visit) -> bool {
    let until = show::at(one, "/until").parse::<jiff::Timestamp>();
    until.is_ok_and(|until| until.as_second().saturating_sub(visit.now.as_second()) <= SOON_DAYS * 86_400)
}
