//! A security group of vm and its rules.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::seed;

/// A security group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct SecurityGroup {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) description: String,
    /// `Available`, or for ever `Creating`.
    pub(in crate::emulator) available: bool,
    pub(in crate::emulator) default: bool,
    pub(in crate::emulator) rules: Vec<Rule>,
    pub(in crate::emulator) made: Duration,
}

/// What a rule lets in or out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) struct Rule {
    pub(in crate::emulator) direction: String,
    pub(in crate::emulator) policy: String,
    pub(in crate::emulator) priority: i64,
    pub(in crate::emulator) protocol: String,
    /// `from/to`; -1/-1 for protocols without ports.
    pub(in crate::emulator) ports: String,
    pub(in crate::emulator) cidr: String,
    pub(in crate::emulator) description: String,
}

impl Rule {
    /// Whether it is the same rule: priority and description do not tell two rules apart.
    pub(in crate::emulator) fn is(&self, other: &Self) -> bool {
        self.direction == other.direction
            && self.policy == other.policy
            && self.protocol == other.protocol
            && self.ports == other.ports
            && self.cidr == other.cidr
    }
}

impl SecurityGroup {
    pub(in crate::emulator) fn seeded(seed: &seed::SecurityGroup) -> Self {
        let rule = Rule {
            direction: "ingress".to_owned(),
            policy: "accept".to_owned(),
            priority: 1,
            protocol: "tcp".to_owned(),
            ports: seed.ports.to_owned(),
            cidr: "0.0.0.0/0".to_owned(),
            description: String::new(),
        };
        Self {
            id: seed.id.to_owned(),
            name: seed.name.to_owned(),
            description: seed.description.to_owned(),
            available: seed.status == "Available",
            default: seed.default,
            rules: vec![rule],
            made: seed::MADE,
        }
    }

    /// The word of the API.
    pub(in crate::emulator) fn status(&self) -> &'static str {
        if self.available { "Available" } else { "Creating" }
    }
}
