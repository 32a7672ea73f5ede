//! What the audit log of the admin listener says about policies: which came into force when, and by whose order.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// An order is answered at most so long before its policies are seen in force, or a moment after.
const BEFORE: SignedDuration = SignedDuration::from_secs(60);
const AFTER: SignedDuration = SignedDuration::from_secs(5);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// When a revision was seen in force.
    seen: Vec<(Timestamp, String)>,
    /// Orders that brought another revision: when, which, and the line.
    orders: Vec<(Timestamp, String, Value)>,
}

/// Since when policies were in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InForce {
    /// Since when.
    pub since: Timestamp,
    /// Who ordered it; absent where they came from their source by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Value>,
    /// The order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

impl Orders {
    /// Reads audit logs, in any order; what is no line of one is passed over.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(files: &[PathBuf]) -> std::io::Result<Self> {
        let mut orders = Self::default();
        for path in files {
            let file = std::fs::File::open(path)?;
            let packed = path.extension().is_some_and(|end| end == "gz");
            let content: Box<dyn std::io::Read> =
                if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
            for line in BufReader::new(content).lines() {
                let line = line?;
                // Most lines are questions.
                if line.contains("\"policy\"")
                    && let Ok(line) = serde_json::from_str(&line)
                {
                    orders.add(line);
                }
            }
        }
        orders.seen.sort();
        Ok(orders)
    }

    /// An audit log with those that were turned over: whatever begins with its name.
    pub fn beside(log: &Path) -> Vec<PathBuf> {
        let Some(name) = log.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Vec::new();
        };
        let directory =
            log.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let entries =
            std::fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let own = |path: &PathBuf| {
            path.file_name().is_some_and(|found| found.to_string_lossy().starts_with(&name)) && path.is_file()
        };
        entries.filter(own).collect()
    }

    fn add(&mut self, line: Value) {
        let text = |place: &str| line.pointer(place).and_then(Value::as_str);
        let (Some(time), Some(after)) =
            (text("/time").and_then(|time| time.parse().ok()), text("/about/policy/after"))
        else {
            return;
        };
        let after = after.to_owned();
        match text("/stage") {
            Some("policy") => self.seen.push((time, after)),
            Some("answered") if text("/about/policy/before") != Some(after.as_str()) => {
                self.orders.push((time, after, line));
            }
            _ => {}
        }
    }

    /// Since when this revision had been in force at that time.
    pub fn in_force(&self, revision: &str, at: Timestamp) -> Option<InForce> {
        let mut current: Option<(&str, Timestamp)> = None;
        // A request is judged by what is in force a moment before it is seen here.
        let until = at.checked_add(AFTER).unwrap_or(at);
        for (time, seen) in self.seen.iter().take_while(|(time, _)| *time <= until) {
            // Seen again after a restart, it is in force still.
            if current.is_none_or(|(revision, _)| revision != seen) {
                if current.is_some_and(|(found, _)| found == revision) && *time > at {
                    break;
                }
                current = Some((seen, *time));
            }
        }
        let (_, since) = current.filter(|(found, _)| *found == revision)?;
        let near = |time: Timestamp| {
            let distance = since.duration_since(time);
            distance <= BEFORE && distance >= -AFTER
        };
        let order = self.orders.iter().rev().find(|(time, after, _)| after == revision && near(*time));
        let (by, order) = match order {
            Some((.., line)) => {
                let target = line.get("target").and_then(Value::as_str).map(str::to_owned);
                (line.get("by").cloned(), target)
            }
            None => (None, None),
        };
        Some(InForce { since, by, order })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn since_when_and_by_whom() {
        let at = tempfile::tempdir().unwrap();
        let log = at.path().join("admin.jsonl");
        let seen = |time: &str, revision: &str| {
            json!({"time": time, "stage": "policy", "about": {"policy": {"before": null, "after": revision}}})
                .to_string()
        };
        let order = |time: &str, before: &str, after: &str| {
            json!({"time": time, "stage": "answered", "by": {"user": "ada"}, "target": "/policy/promote",
                   "about": {"policy": {"before": before, "after": after}}})
            .to_string()
        };
        std::fs::write(
            log.with_extension("jsonl.1"),
            [seen("2026-01-01T00:00:00Z", "one"), "half a li".to_owned()].join("\n"),
        )
        .unwrap();
        let lines = [
            seen("2026-02-01T00:00:00Z", "one"),
            order("2026-03-01T00:00:00Z", "one", "two"),
            seen("2026-03-01T00:00:00.2Z", "two"),
            order("2026-03-02T00:00:00Z", "two", "two"),
            seen("2026-04-01T00:00:00Z", "one"),
        ];
        std::fs::write(&log, lines.join("\n")).unwrap();
        let orders = Orders::read(&Orders::beside(&log)).unwrap();
        let asked = |revision: &str, at: &str| orders.in_force(revision, at.parse().unwrap());
        let first = asked("one", "2026-02-15T00:00:00Z").unwrap();
        assert_eq!((first.since.to_string(), first.by), ("2026-01-01T00:00:00Z".to_owned(), None));
        let second = asked("two", "2026-03-05T00:00:00Z").unwrap();
        assert_eq!(
            (second.by, second.order),
            (Some(json!({"user": "ada"})), Some("/policy/promote".to_owned()))
        );
        assert_eq!(asked("one", "2026-05-01T00:00:00Z").unwrap().since.to_string(), "2026-04-01T00:00:00Z");
        assert_eq!(asked("two", "2026-05-01T00:00:00Z"), None);
        assert_eq!(asked("one", "2025-05-01T00:00:00Z"), None);
    }
}
