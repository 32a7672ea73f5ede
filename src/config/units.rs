//! Durations and sizes as operators write them: `"45s"`, `"500ms"`, `"400d"`, `"1MiB"`.
//!
//! A bare number would leave the unit to memory, so only text with a unit is read.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in a configuration file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time(pub Duration);

/// A number of bytes in a configuration file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size(pub u64);

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
const TIME_HINT: &str = "a duration with its unit (ms, s, m, h or d), such as \"45s\" or \"500ms\"";
const SIZE_HINT: &str = "a size with its unit (B, KiB, MiB or GiB), such as \"1MiB\"";

impl Time {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

/// A whole number directly followed by one of the units.
fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that leaves a whole number.
fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let fitting = units.iter().rev().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor));
    match fitting.or(units.first()) {
        Some((unit, factor)) => format!("{}{unit}", amount / factor),
        None => amount.to_string(),
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_zero() {
            true => f.write_str("0s"),
            false => f.write_str(&show(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIMES)),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(self.0, &SIZES))
    }
}

struct WithUnit {
    units: &'static [(&'static str, u64)],
    hint: &'static str,
}

impl Visitor<'_> for WithUnit {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hint)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        read(text, self.units).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = deserializer.deserialize_str(WithUnit { units: &TIMES, hint: TIME_HINT })?;
        Ok(Self::millis(millis))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WithUnit { units: &SIZES, hint: SIZE_HINT }).map(Self)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_units_only() {
        assert_eq!(read("45s", &TIMES), Some(45_000));
        assert_eq!(read("500ms", &TIMES), Some(500));
        assert_eq!(read("2h", &TIMES), Some(7_200_000));
        assert_eq!(read("1MiB", &SIZES), Some(1 << 20));
        for wrong in [
            "",
            "s",
            "45",
            "45 s",
            "-1s",
            "1.5s",
            "1MB",
            "99999999999999999999s",
            "18446744073709551615h",
            "１s",
        ] {
            assert_eq!(read(wrong, &TIMES), None, "{wrong}");
            assert_eq!(read(wrong, &SIZES), None, "{wrong}");
        }
    }

    #[test]
    fn shows_what_it_reads() {
        for text in ["0s", "1ms", "1500ms", "45s", "1m", "90s", "2h", "36h", "400d"] {
            assert_eq!(Time(Duration::from_millis(read(text, &TIMES).unwrap())).to_string(), text);
        }
        for text in ["0B", "1B", "1KiB", "1536B", "8MiB", "1GiB"] {
            assert_eq!(Size(read(text, &SIZES).unwrap()).to_string(), text);
        }
    }
}
