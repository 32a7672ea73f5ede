//! Which decisions are asked for: read from a query, asked of the memory, and written as SQL for both stores.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::row::Row;
use crate::clock::Clock;

/// Which decisions are asked for; what is absent lets every decision pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this team.
    pub team: Option<String>,
    /// Of this key.
    pub key: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// `allowed`, `refused` or `failed`.
    pub verdict: Option<String>,
    /// How it ended; with `*` at its end, what begins so: `denied*`.
    pub outcome: Option<String>,
    /// In which this rule found or changed something.
    pub rule: Option<String>,
    /// That had to do with this instance.
    pub instance: Option<String>,
    /// Whose record holds this text, in any case.
    pub text: Option<String>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// Older than this decision.
    pub before: Option<String>,
    /// Kept after this place; the oldest come first then.
    pub after: Option<i64>,
    /// Whichever was kept last comes first, and not whichever was asked last.
    pub by_arrival: bool,
}

/// A value beside SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bind {
    Text(String),
    Number(i64),
}

/// A condition in SQL.
#[derive(Debug, Default)]
pub(super) struct Sql {
    pub(super) condition: String,
    pub(super) binds: Vec<Bind>,
    mark: char,
}

impl Sql {
    /// `mark` is what a place for a value begins with: `?` or `$`.
    pub(super) fn new(mark: char) -> Self {
        Self { condition: "true".to_owned(), binds: Vec::new(), mark }
    }

    /// The place of one more value.
    pub(super) fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("{}{}", self.mark, self.binds.len())
    }

    fn and(&mut self, before: &str, value: Bind, after: &str) {
        let place = self.bind(value);
        for part in [" AND ", before, &place, after] {
            self.condition.push_str(part);
        }
    }
}

