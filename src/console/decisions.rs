//! What was decided, the newest first, with filters that stand in the address: a view can be kept and sent to a colleague.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::form::{Fields, link};
use super::layout::Place;
use super::{Page, Reply, Visit, show};
use crate::admin::Admin;
use crate::history::Filter;

/// Decisions on one page.
const PAGE: usize = 50;
const PATH: &str = "/console/decisions";
/// The filters, by their names in the address.
const FILTERS: [&str; 10] =
    ["team", "key", "action", "verdict", "outcome", "rule", "instance", "text", "since", "until"];
const VERDICTS: [(&str, &str); 4] =
    [("", "any"), ("allowed", "allowed"), ("refused", "refused"), ("failed", "failed")];
const OUTCOMES: [(&str, &str); 10] = [
    ("", "any"),
    ("ok", "ok"),
    ("denied*", "denied"),
    ("denied_policy", "denied by a rule"),
    ("denied_quota", "denied by quota"),
    ("policy_error", "a rule failed"),
    ("unknown", "unknown"),
    ("cloud_error", "error of the cloud"),
    ("repeated", "asked before"),
    ("unavailable", "something was away"),
];

pub(crate) async fn page(admin: &Admin, visit: &Visit) -> Reply {
    let fields = &visit.query;
    let names = FILTERS.iter().chain(&["before"]);
    let given: Vec<(&str, String)> = names.filter_map(|name| Some((*name, fields.word(name)?))).collect();
    let pairs = given.iter().map(|(name, value)| (*name, value.as_str()));
    let filter = Filter::read(pairs, admin.quota.clock());
    let mistaken = filter.as_ref().err().cloned();
    let found = admin.console.history.list(&filter.unwrap_or_default(), PAGE).await;
    let (records, next, partial) = match (&mistaken, found) {
        (Some(_), _) => (Vec::new(), None, None),
        (None, Ok(page)) => (page.records, page.next, page.partial),
        (None, Err(away)) => (Vec::new(), None, Some(away.to_string())),
    };
    let newest = records.first().map_or("", |record| show::at(record, "/decision_id"));
    if !fields.text("after").is_empty() && fields.text("after") == newest {
        return Reply::Unchanged;
    }
    let live = fields.word("before").is_none() && mistaken.is_none();
    let older = next.map(|next| there(fields, Some(&next)));
    let body = html! {
        div.title { h1 { "Decisions" } span #live {} }
        @if let Some(why) = &mistaken { p.alert role="alert" { "The filter cannot be read: " (why) } }
        @if let Some(why) = &partial {
            p.alert role="status" { "Not everything is shown: " (why) }
        }
        (filters(fields))
        div #list data-live=[live.then(|| there(fields, None))] data-newest=(newest) {
            (table(&records, visit))
        }
        nav.pages aria-label="More decisions" {
            @if !live { a href=(there(fields, None)) { "Newest" } }
            @if let Some(older) = older { a href=(older) rel="next" { "Older" } }
        }
    };
    let reply = Page::show("Decisions", Place::Decisions, body);
    match reply {
        Reply::Page(page) if mistaken.is_some() => {
            Reply::Page(Page { status: StatusCode::BAD_REQUEST, ..page })
        }
        reply => reply,
    }
}

/// The same filters at another place.
fn there(fields: &Fields, before: Option<&str>) -> String {
    let filters = FILTERS.iter().map(|name| (*name, fields.text(name).trim()));
    link(PATH, filters.chain([("before", before.unwrap_or_default())]))
}

fn filters(fields: &Fields) -> Markup {
    let further = ["key", "action", "rule", "instance", "since", "until"];
    let opened = further.iter().any(|name| fields.word(name).is_some());
    let any = FILTERS.iter().any(|name| fields.word(name).is_some());
    html! {
        form.filters method="get" action=(PATH) aria-label="Filter the decisions" {
            div.row {
                (fields.text_box("text", "Text", "anything in the record"))
                (fields.text_box("team", "Team", "payments"))
                (fields.choice_box("verdict", "Verdict", &VERDICTS))
                (fields.choice_box("outcome", "Outcome", &OUTCOMES))
                div.field.act {
                    button type="submit" { "Filter" }
                    @if any { " " a href=(PATH) { "Clear" } }
                }
            }
            details open[opened] {
                summary { "More filters" }
                div.row {
                    (fields.text_box("key", "Key", "its id"))
                    (fields.text_box("action", "Action", "vm CreateInstances"))
                    (fields.text_box("rule", "Rule", "zones"))
                    (fields.text_box("instance", "Instance", "its id"))
                    (fields.text_box("since", "Since", "2026-12-31, or 36h"))
                    (fields.text_box("until", "Until", "2026-12-31, or 1h"))
                }
            }
        }
    }
}

