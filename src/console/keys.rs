//! The gateway's own keys as operators see them: whose they are, how they stand, when they end; never a secret.

pub(super) mod one;
pub(super) mod order;
pub(super) mod paper;

use maud::{Markup, html};

use super::form::{Fields, link};
use super::layout::{Place, word};
use super::show::{self, Tone};
use super::{Page, Reply, Visit};
use crate::admin::Admin;
use crate::admin::keys::Store;
use crate::keys::{Kept, Shown, State};

/// Keys on one page.
const PAGE: usize = 100;
pub(super) const PATH: &str = "/console/keys";
/// What ends within this many days is marked; the alert about keys says the same.
const SOON_DAYS: i64 = 7;
/// Actions and ranges of a key that the list names.
const NAMED: usize = 3;
const FILTERS: [&str; 5] = ["text", "team", "state", "kept", "ends"];
const ENDS: [(&str, &str); 4] =
    [("", "any time"), ("7", "within 7 days"), ("30", "within 30 days"), ("never", "never")];

pub(crate) fn page(admin: &Admin, visit: &Visit) -> Reply {
    let (all, store) = (admin.keys.all(), admin.keys.store());
    let mut fitting: Vec<&Shown> = all.iter().filter(|key| fits(key, visit)).collect();
    // What is over for good comes last.
    fitting.sort_by(|one, other| {
        (is_over(one), &one.team, &one.id).cmp(&(is_over(other), &other.team, &other.id))
    });
    let from = visit.query.text("from").parse::<usize>().unwrap_or(0).min(fitting.len());
    let shown: Vec<&Shown> = fitting.iter().skip(from).take(PAGE).copied().collect();
    let to = from.saturating_add(shown.len());
    let any = FILTERS.iter().any(|name| visit.query.word(name).is_some());
    let body = html! {
        div.title { h1 { "Keys" } (store_badge(&store)) }
        p.sub { "What callers of the gateway prove themselves with. " (counted(&all)) }
        @if let Some(words) = order::done(visit.query.text("done")) { p.notice role="status" { (show::badge(Tone::Good, "done")) " " (words) } }
        (store_notice(&store))
        @if visit.may_order() && !matches!(store, Store::Missing) {
            p.inline { a.button.strong href="/console/keys/new" { "Make a key" } }
        }
        (filters(&visit.query, any))
        @if shown.is_empty() { p.empty { @if any { "No key fits." } @else { "There is no key, so nobody can call." } } }
        @else { (table("Keys, by team", &shown, visit)) }
        @if fitting.len() > shown.len() {
            nav.pages aria-label="More keys" {
                span.sub { (from.saturating_add(1)) " to " (to) " of " (fitting.len()) }
                @if from > 0 { a href=(there(visit, from.saturating_sub(PAGE))) rel="prev" { "Before" } }
                @if to < fitting.len() { a href=(there(visit, to)) rel="next" { "Further" } }
            }
        }
        @if visit.may_order() && !matches!(store, Store::Missing) { div.orders { (seal(visit)) } }
    };
    Page::show("Keys", Place::Keys, body)
}

fn there(visit: &Visit, from: usize) -> String {
    let filters = FILTERS.iter().map(|name| (*name, visit.query.text(name).trim()));
    link(PATH, filters.chain([("from", from.to_string().as_str())]))
}

fn is_over(key: &Shown) -> bool {
    matches!(key.state, State::Expired | State::Revoked)
}

fn fits(key: &Shown, visit: &Visit) -> bool {
    let wanted = |name: &str| visit.query.word(name);
    let text = wanted("text").map(|text| text.to_lowercase());
    let holds = |text: &str| {
        let of_people = [Some(&key.id), key.owner.as_ref(), key.purpose.as_ref(), key.account.as_ref()];
        let labels = key.labels.iter().map(|(name, value)| format!("{name}={value}"));
        of_people.into_iter().flatten().cloned().chain(labels).any(|part| part.to_lowercase().contains(text))
    };
    wanted("team").is_none_or(|team| key.team == team)
        && wanted("state").is_none_or(|state| key.state.as_str() == state)
        && wanted("kept").is_none_or(|kept| key.kept_in.as_str() == kept)
        && text.is_none_or(|text| holds(&text))
        && wanted("ends").is_none_or(|ends| match ends.parse::<i64>() {
            Ok(days) => !is_over(key) && ends_within(key, visit, days),
            Err(_) => key.expires.is_none(),
        })
}

/// How many of these end soon.
pub(super) fn ending_soon(keys: &[Shown], visit: &Visit) -> usize {
    keys.iter().filter(|key| !is_over(key) && ends_within(key, visit, SOON_DAYS)).count()
}

/// Whether the key's time is over within so many days.
fn ends_within(key: &Shown, visit: &Visit, days: i64) -> bool {
    key.expires.is_some_and(|end| {
        end.as_second().saturating_sub(visit.now.as_second()) <= days.saturating_mul(86_400)
    })
}

/// How many there are in each state.
fn counted(all: &[Shown]) -> Markup {
    let counts = State::ALL.map(|state| (state, all.iter().filter(|key| key.state == state).count()));
    html! {
        @for (place, (state, count)) in counts.iter().filter(|(_, count)| *count > 0).enumerate() {
            @if place > 0 { ", " }
            span.number { (count) } " " (state.as_str())
        }
        @if !all.is_empty() { "." }
    }
}

fn store_badge(store: &Store) -> Markup {
    match store {
        Store::Up => show::badge(Tone::Good, "store up"),
        Store::Away(_) => show::badge(Tone::Bad, "store away"),
        Store::Missing => show::badge(Tone::Plain, "from the key file alone"),
    }
}

