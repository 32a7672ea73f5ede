//! `[records]` and `[log]`: what the gateway writes down, and where.

use std::path::PathBuf;
use std::str::FromStr as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::check::Checking;
use super::diagnostics::At;

/// The decision records.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRecords {
    /// "stdout", "none" or { file = "decisions.jsonl" }. Standard output by default: whatever collects the logs
    /// collects them, and none is lost unasked.
    pub to: RawRecordsTo,
}

/// Where decision records go.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawRecordsTo {
    /// Standard output, one JSON object a line.
    #[default]
    Stdout,
    /// Nowhere.
    None,
    /// A file that is appended to.
    File(#[schemars(with = "String")] At<PathBuf>),
}

/// The log of the process.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// A level, or a filter such as "info,zengate::quota=debug". "info" by default: one line a request.
    pub level: At<String>,
    /// "json" or "text". JSON by default: logs are read by machines first.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For eyes.
    Text,
}

impl Default for RawLog {
    fn default() -> Self {
        Self { level: "info".to_owned().into(), format: LogFormat::default() }
    }
}

/// The checked `[records]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordsTo {
    /// Standard output.
    Stdout,
    /// Nowhere.
    None,
    /// Appended to this file; its directory was there when it was checked.
    File(PathBuf),
}

/// The checked `[log]`.
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter that parses.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

impl RawRecords {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> RecordsTo {
        let file = match &self.to {
            RawRecordsTo::Stdout => return RecordsTo::Stdout,
            RawRecordsTo::None => return RecordsTo::None,
            RawRecordsTo::File(file) => file,
        };
        let path = checking.directory.join(&**file);
        let place = path.parent().is_some_and(|parent| parent.is_dir());
        if !place || path.is_dir() || file.as_os_str().is_empty() {
            let text =
                format!("{} cannot be a file: create its directory, and name a file in it", path.display());
            checking.findings.at(file, text);
        }
        RecordsTo::File(path)
    }
}

impl RawLog {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Log {
        if self.level.trim().is_empty() || EnvFilter::from_str(&self.level).is_err() {
            let text = format!(
                "{:?} is not a level or filter; write e.g. \"info\" or \"info,zengate::quota=debug\"",
                *self.level
            );
            checking.findings.at(&self.level, text);
        }
        Log { level: (*self.level).clone(), format: self.format }
    }
}