impl Filter {
    /// Reads a filter from the names and values of a query.
    ///
    /// # Errors
    /// A name that is none, or a value that cannot be read.
    pub fn read<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, clock: &Clock) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            let value = value.to_owned();
            match name {
                "team" => filter.team = Some(value),
                "key" => filter.key = Some(value),
                "service" => filter.service = Some(value),
                "verdict" => filter.verdict = Some(value),
                "outcome" => filter.outcome = Some(value),
                "rule" => filter.rule = Some(value),
                "instance" => filter.instance = Some(value),
                "text" => filter.text = Some(value),
                "action" => match value.split_once(' ') {
                    Some((service, action)) => {
                        (filter.service, filter.action) = (Some(service.to_owned()), Some(action.to_owned()));
                    }
                    None => filter.action = Some(value),
                },
                "since" => filter.since = Some(moment(&value, clock).map_err(|why| format!("since: {why}"))?),
                "until" => filter.until = Some(moment(&value, clock).map_err(|why| format!("until: {why}"))?),
                "before" => {
                    let id = crate::record::parse_decision_id(&value);
                    let id = id.ok_or_else(|| format!("before: {value:?} is no decision id"))?;
                    filter.before = Some(crate::record::decision_id(&id));
                }
                "after" => {
                    let place =
                        value.parse().map_err(|_| format!("after: {value:?} is no place in the history"))?;
                    filter.after = Some(place);
                }
                _ => return Err(format!("there is no filter {name:?}")),
            }
        }
        Ok(filter)
    }

    /// Whether a decision passes.
    pub(super) fn passes(&self, row: &Row, seq: i64) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let id = row.id.as_str();
        is(&self.team, row.team.as_deref())
            && is(&self.key, row.key.as_deref())
            && is(&self.service, Some(&row.service))
            && is(&self.action, Some(&row.action))
            && is(&self.verdict, row.verdict.as_deref())
            && self.outcome.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(start) => row.outcome.starts_with(start),
                None => row.outcome == wanted,
            })
            && self.rule.as_ref().is_none_or(|rule| row.rules.contains(&format!(" {rule} ")))
            && self.instance.as_ref().is_none_or(|id| row.touched.contains_key(id))
            && self
                .text
                .as_ref()
                .is_none_or(|text| row.body.to_ascii_lowercase().contains(&text.to_ascii_lowercase()))
            && self.since.is_none_or(|since| id >= first_id(since).as_str())
            && self.until.is_none_or(|until| id < first_id(until).as_str())
            && self.before.as_deref().is_none_or(|before| id < before)
            && self.after.is_none_or(|after| seq > after)
    }

    /// The same as a condition on `decision d` with its record `r`.
    pub(super) fn sql(&self, tables: &str, like: &str, mark: char) -> Sql {
        let mut sql = Sql::new(mark);
        let equal = [
            ("d.team", &self.team),
            ("d.key", &self.key),
            ("d.service", &self.service),
            ("d.action", &self.action),
            ("d.verdict", &self.verdict),
        ];
        for (column, wanted) in equal {
            if let Some(wanted) = wanted {
                sql.and(&format!("{column} = "), Bind::Text(wanted.clone()), "");
            }
        }
        match self.outcome.as_deref().map(|wanted| (wanted, wanted.strip_suffix('*'))) {
            Some((_, Some(start))) => {
                sql.and("d.outcome LIKE ", Bind::Text(escaped(start) + "%"), " ESCAPE '\\'");
            }
            Some((wanted, None)) => sql.and("d.outcome = ", Bind::Text(wanted.to_owned()), ""),
            None => {}
        }
        if let Some(rule) = &self.rule {
            sql.and("d.rules LIKE ", Bind::Text(format!("% {} %", escaped(rule))), " ESCAPE '\\'");
        }
        if let Some(instance) = &self.instance {
            let inside = format!("d.id IN (SELECT t.id FROM {tables}touched t WHERE t.instance = ");
            sql.and(&inside, Bind::Text(instance.clone()), ")");
        }
        if let Some(text) = &self.text {
            sql.and(&format!("r.body {like} "), Bind::Text(format!("%{}%", escaped(text))), " ESCAPE '\\'");
        }
        if let Some(since) = self.since {
            sql.and("d.id >= ", Bind::Text(first_id(since)), "");
        }
        if let Some(until) = self.until {
            sql.and("d.id < ", Bind::Text(first_id(until)), "");
        }
        if let Some(before) = &self.before {
            sql.and("d.id < ", Bind::Text(before.clone()), "");
        }
        if let Some(after) = self.after {
            sql.and("d.seq > ", Bind::Number(after), "");
        }
        sql
    }

    /// In which order they come.
    pub(super) fn order(&self) -> &'static str {
        match (self.after, self.by_arrival) {
            (Some(_), _) => "d.seq",
            (None, true) => "d.seq DESC",
            (None, false) => "d.id DESC",
        }
    }
}

/// Text in a pattern of LIKE.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Where the ids of decisions begin that were asked at this time: they hold it, in ms (RFC 9562, version 7).
pub(super) fn first_id(at: Timestamp) -> String {
    let digits = format!("{:012X}", at.as_millisecond().max(0));
    let (high, low) = digits.split_at_checked(8).unwrap_or(("FFFFFFFF", "FFFF"));
    format!("T{high}-{low}")
}

/// A time as people write it: RFC 3339, a date (its beginning, UTC), or how long ago: `90m`, `36h`, `7d`.
///
/// # Errors
/// It is none of these.
pub fn moment(text: &str, clock: &Clock) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let begins = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
        return Ok(begins.timestamp());
    }
    let ago: Result<crate::config::units::Time, _> = serde_json::from_value(Value::String(text.to_owned()));
    let ago = ago.map_err(|_| {
        format!(
            "{text:?} is no time; write 2026-12-31, 2026-12-31T10:00:00Z, or 90m, 36h, 7d for how long ago"
        )
    })?;
    let then = clock.since_epoch().checked_sub(ago.0).unwrap_or(Duration::ZERO);
    Timestamp::from_second(i64::try_from(then.as_secs()).unwrap_or(i64::MAX))
        .map_err(|error| error.to_string())
}
