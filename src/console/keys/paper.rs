//! The form of a new key, and what it says. What is wrong with it is found by whoever carries the order out, for all ways to give one.

use std::collections::BTreeMap;

use http::StatusCode;
use maud::{Markup, html};

use super::super::form::Fields;
use super::super::layout::{Place, word};
use super::super::{Page, Reply, Visit};
use super::order;
use crate::admin::Admin;
use crate::admin::keys::Store;
use crate::keys::label;
use crate::keys::store::{Credentials, NewKey};

const CREDENTIALS: [(&str, &str); 3] =
    [("pair", "id and secret, as the SDKs sign with"), ("token", "a bearer token"), ("both", "either")];

pub(crate) fn page(admin: &Admin, visit: &Visit) -> Reply {
    if !visit.may_order() {
        let why = "Ask an operator for a key; the list of keys says who has which.";
        return Page::trouble(StatusCode::FORBIDDEN, "This needs the role operator", why);
    }
    // A link can fill in for whom.
    shown(admin, visit, &visit.query, None)
}

/// The form as it was filled in, with what was wrong with it.
pub(super) fn shown(
    admin: &Admin,
    visit: &Visit,
    form: &Fields,
    trouble: Option<(StatusCode, &str)>,
) -> Reply {
    let body = html! {
        p.crumb { a href=(super::PATH) { "Keys" } }
        h1 { "A new key" }
        @if let Some((_, why)) = trouble {
            div.alert role="alert" #wrong { strong { "Nothing was made." } ul.plain { @for line in why.lines() { li { (line) } } } }
        }
        @if matches!(admin.keys.store(), Store::Missing) {
            p.empty { "There is no store to keep it in. " a href=(super::PATH) { "The list of keys says how to have one." } }
        } @else { (paper(admin, visit, form, trouble.is_some())) }
    };
    match Page::show("A new key", Place::Keys, body) {
        Reply::Page(page) => {
            let status = trouble.map_or(page.status, |(status, _)| status);
            Reply::Page(Page { status, ..page })
        }
        reply => reply,
    }
}

fn paper(admin: &Admin, visit: &Visit, form: &Fields, wrong: bool) -> Markup {
    let line = |name: &str, label: &str, hint: &str, required: bool| {
        html! {
            div.field {
                label for={ "n-" (name) } { (label) }
                input id={ "n-" (name) } name=(name) value=(form.text(name)) autocomplete="off" spellcheck="false" required[required]
                    aria-describedby={ "n-" (name) "-hint" } list=[(name == "team").then_some("teams")];
                p.sub id={ "n-" (name) "-hint" } { (hint) }
            }
        }
    };
    let lines = |name: &str, label: &str, hint: &str| {
        html! {
            div.field {
                label for={ "n-" (name) } { (label) }
                textarea id={ "n-" (name) } name=(name) rows="3" spellcheck="false" aria-describedby={ "n-" (name) "-hint" } { (form.text(name)) }
                p.sub id={ "n-" (name) "-hint" } { (hint) }
            }
        }
    };
    let mut teams: Vec<String> = admin.keys.all().into_iter().map(|key| key.team).collect();
    teams.sort_unstable();
    teams.dedup();
    html! {
        form.paper method="post" action="/console/keys/new" aria-describedby=[wrong.then_some("wrong")] {
            (word(visit))
            (order::once())
            datalist #teams { @for team in &teams { option value=(team) {} } }
            fieldset {
                legend { "Whose it is" }
                div.grid {
                    (line("team", "Team", "Required. Rules, settings and quota go by it.", true))
                    (line("owner", "Owner", "Who answers for it; stands in every decision.", false))
                    (line("purpose", "Purpose", "What it is for.", false))
                    (line("expires", "Ends", "90d, 2027-06-30, or empty for never.", false))
                }
            }
            fieldset {
                legend { "What it may do" }
                div.grid {
                    (lines("actions", "Actions", "One on each line, such as vm Describe*. Empty: everything."))
                    (lines("sources", "From", "Ranges of addresses, one on each line, such as 10.0.0.0/8. Empty: anywhere."))
                }
            }
            fieldset {
                legend { "What its holder proves itself with" }
                @for (value, words) in CREDENTIALS {
                    @let chosen = form.text("credentials") == value || value == "pair" && form.text("credentials").is_empty();
                    label.choice { input type="radio" name="credentials" value=(value) checked[chosen]; " " (words) }
                }
            }
            @let rare = ["id", "account", "certificates", "labels", "strict"];
            details open[rare.iter().any(|name| !form.text(name).trim().is_empty())] {
                summary { "Rarely needed" }
                div.grid {
                    (line("id", "Access key id", "Empty: made up from the team's name.", false))
                    (line("account", "Cloud account", "Empty: the one that is for the team.", false))
                    (lines("labels", "Labels", "NAME=VALUE, one on each line; rules may look at them."))
                    (lines("certificates", "Client certificates", "Names, one on each line. Empty: with any or none."))
                }
                label.choice { input type="checkbox" name="strict" value="yes" checked[form.text("strict") == "yes"];
                    " Signatures must cover action and version, which the vendor's SDKs do not do" }
            }
            div.row { button.strong type="submit" { "Make the key" } span.sub { "Its secret is shown once, on the next page." } }
        }
    }
}

/// What the form says.
///
/// # Errors
/// What cannot even be read; one mistake on each line.
pub(super) fn read(form: &Fields) -> Result<NewKey, String> {
    let one = |name: &str| Some(form.text(name).trim().to_owned()).filter(|text| !text.is_empty());
    let several = |name: &str| {
        let lines = form.text(name).lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    let mut wrong = Vec::new();
    let mut labels = BTreeMap::new();
    for line in several("labels") {
        match label(&line) {
            Ok((name, value)) => drop(labels.insert(name, value)),
            Err(trouble) => wrong.push(format!("labels: {line:?}: {trouble}")),
        }
    }
    let credentials = match form.text("credentials") {
        "" | "pair" => Credentials::Pair,
        "token" => Credentials::Token,
        "both" => Credentials::Both,
        _ => {
            wrong.push("credentials: choose one of those offered".to_owned());
            Credentials::Pair
        }
    };
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    Ok(NewKey {
        id: one("id"),
        team: one("team").unwrap_or_default(),
        owner: one("owner"),
        purpose: one("purpose"),
        account: one("account"),
        actions: several("actions"),
        sources: several("sources"),
        certificates: several("certificates"),
        labels,
        strict: form.text("strict") == "yes",
        expires: one("expires"),
        credentials,
    })
}
