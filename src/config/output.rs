//! `[records]` and `[log]`: what the gateway writes down, and where.

use std::path::PathBuf;
use std::str::FromStr as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::check::Checking;
use super::diagnostics::At;
use super::remote::RawRemote;
use super::secret_ref::{self, RawSecretRef};
use super::units::Size;
use crate::json::Pointer;
use crate::record::{Plan, Target, WhenFull};

/// The decision records.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRecords {
    /// "stdout", "none", { file = "decisions.jsonl" } or { collector = { url = "https://..." } }. Standard output by default:
    /// whatever collects the logs collects them, and none is lost unasked.
    pub to: RawRecordsTo,
    /// What happens when records cannot be written as fast as they come, or at all: "drop" (the oldest that wait go, counted) or
    /// "block" (creates and changes are refused: none is made without a record).
    pub when_full: RawWhenFull,
    /// How many may wait to be written. 4096: at 2 KB each some 8 MB.
    pub queue: At<usize>,
    /// The size after which a file is turned over. 256MiB: a day of a hundred thousand creates.
    pub rotate_size: At<Size>,
    /// How many files are kept besides the current one.
    pub rotate_keep: At<usize>,
    /// The key by which the lines of a file are chained, by reference: who can write the file but does not know it cannot make
    /// a line that fits. Absent: by SHA-256 alone, which shows damage and edits by hand.
    pub chain_key: Option<At<RawSecretRef>>,
    /// What is erased from each record, as JSON Pointers; a step `*` stands for any: "/request/instanceName", "/caller/address".
    /// What rules quote stands in `/findings/*/asked` and `/refusal` too. Secrets never stand in records.
    #[schemars(with = "Vec<String>")]
    pub mask: Vec<At<String>>,
}

impl Default for RawRecords {
    fn default() -> Self {
        Self {
            to: RawRecordsTo::default(),
            when_full: RawWhenFull::default(),
            queue: 4096.into(),
            rotate_size: Size(256 << 20).into(),
            rotate_keep: 30.into(),
            chain_key: None,
            mask: Vec::new(),
        }
    }
}

/// What happens when records cannot be written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawWhenFull {
    /// The oldest go.
    #[default]
    Drop,
    /// Creates and changes are refused.
    Block,
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
    /// A server that takes gzipped JSON arrays by POST, as OPA's decision logs are sent.
    Collector(Box<RawRemote>),
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

/// The checked `[log]`.
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter that parses.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

impl RawRecords {
    pub(super) fn check(&self, checking: &mut Checking<'_, '_>) -> Plan {
        let when_full = match self.when_full {
            RawWhenFull::Drop => WhenFull::Drop,
            RawWhenFull::Block => WhenFull::Block,
        };
        let mask = self.mask.iter().filter_map(|raw| {
            let pointer: Option<Pointer> = raw.parse().ok().filter(|_| raw.starts_with('/'));
            if pointer.is_none() {
                let text = format!("{:?} is not a JSON Pointer; write e.g. \"/request/instanceName\"", **raw);
                checking.findings.at(raw, text);
            }
            pointer.map(|pointer| pointer.tokens().to_vec())
        });
        let mask = mask.collect();
        let chain_key = self.chain_key.as_ref().and_then(|raw| secret_ref::key(raw, checking));
        Plan { target: self.target(checking), when_full, queue: checking.count(&self.queue), chain_key, mask }
    }

    fn target(&self, checking: &mut Checking<'_, '_>) -> Target {
        let file = match &self.to {
            RawRecordsTo::Stdout => return Target::Stdout,
            RawRecordsTo::None => return Target::None,
            RawRecordsTo::Collector(remote) => {
                let remote = remote.check(&["records", "to", "collector"], checking);
                return remote.map_or(Target::None, Target::Collector);
            }
            RawRecordsTo::File(file) => file,
        };
        let path = checking.directory.join(&**file);
        let place = path.parent().is_some_and(|parent| parent.is_dir());
        if !place || path.is_dir() || file.as_os_str().is_empty() {
            let text =
                format!("{} cannot be a file: create its directory, and name a file in it", path.display());
            checking.findings.at(file, text);
        }
        Target::File(path, self.rotate_size.0, *self.rotate_keep)
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
