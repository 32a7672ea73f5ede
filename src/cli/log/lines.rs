//! A log line in JSON: `timestamp`, `level`, the event's own fields, `target`.
//!
//! Written straight into the line. The usual way, through a serialiser of any value into any form, takes three times as long, and
//! each request has a line.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::json::plain_run;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut out)?;
        let metadata = event.metadata();
        write!(out, "\",\"level\":\"{}\"", metadata.level())?;
        let mut members = Members { out: &mut out, outcome: Ok(()) };
        event.record(&mut members);
        members.outcome?;
        out.write_str(",\"target\":")?;
        quoted(&mut out, metadata.target())?;
        out.write_str("}\n")
    }
}

/// Writes each field as a member of the line.
struct Members<'a, 'w> {
    out: &'a mut Writer<'w>,
    outcome: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_ok() {
            self.outcome = self.named(field.name(), value);
        }
    }

    fn named(&mut self, name: &str, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        // `r#type` is how a field is called that has the name of a word of the language.
        let name = name.strip_prefix("r#").unwrap_or(name);
        self.out.write_char(',')?;
        quoted(self.out, name)?;
        self.out.write_char(':')?;
        value(self.out)
    }
}

impl Visit for Members<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |out| {
            out.write_char('"')?;
            write!(Escaped(out), "{value:?}")?;
            out.write_char('"')
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |out| quoted(out, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |out| out.write_str(if value { "true" } else { "false" }));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        self.member(
            field,
            |out| if value.is_finite() { write!(out, "{value}") } else { out.write_str("null") },
        );
    }
}

fn quoted(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    Escaped(out).write_str(text)?;
    out.write_char('"')
}

/// Writes text as it stands between the quotes of a JSON string (RFC 8259, section 7).
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        loop {
            // What is not plain is ASCII: it is cut between letters.
            let (run, from) = rest.split_at_checked(plain_run(rest.as_bytes())).ok_or(fmt::Error)?;
            self.0.write_str(run)?;
            let mut letters = from.chars();
            match letters.next() {
                None => return Ok(()),
                Some('"') => self.0.write_str("\\\"")?,
                Some('\\') => self.0.write_str("\\\\")?,
                Some('\n') => self.0.write_str("\\n")?,
                Some('\r') => self.0.write_str("\\r")?,
                Some('\t') => self.0.write_str("\\t")?,
                Some(control) => write!(self.0, "\\u{:04x}", u32::from(control))?,
            }
            rest = letters.as_str();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_one_object_whatever_is_in_it() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer =
            tracing_subscriber::fmt::layer().event_format(JsonLines).with_writer(move || writer.clone());
        let odd = "a \"quote\" \\ and\nlines\r\t\u{1}\u{1f} \u{e9}\u{1f600}\u{7f}";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(target: "zengate::access", text = odd, shown = %odd, listed = ?[odd], whole = -7_i64, "request");
            tracing::warn!(
                none = None::<&str>,
                some = Some("x"),
                part = 0.25,
                not = f64::NAN,
                yes = true,
                r#type = 3_u64,
                "odd: {odd}"
            );
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [first, second] = lines.as_slice() else { panic!("{text}") };
        assert!(first["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{first}");
        let mut first = first.clone();
        first.as_object_mut().unwrap().remove("timestamp");
        assert_eq!(
            first,
            json!({
                "level": "INFO", "message": "request", "text": odd, "shown": odd, "listed": format!("{:?}", [odd]), "whole": -7,
                "target": "zengate::access",
            })
        );
        assert_eq!(second["message"], json!(format!("odd: {odd}")));
        assert_eq!((second.get("none"), &second["some"]), (None, &json!("x")));
        assert_eq!(
            (&second["part"], &second["not"], &second["yes"]),
            (&json!(0.25), &json!(null), &json!(true))
        );
        assert_eq!((&second["type"], &second["level"]), (&json!(3), &json!("WARN")));
    }
}
