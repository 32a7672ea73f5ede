//! Small things that several pages show: times, badges, values, bars.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

/// What a badge means; the sign before its word says it without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Careful,
    Unsure,
    Plain,
}

impl Tone {
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("badge good", "✓"),
            Self::Bad => ("badge bad", "✕"),
            Self::Careful => ("badge careful", "!"),
            Self::Unsure => ("badge unsure", "?"),
            Self::Plain => ("badge plain", "·"),
        }
    }
}

pub(crate) fn badge(tone: Tone, word: &str) -> Markup {
    let (class, sign) = tone.parts();
    html! { span class=(class) { span.sign aria-hidden="true" { (sign) } (word) } }
}

/// A time, to the second.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) { (at.strftime("%Y-%m-%d %H:%M:%S").to_string()) } }
}

/// A time, and how far away it is.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Markup {
    html! { (time(at)) " " span.ago { (distance(at, now)) } }
}

/// The day of a time, for tables, and how far away it is.
pub(crate) fn day(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(at.to_string()) { (at.strftime("%Y-%m-%d").to_string()) } " " span.ago { (distance(at, now)) }
    }
}

/// The same for a time in a document; as it stands there where it is none.
pub(crate) fn moment_in(text: &str, now: Timestamp) -> Markup {
    match text.parse() {
        Ok(at) => moment(at, now),
        Err(_) => html! { (text) },
    }
}

/// How far a time is from now, in words.
pub(crate) fn distance(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    let (size, past) = (seconds.unsigned_abs(), seconds >= 0);
    let words = match size {
        0..=89 => format!("{size} s"),
        90..=5_399 => format!("{} min", size / 60),
        5_400..=129_599 => format!("{} h", size / 3_600),
        _ => format!("{} d", size / 86_400),
    };
    if past { format!("{words} ago") } else { format!("in {words}") }
}

/// What stands at a JSON Pointer, if it is text; empty otherwise.
pub(crate) fn at<'v>(document: &'v Value, pointer: &str) -> &'v str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON Pointer; empty where there is none.
pub(crate) fn list<'v>(document: &'v Value, pointer: &str) -> &'v [Value] {
    document.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A value as a person reads it: text without quotes, everything else as JSON.
pub(crate) fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A document in full, scrollable also by keyboard.
pub(crate) fn document(label: &str, value: &Value) -> Markup {
    html! {
        pre.document tabindex="0" role="group" aria-label=(label) { code { (format!("{value:#}")) } }
    }
}

/// A name and what it is, in a list of such; left out where there is nothing.
pub(crate) fn fact(name: &str, value: &str) -> Markup {
    html! { @if !value.is_empty() { div { dt { (name) } dd { (value) } } } }
}

/// The same with markup.
pub(crate) fn fact_of(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// The end of a decision's id, which tells it from its neighbours.
pub(crate) fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

/// The page of a decision.
pub(crate) fn decision_link(id: &str) -> String {
    format!("/console/decisions/{}", escaped(id))
}

/// The page of an instance.
pub(crate) fn instance_link(id: &str) -> String {
    format!("/console/instances/{}", escaped(id))
}

/// The page of a key.
pub(crate) fn key_link(id: &str) -> String {
    format!("/console/keys/{}", escaped(id))
}

/// The page of a team.
pub(crate) fn team_link(name: &str) -> String {
    format!("/console/teams/{}", escaped(name))
}

/// A team, with the way to its page where it can have one.
pub(crate) fn team(name: &str) -> Markup {
    html! {
        @if crate::keys::not_a_team(name).is_none() { a href=(team_link(name)) { (name) } } @else { (name) }
    }
}

/// Text as one step of a path.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A step of a path as text.
pub(crate) fn unescaped(step: &str) -> String {
    let whole = format!("x={}", step.replace('+', "%2B"));
    form_urlencoded::parse(whole.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

/// Whole percent of the whole, at most 100.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100)
}

/// How a decision ended, in words.
pub(crate) fn ending(record: &Value) -> (Tone, String) {
    ending_of(at(record, "/outcome"))
}

/// The same by the outcome's label.
pub(crate) fn ending_of(outcome: &str) -> (Tone, String) {
    let (tone, words) = match outcome {
        "ok" => (Tone::Good, "allowed"),
        "denied_policy" => (Tone::Bad, "refused by a rule"),
        "denied_quota" => (Tone::Bad, "over quota"),
        "policy_error" => (Tone::Careful, "a rule failed"),
        "unknown" => (Tone::Unsure, "outcome unknown"),
        "cloud_error" => (Tone::Careful, "error of the cloud"),
        "client_gone" => (Tone::Unsure, "client left"),
        "unavailable" => (Tone::Careful, "something was away"),
        "repeated" => (Tone::Plain, "asked before"),
        "rate_limited" => (Tone::Careful, "too many at once"),
        other => return (Tone::Plain, other.replace('_', " ")),
    };
    (tone, words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_as_people_tell_them() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let told = |at: &str| distance(at.parse().unwrap(), now);
        assert_eq!(told("2026-06-01T11:59:57Z"), "3 s ago");
        assert_eq!(told("2026-06-01T11:50:00Z"), "10 min ago");
        assert_eq!(told("2026-06-01T06:00:00Z"), "6 h ago");
        assert_eq!(told("2026-06-04T12:00:01Z"), "in 3 d");
    }

    #[test]
    fn an_id_survives_the_way_into_a_path_and_back() {
        for id in ["ins-1", "a b/c?d#e%2F+f", "<script>", "\u{e9}\u{1f600}", ".."] {
            let link = instance_link(id);
            let step = link.strip_prefix("/console/instances/").unwrap();
            assert!(!step.contains(['/', '?', '#', ' ', '<', '+']), "{step}");
            assert_eq!(unescaped(step), id);
        }
    }

    #[test]
    fn what_somebody_wrote_is_never_markup() {
        let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'&";
        let value = serde_json::json!({ "x": hostile });
        for shown in [
            badge(Tone::Bad, hostile),
            moment_in(hostile, Timestamp::UNIX_EPOCH),
            document(hostile, &value),
            fact(hostile, hostile),
            html! { a href=(instance_link(hostile)) title=(hostile) { (hostile) } },
        ] {
            let text = shown.into_string();
            assert!(
                !text.contains("<script") && !text.contains("<img") && !text.contains("\"><script"),
                "{text}"
            );
        }
    }
}
