//! The playground: what would become of this request or plan, by the policies in force or by the candidate? Nothing is sent
//! and nothing is written down of what was pasted, which may hold secrets.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::form::Fields;
use super::judging::{self, Question};
use super::layout::{Place, word};
use super::show::{self, Tone};
use super::{Page, Reply, Visit, changes, decision, findings};
use crate::admin::Admin;
use crate::policy::input::PrincipalInput;

const EXAMPLE: &str = r#"{
  "zoneId": "SEL-A",
  "instanceType": "c.1c2g",
  "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
  "instanceChargeType": "POSTPAID",
  "internetChargeType": "ByBandwidth",
  "instanceCount": 1
}"#;

/// What is offered; others can be typed.
const ACTIONS: [&str; 5] = [
    "vm CreateInstances",
    "bmc CreateInstances",
    "zec CreateZecInstances",
    "zec CreateInstances",
    "vm TerminateInstance",
];

pub(crate) fn page(admin: &Admin, visit: &Visit, outcome: Option<(&Fields, Result<Value, String>)>) -> Reply {
    let nothing = Fields::default();
    let form = outcome.as_ref().map_or(&nothing, |(form, _)| *form);
    let status = match &outcome {
        Some((_, Err(_))) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let staged = admin.policy.told().get("candidate").is_some_and(|candidate| !candidate.is_null());
    let body = html! {
        h1 { "Playground" }
        p.sub { "Paste a request body, or a plan from " code { "terraform show -json" } ". It is judged as it would be now; nothing is sent to the cloud." }
        @if let Some((_, outcome)) = &outcome { (answer(outcome, visit)) }
        (paper(admin, visit, form, staged))
    };
    match Page::show("Playground", Place::Playground, body) {
        Reply::Page(page) => Reply::Page(Page { status, ..page }),
        other => other,
    }
}

fn paper(admin: &Admin, visit: &Visit, form: &Fields, staged: bool) -> Markup {
    let principals = (admin.console.principals)();
    let mut teams: Vec<&str> = principals.iter().map(|principal| principal.team.as_str()).collect();
    teams.sort_unstable();
    teams.dedup();
    let candidate = form.text("policy") == "candidate" && staged;
    let text = if form.text("text").is_empty() { EXAMPLE } else { form.text("text") };
    let action = form
        .word("action")
        .unwrap_or_else(|| ACTIONS.first().map(|action| (*action).to_owned()).unwrap_or_default());
    html! {
        form.playground method="post" action="/console/playground" {
            (word(visit))
            div.row {
                div.field { label for="p-action" { "Call" }
                    input #p-action name="action" value=(action) list="actions" autocomplete="off" spellcheck="false";
                    datalist #actions { @for action in ACTIONS { option value=(action) {} } } }
                div.field { label for="p-team" { "As team" }
                    input #p-team name="team" value=(form.word("team").unwrap_or_else(|| teams.first().copied().unwrap_or_default().to_owned())) list="teams" autocomplete="off" spellcheck="false";
                    datalist #teams { @for team in &teams { option value=(team) {} } } }
                fieldset.field { legend { "By" }
                    label { input type="radio" name="policy" value="live" checked[!candidate]; " the policies in force" }
                    label { input type="radio" name="policy" value="candidate" checked[candidate] disabled[!staged]; " the candidate" @if !staged { span.sub { "none is staged" } } }
                }
            }
            div.field { label for="p-text" { "Request body or plan" }
                textarea #p-text name="text" rows="14" spellcheck="false" autocomplete="off" required { "\n" (text) } }
            button.strong type="submit" { "Judge" }
        }
    }
}

/// Judges what was pasted.
pub(super) async fn judged(admin: &Admin, visit: &Visit, form: &Fields) -> Reply {
    let Ok(_turn) = admin.console.judging.try_acquire() else {
        let why = "Others are using the playground at this moment. Go back and try again.";
        return Page::trouble(StatusCode::TOO_MANY_REQUESTS, "Busy", why);
    };
    let outcome = judge(admin, visit, form).await;
    page(admin, visit, Some((form, outcome)))
}

async fn judge(admin: &Admin, visit: &Visit, form: &Fields) -> Result<Value, String> {
    let order = admin.policy.material(form.text("policy") == "candidate").await?;
    let order = serde_json::from_value(order).map_err(|error| error.to_string())?;
    let question = Question {
        order,
        principal: principal((admin.console.principals)(), form.word("team")),
        action: form.word("action").unwrap_or_default(),
        text: form.text("text").to_owned(),
        now: visit.now,
        counts: admin.quota.counted().map(|counted| {
            counted.counts.iter().filter_map(|count| serde_json::to_value(count).ok()).collect()
        }),
    };
    judging::ask(&question).await
}

/// Somebody of that team: its first key, or nobody's key where it has none.
fn principal(known: Vec<PrincipalInput>, team: Option<String>) -> PrincipalInput {
    let team = team.unwrap_or_else(|| "none".to_owned());
    let account = known.first().map_or_else(|| "none".to_owned(), |first| first.account.clone());
    let of_team = known.into_iter().find(|principal| principal.team == team);
    of_team.unwrap_or(PrincipalInput {
        key: "none".to_owned(),
        team,
        labels: std::collections::BTreeMap::new(),
        account,
    })
}

fn answer(outcome: &Result<Value, String>, visit: &Visit) -> Markup {
    html! {
        section.verdict aria-labelledby="verdict" {
            h2 #verdict tabindex="-1" { "Verdict" }
            @match outcome {
                Err(why) => { p.alert role="alert" { (why) } }
                Ok(answer) => {
                    @let results = show::list(answer, "/results");
                    @if results.is_empty() { p.empty { "The plan makes no machine; there is nothing to judge." } }
                    @for item in results { (one(item, visit)) }
                    p.sub { "Judged by the policies " code.long { (show::at(answer, "/policy_revision")) } }
                }
            }
        }
    }
}

fn one(item: &Value, visit: &Visit) -> Markup {
    let (tone, words) = match show::at(item, "/verdict") {
        "allowed" => (Tone::Good, "would pass"),
        "refused" => (Tone::Bad, "would be refused"),
        "unknown" => (Tone::Unsure, "depends on what only the apply will tell"),
        "mistaken" => (Tone::Bad, "is no request of this call"),
        _ => (Tone::Careful, "a rule failed: it would be refused"),
    };
    let name = if show::at(item, "/resource").is_empty() {
        show::at(item, "/call")
    } else {
        show::at(item, "/resource")
    };
    let (found, made, claims) =
        (show::list(item, "/findings"), show::list(item, "/changes"), show::list(item, "/claims"));
    let (fix, unknown) = (show::list(item, "/fix"), show::list(item, "/unknown"));
    html! {
        article {
            div.title { h3 { code { (name) } } (show::badge(tone, words)) }
            @if !show::at(item, "/problem").is_empty() { p.told { (show::at(item, "/problem")) } }
            @if !unknown.is_empty() { p { "Not known before the apply: " @for field in unknown { code { (show::plain(Some(field))) } " " } } }
            @if !fix.is_empty() {
                div.fix { h4 { "This would pass" }
                    ul.plain { @for step in fix { li { (show::at(step, "/op")) " " code { (show::at(step, "/path")) } ": " code { (step.get("value").map(Value::to_string).unwrap_or_default()) } } } } }
            }
            h4 { "What rules find" } (findings::table(found, visit.now))
            @if !made.is_empty() { h4 { "What the gateway would change" } (changes::table("Changes that would be made", made)) }
            @if !claims.is_empty() { h4 { "What it would count" } (decision::claims(claims)) }
            @if let Some(sent) = item.get("document").filter(|sent| !sent.is_null()) {
                details { summary { "The request as it would be sent, without secrets" } (show::document("The request as it would be sent", sent)) }
            }
        }
    }
}