/// Decisions as a table.
pub(super) fn table(records: &[Value], visit: &Visit) -> Markup {
    html! {
        @if records.is_empty() {
            p.empty { "No decision that fits. Creates and changes are shown here, whether they passed or not." }
        } @else {
            table.decisions {
                caption.unseen { "Decisions, the newest first" }
                thead { tr {
                    th scope="col" { "Time" }
                    th scope="col" { "Team" }
                    th scope="col" { "Asked" }
                    th scope="col" { "Ended" }
                    th.wide scope="col" { "Why" }
                } }
                tbody { @for record in records { (row(record, visit)) } }
            }
        }
    }
}

fn row(record: &Value, visit: &Visit) -> Markup {
    let id = show::at(record, "/decision_id");
    let (tone, words) = show::ending(record);
    let time = show::at(record, "/timestamp").parse().ok();
    html! {
        tr {
            td.time {
                @match time {
                    Some(at) => { (show::time(at)) span.ago { (show::distance(at, visit.now)) } }
                    None => { (show::at(record, "/timestamp")) }
                }
            }
            td { (show::team(show::at(record, "/caller/team"))) span.sub { (show::at(record, "/caller/key")) } }
            th scope="row" {
                a href=(show::decision_link(id)) { (show::at(record, "/action/service")) " " (show::at(record, "/action/name")) }
                span.sub { (order(record)) }
            }
            td { (show::badge(tone, &words)) span.sub { (marks(record)) } }
            td.wide { (why(record)) }
        }
    }
}

/// What was ordered, in a few words.
pub(super) fn order(record: &Value) -> String {
    let request = record.get("request").unwrap_or(&Value::Null);
    let count = ["instanceCount", "count", "amount"].iter().find_map(|name| request.get(name)?.as_u64());
    let kind = show::at(record, "/action/kind");
    let words =
        ["instanceTypeId", "instanceType", "zoneId"].iter().filter_map(|name| request.get(name)?.as_str());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    if kind == "create" {
        words.insert(0, format!("{} ×", count.unwrap_or(1)));
    }
    if let Some(target) = record.pointer("/targets/0/id").and_then(Value::as_str) {
        words.push(target.to_owned());
    }
    words.join(" ")
}

/// What else is worth a glance.
fn marks(record: &Value) -> String {
    let changes = show::list(record, "/changes").len();
    let with = |effect: &str| {
        show::list(record, "/findings")
            .iter()
            .filter(|finding| show::at(finding, "/effect") == effect)
            .count()
    };
    let marks = [
        (changes, "changed"),
        (with("warned"), "warned"),
        (with("exempted"), "exempted"),
        (with("shadowed"), "in shadow"),
    ];
    let marks: Vec<String> =
        marks.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    marks.join(" · ")
}

fn why(record: &Value) -> Markup {
    let refused = show::list(record, "/findings").iter().filter(|one| show::at(one, "/effect") == "refused");
    let refused: Vec<&Value> = refused.collect();
    let ids = show::list(record, "/upstream/instance_ids");
    html! {
        @if let Some(first) = refused.first() {
            code { (show::at(first, "/rule")) } " " (show::at(first, "/message"))
            @if let Some(more) = refused.len().checked_sub(1).filter(|more| *more > 0) { span.sub { "and " (more) " more" } }
        } @else if let Some(refusal) = record.get("refusal").and_then(Value::as_str) {
            (refusal.chars().take(160).collect::<String>())
        } @else if let Some(code) = record.pointer("/upstream/code").and_then(Value::as_str) {
            "the cloud says " code { (code) }
        } @else if let Some(first) = ids.first().and_then(Value::as_str) {
            a href=(show::instance_link(first)) { (first) }
            @if let Some(more) = ids.len().checked_sub(1).filter(|more| *more > 0) { span.sub { "and " (more) " more" } }
        }
    }
}
