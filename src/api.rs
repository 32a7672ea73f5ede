//! What can be asked of the cloud: services, actions, versions, fields. Knows no HTTP.
//!
//! An action is named by (service, name, version): the same name exists on several services, and neither of the three
//! is covered by the cloud's signature, so all are claims until [`catalog::lookup`] has matched them to the letter.

pub mod catalog;
pub mod fields;
pub mod mistake;
pub mod names;
pub mod secrets;
pub mod targets;
pub mod view;

/// How the gateway guards an action.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Changes nothing: checked against the key's allowed actions only, forwarded byte for byte.
    Read,
    /// Makes machines: parsed by a field table, amended, judged, booked.
    Create,
    /// Everything else that changes something: judged; only what a rule lists may pass.
    Change,
}

impl Kind {
    /// The word for labels and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Change => "change",
        }
    }
}

/// One action of the vendor's API.
#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// The last part of the path: `vm`, `bmc`, `zec` ...
    pub service: &'static str,
    /// The spelling that the cloud uses and that is forwarded.
    pub name: &'static str,
    /// The versions that know this action, oldest first; never empty.
    pub versions: &'static [&'static str],
    /// How it is guarded.
    pub kind: Kind,
}

/// An action in one version: what a request asks for once it has been routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The action.
    pub action: &'static Action,
    /// One of the action's versions.
    pub version: &'static str,
}

impl Call {
    /// The table of fields, for the actions that create machines.
    pub fn fields(&self) -> Option<&'static fields::Table> {
        fields::table(self.action.service, self.action.name, self.version)
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.action.service, self.action.name, self.version)
    }
}
