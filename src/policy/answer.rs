//! What a rule may answer. An unknown member anywhere is an error of the policy, never ignored.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// One thing a request does that a rule forbids (`deny`) or frowns on (`warn`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// The rule: the last part of its package.
    pub rule: String,
    /// What is wrong, for the caller.
    pub message: String,
    /// The field, as a JSON Pointer into the request or a name of the normalised view.
    pub field: String,
    /// What to do about it.
    pub remedy: String,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Plain>,
    /// What would have been allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Plain>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Any JSON, ordered by its text so that violations sort the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Plain(pub serde_json::Value);

impl PartialOrd for Plain {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Plain {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_string().cmp(&other.0.to_string())
    }
}

/// How a patch treats what the request holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Fills what is missing, null or "".
    Default,
    /// Replaces whatever is there.
    Force,
}

/// A change that a rule wants made to a create.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The rule.
    pub rule: String,
    /// Fill or replace.
    pub op: Op,
    /// Where (JSON Pointer).
    pub path: String,
    /// What to put there.
    pub value: Plain,
}

/// Something a create would use up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The rule.
    #[schemars(with = "String")]
    pub rule: CompactString,
    /// Whose, e.g. `team/payments/zone/SEL-A`.
    #[schemars(with = "String")]
    pub scope: CompactString,
    /// `instances`, `vcpus`, `memory_gb`, `disk_gb` or `public_ips`.
    pub resource: Resource,
    /// How much.
    pub amount: u64,
    /// The most; `null` is counted and never refused.
    pub limit: Option<u64>,
    /// What the limit is called, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub name: Option<CompactString>,
    /// Softens the rule's mode for this limit; it cannot harden it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Softened>,
    /// Another limit for some time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary: Option<Temporary>,
}

/// How a limit bites that does not refuse.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Softened {
    /// The caller is warned.
    Warn,
    /// It is recorded only.
    Shadow,
}

/// A limit that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Temporary {
    /// The most until then.
    pub limit: u64,
    /// Its end: an RFC 3339 time, or a bare date, which ends with that day, UTC.
    pub until: String,
    /// Why.
    pub reason: String,
}

/// What quota counts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Machines.
    Instances,
    /// Virtual CPUs.
    Vcpus,
    /// Memory in GB.
    MemoryGb,
    /// Disk in GB, system and data.
    DiskGb,
    /// Public IPv4 addresses.
    PublicIps,
}

/// The answer of `amend`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendAnswer {
    /// The patches.
    pub patches: Vec<Patch>,
}

/// The answer of `decide`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideAnswer {
    /// What is forbidden.
    pub deny: Vec<Violation>,
    /// What is frowned on.
    pub warn: Vec<Violation>,
    /// What it would use up.
    pub quota: Vec<Claim>,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Instances, Self::Vcpus, Self::MemoryGb, Self::DiskGb, Self::PublicIps];

    /// The resource of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.as_str() == name)
    }

    /// The word for messages and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Vcpus => "vcpus",
            Self::MemoryGb => "memory_gb",
            Self::DiskGb => "disk_gb",
            Self::PublicIps => "public_ips",
        }
    }
}
