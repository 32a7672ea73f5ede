//! The frame of every page: where one is, who one is, how to find something.

use maud::{DOCTYPE, Markup, html};

use super::{Page, Visit, show};

/// The pages that the navigation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Decisions,
    Quota,
    Teams,
    Keys,
    Policy,
    Exemptions,
    Playground,
}

const PLACES: &[(Place, &str, &str)] = &[
    (Place::Overview, "/console", "Overview"),
    (Place::Decisions, "/console/decisions", "Decisions"),
    (Place::Quota, "/console/quota", "Quota"),
    (Place::Teams, "/console/teams", "Teams"),
    (Place::Keys, "/console/keys", "Keys"),
    (Place::Policy, "/console/policy", "Policy"),
    (Place::Exemptions, "/console/exemptions", "Exemptions"),
    (Place::Playground, "/console/playground", "Playground"),
];

/// A gate, as a picture that needs no request.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%231f5fbf'/%3E%3Cpath d='M4 12V7a4 4 0 0 1 8 0v5M8 3v9' stroke='white' stroke-width='1.6' fill='none' stroke-linecap='round'/%3E%3C/svg%3E";

/// A page in its frame; without a visitor there is no way on but the page's own.
pub(crate) fn framed(visit: Option<&Visit>, page: Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · zengate" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href="/console/style.css";
                script src="/console/script.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    div.inner {
                        a.brand href="/console" { (mark()) span { "zengate" } }
                        @if let Some(visit) = visit { (ways(visit, page.place)) }
                    }
                }
                main #main tabindex="-1" { (page.body) }
                @if let Some(visit) = visit {
                    footer {
                        p { "zengate " (env!("CARGO_PKG_VERSION")) " · all times are UTC · this page is of " (show::time(visit.now)) }
                    }
                }
            }
        }
    }
}

fn ways(visit: &Visit, here: Option<Place>) -> Markup {
    html! {
        nav aria-label="Pages" {
            ul {
                @for (place, path, name) in PLACES {
                    li { a href=(path) aria-current=[(here == Some(*place)).then_some("page")] { (name) } }
                }
            }
        }
        form.find role="search" action="/console/find" method="get" {
            label.unseen for="find" { "Find a decision, an instance, a key or a team" }
            input #find name="id" type="search" placeholder="Id or team" autocomplete="off" spellcheck="false" required;
            button type="submit" { "Find" }
        }
        div.who {
            span.name { (visit.who) }
            " "
            span.role { @if visit.may_order() { "operator" } @else { "viewer" } }
            @if visit.can_leave {
                form method="post" action="/console/logout" {
                    (word(visit))
                    button.quiet type="submit" { "Log out" }
                }
            }
        }
    }
}

fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 16 16" width="20" height="20" aria-hidden="true" {
            rect width="16" height="16" rx="4" {}
            path d="M4 12V7a4 4 0 0 1 8 0v5M8 3v9" {}
        }
    }
}

/// What every form repeats, so that it can only be ours.
pub(crate) fn word(visit: &Visit) -> Markup {
    html! { input type="hidden" name="word" value=(visit.word); }
}
