//! Times, tags and disks, as the answers of every product show them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::emulator::world::Disk;

/// `YYYY-MM-DDThh:mm:ssZ`.
pub(super) fn time(at: Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The end of a subscription; a month counts 30 days.
pub(super) fn end(created: Duration, period: Option<i64>) -> Option<Duration> {
    let months = u64::try_from(period?).ok()?;
    Some(created.saturating_add(Duration::from_secs(months.saturating_mul(30 * 86_400))))
}

/// The tags of a thing, as every product nests them.
pub(super) fn bound_tags(tags: &[(String, String)]) -> Value {
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({ "tags": tags })
}

pub(super) fn disk(disk: &Disk) -> Value {
    json!({ "diskId": disk.id, "diskSize": disk.size, "diskCategory": disk.category })
}
