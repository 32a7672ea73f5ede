//! One key in full, with the orders about it, and the page that hands a new secret out.

use http::StatusCode;
use maud::{Markup, html};

use super::super::form::link;
use super::super::layout::{Place, word};
use super::super::show::{self, Tone};
use super::super::{Page, Reply, Visit};
use super::{badge, ends, order, state};
use crate::admin::Admin;
use crate::admin::keys::Store;
use crate::keys::{Done, Kept, Shown, State};
use crate::secret::Secret;

pub(crate) fn page(admin: &Admin, visit: &Visit, id: &str) -> Reply {
    shown(admin, visit, &show::unescaped(id), None)
}

/// The page of a key; with what went wrong, where an order about it was not carried out.
pub(super) fn shown(
    admin: &Admin,
    visit: &Visit,
    id: &str,
    trouble: Option<(StatusCode, &str, &str)>,
) -> Reply {
    let Some(key) = admin.keys.one(id) else {
        let why = format!("Neither the key file nor the store has a key {id}.");
        return Page::trouble(StatusCode::NOT_FOUND, "No such key", &why);
    };
    let done = order::done(visit.query.text("done")).filter(|_| trouble.is_none());
    let body = html! {
        p.crumb { a href=(super::PATH) { "Keys" } }
        div.title { h1 { "Key " code.long { (key.id) } } (badge(&key)) }
        @if let Some(purpose) = &key.purpose { p.lead { (purpose) } }
        @if let Some((_, what, why)) = trouble { p.alert role="alert" { strong { (what) } " " (why) } }
        @if let Some(words) = done { p.notice role="status" { (show::badge(Tone::Good, "done")) " " (words) } }
        (facts(&key, visit))
        @if visit.may_order() { (orders(admin, &key, visit)) }
        p { a href=(link("/console/decisions", [("key", key.id.as_str())])) { "Decisions of this key" } }
    };
    match Page::show(format!("Key {id}"), Place::Keys, body) {
        Reply::Page(page) => {
            let status = trouble.map_or(page.status, |(status, ..)| status);
            Reply::Page(Page { status, ..page })
        }
        reply => reply,
    }
}

fn facts(key: &Shown, visit: &Visit) -> Markup {
    let moment = |at: Option<jiff::Timestamp>, none: &str| {
        html! { @match at { Some(at) => { (show::moment(at, visit.now)) } None => { span.sub { (none) } } } }
    };
    let all = |all: &[String], none: &str| {
        html! { @if all.is_empty() { (none) } @for one in all { code.item { (one) } } }
    };
    let labels: Vec<String> = key.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let proof = match key.credentials {
        "pair" => "id and secret",
        "token" => "a bearer token",
        _ => "id and secret, or a bearer token",
    };
    html! {
        section aria-labelledby="who" {
            h2 #who { "Whose it is" }
            dl.facts {
                (show::fact_of("Team", show::team(&key.team)))
                (show::fact("Owner", key.owner.as_deref().unwrap_or("nobody is named")))
                (show::fact("Cloud account", key.account.as_deref().unwrap_or("none fits")))
                (show::fact_of("Labels, for rules", all(&labels, "none")))
                (show::fact("Kept in", match key.kept_in { Kept::File => "the key file, changed by hand", Kept::Store => "the store, changed by order" }))
            }
        }
        section aria-labelledby="may" {
            h2 #may { "What it may do" }
            dl.facts {
                (show::fact_of("May call", if key.actions.iter().any(|one| one == "* *") { html! { "everything" } } else { all(&key.actions, "nothing") }))
                (show::fact_of("May be used from", all(&key.sources, "anywhere")))
                (show::fact_of("With client certificate", all(&key.certificates, "any or none")))
                (show::fact("Proof", proof))
                @if key.strict { (show::fact("Signatures", "must cover action and version")) }
            }
        }
        section aria-labelledby="life" {
            h2 #life { "Its life" }
            dl.facts {
                (show::fact_of("State", state(key, visit)))
                (show::fact_of("Ends", ends(key, visit)))
                (show::fact_of("Made", moment(key.created, "not known of keys in the file")))
                (show::fact_of("Last rotated", moment(key.rotated, "never by order")))
                @if key.revoked.is_some() { (show::fact_of("Revoked", moment(key.revoked, ""))) }
                (show::fact_of("Last used", moment(key.last_used, "not since this process began")))
            }
        }
    }
}