/// Why keys cannot be made here, and what to do about it.
fn store_notice(store: &Store) -> Markup {
    html! {
        @match store {
            Store::Up => {}
            Store::Away(why) => {
                p.alert role="alert" { "The key store cannot be used: " (why) ". Keys work as they were last read; no order about them is carried out." }
            }
            Store::Missing => {
                details {
                    summary { "How to make, rotate and revoke keys here" }
                    p { "Keys of the key file are changed by hand. A store takes orders, from this page and from " code { "zengate keys" } ". Make a key that seals it with "
                        code { "zengate secret new-key seal.key" } ", add this to the configuration, and restart:" }
                    pre.document tabindex="0" role="group" aria-label="What to add" { code { "[keys.store]\nseal = { file = \"seal.key\" }" } }
                    p { "Keys of the file go on beside it. With PostgreSQL as the ledger, all replicas share the store." }
                }
            }
        }
    }
}

/// Once the seal key has been replaced.
fn seal(visit: &Visit) -> Markup {
    html! {
        details.sure {
            summary.button { "Seal the store anew" }
            form method="post" action="/console/keys/reseal" {
                (word(visit))
                p { "Every key is sealed with " code { "keys.store.seal" } " that one of " code { "keys.store.old_seals" } " had sealed; the old ones can go then. No secret changes." }
                button.strong type="submit" { "Yes: seal anew" }
            }
        }
    }
}

fn filters(fields: &Fields, any: bool) -> Markup {
    let states = State::ALL.map(|state| (state.as_str(), state.as_str()));
    let states: Vec<_> = [("", "any")].into_iter().chain(states).collect();
    let kept = [("", "either"), (Kept::File.as_str(), "the key file"), (Kept::Store.as_str(), "the store")];
    html! {
        form.filters.many method="get" action=(PATH) aria-label="Filter the keys" {
            div.row {
                (fields.text_box("text", "Text", "owner, purpose, ..."))
                (fields.text_box("team", "Team", "payments"))
                (fields.choice_box("state", "State", &states))
                (fields.choice_box("kept", "Kept in", &kept))
                (fields.choice_box("ends", "Ends", &ENDS))
                div.field.act {
                    button type="submit" { "Filter" }
                    @if any { " " a href=(PATH) { "Clear" } }
                }
            }
        }
    }
}

/// Keys as a table.
pub(super) fn table(caption: &str, keys: &[&Shown], visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table.keys {
                caption.unseen { (caption) }
                thead { tr {
                    th scope="col" { "Key" } th scope="col" { "Team and owner" } th scope="col" { "State" }
                    th scope="col" { "Ends" } th scope="col" { "May call" } th scope="col" { "From" }
                    th scope="col" { "Secret of" } th scope="col" { "Last used" } th scope="col" { "Kept in" }
                } }
                tbody { @for key in keys { (row(key, visit)) } }
            }
        }
    }
}

fn row(key: &Shown, visit: &Visit) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(show::key_link(&key.id)) { code { (key.id) } }
                @if let Some(purpose) = &key.purpose { span.sub { (purpose) } } }
            td { (show::team(&key.team)) @if let Some(owner) = &key.owner { span.sub { (owner) } } }
            td { (state(key, visit)) }
            td { @match key.expires { Some(end) => { (show::day(end, visit.now)) (soon(key, visit)) } None => { span.sub { "never" } } } }
            td { (several(&key.actions, "nothing")) }
            td { (several(&key.sources, "anywhere")) }
            td { @match key.rotated.or(key.created) {
                Some(at) => { (show::day(at, visit.now)) }
                None => { span.sub { "not known" } }
            } }
            td { @match key.last_used {
                Some(at) => { (show::day(at, visit.now)) }
                None => { span.sub { "not here yet" } }
            } }
            td { (key.kept_in.as_str()) }
        }
    }
}

/// How it stands, in a word.
fn badge(key: &Shown) -> Markup {
    let tone = match key.state {
        State::Active | State::Rotating => Tone::Good,
        State::Disabled => Tone::Careful,
        State::Expired | State::Revoked => Tone::Plain,
        State::Unusable => Tone::Bad,
    };
    show::badge(tone, key.state.as_str())
}

/// The same with what else there is to say about it.
fn state(key: &Shown, visit: &Visit) -> Markup {
    html! {
        (badge(key))
        @if let (State::Rotating, Some(until)) = (key.state, key.rotating_until) {
            span.sub { "old secret until " (show::time(until)) ", " (show::distance(until, visit.now)) }
        }
        @if let Some(why) = &key.why { span.sub { (why) } }
        @if let Some(at) = key.revoked { span.sub { (show::distance(at, visit.now)) } }
    }
}

/// When it ends, marked where that is soon.
fn ends(key: &Shown, visit: &Visit) -> Markup {
    html! {
        @match key.expires {
            None => { span.sub { "never" } }
            Some(end) => { (show::moment(end, visit.now)) " " (soon(key, visit)) }
        }
    }
}

fn soon(key: &Shown, visit: &Visit) -> Markup {
    html! { @if !is_over(key) && ends_within(key, visit, SOON_DAYS) { (show::badge(Tone::Careful, "ends soon")) } }
}

/// The first of several, and how many more there are.
fn several(all: &[String], none: &str) -> Markup {
    html! {
        @if all.is_empty() { span.sub { (none) } }
        @else if all.iter().any(|one| one == "* *") { span.item { "everything" } }
        @else {
            @for one in all.iter().take(NAMED) { code.item { (one) } }
            @if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) { span.sub { "and " (more) " more" } }
        }
    }
}
