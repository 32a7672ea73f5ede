//! What rules found, with what became of each finding: for recorded decisions and for the playground alike.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::show::{self, Tone};

/// A table of findings; they are as [`crate::policy::verdict::Finding`] is written.
pub(super) fn table(findings: &[Value], now: Timestamp) -> Markup {
    html! {
        @if findings.is_empty() {
            p.empty { "No rule found anything." }
        } @else {
            ul.findings {
                @for finding in findings { li { (one(finding, now)) } }
            }
        }
    }
}

fn one(finding: &Value, now: Timestamp) -> Markup {
    let (tone, word) = match show::at(finding, "/effect") {
        "refused" => (Tone::Bad, "refused"),
        "warned" => (Tone::Careful, "warned"),
        "exempted" => (Tone::Unsure, "exempted"),
        "shadowed" => (Tone::Plain, "in shadow"),
        other => (Tone::Plain, other),
    };
    let (asked, allowed) = (show::plain(finding.get("asked")), show::plain(finding.get("allowed")));
    let link = show::at(finding, "/link");
    html! {
        p.head {
            (show::badge(tone, word)) " "
            strong { code { (show::at(finding, "/rule")) } } " "
            span.sub { (show::at(finding, "/field")) }
        }
        p { (show::at(finding, "/message")) }
        @if !asked.is_empty() || !allowed.is_empty() {
            p.sub { "Asked for " code { (asked) } @if !allowed.is_empty() { "; allowed: " code { (allowed) } } }
        }
        @if !show::at(finding, "/remedy").is_empty() { p { span.label { "To do: " } (show::at(finding, "/remedy")) } }
        @if link.starts_with("https://") || link.starts_with("http://") {
            p { a href=(link) rel="noreferrer" { "Read more about this rule" } }
        }
        @if let Some(leave) = finding.get("leave") {
            p.sub {
                "Passed by the exemption " code { (show::at(leave, "/ticket")) } " of " (show::at(leave, "/owner"))
                ", until " (show::moment_in(show::at(leave, "/until"), now))
            }
        }
    }
}