fn orders(admin: &Admin, key: &Shown, visit: &Visit) -> Markup {
    let stored = key.kept_in == Kept::Store && !matches!(admin.keys.store(), Store::Missing);
    html! {
        section aria-labelledby="orders" {
            h2 #orders { "Orders" }
            @if !stored {
                p.empty { "This key stands in the key file. Change it there; the gateway looks at the file every few seconds." }
            } @else if key.state == State::Revoked {
                p.empty { "It was revoked, for ever. Make another one." }
            } @else {
                div.orders {
                    (rotation(key, visit))
                    @if key.state == State::Disabled { (switch(key, visit, "enable", "Enable", None)) }
                    @else { (switch(key, visit, "disable", "Disable", Some("Whoever calls with it is refused until it is enabled again."))) }
                    (switch(key, visit, "revoke", "Revoke", Some("Whoever calls with it is refused, for ever. What it was stays on record.")))
                }
            }
        }
    }
}

fn rotation(key: &Shown, visit: &Visit) -> Markup {
    html! {
        details.sure {
            summary.button { "Rotate" }
            form method="post" action={ (show::key_link(&key.id)) "/rotate" } {
                (word(visit))
                (order::once())
                p { "It gets another secret, which is shown once, on the next page." }
                div.field {
                    label for="grace" { "The old one goes on for" }
                    input #grace name="grace" value="24h" autocomplete="off" spellcheck="false" aria-describedby="grace-hint";
                    p.sub #grace-hint { "24h, 7d, at most 90d. 0s: it has leaked and ends now." }
                }
                div.field {
                    label for="expires" { "The key ends" }
                    input #expires name="expires" placeholder="as it does now" autocomplete="off" spellcheck="false" aria-describedby="expires-hint";
                    p.sub #expires-hint { "Empty leaves it. 90d, 2027-06-30, or never." }
                }
                button.strong type="submit" { "Yes: rotate" }
            }
        }
    }
}

fn switch(key: &Shown, visit: &Visit, verb: &str, words: &str, really: Option<&str>) -> Markup {
    let form = html! {
        form method="post" action={ (show::key_link(&key.id)) "/" (verb) } {
            (word(visit))
            @if let Some(really) = really { p { (really) } button.strong type="submit" { "Yes: " (words.to_lowercase()) } }
            @else { button type="submit" { (words) } }
        }
    };
    html! {
        @if really.is_some() { details.sure { summary.button { (words) } (form) } } @else { (form) }
    }
}

/// The one page that ever shows these secrets.
pub(super) fn handed(done: &Done, visit: &Visit, made: bool) -> Reply {
    let key = &done.key;
    let part = |id: &str, name: &str, secret: &Option<Secret>| {
        html! {
            @if let Some(secret) = secret {
                h2 id=(id) { (name) }
                div.line { code.secret tabindex="0" role="group" aria-labelledby=(id) data-copy { (secret.expose()) } }
            }
        }
    };
    let title = if made { "A key was made" } else { "A key was rotated" };
    let body = html! {
        p.crumb { a href=(super::PATH) { "Keys" } }
        div.title { h1 { (title) } (badge(key)) }
        p.notice.once role="status" { strong { "This is shown once." } " Nobody can show it again, not even the gateway: hand it to its holder now, by a way that keeps secrets." }
        section.handed aria-label="What its holder needs" {
            h2 #handed-id { "Access key id" }
            div.line { code.secret.open tabindex="0" role="group" aria-labelledby="handed-id" data-copy { (key.id) } }
            (part("handed-secret", "Secret", &done.secret))
            (part("handed-token", "Bearer token", &done.token))
        }
        dl.facts {
            (show::fact_of("Team", show::team(&key.team)))
            (show::fact("Owner", key.owner.as_deref().unwrap_or_default()))
            (show::fact_of("Ends", ends(key, visit)))
            @if let Some(until) = key.rotating_until {
                (show::fact_of("The old secret goes on until", show::moment(until, visit.now)))
            } @else if !made {
                (show::fact("The old secret", "has ended"))
            }
        }
        p { a href=(show::key_link(&key.id)) { "It is handed over: to the key" } }
    };
    Page::show(title, Place::Keys, body)
}
