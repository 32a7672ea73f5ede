//! Moments and lengths of time as people write them in orders: `90d`, `2027-01-31`, `2027-01-31T12:00:00Z`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const UNITS: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600), ("w", 7 * 24 * 3600)];

/// A whole number and its unit.
pub(super) fn length(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*seconds).map(Duration::from_secs)
}

/// `length` from `now`; in whole seconds, as everything that the store keeps.
pub(super) fn after(now: Timestamp, length: Duration) -> Option<Timestamp> {
    let seconds = i64::try_from(length.as_secs()).ok()?;
    Timestamp::from_second(now.as_second().checked_add(seconds)?).ok()
}

/// The first moment at which something no longer counts: a date ends that day (UTC), a length begins now.
pub(super) fn end(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let moment = length(text)
        .and_then(|length| after(now, length))
        .or_else(|| day(text))
        .or_else(|| text.parse().ok());
    match moment {
        None => Err(format!(
            "{text:?} says no moment; write a date (2027-01-31, which ends that day), a time (2027-01-31T12:00:00Z) or a length (90d)"
        )),
        Some(moment) if moment <= now => Err(format!("{text:?} is over already; write one that is to come")),
        Some(moment) => Ok(moment),
    }
}

fn day(text: &str) -> Option<Timestamp> {
    // Exactly a date: a time without an offset would be somebody's guess.
    let date: Date = (text.len() == 10).then(|| text.parse().ok())??;
    Some(date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let now: Timestamp = "2027-01-01T00:00:00.5Z".parse().unwrap();
        for (text, moment) in [
            ("90d", "2027-04-01T00:00:00Z"),
            ("1w", "2027-01-08T00:00:00Z"),
            ("36h", "2027-01-02T12:00:00Z"),
            ("2027-01-31", "2027-02-01T00:00:00Z"),
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
        ] {
            assert_eq!(end(text, now).unwrap(), moment.parse().unwrap(), "{text}");
        }
        for text in [
            "",
            "90",
            "d",
            "-1d",
            "1.5d",
            "2027-13-01",
            "2027-01-31T12:00:00",
            "soon",
            "99999999999999999999d",
        ] {
            assert!(end(text, now).unwrap_err().contains("says no moment"), "{text}");
        }
        for text in ["0s", "2026-12-31", "2027-01-01T00:00:00Z"] {
            assert!(end(text, now).unwrap_err().contains("over already"), "{text}");
        }
    }
}
